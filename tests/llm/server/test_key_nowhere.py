"""A server's key is in nothing that a run writes or says, whatever fails.

The worst of servers is asked: one that says the key again in whatever it refuses with. Parts of the
key count too, as a text that was cut in its middle would hold.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.errors import EvolsynthError
from evolsynth.llm.base import Request
from evolsynth.llm.server import Server
from evolsynth.rows import Message

KEY = "sk-7hQ2vXz9LmTb4RwYc1NpKd8sGfJ6uEaV"
VARIABLE = "EVOLSYNTH_TEST_KEY"
_PART = 10

#: A pipeline with a step that fails for one row, and prices, so that all that is told is told.
PIPELINE = f"""
from evolsynth.pipeline import Pipeline, load, respond, step

@step
async def look(row):
    if "lake 3" in row.instruction:
        raise LookupError("a fault of this step")
    return row

model = {{"model": "openai:m@URL", "key_env": "{VARIABLE}", "concurrency": 1, "price_in": 1}}
pipe = load("rows.jsonl") >> respond() >> look()
pipe = Pipeline(pipe.parts, models={{"default": model}}, embedder="none")
"""


class Telling(ThreadingHTTPServer):
    """OpenAI's API with one model. ``faults`` are what is told to the next chats: a status, or
    None for an answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: list[int | None] = []
        self.keys: set[str] = set()
        self.padding = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Telling

    def do_GET(self) -> None:
        listed = {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "me too"}]}
        self._send(200, listed) if self.path == "/v1/models" else self._send(404, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        told = str(self.headers["Authorization"])
        self.server.keys.add(told)
        if self.path != "/v1/chat/completions":
            return self._send(404, {"error": {"message": f"{told}: no such path"}})
        status = self.server.faults.pop(0) if self.server.faults else None
        if status is not None:
            error = {"message": f"{self.server.padding}not with {told}", "code": told}
            return self._send(status, {"error": error})
        turn = {"role": "assistant", "content": "The Rhine and the Elbe."}
        choice = {"index": 0, "message": turn, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 6}
        return self._send(200, {"id": "1", "choices": [choice], "usage": usage})

    def _send(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status, f"told {self.headers['Authorization']}")
        self.send_header("X-Told", str(self.headers["Authorization"]))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Telling]:
    with Telling() as telling:
        threading.Thread(target=telling.serve_forever, args=(0.01,), daemon=True).start()
        yield telling
        telling.shutdown()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    caplog.set_level(logging.DEBUG)


def nowhere(*texts: str | bytes) -> None:
    """No part of the key is in any of them."""
    for text in texts:
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        for at in range(len(KEY) - _PART + 1):
            part = KEY[at : at + _PART].encode()
            assert part not in data, data[max(0, data.find(part) - 200) :][:400]


def said(error: BaseException | None) -> Iterator[str]:
    """All that an error, and those behind it, can be made to say."""
    while error is not None:
        yield from (str(error), repr(error), repr(vars(error)), repr(error.args))
        yield "".join(traceback.format_exception(error))
        error = error.__cause__ or error.__context__


def test_a_run_with_failures_of_all_kinds(
    server: Telling,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [json.dumps({"instruction": f"Name lake {n} of Europe."}) for n in range(6)]
    Path("rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    Path("script.py").write_text(PIPELINE.replace("URL", server.url), encoding="utf-8")
    words = ["run", "script.py:pipe", "-o", "out", "--log", "json", "--breaker", "0"]
    server.faults = [None, 500, 400, None, 401]
    assert main(words) == 1
    first = capsys.readouterr()
    assert "answered 401" in first.err
    server.faults = [429, 400]
    assert main(words) == 1  # two rows have failed, and all others are there
    assert len(Path("out/accepted.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    second = capsys.readouterr()
    for more in (["status", "out"], ["status", "out", "--json"], ["preview", "script.py:pipe"]):
        main(more)
    rest = capsys.readouterr()
    assert server.keys == {f"Bearer {KEY}"}

    assert "a fault of this step" in Path("out/failed.jsonl").read_text(encoding="utf-8")
    assert "***" in Path("out/failed.jsonl").read_text(encoding="utf-8")
    assert "Traceback" in first.out + first.err + second.out + second.err
    nowhere(first.out, first.err, second.out, second.err, rest.out, rest.err, caplog.text)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"report.html", "run.sqlite"} <= {path.name for path in files}
    nowhere(*(path.read_bytes() for path in files), *(str(path) for path in files))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 402, 429, 422])
@pytest.mark.parametrize("padding", ["", " " * 1170, "x " * 580])
async def test_an_error_and_all_behind_it(
    server: Telling, status: int, padding: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A text that is cut must not keep the half of a key that was before the cut."""
    question = Request(messages=(Message("user", "Name a lake."),), seed=1)
    async with Server(f"openai:m@{server.url}", key_env=VARIABLE, concurrency=1) as llm:
        server.faults, server.padding = [status], padding
        if status == 429:
            await llm.complete(question)  # waited for
        else:
            with pytest.raises(EvolsynthError) as raised:
                await llm.complete(question)
            nowhere(*said(raised.value))
        nowhere(repr(llm), str(llm), repr(vars(llm)), repr(llm.provenance), repr(llm.stats))
        nowhere(repr(llm._transport), repr(llm.usage), llm.name, repr(llm.batches))
    nowhere(repr(vars(llm)), caplog.text)


async def test_a_model_that_is_not_there(server: Telling) -> None:
    llm = Server(f"openai:m@{server.url}", key_env=VARIABLE)
    nowhere(repr(llm), repr(vars(llm)))
    with pytest.raises(EvolsynthError) as raised:
        await Server(f"openai:other@{server.url}", key_env=VARIABLE).start()
    nowhere(*said(raised.value))


async def test_a_server_that_does_nothing_but_fail(server: Telling) -> None:
    question = Request(messages=(Message("user", "Name a lake."),), seed=1)
    async with Server(f"openai:m@{server.url}", key_env=VARIABLE, concurrency=1) as llm:
        assert llm._transport is not None
        llm._transport._health.patience = 0.2
        server.faults = [500] * 100
        with pytest.raises(EvolsynthError) as raised:
            await asyncio.gather(*(llm.complete(question) for _ in range(4)))
        nowhere(*said(raised.value))
