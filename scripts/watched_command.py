"""Run a long command with a log, a sign of life, and a reason if it fails."""

from __future__ import annotations

import os
import platform
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from preflight import SetupProblem

SECONDS_BETWEEN_LINES = 15.0
SECONDS_BETWEEN_REWRITES = 0.2

NINJA_LINE = re.compile(r"\s*\[(\d+)/(\d+)\]")
MAKE_LINE = re.compile(r"\s*\[\s*(\d+)%\]")
PIP_ACTION = re.compile(r"\s*((?:Collecting|Downloading|Processing|Building|Installing) .*)")

DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded")
OUT_OF_MEMORY = re.compile(r"Killed signal terminated program|cannot allocate memory", re.I)
COMPILE_ERROR = re.compile(
    r"\S:\d+(:\d+)?: (fatal )?error: |CMake Error|undefined reference|internal compiler error"
    r"|collect2: error|\bld: cannot find"
)
UNREACHABLE = re.compile(
    r"Temporary failure in name resolution|Name or service not known|nodename nor servname"
    r"|Failed to establish a new connection|Network is unreachable|No route to host"
    r"|Connection refused|Connection reset|Connection broken|Max retries exceeded"
    r"|Connect(ion)?Timeout|ReadTimeout|timed out|ProxyError|CERTIFICATE_VERIFY_FAILED"
    r"|HTTP error [45]\d\d|[45]\d\d (Client|Server) Error"
)
NOT_IN_INDEX = re.compile(
    r"No matching distribution found for ([^\s(]+)|satisfies the requirement ([^\s(]+)"
)


def say(text: str) -> None:
    """Print one line now, also when the output is a pipe."""
    print(text, flush=True)


def duration(seconds: float) -> str:
    """Give seconds as people read them: ``8 s``, ``3 min 05 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def compiled_share(line: str) -> tuple[int, int] | None:
    """Read how far a build is: ``[38/140]`` (ninja) gives (38, 140), ``[ 27%]`` (make) (27, 100).

    CMake's own trial builds have a handful of steps and do not count.
    """
    ninja = NINJA_LINE.match(line)
    if ninja:
        done, total = int(ninja[1]), int(ninja[2])
        return (done, total) if total >= 20 and done <= total else None
    percent = MAKE_LINE.match(line)
    return (int(percent[1]), 100) if percent else None


class Progress:
    """A command's sign of life: one rewritten line on a terminal, else a line now and then."""

    def __init__(self, *, terminal: bool, started: float) -> None:
        self.terminal = terminal
        self.started = self.printed = started
        self.doing = ""
        self.share: tuple[int, int] | None = None

    def read(self, line: str) -> None:
        """Take in one line of the command's output."""
        share = compiled_share(line)
        if share and (self.share is None or share > self.share):
            self.share = share
        action = PIP_ACTION.match(line)
        if action:
            self.doing = action[1].partition(" (")[0][:60]

    def text(self, now: float) -> str:
        """Say how far it is at a time (seconds on the clock of ``started``)."""
        elapsed = duration(now - self.started)
        if self.share:
            done, total = self.share
            return f"      compiled {100 * done // total}%, {elapsed}"
        return f"      {self.doing}, {elapsed}" if self.doing else f"      {elapsed}"

    def due(self, now: float) -> bool:
        """Whether to show it now: five times a second on a terminal, else every 15 seconds."""
        pause = SECONDS_BETWEEN_REWRITES if self.terminal else SECONDS_BETWEEN_LINES
        if now - self.printed >= pause:
            self.printed = now
            return True
        return False

    def show(self, now: float) -> None:
        """Show it if it is due."""
        if not self.due(now):
            return
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            print("\r" + self.text(now)[:width] + "\x1b[K", end="", flush=True)
        else:
            say(self.text(now))

    def clear(self) -> None:
        """Take the rewritten line away."""
        if self.terminal:
            print("\r\x1b[K", end="", flush=True)


