"""Runs a product, from source or frozen, and exercises it with commands and requests.

Nothing here makes a verdict: that is the task of `audit` and `smoke`.
"""
