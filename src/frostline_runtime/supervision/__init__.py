"""Keeping services alive: states and transitions, processes, probes, output and history.

`transitions` is pure; only `supervisor` and `processes` act.
"""
