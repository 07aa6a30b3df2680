"""Counts with C."""
