"""Defines and records verbs: a function, how to show its result, and its exit code."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Literal, ParamSpec, TypeVar, get_args

P = ParamSpec("P")
T = TypeVar("T")

Body = Callable[..., object]  # type: ignore[explicit-any]  # each verb has its own flags
Group = Literal["Build", "Prove", "Look", "Ship", "Project", "Model"]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A verb of the command line.

    *show* prints the result of *body* for people, *as_json* returns it as JSON text (default: all
    fields), *code* returns the exit code for it.
    *project* says whether it needs a project.
    """

    body: Body
    group: Group
    show: Callable[[object], None]
    as_json: Callable[[object], str] | None
    code: Callable[[object], int]
    project: bool = True

    @property
    def name(self) -> str:
        """Return the verb's name on the command line."""
        return self.body.__name__.strip("_")

    @property
    def summary(self) -> str:
        """Return the first line of the docstring."""
        return (self.body.__doc__ or "").strip().partition("\n")[0]


VERBS: dict[str, Verb] = {}


def _success(_: object) -> int:
    return 0


def verb(
    group: Group, *, show: Callable[[T], None], as_json: Callable[[T], str] | None = None,
    code: Callable[[T], int] = _success, project: bool = True,
) -> Callable[[Callable[P, T | Generator[T]]], Callable[P, T | Generator[T]]]:  # fmt: skip
    """Record a function as a verb of *group* that shows its result, as JSON with --json.

    A generator's results are shown one by one, for example before it waits for Ctrl-C.
    """

    def record(body: Callable[P, T | Generator[T]]) -> Callable[P, T | Generator[T]]:
        recorded = Verb(body=body, group=group, show=show, as_json=as_json, code=code)  # type: ignore[arg-type]  # T is the result of this body
        VERBS[recorded.name] = replace(recorded, project=project)
        return body

    return record
