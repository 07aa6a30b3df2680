"""From a good bundle to what is shipped: archives, bills of materials, signatures, releases.

Nothing here changes a bundle's content, except a signature.
"""
