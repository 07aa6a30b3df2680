"""The model server: llamafile's command lines by version, GGUF and APE files, preparation.

Every length and offset in a model file is checked before it is used. Nothing here starts the server
or watches it: that is the task of `supervision`.
"""
