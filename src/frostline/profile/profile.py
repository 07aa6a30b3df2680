"""The profile of a product, `specs/<product>.toml`: its fields and their defaults."""

import json
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
    """What is collected of one installed package beyond what analysis finds."""

    submodules: bool = False
    """All its modules, also those that nothing imports by name."""
    data: bool = False
    """Its files that are not modules."""
    binaries: bool = False
    """Its shared libraries."""
    entry_points: bool = False
    """The modules that its entry points name."""


class Data(Table):
    """Files for the bundle: *source* (file, folder, or folder and glob) under *destination*."""

    destination: str
    """Folder in the bundle; `.` is its root."""
    source: str
    """File or folder, from the root of the project; `{work}/…` is what a `before` step has made."""
    glob: str = "**/*"
    """Which files of a folder; relative folders are kept."""
    symlinks: Literal["follow", "refuse"] = "refuse"
    """What becomes of links among them."""


class Icon(Table):
    """The icon of the executable, by system."""

    linux: str = ""
    """PNG or SVG."""
    darwin: str = ""
    """ICNS."""
    windows: str = ""
    """ICO."""


class About(Table):
    """Whose program it is, for the system to show."""

    company: str = ""
    """Windows' properties: who makes it."""
    copyright: str = ""
    """Windows' properties."""
    description: str = ""
    """Windows' properties and task manager; the title, if empty."""
    identifier: str = Field("", pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)?$")
    """macOS: what its signature calls it, such as `org.example.argo`."""


class Before(Table):
    """A step before the freeze, such as a web build."""

    name: str
    """What the step is called on the screen."""
    run: Annotated[Strings, Field(min_length=1)]
    """`{python}`: the interpreter (of *requirements*, if given); `{work}`: the work folder."""
    inputs: Strings = ()
    """Files and folders that the step reads; when they change, it runs again."""
    outputs: Annotated[Strings, Field(min_length=1)]
    """What must be there afterwards."""
    requirements: str = ""
    """A hashed lock of its own; `{python}` is then an interpreter that has it."""
    network: bool = False
    """It fetches something: a build in a container has no network otherwise."""


class NativeWheel(Table):
    """A native package that the index has only as source; `frostline wheels` builds it."""

    name: str = ""
    """A package of the lock, which is built from the source archive that the lock has a hash of."""
    source: str = ""
    """Or a folder of the project with a native package."""
    config_settings: dict[str, str] = {}
    """For its build backend."""
    environment: dict[str, str] = {}
    """Variables while it is built."""
    test: str = ""
    """A command that must succeed where nothing but the wheel is installed."""
    test_requires: Strings = ()
    """What the test needs besides."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.name) == bool(self.source):
            message = "either name or source"
            raise ValueError(message)
        return self


class Signing(Table):
    """Who signs what is shipped; keys and passwords are not here."""

    identity: str = ""
    """macOS: a Developer ID of the keychain."""
    entitlements: str = ""
    """macOS: a plist; what a frozen Python needs, if empty."""
    notary_profile: str = ""
    """macOS: what `notarytool store-credentials` has saved; not notarised, if empty."""
    thumbprint: str = ""
    """Windows: the SHA-1 of a certificate of the store, for signtool."""
    certificate: str = ""
    """Windows, by osslsigncode on any system: a file with the certificate and its chain."""
    key: str = ""
    """Its key; the password is in the variable FROSTLINE_SIGN_PASSWORD."""
    authority: str = ""
    """The authority that it is verified against; the certificate itself, if empty."""
    timestamp: str = ""
    """Windows: an RFC 3161 server; without it signatures end with the certificate."""
    minisign: str = ""
    """Archives: a secret key of minisign."""
    gpg: str = ""
    """Archives: or a key of GPG."""


class Profile(Table):
    """A product: what is frozen, how, and what it must do."""

    model_config = ConfigDict(title="frostline profile")

    schema_: Literal[1] = Field(1, alias="schema")
    """The version of this format."""
    base: str = ""
    """Another product, whose profile this one changes: tables are merged, all else is replaced."""
    title: str = ""
    """For people; the name of the project if empty."""
    platforms: Strings = ()
    """Where it is built; everywhere, if empty."""
    source: str
    """The product's project: a folder with a pyproject.toml that tells name and version."""
    requirements: str
    """The hashed lock of its dependencies and of PyInstaller."""
    entry: Entry
    """What runs: `module:attribute`."""
    serve: Serve = "function"
    """*entry* is a function, or an application that a server runs."""
    layout: Layout = "onedir"
    """A folder, or one file that unpacks itself at each start."""
    console: bool = True
    """False: no console window on Windows."""
    strip: bool = True
    """Take symbol tables out of the libraries (Linux)."""
    prune: bool = True
    """Leave out what no running product needs: test suites, documentation, type stubs."""
    icon: Icon = Icon()
    """Files, by system."""
    about: About = About()
    """Whose program it is."""
    hidden_imports: Strings = ()
    """Modules that analysis does not see."""
    excludes: Strings = ()
    """Modules that are left out."""
    packages: dict[str, Package] = {}
    """What to collect of single packages."""
    hooks: Strings = ()
    """Folders with PyInstaller hooks, before frostline's own."""
    runtime_hooks: Strings = ()
    """Scripts that run inside before the product."""
    data: tuple[Data, ...] = ()
    """Files for the bundle."""
    environment: Environment = Environment()
    """What the frozen process finds in its environment."""
    storage: Storage | None = None
    """The folder for the user's data; none: the product keeps none."""
    wheels: tuple[NativeWheel, ...] = ()
    """What is compiled once, before any build."""
    before: tuple[Before, ...] = ()
    """Steps before the freeze."""
    check_unfrozen: bool = True
    """Start the product from source before it is frozen."""
    resources: tuple[Name, ...] = ()
    """Pinned downloads, by their names in `resources/resources.toml`."""
    services: tuple[Service, ...] = ()
    """Processes that the artifact runs; none: it is a plain program."""
    model_server: ModelServer | None = None
    """The llamafile behind the service of kind `llamafile`."""
    console_scripts: Strings = ()
    """Scripts that `run SCRIPT` must be able to run inside."""
    signing: Signing = Signing()
    """Who signs what is shipped."""
    audit: Audit = Audit()
    """What the audit of the bundle is to allow."""
    smoke: Smoke = Smoke()
    """What the finished artifact must be able to do."""
    overrides: dict[str, dict[str, object]] = {}
    """Tables by platform or layout, merged over the rest."""


def schema() -> str:
    """Return the JSON Schema of a profile as text."""
    document = Profile.model_json_schema(by_alias=True)
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
