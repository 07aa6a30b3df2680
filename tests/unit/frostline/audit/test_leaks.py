"""Secrets and private files are recognised; similar text and names are not."""

import pytest

from frostline.audit import leaks

BODY = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"] * 3)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("token = 'ghp_" + "a1B2" * 9 + "'", "a GitHub token"),
        ("github_pat_" + "a" * 82, "a GitHub token"),
        ("glpat-" + "x" * 20, "a GitLab token"),
        ("hf_" + "abCD" * 8 + "ab", "a Hugging Face token"),
        ("sk-proj-" + "a" * 48, "an OpenAI key"),
        ("sk-ant-" + "a" * 48, "an Anthropic key"),
        ("AKIA" + "ABCDEFGH12345678", "an AWS key"),
        ("AIza" + "a" * 35, "a Google key"),
        ("xoxb-" + "1" * 24, "a Slack token"),
        ("npm_" + "a" * 36, "an npm token"),
        ("pypi-AgEIcHlwaS5vcmc" + "a" * 60, "a PyPI token"),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n", "a private key"),
        (f"-----BEGIN PRIVATE KEY-----\n{BODY}\n", "a private key"),
    ],
)
def test_secrets(text: str, kind: str) -> None:
    """Secrets are found in any bytes; only their first characters are shown."""
    ((found, begin),) = leaks.secrets(b"\0\xff" + text.encode() + b"\0")
    assert found == kind
    assert len(begin) == 9
    assert begin[:-1] in text


@pytest.mark.parametrize(
    "text",
    [
        "ghp_short", "AKIAIOSFODNN7EXAMPLE", "hf_hub_download_a_file_from_somewhere_else",
        "if b'-----BEGIN PRIVATE KEY-----' in data:", "sk-learn", "npm_config_registry",
        "-----BEGIN CERTIFICATE-----", "xoxb-",
    ],
)  # fmt: skip
def test_what_is_no_secret(text: str) -> None:
    """Code and text about secrets contain no secret."""
    assert not [*leaks.secrets(text.encode())]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("_internal/data/.env", "private"),
        (".env.production", "private"),
        ("a/.git/config", "vcs"),
        ("a/__pycache__/x.pyc", "cache"),
        ("a/.ssh/known_hosts", "private"),
        ("keys/id_ed25519", "private"),
        ("certificate.P12", "private"),
        (".DS_Store", "cache"),
        ("x-1.dist-info/direct_url.json", "build-note"),
        ("base_library.zip!__pycache__/x.pyc", "cache"),
        (".env.example", ""),
        ("environment.py", ""),
        ("a/git/config", ""),
        ("cacert.pem", ""),
    ],
)
def test_names(name: str, kind: str) -> None:
    """Some files must not ship because of their names."""
    assert leaks.name_problem(name) == kind


def test_paths_of_the_build_machine() -> None:
    """A path matches as a whole, not as the beginning of a longer name."""
    places = {"home": b"/home/me", "nowhere": b""}
    assert [*leaks.build_paths(b"in /home/me/x", places)] == ["home"]
    assert [*leaks.build_paths(b"in /home/me", places)] == ["home"]
    assert [*leaks.build_paths(b"in /home/media", places)] == []
