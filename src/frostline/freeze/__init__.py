"""Makes a bundle from a stage: plan, manifest, PyInstaller, provenance, pruning.

Everything that goes into a bundle is decided here and written to `plan.json`.
"""
