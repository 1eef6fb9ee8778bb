"""A server of our own that fails as it is told: raw sockets, one question after the other.

It answers ``{"id": n}`` with ``{"id": n, "answer": ...}``. What goes wrong is decided by a plan,
from the question's number and how often it was asked before; so it is the same in every run. It
counts which questions were asked, and to which an answer went out whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

Plan = Callable[[int, int], str]


def answer_of(number: int) -> str:
    """What is right to answer."""
    return f"answer {number} " + "x" * (number % 40)


def calm(number: int, nth: int) -> str:
    return "answer"


def sometimes(fault: str, *, seed: int = 1, share: float = 0.5, most: int = 2) -> Plan:
    """A fault in a share of the attempts, at most so often for each question."""

    def plan(number: int, nth: int) -> str:
        chance = random.Random(f"{seed} {number} {nth}").random()
        return fault if nth < most and chance < share else "answer"

    return plan


@dataclass
class Question:
    """What came, and the way back."""

    head: bytes
    path: str
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def gone(self) -> bool:
        """Whether the client has left."""
        return self.reader.at_eof() or self.writer.is_closing()

    @property
    def number(self) -> int:
        return int(json.loads(self.body)["id"]) if self.body else -1

    def header(self, name: str) -> str | None:
        for line in self.head.decode().split("\r\n"):
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


@dataclass
class Faulty:
    """The server. ``async with`` starts it; `url` is its address."""

    plan: Plan = calm
    tls: ssl.SSLContext | None = None
    seconds: float = 0.0
    slots: int | None = None
    port: int = 0
    elsewhere: str = ""
    answers_signs: bool = True
    asked: Counter[int] = field(default_factory=Counter)
    answered: Counter[int] = field(default_factory=Counter)
    questions: list[Question] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    connections: int = 0
    signs: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self.tls, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    async def die(self) -> None:
        """Close the door and cut every connection."""
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        question = Question(head, head.split(b" ")[1].decode(), b"", reader, writer)
        body = await reader.readexactly(int(question.header("content-length") or 0))
        question.body = body
        self.questions.append(question)
        if head.startswith(b"GET"):
            self.signs += 1
            if not self.answers_signs:
                await asyncio.sleep(60)
            writer.write(whole(b'{"object": "list"}'))
            return True
        number = question.number
        fault = self.plan(number, self.asked[number])
        self.asked[number] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.slots is not None and self.at_once > self.slots:
                writer.write(whole(b"{}", "429 Too Many Requests"))
                return True
            await asyncio.sleep(self.seconds)
            return await FAULTS[fault](self, question)
        finally:
            self.at_once -= 1


def whole(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """A reply as it goes over the wire."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def right(number: int) -> bytes:
    return json.dumps({"id": number, "answer": answer_of(number)}).encode()


Fault = Callable[[Faulty, Question], Awaitable[bool]]


async def _answer(server: Faulty, question: Question) -> bool:
    question.writer.write(whole(right(question.number)))
    server.answered[question.number] += 1
    return True


async def _packed(server: Faulty, question: Question) -> bool:
    body = gzip.compress(right(question.number))
    question.writer.write(whole(body, "200 OK", "Content-Encoding: gzip"))
    server.answered[question.number] += 1
    return True


async def _in_chunks(server: Faulty, question: Question) -> bool:
    body = right(question.number)
    question.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (body[:5], body[5:]):
        question.writer.write(b"%x;note=1\r\n%s\r\n" % (len(piece), piece))
        await asyncio.sleep(0)
    question.writer.write(b"0\r\nTrailer: x\r\n\r\n")
    server.answered[question.number] += 1
    return True


async def _to_the_end(server: Faulty, question: Question) -> bool:
    question.writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + right(question.number))
    server.answered[question.number] += 1
    return False


async def _twice(server: Faulty, question: Question) -> bool:
    question.writer.write(whole(right(question.number)) * 2)
    server.answered[question.number] += 1
    return True


