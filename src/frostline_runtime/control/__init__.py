"""The local API of a running artifact: access rules, HTTP server and routes.

Listens on the loopback interface only. It decides nothing: the
supervisor carries out what is asked.
"""
