"""A local HTTP server that plays OpenAI's files and batches, as it is told to."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request as Asked
from werkzeug import Response

from evolsynth.errors import RequestError
from evolsynth.llm.base import LLM, Capability, Completion, Request, Usage
from evolsynth.llm.batch import Pauses
from evolsynth.llm.server.batches import BatchServer, HttpFiles, OpenAIBatches

__all__ = ["FAST", "Chat", "FileServer", "answered", "openai_batches", "refused", "said"]

FAST = Pauses(collect=0.02, first=0.01, longest=0.02, tries=3)
Line = dict[str, Any]


def said(question: str, seed: int) -> str:
    """What the model answers, in a batch or by itself."""
    return f"There is much to be said of {question[-30:]!r} and of {seed % 997}."


def answered(line: Line) -> Line:
    """A line of the file of answers."""
    body = line["body"]
    text = said(body["messages"][-1]["content"], body["seed"])
    usage = {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 40}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    reply = {"choices": [choice | {"finish_reason": "stop"}], "usage": usage}
    response = {"status_code": 200, "request_id": "r", "body": reply}
    return {"id": "x", "custom_id": line["custom_id"], "response": response, "error": None}


def refused(line: Line, code: str, status: int = 0, message: str = "No.") -> Line:
    """A line of the file of errors."""
    told = {"code": code, "message": message}
    response = {"status_code": status, "body": {"error": told}} if status else None
    error = None if status else told
    return {"id": "x", "custom_id": line["custom_id"], "response": response, "error": error}


def chat_body(request: Request) -> tuple[str, Line]:
    """A line's question, in the smallest form."""
    if not request.messages:
        raise RequestError("It takes messages only.")
    turns = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    return "/v1/chat/completions", {"model": "chat", "messages": turns, "seed": request.seed}


async def read_chat(_: Request, body: Any) -> Completion:
    """A line's answer."""
    usage, text = body["usage"], body["choices"][0]["message"]["content"]
    tokens, read = usage["completion_tokens"], usage["prompt_tokens"]
    return Completion(text=text, tokens=tokens, prompt_tokens=read, finish_reason="stop")


def openai_batches(server: BatchServer) -> OpenAIBatches:
    """Batches in that form."""
    return OpenAIBatches(server, chat_body, read_chat, pauses=FAST)


class FileServer:
    """Files and batches, in memory.

    ``states`` are what a batch says when it is looked at, one after the other; ``answer`` makes a
    line's result: a dict for the file of answers, or with an error for that of errors, or None.
    ``batches`` holds all that were created, with their lines; ``calls`` counts what was asked.
    """

    def __init__(self, http: HTTPServer) -> None:
        self.states = ["validating", "in_progress", "finalizing", "completed"]
        self.answer: Callable[[Line, int], Line | None] = lambda line, _: answered(line)
        self.alone: Callable[[Line], Line] = answered
        self.fault: Callable[[str, int], Response | None] = lambda *_: None
        self.errors: Any = None
        self.files: dict[str, bytes] = {}
        self.batches: list[dict[str, Any]] = []
        self.calls: Counter[str] = Counter()
        self.headers: list[Mapping[str, str]] = []
        self.page = 100
        self.url = http.url_for("").rstrip("/")
        http.expect_request(re.compile(".*")).respond_with_handler(self._play)

    @property
    def submitted(self) -> Counter[str]:
        """How many batches have each key."""
        return Counter(line["custom_id"] for batch in self.batches for line in batch["lines"])

    def _play(self, asked: Asked) -> Response:
        self.headers.append(dict(asked.headers))
        path = re.sub(r"/(file|batch)-\d+", "/ID", asked.path)
        call = f"{asked.method} {path}"
        self.calls[call] += 1
        fault = self.fault(call, self.calls[call])
        if fault is not None:
            return fault
        number = int((re.findall(r"-(\d+)", asked.path) or ["0"])[0])
        match call:
            case "POST /v1/files":
                return self._uploaded(asked)
            case "POST /v1/batches":
                return self._created(json.loads(asked.get_data()))
            case "GET /v1/models":
                return _json({"object": "list", "data": [{"id": "chat", "object": "model"}]})
            case "POST /v1/chat/completions":
                line = {"custom_id": "", "body": json.loads(asked.get_data())}
                return _json(self.alone(line)["response"]["body"])
            case "GET /v1/batches":
                return self._listed(asked)
            case "GET /v1/batches/ID" if number < len(self.batches):
                return _json(self._looked(self.batches[number]))
            case "GET /v1/files/ID/content" if f"file-{number}" in self.files:
                return Response(self.files[f"file-{number}"])
        return _json({"error": {"message": f"No such path: {asked.path}"}}, 404)

    def _uploaded(self, asked: Asked) -> Response:
        assert asked.form["purpose"] == "batch"
        return _json({"id": self._file(asked.files["file"].read()), "object": "file"})

    def _created(self, told: dict[str, Any]) -> Response:
        assert told["completion_window"] == "24h"
        lines = [json.loads(line) for line in self.files[told["input_file_id"]].splitlines()]
        assert {line["url"] for line in lines} == {told["endpoint"]}
        batch = told | {"id": f"batch-{len(self.batches)}", "object": "batch", "lines": lines}
        self.batches.append(batch | {"looks": 0, "status": self.states[0]})
        return _json(_shown(self.batches[-1]))

    def _listed(self, asked: Asked) -> Response:
        newest = [_shown(batch) for batch in reversed(self.batches)]
        after = asked.args.get("after")
        begin = 1 + [b["id"] for b in newest].index(after) if after else 0
        page = newest[begin : begin + self.page]
        more = begin + self.page < len(newest)
        return _json({"object": "list", "data": page, "has_more": more})

    def _looked(self, batch: dict[str, Any]) -> dict[str, Any]:
        batch["status"] = self.states[min(batch["looks"], len(self.states) - 1)]
        batch["looks"] += 1
        if batch["status"] in ("completed", "expired") and "output_file_id" not in batch:
            number = self.batches.index(batch)
            results = [self.answer(line, number) for line in batch["lines"]]
            there = [one for one in results if one is not None][::-1]  # in another order
            good = [r for r in there if (r.get("response") or {}).get("status_code") == 200]
            bad = [r for r in there if r not in good]
            batch["output_file_id"] = self._file(_lines(good)) if good else None
            batch["error_file_id"] = self._file(_lines(bad)) if bad else None
        if batch["status"] == "failed":
            batch["errors"] = self.errors
        return _shown(batch)

    def _file(self, content: bytes) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return name


def _shown(batch: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in batch.items() if name not in ("lines", "looks")}


def _lines(told: list[Line]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in told) + b"\n"


def _json(told: Any, status: int = 200) -> Response:
    return Response(json.dumps(told), status, content_type="application/json")


class Chat(LLM):
    """A model behind the server: what it says by itself is what it says in a batch."""

    capabilities = frozenset({Capability.CHAT, Capability.SEED})
    concurrency = 4

    def __init__(self, url: str | None = None, server: BatchServer | None = None) -> None:
        self.name, self.provenance = "chat", {"model": "chat"}
        self.asked: list[Request] = []
        files = HttpFiles(url) if url is not None else server
        self._batches = None if files is None else openai_batches(files)

    @property
    def usage(self) -> Usage:
        return Usage()

    @property
    def batches(self) -> OpenAIBatches | None:
        return self._batches

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        if not request.messages:
            raise RequestError("It takes chats only.")
        text = said(request.messages[-1].content, request.seed)
        return Completion(text=text, tokens=10, prompt_tokens=30, finish_reason="stop")
