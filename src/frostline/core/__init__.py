"""Plain tools that know no product: errors, log, processes, platforms, paths, digests, archives.

Nothing here may import another package of frostline.
"""
