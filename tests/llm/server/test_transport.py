"""A transport asks each question until it is answered, and says in one sentence why it cannot."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import ssl
import subprocess
import sys
import time
import traceback
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from faulty import FAULTS, Faulty, Question, answer_of, calm, right, whole

from evolsynth.errors import EngineError, InputError, RequestError, SetupError
from evolsynth.llm.server.exchange import _proxy
from evolsynth.llm.server.patience import Times
from evolsynth.llm.server.transport import Endpoint, Limits, NotFound, Transport

QUICK = Times(back_off=0.002, tick=0.01)
KEY = "sk-0123456789abcdefghijklmnopqrstuvwxyz"


async def started(server: Faulty, **options: Any) -> Transport:
    transport = Transport([Endpoint(server.url)], **{"_times": QUICK, **options})
    await transport.start()
    return transport


def says(status: str, body: object, *headers: str) -> Any:
    """A plan whose every reply is this."""

    async def reply(server: Faulty, question: Question) -> bool:
        question.writer.write(whole(json.dumps(body).encode(), status, *headers))
        return True

    FAULTS["says"] = reply
    return lambda number, nth: "says"


async def no_task_left() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


# --- what it is for ------------------------------------------------------------------------------


async def test_a_question_is_json_and_so_is_its_answer() -> None:
    async with Faulty() as server:
        transport = await started(server)
        body = {"id": 7, "text": "Grüße \ud800 \n"}  # half a surrogate pair: as an escape
        assert await transport.post("/v1/x", body) == {"id": 7, "answer": answer_of(7)}
        assert await transport.post("/v1/x", {"id": 8}, read=lambda data: data["id"]) == 8
        assert await transport.get("/v1/models") == {"object": "list"}
        await transport.aclose()
    assert [q.path for q in server.questions] == ["/v1/x", "/v1/x", "/v1/models"]
    assert json.loads(server.questions[0].body)["text"] == body["text"]
    assert server.questions[0].header("content-type") == "application/json"
    assert server.connections == 1, "it is kept alive"


async def test_a_path_is_put_behind_the_whole_address() -> None:
    async with Faulty() as server:
        transport = Transport([Endpoint(server.url + "/api/")])
        await transport.start()
        await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    assert server.questions[0].path == "/api/v1/x"


def test_httpx_is_loaded_when_it_is_needed() -> None:
    code = "import sys, evolsynth.llm.server.transport as t; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://host", "http://", "http://[::1", "http://h:99999"]
)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(InputError, match="is no address of a server: give one"):
        Transport([Endpoint(url)])


def test_an_address_with_a_password_or_without_weight_is_refused() -> None:
    with pytest.raises(InputError, match="leave it out") as error:
        Transport([Endpoint("http://me:sesame@host:1")])
    assert "sesame" not in str(error.value)
    with pytest.raises(InputError, match="must be more than 0"):
        Transport([Endpoint("http://host:1", 0)])
    with pytest.raises(InputError, match="has no address"):
        Transport([])
    with pytest.raises(InputError, match="holds characters that no key has"):
        Transport([Endpoint("http://host:1")], key="a\r\nX: b")
    with pytest.raises(InputError, match="concurrency is 0"):
        Limits(concurrency=0)


# --- what is never answered ----------------------------------------------------------------------


async def test_our_own_mistake_is_told_and_not_sent_again() -> None:
    words = f"max_tokens must be positive, not {KEY} " + "x" * 1000
    async with Faulty(says("400 Bad Request", {"error": {"message": words}})) as server:
        transport = await started(server, key=KEY, name="vLLM")
        with pytest.raises(RequestError) as error:
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    message = str(error.value)
    assert message.startswith(f"vLLM at 127.0.0.1:{server.port} answered 400: max_tokens must be")
    assert len(message) < 360
    assert KEY not in message
    assert server.asked[1] == 1
    assert type(error.value) is RequestError


@pytest.mark.parametrize("status", ["404 Not Found", "405 Method Not Allowed", "501 No"])
async def test_a_path_that_is_not_there(status: str) -> None:
    async with Faulty(says(status, {"error": "model 'm' not found, try pulling it"})) as server:
        transport = await started(server)
        with pytest.raises(NotFound, match="model 'm' not found, try pulling it"):
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    assert server.asked[1] == 1


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_a_wrong_key_stops_the_run_and_is_shown_nowhere(
    status: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Faulty(says(status, {"error": {"message": f"bad key: {KEY}"}})) as server:
        transport = await started(server, key=KEY)
        with pytest.raises(SetupError, match="bad key: \\*\\*\\*") as error:
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    assert server.questions[0].header("authorization") == f"Bearer {KEY}"
    shown = "".join(traceback.format_exception(error.value))
    assert KEY not in f"{shown} {transport!r} {transport.stats!r} {caplog.text}"


async def test_a_key_can_have_a_header_of_its_own() -> None:
    async with Faulty() as server:
        transport = await started(server, key=KEY, key_header="api-key")
        await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    assert server.questions[0].header("api-key") == KEY
    assert server.questions[0].header("authorization") is None


async def test_a_question_is_not_sent_on_to_another_host() -> None:
    async with Faulty() as other, Faulty(lambda number, nth: "sent elsewhere") as server:
        server.elsewhere = other.url
        transport = await started(server, key=KEY)
        with pytest.raises(SetupError, match=f"another address, 127.0.0.1:{other.port}: nothing"):
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    assert other.connections == 0


async def test_money_that_is_spent_does_not_come_back_by_waiting() -> None:
    said = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    async with Faulty(says("429 Too Many Requests", said)) as server:
        transport = await started(server)
        with pytest.raises(SetupError, match="no money left"):
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    assert server.asked[1] == 1


async def test_a_server_that_wants_hours_of_peace_stops_the_run() -> None:
    async with Faulty(says("429 No", {}, "Retry-After: 7200")) as server:
        transport = await started(server)
        with pytest.raises(SetupError, match="left alone for 120 minutes"):
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()


async def test_a_bomb_is_not_unpacked() -> None:
    async with Faulty(lambda number, nth: "bomb") as server:
        transport = await started(server)
        tracemalloc.start()
        with pytest.raises(RequestError, match="longer than 64 MiB"):
            await transport.post("/v1/x", {"id": 1})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        await transport.aclose()
    assert peak < 160 * 2**20, "with the server's own 80 MiB"
    assert server.asked[1] == 1


async def test_a_question_that_a_server_cannot_bear_is_given_up_while_others_go_on() -> None:
    async with Faulty(lambda number, nth: "500" if number == 3 else "answer") as server:
        transport = await started(server, limits=Limits(concurrency=2))
        posts = [transport.post("/v1/x", {"id": n}) for n in range(60)]
        results = await asyncio.gather(*posts, return_exceptions=True)
        await transport.aclose()
    failed = [r for r in results if isinstance(r, BaseException)]
    assert len(failed) == 1
    assert isinstance(failed[0], EngineError)
    assert failed[0].retryable is False, "the run would ask as often again"
    assert failed[0].attempt == server.asked[3] == 8
    assert "failed 8 times with this request, the last time because" in str(failed[0])


def test_a_proxy_is_that_of_the_environment_and_none_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert _proxy("https", "api.openai.com") is None
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert _proxy("https", "api.openai.com") == "http://proxy:3128"
    assert _proxy("http", "api.openai.com") is None
    assert _proxy("https", "inside.example") is None
    assert _proxy("https", "localhost") is _proxy("https", "127.0.0.1") is None


# --- TLS -----------------------------------------------------------------------------------------


def tls() -> tuple[ssl.SSLContext, trustme.CA]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, authority


async def test_a_certificate_that_nobody_vouches_for_gets_no_question() -> None:
    context, _ = tls()
    async with Faulty(tls=context) as server:
        transport = await started(server, key=KEY)
        with pytest.raises(SetupError, match="a certificate that cannot be trusted"):
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    assert not server.questions


async def test_a_certificate_of_a_named_authority_is_trusted(tmp_path: Path) -> None:
    context, authority = tls()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with Faulty(tls=context) as server:
        transport = await started(server, verify=str(tmp_path / "ca.pem"))
        await asyncio.gather(*(transport.post("/v1/x", {"id": n}) for n in range(20)))
        await transport.aclose()
        transport = await started(server, verify=str(tmp_path / "no.pem"))
        with pytest.raises(SetupError, match=r"cannot be read from .*no\.pem"):
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    assert len(server.answered) == 20
    await no_task_left()


# --- dead, slow, back again ----------------------------------------------------------------------


async def test_a_dead_server_stops_all_with_one_sentence() -> None:
    async with Faulty() as server:
        pass  # and is gone
    transport = await started(server, patience=0.2, name="Ollama")
    began = time.monotonic()
    posts = [transport.post("/v1/x", {"id": n}) for n in range(50)]
    results = await asyncio.gather(*posts, return_exceptions=True)
    assert time.monotonic() - began < 3
    assert {type(r) for r in results} == {SetupError}
    (message,) = {str(r) for r in results}
    assert re.fullmatch(
        rf"Ollama at 127.0.0.1:{server.port} gave nothing but errors for \d seconds, the last: "
        r"nobody listens there\. Look whether it runs; the run can go on then\.",
        message,
    )
    transport._dead_to = time.monotonic() + 60  # it takes no more than patience: 0.2 s
    with pytest.raises(SetupError):  # a latecomer need not wait again
        await asyncio.wait_for(transport.post("/v1/x", {"id": 1}), 0.05)
    await transport.aclose()
    await no_task_left()


async def test_nobody_waits_in_silence_for_a_server_that_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Faulty() as server:
        pass
    transport = await started(server, patience=5, name="Ollama")
    asking = asyncio.create_task(transport.post("/v1/x", {"id": 1}))
    while not caplog.records and not asking.done():  # long before it is given up
        await asyncio.sleep(0.01)
    (told,) = [r.getMessage() for r in caplog.records if r.name == "evolsynth.server"]
    assert told.startswith(f"Ollama at 127.0.0.1:{server.port} gives nothing but errors (nobody l")
    async with Faulty(port=server.port):
        await asking
    await transport.aclose()
    assert len([r for r in caplog.records if r.name == "evolsynth.server"]) == 1


def test_all_this_takes_less_than_a_minute() -> None:
    transport = Transport([Endpoint("http://host:1")])
    times = transport._times
    assert transport._health.patience + times.tick + times.connect / 2 < 60


async def test_a_server_with_nothing_but_errors_is_dead_too() -> None:
    async with Faulty(lambda number, nth: "500") as server:
        transport = await started(server, patience=0.2)
        posts = [transport.post("/v1/x", {"id": n}) for n in range(10)]
        results = await asyncio.gather(*posts, return_exceptions=True)
        await transport.aclose()
    assert {type(r) for r in results} == {SetupError}


async def test_a_reply_that_lies_here_when_the_server_is_given_up_belongs_to_its_death(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Faulty(lambda number, nth: "500") as server:
        transport = await started(server, patience=0.001)  # one question is soon given up
        replies, once = 0, transport._exchange.once

        async def late(*asked: Any) -> Any:
            nonlocal replies
            reply = await once(*asked)
            replies += 1
            if replies == 8:  # so often that the question alone would be given up
                transport._die(time.monotonic(), "It is dead.")
            return reply

        monkeypatch.setattr(transport._exchange, "once", late)
        with pytest.raises(SetupError, match="It is dead"):
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()
    assert replies == 8


async def test_a_server_that_refuses_all_but_a_few_is_not_dead() -> None:
    def plan(number: int, nth: int) -> str:
        return "500" if number == 0 and nth < 7 else "no such thing"

    async def refuse(server: Faulty, question: Question) -> bool:
        question.writer.write(whole(b'{"error": "no"}', "422 No"))
        return True

    FAULTS["no such thing"] = refuse
    async with Faulty(plan, seconds=0.02) as server:
        transport = await started(server, patience=0.05)
        posts = [transport.post("/v1/x", {"id": n}) for n in range(20)]
        results = await asyncio.gather(*posts, return_exceptions=True)
        await transport.aclose()
    assert {type(r) for r in results} == {RequestError}


async def test_a_host_that_is_not_there() -> None:
    transport = Transport([Endpoint("http://no-such-host.invalid:1")], patience=0.5, _times=QUICK)
    await transport.start()
    with pytest.raises(SetupError, match=r"no-such-host\.invalid"):
        await transport.post("/v1/x", {"id": 1})
    await transport.aclose()


async def test_a_server_that_comes_back_loses_nothing() -> None:
    async with Faulty(seconds=0.005) as server:
        transport = await started(server, patience=20)
        posts = [asyncio.create_task(transport.post("/v1/x", {"id": n})) for n in range(60)]
        while len(server.answered) < 20:
            await asyncio.sleep(0.002)
        await server.die()
        before = set(server.answered)
        await asyncio.sleep(0.05)
    async with Faulty(port=server.port) as again:
        results = await asyncio.gather(*posts)
        await transport.aclose()
    assert [r["answer"] for r in results] == [answer_of(n) for n in range(60)]
    assert before | set(again.answered) == set(range(60))


async def test_a_slow_server_is_not_dead() -> None:
    async with Faulty(seconds=0.4) as server:
        transport = await started(server, patience=0.1)
        results = await asyncio.gather(*(transport.post("/v1/x", {"id": n}) for n in range(3)))
        await transport.aclose()
    assert len(results) == 3
    assert set(server.asked.values()) == {1}, "its answers could still come"


async def test_a_server_that_answers_nothing_any_more_is_dead() -> None:
    times = Times(back_off=0.002, tick=0.01, least=0.05, sign=0.05, silent=0.1, connect=0.05)

    async def mute(server: Faulty, question: Question) -> bool:
        await asyncio.sleep(60)
        return False

    FAULTS["mute"] = mute
    async with Faulty(lambda number, nth: "mute" if number else "answer") as server:
        transport = await started(server, _times=times, patience=0.2)
        await transport.post("/v1/x", {"id": 0})
        server.answers_signs = False
        posts = [transport.post("/v1/x", {"id": n}) for n in range(1, 4)]
        results = await asyncio.gather(*posts, return_exceptions=True)
        await transport.aclose()
    assert {type(r) for r in results} == {SetupError}
    await no_task_left()


async def test_an_answer_is_waited_for_as_long_as_there_are_signs_of_life() -> None:
    times = Times(back_off=0.002, tick=0.01, least=0.05, sign=0.2, silent=0.4, unseen=30)
    async with Faulty(seconds=1.0) as server:  # a sign may take 0.6 s where others want the core
        transport = await started(server, _times=times)
        await transport.post("/v1/x", {"id": 1}, tokens=100)
        await transport.aclose()
    assert server.asked[1] == 1
    assert server.signs > 1


# --- limits and places ---------------------------------------------------------------------------


async def test_no_more_are_under_way_than_the_user_allows() -> None:
    async with Faulty(seconds=0.002) as server:
        transport = await started(server, limits=Limits(concurrency=3))
        await asyncio.gather(*(transport.post("/v1/x", {"id": n}) for n in range(40)))
        assert transport.concurrency == transport.at_once == 3
        await transport.aclose()
    assert server.most_at_once == 3


async def test_what_a_server_bears_is_found() -> None:
    async with Faulty(seconds=0.003, slots=6) as server:
        transport = await started(server)
        await asyncio.gather(*(transport.post("/v1/x", {"id": n}) for n in range(300)))
        assert transport.concurrency == 2 * transport.at_once
        await transport.aclose()
    assert 4 <= transport.at_once <= 8
    assert server.answered.total() == 300
    assert transport.stats.statuses[429] < 60


async def test_what_is_no_work_for_the_model_says_nothing_of_the_load() -> None:
    """Such as /tokenize, which llama-server answers in no time."""
    async with Faulty(seconds=0.002, slots=60) as server:
        transport = await started(server)
        first = transport.at_once
        await asyncio.gather(*(transport.post("/v1/x", {"id": n}, tokens=0) for n in range(200)))
        assert transport.at_once == first
        await asyncio.gather(*(transport.post("/v1/x", {"id": n}) for n in range(200, 400)))
        assert transport.at_once > first
        await transport.aclose()


async def test_a_limit_of_requests_a_minute_is_kept() -> None:
    async with Faulty() as server:
        transport = await started(server, limits=Limits(requests_per_minute=1200))
        began = time.monotonic()
        await asyncio.gather(*(transport.post("/v1/x", {"id": n}) for n in range(26)))
        assert 0.2 < time.monotonic() - began < 5, "20 at once, then 20 a second"
        await transport.aclose()


async def test_a_server_is_left_alone_for_as_long_as_it_says() -> None:
    def plan(number: int, nth: int) -> str:
        return "429 and when" if nth == 0 else "answer"

    async with Faulty(plan) as server:
        transport = await started(server, limits=Limits(concurrency=1))
        began = time.monotonic()
        await transport.post("/v1/x", {"id": 1})
        assert time.monotonic() - began >= 0.02
        await transport.aclose()
    assert server.asked[1] == 2


async def test_two_places_share_the_work_by_their_weights() -> None:
    async with Faulty(seconds=0.005) as one, Faulty(seconds=0.005) as two:
        places = [Endpoint(one.url, 3), Endpoint(two.url, 1)]
        transport = Transport(places, limits=Limits(concurrency=8), _times=QUICK)
        await transport.start()
        await asyncio.gather(*(transport.post("/v1/x", {"id": n}) for n in range(80)))
        await transport.aclose()
    assert one.answered.total() + two.answered.total() == 80
    assert two.answered.total() >= 15
    assert one.most_at_once > two.most_at_once


@pytest.mark.parametrize("fault", ["dead", "500", "cut in the body", "429"])
async def test_a_question_that_failed_at_one_place_is_asked_at_another(fault: str) -> None:
    plan = calm if fault == "dead" else lambda number, nth: fault
    async with Faulty(plan) as bad, Faulty() as good:
        if fault == "dead":
            await bad.die()
        patient = Times(back_off=60, longest_back_off=60)
        transport = Transport([Endpoint(bad.url), Endpoint(good.url)], _times=patient)
        await transport.start()
        began = time.monotonic()
        results = await asyncio.gather(*(transport.post("/v1/x", {"id": n}) for n in range(60)))
        assert time.monotonic() - began < 5, "at once, without waiting"
        await transport.aclose()
    assert [r["id"] for r in results] == list(range(60))
    assert set(good.answered.values()) == {1}
    assert len(good.answered) == 60


# --- ends ----------------------------------------------------------------------------------------


async def test_a_cancelled_question_frees_its_slot_and_its_connection() -> None:
    async with Faulty(lambda number, nth: "silence" if number == 0 else "answer") as server:
        transport = await started(server, limits=Limits(concurrency=1))
        stuck = asyncio.create_task(transport.post("/v1/x", {"id": 0}))
        waiting = asyncio.create_task(transport.post("/v1/x", {"id": 1}))
        later = asyncio.create_task(transport.post("/v1/x", {"id": 2}))
        while not server.asked[0]:
            await asyncio.sleep(0.001)
        waiting.cancel()  # in the line
        stuck.cancel()  # under way
        assert (await later)["id"] == 2
        for task in (stuck, waiting):
            with pytest.raises(asyncio.CancelledError):
                await task
        assert transport.stats.in_flight == 0
        assert server.asked[1] == 0
        await transport.aclose()
    await no_task_left()


async def test_a_cancelled_question_does_not_come_back_from_its_wait() -> None:
    async with Faulty(lambda number, nth: "500") as server:
        transport = await started(server, _times=Times(back_off=60, longest_back_off=60))
        task = asyncio.create_task(transport.post("/v1/x", {"id": 1}))
        while not transport.stats.retried:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert transport.stats.in_flight == 0
        await transport.aclose()
    await no_task_left()


async def test_closing_ends_everything() -> None:
    async with Faulty(lambda number, nth: "silence" if number < 2 else "500") as server:
        transport = await started(server, _times=Times(back_off=60, longest_back_off=60))
        tasks = [asyncio.create_task(transport.post("/v1/x", {"id": n})) for n in range(12)]
        while len(server.questions) < 4:
            await asyncio.sleep(0.001)
        await transport.aclose()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(r) for r in results} == {EngineError}
        assert not any(r.retryable for r in results if isinstance(r, EngineError))
        with pytest.raises(EngineError, match="was closed"):
            await transport.post("/v1/x", {"id": 1})
        await transport.aclose()  # twice is once
        for _ in range(100):
            if not server._writers:
                break
            await asyncio.sleep(0.01)
        assert not server._writers, "no socket is left open"
    await no_task_left()


async def test_what_reads_an_answer_may_refuse_it_for_good() -> None:
    def read(data: Any) -> None:
        raise RequestError("the answer was stopped by a filter")

    async with Faulty() as server:
        transport = await started(server)
        with pytest.raises(RequestError, match="stopped by a filter"):
            await transport.post("/v1/x", {"id": 1}, read=read)
        assert transport.stats.in_flight == 0
        await transport.aclose()
    assert server.asked[1] == 1


async def test_a_malformed_answer_is_asked_for_again() -> None:
    seen: list[Any] = []

    def read(data: Any) -> Any:
        seen.append(data)
        if len(seen) < 3:
            return msgspec.convert(data, list[int])  # a ValidationError
        return data

    async with Faulty() as server:
        transport = await started(server)
        assert (await transport.post("/v1/x", {"id": 1}, read=read))["id"] == 1
        await transport.aclose()
    assert server.asked[1] == 3
    assert right(1) == json.dumps(seen[0]).encode()
