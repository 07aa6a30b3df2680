"""Token counts, offline, with argo's own encoding."""

import functools
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from argo.errors import ArgoError

if TYPE_CHECKING:
    import tiktoken

ENCODING = "argo_chat"


def _unavailable(reason: str) -> ArgoError:
    return ArgoError(503, f"tokens cannot be counted: {reason}", service="tokens")


def _check_cache(url: str) -> None:
    # Without the file, tiktoken would ask the network, and wait.
    folder = os.environ.get("TIKTOKEN_CACHE_DIR")
    if not folder:
        reason = "encoding file missing, TIKTOKEN_CACHE_DIR is not set"
        raise _unavailable(reason)
    file = Path(folder) / hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()
    if not file.is_file():
        reason = f"encoding file missing: {file}"
        raise _unavailable(reason)


@functools.cache
def load_encoding() -> "tiktoken.Encoding":
    """Load the encoding from tiktoken's cache folder, once; a failure is not remembered."""
    from tiktoken_ext.argo_chat import URL  # noqa: PLC0415 - loads tiktoken, not needed at start

    _check_cache(URL)
    import tiktoken  # noqa: PLC0415 - slow to import, not needed at start

    try:
        return tiktoken.get_encoding(ENCODING)
    except (OSError, ValueError) as error:
        reason = f"encoding file unusable: {error}"
        raise _unavailable(reason) from error


def count_tokens(text: str) -> int:
    """Return the number of tokens in *text*; what looks like a special token is plain text."""
    return len(load_encoding().encode_ordinary(text))
