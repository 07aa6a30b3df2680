"""llama_cpp loads llama.cpp's libraries through ctypes from its folder `lib`."""

from PyInstaller.utils.hooks import collect_dynamic_libs

binaries = collect_dynamic_libs("llama_cpp")
