"""Batches of a server: none is sent twice, wherever a run is killed, and no row is lost."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from batch_server import FAST, Chat, FileServer, answered, openai_batches, refused, said
from pytest_httpserver import HTTPServer
from werkzeug import Response
from written_rows import whole_row

from evolsynth import Scripted
from evolsynth.errors import CapabilityError, EngineError, InputError, RequestError, SetupError
from evolsynth.llm.base import LLM, Prompt, Request
from evolsynth.llm.batch import Batched, Standing
from evolsynth.llm.prices import Prices
from evolsynth.llm.server import Server
from evolsynth.llm.server.batches import HttpFiles
from evolsynth.pipeline import load, respond
from evolsynth.pipeline.graph import Chainable
from evolsynth.pipeline.run.state import RunResult
from evolsynth.rows import Message
from evolsynth.store.status import read_status

FILES = ("accepted.jsonl", "rejected.jsonl", "failed.jsonl")
SECRET = "sk-very-secret"


class Memory:
    """A book that outlives a `Batched`."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.stored: set[bytes] = set()

    def get(self, name: str) -> Any:
        return json.loads(self.kept.get(name, "null"))

    def put(self, name: str, value: Any) -> None:
        self.kept[name] = json.dumps(value)

    def has(self, key: bytes) -> bool:
        return key in self.stored


class Killed:
    """A server's client that stops at a call, before it is sent or before its answer is read: what
    came of it is never known here."""

    def __init__(self, files: HttpFiles, at: int, *, sent: bool) -> None:
        self._files, self._at, self._sent = files, at, sent
        self.calls = 0
        self.here = asyncio.Event()

    async def _through(self, name: str, *given: Any, **told: Any) -> Any:
        self.calls += 1
        last = self.calls == self._at
        if self.calls > self._at or (last and not self._sent):
            self.here.set()
            await asyncio.Event().wait()
        answer = await getattr(self._files, name)(*given, **told)
        if last:
            self.here.set()
            await asyncio.Event().wait()
        return answer

    async def get(self, path: str) -> Any:
        return await self._through("get", path)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._through("post", path, body)

    async def upload(self, path: str, lines: bytes, **fields: str) -> Any:
        return await self._through("upload", path, lines, **fields)

    async def file(self, path: str) -> bytes:
        found: bytes = await self._through("file", path)
        return found

    async def aclose(self) -> None:
        await self._files.aclose()


@pytest.fixture
def server(httpserver: HTTPServer) -> FileServer:
    return FileServer(httpserver)


def seeds(n: int) -> list[dict[str, Any]]:
    return [{"instruction": f"Tell me about the {i}. river of the old world."} for i in range(n)]


def pipeline(n: int = 6) -> Chainable:
    """Two questions for each row, the second after the first is answered."""
    first = respond(output_mappings={"response": "first"}, name="first")
    return load(seeds(n)) >> first >> respond()


async def go(pipe: Chainable, folder: Path, llm: LLM, **options: Any) -> RunResult:
    told = {"embedder": None, "report": False, "signals": False, **options}
    return await pipe.run(str(folder), llm=llm, **told)


async def calm_files(folder: Path, kept: dict[str, bytes] = {}) -> dict[str, bytes]:  # noqa: B006
    """The files of a run without batches; it is the same each time."""
    if not kept:
        await go(pipeline(), folder / "calm", Chat())
        kept.update(files_of(folder / "calm"))
    return kept


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


def ask(text: str, seed: int = 1) -> Request:
    return Request(messages=(Message("user", text),), seed=seed)


def batched(server: FileServer, book: Memory, **options: Any) -> Batched:
    llm = Chat(server.url)
    assert llm.batches is not None
    return Batched(llm, llm.batches, book, **options)


def rows(path: Path) -> list[dict[str, Any]]:
    return [whole_row(line) for line in path.read_text("utf-8").splitlines()]


# A run --------------------------------------------------------------------------------------------


