"""Sessions that need nothing but nox: `nox -s build -- --layout onefile`."""

import nox

FROSTLINE = "frostline=={frostline}"


@nox.session
def build(session: nox.Session) -> None:
    """Freeze the product and prove it; what stands behind `--` are flags of `frostline build`."""
    session.install(FROSTLINE)
    session.run("frostline", "build", *session.posargs)


@nox.session
def verb(session: nox.Session) -> None:
    """Run any verb of frostline: `nox -s verb -- doctor`."""
    session.install(FROSTLINE)
    session.run("frostline", *session.posargs)
