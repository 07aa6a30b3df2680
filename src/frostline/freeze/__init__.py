"""From a stage to a bundle: the plan, the manifest, PyInstaller, and what is pruned.

Whatever goes into a bundle is decided here and written to `plan.json`.
"""