async def test_a_run_in_batches_gives_the_bytes_of_the_run_without(
    tmp_path: Path, server: FileServer
) -> None:
    await go(pipeline(), tmp_path / "calm", Chat())
    llm = Chat(server.url)
    result = await go(pipeline(), tmp_path / "run", llm, batch=True)
    assert (result.ended, result.accepted, llm.asked) == ("finished", 6, [])
    assert files_of(tmp_path / "run") == files_of(tmp_path / "calm")
    assert [len(batch["lines"]) for batch in server.batches] == [6, 6]
    assert set(server.submitted.values()) == {1}
    told = [event.data.get("message", "") for event in read_status(tmp_path / "run").events]
    assert any("A batch of 6 questions was sent to chat." in one for one in told)


async def test_what_was_answered_in_batches_is_found_without_them_and_the_other_way(
    tmp_path: Path, server: FileServer
) -> None:
    await go(pipeline(), tmp_path, Chat(server.url), batch=True)
    again = Chat(server.url)
    await go(pipeline(), tmp_path, again)
    await go(pipeline(), tmp_path, again, batch=True)
    assert (again.asked, len(server.batches)) == ([], 2)


async def test_without_the_cache_answers_of_batches_are_asked_for_again(
    tmp_path: Path, server: FileServer
) -> None:
    await go(pipeline(), tmp_path, Chat(server.url), batch=True)
    await go(pipeline(), tmp_path, Chat(server.url), batch=True, use_cache=False)
    assert [len(batch["lines"]) for batch in server.batches] == [6, 6, 6, 6]
    assert set(server.submitted.values()) == {2}


async def test_a_batch_has_so_many_lines_at_most(tmp_path: Path, server: FileServer) -> None:
    await go(load(seeds(7)) >> respond(), tmp_path, Chat(server.url), batch=True, batch_size=3)
    assert [len(batch["lines"]) for batch in server.batches] == [3, 3, 1]
    assert set(server.submitted.values()) == {1}


async def test_a_batch_waits_for_rows_that_another_model_is_at_work_on(
    tmp_path: Path, server: FileServer
) -> None:
    first = respond(output_mappings={"response": "first"}, name="first", model="here")
    here = Scripted(lambda _: "So it is.", delay=0.06, concurrency=1)
    pipe = load(seeds(4)) >> first >> respond()
    await go(pipe, tmp_path, Chat(server.url), models={"here": here}, batch=True)
    assert [len(batch["lines"]) for batch in server.batches] == [4]


async def test_a_model_in_yaml_may_want_batches_for_itself_alone(
    tmp_path: Path, server: FileServer
) -> None:
    llm = Chat(server.url)
    llm.batch = True
    await go(load(seeds(2)) >> respond(), tmp_path, llm)
    assert len(server.batches) == 1


async def test_batches_are_refused_where_no_model_takes_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No model.*takes batches \(chat\).*--batch"):
        await go(load(seeds(2)) >> respond(), tmp_path, Chat(), batch=True)
    llm = Chat()
    llm.batch = True
    with pytest.raises(InputError, match="chat takes no batches"):
        await go(load(seeds(2)) >> respond(), tmp_path, llm)


async def test_batches_are_paid_as_all_answers_are(tmp_path: Path, server: FileServer) -> None:
    options: dict[str, Any] = {"batch": True, "prices": Prices(0.0, 100_000.0)}
    result = await go(pipeline(), tmp_path, Chat(server.url), **options)
    assert result.state.cost == pytest.approx(12)
    assert result.state.usage.completion_tokens == 120
    again = await go(pipeline(), tmp_path, Chat(server.url), **options)
    assert again.state.cost == pytest.approx(12)


async def test_a_cost_limit_waits_for_the_batch_under_way(
    tmp_path: Path, server: FileServer
) -> None:
    options: dict[str, Any] = {"batch": True, "batch_size": 2, "prices": Prices(0.0, 100_000.0)}
    pipe = load(seeds(9)) >> respond()
    result = await go(pipe, tmp_path, Chat(server.url), max_cost=3.0, **options)
    assert result.ended == "max_cost"
    assert result.state.cost == result.accepted == 2 * len(server.batches) == 4


