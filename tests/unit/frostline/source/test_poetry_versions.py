"""Poetry's versions."""

import pytest

from frostline.source import poetry_versions


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("*", ["1", "2rc1"], []),
        ("^1.2", ["1.2", "1.9"], ["1.1", "2.0"]),
        ("^0.3.1", ["0.3.1", "0.3.9"], ["0.4", "0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("^0", ["0.9"], ["1"]),
        ("~1.4.2", ["1.4.9"], ["1.5"]),
        ("~1", ["1.9"], ["2"]),
        ("~=1.4", ["1.9"], ["2", "1.3"]),
        ("2.*", ["2.7"], ["3"]),
        ("1.2.3", ["1.2.3"], ["1.2.4"]),
        ("=1.2.3", ["1.2.3"], ["1.2.4"]),
        (">=1.0,<2.0 || >=3", ["1.5", "3.1"], ["2.5", "0.9"]),
        (">=1.0 <2.0", ["1.5"], ["2.5"]),
        (">= 1.0, != 1.5", ["1.6"], ["1.5"]),
        ("<1.0 || >1.0", ["0.9", "1.1"], ["1.0"]),
    ],
)
def test_allows(text: str, yes: list[str], no: list[str]) -> None:
    """Carets, tildes, wildcards and alternatives allow what Poetry's documentation says."""
    assert [version for version in (*yes, *no) if poetry_versions.allows(text, version)] == yes
