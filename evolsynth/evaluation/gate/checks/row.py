"""Checks of a whole row: its later turns, its scores, and whether an earlier row says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from evolsynth.evaluation.duplicates.same_request import normalise
from evolsynth.evaluation.gate.check import CHECKS, Case, Part, check, findings
from evolsynth.evaluation.text.words import content
from evolsynth.findings import Finding, reason
from evolsynth.rows import Message, Row

__all__ = ["bad_turn", "turn_findings"]


@check(
    "no_response",
    "row",
    cost="free",
    optional=True,
    sentence="The row has no response.",
    advice="Put respond() before the gate, or see in the failed rows why it gave nothing.",
)
def no_response(case: Case) -> Finding | None:
    """Found where there is none."""
    return Finding("no_response") if case.row.response is None else None


@check(
    "high_ifd",
    "row",
    cost="text",
    place=2,
    needs="scores.ifd (`evolsynth score --ifd`)",
    optional=True,
    sentence="The instruction makes the response less likely: the two hardly belong together.",
    advice="Lower the temperature of the responses, or raise the gate's setting max_ifd.",
)
def high_ifd(
    case: Case, *, max_ifd: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 1.0
) -> Finding | None:
    """Found where the row's IFD (Li et al. 2023, arXiv:2308.12032) is higher.

    Args:
        max_ifd: IFD above which the two do not belong together.
    """
    score = case.scores.get("ifd")
    if score is None or score <= max_ifd:
        return None
    return Finding("high_ifd", {"ifd": score, "most": max_ifd})


@check(
    "exact_duplicate",
    "row",
    cost="stream",
    place=1,
    sentence="The same text, apart from case, spaces and end punctuation, came earlier.",
    advice="Raise the temperature, give more varied seeds, or remove doubles from the input with "
    "`evolsynth dedup`.",
)
def exact_duplicate(case: Case) -> Finding | None:
    """Found where an earlier row of the stream says the same."""
    twin = case.twin()
    return twin if twin is not None and twin.code == "exact_duplicate" else None


@check(
    "near_duplicate",
    "row",
    cost="stream",
    place=2,
    needs="an embedder",
    sentence="A text with almost the same meaning and the same facts came earlier.",
    advice="Raise the temperature, give more varied seeds, topics or system prompts, or raise the "
    "gate's setting near_duplicate.",
)
def near_duplicate(
    case: Case, *, near_duplicate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.9
) -> Finding | None:
    """Found where an earlier row of the stream means the same.

    Args:
        near_duplicate: Cosine from which two texts with the same facts count as one.
    """
    twin = case.twin()
    if twin is None or twin.code != "near_duplicate":
        return None
    return Finding("near_duplicate", {**twin.detail, "threshold": near_duplicate})


# Later turns --------------------------------------------------------------------------------------

REPEATED = reason(
    "repeated_turn",
    "A turn says an earlier one of the same speaker again.",
    "Raise the temperature, or ask for fewer turns (n_turns).",
)
_SAME = 0.8  # share of words of content from which a user's turn says an earlier one again
_USER = ("template_leak", "repetition", "cut_off", "role_confusion", "not_an_instruction")
_ASSISTANT = ("template_leak", "thought_left", "repetition", "cut_off", "refusal", "self_talk")


def turn_findings(
    turns: Sequence[Message],
    *,
    finish_reason: str | None = None,
    made: Mapping[str, Any] | None = None,
    about: str | None = None,
    system: str | None = None,
) -> list[Finding]:
    """What is wrong with the last of ``turns``, by itself and in view of those before it.

    A user's turn may be shorter than a request that stands alone ("Why?"), but must not repeat an
    earlier one, answer, or speak as the assistant.

    Args:
        finish_reason: ``"length"`` says that the model was cut off.
        made: how the turn was made, if it was.
        about: the text that all of them are about.
        system: the system turn, which says whether there are tools.
    """
    last = turns[-1]
    told = {**(made or {}), "finish_reason": finish_reason}
    part: Part = "instruction" if last.role == "user" else "response"
    names = _USER if last.role == "user" else _ASSISTANT
    extra = {} if about is None else {"input": about}
    user = part == "instruction"
    row = Row.make(
        last.content if user else _asked_before(turns),
        response=None if user else last.content,
        system=system,
        provenance={part: told},
        extra=extra,
    )
    case = Case(row)
    nothing = CHECKS["empty"].find(case, part)
    if nothing is not None:
        return [nothing]
    found, again = findings(case, part, *names), _said_before(turns)
    return found if again is None else [*found, again]


def _asked_before(turns: Sequence[Message]) -> str | None:
    """What the last turn answers."""
    return next((turn.content for turn in reversed(turns[:-1]) if turn.role == "user"), None)


@check(
    "bad_turn",
    "row",
    cost="text",
    place=1,
    needs="messages",
    sentence="A later turn of the conversation would be refused by itself; the details say why.",
    advice="Ask for fewer turns (n_turns), or take a larger model for conversations.",
)
def bad_turn(case: Case) -> Finding | None:
    """Found where a turn after the first question and its answer would be refused by itself.

    The first two are a row's instruction and response, which have checks of their own.
    """
    turns = [m for m in case.row.messages if m.role != "system"]
    said = (m.content for m in case.row.messages if m.role == "system")
    system = case.row.system or next(said, None)
    if case.row.extra.get("tools"):
        system = f"{system or ''} tools"
    for number in range(2, len(turns)):
        made = case.made if turns[number].role == "user" else case.answered
        before = turns[: number + 1]
        found = turn_findings(before, made=made, about=case.row.input, system=system)
        if found:
            detail = {"turn": number + 1, "role": turns[number].role}
            return Finding("bad_turn", {**detail, "reasons": [f.code for f in found]})
    return None


def _said_before(turns: Sequence[Message]) -> Finding | None:
    """Found where the last turn is, nearly, an earlier one of the same speaker."""
    last = turns[-1]
    here = {w.stem for w in content(last.content)}
    for number, turn in enumerate(turns[:-1], 1):
        if turn.role != last.role:
            continue
        there = {w.stem for w in content(turn.content)}
        alike = len(here & there) >= _SAME * max(len(here | there), 1) and bool(here)
        if alike or normalise(turn.content) == normalise(last.content):
            return Finding("repeated_turn", {"turn": number})
    return None
