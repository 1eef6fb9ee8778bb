"""What a server's answers are billed as: told by it, or counted rather too high than too low."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from answering_server import Answering, answering

from evolsynth.errors import LLMError, RequestError
from evolsynth.llm.base import Completion, Request
from evolsynth.llm.prices import Prices, Tokens, tokens_of
from evolsynth.llm.server import Server
from evolsynth.rows import Message

QUESTION = "Why do colonies of bees need a queen?"


def told(text: str, usage: Any = None, **choice: Any) -> dict[str, Any]:
    reply: dict[str, Any] = {"message": {"role": "assistant", "content": text}}
    usual = {"index": 0, "finish_reason": "stop"}
    return {"choices": [usual | reply | choice], **({} if usage is None else {"usage": usage})}


@pytest.fixture
async def server() -> AsyncIterator[Answering]:
    models = {"object": "list", "data": [{"id": "m", "object": "model"}]}
    async with answering({"GET /v1/models": models}) as found:
        yield found


async def ask(server: Answering, answer: Any, **fields: Any) -> Completion:
    server.routes["POST /v1/chat/completions"] = answer
    async with Server(f"openai:m@{server.url}/v1") as llm:
        request = Request(messages=(Message("user", QUESTION),), seed=1, **fields)
        return await llm.complete(request)


async def test_tokens_are_those_that_the_server_tells(server: Answering) -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}
    usage |= {"prompt_tokens_details": {"cached_tokens": 700}}  # type: ignore[dict-item]
    answer = await ask(server, told("For eggs.", usage))
    assert tokens_of(answer) == Tokens(900, 40, 700)
    assert Prices(1.0, 2.0, cached=0.5).cost(tokens_of(answer)) == pytest.approx(630e-6)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": 0}])
async def test_tokens_that_nobody_tells_are_counted_at_three_bytes(
    server: Answering, usage: Any
) -> None:
    answer = await ask(server, told("For eggs.", usage))
    assert tokens_of(answer) == Tokens(-(-len(QUESTION) // 3), 3, 0)
    assert (await ask(server, told("蜂蜜", usage))).tokens == 2


async def test_an_answer_that_was_refused_here_is_billed_all_the_same(server: Answering) -> None:
    """Each of the answers that were looked at."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    with pytest.raises(RequestError, match="none of the choices") as caught:
        await ask(server, told('{"answer": "perhaps"}', usage), choices=("yes", "no"))
    asked = len(server.bodies("/v1/chat/completions"))
    assert asked > 1
    assert caught.value.billed == Tokens(10 * asked, 5 * asked)


async def test_a_good_answer_is_billed_with_those_before_it_that_were_not(
    server: Answering,
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    texts = iter(['{"answer": "perhaps"}', '{"answer": "yes"}'])
    answer = await ask(server, lambda _: told(next(texts), usage), choices=("yes", "no"))
    assert (answer.text, answer.prompt_tokens, answer.tokens) == ("yes", 10, 5)
    assert tokens_of(answer) == Tokens(20, 10)


async def test_a_thought_that_was_cut_is_billed_all_the_same(server: Answering) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 256}
    cut = told("<think>Well, the queen", usage, finish_reason="length")
    with pytest.raises(RequestError, match="still thinking") as caught:
        await ask(server, cut)
    assert caught.value.billed == Tokens(10, 256)


async def test_what_the_server_refuses_tells_no_tokens(server: Answering) -> None:
    with pytest.raises(LLMError) as caught:
        await ask(server, (400, {"error": {"message": "Not this."}}))
    assert caught.value.billed is None
