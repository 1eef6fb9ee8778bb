"""Questions of others, answered by spans: what the model's likelihoods choose, and what is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from grounded_passages import MILL, passage, place, row
from numpy.typing import NDArray

from evolsynth.errors import CapabilityError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.llm.base import Capability
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.grounded.answer import NOT_IN_TEXT, answer_from_text, question_of
from evolsynth.methods.grounded.spans import spans_for
from evolsynth.rows import Row

ASKED = "When was the wheel repaired by Anna Lund?"


class Words:
    """An embedder of counted words."""

    name = "words"

    def embed(self, texts: Any) -> NDArray[np.float32]:
        """One place for each word of them all."""
        known = sorted({word for text in texts for word in text.lower().split()})
        found = np.array([[text.lower().split().count(w) for w in known] for text in texts], float)
        unit: NDArray[np.float32] = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(
            np.float32
        )
        return unit


def asking(instruction: str, **more: Any) -> Row:
    return row(MILL, "Hallow Mill").replace(instruction=instruction, **more)


def likely(prompt: str, continuation: str) -> float:
    """The sentence about Anna Lund makes the question likely, and "1903" is the likely answer."""
    if "Answer:" in prompt.rsplit("\n", 1)[-1]:
        return -0.1 if continuation.strip() == "1903" else -2.0
    return -0.5 if "Anna Lund repaired" in prompt else -2.0


async def answered(rows: list[Row], llm: Scripted | None = None, **options: Any) -> list[Row]:
    llm = llm or Scripted([], scores=likely)
    return [one async for one in answer_from_text(rows, llm, embedder=Words(), **options)]


async def test_the_likeliest_span_of_the_likeliest_sentence_is_the_answer() -> None:
    (one,) = await answered([asking(ASKED)])
    assert one.response == "1903."
    (evidence,) = one.extra["evidence"]
    sentence = MILL[evidence["start"] : evidence["end"]]
    assert sentence.startswith("Anna Lund repaired the wheel in 1903")
    assert one.scores["evidence_gain"] == 1.5
    assert tier_of(one) == ("verified", ("ground:span",))


async def test_an_answer_to_words_that_the_sentence_does_not_have_has_no_ground() -> None:
    (one,) = await answered([asking("When did Lund mend the broken machinery?")])
    assert one.response == "1903."
    assert "ground" not in one.provenance["response"]
    assert tier_of(one)[0] == "unverified"


async def test_what_no_sentence_makes_likelier_is_rejected() -> None:
    (one,) = await answered([asking("When did the owner of the mill marry?")], Scripted([]))
    assert one.verdict is not None
    assert one.verdict.reasons == (NOT_IN_TEXT,)
    assert one.response is None


async def test_no_question_and_what_is_answered_pass_as_they_are() -> None:
    rows = [
        asking("Sum up the text."),
        asking("Is the mill old?"),
        asking(ASKED, response="In 1903."),
        asking(ASKED).reject("elsewhere"),
    ]
    llm = Scripted([], scores=likely)
    assert await answered(rows, llm) == rows


async def test_a_model_without_log_probabilities_is_refused_at_the_start() -> None:
    with pytest.raises(CapabilityError, match="answer_from_text"):
        await answered([asking(ASKED)], Scripted([], capabilities={Capability.CHAT}))


async def test_the_same_at_any_concurrency() -> None:
    rows = [asking(ASKED), asking("How wide is the wheel?"), asking("Who built the mill?")]
    assert await answered(rows, concurrency=1) == await answered(rows, concurrency=3)


def test_the_question_is_found_where_the_text_stands_in_the_instruction() -> None:
    assert question_of(asking(f"{ASKED}\n\n{MILL}")) == ASKED
    assert question_of(asking("List the floors.")) is None


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How broad is the wheel?", []),  # no question word that says what is asked for
        ("How wide may the wheel be?", ["6 metres"]),
        ("How wide is the wheel?", ["6 metres"]),
    ],
)
def test_spans_are_of_the_type_that_is_asked_for(question: str, expected: list[str]) -> None:
    found = passage(MILL, "Hallow Mill")
    sentence = next(s for s in found.sentences if s.of(MILL).startswith("The wheel is 6"))
    spans = [span.of(MILL) for span in spans_for(question, found, sentence)]
    assert spans == expected if expected else "6 metres" in spans


def test_what_the_question_says_is_no_answer() -> None:
    found = passage(MILL, "Hallow Mill")
    sentence = next(s for s in found.sentences if "Anna Lund" in s.of(MILL))
    spans = [span.of(MILL) for span in spans_for("Who mended the wheel?", found, sentence)]
    assert "Anna Lund" in spans
    assert "the wheel" not in spans
    assert place(MILL, "Anna Lund") in spans_for("Who mended the wheel?", found, sentence)


@pytest.mark.real
async def test_the_small_model_finds_sentence_and_span(smollm: LlamaCpp, embedder: MiniLM) -> None:
    asked = {
        "When did Anna Lund mend the wheel?": "1903",
        "How many floors are in the mill?": "Three",
        "Why did the wheel not turn for 14 years?": "Because the river had too little water",
        "What is the flour of the mill made from?": "Rye, oats and barley",
    }
    rows = [asking(question) for question in asked]
    done = [one async for one in answer_from_text(rows, smollm, embedder=embedder)]
    right = [
        str(one.response).removesuffix(".") == answer
        for one, answer in zip(done, asked.values(), strict=True)
    ]
    assert sum(right) >= 3
