"""Services of a profile, as they would stand in TOML, and the port that a program's code names."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from frostline.infer.scopes import Scope, text_of

Port = Mapping[str, object]
ANY_PORT: Port = {"mode": "ephemeral"}
PORT_ARGUMENT: Port = {"mode": "ephemeral", "by": "argument"}


@dataclass(frozen=True)
class Service:
    """One service of a product, and *where* it was seen. Without *port* it is a worker."""

    name: str
    entry: str
    where: str
    serve: str = ""
    arguments: tuple[str, ...] = ()
    port: Port | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    grace: float | None = None

    def as_toml(self) -> dict[str, object]:
        """Return the table of the profile."""
        table: dict[str, object] = {"name": self.name, "entry": self.entry}
        if self.serve:
            table["serve"] = self.serve
        if self.arguments:
            table["arguments"] = list(self.arguments)
        if self.port is not None:
            table["port"] = dict(self.port)
        if self.environment:
            table["environment"] = dict(self.environment)
        if self.grace is not None:
            table["grace"] = self.grace
        return table


def service_name(text: str, taken: set[str]) -> str:
    """Return a name for a service like *text* that is none of *taken*."""
    name = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_0123456789") or "service"
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    return unique


def fixed_port(number: int) -> Port:
    """Return the port of a program that listens on *number* and nowhere else."""
    return {"mode": "fixed", "number": number, "by": "environment"}


def port_in_code(node: ast.expr | None, scope: Scope) -> Port | None:
    """Return the port that *node* stands for: a number, or a variable of the environment."""
    if isinstance(node, ast.Name):
        node = scope.values.get(node.id)
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value:
        return fixed_port(node.value)
    for part in ast.walk(node) if node else ():
        name = ""
        if isinstance(part, ast.Call) and part.args:
            if scope.full_name(part.func) in {"os.getenv", "os.environ.get"}:
                name = text_of(part.args[0])
        elif isinstance(part, ast.Subscript) and scope.full_name(part.value) == "os.environ":
            name = text_of(part.slice)
        if name:
            return {"mode": "ephemeral", "by": "environment", "variable": name}
    return None
