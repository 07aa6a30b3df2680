"""A llamafile on its own: serving a model on this machine, packing one, reading one.

How its command line looks by version is the run time's (`frostline_runtime.model`).
"""
