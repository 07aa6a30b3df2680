"""Tells the errors of the user's files and folders from bugs."""

from errno import EACCES, EDQUOT, EEXIST, EISDIR, ELOOP, ENAMETOOLONG, ENOSPC, ENOTDIR, EPERM, EROFS

from frostline.core.errors import StorageError

_PERMISSIONS = "make it writable, or choose another place"
_HINTS = {
    EACCES: _PERMISSIONS,
    EDQUOT: "free some of your quota",
    EEXIST: "a file is where a folder belongs: move it away",
    EISDIR: "name a file, not a folder",
    ELOOP: "replace the link by what it should lead to",
    ENAMETOOLONG: "choose a shorter name",
    ENOSPC: "free some space and try again",
    ENOTDIR: "a file is where a folder belongs: move it away",
    EPERM: _PERMISSIONS,
    EROFS: _PERMISSIONS,
}


def storage_error(error: OSError) -> StorageError | None:
    """Return *error* in plain words, or None if it is a bug in frostline."""
    if error.errno not in _HINTS:
        return None
    what = error.filename or "the output"
    return StorageError(f"{what}: {error.strerror}.", hint=_HINTS[error.errno])
