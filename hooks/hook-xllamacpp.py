"""xllamacpp's compiled module names its Python imports where analysis cannot see them.

`memory.py` imports gguf, and numpy with it, only to estimate GPU layers of foreign files.
"""

from PyInstaller.utils.hooks import copy_metadata

datas = copy_metadata("xllamacpp")
excludedimports = ["gguf", "numpy"]
