"""What comes with argo as text: the defaults, the system prompt and the providers."""

from datetime import date
from string import Template

import yaml
from pydantic import BaseModel, ConfigDict

from argo.resources import resource


class Defaults(BaseModel):
    """The fields of `configs/defaults.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    assistant: str
    history_messages: int
    title_length: int


class Provider(BaseModel):
    """A kind of model server that argo can be pointed at, from its `provider.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    description: str
    remote: bool
    base_url: str
    needs_key: bool


def load_defaults() -> Defaults:
    """Read the defaults."""
    text = resource("configs", "defaults.yaml").read_text(encoding="utf-8")
    return Defaults.model_validate(yaml.safe_load(text))


def load_providers() -> tuple[Provider, ...]:
    """Read all providers, by name."""
    files = sorted(resource("providers").glob("*/provider.yaml"))
    return tuple(
        Provider.model_validate(
            {"name": file.parent.name, **yaml.safe_load(file.read_text(encoding="utf-8"))}
        )
        for file in files
    )


def load_system_prompt() -> Template:
    """Read the template of the system prompt."""
    return Template(resource("templates", "system_prompt.txt").read_text(encoding="utf-8"))


def system_prompt(template: Template, defaults: Defaults, today: date) -> str:
    """Fill in the *template* of the system prompt for *today*."""
    return template.substitute(assistant=defaults.assistant, date=today.isoformat()).strip()
