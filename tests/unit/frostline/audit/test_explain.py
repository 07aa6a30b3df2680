"""Ways through the graph of imports."""

from frostline.audit.explain import chain, only_through

GRAPH = {
    "entry.py": ("app", "late"),
    "app": ("a", "b"),
    "a": ("a.inner", "shared"),
    "a.inner": ("heavy",),
    "b": ("shared",),
    "heavy": ("heavier", "app"),
    "heavier": (),
    "shared": (),
    "late": (),
    "lost": ("shared",),
}


def test_the_shortest_way() -> None:
    """From a script to the module; nothing where nobody imports it."""
    assert chain(GRAPH, "heavy") == ("entry.py", "app", "a", "a.inner", "heavy")
    assert chain(GRAPH, "late") == ("entry.py", "late")
    assert chain(GRAPH, "entry.py") == ("entry.py",)
    assert chain(GRAPH, "lost") == ()


def test_what_would_go_with_it() -> None:
    """All that nobody else needs, the modules below it too; not what is shared."""
    assert only_through(GRAPH, "a") == {"a", "a.inner", "heavy", "heavier"}
    assert only_through(GRAPH, "shared") == {"shared"}
    assert only_through(GRAPH, "lost") == frozenset()
