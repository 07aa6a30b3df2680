"""General tools: errors, log, processes, platforms, paths, digests, archives, native files.

Knows nothing of products and imports no other package of frostline.
"""
