"""The profile: every mistake is reported at once, with file, key and line."""

import contextlib
from pathlib import Path

import pytest

from frostline.core import own_files as resources
from frostline.core.errors import TomlError, UsageError
from frostline.core.platforms import PLATFORMS, Platform, parse
from frostline.core.workspace import Layout, Workspace
from frostline.infer import opening
from frostline.infer.opening import open_build
from frostline.profile import profile, reference, services
from frostline.profile.table import Table

ROOT = Path(__file__).resolve().parents[4]
LINUX = PLATFORMS["linux_x86_64"]
GOOD = """\
schema = 1
source = "app"
requirements = "lock.txt"
entry = "echo.server:main"
"""
FIVE = """\
schema = 1
source = "app"
requirements = "missing.txt"
entry = "echo.server:main"
hiden_imports = ["x"]
console = "yes"

[[services]]
name = "one"
port = { number = 9019 }

[[services]]
name = "two"
port = { number = 9019 }

[overrides.linux_x86]
console = false
"""


@pytest.mark.product("A5")
def test_environment_of_argo() -> None:
    """The profile of argo with llama.cpp inside has every variable that its processes need."""
    rules = loaded_profile(Workspace(ROOT), "argo-llama").environment
    assert {**rules.defaults, **rules.forced} == {
        "ENABLE_MULTI_USER": "false",
        "USE_REMOTE_MODELS": "true",
        "TOKENIZERS_PARALLELISM": "false",
        "HUGGINGFACE_HUB_CACHE": "{bundle}/resources/huggingface",
        "TIKTOKEN_CACHE_DIR": "{bundle}/resources/tiktoken",
        "LLAMA_CPP_LIB_PATH": "{bundle}/llama_cpp/lib",
    }
    assert rules.no_proxy == ("127.0.0.1", "localhost", "::1")


def project(folder: Path, text: str) -> Workspace:
    """Return a project in *folder* whose product `echo` has the profile *text*."""
    (folder / "specs").mkdir()
    (folder / "app").mkdir()
    (folder / "lock.txt").touch()
    (folder / "specs" / "echo.toml").write_text(text, encoding="utf-8")
    return Workspace(folder)


def loaded_profile(
    paths: Workspace, product: str, platform: Platform = LINUX, layout: Layout | None = None
) -> profile.Profile:
    """Return the profile of *product*."""
    return opening.load(paths, product, platform, layout)[1]


def mistakes(folder: Path, text: str) -> list[str]:
    """Return the mistakes of the profile *text*, one line each."""
    with pytest.raises(TomlError) as caught:
        loaded_profile(project(folder, text), "echo", LINUX)
    assert caught.value.exit_code == 2
    assert caught.value.message.startswith("specs/echo.toml has ")
    return [str(problem) for problem in caught.value.problems]


def test_defaults_are_sensible(tmp_path: Path) -> None:
    """Four lines are a complete profile."""
    loaded = loaded_profile(project(tmp_path, GOOD), "echo", LINUX)
    assert (loaded.layout, loaded.console) == ("onedir", True)


def test_a_product_without_a_model_server_gets_none(tmp_path: Path) -> None:
    """A model server that the product would not read is refused, not left unused."""
    paths = project(tmp_path, GOOD)
    with pytest.raises(UsageError, match="echo takes no model server"):
        open_build(paths, "echo", LINUX, {}, model_server=tmp_path / "llamafile")


