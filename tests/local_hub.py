"""The Hugging Face hub, played by a local HTTP server; the environment in which it is the hub."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from evolsynth.llm.llamacpp import pull

REPOSITORY, FILE = "someone/tiny-GGUF", "tiny-q4_k_m.gguf"
BODY = bytes(range(256)) * 4096  # 1 MiB
HASH = hashlib.sha256(BODY).hexdigest()
FULL = f"{REPOSITORY}/{FILE}"


class Asked(NamedTuple):
    method: str
    path: str
    range: str
    token: str


class Hub:
    """What the server does: files other than the model are of ``files``, errors with their names of
    ``refused``; ``cut`` are numbers of bytes after which answers end early; with
    ``held`` an answer's second half comes when that is set."""

    def __init__(self) -> None:
        self.files = {f"/{REPOSITORY}/resolve/main/{FILE}": BODY}
        self.refused: dict[str, tuple[int, str]] = {}
        self.listed = [FILE, "README.md"]
        self.etag: str | None = f'"{HASH}"'
        self.sent = BODY
        self.cut: list[int] = []
        self.statuses: list[int] = []
        self.ranges = True
        self.elsewhere = ""
        self.held: threading.Event | None = None
        self.asked: list[Asked] = []
        self.url = ""

    @property
    def gets(self) -> list[Asked]:
        return [one for one in self.asked if one.method == "GET"]


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        hub, told = self.hub, self.headers
        hub.asked.append(
            Asked(self.command, self.path, told.get("Range", ""), told.get("Authorization", ""))
        )
        if hub.statuses:
            status = hub.statuses.pop(0)
            if status:
                return self.head(status, {"Content-Length": "0"})
        if self.path.startswith("/api/models/"):
            listed = json.dumps({"siblings": [{"rfilename": name} for name in hub.listed]}).encode()
            self.head(200, {"Content-Length": str(len(listed))})
            self.wfile.write(listed)
            return None
        if self.path in hub.refused:
            status, code = hub.refused[self.path]
            return self.head(status, {"X-Error-Code": code, "Content-Length": "0"})
        if self.path in hub.files and hub.files[self.path] is not BODY:
            return self.file(hub.files[self.path])
        if self.path not in hub.files:
            return self.head(404, {"Content-Length": "0"})
        linked = {"X-Linked-Size": str(len(BODY))}
        if hub.etag is not None:
            linked["X-Linked-Etag"] = hub.etag
        if hub.elsewhere:
            told_where = {"Location": f"{hub.elsewhere}/{FILE}", "Content-Length": "0"}
            return self.head(302, {**linked, **told_where})
        begin = int(told["Range"].removeprefix("bytes=").rstrip("-")) if told["Range"] else 0
        begin = begin if hub.ranges else 0
        part = hub.sent[begin:]
        length = {**linked, "Content-Length": str(len(part))}
        if begin:
            length["Content-Range"] = f"bytes {begin}-{len(hub.sent) - 1}/{len(hub.sent)}"
        self.head(206 if begin else 200, length)
        if self.command == "GET":
            if hub.cut:
                part = part[: hub.cut.pop(0)]
                self.close_connection = True
            if hub.held is not None:
                half = len(part) // 2
                self.wfile.write(part[:half])
                hub.held.wait(30)
                part = part[half:]
            with suppress(OSError):  # nobody is there any more
                self.wfile.write(part)
        return None

    def file(self, body: bytes) -> None:
        """A file as the hub gives those of data sets."""
        revision = self.path.partition("/resolve/")[2].partition("/")[0]
        commit = hashlib.sha256(revision.encode()).hexdigest()[:40]
        length = {"Content-Length": str(len(body)), "X-Repo-Commit": commit}
        self.head(200, {**length, "ETag": f'"{hashlib.sha256(body).hexdigest()}"'})
        if self.command == "GET":
            self.wfile.write(body)

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing is said."""


def serving(hub: Hub) -> Iterator[Hub]:
    handler = type("Own", (Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(pull, "_PAUSE", 0.0)
    for one in serving(Hub()):
        monkeypatch.setenv("HF_ENDPOINT", one.url)
        known = sys.modules.get("huggingface_hub.constants")  # where another test has loaded it
        if known is not None:
            monkeypatch.setattr(known, "HF_HUB_OFFLINE", False)
            monkeypatch.setattr(known, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
        yield one
