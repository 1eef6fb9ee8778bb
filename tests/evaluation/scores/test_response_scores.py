"""Scores of responses: higher is better, and None where there is none."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from evolsynth.errors import CapabilityError, EngineError
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.scores.response import ResponseScore, by_ifd, by_judge
from evolsynth.llm.base import Capability
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.preference import by_rules
from evolsynth.rows import Row

GOOD = "The Rhine flows through Basel, Cologne and Rotterdam into the North Sea."


async def scored(score: ResponseScore, row: Row) -> float | None:
    value = score(row)
    return await value if inspect.isawaitable(value) else value


def row(response: str | None, **fields: Any) -> Row:
    return Row.make("Name three cities on the Rhine.", response=response, **fields)


async def test_rules_count_what_the_gate_would_refuse() -> None:
    rules = by_rules()
    assert rules(row(GOOD)) == 0
    assert rules(row("I'm sorry, but I can't help with that.")) < 0
    cut = row("Cologne, Basel and the", provenance={"response": {"finish_reason": "length"}})
    assert rules(cut) < 0
    assert rules(row("")) == rules(row("...")) == -10
    loop = "Basel. " * 60
    assert -10 < rules(row(loop)) < 0


async def test_rules_keep_to_settings() -> None:
    lenient = by_rules(GateSettings(skip=("refusal", "no_answer")))
    assert lenient(row("I'm sorry, but I can't help with that.")) == 0


async def test_the_judge_looks_at_the_quality() -> None:
    llm = Scripted([], scores=lambda _, number: -1.0 if number.strip() == "5" else -20.0)
    assert await scored(by_judge(llm), row(GOOD)) == pytest.approx(5.0, abs=0.001)
    assert await scored(by_judge(llm), row(None)) is None
    mute = Scripted(["no idea"], capabilities=[Capability.RAW_PROMPT])
    assert await scored(by_judge(mute), row(GOOD)) is None


async def test_ifd_prefers_what_the_instruction_helps_to() -> None:
    def helped(before: str, text: str) -> float:
        return -1.0 if "Rhine" in before and "Basel" in text else -2.0

    score = by_ifd(Scripted([], scores=helped))
    near, far = await scored(score, row(GOOD)), await scored(score, row("I like tea."))
    assert near is not None
    assert far == -1.0
    assert near > far


async def test_a_failing_back_end_is_no_score() -> None:
    llm = Scripted([], scores=lambda *_: EngineError("gone"))
    for score in (by_judge(llm), by_ifd(llm)):
        with pytest.raises(EngineError, match="gone"):
            await scored(score, row(GOOD))


def test_a_back_end_that_cannot_is_refused_at_once() -> None:
    with pytest.raises(CapabilityError):
        by_ifd(Scripted([], capabilities=[Capability.RAW_PROMPT]))
    with pytest.raises(CapabilityError):
        by_judge(Scripted([], capabilities=[]))
