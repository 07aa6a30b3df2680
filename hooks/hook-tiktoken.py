"""Collects the modules of the namespace package tiktoken_ext, where tiktoken finds encodings."""

from PyInstaller.utils.hooks import collect_submodules

hiddenimports = ["tiktoken_ext", *collect_submodules("tiktoken_ext")]
