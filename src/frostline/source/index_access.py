"""How uv and pip reach the index: each is told what the other one is told.

People set the variables of one of them. Values may hold credentials, so they are passed in
variables only.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from frostline.core.command import Environ

# The same setting of both, the older names of uv's after the present one.
_SAME = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "PIP_TRUSTED_HOST": ("UV_INSECURE_HOST",),
    "PIP_NO_INDEX": ("UV_NO_INDEX",),
}


def variables(environ: Environ, indexes: Iterable[str] = ()) -> dict[str, str]:
    """Return *environ* with the index settings of uv for pip, too, and those of pip for uv.

    *indexes* are further ones. uv trusts the certificates that the system trusts.
    """
    found = dict(environ)
    for pip, names in _SAME.items():
        theirs = next((environ[name] for name in names if environ.get(name)), "")
        if theirs and not environ.get(pip):
            found[pip] = " ".join(_address(item, environ) for item in theirs.split())
        elif environ.get(pip) and not theirs:
            found[names[0]] = environ[pip]
    if environ.get("PIP_FIND_LINKS"):
        found.setdefault("UV_FIND_LINKS", ",".join(environ["PIP_FIND_LINKS"].split()))
    elif environ.get("UV_FIND_LINKS"):
        found["PIP_FIND_LINKS"] = " ".join(environ["UV_FIND_LINKS"].split(","))
    for name in ("PIP_EXTRA_INDEX_URL", "UV_INDEX"):
        all_of_them = [*found.get(name, "").split(), *indexes]
        if all_of_them:
            found[name] = " ".join(dict.fromkeys(all_of_them))
    if not {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS"} & found.keys():
        found |= {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}  # before uv 0.9.29
    return found


def _address(item: str, environ: Mapping[str, str]) -> str:
    """Return the address of uv's `name=address`, with the credentials that uv has by this name."""
    name, separator, address = item.partition("=")
    if not separator or "/" in name:
        return item
    key = f"UV_INDEX_{name.upper().replace('-', '_').replace('.', '_')}"
    user, password = environ.get(f"{key}_USERNAME"), environ.get(f"{key}_PASSWORD")
    parts = urlsplit(address)
    if "@" in parts.netloc or not (user or password):
        return address
    login = f"{quote(user or '', safe='')}:{quote(password or '', safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))
