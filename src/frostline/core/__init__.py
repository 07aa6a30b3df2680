"""General tools: errors, log, processes, platforms, paths, digests, archives, native files.

Reads no profile and imports no other package of frostline.
"""
