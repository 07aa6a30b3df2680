"""The model server: llamafile's command line by version, GGUF and APE files, preparation.

The formats are read, never trusted.
"""
