"""llama.cpp's own server with a model, as a process on this machine, for as long as it is needed.

Either a ``llama-server`` that somebody built, or the one in xllamacpp's wheel: ``python -m
evals.llama_servers MODEL SLOTS CONTEXT`` prints its address and serves until its standard input
ends. That library holds a build of llama.cpp of its own, which cannot share a process with ours.
"""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from evolsynth.errors import EngineError, InputError, SetupError

__all__ = ["built", "running", "wait_for", "wheels"]

_PATIENCE = 120.0


@contextlib.contextmanager
def running(
    model: Path,
    binary: Path | None = None,
    *,
    slots: int = 4,
    context: int = 1024,
    options: Sequence[str] = (),
) -> Iterator[str]:
    """A server with so many slots of so many tokens each; gives its address.

    Args:
        model: the GGUF file.
        binary: a llama-server; None: xllamacpp's.
        slots: how many requests it works on at once.
        context: tokens of each slot.
        options: more of the binary's own.

    Raises:
        InputError: there is no such binary, or options were given without one.
        SetupError: neither a binary nor xllamacpp is there.
        EngineError: it did not start.
    """
    if binary is not None:
        with built(model, binary, slots=slots, context=context, options=options) as url:
            yield url
    elif options:
        raise InputError("Options of llama-server need one: give --server-binary, too.")
    else:
        with wheels(model, slots=slots, context=context) as url:
            yield url


@contextlib.contextmanager
def built(
    model: Path, binary: Path, *, slots: int, context: int, options: Sequence[str] = ()
) -> Iterator[str]:
    """A llama-server's binary at work, in the arrangement of the engine in process: attention in
    one pass, and a store of keys and values for each slot."""
    if not binary.is_file():
        raise InputError(f"{binary}: there is no such file. Give the path of a llama-server.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(str(binary), "--model", str(model), "--host", "127.0.0.1", "--port", str(port)),
        *("--parallel", str(slots), "--ctx-size", str(slots * context), "--threads", "1"),
        *("--flash-attn", "on", "--no-kv-unified", "--n-gpu-layers", "0", *options),
    ]
    null = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)  # noqa: S603
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/health", process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server that was started answers there.

    Raises:
        EngineError: it ends first, or takes too long.
    """
    last = time.monotonic() + _PATIENCE
    while time.monotonic() < last and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - of our own server
            return
        time.sleep(0.1)
    raise EngineError(f"{process.args!r} did not start: try that command by itself.")


@contextlib.contextmanager
def wheels(model: Path, *, slots: int, context: int) -> Iterator[str]:
    """The server that xllamacpp's wheel holds."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise SetupError(
            "xllamacpp, which holds a llama-server, is not installed. Install it with: "
            "pip install xllamacpp. Or give --server-binary."
        )
    command = [sys.executable, "-m", __name__, str(model), str(slots), str(context)]
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stdin, stdout = process.stdin, process.stdout
    try:
        line = next((line for line in stdout or () if line.startswith("ADDRESS ")), "")
        if not line:
            raise EngineError(f"{command!r} did not start: try that command by itself.")
        yield line.removeprefix("ADDRESS ").strip()
    finally:
        if stdin is not None:
            stdin.close()
        process.terminate()
        process.wait(30)
        if stdout is not None:
            stdout.close()


def _serve(model: str, slots: int, context: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_parallel = slots
    params.n_ctx = context * slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.port = 0
    server = xllamacpp.Server(params)
    sys.stdout.write(f"ADDRESS {server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
