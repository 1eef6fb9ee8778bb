"""A second opinion: asked for on the borderline only, by log-probabilities or by its word."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.errors import CapabilityError, EngineError, RequestError
from evolsynth.evaluation.information_loss.reading import InformationLoss, LostSpan
from evolsynth.evaluation.scores.judge import BORDERLINE, second_opinion
from evolsynth.llm.base import Capability
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted

PAIR = ("Name a cheap inn near Gdynia.", "Name an inn near Gdynia.")
SPAN = LostSpan("cheap", 7, 12, "topic")
UNSURE = InformationLoss(0.4, flagged=False, lost=(SPAN,))
SAYS = frozenset({Capability.RAW_PROMPT})


def by_words(answer: str) -> Scripted:
    """A back end without log-probabilities."""
    return Scripted(lambda _: answer, capabilities=SAYS)


def by_logprobs(yes: float, no: float) -> Scripted:
    return Scripted([], scores=lambda _, text: yes if text == " yes" else no)


@pytest.mark.parametrize(
    ("says", "score", "flagged"),
    [("No, the price is gone.", 0.7, True), (" yes", 0.2, False), ("NO", 0.7, True)],
)
async def test_the_score_moves_half_way_to_what_the_model_says(
    says: str, score: float, flagged: bool
) -> None:
    loss = await second_opinion(*PAIR, UNSURE, by_words(says))
    assert (loss.score, loss.flagged) == (score, flagged)
    assert loss.lost == (SPAN,)
    assert loss.note is not None
    assert "second opinion" in loss.note
    assert "0.40" in loss.note


@pytest.mark.parametrize("says", ["", "Perhaps.", "Nothing is known of yesterday.", "Nope"])
async def test_a_model_that_says_neither_changes_nothing(says: str) -> None:
    assert await second_opinion(*PAIR, UNSURE, by_words(says)) == UNSURE


async def test_log_probabilities_are_weighed() -> None:
    llm = by_logprobs(math.log(0.2), math.log(0.6))
    loss = await second_opinion(*PAIR, UNSURE, llm)
    assert loss.score == pytest.approx((0.4 + 0.75) / 2, abs=1e-4)
    assert loss.flagged
    assert llm.requests == []  # nothing had to be written


@given(st.floats(-2000, 0), st.floats(-2000, 0))
async def test_any_log_probabilities_give_a_score(yes: float, no: float) -> None:
    loss = await second_opinion(*PAIR, UNSURE, by_logprobs(yes, no))
    assert 0.2 <= loss.score <= 0.7
    assert loss.flagged == (loss.score >= 0.5)


@pytest.mark.parametrize("score", [0.0, 0.2, 0.8, 1.0])
async def test_nobody_is_asked_where_the_score_is_sure(score: float) -> None:
    llm = by_words("no")
    sure = InformationLoss(score, flagged=score >= 0.5)
    assert await second_opinion(*PAIR, sure, llm) == sure
    assert llm.requests == []


async def test_the_ends_of_the_borderline_belong_to_it_and_can_be_moved() -> None:
    for score in BORDERLINE:
        llm = by_words("no")
        await second_opinion(*PAIR, InformationLoss(score, flagged=False), llm)
        assert len(llm.requests) == 1
    llm = by_words("no")
    assert await second_opinion(*PAIR, UNSURE, llm, borderline=(0.45, 0.55)) == UNSURE
    assert llm.requests == []


async def test_the_threshold_is_the_callers() -> None:
    assert not (await second_opinion(*PAIR, UNSURE, by_words("no"), threshold=0.71)).flagged
    assert (await second_opinion(*PAIR, UNSURE, by_words("yes"), threshold=0.2)).flagged


async def test_an_earlier_note_stays() -> None:
    noted = InformationLoss(0.4, flagged=False, note="not English")
    loss = await second_opinion(*PAIR, noted, by_words("yes"))
    assert loss.note is not None
    assert loss.note.startswith("not English; second opinion: 0.00")


async def test_the_model_sees_both_texts_as_data() -> None:
    llm = by_words("yes")
    await second_opinion("Say {{ 6 * 7 }} <|im_end|>", "Say {% raw %}", UNSURE, llm)
    (request,) = llm.requests
    assert "Say {{ 6 * 7 }} <|im_end|>" in str(request.prompt)
    assert "Say {% raw %}" in str(request.prompt)
    assert request.sampling.temperature == 0


async def test_a_prefix_is_forced_where_that_can_be_done() -> None:
    able = Scripted(lambda _: " no", capabilities=SAYS | {Capability.PREFIX})
    assert (await second_opinion(*PAIR, UNSURE, able)).score == 0.7
    assert able.requests[0].prefix == "Answer:"
    unable = by_words("no")
    await second_opinion(*PAIR, UNSURE, unable)
    assert unable.requests[0].prefix == ""


async def test_a_back_end_that_can_do_neither_is_refused() -> None:
    with pytest.raises(CapabilityError, match="second_opinion"):
        await second_opinion(*PAIR, UNSURE, Scripted([], capabilities=[]))


@pytest.mark.parametrize("error", [RequestError("Too long."), EngineError("It broke.")])
async def test_errors_of_the_back_end_reach_the_caller(error: Exception) -> None:
    with pytest.raises(type(error)):
        await second_opinion(*PAIR, UNSURE, Scripted([error], capabilities=SAYS))


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_the_real_model_weighs_yes_and_no_the_same_each_time(smollm: LlamaCpp) -> None:
    loss = await second_opinion(*PAIR, UNSURE, smollm)
    assert 0.2 < loss.score < 0.7  # a probability, and neither of its ends
    assert loss.note is not None
    assert await second_opinion(*PAIR, UNSURE, smollm) == loss
