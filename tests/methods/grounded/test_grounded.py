"""Tasks about texts: kinds by weight, each fact once, counted where a text gives fewer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from random import Random
from typing import Any

import pytest
from grounded_passages import BARE, FERRY, MILL, row

from evolsynth.errors import InputError, RequestError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.llm.base import Capability
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.grounded.draft import Draft, Passage, Place
from evolsynth.methods.grounded.grounded import EXHAUSTED, grounded, kinds_of
from evolsynth.methods.grounded.kind import KINDS, Kind
from evolsynth.prompts import prompt_lists
from evolsynth.rows import Row

QUESTIONS = {
    "year": 1.0, "date": 1.0, "how_long": 1.0, "how_much": 1.0, "how_many": 1.0, "who": 1.0,
    "where": 1.0, "why": 1.0, "what": 1.0, "which": 1.0,
}  # fmt: skip
TEXTS = [row(MILL, "Hallow Mill", source="mill.md"), row(FERRY, "The Heron", heading="Crossings")]


async def made(rows: list[Row] = TEXTS, **options: Any) -> list[Row]:
    options = {"kinds": QUESTIONS, "seed": 7, **options}
    return [one async for one in grounded(rows, Scripted([]), **options)]


async def test_each_text_gives_tasks_that_stand_in_it() -> None:
    rows = await made()
    assert len(rows) == 8
    for one in rows:
        source = one.parents[0]
        text = next(text for text in TEXTS if text.id == source)
        assert (one.method, one.input) == ("grounded", text.input)
        assert one.extra["title"] == text.extra["title"]
        (place,) = one.extra["evidence"]
        assert text.input is not None
        evidence = text.input[place["start"] : place["end"]]
        assert one.provenance["response"]["ground"]["answer"] in evidence
        assert tier_of(one) == ("verified", ("ground:span",))
    assert rows[0].extra["source"] == "mill.md"
    assert rows[-1].extra["heading"] == "Crossings"
    told = rows[0].provenance["instruction"]
    assert told["wording"] in {
        line for form in prompt_lists("grounded/question").values() for line in form
    }
    assert {"kind", "prompt", "prompt_sha256", "seed", "method"} <= told.keys()


async def test_kinds_are_varied_before_one_comes_again() -> None:
    rows = await made(each=5)
    of_mill = [
        one.provenance["instruction"]["kind"] for one in rows if one.parents == (TEXTS[0].id,)
    ]
    assert len(set(of_mill)) == 5


async def test_no_two_are_about_the_same_fact() -> None:
    rows = await made(each=30)
    answers = Counter(
        (one.parents, one.provenance["response"]["ground"]["answer"])
        for one in rows
        if one.response is not None
    )
    assert max(answers.values()) == 1


async def test_a_text_that_gives_fewer_is_followed_by_a_count() -> None:
    rows = await made([row(BARE), TEXTS[1]], each=30)
    (empty, *_) = rows
    assert (empty.status, empty.verdict and empty.verdict.reasons) == ("rejected", (EXHAUSTED,))
    assert empty.verdict is not None
    assert empty.verdict.details[EXHAUSTED] == {"made": 0, "wanted": 30}
    assert (rows[-1].extra["title"], rows[-1].extra["heading"]) == ("The Heron", "Crossings")
    last = rows[-1].verdict
    assert last is not None
    assert last.details[EXHAUSTED]["made"] == len(rows) - 2


@pytest.mark.parametrize("concurrency", [1, 2, 9])
async def test_the_same_rows_at_any_concurrency(concurrency: int) -> None:
    many = [row(text, f"No. {i}") for i in range(6) for text in (MILL, FERRY)]
    expected = await made(many)
    assert await made(many, concurrency=concurrency) == expected


async def test_another_seed_asks_for_other_things() -> None:
    assert [one.instruction for one in await made()] != [
        one.instruction for one in await made(seed=8)
    ]


async def test_a_row_without_a_text_has_failed_and_a_settled_one_passes() -> None:
    settled = TEXTS[0].reject("elsewhere")
    rows = await made([Row.make("No text."), settled])
    assert [one.status for one in rows] == ["failed", "rejected"]
    assert rows[1] == settled
    assert rows[0].failure is not None
    assert "has no text" in rows[0].failure.message


async def test_the_text_may_stand_in_context() -> None:
    rows = await made([Row.make(extra={"context": MILL, "title": "Hallow Mill", "mine": 1})])
    assert rows[0].input == MILL
    assert (rows[0].extra["mine"], "context" in rows[0].extra) == (1, False)


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ({"yaer": 1.0}, "no kind of task 'yaer'"),
        ({"year": -1.0}, "it must be 0 or more"),
        ({"year": 0.0}, "No kind of task has a weight above 0"),
    ],
)
async def test_kinds_that_cannot_be_made_are_told(kinds: dict[str, float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        await made(kinds=kinds)


@pytest.mark.parametrize(
    "llm",
    [
        Scripted([], capabilities={Capability.LOGPROBS}),
        Scripted([], parameters=135_000_000),
    ],
)
def test_kinds_that_ask_a_model_are_left_out_where_it_is_small_or_cannot_chat(
    llm: Scripted,
) -> None:
    assert not any(kind.asks for kind, _ in kinds_of(None, llm))
    assert {"year", "why", "who"} <= {kind.name for kind, _ in kinds_of(None, llm)}


@pytest.mark.parametrize("parameters", [7_000_000_000, None])
def test_kinds_that_ask_a_model_are_made_with_a_larger_one(parameters: int | None) -> None:
    """One behind a server, whose size is not told, counts as such."""
    llm = Scripted([], parameters=parameters, capabilities={Capability.CHAT})
    asking = {kind.name for kind, _ in kinds_of(None, llm) if kind.asks}
    assert asking == {"extract_fields", "summarise", "for_reader"}


def test_kinds_can_be_left_out_and_the_others_keep_their_weights() -> None:
    llm = Scripted([], parameters=135_000_000)
    every, left = dict(kinds_of(None, llm)), dict(kinds_of(None, llm, omit=["year", "why"]))
    assert {kind.name for kind in every.keys() - left.keys()} == {"year", "why"}
    assert all(every[kind] == weight for kind, weight in left.items())
    assert [k.name for k, _ in kinds_of({"year": 1, "who": 2}, llm, omit=["year"])] == ["who"]
    with pytest.raises(InputError, match="no kind of task 'yaer'"):
        kinds_of(None, llm, omit=["yaer"])
    with pytest.raises(InputError, match="No kind of task has a weight above 0"):
        kinds_of({"year": 1}, llm, omit=["year"])


async def test_a_small_model_is_asked_where_a_kind_is_named() -> None:
    small = Scripted(lambda _: "nothing", parameters=135_000_000)
    rows = [one async for one in grounded(TEXTS, small, kinds={"summarise": 1.0})]
    assert len(small.requests) == 3  # of the one that is long enough
    assert [one.status for one in rows] == ["rejected"] * 2


async def test_a_model_that_refuses_takes_no_other_kind_with_it() -> None:
    refusing = Scripted(lambda _: RequestError("the prompt is too long"), parameters=7_000_000_000)
    kinds = {"summarise": 1.0, "year": 1.0}
    rows = [one async for one in grounded(TEXTS[:1], refusing, kinds=kinds, each=30)]
    assert {one.provenance["instruction"]["kind"] for one in rows[:-1]} == {"year"}
    last = rows[-1].verdict
    assert last is not None
    assert "too long" in last.details[EXHAUSTED]["refused"]["summarise"]


@pytest.mark.real
async def test_rows_pass_the_gate_and_are_verified(embedder: MiniLM) -> None:
    rows = [one for one in await made(each=8) if not one.settled]
    judged = [one async for one in Gate(embedder).check(rows)]
    assert [one.verdict.tier for one in judged if one.verdict] == ["verified"] * len(rows)
    assert sum(one.status == "accepted" for one in judged) >= 0.9 * len(rows)


async def test_a_question_with_a_word_that_the_model_finds_odd_is_not_taken() -> None:
    def odd(prompt: str, continuation: str) -> float:
        return -9.0 if "wide" in continuation else -1.0

    wide = {"how_much": 1.0}
    judged = [one async for one in grounded([TEXTS[0]], Scripted([], scores=odd), kinds=wide)]
    assert [one.status for one in judged] == ["rejected"]
    blind = Scripted([], scores=odd, capabilities={Capability.CHAT})
    (kept, _) = [one async for one in grounded([TEXTS[0]], blind, kinds=wide)]
    assert kept.scores == {}
    (kept, _) = await made([TEXTS[0]], kinds=wide)
    assert kept.scores == {"question_likely": -1.0, "question_lowest": -1.0}
    unasked = [
        one
        async for one in grounded(
            [TEXTS[0]], Scripted([], scores=odd), kinds=wide, least_token=None
        )
    ]
    assert unasked[0].scores == {}


@pytest.mark.real
async def test_the_small_model_keeps_good_questions(smollm: LlamaCpp) -> None:
    rows = [one async for one in grounded(TEXTS, smollm, kinds=QUESTIONS, each=3)]
    made = [one for one in rows if not one.settled]
    assert len(made) >= 5
    assert all(one.scores["question_lowest"] >= -7 for one in made)


async def test_leaving_early_leaves_no_task_behind() -> None:
    async with aclosing(grounded(TEXTS * 5, Scripted([]), kinds=QUESTIONS)) as stream:
        async for _ in stream:
            break
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_kind_of_somebody_elses_that_gives_what_does_not_stand_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def guess(passage: Passage, rng: Random) -> Iterator[Draft]:
        yield Draft(
            "guess", "Who owns it?", "Nobody.", passage.text, (Place(0, 5),), {"kind": "no"}
        )

    KINDS.find("year")
    monkeypatch.setitem(
        KINDS._things,
        "guess",
        Kind(name="guess", task="extraction", make=guess, weight=0, asks=False),
    )
    rows = await made([TEXTS[0]], kinds={"guess": 1.0})
    assert [one.status for one in rows] == ["rejected"]


async def test_wordings_are_many_and_none_is_frequent() -> None:
    many = [row(text, f"No. {i}") for i in range(40) for text in (MILL, FERRY)]
    rows = [one for one in await made(many, each=6) if not one.settled]
    wordings = Counter(one.provenance["instruction"]["wording"] for one in rows)
    del wordings["{question}"]  # the question alone, which is another for each
    assert len(rows) > 300
    assert len(wordings) >= 40
    assert max(wordings.values()) <= 0.03 * len(rows)
