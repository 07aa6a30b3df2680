"""Argo: a chat backend for a local model server."""
