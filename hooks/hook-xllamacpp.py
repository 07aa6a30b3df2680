"""Collects the metadata of xllamacpp, and leaves out gguf and numpy.

`memory.py` imports gguf and numpy only to estimate the GPU layers of other models.
"""

from PyInstaller.utils.hooks import copy_metadata

datas = copy_metadata("xllamacpp")
excludedimports = ["gguf", "numpy"]
