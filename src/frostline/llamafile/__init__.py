"""Serves a model on this machine with a llamafile, packs llamafiles, and reads them.

Nothing here builds a product. The command lines of llamafile versions are in
`frostline_runtime.model`.
"""
