"""llama.cpp in a process of its own, for what may kill it.

llama.cpp ends its process where an assertion fails, and a mapped file that is cut is a signal. So
a stranger's file is loaded for the first time, and any file requantised, where such an end is
only a sentence.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evolsynth.atomic import cache_folder
from evolsynth.errors import EvolsynthError, InputError, SetupError, TemplateError
from evolsynth.foreign import process_of
from evolsynth.llm.llamacpp.context import Context
from evolsynth.llm.llamacpp.model import Model, build, has_amx

__all__ = ["apart", "tried"]

_KINDS = {kind.__name__: kind for kind in (InputError, SetupError, TemplateError)}
_PATIENCE = 120.0  # seconds, and
_SLOWEST = 20e6  # bytes of a file read in a second
_ROOM = 4 << 30  # bytes of memory beside twice the file
_OTHER_FILE = "Fetch the file again, or use another one."
_WITHOUT_AMX = (
    "Some compilers get AMX wrong, which your llama-cpp-python was built with. Build it without: "
    'CMAKE_ARGS="-DCMAKE_CXX_FLAGS=-mno-amx-int8" pip install --force-reinstall --no-deps '
    "--no-cache-dir llama-cpp-python"
)


def apart(work: Callable[..., None], path: Path, *rest: Any) -> None:
    """Call ``work(path, *rest)`` in a process of its own.

    Args:
        work: a module's function, which the other process imports.
        path: the file that may end it.
        rest: what JSON has.

    Raises:
        EvolsynthError: what it raised.
        InputError: the process was ended over it, or took too long.
        SetupError: no process can be started.
    """
    size = path.stat().st_size
    with tempfile.TemporaryFile() as said:
        try:
            process = process_of(
                "-m",
                "evolsynth.llm.llamacpp.apart",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env={"GGML_NO_BACKTRACE": "1"},
            )
        except OSError as error:
            raise SetupError(
                f"{path}: no process can be started for it ({error.strerror}). Raise the limits "
                "of memory and processes (ulimit -v, -u, -n)."
            ) from None
        late = threading.Timer(_PATIENCE + size / _SLOWEST, process.kill)
        with process, _running(late):
            assert process.stdin is not None  # noqa: S101
            assert process.stdout is not None  # noqa: S101
            try:
                with contextlib.suppress(BrokenPipeError):
                    job = (2 * size + _ROOM, work.__module__, work.__name__, str(path), *rest)
                    process.stdin.write(json.dumps(job).encode() + b"\n")
                    process.stdin.flush()
                answer = process.stdout.read()  # its input stays open: it ends with us
                status = process.wait()
            except BaseException:
                process.kill()
                raise
        if answer:
            kind, _, message = answer.decode("utf-8", "replace").partition(" ")
            raise _KINDS.get(kind, InputError)(message)
        if status == 0:
            return
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    name = signal.Signals(-status).name if status < 0 else f"status {status}"
    raise InputError(
        f"{path}: llama.cpp cannot use the model: its process ended with {name} ({last[:300]}). "
        f"{_WITHOUT_AMX if has_amx() else _OTHER_FILE}"
    )


@contextlib.contextmanager
def _running(timer: threading.Timer) -> Iterator[None]:
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def tried(path: Path, sha256: str) -> None:
    """See that llama.cpp can load a file and compute with it; once, for it is remembered.

    Raises:
        InputError: it cannot.
    """
    made_with = hashlib.sha256(build().encode()).hexdigest()[:8]
    mark = cache_folder() / "models" / f"{sha256[:32]}-{made_with}.tried"
    if mark.is_file():
        return
    apart(_try, path)
    with contextlib.suppress(OSError):  # then it is tried again
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _try(path: Path) -> None:
    model = Model(path)
    _ = model.pieces, model.end_tokens, model.control_tokens
    with contextlib.suppress(TemplateError):  # told by what needs one
        _ = model.template
    Context(model, sequences=1, tokens=64, threads=1).warm_up()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _serve() -> None:
    memory, module, name, path, *rest = json.loads(sys.stdin.buffer.readline())
    work = getattr(importlib.import_module(module), name)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    with contextlib.suppress(ValueError, OSError):
        most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        work(Path(path), *rest)
    except EvolsynthError as error:
        sys.stdout.write(f"{type(error).__name__} {error}")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    _serve()
