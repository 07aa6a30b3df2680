"""The entry point of a frozen artifact."""

import os
import sys
import time

from frostline_runtime import exit_codes
from frostline_runtime.artifact import frozen, guardian

STARTED = time.monotonic()


def main() -> int:
    """Run the artifact and return its exit code."""
    if not frozen.is_frozen() and frozen.SOURCE_BUNDLE not in os.environ:
        message = f"{frozen.SOURCE_BUNDLE} is not set: it must name the folder of frostline.json."
        print(message, file=sys.stderr)
        return exit_codes.CANNOT_START
    if not frozen.is_frozen():  # a frozen one has done it in its runtime hook
        guardian.begin(sys.argv[1:])
    from frostline_runtime.artifact import environment  # noqa: PLC0415  # only after the guardian has forked
    from frostline_runtime.artifact.manifest import ManifestError, load  # noqa: PLC0415

    _support_multiprocessing()
    bundle = frozen.bundle()
    try:
        manifest = load(bundle)
    except ManifestError as error:
        print(error, file=sys.stderr)
        return exit_codes.CANNOT_START
    if not frozen.is_frozen():  # see above
        environment.apply(manifest.environment, os.environ, str(bundle))
    if not manifest.services:
        from frostline_runtime import serve  # noqa: PLC0415  # start-up time

        return serve.run(manifest.entry, manifest.serve)
    from frostline_runtime import commands  # noqa: PLC0415  # start-up time

    return commands.main(manifest, bundle, sys.argv[1:], STARTED)


def run_program(entry: str) -> int:
    """Run *entry* of a further executable of the artifact and return its exit code."""
    _support_multiprocessing()
    from frostline_runtime import serve  # noqa: PLC0415  # start-up time

    return serve.run(entry, "function")


def _support_multiprocessing() -> None:
    # Importing multiprocessing costs 15 ms: only its own child processes pay.
    spawned = sys.argv[1:2] == ["--multiprocessing-fork"]
    helper = any(argument.startswith("from multiprocessing.") for argument in sys.argv[1:])
    if spawned or helper:
        import multiprocessing  # noqa: PLC0415

        multiprocessing.freeze_support()
    elif frozen.is_onefile() and "multiprocessing.util" in sys.modules:
        from frostline_runtime import children  # noqa: PLC0415  # only for these processes

        children.hand_on_bootloader()


if __name__ == "__main__":
    sys.exit(main())
