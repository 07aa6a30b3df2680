"""Starts services and keeps them running: states, restarts, processes, probes, output, history.

`transitions` decides and has no side effects; `supervisor` and `processes` carry out.
"""
