"""What is told of the indexes that a lock names."""

from pip._internal.models.index import PyPI

from frostline.source import pins


def test_private_indexes() -> None:
    """The public index is none of them; each other one is told once."""
    own = "https://me:secret@index.example/simple"
    assert pins.private([own, PyPI.simple_url, "", own]) == (own,)
