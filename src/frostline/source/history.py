"""Gives a copy of a source folder the git history of the original, without copying objects.

Backends read versions from tags, such as setuptools-scm and hatch-vcs.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from frostline.core import workspace
from frostline.core.command import Environ
from frostline.source import tree

# Which bytes of a file git compares depends on them.
_SETTINGS = ("core.autocrlf", "core.eol")
_RULES = (".gitignore", ".gitattributes")


@dataclass(frozen=True)
class History:
    """The repository of a source folder.

    *top* is the folder of its working tree, *prefix* the path of the source below it, *common* its
    `.git` (of the main one, for a worktree).
    """

    top: Path
    prefix: Path
    common: Path


def find(source: Path, environ: Environ) -> History | None:
    """Return the repository that tracks *source*, or None."""
    if tree.git(source, "ls-files", "--error-unmatch", ".", environ=environ) is None:
        return None
    top = _line(source, "rev-parse", "--show-toplevel", environ=environ)
    prefix = _line(source, "rev-parse", "--show-prefix", environ=environ)
    common = _line(source, "rev-parse", "--git-common-dir", environ=environ)
    return History(Path(top), Path(prefix), (source / common).resolve()) if top and common else None


def state(source: Path, environ: Environ) -> str:
    """Return the commit of *source* and its place after the last tag, "" without commits."""
    commit = _line(source, "rev-parse", "HEAD", environ=environ)
    tags = _line(source, "describe", "--tags", "--long", "--always", environ=environ)
    return f"{commit} {tags}" if commit else ""


def last_tag(source: Path, environ: Environ) -> str:
    """Return the last tag before the commit of *source*, or ""."""
    return _line(source, "describe", "--tags", "--abbrev=0", environ=environ)


def add(copy: Path, source: Path, history: History, environ: Environ) -> None:
    """Make *copy* a repository like that of *source*: the same commit, tags, and rules.

    It borrows the objects. Its index is that of the commit; files outside of *source* are marked
    as left out, so that they do not count as deleted.
    """

    def git(*arguments: str, text: bytes = b"") -> bytes:
        return tree.git(copy, *arguments, environ=environ, text=text) or b""

    kind = _line(source, "rev-parse", "--show-object-format", environ=environ) or "sha1"
    git("init", "--quiet", "--template=", f"--object-format={kind}")
    for name in _SETTINGS:
        if value := _line(source, "config", name, environ=environ):
            git("config", name, value)
    _copy_rules(copy, history)
    commit = _line(source, "rev-parse", "HEAD", environ=environ)
    if not commit:
        return
    branch = _line(source, "symbolic-ref", "--quiet", "HEAD", environ=environ)
    if branch:
        git("symbolic-ref", "HEAD", branch)
    shown = "--format=create %(refname) %(objectname)"
    tags = tree.git(source, "for-each-ref", shown, "refs/tags", environ=environ) or b""
    git("update-ref", "--stdin", text=tags)
    git("update-ref", *([branch] if branch else ["--no-deref", "HEAD"]), commit)
    git("read-tree", "HEAD")
    below = os.fsencode(f"{history.prefix.as_posix()}/") if history.prefix.parts else b""
    others = [name for name in git("ls-files", "-z").split(b"\0") if not name.startswith(below)]
    git("update-index", "-z", "--skip-worktree", "--stdin", text=b"\0".join(others))


def _copy_rules(copy: Path, history: History) -> None:
    """Copy where objects lie, and which files are ignored."""
    own = copy / ".git"
    workspace.write(own / "objects" / "info" / "alternates", f"{history.common / 'objects'}\n")
    pairs = [(history.common / name, own / name) for name in ("shallow", "info/exclude")]
    for folder in history.prefix.parents:
        pairs += [(history.top / folder / name, copy / folder / name) for name in _RULES]
    for rule, target in pairs:
        if rule.is_file():
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(rule, target)


def _line(folder: Path, *arguments: str, environ: Environ) -> str:
    """Return what a git command prints, or "" if it fails."""
    found = tree.git(folder, *arguments, environ=environ) or b""
    return os.fsdecode(found).removesuffix("\n")
