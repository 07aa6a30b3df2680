"""An application of a project, and its place among several."""

from dataclasses import dataclass

from frostline.infer import frameworks, module_names
from frostline.infer.frameworks import Kind

_CONVENTIONAL_MODULES = ("asgi", "wsgi", "main", "app", "application", "server", "api", "web")


@dataclass(frozen=True)
class Application:
    """An ASGI or WSGI application of the project: *entry* as in a profile, and where it stands."""

    entry: str
    serve: Kind
    file: str
    line: int

    @property
    def where(self) -> str:
        """Return `file:line`."""
        return f"{self.file}:{self.line}"


def attribute_of(application: Application) -> str:
    """Return the name in its module, without what is called or served of it."""
    return application.entry.partition(":")[2].removesuffix("()").removesuffix(".server")


def rank(application: Application) -> tuple[object, ...]:
    """Return the place of *application* among several: the lower, the likelier."""
    module, _, target = application.entry.partition(":")
    name = attribute_of(application)
    names = frameworks.FACTORIES if target.endswith("()") else frameworks.CONVENTIONAL
    last = module.rpartition(".")[2]
    return (
        module_names.aside(application.file),
        name.startswith("_"),
        name not in names,
        target.endswith("()"),
        module.count("."),
        _place(last, _CONVENTIONAL_MODULES),
        _place(name, names),
        application.entry,
    )


def _place(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)
