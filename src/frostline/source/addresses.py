"""Addresses as people may see them: without credentials."""

import re

# A user and password, or a token, before the host. A password may contain `@`.
_CREDENTIALS = re.compile(r"(?<=://)[^/\s\"'<>]+@")


def public(text: str) -> str:
    """Return *text* without the credentials of the addresses in it.

    `git@host`, the user that hosts of repositories have for everybody, stays.
    """
    return _CREDENTIALS.sub(lambda found: "git@" if found[0] == "git@" else "", text)
