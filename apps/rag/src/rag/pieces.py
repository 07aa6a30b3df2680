"""Cuts a text into pieces for embedding."""

import re

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n{2,}")


def cut(text: str, longest: int) -> list[str]:
    """Return the pieces of *text*: whole sentences, at most *longest* characters if possible."""
    pieces: list[str] = []
    for sentence in filter(None, (part.strip() for part in _SENTENCE.split(text))):
        for start in range(0, len(sentence), longest):
            part = sentence[start : start + longest]
            if pieces and len(pieces[-1]) + 1 + len(part) <= longest:
                pieces[-1] = f"{pieces[-1]} {part}"
            else:
                pieces.append(part)
    return pieces
