"""Collects llama.cpp's libraries, which llama_cpp loads from its folder `lib` with ctypes."""

from PyInstaller.utils.hooks import collect_dynamic_libs

binaries = collect_dynamic_libs("llama_cpp")
