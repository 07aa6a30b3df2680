"""The profile of a product, `specs/<product>.toml`: its keys and their defaults."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from frostline.core.workspace import Layout
from frostline.profile.checks import Audit, Smoke
from frostline.profile.services import Environment, ModelServer, Service, Storage
from frostline.profile.table import (
    Entry,
    Name,
    Serve,
    Strings,
    Table,
)


class Package(Table):
    """What is collected from an installed package in addition to what the analysis finds."""

    submodules: bool = False
    """Collect all its modules, also those that no import statement names."""
    data: bool = False
    """Collect its files that are not modules."""
    binaries: bool = False
    """Collect its shared libraries."""
    entry_points: bool = False
    """Collect the modules that its entry points name."""
    metadata: bool = True
    """Collect the metadata of the distribution that installs it: version, entry points."""
    module_collection_mode: Literal["", "pyz", "pyc", "py", "pyz+py", "py+pyz"] = ""
    """How PyInstaller collects its modules: `pyz`, `pyc`, `py`, or two of them, as `pyz+py`."""


class Data(Table):
    """Files that are copied into the bundle."""

    destination: str
    """The folder in the bundle; `.` is its root."""
    source: str
    """A file or folder of the project; `{work}/…` is one that a `before` step made."""
    glob: str = "**/*"
    """The files to take if *source* is a folder; subfolders are kept."""
    symlinks: Literal["follow", "keep", "refuse"] = "refuse"
    """Follow symbolic links among the files, keep them as links, or refuse them."""


class Binary(Table):
    """Native libraries or programs of the project that are copied into the bundle.

    The libraries that they need are collected, too.
    """

    source: str
    """A file of the project, or a pattern; `{work}/…` is one that a `before` step made."""
    destination: str = "."
    """The folder in the bundle; `.` is its root."""


class Executable(Table):
    """A further executable of the bundle: a plain program beside the product's own."""

    name: Name
    """The name of its file."""
    entry: Annotated[Entry, Field(min_length=1)]
    """What it runs, as the product's `entry`."""
    console: bool = True
    """Whether Windows opens a console window."""


class Windows(Table):
    """What only executables for Windows have."""

    manifest: str = ""
    """An XML file of the project with the application manifest; empty: PyInstaller's."""
    uac_admin: bool = False
    """Ask for the rights of an administrator at each start."""
    version_file: str = ""
    """A version resource, as PyInstaller reads it; empty: made from `about`."""


class Icon(Table):
    """The icon of the executable; only Windows keeps one in the executable itself."""

    windows: str = ""
    """ICO."""


class About(Table):
    """What the operating system shows about the program."""

    company: str = ""
    """The company in the file's properties (Windows)."""
    copyright: str = ""
    """The copyright in the file's properties (Windows)."""
    description: str = ""
    """The name in the file's properties and the task manager (Windows); empty: the title."""
    identifier: str = Field("", pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)?$")
    """The identifier in the code signature (macOS), such as `org.example.argo`."""


class Before(Table):
    """A step that is run before the freeze, such as a web build."""

    name: str
    """The step's name in messages."""
    run: Annotated[Strings, Field(min_length=1)]
    """The command; `{python}` is the interpreter (of *requirements*, if given), `{work}` the work
    folder, `{product}`, `{version}` and `{platform}` what is built.
    """
    inputs: Strings = ()
    """The files and folders that the step reads; it is run again when they change."""
    outputs: Annotated[Strings, Field(min_length=1)]
    """The files and folders that must exist afterwards."""
    requirements: str = ""
    """A hashed lock for the step; `{python}` is then an interpreter with these packages."""
    network: bool = False
    """The step needs a network; without it a build in a container has none."""


