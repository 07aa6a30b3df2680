"""frostline's own wheel in an empty environment."""

import subprocess
import sys
from pathlib import Path

import pytest
from strangers import own_wheel


@pytest.fixture(scope="module")
def frostline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command of frostline's own wheel, installed with pip into an empty environment."""
    folder = tmp_path_factory.mktemp("frostline")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", str(own_wheel(folder))], check=True)
    return python.with_name("frostline")


def test_init_of_an_installed_frostline(tmp_path: Path, frostline: Path) -> None:
    """It needs nothing of this repository; `--dry-run` writes nothing."""
    (tmp_path / "main.py").write_text("print('hello')\n", encoding="utf-8")
    words = ["init", "--dry-run", "--github", "--nox", "--invoke"]
    done = subprocess.run(
        [str(frostline), *words], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    made = [line[6:] for line in done.stdout.splitlines() if line.startswith("+++ b/")]
    assert made == ["frostline.toml", ".github/workflows/freeze.yml", "noxfile.py", "tasks.py"]
    assert [path.name for path in tmp_path.iterdir()] == ["main.py"]