def child_environment(**extra: str) -> dict[str, str]:
    """Give a child our environment without what would send packages elsewhere or hide its words."""
    misleading = {"PIP_TARGET", "PIP_PREFIX", "PIP_QUIET", "PYTHONPATH", "PYTHONHOME"}
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    ours = {
        "LC_ALL": "C.UTF-8",  # what a compiler says is read below, in English
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_USER": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return {**kept, **ours, **extra}


@dataclass(frozen=True)
class Finished:
    """How a command ended: exit status (negative: the signal that killed it) and all it wrote."""

    status: int
    output: str
    compiled: bool
    log: Path


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started, leaving it 10 seconds to tidy its temporary files."""
    try:
        os.killpg(child.pid, signal.SIGINT)
        child.communicate(timeout=10)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass  # gone already, or too slow: the end is the same
    finally:
        with suppress(ProcessLookupError):  # nothing outlived the polite request
            os.killpg(child.pid, signal.SIGKILL)


def run(command: list[str], log: Path, **environment: str) -> Finished:
    """Run a command, its output appended to ``log`` while a sign of life is shown here.

    It gets a process group of its own, so that an interrupt ends its compilers too.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    progress = Progress(terminal=sys.stdout.isatty(), started=time.monotonic())
    output, unread, chunk = bytearray(), b"", b"none yet"
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=child_environment(**environment),
        start_new_session=True,
    )
    with log.open("ab") as record, child:
        pipe = child.stdout
        assert pipe is not None
        try:
            while chunk:
                if select.select([pipe], [], [], 1.0)[0]:
                    chunk = os.read(pipe.fileno(), 65536)
                    record.write(chunk)
                    output += chunk
                    *lines, unread = (unread + chunk).split(b"\n")
                    for line in lines:
                        progress.read(line.decode("utf-8", "replace"))
                progress.show(time.monotonic())
            status = child.wait()
        except BaseException:
            stop(child)
            raise
        finally:
            progress.clear()
    compiled = progress.share is not None
    return Finished(status, output.decode("utf-8", "replace"), compiled, log)


def last_line(pattern: re.Pattern[str], output: str) -> str:
    """Give the last line that matches, cut to 200 characters; empty if none does."""
    found = [line.strip() for line in output.splitlines() if pattern.search(line)]
    return found[-1][:200] if found else ""


def diagnose(what: str, output: str, log: Path) -> str:
    """Turn the output of a failed pip or compiler into one sentence that names the fix.

    The order matters: retries that succeeded leave "connection" lines in front of a later failure.
    """
    if DISK_FULL.search(output):
        return f"The disk filled up during {what}: free some space, then run it again (log: {log})."
    if OUT_OF_MEMORY.search(output):
        return (
            f"The memory filled up during {what}: run it again with CMAKE_BUILD_PARALLEL_LEVEL=1 "
            f"(log: {log})."
        )
    error = last_line(COMPILE_ERROR, output)
    if error:
        return f"Compiling {what} failed with “{error}”: the whole story is in {log}."
    unreachable = [found[0] for found in UNREACHABLE.finditer(output)]
    if unreachable:
        return (
            f"pip could not reach its package index for {what}: check the network, the proxy and "
            f"`pip config list`, then run it again (pip says “{unreachable[-1]}”; log: {log})."
        )
    missing = NOT_IN_INDEX.search(output)
    if missing:
        return (
            f"The package index has no {missing[1] or missing[2]} for Python "
            f"{platform.python_version()} on {platform.machine()}, or cannot be reached: check the "
            f"network and `pip config list` (log: {log})."
        )
    error = last_line(re.compile(r"\S"), output) or "no output"
    return f"Installing {what} failed with “{error}”: the whole story is in {log}."


def must(what: str, command: list[str], log: Path, **environment: str) -> Finished:
    """Run a command that has to succeed, else raise SetupProblem with the diagnosis."""
    done = run(command, log, **environment)
    if done.status:
        raise SetupProblem(diagnose(what, done.output, done.log))
    return done
