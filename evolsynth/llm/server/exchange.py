"""One question over httpx, and its reply: `Exchange`. Nothing is tried again here.

The key goes into a header to the hosts that the user named. A reply that sends a question on to
another host is not followed.
"""

from __future__ import annotations

import logging
import socket
import ssl
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from evolsynth.errors import RequestError, SetupError
from evolsynth.llm.server.endpoints import Place
from evolsynth.llm.server.replies import Reply, Trouble, quote, read_body

if TYPE_CHECKING:
    import httpx

__all__ = ["Exchange"]

_REDIRECTS = 5
_KEPT_URLS = 64
_LOCAL = ("localhost", "127.0.0.1", "::1")
_NO_HOST = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


class Exchange:
    """Sends questions, each once.

    Args:
        name: the server's, in messages.
        key: its key, or None.
        key_header: the header of the key.
        verify: whether certificates are checked, or a file with those to trust.
        connect_seconds: how long a connection may take to come about.
    """

    def __init__(
        self,
        name: str,
        key: str | None,
        key_header: str,
        verify: bool | str,
        connect_seconds: float,
    ) -> None:
        self._name = name
        self._key = key
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        if key:
            bearer = "Bearer " if key_header.lower() == "authorization" else ""
            self._headers[key_header] = bearer + key
        self._verify = verify
        self._connect_seconds = connect_seconds
        self._clients: dict[tuple[str, str], httpx.AsyncClient] = {}
        self._urls: dict[str, httpx.URL] = {}
        self._met = False

    def start(self) -> None:
        """Load httpx, and keep what it logs of headers to itself."""
        import httpx  # noqa: F401 - it takes a while, and not in the middle of the first question

        # At its level of debugging hpack writes out every header, the key's too.
        logging.getLogger("hpack").setLevel(logging.WARNING)

    async def aclose(self) -> None:
        """Close every connection."""
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            await client.aclose()

    def told(self, place: Place) -> str:
        """The server's name and where it is, for a message."""
        return f"{self._name} at {place.host}"

    async def once(self, place: Place, method: str, path: str, content: bytes) -> Reply:
        """Send a question, and read the whole reply, whatever its status.

        Raises:
            Trouble: no connection came about, or it broke, or the reply makes no sense.
            RequestError: the reply is too long.
            SetupError: the host, its certificate or where it sends us on to is wrong.
        """
        import httpx

        try:
            reply = await self._followed(place, method, path, content)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(error, place) from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            said = quote(str(error) or type(error).__name__, self._key)
            raise Trouble("error", f"the connection broke ({said})") from None
        except RequestError as error:
            raise type(error)(f"{self.told(place)}: {error}") from None
        self._met = True
        return reply

    async def lives(self, place: Place) -> bool:
        """Whether a server answers what is cheap, in whatever words."""
        import httpx

        try:
            reply = await self._sent("GET", place.url + "/", b"")
        except RequestError:  # a very long answer is one
            return True
        except (httpx.HTTPError, httpx.StreamError, Trouble, OSError):
            return False
        return reply.status < 500

    async def _followed(self, place: Place, method: str, path: str, content: bytes) -> Reply:
        """Follow a reply that sends us on to another path of the same host."""
        url = place.url + path
        for _ in range(_REDIRECTS):
            reply = await self._sent(method, url, content)
            if reply.status not in (301, 302, 307, 308) or "location" not in reply.headers:
                return reply
            target = urljoin(url, reply.headers["location"])
            if not _same_host(url, target):
                raise SetupError(
                    f"{self.told(place)} sends questions on to another address, "
                    f"{_host(target, self._key)}: nothing was sent there. Give that address if it "
                    "is the one you mean."
                )
            url = target
        raise Trouble("error", "it sends questions round in a circle")

    async def _sent(self, method: str, url: str, content: bytes) -> Reply:
        import httpx

        where = self._urls.get(url)
        if where is None:
            if len(self._urls) >= _KEPT_URLS:  # a server sends us on to ever new ones
                self._urls.clear()
            where = self._urls[url] = httpx.URL(url)
        headers = self._headers
        if content:
            headers = {**headers, "Content-Type": "application/json"}
        request = httpx.Request(method, where, headers=headers, content=content or None)
        response = await self._client(where).send(request, stream=True)
        try:
            encoding = response.headers.get("content-encoding", "")
            body = await read_body(response.aiter_raw(), encoding)
            return Reply(response.status_code, response.headers, body)
        finally:
            await response.aclose()

    def _client(self, url: httpx.URL) -> httpx.AsyncClient:
        origin = (url.scheme, url.netloc.decode("ascii"))
        client = self._clients.get(origin)
        if client is None:
            client = self._clients[origin] = self._new_client(url)
        return client

    def _new_client(self, url: httpx.URL) -> httpx.AsyncClient:
        import httpx

        from evolsynth.llm.server.connection import Wire

        context = self._context() if url.scheme == "https" else None
        proxy = _proxy(url.scheme, url.host)
        way: httpx.AsyncBaseTransport = Wire(context, self._connect_seconds)
        if proxy is not None:
            way = httpx.AsyncHTTPTransport(verify=context or False, http2=True, proxy=proxy)
        patient = httpx.Timeout(None, connect=self._connect_seconds)
        return httpx.AsyncClient(transport=way, timeout=patient, trust_env=False)

    def _context(self) -> ssl.SSLContext:
        import httpx

        if isinstance(self._verify, bool):
            return httpx.create_ssl_context(verify=self._verify)
        try:
            return ssl.create_default_context(cafile=self._verify)
        except (OSError, ssl.SSLError) as error:
            raise SetupError(
                f"The certificates to trust cannot be read from {self._verify} ({error}). Give a "
                "file of PEM certificates."
            ) from None

    def _unreachable(self, error: Exception, place: Place) -> Exception:
        """What it means that no connection came about."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return SetupError(
                    f"{self.told(place)} shows a certificate that cannot be trusted "
                    f"({quote(cause.verify_message, None)}): nothing was sent. Name the file of "
                    "the certificates to trust, or the right address."
                )
            if isinstance(cause, socket.gaierror) and cause.errno in _NO_HOST and not self._met:
                return SetupError(
                    f"There is no host {place.host} for {self._name}: look at its address."
                )
            cause = cause.__cause__ or cause.__context__
        return Trouble("connection", quote(str(error) or "no connection in time", self._key))


def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names for a host; a server on this machine has none."""
    if host in _LOCAL or host.startswith("127.") or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(scheme) or proxies.get("all")


def _same_host(url: str, target: str) -> bool:
    """Whether it stays with the host that the user named, and does not leave TLS."""
    try:
        old, new = urlsplit(url), urlsplit(target)
        same_port = (old.port, old.scheme) == (new.port, new.scheme)
        to_tls = (old.scheme, new.scheme, new.port) == ("http", "https", None)
    except ValueError:
        return False
    return old.hostname == new.hostname and not new.username and (same_port or to_tls)


def _host(url: str, key: str | None) -> str:
    return quote(urlsplit(url).netloc.rpartition("@")[2] or url, key)
