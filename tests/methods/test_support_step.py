"""The step `support`: scores and places on rows about a text, and nothing on others."""

from __future__ import annotations

from typing import Any

from evolsynth.errors import RequestError
from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.support.score import scored_for
from evolsynth.llm.base import Capability
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.support import support
from evolsynth.rows import Row

TEXT = (
    "The tram of Velm ran for the first time on 3 May 1894. Horses drew the cars until 1903, when "
    "the line was electrified. The depot burned down in 1951. Nobody was hurt."
)


def row(instruction: str, response: str | None = None, **extra: Any) -> Row:
    return Row.make(instruction, response=response, extra={"input": TEXT, **extra})


def likely(prompt: str, _: str) -> float:
    return -0.3 if "Horses" in prompt else -3.0


async def scored(rows: list[Row], llm: Scripted) -> list[Row]:
    return [one async for one in support(rows, llm)]


async def test_a_row_gets_its_score_its_evidence_and_why() -> None:
    (out,) = await scored(
        [row("What drew the cars?", "Horses drew the cars.")], Scripted([], scores=likely)
    )
    assert out.scores["support"] > 0.8
    (place,) = out.extra["evidence"]
    assert TEXT[place["start"] : place["end"]].startswith("Horses drew")
    assert out.provenance["support"]["model"] == "scripted"
    assert scored_for(out) == out.scores["support"]


async def test_words_that_do_not_stand_in_the_text_are_named() -> None:
    (out,) = await scored(
        [row("What drew the cars?", "Camels drew the cars.")], Scripted([], scores=-3.0)
    )
    assert out.scores["support"] < 0.3
    assert "Camels" in [one["text"] for one in out.provenance["support"]["against"]]


async def test_the_gate_takes_the_score_and_not_that_of_another_response() -> None:
    (out,) = await scored(
        [row("What drew the cars?", "Horses drew the cars.")], Scripted([], scores=-9.0)
    )
    low = out.replace(scores={"support": 0.1})
    finding = CHECKS["unsupported"].find(Case(low))
    assert finding is not None
    assert finding.detail["score"] == 0.1
    again = low.replace(response="Horses drew the cars until 1903.")
    assert CHECKS["unsupported"].find(Case(again)) is None


async def test_a_row_without_a_response_has_the_evidence_of_its_question() -> None:
    (out,) = await scored([row("What drew the cars?")], Scripted([], scores=likely))
    (place,) = out.extra["evidence"]
    assert TEXT[place["start"] : place["end"]].startswith("Horses drew")
    assert "support" not in out.scores


async def test_other_rows_pass_through() -> None:
    settled = row("What drew the cars?", "Horses.").reject("too_short")
    plain = Row.make("Name a river.", response="The Oder.")
    story = row("Write a story about it.", "Once there was a tram.")
    out = await scored([settled, plain, story], Scripted([]))
    assert out[:2] == [settled, plain]
    assert out[2].scores == {}
    assert "missing" in out[2].provenance["support"]


async def test_without_log_probabilities_rules_decide() -> None:
    llm = Scripted([], capabilities={Capability.CHAT})
    (out,) = await scored([row("What drew the cars?", "Horses drew the cars.")], llm)
    assert out.scores["support"] > 0.7
    assert "model" not in out.provenance["support"]


async def test_a_row_that_the_model_cannot_be_asked_about_is_judged_by_rules() -> None:
    def refuse(prompt: str, _: str) -> RequestError:
        return RequestError("too long")

    (out,) = await scored(
        [row("What drew the cars?", "Horses drew them.")], Scripted([], scores=refuse)
    )
    assert out.status == "pending"
    assert out.scores["support"] > 0.5
    assert "too long" in out.provenance["support"]["missing"]
