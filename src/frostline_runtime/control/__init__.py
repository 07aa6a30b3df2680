"""The local API of a running artifact: who may ask, the HTTP server, the routes.

Listens on the loopback interface only.
"""
