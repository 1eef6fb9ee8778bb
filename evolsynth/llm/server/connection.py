"""httpx over our own HTTP/1.1 connections, and over httpx's where a server speaks HTTP/2.

httpx's pool looks through all its connections, and polls the idle ones, for every request and every
answer: with 32 of them that is most of its time, with 256 it stands. And an answer that was sent
twice is read by it as the answer to the next question. Here a connection is taken off a stack, and
one on which anything comes unasked is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from typing import cast

import httpx

__all__ = ["Wire"]

_LONGEST_HEAD = 64 * 1024
# Reading stops where so much waits to be taken.
_HELD = 1024 * 1024
# Many servers close what was idle for five seconds; a question sent just then would be lost.
_IDLE_SECONDS = 4.0
# A host that lost its power is noticed while an answer is waited for.
_KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4))
        if hasattr(socket, name)
    ),
]
_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: .*)?", re.DOTALL)
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")

Headers = list[tuple[bytes, bytes]]


class Wire(httpx.AsyncBaseTransport):
    """Connections to one server, as httpx's transport.

    Args:
        context: how TLS is spoken; None for a server without.
        connect_seconds: how long a connection may take to come about.
    """

    def __init__(self, context: ssl.SSLContext | None, connect_seconds: float) -> None:
        self._context = context
        self._connect_seconds = connect_seconds
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._streams: httpx.AsyncHTTPTransport | None = None
        self._finding = asyncio.Lock()
        self._known = context is None
        if context is not None:
            context.set_alpn_protocols(["h2", "http/1.1"])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a question, and read the answer's head."""
        if self._streams is not None:
            return await self._streams.handle_async_request(request)
        content = await request.aread()
        while True:
            connection = await self._free(request)
            if connection is None:
                return await self._over_streams().handle_async_request(request)
            try:
                connection.send(_head(request) + content)
                status, headers = await connection.head()
            except httpx.RemoteProtocolError:
                connection.abort()
                if not connection.stale:
                    raise
            except BaseException:
                connection.abort()
                raise
            else:
                return httpx.Response(status, headers=headers, stream=_Body(self, connection))

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()
        if self._streams is not None:
            await self._streams.aclose()
        await asyncio.sleep(0)  # the loop closes the sockets

    def release(self, connection: _Connection) -> None:
        """Keep a connection for the next question, if it can be trusted with one."""
        if connection.clean:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.abort()

    async def _free(self, request: httpx.Request) -> _Connection | None:
        """A connection without a question; None where the server speaks HTTP/2."""
        if self._known:
            return self._unused() or await self._connected(request)
        async with self._finding:  # one finds out for all
            if self._streams is not None:
                return None
            connection = self._unused() or await self._connected(request)
            self._known = connection is not None
            return connection

    def _unused(self) -> _Connection | None:
        oldest = time.monotonic() - _IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.clean and connection.idle_since > oldest:
                connection.used = True
                return connection
            connection.abort()
        return None

    async def _connected(self, request: httpx.Request) -> _Connection | None:
        """A new connection; None where the server speaks HTTP/2."""
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            async with asyncio.timeout(self._connect_seconds):
                transport, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(self._open),
                    url.raw_host.decode("ascii"),
                    port,
                    ssl=self._context,
                    happy_eyeballs_delay=0.25,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time", request=request) from error
        except (OSError, ssl.SSLError, UnicodeError) as error:
            raise httpx.ConnectError(_reason(error), request=request) from error
        _keep_alive(transport.get_extra_info("socket"))
        spoken = transport.get_extra_info("ssl_object")
        if spoken is not None and spoken.selected_alpn_protocol() == "h2":
            connection.abort()
            self._over_streams()
            return None
        return connection

    def _over_streams(self) -> httpx.AsyncHTTPTransport:
        if self._streams is None:
            self._streams = httpx.AsyncHTTPTransport(
                verify=self._context or False,
                http2=True,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
                socket_options=_KEEP_ALIVE,
            )
        return self._streams


