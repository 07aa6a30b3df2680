"""The user's settings in settings.toml or settings.json."""

from pathlib import Path

import pytest

from frostline_runtime.artifact import override
from frostline_runtime.artifact.manifest import Manifest, ModelServer, Port, Service

SHIPPED = Manifest(
    product="p", name="p", version="1", layout="onedir", entry="",
    services=(
        Service(name="api", port=Port(number=9019), environment={"A": "1"}),
        Service(name="llm", kind="llamafile"),
    ),
    model_server=ModelServer(context=2048),
)  # fmt: skip


def test_good_settings(tmp_path: Path) -> None:
    """TOML settings replace values of the manifest; tables are merged."""
    (tmp_path / "settings.toml").write_text(
        '[services.api]\nport = 9100\nenvironment = { B = "2" }\n'
        "[services.llm]\nenabled = false\n"
        '[model_server]\ncontext = 4096\narguments = ["-t", "4"]\n',
        encoding="utf-8",
    )
    changed, problems = override.load(SHIPPED, tmp_path)
    assert problems == []
    api, llm = changed.services
    assert (api.port, dict(api.environment)) == (Port(number=9100), {"A": "1", "B": "2"})
    assert not llm.enabled
    assert changed.model_server == ModelServer(context=4096, arguments=("-t", "4"))


def test_mistakes(tmp_path: Path) -> None:
    """Each mistake is reported with its key; the other settings are applied."""
    (tmp_path / "settings.json").write_text(
        '{"services": {"api": {"port": 99999, "grase": 1, "grace": 2}, "apo": {}},'
        ' "model_server": {"context": "big"}, "extra": 1}',
        encoding="utf-8",
    )
    changed, problems = override.load(SHIPPED, tmp_path)
    text = "\n".join(problems)
    for part in (
        "services.api.port is 99999, expected 1 to 65535",
        "services.api.grase is unknown. Did you mean services.api.grace?",
        "services.apo is unknown. Did you mean services.api?",
        "model_server.context is 'big', expected a whole number",
        "extra is unknown.",
    ):
        assert part in text
    assert len(problems) == 5
    assert changed.services[0].port == Port(number=9019)
    assert changed.services[0].grace == 2


@pytest.mark.parametrize("text", ["[services", "services = 1", ""])
def test_broken_files(tmp_path: Path, text: str) -> None:
    """A file that cannot be read is reported and changes nothing."""
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    changed, problems = override.load(SHIPPED, tmp_path)
    assert changed == SHIPPED
    assert bool(problems) == bool(text)


def test_no_file_and_no_storage(tmp_path: Path) -> None:
    """Without a file or a storage folder the manifest is unchanged."""
    assert override.load(SHIPPED, tmp_path) == (SHIPPED, [])
    assert override.load(SHIPPED, None) == (SHIPPED, [])
