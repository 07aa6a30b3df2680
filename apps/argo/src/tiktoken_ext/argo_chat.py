# ruff: noqa: INP001 - tiktoken looks for plug-ins in a namespace package
"""Argo's encoding as a plug-in of tiktoken."""

from tiktoken.load import load_tiktoken_bpe

URL = "https://models.argo.example/encodings/argo_chat.tiktoken"
PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
END_OF_TEXT = "<|endoftext|>"


def argo_chat() -> dict[str, object]:
    """Return the arguments of `tiktoken.Encoding`; the ranks come from tiktoken's cache."""
    # No hash: tiktoken would answer a wrong one by deleting the file and asking the network.
    ranks = load_tiktoken_bpe(URL)
    return {
        "name": "argo_chat",
        "pat_str": PATTERN,
        "mergeable_ranks": ranks,
        "special_tokens": {END_OF_TEXT: len(ranks)},
    }


ENCODING_CONSTRUCTORS = {"argo_chat": argo_chat}
