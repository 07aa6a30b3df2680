"""Finds what must not leave the build machine: secrets, private files, paths of the machine."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

# Known kinds of secrets: a literal that is searched first, as it is fast, and the full pattern.
_SECRETS = (
    ("a GitHub token", b"ghp_", rb"ghp_[A-Za-z0-9]{36}"),
    ("a GitHub token", b"gho_", rb"gho_[A-Za-z0-9]{36}"),
    ("a GitHub token", b"ghs_", rb"ghs_[A-Za-z0-9]{36}"),
    ("a GitHub token", b"github_pat_", rb"github_pat_[A-Za-z0-9_]{60,}"),
    ("a GitLab token", b"glpat-", rb"glpat-[A-Za-z0-9_-]{20}"),
    ("a Hugging Face token", b"hf_", rb"\bhf_[A-Za-z]{34}\b"),
    ("an OpenAI key", b"sk-proj-", rb"sk-proj-[A-Za-z0-9_-]{40,}"),
    ("an OpenAI key", b"T3BlbkFJ", rb"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    ("an Anthropic key", b"sk-ant-", rb"sk-ant-[A-Za-z0-9_-]{40,}"),
    ("an AWS key", b"AKIA", rb"\bAKIA[0-9A-Z]{16}\b(?<!EXAMPLE)"),
    ("a Google key", b"AIza", rb"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("a Slack token", b"xox", rb"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    ("an npm token", b"npm_", rb"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", b"pypi-AgEIcHlwaS5vcmc", rb"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    (
        "a private key", b"PRIVATE KEY-----",
        rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+(?:[A-Za-z0-9+/=]{40,}\s+){2,}",
    ),
)  # fmt: skip
_FOLDERS = {
    ".git": "vcs", ".hg": "vcs", ".svn": "vcs", "__pycache__": "cache", ".pytest_cache": "cache",
    ".mypy_cache": "cache", ".ruff_cache": "cache", ".tox": "cache", ".nox": "cache",
    ".ssh": "private", ".aws": "private", ".gnupg": "private",
}  # fmt: skip
_NAMES = {
    ".npmrc": "private", ".pypirc": "private", ".netrc": "private", ".git-credentials": "private",
    "id_rsa": "private", "id_ed25519": "private", "id_ecdsa": "private", ".DS_Store": "cache",
    "Thumbs.db": "cache", "direct_url.json": "build-note", "uv_cache.json": "build-note",
}  # fmt: skip
_KEY_STORES = (".p12", ".pfx", ".jks", ".keystore", ".kdbx")
_EXAMPLES = (".example", ".sample", ".template", ".dist")


# The reasons for files that must not ship because of their names, by kind.
KINDS = {
    "private": "is a private file",
    "vcs": "belongs to a version control system",
    "cache": "is a cache",
    "build-note": "describes how the package was installed",
}


def secrets(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the secrets in *data*: the kind and the first characters of each."""
    for kind, mark, pattern in _SECRETS:
        if mark in data:
            for found in re.finditer(pattern, data):
                yield kind, f"{found[0][:8].decode('ascii', 'replace')}…"


def name_problem(name: str) -> str:
    """Return why the file *name* must not ship, as a key of KINDS; "" if it may."""
    path = PurePosixPath(name.replace("!", "/"))
    for part in path.parts[:-1]:
        if part in _FOLDERS:
            return _FOLDERS[part]
    if path.name == ".env" or (path.name.startswith(".env.") and path.suffix not in _EXAMPLES):
        return "private"
    if path.suffix.lower() in _KEY_STORES:
        return "private"
    return _NAMES.get(path.name, "")


def build_paths(data: bytes, places: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the names of those *places* of the build machine whose paths are in *data*."""
    for name, place in places.items():
        if place and re.search(re.escape(place) + rb"(?![\w.-])", data):
            yield name
