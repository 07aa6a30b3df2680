"""Serves a model on this machine with a llamafile, packs llamafiles, and reads them.

The command lines of llamafile versions are in `frostline_runtime.model`.
"""
