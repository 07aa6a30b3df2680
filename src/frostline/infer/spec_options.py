"""The options of PyInstaller's spec: which are keys, which have no effect, what to do instead."""

# Options without effect here, while they have these values; others are listed.
HARMLESS: dict[str, tuple[object, ...]] = {
    "cipher": (None,), "win_no_prefer_redirects": (False, True), "noarchive": (False,),
    "win_private_assemblies": (False, True), "debug": (False,), "upx": (False,),
    "bootloader_ignore_signals": (False,), "upx_exclude": ([], ()), "runtime_tmpdir": (None,),
    "disable_windowed_traceback": (False,), "argv_emulation": (False,), "target_arch": (None,),
    "exclude_binaries": (True, False), "append_pkg": (True, False), "hide_console": (None,),
    "uac_uiaccess": (False,), "embed_manifest": (True,), "resources": ([], None),
    "codesign_identity": (None,), "entitlements_file": (None,), "icon": (None, [], "NONE"),
    "version": (None,), "manifest": (None,), "splash": (None,), "bundle_identifier": (None,),
}  # fmt: skip
ADVICE = {
    "upx": "executables are never compressed with UPX: leave it out",
    "upx_exclude": "executables are never compressed with UPX: leave it out",
    "cipher": "PyInstaller no longer encrypts bytecode: leave it out",
    "noarchive": 'write module_collection_mode = { PACKAGE = "py" } for what needs its files',
    "debug": "the bootloader's debug output has no key: leave it out",
    "target_arch": "choose the platform with --platform",
    "runtime_tmpdir": "where an artifact unpacks itself is its user's choice: leave it out",
    "name": "executables have the product's name: name the product so",
    "MERGE": "executables of one bundle share their files: leave it out",
}
# Options that are keys of the same meaning.
KEYS = {
    "hiddenimports": "hidden_imports", "excludes": "excludes", "hooksconfig": "hooksconfig",
    "hookspath": "hooks", "runtime_hooks": "runtime_hooks", "optimize": "optimize",
    "module_collection_mode": "module_collection_mode", "console": "console", "strip": "strip",
    "version": "version_file", "manifest": "manifest", "uac_admin": "uac_admin",
    "contents_directory": "contents_directory", "codesign_identity": "signing.identity",
    "entitlements_file": "signing.entitlements", "bundle_identifier": "about.identifier",
}  # fmt: skip
PATHS = {"hookspath", "runtime_hooks", "version", "manifest", "entitlements_file"}
DEFAULTS: dict[str, object] = {"console": True, "strip": False, "optimize": -1, "uac_admin": False}
