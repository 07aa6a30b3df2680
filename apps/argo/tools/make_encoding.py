"""Build step: train argo's encoding and write it where tiktoken's cache expects it.

Usage: python make_encoding.py OUTPUT_DIR, with argo's `src` folder on PYTHONPATH. At run time
TIKTOKEN_CACHE_DIR names OUTPUT_DIR. The same sources give the same file, byte for byte.
"""

import argparse
import base64
import hashlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import regex  # type: ignore[import-untyped]  # its types are a package of their own
from tiktoken_ext.argo_chat import PATTERN, URL

CORPUS = Path(__file__).with_name("english.txt")
MERGES = 700

Word = tuple[bytes, ...]
Pair = tuple[bytes, bytes]


def split_words(text: str) -> Counter[Word]:
    """Count the words of *text*, as the encoding's pattern splits them, in single bytes."""
    words = Counter(regex.findall(PATTERN, text))
    return Counter({tuple(bytes([b]) for b in word.encode()): n for word, n in words.items()})


def most_frequent_pair(words: Counter[Word]) -> Pair:
    """Return the most frequent pair of neighbours; among equals, the first in byte order."""
    pairs: Counter[Pair] = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            pairs[pair] += count
    return min(pairs, key=lambda pair: (-pairs[pair], pair))


def join_pair(word: Word, pair: Pair) -> Word:
    """Replace each *pair* in *word* by one token."""
    joined: list[bytes] = []
    index = 0
    while index < len(word):
        width = 2 if word[index : index + 2] == pair else 1
        joined.append(b"".join(word[index : index + width]))
        index += width
    return tuple(joined)


def train(text: str, merges: int) -> list[bytes]:
    """Return the tokens by rank: all single bytes, then *merges* pairs learned from *text*."""
    tokens = [bytes([value]) for value in range(256)]
    words = split_words(text)
    for _ in range(merges):
        pair = most_frequent_pair(words)
        tokens.append(b"".join(pair))
        words = Counter({join_pair(word, pair): count for word, count in words.items()})
    return tokens


def write_encoding(folder: Path, tokens: list[bytes]) -> Path:
    """Write *tokens* to *folder* under the name that tiktoken's cache gives to the URL."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / hashlib.sha1(URL.encode(), usedforsecurity=False).hexdigest()
    part = file.with_suffix(".part")
    lines = (b"%b %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens))
    part.write_bytes(b"".join(lines))
    part.replace(file)
    return file


def main() -> None:
    """Train and write the encoding."""
    parser = argparse.ArgumentParser(description="Train argo's encoding.")
    parser.add_argument("output_dir", type=Path)
    folder: Path = parser.parse_args().output_dir
    print(write_encoding(folder, train(CORPUS.read_text(encoding="utf-8"), MERGES)))


if __name__ == "__main__":
    main()
