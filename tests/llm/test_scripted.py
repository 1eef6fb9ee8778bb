"""The scripted back end: it obeys a request as a real one does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from evolsynth.errors import CapabilityError, EngineError, InputError, RequestError
from evolsynth.llm.base import Capability, Completion, Prompt, Request, Sampling
from evolsynth.llm.scripted import Scripted


def ask(text: str = "Name three rivers.", **fields: Any) -> Request:
    return Request(prompt=Prompt.of(text), **{"seed": 1, **fields})


async def test_a_list_is_used_up_in_order_and_then_says_so() -> None:
    llm = Scripted(["Rhine.", "Elbe."])
    assert [(await llm.complete(ask())).text for _ in range(2)] == ["Rhine.", "Elbe."]
    with pytest.raises(EngineError, match="no more answers"):
        await llm.complete(ask())


async def test_a_function_answers_from_the_request_alone() -> None:
    llm = Scripted(lambda request: f"seed {request.seed}")
    answers = await asyncio.gather(*(llm.complete(ask(seed=s)) for s in (3, 1, 2)))
    assert [a.text for a in answers] == ["seed 3", "seed 1", "seed 2"]


async def test_an_exception_is_raised_for_its_request_only() -> None:
    llm = Scripted(["Rhine.", RequestError("Too long."), "Elbe."])
    assert (await llm.complete(ask())).text == "Rhine."
    with pytest.raises(RequestError, match="Too long"):
        await llm.complete(ask())
    assert (await llm.complete(ask())).text == "Elbe."
    assert llm.active == 0
    assert (llm.usage.requests, len(llm.requests)) == (2, 3)


async def test_delays_let_later_requests_end_first() -> None:
    ended: list[int] = []
    llm = Scripted(lambda r: str(r.seed), delay=lambda r: 0.02 if r.seed == 1 else 0.0)

    async def one(seed: int) -> None:
        await llm.complete(ask(seed=seed))
        ended.append(seed)

    await asyncio.gather(one(1), one(2))
    assert ended == [2, 1]
    assert (llm.most_active, llm.active) == (2, 0)


async def test_cancelling_a_request_ends_it() -> None:
    llm = Scripted(["late"], delay=30)
    task = asyncio.create_task(llm.complete(ask()))
    await asyncio.sleep(0)
    assert llm.active == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert llm.active == 0


@pytest.mark.parametrize(
    ("answer", "fields", "text", "tokens", "reason"),
    [
        ("Rhine, Elbe", {}, "Rhine, Elbe", 2, "stop"),
        ("Rhine Elbe Oder", {"max_tokens": 2}, "Rhine Elbe", 2, "length"),
        ("Rhine Elbe", {"max_tokens": 2}, "Rhine Elbe", 2, "stop"),
        ("Rhine\nElbe. Oder", {"stop": (".", "\n")}, "Rhine", 3, "stop"),
        (" the Rhine", {"prefix": "Name"}, "Name the Rhine", 2, "stop"),
        ("", {"prefix": "Name"}, "Name", 0, "stop"),
        (" a. b", {"prefix": "No. 1", "stop": (".",)}, "No. 1 a", 2, "stop"),
    ],
    ids=["plain", "cut", "just fits", "first stop", "prefix", "nothing", "stop in the prefix"],
)
async def test_it_obeys_the_request(
    answer: str, fields: dict[str, Any], text: str, tokens: int, reason: str
) -> None:
    completion = await Scripted([answer]).complete(ask(**fields))
    assert completion.text == text
    assert (completion.tokens, completion.finish_reason) == (tokens, reason)


async def test_a_whole_completion_is_given_as_it_is() -> None:
    told = Completion(text="Rhine", tokens=9, prompt_tokens=4, finish_reason="length")
    llm = Scripted([told])
    assert await llm.complete(ask(prefix="Name")) == told
    assert (llm.usage.completion_tokens, llm.usage.prompt_tokens) == (9, 4)


async def test_after_the_block_it_answers_no_more_until_started_again() -> None:
    llm = Scripted(lambda _: "Rhine.")
    async with llm:
        await llm.complete(ask())
    with pytest.raises(EngineError, match="closed") as caught:
        await llm.complete(ask())
    assert caught.value.retryable
    async with llm:
        assert (await llm.complete(ask())).text == "Rhine."


def test_what_it_cannot_do_is_refused_with_the_way_out() -> None:
    llm = Scripted([], capabilities=[Capability.PREFIX], name="remote")
    llm.require(Capability.PREFIX, by="Evol-Instruct")
    with pytest.raises(CapabilityError, match=r"Magpie needs .*remote cannot.*llamacpp:NAME"):
        llm.require(Capability.RAW_PROMPT, by="Magpie")


# Requests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": 0},
        {"seed": -1},
        {"seed": 2**32 - 1},
        {"stop": ("\n", "")},
        {"sampling": {"temperature": -1}},
        {"sampling": {"top_p": 0}},
        {"sampling": {"top_p": float("nan")}},
        {"sampling": {"min_p": 1.5}},
        {"sampling": {"top_k": -1}},
    ],
)
def test_a_request_that_makes_no_sense_is_refused_when_it_is_made(fields: dict[str, Any]) -> None:
    def make() -> Request:
        sampling = Sampling(**fields.get("sampling", {}))
        return ask(**{**fields, "sampling": sampling})

    with pytest.raises(InputError):
        make()


def test_everything_that_determines_the_answer_is_in_the_key() -> None:
    requests = [
        ask(),
        ask("Name four rivers."),
        ask(seed=2),
        ask(max_tokens=9),
        ask(stop=("\n",)),
        ask(prefix="A"),
        ask(sampling=Sampling(temperature=0.1)),
        Request(prompt=Prompt.of(" three rivers.", shared="Name"), seed=1),
    ]
    keys = [r.key("model") for r in requests] + [requests[0].key("other")]
    assert len(set(keys)) == len(keys)
    assert ask().key("model") == keys[0]


@pytest.mark.parametrize(
    ("shared", "own"),
    [("Lines.\n\n", "- How"), ("Lines.", "\n\n- How"), ("", "How"), (" \n", "How")],
)
def test_white_space_at_the_border_goes_to_the_own_part(shared: str, own: str) -> None:
    prompt = Prompt.of(own, shared=shared)
    assert str(prompt) == shared + own
    heads = [s.text for s in prompt.segments[: prompt.shared]]
    assert heads == [shared.strip()] * bool(shared.strip())


def test_a_prompt_cannot_share_more_than_it_has() -> None:
    with pytest.raises(InputError, match="shared is 2, of 1"):
        Prompt(Prompt.of("How").segments, shared=2)


async def test_a_text_is_scored_word_by_word_as_told() -> None:
    llm = Scripted([], scores=lambda prompt, text: [-0.5 * len(w) for w in text.split()])
    score = await llm.score(Prompt.of("Say it:"), "a red door")
    assert [t.logprob for t in score.logprobs] == [-0.5, -1.5, -2.0]
    assert [t.piece for t in score.logprobs] == [b"a", b" red", b" door"]
    assert (score.prompt_tokens, score.total) == (2, -4.0)


async def test_a_score_waits_and_is_counted_like_an_answer() -> None:
    asked: list[Request] = []

    def wait(request: Request) -> float:
        asked.append(request)
        return 30.0

    llm = Scripted([], delay=wait)
    task = asyncio.create_task(llm.score(Prompt.of("Say it:"), "a red door"))
    await asyncio.sleep(0)
    assert (llm.active, llm.most_active) == (1, 1)
    assert (str(asked[0].prompt), asked[0].seed, asked[0].max_tokens) == ("Say it:", 0, 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (llm.active, llm.usage.requests) == (0, 0)


async def test_what_was_scored_is_in_the_usage() -> None:
    async with Scripted([], scores=-2) as llm:
        await llm.score(Prompt.of("Say it:"), Prompt.of("a red door"))
    assert (llm.usage.requests, llm.usage.prompt_tokens) == (1, 5)
    assert llm.usage.completion_tokens == 0
    with pytest.raises(EngineError, match="closed"):
        await llm.score(Prompt.of("Say it:"), "a")


async def test_without_a_script_every_word_scores_minus_one() -> None:
    assert (await Scripted([]).score(Prompt.of("x"), "one two three")).mean == -1.0


async def test_scores_can_fail_be_empty_or_not_fit() -> None:
    with pytest.raises(EngineError, match="power"):
        await Scripted([], scores=lambda *_: EngineError("the power went")).score(
            Prompt.of("x"), "y"
        )
    with pytest.raises(RequestError, match="empty"):
        await Scripted([]).score(Prompt.of("x"), "  ")
    with pytest.raises(RequestError, match="prompt is empty"):
        await Scripted([]).score(Prompt.of(""), "y")
    with pytest.raises(EngineError, match="2 scores for 1 words"):
        await Scripted([], scores=lambda *_: [-1.0, -2.0]).score(Prompt.of("x"), "y")


async def test_a_back_end_that_says_it_cannot_score_refuses() -> None:
    with pytest.raises(CapabilityError, match="log-probabilities"):
        await Scripted([], capabilities=()).score(Prompt.of("x"), "y")


async def test_what_a_script_cannot_obey_is_answered_as_told_and_can_be_seen() -> None:
    llm = Scripted(["a red door"])
    request = ask(min_tokens=9, banned=("red",), grammar='root ::= "yes"')
    assert (await llm.complete(request)).text == "a red door"
    assert llm.requests == [request]


async def test_log_probabilities_of_an_answer_come_where_asked_for() -> None:
    request = Request(prompt=Prompt.of("x"), seed=1, logprobs=True, max_tokens=2)
    completion = await Scripted(["one two three"]).complete(request)
    assert [t.piece for t in completion.logprobs] == [b"one", b" two"]
    assert [t.logprob for t in completion.logprobs] == [-1.0, -1.0]
    assert (await Scripted(["one"]).complete(ask())).logprobs == ()
