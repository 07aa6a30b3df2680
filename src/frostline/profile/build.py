"""The `Build` that every step gets: one product for one platform, and the paths of its files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from frostline.core.command import Environ
from frostline.core.platforms import Platform
from frostline.core.workspace import Layout, Target, Workspace
from frostline.profile.profile import Profile


@dataclass(frozen=True)
class Inferred:
    """One key of the profile: *value* as in TOML, and the *reason*, such as `src/app.py:14`."""

    key: str
    value: object
    reason: str


@dataclass(frozen=True, kw_only=True)
class Build:
    """One product for one platform in one project; made once per command.

    *environ* holds the user's environment variables. *inferred* are the keys of the profile that
    are written nowhere, *notes* say what was seen and could not be inferred. *model_server* is the
    llamafile that serves the model while the product is traced or smoke-tested.
    """

    workspace: Workspace
    target: Target
    profile: Profile
    environ: Environ
    model_server: Path | None = None
    inferred: tuple[Inferred, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def product(self) -> str:
        """Return the name of the product."""
        return self.target.product

    @property
    def platform(self) -> Platform:
        """Return the platform that the product is built for."""
        return self.target.platform

    @property
    def layout(self) -> Layout:
        """Return `onedir` or `onefile`."""
        return self.target.layout

    @property
    def name(self) -> str:
        """Return the name that the target's files share, such as `argo-linux_x86_64`."""
        return self.target.name

    @property
    def root(self) -> Path:
        """Return the project's folder."""
        return self.workspace.root

    @property
    def work(self) -> Path:
        """Return the folder for intermediate files."""
        return self.workspace.work(self.target)

    @property
    def bundle(self) -> Path:
        """Return the folder of the finished bundle (or of the onefile executable)."""
        return self.workspace.output(self.target)

    @property
    def executable(self) -> Path:
        """Return the executable that users start."""
        return self.workspace.executable(self.target)

    @property
    def notice(self) -> Path:
        """Return the text file of the licences."""
        return self.workspace.notice(self.target)

    def model_server_variables(self) -> dict[str, str]:
        """Return the variable that names the model server for the product, if it reads one."""
        server = self.profile.model_server
        if not (server and server.variable):
            return {}
        return {server.variable: str(self.model_server or "")}

    def report(self, name: str) -> Path:
        """Return the JSON report *name*: `bundle`, `audit`, `smoke`, `parity`."""
        return self.workspace.report(self.target, name)

    def log(self, step: str) -> Path:
        """Return the log file of *step*."""
        return self.workspace.log(self.target, step)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold the lock of the target during the block. Raises BusyError if it is taken."""
        with self.workspace.exclusively(self.target):
            yield
