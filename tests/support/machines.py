"""Machines like GitHub's runners, on which tests run the lines of workflows."""

import os
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    """Return the jobs of the file *workflow* by their ids."""
    document = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = document["jobs"]
    return found


class Machine:
    """A machine like a runner: its own home, the system's tools, no container engine."""

    def __init__(self, folder: Path, variables: dict[str, str], repository: Path = ROOT) -> None:
        """Make it in the new *folder*, with a clone of *repository*."""
        self.folder = folder
        tools = folder / "bin"
        tools.mkdir(parents=True)
        for place in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"):
            for tool in Path(place).iterdir():
                if tool.name not in {"podman", "docker"} and not (tools / tool.name).is_symlink():
                    (tools / tool.name).symlink_to(tool)
        (tools / "python").unlink(missing_ok=True)
        (tools / "python").symlink_to(getattr(sys, "_base_executable", sys.executable))
        home = folder / "home"
        home.mkdir()
        network = ("PIP_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy")
        passed = {key: value for key, value in os.environ.items() if key.startswith(network)}
        self.variables = passed | {"PATH": str(tools), "HOME": str(home), "CI": "true"} | variables
        self.checkout = folder / "checkout"
        subprocess.run(["git", "clone", "--quiet", str(repository), str(self.checkout)], check=True)

    def run(
        self, job: dict[str, Any], context: dict[str, str], without: Collection[str] = ()
    ) -> dict[str, str]:
        """Run the lines of *job* but *without* with `${{ … }}` replaced from *context*.

        Returns its outputs.
        """
        output = self.folder / "output"
        output.write_text("", encoding="utf-8")
        for step in job["steps"]:
            line = step.get("run", "").strip()
            if not line or line in without:
                continue
            env = {**job.get("env", {}), **step.get("env", {})}
            env = {key: replaced(str(value), context) for key, value in env.items()}
            env |= self.variables | {"GITHUB_OUTPUT": str(output)}
            assert "${{" not in line, "a value in a script is a script"
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", line],
                cwd=self.checkout, env=env, check=False, capture_output=True, text=True,
            )  # fmt: skip
            assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        lines = output.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


def replaced(text: str, context: dict[str, str]) -> str:
    """Return *text* with its expressions evaluated."""
    return re.sub(r"\$\{\{\s*(.*?)\s*\}\}", lambda match: context[match[1]], text)
