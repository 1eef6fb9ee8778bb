"""Support: places, bounds, and what a model adds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.errors import CapabilityError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.support.score import (
    ask_model,
    mark_of,
    question_evidence,
    read_support,
    scored_for,
    support_by_model,
)
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.rows import Row

TEXT = (
    "The bridge of Karn was finished in 1871. It was paid for by the brewer Hugo Lenz, because the "
    "town had no money. A flood took the middle arch in 1902. Today only walkers may cross it."
)


@given(st.text(max_size=80), st.text(max_size=120), st.text(max_size=200))
def test_any_texts_give_a_share_and_places_in_them(question: str, answer: str, text: str) -> None:
    found = read_support(question, answer, text)
    assert 0 <= found.score <= 1
    assert all(0 <= start < end <= len(text) for start, end in found.evidence)
    assert all(answer[one.start : one.end] == one.text for one in found.against)


@given(st.integers(0, 3))
def test_a_sentence_of_the_text_stands_in_it(place: int) -> None:
    sentence = TEXT.split(". ")[place].rstrip(".") + "."
    found = read_support("What does the text say?", sentence, TEXT)
    assert found.score > 0.7
    start, end = found.evidence[0]
    assert TEXT[start:end] == sentence


def test_evidence_is_one_or_two_sentences_in_their_order() -> None:
    answer = "A flood took the middle arch in 1902. Hugo Lenz paid for the bridge."
    found = read_support("What is told of the bridge?", answer, TEXT)
    assert len(found.evidence) == 2
    assert list(found.evidence) == sorted(found.evidence)


async def test_a_model_that_finds_the_answer_unlikely_lowers_the_score() -> None:
    asked, answer = "Who paid for the bridge?", "Hugo Lenz paid for it."
    sure = Scripted([], scores=lambda prompt, _: -0.2 if "brewer" in prompt else -4.0)
    unsure = Scripted([], scores=lambda prompt, _: -5.0)
    high = await support_by_model(sure, asked, answer, TEXT)
    low = await support_by_model(unsure, asked, answer, TEXT)
    assert high.score > 0.7 > low.score
    assert low.signals["unlikely"] == 1.0
    assert low.signals["lowest"] > high.signals["lowest"]
    assert (high.evidence, high.against) == (low.evidence, low.against)


async def test_a_back_end_without_log_probabilities_is_told() -> None:
    with pytest.raises(CapabilityError):
        await ask_model(Scripted([], capabilities=()), "Who?", "Hugo.", TEXT, [(0, 10)])


async def test_the_evidence_of_a_question_is_what_makes_it_likelier() -> None:
    llm = Scripted([], scores=lambda prompt, _: -0.5 if "flood" in prompt else -2.0)
    (start, end, gain), *_ = await question_evidence(llm, "What happened to the arch?", TEXT)
    assert TEXT[start:end] == "A flood took the middle arch in 1902."
    assert gain == 1.5


def test_a_score_counts_for_the_answer_that_it_was_given_to() -> None:
    row = Row.make("Who paid?", response="Hugo Lenz.", extra={"input": TEXT})
    scored = row.replace(scores={"support": 0.9}, provenance={"support": {"mark": mark_of(row)}})
    assert scored_for(scored) == 0.9
    assert scored_for(scored.replace(response="Otto Lenz.")) is None
    assert scored_for(row.replace(scores={"support": 0.9})) is None


@pytest.mark.real
async def test_the_real_models_tell_a_copy_from_an_invention(
    smollm: LlamaCpp, embedder: MiniLM
) -> None:
    asked = "Who paid for the bridge?"
    scores = [
        (await support_by_model(smollm, asked, answer, TEXT, embedder=embedder)).score
        for answer in (
            "The brewer Hugo Lenz paid for it.",
            "It was paid for by Queen Margaret of Denmark.",
            "The town paid for the brewer Hugo Lenz.",
        )
    ]
    assert scores[0] > 0.7
    assert max(scores[1:]) < 0.3
    # Of two sentences on the bridge processors put either first: the model's numbers are near.
    found = await question_evidence(smollm, asked, TEXT, embedder=embedder)
    assert any("brewer" in TEXT[start:end] for start, end, _ in found[:2])
