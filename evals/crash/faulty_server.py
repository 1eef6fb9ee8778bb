"""A server of OpenAI's form that fails in many ways: in a process of its own, for runs on it.

``python -m evals.crash.faulty_server LOG SEED`` prints its port and serves until its standard input
ends. What it answers depends on the question alone; how it fails on the way there, on the seed:
429 with and without Retry-After, 500, connections closed at once, after the headers or in the midst
of the body, JSON that ends too early. To the log goes a line for each answer that was sent whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evals.servers_fake import port_of

__all__ = ["faulty"]

_SLOWEST = 0.03  # seconds
_FAULTS = (
    ("429", 6), ("429 later", 2), ("500", 5), ("503", 2), ("closed", 3), ("headers", 3),
    ("half", 4), ("no JSON", 3), ("", 72),
)  # fmt: skip


class _Server:
    def __init__(self, log: Path, seed: int, say: Callable[[dict[str, Any]], str]) -> None:
        self._log = log.open("ab", buffering=0)
        self._draw, self._say = random.Random(seed), say  # noqa: S311

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(
            (int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0
        )
        body = await reader.readexactly(length)
        await asyncio.sleep(self._draw.random() * _SLOWEST)
        line = head.partition("\r\n")[0]
        if not line.startswith("post /v1/chat/completions"):
            if "get /v1/models" not in line:
                return await _send(writer, 404, b'{"error": {"message": "no such page"}}')
            models = {"object": "list", "data": [{"id": "fake", "object": "model"}]}
            return await _send(writer, 200, json.dumps(models).encode())
        fault = self._draw.choices([n for n, _ in _FAULTS], [w for _, w in _FAULTS])[0]
        if fault.startswith("429"):
            more = b"Retry-After: 0\r\n" if fault == "429" else b""
            return await _send(writer, 429, b'{"error": {"message": "slower"}}', more)
        if fault in ("500", "503"):
            return await _send(writer, int(fault), b"upstream is gone")
        if fault == "closed":
            return False
        answer = json.dumps(self._answer(json.loads(body))).encode()
        if fault in ("headers", "half"):
            whole = _head(200, len(answer)) + answer
            writer.write(whole[: -len(answer) // 2 if fault == "half" else -len(answer)])
            await writer.drain()
            return False
        if fault == "no JSON":
            return await _send(writer, 200, answer[:-3])
        await _send(writer, 200, answer)
        self._log.write(hashlib.sha256(body).hexdigest().encode() + b"\n")
        return True

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        text = self._say(asked)
        words = len(text.split())
        return {
            "id": "1",
            "object": "chat.completion",
            "model": "fake",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": text},
                }
            ],
            "usage": {"prompt_tokens": 10, "completion_tokens": words, "total_tokens": 10 + words},
        }


def _head(status: int, length: int, more: bytes = b"") -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    ).encode() + more + b"\r\n"  # fmt: skip


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, more: bytes = b"") -> bool:
    writer.write(_head(status, len(body), more) + body)
    await writer.drain()
    return True


async def _serve(log: Path, seed: int) -> None:
    from evals.crash.pipelines import said

    served = _Server(log, seed, said)
    server = await asyncio.start_server(served.connected, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)  # whoever asked for it is gone
    await over.wait()


@contextlib.contextmanager
def faulty(log: Path, seed: int) -> Iterator[str]:
    """Such a server; gives the model behind it, as ``--model`` takes it."""
    with port_of("evals.crash.faulty_server", log, seed) as port:
        yield f"openai:fake@http://127.0.0.1:{port}/v1"


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
