"""Greedy rows behind a server beside those in process."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals import equal_rows
from evals.equal_rows import Difference, Heard, compared, gap
from evals.llama_servers import running
from evolsynth.errors import EngineError, InputError
from evolsynth.llm.base import Request, Sampling, Score, TokenLogprob
from evolsynth.llm.scripted import Scripted
from evolsynth.rows import Message


def test_texts_are_compared_in_their_order() -> None:
    shares = compared("magpie", ["a lake", "b", "c"], ["a lane", "b"])
    assert (shares.rows, shares.equal) == (3, 1)
    assert shares.differences == [
        Difference(same=4, in_process="ke", served="ne"),
        Difference(same=0, in_process="c", served=""),
    ]


async def test_whatever_a_method_wants_the_likeliest_token_is_asked_for() -> None:
    asked: list[Request] = []

    def answer(request: Request) -> str:
        asked.append(request)
        return "A lake."

    heard = Heard(Scripted(answer), most=5)
    warm = Sampling(temperature=0.9, repeat_penalty=1.1)
    hello = (Message("user", "Hello."),)
    for least, most in ((0, 9), (7, 9), (0, 3)):
        await heard.complete(
            Request(messages=hello, seed=1, sampling=warm, max_tokens=most, min_tokens=least)
        )
    assert {request.sampling for request in asked} == {equal_rows.GREEDY}
    assert [request.max_tokens for request in asked] == [5, 7, 3]
    assert [request.max_tokens for request in heard.answers] == [5, 7, 3]


def test_the_gap_is_that_of_the_first_tokens_that_differ() -> None:
    ours, theirs = (
        Score(logprobs=tuple(TokenLogprob(t, b"x", p) for t, p in tokens), prompt_tokens=1)
        for tokens in (((1, -0.5), (2, -1.0), (4, -3.0)), ((1, -0.5), (3, -1.25), (4, -1.0)))
    )
    assert gap(ours, theirs) == (1, 0.25)
    assert gap(ours, ours) == (3, None)


def test_a_server_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    with pytest.raises(InputError, match="no such file"), running(model, tmp_path / "no-server"):
        pass
    with pytest.raises(InputError, match="--server-binary"), running(model, options=["-ub", "8"]):
        pass
    ends = tmp_path / "ends-at-once"
    ends.write_text("#!/bin/sh\nexit 1\n")
    ends.chmod(0o755)
    with pytest.raises(EngineError, match="did not start"), running(model, ends):
        pass
