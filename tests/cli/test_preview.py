"""A preview: rows in full, what each step changed, and ranges that are honest about few rows."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from evolsynth.cli.preview import changes, show_preview
from evolsynth.findings import explain
from evolsynth.pipeline.graph import Node, Pipeline, Step
from evolsynth.pipeline.run.preview import Preview, wilson
from evolsynth.rows import Failure, Message, Row, Verdict


async def nothing() -> AsyncIterator[Row]:
    return
    yield


PIPE = Pipeline(
    (
        Step(kind="magpie", function=nothing, shape="source"),
        Step(kind="evolve", function=nothing, shape="expand"),
        Step(kind="respond", function=nothing, shape="map", name="answers"),
        Step(kind="gate", function=nothing, shape="map"),
    )
)
SEA = Row.make("Write a short poem about the sea.")
LONG = "The tide comes in and goes out again. " * 40


def preview(*rows: tuple[Row, ...], **changes: Any) -> Preview:
    """A preview of a pipeline with these rows behind its first steps."""
    nodes: list[Node] = PIPE.nodes()
    fields: dict[str, Any] = {
        "rows": tuple(zip(nodes, rows, strict=False)),
        "seconds": 10.0,
        "seconds_per_step": tuple(1.0 for _ in rows),
        "made": 5,
        "accepted": 3,
        "rejected": 1,
        "failed": 1,
        "tokens": 500,
    }
    return Preview(**{**fields, **changes})


def shown(given: Preview, *, width: int = 100, n: int = 100) -> str:
    on = Console(file=io.StringIO(), width=width, soft_wrap=True)
    show_preview(given, on, n=n)
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue()


def squeezed(text: str) -> str:
    return " ".join(text.split())


# --- rows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 100, 140])
def test_rows_are_shown_in_full_at_any_width(width: int) -> None:
    text = shown(preview((SEA.replace(response=LONG),)), width=width)
    assert LONG.strip() in squeezed(text)
    assert max(map(len, text.splitlines())) <= width


def test_what_a_step_added_is_marked() -> None:
    answered = SEA.replace(response="Blue.", extra={"words": 1})
    text = shown(preview((SEA,), (SEA,), (answered,)))
    assert "answers (respond): 1 row, 1 s" in text
    assert "+ response: Blue." in text
    assert "+ words: 1" in text
    assert "    instruction: Write a short poem about the sea." in text


def test_an_evolved_row_is_compared_with_the_one_it_was_made_from() -> None:
    evolved = Row.make("Write a short poem about the sea, in four lines.", parents=(SEA.id,))
    text = shown(preview((SEA,), (SEA, evolved)))
    assert "1/2  under way, unchanged: Write a short poem about the sea." in text
    assert "2/2  under way  made from: Write a short poem about the sea." in text
    assert "changed: instruction: + , in four lines" in text


def test_changed_words_are_told_and_a_new_text_as_a_whole() -> None:
    old = Row.make("Name three rivers of Africa.", response="No.")
    assert list(changes(old, old.replace(instruction="Name five rivers of Africa."))) == [
        "instruction: - three  + five"
    ]
    assert list(
        changes(old, old.replace(instruction="Explain quantum tunnelling to a child."))
    ) == ["instruction: written anew; it was: Name three rivers of Africa."]
    assert list(changes(old, old.replace(response=None))) == ["response is gone"]


def test_a_verdict_is_shown_with_its_reasons_explained() -> None:
    refused = SEA.reject("near_duplicate", near_duplicate={"id": "x1", "cosine": 0.93})
    text = squeezed(shown(preview((SEA,), (SEA,), (SEA,), (refused,))))
    assert "1/1 rejected" in text
    assert f"because: near_duplicate: {explain('near_duplicate')}" in text
    assert 'found: {"id": "x1", "cosine": 0.93}' in text


def test_a_row_that_was_judged_is_shown_again_beside_its_verdict() -> None:
    accepted = SEA.replace(verdict=Verdict(accepted=True))
    assert shown(preview((SEA,), (accepted,))).count("instruction: Write a short") == 2


def test_a_failed_row_says_where_and_why() -> None:
    failure = Failure(step="respond", error="EngineError", message="the worker [died]")
    text = shown(preview((SEA.replace(failure=failure),)))
    assert "failed: in respond: EngineError: the worker [died]" in text


def test_a_row_that_was_settled_before_takes_one_line() -> None:
    refused = SEA.reject("too_short")
    text = shown(preview((refused,), (refused,)))
    assert "1/1  rejected, by an earlier step: Write a short poem" in text
    assert text.count("because: too_short") == 1


def test_a_conversation_is_shown_turn_by_turn() -> None:
    turns = (Message("user", "Hello?"), Message("assistant", "Yes."))
    text = shown(preview((Row.make(messages=turns),)))
    assert "messages: user: Hello?" in text
    assert "    assistant: Yes." in text


def test_several_responses_are_shown_one_below_the_other() -> None:
    texts = ["Waves roll in.", "The sea is wide."]
    for held in (texts, [{"response": text, "seed": 1, "model": "m"} for text in texts]):
        text = shown(preview((Row.make("Write about the sea.", extra={"responses": held}),)))
        assert "responses: 1. Waves roll in." in text
        assert "    2. The sea is wide." in text


def test_other_lists_are_shown_as_they_stand() -> None:
    text = shown(preview((Row.make("Write about the sea.", extra={"at": [{"x": 1}]}),)))
    assert 'at: [{"x": 1}]' in text


def test_a_step_without_rows_says_so() -> None:
    assert "No row came out of it." in shown(preview(()))


def test_foreign_text_is_only_shown() -> None:
    text = shown(preview((Row.make("[red]x[/red]\x1b[2J", response="a\u202eb"),)))
    assert "[red]x[/red][U+001B][2J" in text
    assert "a[U+202E]b" in text
    assert "\x1b" not in text


# --- the estimate -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 5, 0.0, 0.4345), (3, 5, 0.2307, 0.8824), (5, 5, 0.5655, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_wilson_s_interval(hits: int, of: int, low: float, high: float) -> None:
    """Against values from the formula as it stands in textbooks, worked out by hand."""
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_within_bounds(pair: tuple[int, int]) -> None:
    hits, of = pair
    low, high = wilson(hits, of)
    assert 0.0 <= low <= hits / of <= high <= 1.0
    assert low < high


def test_an_estimate_goes_from_the_best_yield_to_the_worst() -> None:
    told = preview().estimate(100)
    # 2 s a row: at a yield of 88% and of 23%
    assert told.minutes_low == pytest.approx(100 * 2 / 60 / 0.8824, rel=0.01)
    assert told.minutes_high == pytest.approx(100 * 2 / 60 / 0.2307, rel=0.01)
    assert 100 / 0.8824 < told.attempts < 100 / 0.2307


@given(st.integers(1, 50), st.integers(0, 50), st.integers(1, 10**6))
def test_no_estimate_is_below_the_rows_asked_for(accepted: int, others: int, n: int) -> None:
    told = preview(made=accepted + others, accepted=accepted).estimate(n)
    assert told.attempts >= n
    assert told.minutes_high is not None
    assert 0 < told.minutes_low < told.minutes_high


def test_more_rows_make_the_range_smaller() -> None:
    few, many = (
        preview().estimate(100),
        preview(made=500, accepted=300, seconds=1000.0).estimate(100),
    )
    assert few.minutes_high is not None
    assert many.minutes_high is not None
    assert few.minutes_low < many.minutes_low < many.minutes_high < few.minutes_high


def test_the_estimate_is_told_as_a_range() -> None:
    text = squeezed(shown(preview(), n=1000))
    assert "5 rows = 3 accepted + 1 rejected + 1 failed, in 10 s, 500 tokens." in text
    assert "Yield: 23% to 88% of the rows accepted." in text
    assert "For 1,000 accepted rows: about 40 min to 2 h 30 min, some " in text
    assert "5 rows say little" in text


def test_without_an_accepted_row_there_is_no_upper_bound() -> None:
    given = preview(accepted=0, rejected=5, failed=0)
    assert given.estimate(100).minutes_high is None
    assert "there is no upper bound" in squeezed(shown(given))


def test_without_any_row_nothing_is_foretold() -> None:
    given = preview((), made=0, accepted=0, rejected=0, failed=0)
    assert given.estimate(10).attempts == 0
    assert "nothing can be said" in shown(given)
