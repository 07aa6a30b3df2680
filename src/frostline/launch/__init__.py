"""Running a product, from source or frozen, and exercising it: its commands, its requests, its evidence.

Nothing here judges: a verdict belongs to `audit` and `smoke`.
"""
