"""What a product is made of: its wheel, its clean environment, its resources, laid out as a stage.

Nothing here starts the product or knows what PyInstaller does with it.
"""
