"""Addresses without credentials."""

import pytest

from frostline.source import addresses


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://me:secret@index.example/simple/", "https://index.example/simple/"),
        ("see https://token@a.example/b and x@y", "see https://a.example/b and x@y"),
        ("https://me:p@ss@index.example/a@b", "https://index.example/a@b"),
        ("ssh://git@host.example/a.git@12ab", "ssh://git@host.example/a.git@12ab"),
        ("https://index.example/simple/", "https://index.example/simple/"),
    ],
)
def test_credentials(given: str, expected: str) -> None:
    """Users, passwords and tokens before a host are left out, and nothing else."""
    assert addresses.public(given) == expected
