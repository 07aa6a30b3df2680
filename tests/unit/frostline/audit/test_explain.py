"""Chains in the graph of imports."""

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
    """The chain is the shortest one from a script; it is empty for an unused module."""
    assert chain(GRAPH, "heavy") == ("entry.py", "app", "a", "a.inner", "heavy")
    assert chain(GRAPH, "late") == ("entry.py", "late")
    assert chain(GRAPH, "entry.py") == ("entry.py",)
    assert chain(GRAPH, "lost") == ()


def test_what_would_go_with_it() -> None:
    """Only submodules and modules that nothing else imports would leave with a module."""
    assert only_through(GRAPH, "a") == {"a", "a.inner", "heavy", "heavier"}
    assert only_through(GRAPH, "shared") == {"shared"}
    assert only_through(GRAPH, "lost") == frozenset()
