"""Prepares what a product is made of: its wheel, environment and resources, laid out as a stage.

Nothing here starts the product or depends on PyInstaller.
"""
