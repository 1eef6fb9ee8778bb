"""Preference pairs: the best and the worst response, or the reason why there is no pair."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.errors import InputError, SetupError
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.findings import known_reasons
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.computed.computed import computed
from evolsynth.methods.preference import by_rules, join_responses, preference, responses_of
from evolsynth.methods.respond import respond
from evolsynth.rows import Row


def length(row: Row) -> float:
    """A score that anybody can check."""
    return float(len(row.response or ""))


def with_responses(*texts: str, instruction: str = "Name a lake.", **fields: Any) -> Row:
    return Row.make(instruction, response=texts[0], extra={"responses": list(texts)}, **fields)


async def pairs(rows: list[Row], **options: Any) -> list[Row]:
    return [row async for row in preference(rows, **{"score": length, **options})]


async def test_the_best_and_the_worst_are_the_pair() -> None:
    (out,) = await pairs([with_responses("bb", "a", "dddd", "ccc")])
    assert (out.extra["chosen"], out.extra["rejected"], out.response) == ("dddd", "a", "dddd")
    assert (out.scores["chosen"], out.scores["rejected"]) == (4.0, 1.0)
    assert [r["score"] for r in out.extra["responses"]] == [2.0, 1.0, 4.0, 3.0]
    assert out.provenance["preference"] == {"score": "length", "margin": 0.0}
    assert out.status == "accepted"


async def test_of_equal_ones_the_first_is_chosen_and_the_last_rejected() -> None:
    (out,) = await pairs([with_responses("aa", "bb", "c", "d")])
    assert (out.extra["chosen"], out.extra["rejected"]) == ("aa", "d")


async def test_too_close_is_a_tie_and_exactly_the_margin_is_not() -> None:
    tenths = {"a": 0.3, "b": 0.2, "c": 0.21}

    def score(row: Row) -> float:
        return tenths[row.response or ""]

    rows = [with_responses("a", "b"), with_responses("a", "c")]
    near, nearer = await pairs(rows, score=score, margin=0.1)
    assert near.status == "accepted"
    assert nearer.verdict is not None
    assert nearer.verdict.reasons == ("tie",)
    assert nearer.verdict.details["tie"] == {"chosen": 0.3, "rejected": 0.21, "margin": 0.1}
    (equal,) = await pairs([with_responses("a", "b")], score=lambda _: 1.0)
    assert equal.verdict is not None
    assert equal.verdict.reasons == ("tie",)


async def test_the_same_responses_are_not_even_scored() -> None:
    def never(row: Row) -> float:
        raise AssertionError

    (out,) = await pairs([with_responses("Lake  Constance.", "Lake Constance. ")], score=never)
    assert out.verdict is not None
    assert out.verdict.reasons == ("same_response",)


async def test_a_pair_of_bad_responses_is_refused_on_request() -> None:
    rows = [with_responses("a", "bbb"), with_responses("a", "bbbbb")]
    bad, good = await pairs(rows, least=4.0)
    assert bad.verdict is not None
    assert bad.verdict.reasons == ("no_good_response",)
    assert good.status == "accepted"


def test_each_reason_has_its_sentence() -> None:
    assert {"tie", "same_response", "no_good_response"} <= known_reasons().keys()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (Row.make("Hi."), "no response, and a pair needs two"),
        (Row.make("Hi.", response="Ho."), "one response, and a pair needs two"),
        (Row.make("Hi.", extra={"responses": "Ho."}), "'responses' is no list"),
        (Row.make("Hi.", extra={"responses": ["Ho.", 3]}), "number 2 of its 'responses'"),
    ],
)
async def test_a_row_without_two_responses_has_failed(row: Row, told: str) -> None:
    out, after = await pairs([row, with_responses("a", "bb")])
    assert out.failure is not None
    assert out.failure.step == "preference"
    assert told in out.failure.message
    assert after.status == "accepted"


def _none(row: Row) -> float | None:
    return None if row.response != "a" else 1.0


def _broken(row: Row) -> float:
    raise KeyError("gone")


@pytest.mark.parametrize(
    ("score", "told"),
    [
        (_none, "1 of its 3 responses could be scored by _none"),
        (_broken, r"The score '_broken' fails for row"),
        (lambda _: float("nan"), "gives no finite number"),
        (lambda _: "high", "gives no finite number"),
    ],
)
async def test_a_score_that_fails_fails_its_row(score: Any, told: str) -> None:
    (out,) = await pairs([with_responses("a", "bb", "ccc")], score=score)
    assert out.failure is not None
    assert told in out.failure.message


async def test_what_cannot_be_scored_is_left_out() -> None:
    (out,) = await pairs(
        [with_responses("a", "bb", "ccc")],
        score=lambda row: None if row.response == "ccc" else length(row),
    )
    assert (out.extra["chosen"], out.extra["rejected"]) == ("bb", "a")
    assert out.extra["responses"][2]["score"] is None


async def test_what_is_missing_for_all_rows_ends_the_run() -> None:
    def score(row: Row) -> float:
        raise SetupError("no model")

    with pytest.raises(SetupError):
        await pairs([with_responses("a", "bb")], score=score)


@pytest.mark.parametrize("margin", [-0.1, float("nan")])
async def test_a_margin_is_a_difference(margin: float) -> None:
    with pytest.raises(InputError, match="margin is"):
        await pairs([], margin=margin)


async def test_settled_rows_pass_and_order_does_not_depend_on_who_is_first() -> None:
    waits = random.Random(3)

    async def slow(row: Row) -> float:
        await asyncio.sleep(waits.random() / 200)
        return length(row)

    rows = [with_responses("a", "bb", instruction=f"Name lake {i}.") for i in range(12)]
    rows[3] = rows[3].reject("empty")
    out = await pairs(rows, score=slow, concurrency=8)
    assert [r.id for r in out] == [r.id for r in rows]
    assert out[3] is rows[3]
    assert [r.extra for r in out] == [r.extra for r in await pairs(rows, score=slow, concurrency=1)]


async def test_a_cut_response_is_worse_by_the_rules_than_a_whole_one() -> None:
    """What a response ended with is looked at, each its own."""
    whole = {"response": "The Bodensee lies between three countries.", "finish_reason": "stop"}
    cut = {"response": "The Bodensee lies between three", "finish_reason": "length"}
    row = Row.make("Where is the Bodensee?", extra={"responses": [cut, whole]})
    (out,) = await pairs([row], score=by_rules())
    assert out.extra["chosen"] == whole["response"]
    assert out.provenance["response"]["finish_reason"] == "stop"


@given(st.lists(st.text("ab ", max_size=4), min_size=2, max_size=6), st.integers(0, 4))
def test_a_pair_is_never_two_equal_texts_and_never_closer_than_the_margin(
    texts: list[str], margin: int
) -> None:
    (out,) = asyncio.run(pairs([with_responses(*texts)], margin=float(margin)))
    if out.status == "accepted":
        chosen, rejected = out.extra["chosen"], out.extra["rejected"]
        assert chosen != rejected
        assert len(chosen) - len(rejected) >= margin
        assert {chosen, rejected} <= set(texts)
    else:
        assert out.status == "rejected"


async def test_from_samples_of_a_model_to_pairs() -> None:
    def script(request: Request) -> str:
        return "word " * (request.seed % 7 + 1)

    rows = [Row.make(f"Name {i} lakes.") for i in range(4)]
    answered = respond(rows, Scripted(script), samples=4, seed=1)
    out = [row async for row in preference(answered, score=length)]
    assert [r.status for r in out] == ["accepted"] * 4
    chosen = [r for r in out[0].extra["responses"] if r["response"] == out[0].extra["chosen"]]
    assert out[0].provenance["response"]["seed"] == chosen[0]["seed"]


def demanding(demand: dict[str, Any], *texts: str) -> Row:
    told = {"instruction": {"demands": [demand]}}
    return with_responses(*texts, instruction="Write about a lake.", provenance=told)


CALM = "The lake lies still in the morning, and two herons stand at its shore."
STORM = "A storm drives waves over the lake, and the boats are tied to the shore."


async def test_each_demand_that_is_not_met_counts() -> None:
    both = [{"kind": "words_at_most", "n": 4}, {"kind": "no_commas"}]
    row = with_responses("A lake, which is wide, and deep.", "A wide lake that is deep.", "A lake.")
    row = row.replace(provenance={"instruction": {"demands": both}})
    (out,) = await pairs([row], score="rules")
    assert [one["score"] for one in out.extra["responses"][:3]] == [-2.0, -1.0, 0.0]
    assert (out.extra["chosen"], out.scores["rejected"]) == ("A lake.", -2.0)
    settings = GateSettings(skip=("demand_unmet",))
    assert by_rules(settings)(row.replace(response="A lake, which is wide, and deep.")) == 0


async def test_where_form_alone_lacks_the_chosen_side_is_made_so_by_rule() -> None:
    (out,) = await pairs([demanding({"kind": "upper_case"}, CALM, STORM)], score="rules")
    assert out.status == "accepted"
    assert out.extra["chosen"] in (CALM.upper(), STORM.upper())
    assert out.extra["rejected"] in (CALM, STORM)
    assert out.provenance["response"]["applied"] == ["upper_case"]
    made = out.extra["responses"][2]
    assert (made["response"], made["applied"], made["score"]) == (CALM.upper(), ["upper_case"], 0.0)


async def test_what_passes_by_itself_goes_before_what_a_rule_mended() -> None:
    some = demanding({"kind": "upper_case"}, CALM, STORM.upper())
    (out,) = await pairs([some], score="rules")
    assert (out.extra["chosen"], out.extra["rejected"]) == (STORM.upper(), CALM)
    assert "response" not in out.provenance


async def test_what_no_rule_mends_gives_no_pair() -> None:
    some = demanding({"kind": "includes", "words": ["delta"]}, CALM, STORM)
    (out,) = await pairs([some], score="rules")
    assert out.verdict is not None
    assert out.verdict.reasons == ("tie",)
    assert len(out.extra["responses"]) == 2


ALIKE = [
    "Wash the pan in warm water, dry the pan and rub it with oil.",
    "Rub the pan with oil after you wash it in warm water and dry it.",
    "Dry the pan well, then rub a little oil on the warm pan.",
]
STRAY = "Iron ships crossed every ocean when steam engines became common."


async def test_where_all_pass_the_one_that_stands_alone_is_rejected() -> None:
    row = with_responses(
        *ALIKE[:2], STRAY, ALIKE[2], instruction="What should be done with an iron pan?"
    )
    (out,) = await pairs([row], score="rules")
    assert out.status == "accepted"
    assert out.extra["chosen"] in ALIKE
    assert out.extra["rejected"] == STRAY
    assert (out.scores["chosen"], out.scores["rejected"]) == (0.0, 0.0)
    assert out.scores["chosen_agreement"] > out.scores["rejected_agreement"] + 0.1


NEAR = "Wash the pan in warm water, then dry the pan, and rub it with the oil."


@pytest.mark.parametrize("texts", [[*ALIKE[:2], NEAR], [ALIKE[0], STRAY], [*ALIKE[:2], "Iron."]])
async def test_what_differs_by_little_by_two_or_by_few_words_stays_a_tie(texts: list[str]) -> None:
    row = with_responses(*texts, instruction="What should be done with an iron pan?")
    (out,) = await pairs([row], score="rules")
    assert out.verdict is not None
    assert out.verdict.reasons == ("tie",)


@pytest.mark.parametrize(
    ("temperatures", "status"), [((0.3, 0.7, 1.3), "accepted"), ((0.7, 0.7, 0.7), "rejected")]
)
async def test_of_nearly_equal_ones_the_cooler_is_chosen(
    temperatures: tuple[float, ...], status: str
) -> None:
    near = "Wash the pan in warm water, then dry the pan, and rub it with salt."
    texts = [ALIKE[0], ALIKE[1], near]
    told = [
        {"response": text, "sampling": {"temperature": warm}}
        for text, warm in zip(texts, temperatures, strict=True)
    ]
    row = Row.make("What should be done with an iron pan?", extra={"responses": told})
    (out,) = await pairs([row], score="rules")
    assert out.status == status
    if status == "accepted":
        assert (out.extra["chosen"], out.extra["rejected"]) == (ALIKE[0], near)
        assert out.scores["chosen_agreement"] > out.scores["rejected_agreement"]


async def test_a_rule_goes_before_what_the_others_say() -> None:
    sorry = "I'm sorry, but I cannot help with that."
    row = with_responses(*ALIKE, sorry, instruction="What should be done with an iron pan?")
    (out,) = await pairs([row], score="rules")
    assert out.extra["rejected"] == sorry
    assert "chosen_agreement" not in out.scores


async def test_how_the_chosen_one_was_made_is_its_own() -> None:
    warm = {"temperature": 1.3}
    first = {"response": "I'm sorry, but I cannot help with that.", "seed": 1}
    other = {"response": CALM, "seed": 2, "sampling": warm, "question": "A lake?", "prompt": None}
    made = {"response": {"seed": 1, "sampling": {"temperature": 0.7}, "prompt": "respond/brief"}}
    row = Row.make("Write about a lake.", extra={"responses": [first, other]}, provenance=made)
    (out,) = await pairs([row], score="rules")
    how = out.provenance["response"]
    assert how == {"seed": 2, "sampling": warm, "question": "A lake?"}


async def sums(*said: str) -> Row:
    """A computed row with what a model said of it, after preference."""
    own = [row async for row in computed(n=1, seed=1, sets=["story"], steps=0)]
    texts = iter(said)
    answered = respond(own, Scripted(lambda _: next(texts)), samples=len(said), answered=True)
    (out,) = await pairs([row async for row in answered], score="rules", least=None)
    return out


async def test_what_was_computed_is_chosen_before_what_says_otherwise() -> None:
    (own,) = [row async for row in computed(n=1, seed=1, sets=["story"], steps=0)]
    out = await sums("I make that 987654 in all.", f"The answer is this: {own.response}")
    assert out.status == "accepted"
    assert out.extra["chosen"] == own.response
    assert out.extra["rejected"] == "I make that 987654 in all."
    assert [one["score"] for one in out.extra["responses"]] == [0.0, -1.0, 0.0]
    assert stands(out) == ("computed", None)


async def test_samples_that_say_the_same_as_what_was_computed_give_no_pair() -> None:
    (own,) = [row async for row in computed(n=1, seed=1, sets=["story"], steps=0)]
    out = await sums(f"So: {own.response}", f"As I see it: {own.response}")
    assert out.verdict is not None
    assert out.verdict.reasons == ("tie",)


async def test_a_ground_that_fell_vouches_for_nothing() -> None:
    (own,) = [row async for row in computed(n=1, seed=1, sets=["story"], steps=0)]
    changed = own.replace(response="It is 3.", extra={"responses": ["It is 3.", "It is 987654."]})
    (out,) = await pairs([changed], score="rules")
    assert out.verdict is not None
    assert out.verdict.reasons == ("tie",)


async def joined(rows: list[Row], others: list[Row]) -> list[Row]:
    return [row async for row in join_responses([rows, others])]


def texts(row: Row) -> list[str]:
    return [r["response"] for r in responses_of(row)]


async def test_rows_are_joined_by_id_or_else_by_instruction() -> None:
    rows = [
        Row.make("Name a lake.", response="A", id="1"),
        Row.make("Name a  river.", response="B", id="2"),
        Row.make("Name a sea.", response="C", id="3"),
    ]
    others = [
        Row.make("Name a sea.", response="c", id="3"),
        Row.make("Name a river.", response="b", id="x"),
        Row.make("Name a lake.", response="a", id="2"),
    ]
    assert [texts(r) for r in await joined(rows, others)] == [["A", "a"], ["B", "b"], ["C", "c"]]


async def test_the_same_instruction_twice_goes_with_two_rows_in_order() -> None:
    rows = [Row.make("Name a lake.", response=r, id=r) for r in "AB"]
    others = [Row.make("Name a lake.", response=r, id=r) for r in "cd"]
    assert [texts(r) for r in await joined(rows, others)] == [["A", "c"], ["B", "d"]]


async def test_no_row_of_either_side_disappears() -> None:
    rows = [Row.make("Name a lake.", response="A"), Row.make("Hi.").reject("empty"), Row.make(None)]
    others = [Row.make("Name a sea.", response="b"), Row.make("Ho.").reject("empty"), Row.make("")]
    out = await joined(rows, others)
    assert [r.status for r in out] == [
        "failed",
        "rejected",
        "failed",
        "failed",
        "failed",
        "rejected",
    ]
    assert out[0].failure is not None
    assert "no partner" in out[0].failure.message


async def test_samples_of_both_sides_are_joined() -> None:
    (out,) = await joined([with_responses("a", "b")], [with_responses("c", "d", key="x")])
    assert texts(out) == ["a", "b", "c", "d"]


async def test_leaving_early_leaves_no_score_under_way() -> None:
    busy = 0

    async def slow(row: Row) -> float:
        nonlocal busy
        busy += 1
        try:
            await asyncio.sleep(0.01 if "lake 0" in (row.instruction or "") else 60)
            return length(row)
        finally:
            busy -= 1

    rows = [with_responses("a", "bb", instruction=f"Name lake {i}.") for i in range(9)]
    stream = preference(rows, score=slow)
    async for row in stream:
        assert row.status == "accepted"
        break
    await stream.aclose()
    assert busy == 0
