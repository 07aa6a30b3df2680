"""Every exit code of the verbs. An artifact has its own: frostline_runtime/exit_codes.py."""

DONE = 0
BUG = 1
USAGE = 2
HOST = 3
BUILD = 4
NOT_GOOD = 5
BUSY = 6
STORAGE = 7
FETCH = 8
INTERRUPTED = 130

# Number and meaning; docs/exit-codes.md is generated from it.
EXIT_CODES = {
    DONE: "done",
    BUG: "a bug in frostline, with a traceback; or the reader of the output, such as `head`, has "
    "ended; or, called as `invoke`, a flag that is not known",
    USAGE: "wrong usage: a wrong argument, profile or lock, or the product is not built yet",
    HOST: "this machine cannot do it: a tool is missing, or another platform is needed",
    BUILD: "the build failed",
    NOT_GOOD: "the artifact must not ship: its smoke test, audit or comparison failed",
    BUSY: "busy: another build of the same target is running",
    STORAGE: "the disk is full, or a file or folder cannot be written",
    FETCH: "a download failed, or a fetched file has the wrong size or digest",
    INTERRUPTED: "interrupted",
}
