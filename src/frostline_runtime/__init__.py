"""What runs inside every frozen artifact: standard library only."""
