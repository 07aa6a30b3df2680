"""From a bundle that is good to what is shipped: archives, bills of materials, signatures, shells, releases.

Nothing here changes a bundle's content, except a signature.
"""
