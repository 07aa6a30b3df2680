"""Keys that would have no effect are mistakes, wherever they stand."""

import tomllib

import pytest

from frostline.profile import no_effect

ONE = "[[services]]\nname = 'api'\n"
REQUEST = "[[smoke.requests]]\nname = 'x'\npath = '/'\n"


def said(text: str) -> list[str]:
    """Return the mistakes of the profile *text*."""
    found = no_effect.find(tomllib.loads(text))
    return [f"{'.'.join(map(str, key))}: {reason}" for key, reason in found]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            f"{ONE}{REQUEST}equals = 'ok'",
            "smoke.requests.0.equals: has no effect without pointer",
        ),
        (f"{ONE}{REQUEST}at_least = 1", "smoke.requests.0.at_least: has no effect without pointer"),
        (
            f"{ONE}{REQUEST}pointer = '/a'\nequals = '1'\nat_least = 1",
            "smoke.requests.0.at_least: has no effect beside equals",
        ),
        (
            f"{ONE}{REQUEST}service = 'apo'",
            'smoke.requests.0.service: there is no service "apo". Did you mean "api"?',
        ),
        (REQUEST, "smoke.requests: has no effect: the product has no services"),
        (
            "console_scripts = ['a']",
            "console_scripts: has no effect: the product has no services",
        ),
        (
            "[smoke]\nentry_points = ['a']",
            "smoke.entry_points: has no effect: the product has no services",
        ),
        (
            f"{ONE}[model_server]\nvariable = 'A'\ncontext = 5",
            "model_server.context: has no effect: no service is of kind llamafile",
        ),
        (
            f"{ONE}kind = 'command'\nentry = 'a:b'",
            'services.0.entry: has no effect with kind "command", only with entry',
        ),
        (
            f"{ONE}command = ['a']",
            'services.0.command: has no effect with kind "entry", only with command',
        ),
        (f"{ONE}python = '3.12'", "services.0.python: has no effect without script"),
        (
            f"{ONE}port = {{ mode = 'announced', by = 'argument' }}",
            (
                'services.0.port.by: has no effect with mode "announced", '
                "only with fixed or prefer or ephemeral"
            ),
        ),
        (
            f"{ONE}port = {{ pattern = '(x)' }}",
            'services.0.port.pattern: has no effect with mode "prefer", only with announced',
        ),
        (
            f"{ONE}startup = {{ kind = 'tcp', path = '/' }}",
            'services.0.startup.path: has no effect with kind "tcp", only with http',
        ),
        (
            f"{ONE}liveness = {{ equals = 'ok' }}",
            "services.0.liveness.equals: has no effect without pointer",
        ),
        (
            f"{ONE}liveness = {{ pointer = '/ok' }}",
            "services.0.liveness.pointer: has no effect without equals",
        ),
    ],
)
def test_a_key_without_effect(text: str, mistake: str) -> None:
    """It is named with the reason."""
    assert said(text) == [mistake]


def test_keys_with_effect() -> None:
    """The same keys are right where something reads them."""
    text = f"""console_scripts = ['a']
{ONE}entry = 'a:b'
script = 'a.py'
python = '3.12'
port = {{ mode = 'fixed', number = 80, variable = 'PORT', by = 'environment' }}
startup = {{ path = '/up', pointer = '/ok', equals = 'True' }}
[[services]]
name = 'llm'
kind = 'llamafile'
[model_server]
context = 5
{REQUEST}pointer = '/a'
at_least = 1
"""
    assert said(text) == []
