"""The part of the hub's HTTP API that takes data sets, played by a local server, for programs in
processes of their own: `huggingface_hub` reads its address once."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Uploads:
    """What came: ``files`` by their paths, ``private``, ``commits``; ``asked`` are the requests.
    With ``broken`` so many blobs are refused first."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.private: bool | None = None
        self.commits = 0
        self.broken = 0
        self.status: int | None = None
        self.asked: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        self.url = ""


class _Handler(BaseHTTPRequestHandler):
    hub: Uploads
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._take()
        self._tell(200, {"id": "me/data", "sha": "0" * 40, "siblings": [], "private": True})

    def do_PUT(self) -> None:
        body = self._take()
        if self.hub.broken:
            self.hub.broken -= 1
            return self._tell(500, {})
        self.hub.blobs[self.path.rpartition("/")[2]] = body
        return self._tell(200, {})

    def do_POST(self) -> None:
        body, hub = self._take(), self.hub
        if hub.status is not None:
            return self._tell(hub.status, {"error": "no such right for hf_secretsecret"})
        path = self.path
        if path == "/api/repos/create":
            told = json.loads(body)
            hub.private = told.get("private", told.get("visibility") == "private")
            return self._tell(200, {"url": f"{hub.url}/datasets/me/data", "id": "me/data"})
        if path == "/api/validate-yaml":
            return self._tell(200, {"errors": [], "warnings": []})
        if "/preupload/" in path:
            modes = [
                {"path": one["path"], "uploadMode": "lfs" if one["size"] > 9000 else "regular",
                 "shouldIgnore": False}
                for one in json.loads(body)["files"]
            ]  # fmt: skip
            return self._tell(200, {"files": modes})
        if path.endswith("/info/lfs/objects/batch"):
            blobs = [self._blob(one) for one in json.loads(body)["objects"]]
            return self._tell(200, {"transfer": "basic", "objects": blobs})
        if re.search(r"/commit/", path):
            return self._commit(body)
        return self._tell(404, {"error": path})

    def _blob(self, told: dict[str, Any]) -> dict[str, Any]:
        if told["oid"] in self.hub.blobs:
            return told  # it is there already
        where = {"href": f"{self.hub.url}/blob/{told['oid']}"}
        return {**told, "actions": {"upload": where}}

    def _commit(self, body: bytes) -> None:
        self.hub.commits += 1
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                self.hub.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                self.hub.files[value["path"]] = self.hub.blobs[value["oid"]]
        told = {"commitUrl": f"{self.hub.url}/datasets/me/data/commit/{'1' * 40}",
                "commitOid": "1" * 40, "success": True}  # fmt: skip
        self._tell(200, told)

    def _take(self) -> bytes:
        self.hub.asked.append((self.command, self.path))
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _tell(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is said."""


@contextmanager
def served_hub() -> Iterator[Uploads]:
    hub = Uploads()
    handler = type("Own", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