class _Connection(asyncio.Protocol):
    """A connection that carries one question at a time."""

    def __init__(self, known: set[_Connection]) -> None:
        self._known = known
        self._transport: asyncio.Transport | None = None
        self._read = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._error: Exception | None = None
        self._paused = False
        self._asked = False
        self._heard = False
        self._length: int | None = 0
        self._chunked = False
        self._stays = True
        self.used = False
        self.idle_since = 0.0

    # --- what the loop calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._known.add(self)

    def data_received(self, data: bytes) -> None:
        if not self._asked:  # nobody asked for it
            self.abort()
            return
        self._heard = True
        self._read += data
        if len(self._read) > _HELD and not self._paused and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._error = error
        self._known.discard(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- what a question does ---

    @property
    def clean(self) -> bool:
        """Whether the last answer was read to its end, and nothing came after it."""
        return self._stays and not (self._asked or self._ended or self._read)

    def abort(self) -> None:
        """Close it at once."""
        self._ended = True
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    @property
    def stale(self) -> bool:
        """Whether it was used before, and closed by the server while the next question came.

        No answer can come any more, so the question may go over another connection.
        """
        return self.used and not self._heard

    def send(self, question: bytes) -> None:
        """Send a question."""
        if self._transport is None or self._ended:
            raise httpx.RemoteProtocolError("the connection was closed")
        self._asked = True
        self._heard = False
        self._transport.write(question)

    async def _more(self) -> None:
        """Wait until more was read."""
        if self._ended:
            told = f": {_reason(self._error)}" if self._error else ""
            raise httpx.RemoteProtocolError(f"the connection was closed{told}")
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def _until(self, mark: bytes, longest: int) -> bytes:
        """What stands before a mark, which is taken away too."""
        begin = 0
        while (end := self._read.find(mark, begin)) < 0:
            if len(self._read) > longest:
                raise httpx.RemoteProtocolError("the head of the answer is too long")
            begin = max(0, len(self._read) - len(mark))
            await self._more()
        found = bytes(self._read[:end])
        del self._read[: end + len(mark)]
        return found

    async def head(self) -> tuple[int, Headers]:
        """The status and headers of the answer."""
        while True:
            lines = (await self._until(b"\r\n\r\n", _LONGEST_HEAD)).split(b"\r\n")
            found = _STATUS.fullmatch(lines[0])
            if found is None:
                raise httpx.RemoteProtocolError("what came is no answer of HTTP/1.1")
            status = int(found[2])
            headers = [_header(line) for line in lines[1:]]
            if status >= 200:
                self._framed(status, found[1], headers)
                return status, headers
            if status == 101:
                raise httpx.RemoteProtocolError("the server wants to speak something else")

    def _framed(self, status: int, version: bytes, headers: Headers) -> None:
        """How long the body is, and whether the connection stays."""
        lengths = {value for name, value in headers if name == b"content-length"}
        codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
        options = b",".join(v.lower() for n, v in headers if n == b"connection")
        self._stays = b"close" not in options and (version == b"1" or b"keep-alive" in options)
        self._chunked = bool(codings)
        self._length = None
        if codings and (codings != [b"chunked"] or lengths):
            self._stays = False
        if codings and not codings[-1].endswith(b"chunked"):
            raise httpx.RemoteProtocolError("the answer is framed in an unknown way")
        if status in (204, 304):
            self._chunked, self._length = False, 0
        elif not codings and lengths:
            value = lengths.pop()
            if lengths or not value.isdigit() or len(value) > 18:
                raise httpx.RemoteProtocolError("the answer tells no one length")
            self._length = int(value)
        elif not codings:
            self._stays = False

    async def body(self) -> AsyncIterator[bytes]:
        """The pieces of the answer's body, to its end."""
        if self._chunked:
            async for piece in self._chunks():
                yield piece
        elif self._length is not None:
            async for piece in self._exactly(self._length):
                yield piece
        else:
            async for piece in self._to_end():
                yield piece
        self._asked = False

    async def _exactly(self, length: int) -> AsyncIterator[bytes]:
        while length:
            if not self._read:
                await self._more()
                continue
            piece = bytes(self._read[:length])
            del self._read[: len(piece)]
            length -= len(piece)
            yield piece

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            line = await self._until(b"\r\n", 4096)
            size = line.partition(b";")[0].strip()
            if not _SIZE.fullmatch(size):
                raise httpx.RemoteProtocolError("a chunk of the answer has no size")
            if int(size, 16) == 0:
                break
            async for piece in self._exactly(int(size, 16)):
                yield piece
            if await self._until(b"\r\n", 2):
                raise httpx.RemoteProtocolError("a chunk of the answer is longer than it says")
        while await self._until(b"\r\n", _LONGEST_HEAD):
            pass  # trailers

    async def _to_end(self) -> AsyncIterator[bytes]:
        while not self._ended or self._read:
            if self._read:
                piece = bytes(self._read)
                self._read.clear()
                yield piece
            else:
                await self._more()
        if self._error is not None:
            raise httpx.ReadError(_reason(self._error))


class _Body(httpx.AsyncByteStream):
    """The body of an answer; closed early, its connection goes."""

    def __init__(self, wire: Wire, connection: _Connection) -> None:
        self._wire = wire
        self._connection: _Connection | None = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._connection is not None:
            async for piece in self._connection.body():
                yield piece

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._wire.release(connection)


def _head(request: httpx.Request) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s" % header for header in request.headers.raw]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip():
        raise httpx.RemoteProtocolError("a header of the answer is none")
    return name.lower(), value.strip()


def _reason(error: BaseException) -> str:
    if "Connect call failed" in str(error):  # asyncio's words, of one address or of several
        return "nobody listens there"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _keep_alive(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # a socket of another kind
        for option in _KEEP_ALIVE:
            sock.setsockopt(*option)
