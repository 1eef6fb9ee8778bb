"""A process that has imported everything and forks: a command starts in 30 ms, not in a second.

The child is made to look like a fresh process: its own session, folder, standard streams, limits
and signals; it leaves the server's loop before it begins, so that it ends as a command ends, with
everything that Python says at exit. ``heavy`` has torch and MiniLM too. One of some trials is
executed anew instead, by the shell, as people do.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Ended", "Job", "Server"]

ROOT = Path(__file__).parents[2]
_LOUD = 1 << 16
_STOPS = (signal.SIGINT, signal.SIGTERM)
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a child is to do.

    ``words`` is evolsynth's command line; or a Python file with ``script``; or a program with
    ``program``. ``limits`` are those of `resource` by name; ``clock`` shifts `time.time` by so
    many seconds, to and fro each time that it is asked; ``closed`` are standard streams that are
    not there.
    """

    words: Sequence[str]
    folder: str
    temporary: str
    stack: str
    kind: str = "evolsynth"
    closed: Sequence[int] = ()
    limits: Mapping[str, int] = {}
    environment: Mapping[str, str] = {}
    clock: float = 0.0


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a child ended: its exit status (minus the signal that it died of), its seconds of
    processor, and the most MiB that it had."""

    process: int
    status: int
    seconds: float
    memory: float


class Server:
    """The server as who starts it sees it; `start` may be called again before a child has ended."""

    def __init__(self, *, heavy: bool = False) -> None:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket, self._ended = mine, dict[int, Ended]()
        environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "evals.hostile.server", str(theirs.fileno())]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*command, "heavy"] if heavy else command,
            cwd=ROOT,
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._told(120.0)  # it is ready

    @property
    def process(self) -> int:
        """The number of its process."""
        return self._process.pid

    def start(self, job: Job, streams: Sequence[int]) -> int:
        """Fork a child with these standard streams; its process number."""
        socket.send_fds(
            self._socket, [json.dumps(msgspec.to_builtins(job)).encode()], list(streams)
        )
        while True:
            told = self._told(120.0)
            if told is None:
                raise RuntimeError("The server of forks is gone.")
            if "started" in told:
                return int(told["started"])
            self._note(told)

    def wait(self, process: int, seconds: float) -> Ended | None:
        """How the child ended; None if it has not after so long."""
        while process not in self._ended:
            told = self._told(seconds)
            if told is None:
                return None
            self._note(told)
        return self._ended.pop(process)

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.wait(10)

    def _note(self, told: Mapping[str, Any]) -> None:
        ended = msgspec.convert(told, Ended)
        self._ended[ended.process] = ended

    def _told(self, seconds: float) -> dict[str, Any] | None:
        ready, _, _ = select.select([self._socket], [], [], seconds)
        if not ready:
            return None
        data = self._socket.recv(_LOUD)
        if not data:
            raise RuntimeError("The server of forks has ended.")
        told: dict[str, Any] = json.loads(data)
        return told


# In the server's process ---------------------------------------------------------------------


def _prepared(*, heavy: bool) -> None:
    """Import what a command may import, and keep the collector from going through it again."""
    import evolsynth

    for module in pkgutil.walk_packages(evolsynth.__path__, "evolsynth."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("concurrent.futures.thread", "rich.table", "sqlite3", "yaml"):
        importlib.import_module(name)
    if heavy:
        _with_minilm()
    gc.collect()
    gc.freeze()


def _with_minilm() -> None:
    """Have every MiniLM find its model loaded already."""
    for name in ("llama_cpp", "sklearn.manifold"):
        importlib.import_module(name)
    from evolsynth.evaluation.embed.minilm import MiniLM

    first = MiniLM()
    first.load()
    begin = MiniLM.__init__

    def begin_loaded(self: MiniLM, path: Any = None, **more: Any) -> None:
        begin(self, path, **more)
        if path is None:
            self._model, self._rough = first._model, first._rough

    MiniLM.__init__ = begin_loaded  # type: ignore[method-assign] # in this process only


def _serve(control: socket.socket) -> Job | None:
    """Fork for each job; in a child its job, and None when nobody asks any more."""
    children: dict[int, int] = {}  # process by the file that tells of its end
    mine = control.fileno()
    control.send(b'{"ready":1}')
    while True:
        ready, _, _ = select.select([mine, *children], [], [])
        for file in ready:
            if file != mine:
                process = children.pop(file)
                os.close(file)
                _, status, used = os.wait4(process, 0)
                ended = Ended(
                    process=process,
                    status=os.waitstatus_to_exitcode(status),
                    seconds=used.ru_utime + used.ru_stime,
                    memory=used.ru_maxrss / 1024,
                )
                control.send(msgspec.json.encode(ended))
                continue
            try:
                data, streams, _, _ = socket.recv_fds(control, _LOUD, 3)
            except ConnectionResetError:  # who asked has ended
                return None
            if not data:
                return None
            job = msgspec.convert(json.loads(data), Job)
            signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
            process = os.fork()
            if process:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            else:
                _become(job, streams)
                return job
            for stream in streams:
                os.close(stream)
            children[os.pidfd_open(process)] = process
            control.send(json.dumps({"started": process}).encode())


def _become(job: Job, streams: Sequence[int]) -> None:
    os.setsid()
    high = [os.dup2(stream, 200 + n) for n, stream in enumerate(streams)]
    for n, stream in enumerate(high):
        os.dup2(stream, n, inheritable=True)
    for n in job.closed:
        os.close(n)
    os.closerange(3, 256)
    os.chdir(job.folder)
    os.environ.update(job.environment)
    os.environ["TMPDIR"] = job.temporary
    tempfile.tempdir = None
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _limit(limits: Mapping[str, int]) -> None:
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))


def _standard_streams() -> None:
    """As the interpreter makes them when it starts: None for one that is closed."""
    for n, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(n)
        except OSError:
            stream = None
        else:
            errors = "backslashreplace" if name == "stderr" else "strict"
            lines = 1 if name == "stderr" or (mode == "w" and os.isatty(n)) else -1
            stream = open(  # noqa: SIM115 - the process's own, to its end
                n, mode, lines, encoding="utf-8", errors=errors, closefd=False
            )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _shifted(seconds: float) -> None:
    """Let the clock be set forth and back between any two looks at it."""
    import time

    real, count = time.time, 0

    def shifted() -> float:
        nonlocal count
        count += 1
        return real() + (seconds if count % 2 else -seconds)

    time.time = shifted
    for module in list(sys.modules.values()):
        if getattr(module, "time", None) is real:
            module.time = shifted  # type: ignore[attr-defined] # it was imported by name


def _hear_when_begun() -> None:
    """Let signals through when the command has begun: what comes while an interpreter starts is
    nobody's to catch."""
    import argparse

    begin = argparse.ArgumentParser.__init__

    def heard(self: argparse.ArgumentParser, *given: Any, **more: Any) -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        begin(self, *given, **more)

    argparse.ArgumentParser.__init__ = heard  # type: ignore[method-assign] # in the child only


def _do(job: Job) -> None:
    if job.kind != "evolsynth":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    if job.kind == "program":
        _limit(job.limits)
        os.execvp(job.words[0], list(job.words))  # noqa: S606 - what the trial drew
    _standard_streams()
    import faulthandler

    with open(job.stack, "w") as place:
        stack = os.dup2(place.fileno(), 250, inheritable=False)
    faulthandler.register(signal.SIGUSR1, file=stack, all_threads=True)
    _limit(job.limits)
    if job.clock:
        _shifted(job.clock)
    if job.kind == "script":
        import runpy

        sys.argv = list(job.words)
        sys.path.insert(0, job.folder)
        runpy.run_path(job.words[0], run_name="__main__")
        return
    from evolsynth.cli.main import run

    _hear_when_begun()
    sys.argv = ["evolsynth", *job.words]
    run()


def _main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    _prepared(heavy=sys.argv[2:] == ["heavy"])
    job = _serve(control)
    control.detach()
    if job is not None:
        _do(job)


if __name__ == "__main__":
    _main()
