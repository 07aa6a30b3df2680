"""A product that is as broken as it is told to be."""
