"""Makes what is shipped from a bundle: archives, bills of materials, signatures, releases.

Nothing here changes the content of a bundle except by signing it.
"""
