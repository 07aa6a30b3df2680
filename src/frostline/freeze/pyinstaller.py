"""Runs PyInstaller in a child process and moves the finished bundle to its final place."""

import re
import sys
import sysconfig
from pathlib import Path

from frostline.core import archive, command, digest, json_file, log, own_files, workspace
from frostline.core.errors import BuildError
from frostline.freeze import provenance
from frostline.freeze.bundle import Bundle, describe_files, forget_reports
from frostline.freeze.plan import Plan, plan_file
from frostline.profile.build import Build
from frostline.source import distributions, environment, freezer, locks
from frostline.source.environment import ProductEnvironment
from frostline.source.stage import Stage

# Each makes PyInstaller fail where it would only warn.
STRICT = (
    "PYINSTALLER_STRICT_COLLECT_MODE",
    "PYINSTALLER_STRICT_BUNDLE_CODESIGN_ERROR",
    "PYINSTALLER_VERIFY_BUNDLE_SIGNATURE",
)
_MISSING = re.compile(r"(?m)^missing module named '?([\w.]+)'? - imported by ")
# The messages for the user, by the text of PyInstaller's log.
_PHASES = {
    "Analyzing": "analysing imports",
    "Processing module hooks": "running hooks",
    "Looking for dynamic libraries": "looking for libraries",
    "Building PYZ": "packing modules",
    "Building PKG": "packing the executable",
    "Building EXE": "writing the executable",
    "Building COLLECT": "copying files",
}


def freeze(build: Build, plan: Plan, stage: Stage, *, inputs: str) -> Bundle:
    """Freeze *stage* as *plan* says and return the bundle. Raises BuildError, StorageError.

    An old bundle is replaced only after the new one is complete.
    """
    work = build.work
    tools = freezer.create(build.environ, build.log("environment"))
    freezer.check_shared(tools, stage.environment, locks.shown(build))
    part = work / "part"
    workspace.remove(part)
    try:
        _run_pyinstaller(build, plan, stage, tools, part)
        _check_origin(work / "pyinstaller", tools)
        made = part / build.product if build.layout == "onedir" else part
        _set_modes(made, plan)
        # PyInstaller's loader is in the bundle, too.
        known = {
            **distributions.installed(tools.site_packages),
            **distributions.installed(stage.environment.site_packages, stage.folder),
        }
        origin = provenance.read(work / "pyinstaller", known, Path(sys.base_prefix), plan.pruned)
        bundle = Bundle(
            product=build.product,
            version=plan.version,
            platform=build.platform.name,
            layout=build.layout,
            inputs=inputs,
            path=build.workspace.shown(build.bundle),
            executable=build.workspace.shown(build.executable),
            size=sum(file.stat().st_size for file in digest.files(made) if not file.is_symlink()),
            distributions=plan.distributions,
            files=describe_files(made),
            missing=_missing_modules(work / "pyinstaller"),
            collected=origin.distributions,
            libraries=origin.libraries,
            owners=origin.owners,
            pruned=origin.pruned,
            parts={
                name: compiled
                for name in origin.distributions
                if (compiled := distributions.parts(known[name]))
            },
            python=sysconfig.get_python_version(),
        )
        _put_in_place(build, made)
    finally:
        workspace.remove(part)
    json_file.write(build.report("bundle"), bundle)
    return bundle


def _run_pyinstaller(
    build: Build, plan: Plan, stage: Stage, tools: ProductEnvironment, part: Path
) -> None:
    work = build.work
    log_file = build.log("freeze")
    workspace.remove(log_file)
    argv = [
        str(stage.environment.python),
        "-P",
        "-m",
        "PyInstaller",
        str(own_files.data("specs", "backend.spec")),
        f"--distpath={part}",
        f"--workpath={work / 'pyinstaller'}",
        "--noconfirm",
        f"--log-level={'DEBUG' if plan.debug else 'INFO'}",
        "--",
        f"--plan={plan_file(build)}",
    ]
    env = (
        environment.child_environment(build.environ)
        | {
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SOURCE_DATE_EPOCH": str(archive.EPOCH),
            "PYINSTALLER_CONFIG_DIR": str(work / "cache"),
        }
        | freezer.variables(tools)
        | dict.fromkeys(STRICT, "1")
    )
    workspace.remove(work / "pyinstaller")
    with log.step(f"freezing {build.name}") as step:
        try:
            command.run(argv, log=log_file, env=env, on_line=lambda line: _show(line, step))
        except command.CommandError as error:
            message = f"PyInstaller could not freeze {build.name}."
            raise BuildError(message, hint=error.hint, tail=error.tail) from error
    if plan.debug:
        log.note(f"PyInstaller's DEBUG log: {log_file}")


def _check_origin(work: Path, tools: ProductEnvironment) -> None:
    """Raise BuildError if something of PyInstaller's environment *tools* would be in the bundle."""
    found = sorted(
        item.place
        for item in provenance.entries(work)
        if freezer.is_foreign(Path(item.source), tools)
    )
    if found:
        more = f" and {len(found) - 1} more" if found[1:] else ""
        message = f"a hook collects a file of PyInstaller's own environment: {found[0]}{more}."
        hint = "correct the hook, or add the file's package to the product's lock"
        raise BuildError(message, hint=hint)


def _show(line: str, step: log.Step) -> None:
    for mark, phase in _PHASES.items():
        if mark in line:
            step.update(phase)


def _set_modes(made: Path, plan: Plan) -> None:
    """Set file modes independent of the umask; restore executable bits, which PyInstaller drops."""
    executable = {Path(name) for name in plan.executable_data}
    contents = made / plan.contents_directory
    for path in digest.files(made):
        if path.is_symlink():
            continue
        inside = path.relative_to(contents if contents in path.parents else made)
        path.chmod(archive.EXECUTABLE if inside in executable else archive.mode_of(path))
    for folder in (made, *(path for path in made.rglob("*") if path.is_dir())):
        if not folder.is_symlink():
            folder.chmod(archive.EXECUTABLE)


def _missing_modules(work: Path) -> tuple[str, ...]:
    """Return the modules that PyInstaller reports as missing."""
    text = "".join(path.read_text(encoding="utf-8") for path in work.rglob("warn-*.txt"))
    return tuple(sorted(set(_MISSING.findall(text))))


def _put_in_place(build: Build, made: Path) -> None:
    final = build.bundle
    old = build.work / "old"
    final.parent.mkdir(parents=True, exist_ok=True)
    workspace.remove(old)
    forget_reports(build)
    if final.exists():
        final.replace(old)
    made.replace(final)
    workspace.remove(old)