def test_five_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Each mistake has file, line, key and, if possible, a suggestion."""
    assert mistakes(tmp_path, FIVE) == [
        "specs/echo.toml:3: requirements: no such file or folder: missing.txt",
        'specs/echo.toml:5: hiden_imports: unknown key. Did you mean "hidden_imports"?',
        "specs/echo.toml:6: console: Input should be a valid boolean, got 'yes'",
        "specs/echo.toml:14: services.1.port: one already has port 9019",
        (
            "specs/echo.toml:16: overrides.linux_x86: unknown platform or layout. "
            'Did you mean "linux_x86_64"?'
        ),
    ]


@pytest.mark.parametrize(
    ("table", "suggested"),
    [
        ("[[services]]\nname = 'a'\ncomand = 'x'", ' Did you mean "command"?'),
        ("[packages.numpy]\nbinarys = true", ' Did you mean "binaries"?'),
        ("[[smoke.requests]]\npth = '/'", ' Did you mean "path"?'),
        ("[overrides.onedir.icon]\nwindow = 'x.ico'", ' Did you mean "windows"?'),
        ("[icon]\nsubmodules = true", ""),  # a key of another table is of no use here
    ],
)
def test_similar_keys_are_of_the_same_table(tmp_path: Path, table: str, suggested: str) -> None:
    """An unknown key brings a suggestion only if its own table has a similar one."""
    said = [line for line in mistakes(tmp_path, GOOD + table) if "unknown key" in line]
    assert len(said) == 1
    assert said[0].endswith(f"unknown key.{suggested}")


def test_keys_without_effect_are_mistakes(tmp_path: Path) -> None:
    """They are named with their lines, also where only an override has them."""
    text = f"{GOOD}console_scripts = ['x']\n[overrides.onefile.model_server]\ncontext = 5\n"
    assert mistakes(tmp_path, text) == [
        "specs/echo.toml:5: console_scripts: has no effect: the product has no services",
        (
            "specs/echo.toml:7: overrides.onefile.model_server.context: has no effect: "
            "no service is of kind llamafile"
        ),
    ]


def test_broken_toml_has_its_line(tmp_path: Path) -> None:
    """A syntax error is reported like other mistakes."""
    assert mistakes(tmp_path, GOOD + "layout = \n")[0].startswith("specs/echo.toml:5: TOML:")


def test_services_in_a_circle(tmp_path: Path) -> None:
    """Services that need each other in a cycle are a mistake."""
    text = (
        GOOD + '[[services]]\nname = "a"\nneeds = ["b"]\n[[services]]\nname = "b"\nneeds = ["a"]\n'
    )
    assert "a → b → a" in mistakes(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ('startup = {kind = "line"}', "startup.pattern: a probe of kind line needs a pattern"),
        (
            'port = {mode = "announced", pattern = "port"}',
            "port.pattern: must be a regular expression with one group",
        ),
        (
            'startup = {kind = "line", pattern = "("}',
            "startup.pattern: is not a regular expression",
        ),
        ('liveness = {kind = "descriptor"}', "liveness.kind: descriptor works for startup only"),
        ("startup = {}", "startup: an http or tcp probe needs a service with a port"),
    ],
)
def test_probes_that_cannot_work(tmp_path: Path, probe: str, said: str) -> None:
    """Probes that cannot work are mistakes."""
    assert said in mistakes(tmp_path, GOOD + f'[[services]]\nname = "a"\n{probe}\n')[0]


def test_overrides_are_merged_by_platform(tmp_path: Path) -> None:
    """A table for the platform is merged over the rest."""
    text = GOOD + (
        "[environment.defaults]\nA = '1'\nB = '1'\n"
        "[overrides.linux_x86_64.environment.defaults]\nB = '2'\n"
        "[overrides.onefile]\nconsole = false\n"
    )
    paths = project(tmp_path, text)
    loaded = loaded_profile(paths, "echo", LINUX)
    assert loaded.environment.defaults == {"A": "1", "B": "2"}
    assert loaded.console
    assert not loaded_profile(paths, "echo", LINUX, "onefile").console
    other = loaded_profile(paths, "echo", PLATFORMS["darwin_arm64"])
    assert other.environment.defaults["B"] == "1"


def test_mistake_in_an_override_is_found_on_any_platform(tmp_path: Path) -> None:
    """A table for Windows is checked on Linux, too."""
    text = GOOD + '[overrides.windows_x86_64]\nconsole = "no"\n'
    assert "overrides.windows_x86_64.console" in mistakes(tmp_path, text)[0]


def test_a_variant(tmp_path: Path) -> None:
    """A base's tables are merged, other values replaced; mistakes name the variant's file."""
    paths = project(tmp_path, GOOD + "[environment.defaults]\nA = '1'\nB = '1'\n")
    variant = tmp_path / "specs" / "other.toml"

    def load(text: str) -> profile.Profile:
        variant.write_text(f"schema = 1\n{text}", encoding="utf-8")
        return loaded_profile(paths, "other", LINUX)

    loaded = load('base = "echo"\ntitle = "Other"\n[environment.defaults]\nB = "2"\n')
    assert (loaded.title, loaded.environment.defaults) == ("Other", {"A": "1", "B": "2"})
    assert loaded.entry == loaded_profile(paths, "echo", LINUX).entry
    for text, said in (
        ('base = "ecko"', "there is no other product 'ecko'. Did you mean \"echo\"?"),
        ('base = "other"', "there is no other product 'other'."),
        ('base = "echo"\nconsole = 3', "console"),
        ('base = "echo"\nplatforms = ["linux"]', "unknown platform. Did you mean"),
    ):
        with pytest.raises(TomlError) as caught:
            load(text)
        assert "specs/other.toml:" in str(caught.value)
        assert said in str(caught.value)
    third = tmp_path / "specs" / "third.toml"
    third.write_text('schema = 1\nbase = "other"\n', encoding="utf-8")
    load('base = "echo"')
    with pytest.raises(TomlError, match="a base cannot have a base"):
        loaded_profile(paths, "third", LINUX)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'working_directory = "home"',
            "working_directory: has no effect: the product has no services",
        ),
        (
            'layout = "onefile"\nexecutables = [{ name = "x", entry = "a:b" }]',
            'executables: has no effect with layout "onefile"',
        ),
        ('layout = "onefile"\ncontents_directory = "x"', "contents_directory: has no effect"),
        ('[windows]\nmanifest = "none.xml"', "windows.manifest: no such file or folder"),
        ('[icon]\ndarwin = "app"', "icon.darwin: is not supported"),
        ('[icon]\nwindows = "none.ico"', "icon.windows: no such file or folder: none.ico"),
    ],
)
def test_a_key_that_would_do_nothing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """What is accepted works."""
    (mistake,) = mistakes(tmp_path, GOOD + text + "\n")
    assert said in mistake


def test_unknown_product_is_suggested(tmp_path: Path) -> None:
    """The closest product is suggested."""
    with pytest.raises(UsageError, match='Did you mean "echo"'):
        loaded_profile(project(tmp_path, GOOD), "ecko", LINUX)


def test_unknown_platform_is_suggested() -> None:
    """The closest platform is suggested."""
    with pytest.raises(UsageError, match='Did you mean "darwin_arm64"'):
        parse("darwin_arm")


def test_reference_is_current() -> None:
    """docs/profile.md is current, and every key has a description."""
    text = reference.markdown()
    assert resources.data("docs", "profile.md").read_text(encoding="utf-8") == text
    assert "|  |\n" not in text


def test_schema_file_is_current() -> None:
    """The JSON Schema for editors is current."""
    path = resources.data("resources", "profile.schema.json")
    assert path.read_text(encoding="utf-8") == reference.schema()


WRONG = (
    "1", "-1", "1.5", "true", '"x"', "[]", "[1]", "[[]]", "{}", "{ a = 1 }", "[{}]",
    "1979-05-27", "[{ name = [] }]", "{ number = [1], kind = [], pattern = [] }",
)  # fmt: skip
HEADERS: dict[str, type[Table]] = {
    "": profile.Profile,
    "[[services]]": services.Service,
    '[[services]]\nname = "a"\n[services.port]': services.Port,
    '[[services]]\nname = "a"\n[services.startup]': services.Probe,
    "[[data]]": profile.Data,
    "[[before]]": profile.Before,
    "[model_server]": services.ModelServer,
    "[overrides.onedir]": profile.Profile,
}


@pytest.mark.parametrize("header", HEADERS)
def test_values_of_any_type(tmp_path: Path, header: str) -> None:
    """A value of a wrong type at any key is a mistake of the profile, never a crash."""
    place = project(tmp_path, GOOD)
    for name, field in HEADERS[header].model_fields.items():
        key = field.alias or name
        rest = [line for line in GOOD.splitlines() if header or not line.startswith(f"{key} ")]
        for value in WRONG:
            text = "\n".join((*rest, header, f"{key} = {value}"))
            (place.root / "specs" / "echo.toml").write_text(text, encoding="utf-8")
            with contextlib.suppress(TomlError, UsageError):
                opening.load(place, "echo", LINUX)
