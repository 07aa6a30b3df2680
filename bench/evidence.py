"""Measures how much tracing slows a product down.

    python bench/evidence.py [--rounds 5] [--product argo]

Exercises the product from source in turn with the tracer and with an empty file in its place.
"""

import argparse
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from frostline import pipeline
from frostline.core.platforms import host
from frostline.freeze.plan import collect
from frostline.infer.opening import open_build
from frostline.launch import trace, tracer
from frostline.profile import configuration
from frostline.source.product import lay_out


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--product", default="argo")
    options = parser.parse_args()
    project = configuration.find(Path(__file__).resolve().parent)
    build = pipeline.with_model_server(open_build(project, options.product, host(), os.environ))
    stage = lay_out(build)
    collect(build, stage)
    traced = tracer.__file__
    seconds: dict[str, list[float]] = {"plain": [], "traced": []}
    with TemporaryDirectory() as folder:
        empty = Path(folder, "empty.py")
        empty.touch()
        for _ in range(options.rounds):
            for name, file in (("plain", str(empty)), ("traced", traced)):
                tracer.__file__ = file
                begun = time.monotonic()
                trace.trace(build, stage)
                seconds[name].append(time.monotonic() - begun)
    plain = statistics.median(seconds["plain"])
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        spread = f"{min(taken):.2f} to {max(taken):.2f}"
        print(f"{name:8} {middle:6.2f} s ({spread}), {middle / plain:.2f}")


if __name__ == "__main__":
    main()