# Killed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 11))
async def test_a_run_killed_at_any_call_sends_nothing_twice_and_loses_no_row(
    tmp_path: Path, server: FileServer, at: int, sent: bool
) -> None:
    """Calls 1 to 5 are of the first batch: file, batch, two looks, answers; then the second."""
    server.states = ["in_progress", "completed"]
    client = Killed(HttpFiles(server.url), at, sent=sent)
    run = asyncio.create_task(
        go(pipeline(), tmp_path / "first", Chat(server=client), batch=True), name="to be killed"
    )
    stopped = asyncio.create_task(client.here.wait())
    await asyncio.wait({run, stopped}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert client.here.is_set()
    assert not run.done()
    (tmp_path / "second").mkdir()  # what a kill leaves: the store's files as they are now
    for file in (tmp_path / "first").glob("run.sqlite*"):
        shutil.copy(file, tmp_path / "second")
    run.cancel()
    await asyncio.gather(run, stopped, return_exceptions=True)
    sent_before = len(server.batches)
    result = await go(pipeline(), tmp_path / "second", Chat(server.url), batch=True)
    assert (result.ended, result.accepted) == ("finished", 6)
    assert files_of(tmp_path / "second") == await calm_files(tmp_path)
    assert sum(server.submitted.values()) == 12
    assert set(server.submitted.values()) == {1}
    assert sent_before <= len(server.batches) == 2


async def test_a_stopped_run_leaves_its_batch_and_finds_it_again(
    tmp_path: Path, server: FileServer
) -> None:
    server.states = ["in_progress"]
    pipe = load(seeds(3)) >> respond()
    result = await go(pipe, tmp_path, Chat(server.url), batch=True, minutes=0.01, grace=0.05)
    assert (result.ended, result.accepted, len(server.batches)) == ("minutes", 0, 1)
    server.states = ["completed"]
    again = await go(pipe, tmp_path, Chat(server.url), batch=True)
    assert (again.accepted, len(server.batches)) == (3, 1)


# Lines that fail ----------------------------------------------------------------------------------


async def test_a_line_that_fails_for_good_fails_its_row_with_the_reason(
    tmp_path: Path, server: FileServer
) -> None:
    def answer(line: dict[str, Any], _: int) -> dict[str, Any]:
        if "1. river" in line["body"]["messages"][-1]["content"]:
            return refused(line, "context_length_exceeded", 400, "Too long by far.")
        return answered(line)

    server.answer = answer
    result = await go(load(seeds(3)) >> respond(), tmp_path, Chat(server.url), batch=True)
    assert (result.accepted, result.state.failed, len(server.batches)) == (2, 1, 1)
    (row,) = rows(tmp_path / "failed.jsonl")
    assert row["failure"]["error"] == "RequestError"
    assert "(400): Too long by far." in row["failure"]["message"]
    server.answer = lambda line, _: answered(line)
    again = await go(load(seeds(3)) >> respond(), tmp_path, Chat(server.url), batch=True)
    assert (again.accepted, [len(b["lines"]) for b in server.batches]) == (3, [3, 1])


@pytest.mark.parametrize(
    "fails",
    [
        lambda line: refused(line, "batch_expired", message="This request expired."),
        lambda line: refused(line, "rate_limit", 429),
        lambda line: refused(line, "server_error", 500),
        lambda line: None,
        lambda line: answered(line) | {"response": {"status_code": 200, "body": {"choices": []}}},
        lambda line: answered(line) | {"response": {"status_code": 200, "body": None}},
    ],
    ids=["expired", "429", "500", "missing", "no choice", "no body"],
)
async def test_a_line_that_may_go_well_is_asked_again_once_in_the_next_batch(
    tmp_path: Path, server: FileServer, fails: Any
) -> None:
    def answer(line: dict[str, Any], batch: int) -> Any:
        first = "1. river" in line["body"]["messages"][-1]["content"]
        return fails(line) if first and batch == 0 else answered(line)

    server.answer = answer
    result = await go(load(seeds(3)) >> respond(), tmp_path / "a", Chat(server.url), batch=True)
    assert (result.accepted, result.state.failed) == (3, 0)
    assert [len(batch["lines"]) for batch in server.batches] == [3, 1]
    server.answer = lambda line, _: fails(line)
    result = await go(load(seeds(3)) >> respond(), tmp_path / "b", Chat(server.url), batch=True)
    assert (result.accepted, result.state.failed) == (0, 3)
    assert [len(batch["lines"]) for batch in server.batches] == [3, 1, 3, 3]


async def test_an_expired_batch_gives_what_was_answered_and_the_rest_goes_into_the_next(
    tmp_path: Path, server: FileServer
) -> None:
    server.states = ["in_progress", "expired"]
    server.answer = lambda line, batch: (
        answered(line) if batch or line["body"]["seed"] % 2 else refused(line, "batch_expired")
    )
    result = await go(load(seeds(8)) >> respond(), tmp_path, Chat(server.url), batch=True)
    assert result.accepted == 8
    assert len(server.batches) == 2
    late = [line for line in server.batches[0]["lines"] if line["body"]["seed"] % 2 == 0]
    assert 0 < len(late) < 8
    assert {x["custom_id"] for x in server.batches[1]["lines"]} == {x["custom_id"] for x in late}


async def test_a_batch_that_is_refused_fails_its_rows_with_the_reason(
    tmp_path: Path, server: FileServer
) -> None:
    server.states = ["validating", "failed"]
    server.errors = {"data": [{"code": "model_not_found", "message": "No such model.", "line": 1}]}
    result = await go(load(seeds(2)) >> respond(), tmp_path, Chat(server.url), batch=True)
    assert (result.accepted, result.state.failed, len(server.batches)) == (0, 2, 1)
    told = rows(tmp_path / "failed.jsonl")[0]["failure"]["message"]
    assert "refused batch batch-0: No such model." in told


async def test_a_batch_that_was_cancelled_at_the_server_is_not_sent_anew_by_itself(
    tmp_path: Path, server: FileServer
) -> None:
    server.states = ["cancelling", "cancelled"]
    result = await go(load(seeds(2)) >> respond(), tmp_path, Chat(server.url), batch=True)
    assert (result.state.failed, len(server.batches)) == (2, 1)
    assert "was cancelled at the server" in (tmp_path / "failed.jsonl").read_text("utf-8")
    server.states = ["completed"]
    again = await go(load(seeds(2)) >> respond(), tmp_path, Chat(server.url), batch=True)
    assert (again.accepted, len(server.batches)) == (2, 2)


async def test_lines_of_a_file_that_are_none_tell_nothing(server: FileServer) -> None:
    batches = openai_batches(HttpFiles(server.url))
    server.files["file-9"] = b'no JSON\n\n[1]\n{"custom_id": 5}\n{"custom_id": "a"}\n'
    ended = Standing(True, "completed", details={"output_file_id": "file-9"})
    (result,) = await batches.results(ended)
    assert result.key == "a"
    assert isinstance(result.error, RequestError)
    await batches.aclose()


# Without a run ------------------------------------------------------------------------------------


async def test_each_request_gets_its_own_answer_whatever_the_order(server: FileServer) -> None:
    llm = batched(server, Memory())
    asked = [ask(f"Name the {i}. river.", seed=i) for i in range(20)]
    answers = await asyncio.gather(*map(llm.complete, asked))
    assert [a.text for a in answers] == [said(r.messages[0].content, r.seed) for r in asked]
    assert len(server.batches) == 1
    assert (llm.usage.requests, llm.usage.completion_tokens) == (20, 200)
    await llm.aclose()


async def test_one_request_asked_twice_at_once_is_one_line(server: FileServer) -> None:
    llm = batched(server, Memory())
    one, other = await asyncio.gather(llm.complete(ask("Why?")), llm.complete(ask("Why?")))
    assert one == other
    assert len(server.submitted) == 1
    await llm.aclose()


async def test_who_is_cancelled_before_the_batch_is_sent_is_not_in_it(server: FileServer) -> None:
    llm = batched(server, Memory())
    tasks = [asyncio.create_task(llm.complete(ask(f"{i}?"))) for i in range(3)]
    await asyncio.sleep(0.005)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [len(batch["lines"]) for batch in server.batches] == [2]
    assert llm.waiting == 0
    await llm.aclose()


async def test_who_is_cancelled_while_the_batch_is_on_its_way_finds_the_answer_later(
    server: FileServer,
) -> None:
    server.states = ["in_progress", "in_progress", "in_progress", "completed"]
    llm = batched(server, Memory())
    task = asyncio.create_task(llm.complete(ask("Why?")))
    other = asyncio.create_task(llm.complete(ask("How?")))
    while not server.batches:
        await asyncio.sleep(0.005)
    task.cancel()
    await other
    again = await llm.complete(ask("Why?"))
    assert again.text == said("Why?", 1)
    assert set(server.submitted.values()) == {1}
    await llm.aclose()


async def test_a_batch_is_forgotten_when_all_its_answers_are_stored(server: FileServer) -> None:
    book = Memory()
    llm = batched(server, book)
    await llm.complete(ask("Why?"))
    await llm.aclose()
    tags = [name for name in book.kept if re.fullmatch("batch [0-9a-f]{32}", name)]
    assert [book.get(tag)["id"] for tag in tags] == ["batch-0"]
    book.stored = {bytes.fromhex(key) for key in server.submitted}
    again = batched(server, book)
    await again.complete(ask("How?"))
    await again.aclose()
    assert book.get(tags[0]) is None
    (index,) = [name for name in book.kept if name.startswith("batches ")]
    assert len(book.get(index)) == 1


async def test_answers_that_nobody_waited_for_are_read_again_later(server: FileServer) -> None:
    """Of a run that was killed after they were read and before they were stored."""
    book = Memory()
    llm = batched(server, book)
    await asyncio.gather(llm.complete(ask("Why?")), llm.complete(ask("How?")))
    await llm.aclose()
    again = batched(server, book)
    assert (await again.complete(ask("How?"))).text == said("How?", 1)
    assert (await again.complete(ask("Why?"))).text == said("Why?", 1)
    assert len(server.batches) == 1
    await again.aclose()


async def test_answers_that_the_server_has_thrown_away_are_asked_for_again(
    server: FileServer,
) -> None:
    book = Memory()
    llm = batched(server, book)
    await llm.complete(ask("Why?"))
    await llm.aclose()
    server.files = {}
    again = batched(server, book)
    assert (await again.complete(ask("Why?"))).text == said("Why?", 1)
    assert len(server.batches) == 2
    await again.aclose()


@pytest.mark.parametrize("status", [307, 400])
async def test_answers_that_are_not_given_out_are_not_paid_for_again(
    server: FileServer, status: int
) -> None:
    book = Memory()
    server.fault = lambda call, _: Response("No.", status) if "content" in call else None
    llm = batched(server, book)
    with pytest.raises(SetupError, match=r"does not give out the answers of batch batch-0"):
        await llm.complete(ask("Why?"))
    await llm.aclose()
    server.fault = lambda *_: None
    again = batched(server, book)
    assert (await again.complete(ask("Why?"))).text == said("Why?", 1)
    assert len(server.batches) == 1
    await again.aclose()


async def test_a_packed_answer_without_an_end_is_not_read_to_it(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolsynth.llm.server.batches.LARGEST", 1 << 20)
    bomb = gzip.compress(b" " * (1 << 24))
    server.fault = lambda *_: Response(bomb, headers={"Content-Encoding": "gzip"})
    async with HttpFiles(server.url) as files:
        with pytest.raises(RequestError, match="longer than 1 MiB"):
            await files.file("/v1/files/file-1/content")


async def test_a_batch_is_looked_for_on_all_pages(server: FileServer) -> None:
    server.page = 2
    llm = batched(server, Memory(), size=1)
    await asyncio.gather(*(llm.complete(ask(f"{i}?")) for i in range(5)))
    await llm.aclose()
    tag = server.batches[0]["metadata"]["evolsynth"]
    batches = openai_batches(HttpFiles(server.url))
    assert await batches.find(tag) == "batch-0"
    assert await batches.find("no such tag") is None
    await batches.aclose()


# A server that does not do what it should ---------------------------------------------------------


@pytest.mark.parametrize("call", ["POST /v1/files", "POST /v1/batches", "GET /v1/batches/ID",
                                  "GET /v1/files/ID/content"])  # fmt: skip
async def test_a_server_that_is_busy_for_a_moment_is_asked_again(
    server: FileServer, call: str
) -> None:
    server.fault = lambda asked, time: Response("busy", 503) if (asked, time) == (call, 1) else None
    llm = batched(server, Memory())
    assert (await llm.complete(ask("Why?"))).text == said("Why?", 1)
    assert len(server.batches) == 1
    await llm.aclose()


async def test_a_batch_whose_id_was_not_heard_is_looked_for_before_it_is_sent_again(
    server: FileServer,
) -> None:
    """The server made it, and the connection broke."""
    real = server._created

    def made_and_broken(told: dict[str, Any]) -> Response:
        real(told)
        server._created = real  # type: ignore[method-assign] # the next is answered
        return Response("half an ans", 502)

    server._created = made_and_broken  # type: ignore[method-assign]
    llm = batched(server, Memory())
    assert (await llm.complete(ask("Why?"))).text == said("Why?", 1)
    assert (len(server.batches), server.calls["GET /v1/batches"]) == (1, 1)
    await llm.aclose()


async def test_a_dead_server_ends_the_run_and_the_same_command_goes_on(
    tmp_path: Path, server: FileServer
) -> None:
    server.fault = lambda asked, _: Response("no", 500) if "batches/ID" in asked else None
    pipe = load(seeds(3)) >> respond()
    with pytest.raises(SetupError, match=r"chat does not answer about its batches.*sends nothing"):
        await go(pipe, tmp_path, Chat(server.url), batch=True)
    server.fault = lambda *_: None
    result = await go(pipe, tmp_path, Chat(server.url), batch=True)
    assert (result.accepted, len(server.batches)) == (3, 1)


async def test_a_server_without_batches_says_so(tmp_path: Path, server: FileServer) -> None:
    server.fault = lambda *_: Response('{"error": "not here"}', 404)
    refused = r"does not take a batch: .*/files, answered 404: not here.*--batch"
    with pytest.raises(SetupError, match=refused):
        await go(load(seeds(3)) >> respond(), tmp_path, Chat(server.url), batch=True)


async def test_a_batch_that_the_server_does_not_know_is_not_sent_anew(
    tmp_path: Path, server: FileServer
) -> None:
    """Another server, or another key: sending it again might be paid for twice."""
    server.states = ["in_progress"]
    pipe = load(seeds(3)) >> respond()
    await go(pipe, tmp_path, Chat(server.url), batch=True, minutes=0.01, grace=0.05)
    server.batches.clear()
    with pytest.raises(SetupError, match=r"knows nothing of the batch batch-0.*--no-batch"):
        await go(pipe, tmp_path, Chat(server.url), batch=True)
    assert server.batches == []
    result = await go(pipe, tmp_path, Chat(server.url))
    assert result.accepted == 3


async def test_the_key_is_sent_and_told_to_nobody(server: FileServer) -> None:
    files = HttpFiles(server.url + "/", key=SECRET)
    await files.get("/v1/batches")
    assert server.headers[-1]["Authorization"] == f"Bearer {SECRET}"
    server.fault = lambda *_: Response(json.dumps({"error": {"message": f"Bad {SECRET}"}}), 400)
    with pytest.raises(RequestError, match=r"GET /v1/batches, answered 400: Bad \*\*\*$"):
        await files.get("/v1/batches?a=b")
    server.fault = lambda *_: Response(f"Not {SECRET}", 401)
    missing = r"Not \*\*\* - the key is missing or not allowed.*put the right one"
    with pytest.raises(SetupError, match=missing) as caught:
        await files.get("/v1/batches")
    assert SECRET not in repr(files) + repr(caught.value)
    await files.aclose()
    own = HttpFiles(server.url, key=SECRET, key_header="api-key")
    server.fault = lambda *_: None
    await own.get("/v1/batches")
    assert server.headers[-1]["Api-Key"] == SECRET
    assert "Authorization" not in server.headers[-1]
    await own.aclose()


async def test_the_key_does_not_go_to_another_host(
    server: FileServer, httpserver: HTTPServer
) -> None:
    there = {"Location": httpserver.url_for("/v1/elsewhere")}
    server.fault = lambda call, _: (
        Response("", 307, headers=there) if call == "GET /v1/batches" else None
    )
    async with HttpFiles(server.url, key=SECRET) as files:
        with pytest.raises(RequestError, match="307"):
            await files.get("/v1/batches")
    assert server.calls == {"GET /v1/batches": 1}


async def test_nobody_at_the_address_is_told_without_the_key() -> None:
    async with HttpFiles("http://127.0.0.1:9", key=SECRET) as files:
        with pytest.raises(EngineError, match="cannot be reached at /v1/batches") as caught:
            await files.get("/v1/batches")
    assert SECRET not in str(caught.value)


async def test_an_answer_that_is_no_json_is_an_error_that_may_pass(server: FileServer) -> None:
    async with HttpFiles(server.url) as files:
        for text in ("<html>", "[1]", ""):
            server.fault = lambda *_, text=text: Response(text)
            with pytest.raises(EngineError, match="no JSON"):
                await files.get("/v1/batches")


# The server back end ------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses of seconds, and a key in the environment."""
    monkeypatch.setattr("evolsynth.llm.server.batches.Pauses", lambda: FAST)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)


@pytest.mark.usefixtures("quick")
async def test_a_model_behind_openais_api_goes_in_batches(
    tmp_path: Path, server: FileServer
) -> None:
    name = f"openai:chat@{server.url}/v1"
    alone = await go(pipeline(), tmp_path / "calm", Server(name))
    assert (alone.accepted, server.batches) == (6, [])
    asked = server.calls["POST /v1/chat/completions"]
    result = await go(pipeline(), tmp_path / "run", Server(name), batch=True)
    assert result.accepted == 6
    assert files_of(tmp_path / "run") == files_of(tmp_path / "calm")
    assert server.calls["POST /v1/chat/completions"] == asked
    assert [len(batch["lines"]) for batch in server.batches] == [6, 6]
    assert all(batch["endpoint"] == "/v1/chat/completions" for batch in server.batches)
    for file in (tmp_path / "run").iterdir():
        assert SECRET.encode() not in file.read_bytes()


@pytest.mark.usefixtures("quick")
async def test_an_answer_that_is_none_of_the_choices_is_asked_for_again_by_itself(
    server: FileServer,
) -> None:
    def chosen(line: dict[str, Any]) -> dict[str, Any]:
        told = answered(line)
        told["response"]["body"]["choices"][0]["message"]["content"] = '{"answer": "yes"}'
        return told

    server.alone = chosen
    async with Server(f"openai:chat@{server.url}/v1") as llm:
        assert llm.batches is not None
        asked = Request(messages=(Message("user", "Is it?"),), seed=1, choices=("yes", "no"))
        batches = Batched(llm, llm.batches, Memory())
        before = server.calls["POST /v1/chat/completions"]
        assert (await batches.complete(asked)).text == "yes"
        assert len(server.batches) == 1
        assert server.calls["POST /v1/chat/completions"] == before + 1
        await batches.aclose()


@pytest.mark.usefixtures("quick")
async def test_a_request_that_the_server_cannot_take_is_refused_before_a_batch(
    server: FileServer,
) -> None:
    async with Server(f"openai:chat@{server.url}/v1") as llm:
        assert llm.batches is not None
        batches = Batched(llm, llm.batches, Memory())
        raw = Request(prompt=Prompt.of("Once upon a time"), seed=1)
        with pytest.raises(CapabilityError, match="no raw prompt"):
            await batches.complete(raw)
        assert batches.waiting == 0
        await batches.aclose()
    assert llm.batches is None


# A process that is killed -------------------------------------------------------------------------

CHILD = """
import asyncio, sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from batch_server import Chat
from test_server_batches import go, pipeline

asyncio.run(go(pipeline(), Path(sys.argv[2]), Chat(sys.argv[1]), batch=True))
"""


async def test_a_process_killed_while_its_batch_is_under_way_goes_on_with_it(
    tmp_path: Path, server: FileServer
) -> None:
    server.states = ["in_progress"]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, server.url, tmp_path / "run", *sys.path
    )
    while not (server.batches and server.batches[0]["looks"]):
        await asyncio.sleep(0.01)
        assert child.returncode is None
    child.kill()
    await child.wait()
    server.states = ["completed"]
    result = await go(pipeline(), tmp_path / "run", Chat(server.url), batch=True)
    assert result.accepted == 6
    assert files_of(tmp_path / "run") == await calm_files(tmp_path)
    assert set(server.submitted.values()) == {1}
    assert len(server.batches) == 2
