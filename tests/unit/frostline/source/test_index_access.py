"""What uv and pip are told about the index."""

from frostline.source import index_access


def test_of_pip() -> None:
    """Pip's settings are given to uv, too."""
    found = index_access.variables(
        {
            "PIP_INDEX_URL": "https://me:secret@a.example/",
            "PIP_EXTRA_INDEX_URL": "https://b.example/ https://c.example/",
            "PIP_FIND_LINKS": "/one /two",
        }
    )
    assert found["UV_DEFAULT_INDEX"] == "https://me:secret@a.example/"
    assert found["UV_INDEX"] == "https://b.example/ https://c.example/"
    assert found["UV_FIND_LINKS"] == "/one,/two"


def test_of_uv() -> None:
    """The settings of uv are given to pip, too, with the credentials that uv has by name."""
    found = index_access.variables(
        {
            "UV_INDEX_URL": "https://a.example/",
            "UV_INDEX": "our-own=https://b.example/x https://c.example/?a=b",
            "UV_INDEX_OUR_OWN_USERNAME": "me",
            "UV_INDEX_OUR_OWN_PASSWORD": "s/t",
        }
    )
    assert found["PIP_INDEX_URL"] == "https://a.example/"
    assert found["PIP_EXTRA_INDEX_URL"] == "https://me:s%2Ft@b.example/x https://c.example/?a=b"


def test_of_both() -> None:
    """Where both are set, each keeps its own; a lock's indexes are added to both."""
    given = {"PIP_INDEX_URL": "https://a.example/", "UV_DEFAULT_INDEX": "https://b.example/"}
    found = index_access.variables(given, ["https://c.example/"])
    assert found.items() >= given.items()
    assert found["UV_INDEX"] == found["PIP_EXTRA_INDEX_URL"] == "https://c.example/"


def test_certificates() -> None:
    """Uv trusts what the system trusts, unless the user says otherwise."""
    assert index_access.variables({})["UV_SYSTEM_CERTS"] == "true"
    assert "UV_SYSTEM_CERTS" not in index_access.variables({"UV_NATIVE_TLS": "false"})
