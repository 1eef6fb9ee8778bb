"""A server that answers as fast as it can, or as a model's server would: in a process of its own.

``python -m evals.servers_fake SECONDS SLOTS REFUSED_FROM SPREAD`` prints its port and serves until
its standard input ends. With 0 seconds it answers at once. Else a question takes so long in one of
the slots (or, with a spread, about so long, log-normally), and waits for one if need be; from so
many questions on it refuses with 429 (0: never). With slots below 0 it is a batching server: it has
as many as are needed, and each question makes all others slower.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import subprocess
import sys
from collections import deque
from collections.abc import Iterator

__all__ = ["ANSWER", "BATCH", "port_of", "served"]

ANSWER = b'{"id": "1", "choices": [{"text": "%s"}], "usage": {}}' % (b"x" * 450)
_HEAD = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_RIGHT = _HEAD % (b"200 OK", len(ANSWER)) + ANSWER
_REFUSED = _HEAD % (b"429 Too Many Requests", 2) + b"{}"
#: With so many questions at once a batching server is half as fast for each as for one alone.
BATCH = 16


class _Work:
    """The slots, and who waits for one."""

    def __init__(self, seconds: float, slots: int, refused_from: int, spread: float) -> None:
        self.seconds = seconds
        self.slots = slots
        self.refused_from = refused_from
        self.spread = spread
        self.busy = 0
        self.line: deque[_Connection] = deque()
        self.chance = random.Random(1)  # noqa: S311

    def take(self, connection: _Connection) -> None:
        if not self.seconds:
            connection.reply(_RIGHT)
        elif self.refused_from and self.busy + len(self.line) >= self.refused_from:
            connection.reply(_REFUSED)
        elif 0 <= self.slots <= self.busy:
            self.line.append(connection)
        else:
            self.begin(connection)

    def begin(self, connection: _Connection) -> None:
        self.busy += 1
        seconds = self.seconds
        if self.spread:
            seconds *= self.chance.lognormvariate(-(self.spread**2) / 2, self.spread)
        if self.slots < 0:
            seconds *= 1 + self.busy / BATCH
        asyncio.get_running_loop().call_later(seconds, self.end, connection)

    def end(self, connection: _Connection) -> None:
        self.busy -= 1
        connection.reply(_RIGHT)
        if self.line:
            self.begin(self.line.popleft())


class _Connection(asyncio.Protocol):
    def __init__(self, work: _Work) -> None:
        self.work = work
        self.read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.read += data
        head, end, body = self.read.partition(b"\r\n\r\n")
        if not end:
            return
        length = 0
        for line in head.split(b"\r\n"):
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if len(body) >= length:
            self.read = b""
            self.work.take(self)

    def reply(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)  # type: ignore[attr-defined] # of sockets


async def _serve(work: _Work) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(work), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    loop.add_reader(sys.stdin, over.set)  # whoever asked for this server is gone
    await over.wait()
    server.close()


@contextlib.contextmanager
def port_of(module: str, *given: object) -> Iterator[int]:
    """A module run as a program, which prints its port and serves until we are gone."""
    command = [sys.executable, "-m", module, *map(str, given)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:  # noqa: S603
        try:
            yield int(child.stdout.readline() if child.stdout is not None else "")
        finally:
            child.kill()


@contextlib.contextmanager
def served(
    seconds: float = 0.0, slots: int = 8, refused_from: int = 0, spread: float = 0.0
) -> Iterator[str]:
    """Such a server; gives its address."""
    with port_of("evals.servers_fake", seconds, slots, refused_from, spread) as port:
        yield f"http://127.0.0.1:{port}"


if __name__ == "__main__":
    given = [float(text) for text in sys.argv[1:]]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(_Work(given[0], math.floor(given[1]), int(given[2]), given[3])))
