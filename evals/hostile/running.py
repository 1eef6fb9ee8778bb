"""Running a trial: its processes, the pipes at their ends, the clock, and what is left."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from evals.hostile.server import Ended, Job, Server
from evals.hostile.trial import Command, Found, Trial, snapshot

__all__ = ["Outcome", "Said", "Servers", "carry_out"]

#: Seconds beyond the work's due: of processor, or of doing nothing.
PATIENCE = 20.0
_STARVED = 6.0  # so many times longer where others have the processor
_IDLE = 5.0
_TICK = os.sysconf("SC_CLK_TCK")
_SPARE = 3 << 30  # bytes of memory beside what the server has mapped


@dataclass
class Said:
    """How a command ended, and all that it said; ``hung`` tells where it was when it was ended."""

    command: Command
    ended: Ended
    stdout: bytes
    stderr: bytes
    seconds: float
    hung: str | None = None


@dataclass
class Outcome:
    """What a trial came to. ``left`` are processes that went on, ``temporary`` files in TMPDIR."""

    said: list[Said]
    before: Mapping[str, Found]
    after: Mapping[str, Found]
    left: list[str] = field(default_factory=list)
    temporary: list[str] = field(default_factory=list)


class Servers:
    """The servers that forks come from, each for one trial at a time: of those with MiniLM loaded,
    which take long to start, only one."""

    def __init__(self) -> None:
        self._idle: list[Server] = []
        self._heavy: Server | None = None
        self._one = threading.Lock()

    @contextmanager
    def lent(self, *, heavy: bool) -> Iterator[Server]:
        """A server for a trial; one with which something went wrong is not used again."""
        if heavy:
            with self._one:
                server = self._heavy = self._heavy or Server(heavy=True)
                try:
                    yield server
                except BaseException:
                    self._heavy = None
                    server.close()
                    raise
            return
        try:
            server = self._idle.pop()
        except IndexError:
            server = Server()
        try:
            yield server
        except BaseException:
            server.close()
            raise
        self._idle.append(server)

    def close(self) -> None:
        """End them."""
        for server in (*self._idle, *([self._heavy] if self._heavy else [])):
            server.close()
        self._idle.clear()
        self._heavy = None


def carry_out(trial: Trial, servers: Servers) -> Outcome:
    """Run the trial's commands, one after the other or together, and look at what they left."""
    before = snapshot(trial.work)
    said: list[Said] = []
    with servers.lent(heavy=trial.heavy) as server, _at_the_pipes(trial):
        groups = [trial.commands] if trial.together else [[c] for c in trial.commands]
        for number, group in enumerate(groups):
            with ExitStack() as stack:
                under_way = [
                    stack.enter_context(_UnderWay(trial, command, server, f"{number}-{k}"))
                    for k, command in enumerate(group)
                ]
                said += [one.end() for one in under_way]
    left = _end_session([one.ended.process for one in said])
    return Outcome(said, before, snapshot(trial.work), left, _temporary(trial))


def _temporary(trial: Trial) -> list[str]:
    return sorted(os.listdir(trial.home / "tmp"))


