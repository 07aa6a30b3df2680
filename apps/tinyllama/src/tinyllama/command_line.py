"""The options of llamafile 0.10 that a server needs."""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from tinyllama.errors import StartError

GPU_MODES = ("auto", "nvidia", "amd", "apple", "vulkan", "disable")
GPU_LAYERS = {"auto": -1, "all": -2}  # as llama.cpp numbers them
POOLING = ("mean", "cls", "last")
# tinyllama always behaves as these options demand.
IGNORED = ("--no-warmup", "--no-webui", "--nologo", "--unsecure", "--offline")
LARGEST = 2**31 - 1


class Parser(argparse.ArgumentParser):
    """Raises mistakes as StartError, because llamafile exits with 1 and argparse with 2."""

    def error(self, message: str) -> NoReturn:
        """Raise StartError with *message*."""
        raise StartError(message)


def integer(low: int, high: int) -> Callable[[str], int]:
    """Make a converter that accepts whole numbers from `low` to `high`."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            msg = f"{text} is no whole number from {low} to {high}"
            raise argparse.ArgumentTypeError(msg)
        return number

    return convert


def gpu_layers(text: str) -> int:
    """Convert a number of layers, `auto` or `all`."""
    return GPU_LAYERS[text] if text in GPU_LAYERS else integer(-2, LARGEST)(text)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options in `argv`, by default those of this process."""
    parser = Parser("tinyllama", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--version", action="store_true", help="print the version and exit")
    add("--server", action="store_true", help="serve over http; tinyllama does nothing else")
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=integer(0, 65535), default=8080, help="0 is any free one (%(default)s)")
    add("-m", "--model", type=Path, metavar="FILE", help="GGUF file (the bundled one)")
    add("-c", "--ctx-size", type=integer(0, LARGEST), default=0, help="0 is the model's (0)")
    add("-n", "--predict", "--n-predict", type=integer(-2, LARGEST), default=-1, help="token limit")
    add("-t", "--threads", type=integer(1, 512), default=min(4, os.cpu_count() or 1))
    add("-ngl", "--gpu-layers", "--n-gpu-layers", type=gpu_layers, default=0)
    add("--gpu", choices=GPU_MODES, default="auto", help="disable keeps every layer on the CPU")
    add("-s", "--seed", type=integer(-1, 2**32 - 1), default=-1, help="-1 is a random one (-1)")
    add("--api-key", metavar="KEY", help="ask clients for this key")
    add("--metrics", action="store_true", help="answer /metrics")
    add("--embedding", "--embeddings", action="store_true", help="answer /v1/embeddings only")
    add("--pooling", choices=POOLING, default="mean", help="how a text's vector is made (mean)")
    add("--log-disable", action="store_true", help="log nothing but errors")
    for name in IGNORED:
        add(name, action="store_true", help="accepted, without effect")
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(f"invalid argument: {unknown[0]}")
    if not (options.server or options.version):
        parser.error("tinyllama only serves: give --server")
    return options
