"""Plain tools that know no product: errors, logging, child processes, platforms, paths, digests, archives.

Nothing here may import another package of frostline.
"""