async def _twice_later(server: Faulty, question: Question) -> bool:
    await _answer(server, question)
    await asyncio.sleep(0.002)
    question.writer.write(whole(right(question.number)))
    return True


def _status(status: str, *headers: str, body: bytes = b'{"error": {"message": "no"}}') -> Fault:
    async def reply(server: Faulty, question: Question) -> bool:
        question.writer.write(whole(body, status, *headers))
        return True

    return reply


def _bytes(make: Callable[[bytes], bytes], *, stays: bool = False) -> Fault:
    async def reply(server: Faulty, question: Question) -> bool:
        question.writer.write(make(right(question.number)))
        with contextlib.suppress(ConnectionError):
            await question.writer.drain()
        return stays

    return reply


async def _loris(server: Faulty, question: Question) -> bool:
    question.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not question.gone:
        question.writer.write(b" ")
        await asyncio.sleep(0.01)
    return False


async def _silence(server: Faulty, question: Question) -> bool:
    while not question.gone:
        await asyncio.sleep(0.01)
    return False


async def _own_redirect(server: Faulty, question: Question) -> bool:
    if question.path.endswith("/moved"):
        return await _answer(server, question)
    question.writer.write(whole(b"", "307 Temporary Redirect", "Location: /v1/moved"))
    server.asked[question.number] -= 1  # the same question goes on
    return True


async def _other_redirect(server: Faulty, question: Question) -> bool:
    place = f"Location: {server.elsewhere}/v1/x"
    question.writer.write(whole(b"", "307 Temporary Redirect", place))
    return True


async def _bomb(server: Faulty, question: Question) -> bool:
    body = gzip.compress(bytes(80 * 2**20), 9)
    question.writer.write(whole(body, "200 OK", "Content-Encoding: gzip"))
    return True


FAULTS: dict[str, Fault] = {
    "answer": _answer,
    "packed": _packed,
    "in chunks": _in_chunks,
    "to the end": _to_the_end,
    "twice": _twice,
    "twice, later": _twice_later,
    "429": _status("429 Too Many Requests"),
    "429 and when": _status("429 Too Many Requests", "Retry-After: 0.02"),
    "500": _status("500 Internal Server Error", body=b"<html>oh</html>"),
    "503": _status("503 Service Unavailable"),
    "408": _status("408 Request Timeout"),
    "nothing": _bytes(lambda body: b""),
    "cut in the head": _bytes(lambda body: whole(body)[:20]),
    "cut after the head": _bytes(lambda body: whole(body).partition(b"{")[0]),
    "cut in the body": _bytes(lambda body: whole(body)[:-5]),
    "cut in a chunk": _bytes(
        lambda body: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + body
    ),
    "too short a length": _bytes(lambda body: whole(body, length=9), stays=True),
    "too long a length": _bytes(lambda body: whole(body, length=len(body) + 9)),
    "no length at all": _bytes(lambda body: whole(body).replace(b"Length: ", b"Length: x")),
    "two lengths": _bytes(lambda body: whole(body, "200 OK", "Content-Length: 3")),
    "not HTTP": _bytes(lambda body: b"SSH-2.0-OpenSSH_9\r\n\r\n"),
    "endless head": _bytes(lambda body: b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000),
    "no JSON": _bytes(lambda body: whole(b"<html>"), stays=True),
    "half JSON": _bytes(lambda body: whole(body[:-3]), stays=True),
    "empty": _bytes(lambda body: whole(b""), stays=True),
    "another's answer": _bytes(lambda body: whole(right(10_000)), stays=True),
    "another shape": _bytes(lambda body: whole(b'[{"id": "?"}]'), stays=True),
    "cut in the packing": _bytes(
        lambda body: whole(gzip.compress(body)[:-9], "200 OK", "Content-Encoding: gzip")
    ),
    "packed by a stranger": _bytes(lambda body: whole(body, "200 OK", "Content-Encoding: br")),
    "loris": _loris,
    "silence": _silence,
    "sent on": _own_redirect,
    "sent elsewhere": _other_redirect,
    "bomb": _bomb,
}
