"""The lines of keys, for messages."""

import pytest

from frostline.profile import toml_file

TEXT = """\
schema = 1
[storage]
variable = "A"  # [not.a.table]
list = [
  "x = 1",
  { a = 1 },
]
[[services]]
name = "one"
port.number = 1
[[services]]
name = "two"
[services.startup]
path = "/"
"quoted key" = 1
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("schema",), 1),
        (("storage", "variable"), 3),
        (("storage", "list"), 4),
        (("storage", "list", 0), 4),
        (("services", 0, "name"), 9),
        (("services", 0, "port", "number"), 10),
        (("services", 1, "name"), 12),
        (("services", 1, "startup", "path"), 14),
        (("services", 1, "startup", "quoted key"), 15),
        (("services", 1, "startup", "absent"), 13),
        (("nothing", "at", "all"), 1),
    ],
)
def test_line_of_a_key(key: toml_file.Key, line: int) -> None:
    """Arrays of tables are counted; strings and comments are skipped."""
    assert toml_file.find(toml_file.index(TEXT), key) == line
