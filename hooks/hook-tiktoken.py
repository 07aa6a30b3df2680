"""tiktoken finds its encodings by walking the namespace package tiktoken_ext."""

from PyInstaller.utils.hooks import collect_submodules

hiddenimports = ["tiktoken_ext", *collect_submodules("tiktoken_ext")]
