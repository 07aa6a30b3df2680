"""The verbs that test what was built: evidence, audit, smoke, parity."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from frostline.cli import reports
from frostline.cli.flags import absolute, here, open_build
from frostline.cli.verb import verb
from frostline.core import workspace
from frostline.core.errors import SmokeError, UsageError
from frostline.core.platforms import Platform, host
from frostline.core.workspace import Layout
from frostline.hosts.choice import Where

if TYPE_CHECKING:
    from frostline.audit.audit import AuditResult
    from frostline.pipeline import Recorded
    from frostline.smoke.parity import ParityReport
    from frostline.smoke.verdict import Verdict


def _code(found: "AuditResult | Verdict | ParityReport") -> int:
    return 0 if found.ok else SmokeError.exit_code


@verb("Prove", show=reports.evidence, as_json=reports.evidence_json)
def evidence(product: str = "", *, merge: bool = False) -> "Recorded":
    """Trace a product from source and record what it uses, for builds to collect.

    Examples: frostline evidence --product argo
              frostline evidence --product argo --merge
    """
    from frostline import pipeline

    return pipeline.record_evidence(open_build(product), keep=merge)


@verb("Prove", show=reports.audit, code=_code)
def audit(
    product: str = "",
    platform: Platform | None = None,
    layout: Layout | None = None,
    sarif: Path | None = None,
    *,
    accept: bool = False,
) -> "AuditResult":
    """Examine every file of a built product; exit code 5 if something must not ship.

    Examples: frostline audit --product argo
              frostline audit --product argo --sarif audit.sarif --json
    """
    from frostline.audit import audit
    from frostline.audit import sarif as format_
    from frostline.core import json_file

    found = audit.audit(open_build(product, platform, layout), accept=accept)
    if sarif:
        workspace.write(sarif.absolute(), json_file.dump(format_.sarif(found)))
    return found


@verb("Prove", show=reports.verdict, code=_code)
def smoke(
    product: str = "",
    platform: Platform | None = None,
    layout: Layout | None = None,
    where: Where = "auto",
    engine: str = "",
    model_server: Path | None = None,
    repeat: int = 1,
    archive: Path | None = None,
) -> "Verdict":
    """Smoke-test a built product: launch it isolated and exercise it; exit code 5 if it fails.

    Examples: frostline smoke --product argo
              frostline smoke --product argo --model-server ~/models/my.llamafile --json
              frostline smoke --product argo --repeat 20
              frostline smoke --product argo --platform linux_arm64
              frostline smoke --archive build/release/argo-0.1.0-linux_x86_64.tar.zst
    """
    if repeat < 1:
        message = f"--repeat {repeat}: expected 1 or more."
        raise UsageError(message, hint="for example --repeat 10")
    from frostline import dispatch, pipeline

    server, packed = absolute(model_server), absolute(archive)
    elsewhere = where in {"container", "remote"} or engine or platform not in {None, host()}
    if elsewhere and (server or packed):
        message = "--archive and --model-server name files of this machine."
        raise UsageError(message, hint="leave out --platform, --where and --engine")
    if packed:
        return pipeline.prove_archive(
            here(), packed, os.environ, product=product, model_server=server, rounds=repeat
        )
    if server:
        return pipeline.prove(open_build(product, None, layout, server), rounds=repeat)
    options = dispatch.BuildOptions(where, promised=platform is not None, engine=engine)
    return dispatch.prove(open_build(product, platform, layout), options, repeat)


@verb("Prove", show=reports.parity, as_json=reports.parity_json, code=_code)
def parity(product: str = "", layout: Layout | None = None) -> "ParityReport":
    """Compare a built product with its source by running both; exit code 5 if they differ.

    Examples: frostline parity --product argo
              frostline parity --product argo --json
    """
    from frostline import pipeline

    return pipeline.compare(open_build(product, None, layout))
