"""Pins as hashed requirements."""

import pytest

from frostline.core.errors import LockError
from frostline.source import conditions, pins
from frostline.source.pins import Pin


def test_text() -> None:
    """The text is sorted and normalised, keeps markers, and leaves out the product."""
    windows = conditions.parse('os_name == "nt"')
    text = pins.render(
        [
            Pin("Zope.Interface", "2", ("sha256:b", "sha256:a")),
            Pin("shop", "1", ()),
            Pin("colorama", "1", ("sha256:c",), windows),
            Pin("never", "1", ("sha256:d",), conditions.NEVER),
        ],
        without="Shop",
    )
    assert text == (
        'colorama==1 ; os_name == "nt" \\\n    --hash=sha256:c\n'
        "zope-interface==2 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\n"
    )


def test_one_version_twice() -> None:
    """A version that is named twice is needed where either is, and has the hashes of both."""
    windows, mac = conditions.parse('os_name == "nt"'), conditions.parse('sys_platform == "darwin"')
    text = pins.render([Pin("a", "1", ("sha256:x",), windows), Pin("a", "1", ("sha256:y",), mac)])
    assert text == (
        'a==1 ; os_name == "nt" or sys_platform == "darwin" \\\n'
        "    --hash=sha256:x \\\n    --hash=sha256:y\n"
    )


def test_without_hash() -> None:
    """A pin without a hash is an error that names it."""
    with pytest.raises(LockError, match=r"no hash for a 1\."):
        pins.render([Pin("a", "1", ())])


def test_algorithm() -> None:
    """Of several algorithms one is kept; those that installers refuse are none."""
    assert pins.strongest({"sha512": "b", "sha256": "a", "md5": "c"}) == ("sha256:a",)
    assert pins.strongest({"md5": "c"}) == ()