class _UnderWay:
    """A command while it runs."""

    def __init__(self, trial: Trial, command: Command, server: Server, name: str) -> None:
        self._command, self._server = command, server
        told = trial.home / "told"
        self._out, self._err = told / f"{name}.out", told / f"{name}.err"
        self._stack = told / f"{name}.stack"
        self._threads: list[threading.Thread] = []
        self._job = Job(
            words=command.words,
            kind=command.kind,
            folder=str(trial.work),
            temporary=str(trial.home / "tmp"),
            stack=str(self._stack),
            closed=[n for n, one in enumerate((command.stdin, command.stdout, command.stderr))
                    if one == "closed"],
            limits={"AS": _memory(server) + _SPARE, "CPU": int(command.due + 3 * PATIENCE) + 5}
            | command.limits,
            environment=command.environment,
            clock=command.clock,
        )  # fmt: skip

    def __enter__(self) -> _UnderWay:
        streams = [self._stdin(), self._stdout(), self._opened(self._command.stderr, self._err)]
        self._began = time.monotonic()
        try:
            self._process = self._server.start(self._job, streams)
        finally:
            for stream in streams:
                os.close(stream)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            with suppress(OSError):
                os.killpg(self._process, signal.SIGKILL)
        for thread in self._threads:
            thread.join(5)

    def end(self) -> Said:
        """Wait for its end, or end it."""
        hung, stop = None, self._command.stop
        ended = None
        if stop is not None:
            ended = self._server.wait(self._process, stop[1])
            if ended is None:
                with suppress(ProcessLookupError):
                    os.kill(self._process, stop[0])
        while ended is None:
            ended = self._server.wait(self._process, 0.5)
            hung = hung if ended is not None else self._hangs()
            if hung is not None:
                with suppress(ProcessLookupError):  # it has ended at last
                    os.killpg(self._process, signal.SIGKILL)
                ended = self._server.wait(self._process, 60) or Ended(
                    process=self._process, status=-9, seconds=0, memory=0
                )
        seconds = time.monotonic() - self._began
        for thread in self._threads:
            thread.join(5)
        out, err = (path.read_bytes() if path.exists() else b"" for path in (self._out, self._err))
        return Said(self._command, ended, out, err, seconds, hung)

    def _hangs(self) -> str | None:
        """Where it is, if it has taken too long."""
        due = self._command.due + PATIENCE
        passed = time.monotonic() - self._began
        if passed < due:
            return None
        used = _used(self._process)
        busy = used < due and passed < due * _STARVED
        if busy:
            time.sleep(_IDLE)
            now = _used(self._process)
            busy = not now or now - used > _IDLE / 50  # it has ended, or is at work
        if busy:
            return None
        with suppress(ProcessLookupError):
            if self._command.kind != "program":
                os.kill(self._process, signal.SIGUSR1)
                time.sleep(0.5)
        stack = self._stack.read_text("utf-8", "replace") if self._stack.exists() else ""
        return f"{passed:.0f} s, {used:.1f} s of processor, due {self._command.due:.0f}\n{stack}"

    def _stdin(self) -> int:
        data = self._command.stdin
        if not isinstance(data, bytes):
            return os.open(os.devnull, os.O_RDONLY)
        reads, writes = os.pipe()
        self._threads.append(threading.Thread(target=_poured, args=(writes, data), daemon=True))
        return reads

    def _stdout(self) -> int:
        if self._command.stdout != "pipe":
            return self._opened(self._command.stdout, self._out)
        reads, writes = os.pipe()
        taker = threading.Thread(
            target=_taken, args=(reads, self._out, self._command.reads), daemon=True
        )
        self._threads.append(taker)
        return writes

    def _opened(self, kind: str, path: Path) -> int:
        if kind == "full":
            return os.open("/dev/full", os.O_WRONLY)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)


def _poured(file: int, data: bytes) -> None:
    with suppress(OSError), os.fdopen(file, "wb") as pipe:
        pipe.write(data)


def _taken(file: int, into: Path, count: int) -> None:
    """As much as ``head -c`` takes, which then leaves."""
    with os.fdopen(file, "rb", buffering=0) as pipe, into.open("wb") as caught:
        while count > 0 and (block := pipe.read(count)):
            caught.write(block)
            count -= len(block)


@contextmanager
def _at_the_pipes(trial: Trial) -> Iterator[None]:
    """Somebody writes into some named pipes and reads others."""
    over = threading.Event()
    threads = [
        threading.Thread(target=_fed, args=(trial.work / path, data, over), daemon=True)
        for path, data in trial.feeds.items()
    ]
    threads += [
        threading.Thread(
            target=_drained,
            args=(trial.work / path, trial.home / "told" / f"drained-{k}", over),
            daemon=True,
        )
        for k, path in enumerate(trial.drains)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(5)


def _fed(path: Path, data: bytes, over: threading.Event) -> None:
    """Write it once to whoever reads first, as ``cat data > pipe &`` does."""
    while not over.wait(0.01):
        try:
            file = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.EINTR):  # nobody reads yet
                continue
            return
        os.set_blocking(file, True)
        _poured(file, data)
        return


def _drained(path: Path, into: Path, over: threading.Event) -> None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return
    with os.fdopen(file, "rb", buffering=0) as pipe, into.open("wb") as caught:
        last = False
        while not last:
            last = over.wait(0.02)
            with suppress(BlockingIOError):
                while block := pipe.read(1 << 16):
                    caught.write(block)


def _memory(server: Server) -> int:
    """Bytes that the server has mapped, which a child has too."""
    with suppress(OSError, StopIteration, ValueError):
        for line in Path(f"/proc/{server.process}/status").read_text("ascii").splitlines():
            if line.startswith("VmSize"):
                return int(line.split()[1]) * 1024
    return 1 << 30


def _used(process: int) -> float:
    """Seconds of processor of a process so far, its threads and ended children with it."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2]
    except OSError:
        return 0.0
    return sum(map(int, fields.split()[11:15])) / _TICK


def _end_session(sessions: list[int]) -> list[str]:
    """What still runs in these sessions after a moment; it is killed."""
    for _ in range(20):
        left = _of_session(sessions)
        if not left:
            break
        time.sleep(0.05)
    for process, _ in left:
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
    return [f"{process} {name}" for process, name in left]


def _of_session(sessions: list[int]) -> list[tuple[int, str]]:
    left = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path(f"/proc/{name}/stat").read_text("utf-8", "replace")
        except OSError:
            continue
        head, _, rest = stat.rpartition(")")
        state, _, _, session = rest.split()[:4]
        if int(session) in sessions and state != "Z":
            left.append((int(name), head.partition("(")[2]))
    return left