class NativeWheel(Table):
    """A native package without a wheel in the index; `frostline wheels` builds its wheel."""

    name: str = ""
    """A package of the lock; it is built from the source archive whose hash is in the lock."""
    source: str = ""
    """A folder of the project with a native package, instead of *name*."""
    config_settings: dict[str, str] = {}
    """Settings for its build backend."""
    environment: dict[str, str] = {}
    """Environment variables for its build."""
    test: str = ""
    """A command that must succeed in an environment with only the wheel."""
    test_requires: Strings = ()
    """Further requirements of the test."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.name) == bool(self.source):
            message = "give either name or source"
            raise ValueError(message)
        return self


class Signing(Table):
    """How artifacts are signed; secret keys and passwords are not part of the profile."""

    identity: str = ""
    """macOS: a Developer ID in the keychain."""
    entitlements: str = ""
    """macOS: an entitlements plist; empty: the entitlements that a frozen Python needs."""
    notary_profile: str = ""
    """macOS: the profile that `notarytool store-credentials` saved; empty: not notarised."""
    thumbprint: str = ""
    """Windows: the SHA-1 of a certificate in the certificate store, for signtool."""
    certificate: str = ""
    """Windows, with osslsigncode on any system: a file with the certificate and its chain."""
    key: str = ""
    """The key of *certificate*; its password is read from FROSTLINE_SIGN_PASSWORD."""
    authority: str = ""
    """The authority that signatures are verified against; empty: the certificate itself."""
    timestamp: str = ""
    """Windows: an RFC 3161 server; without it, signatures expire with the certificate."""
    minisign: str = ""
    """Archives: the file of a minisign secret key."""
    gpg: str = ""
    """Archives: the id of a GPG key, instead of *minisign*."""


class Profile(Table):
    """A product: what is frozen, how, and what the result must do."""

    model_config = ConfigDict(title="frostline profile")

    schema_: Literal[1] = Field(1, alias="schema")
    """The version of this format."""
    base: str = ""
    """Another product whose profile this one changes: tables are merged, other values replaced."""
    title: str = ""
    """The name for people; empty: the project's name."""
    platforms: Strings = ()
    """The platforms it is built for; empty: all."""
    source: str = "."
    """The folder of the product's own code; see source.md."""
    requirements: str = ""
    """The lock of its dependencies: a uv.lock, poetry.lock, pdm.lock, pylock.toml or requirements.
    Empty: it is found; without any, what the project names is resolved.
    """
    entry: Entry = ""
    """What is run: `module:attribute`; `module:factory()`, what a factory returns; `module`, which
    is run as a script. Empty: it is inferred.
    """
    serve: Serve = "function"
    """Whether *entry* is a function, or an application that a server runs."""
    executables: tuple[Executable, ...] = ()
    """Further executables in the bundle (layout `onedir`)."""
    working_directory: Literal["storage", "home", "caller"] = "storage"
    """Where services run: in the storage folder (the home folder without one), the home folder, or
    the folder that the artifact was started in.
    """
    optimize: Literal[0, 1, 2] = 0
    """1: without `assert`; 2: without docstrings, too."""
    interpreter_options: tuple[
        Annotated[str, Field(pattern=r"^(u|v|W \S+|X \S+|hash_seed=\d+)$")], ...
    ] = ()
    """Options of the frozen interpreter, such as `u` or `W ignore`; `X utf8` is always one."""
    contents_directory: Annotated[str, Field(pattern=r"^(\.|[A-Za-z0-9_][\w.-]*)$")] = "_internal"
    """The folder beside the executable that holds all else (layout `onedir`); `.`: none."""
    layout: Layout = "onedir"
    """One folder, or one file that unpacks itself at each start."""
    console: bool = True
    """Whether Windows opens a console window."""
    strip: bool = True
    """Remove symbol tables from the libraries (Linux)."""
    prune: bool = True
    """Leave out what is not needed at run time: test suites, documentation, type stubs."""
    icon: Icon = Icon()
    """Icon files, by system."""
    windows: Windows = Windows()
    """What only executables for Windows have."""
    about: About = About()
    """What the operating system shows about the program."""
    hidden_imports: Strings = ()
    """Modules to collect that the analysis does not find."""
    excludes: Strings = ()
    """Modules to leave out."""
    packages: dict[str, Package] = {}
    """What to collect from single packages, by package."""
    hooks: Strings = ()
    """Folders with PyInstaller hooks; they are used before frostline's own."""
    hooksconfig: dict[str, dict[str, str | int | bool | tuple[str, ...]]] = {}
    """Options of single hooks, by package, as PyInstaller's documentation names them."""
    runtime_hooks: Strings = ()
    """Scripts that are run inside the artifact before the product."""
    data: tuple[Data, ...] = ()
    """Files that are copied into the bundle."""
    binaries: tuple[Binary, ...] = ()
    """Native files that are copied into the bundle."""
    exclude_files: Strings = ()
    """Patterns for files to leave out of the bundle, by their path there, such as `shop/old/*`."""
    environment: Environment = Environment()
    """Environment variables of the frozen process."""
    storage: Storage | None = None
    """The folder for the user's data; without it, the product has none."""
    wheels: tuple[NativeWheel, ...] = ()
    """Native packages whose wheels are built before the first build."""
    before: tuple[Before, ...] = ()
    """Steps that are run before the freeze."""
    check_unfrozen: bool = True
    """Start the product from source before freezing it."""
    resources: tuple[Name, ...] = ()
    """Pinned downloads, by their names in `resources/resources.toml`."""
    services: tuple[Service, ...] = ()
    """Processes that the artifact runs; without any it is a plain program."""
    model_server: ModelServer | None = None
    """The llamafile of the service of kind `llamafile`."""
    console_scripts: Strings = ()
    """Console scripts that `run SCRIPT` of the artifact can run."""
    signing: Signing = Signing()
    """How artifacts are signed."""
    audit: Audit = Audit()
    """Limits and waivers for the audit of the bundle."""
    smoke: Smoke = Smoke()
    """What the smoke test does with the artifact."""
    overrides: dict[str, dict[str, object]] = {}
    """Tables by platform or layout that are merged over the rest of the profile."""

    @property
    def entries(self) -> tuple[str, ...]:
        """Return the entry of the product and those of its services."""
        services = (service.entry for service in self.services if service.entry)
        programs = (program.entry for program in self.executables)
        return tuple(dict.fromkeys((self.entry, *services, *programs)))

    @property
    def scripts(self) -> tuple[str, ...]:
        """Return the modules that are run as scripts; importing them would run them, too."""
        return tuple(entry for entry in self.entries if ":" not in entry)
