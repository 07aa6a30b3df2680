"""A model server with llamafile's command line and a model of half a megabyte."""
