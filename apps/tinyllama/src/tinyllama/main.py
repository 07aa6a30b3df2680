"""Serves a GGUF file over http until a signal comes."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from tinyllama.command_line import parse
from tinyllama.errors import StartError

VERSION = "0.10.0"
BUNDLED_MODEL = Path(__file__).with_name("model.gguf")
HTTP_THREADS = 8
ERRORS, INFORMATION = 1, 3  # log levels of llama.cpp


def version() -> str:
    """Return the version line, without loading llama.cpp."""
    try:
        engine = metadata.version("xllamacpp")
    except metadata.PackageNotFoundError:
        engine = "of unknown version"
    return f"tinyllama v{VERSION} (llama.cpp via xllamacpp {engine})"


def check_model(model: Path) -> None:
    """Raise a StartError unless the model is a GGUF file."""
    if not model.is_file():
        msg = f"model file not found: {model}"
        raise StartError(msg)
    try:
        with model.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        msg = f"cannot read model file: {model} ({error.strerror})"
        raise StartError(msg) from error
    if magic != b"GGUF":
        msg = f"not a GGUF file: {model}"
        raise StartError(msg)


def check_address(host: str, port: int) -> None:
    """Raise a StartError if the address is taken; llama.cpp would share the port on Windows."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address, family=family).close()
    except OSError as error:
        msg = f"couldn't bind HTTP server socket, hostname: {host}, port: {port} ({error.strerror})"
        raise StartError(msg) from error


def catch_signals() -> socket.socket:
    """Return a socket that gets a byte for every signal that ends the server.

    A read from a socket ends at a signal on every system; Windows does not interrupt locks.
    """
    reader, writer = socket.socketpair()
    writer.settimeout(0)
    signal.set_wakeup_fd(writer.detach())
    signals = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        signals.append(signal.SIGBREAK)
    for number in signals:
        signal.signal(number, lambda *_: None)
    return reader


def serve(options: argparse.Namespace, model: Path) -> None:
    """Serve `model` until a signal ends the process."""
    import xllamacpp  # noqa: PLC0415 - 100 MB, not needed for --version

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {model.name}
    params.hostnames = [options.host]
    params.port = options.port
    params.reuse_port = False
    params.n_ctx = options.ctx_size
    params.n_predict = options.predict
    params.n_gpu_layers = 0 if options.gpu == "disable" else options.gpu_layers
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    params.sampling.seed = options.seed % 2**32
    params.api_keys = [options.api_key] if options.api_key else []
    params.endpoint_metrics = options.metrics
    params.embedding = options.embedding
    if options.embedding:
        params.pooling_type = getattr(
            xllamacpp.llama_pooling_type, f"LLAMA_POOLING_TYPE_{options.pooling.upper()}"
        )
    params.verbosity = ERRORS if options.log_disable else INFORMATION
    params.n_threads_http = HTTP_THREADS
    params.n_parallel = 1
    params.warmup = params.ui = False
    params.fit_params = False  # loads the model a second time
    params.cache_prompt = False  # else earlier requests may change the last bit of an answer
    params.cache_ram_mib = 0

    stop = catch_signals()
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        msg = f"llama.cpp could not load the model or start: {model}"
        raise StartError(msg) from error
    print(f"server is listening on {server.listening_address}", flush=True)
    stop.recv(1)
    # A Server that is destroyed before its loop runs waits for the loop for ever: exit at once.
    os._exit(0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        options = parse(argv)
        if options.version:
            print(version())
            return 0
        model = options.model or BUNDLED_MODEL
        check_model(model)
        check_address(options.host, options.port)
        serve(options, model)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
