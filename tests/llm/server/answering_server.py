"""A small HTTP server that answers with JSON as it is told to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

Route = Any | Callable[[Any], Any]


class Answering:
    """Routes by ``"POST /path"``: an answer, or a function from the question's body to one. A pair
    of a status and an answer is that status. What there is no route for is 404."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self.routes = dict(routes)
        self.asked: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def bodies(self, path: str) -> list[Any]:
        """What was sent to a path."""
        return [body for asked, body in self.asked if asked == path]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                data = await reader.readexactly(int(headers.get("content-length", 0)))
                body = json.loads(data) if data else None
                self.asked.append((path, body))
                self.headers.append(headers)
                status, answer = self._answer(f"{method} {path}", body)
                content = json.dumps(answer).encode()
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def _answer(self, place: str, body: Any) -> tuple[int, Any]:
        route = self.routes.get(place, (404, {"error": {"message": "Not Found"}}))
        told = route(body) if callable(route) else route
        return told if isinstance(told, tuple) else (200, told)


@asynccontextmanager
async def answering(routes: Mapping[str, Route]) -> AsyncIterator[Answering]:
    """Such a server on a free port of this machine."""
    server = Answering(routes)
    listening = await asyncio.start_server(server._serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
