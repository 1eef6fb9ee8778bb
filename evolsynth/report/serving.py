"""A page shown to one person on this machine: on the loopback alone, under an address that holds a
token.

Whoever does not know the token learns nothing but that something listens. A name that somebody else
has pointed at this machine (DNS rebinding) is refused by the Host header. Nothing can be changed:
all methods but GET are refused.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from evolsynth.errors import EvolsynthError, InputError

__all__ = ["NEWS", "PageServer"]

#: Where a page asks for a newer state of itself, beside it.
NEWS = "news"
_HERE = "127.0.0.1"
_PATIENCE = 10.0  # seconds for a request to come


class PageServer(ThreadingHTTPServer):
    """Serves a page at `address` from the moment it is made; `serve_forever` answers.

    Args:
        page: gives the page of now, from any thread; asked with the name of the state that is
            shown already, it gives None where there is nothing newer.
        port: 0: a free one.

    Raises:
        InputError: the port cannot be had.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, page: Callable[[str | None], str | None], port: int = 0) -> None:
        self.page = page
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((_HERE, port), _Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InputError(
                f"Port {port} cannot be had ({why}). Give another with --port, or leave it out: "
                "then a free one is found."
            ) from None
        self.hosts = {f"{name}:{self.server_port}" for name in (_HERE, "localhost")}
        if self.server_port == 80:
            self.hosts |= {_HERE, "localhost"}

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{_HERE}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away in the middle of an answer is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = _PATIENCE
    server_version, sys_version = "evolsynth", ""

    def do_GET(self) -> None:
        if self.headers.get_all("Host") not in [[host] for host in self.server.hosts]:
            self._answer(HTTPStatus.FORBIDDEN, "Only this machine's own address is answered.")
            return
        asked = urlsplit(self.path)
        token, _, place = asked.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            self._answer(HTTPStatus.FORBIDDEN, "The token is missing or another: use the address "
                         "that the command has printed.")  # fmt: skip
        elif place == "" and asked.path.endswith("/"):
            self._show(None)
        elif place == NEWS:
            self._show(parse_qs(asked.query).get("since", [""])[0])
        else:
            self._answer(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _show(self, since: str | None) -> None:
        try:
            page = self.server.page(since)
        except EvolsynthError as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            return
        if page is None:
            self._answer(HTTPStatus.NO_CONTENT, "")
        else:
            self._answer(HTTPStatus.OK, page, "text/html")

    def parse_request(self) -> bool:
        """Whether it is a request to be answered; what is none is answered here."""
        if not super().parse_request():
            return False
        if self.command != "GET":
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET is answered.")
            return False
        return True

    def _answer(self, status: HTTPStatus, text: str, kind: str = "text/plain") -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        # the page's own policy stands in it; nobody may put the page into another
        self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no request of HTTP, or of a method nobody has heard of: nothing is said back."""
        self._answer(HTTPStatus(code), "This cannot be answered.")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written: the address has the token."""
