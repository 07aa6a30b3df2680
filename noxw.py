"""Run nox on a machine that has only Python 3.11 or newer: `python3 noxw.py -s build`.

Makes a virtual environment for nox from its hashed lock, once, and runs nox in it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "resources" / "requirements" / "nox.txt"
HOME = ROOT / ".nox" / ".bootstrap"
MARKER = HOME / "complete"
NEWEST_TOO_OLD = (3, 10)
HOST_UNFIT = 3
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run nox with *arguments* and return its exit code."""
    if sys.version_info[:2] <= NEWEST_TOO_OLD:
        print(f"noxw: Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
        return HOST_UNFIT
    key = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    python = HOME / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    try:
        if not MARKER.is_file() or MARKER.read_text(encoding="ascii") != key:
            print("noxw: making an environment for nox in .nox/.bootstrap", file=sys.stderr)
            problem = make(python)
            if problem:
                print(f"noxw: {problem}", file=sys.stderr)
                return HOST_UNFIT
            MARKER.write_text(key, encoding="ascii")
        command = [str(python), "-m", "nox", "-f", str(ROOT / "noxfile.py"), *arguments]
        return run(command)
    except KeyboardInterrupt:
        return INTERRUPTED


def run(command: list[str]) -> int:
    """Run *command* and return its exit code; after Ctrl-C, wait until it has ended."""
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal has interrupted it, too
            process.wait()
            raise


def make(python: Path) -> str:
    """Make the environment of *python*; return the problem, or "" if there is none."""
    shutil.rmtree(HOME, ignore_errors=True)
    options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(LOCK)]
    made = subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=False)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if made.returncode:
        uv = shutil.which("uv")
        if not uv:
            return "this Python cannot make environments; install python3-venv (Debian) or uv."
        shutil.rmtree(HOME, ignore_errors=True)
        made = subprocess.run([uv, "venv", "--python", sys.executable, str(HOME)], check=False)
        pip = [uv, "pip", "install", "--quiet", "--python", str(python)]
    if made.returncode:
        return "the environment could not be made; see above."
    environ = dict(os.environ)
    if "SSL_CERT_FILE" in environ and "REQUESTS_CA_BUNDLE" not in environ:
        environ.setdefault("PIP_CERT", environ["SSL_CERT_FILE"])  # for pip before 24.2
    if subprocess.run([*pip, *options], check=False, env=environ).returncode:
        return "nox could not be installed; see above (is the package registry reachable?)."
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
