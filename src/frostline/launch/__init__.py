"""Running a product, from source or frozen, and exercising it: commands, requests, evidence.

Nothing here judges: a verdict belongs to `audit` and `smoke`.
"""
