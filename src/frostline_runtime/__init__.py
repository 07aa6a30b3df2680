"""The code that runs in every frozen artifact. Uses the standard library only."""
