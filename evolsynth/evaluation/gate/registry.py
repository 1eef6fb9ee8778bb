"""Every check of the gate, by name, in one list: cheapest first, and within a cost by the part of
the row it looks at.

A new check is one entry in `CHECKS`, one sentence in `findings.EXPLANATIONS` (and in README's
table), and, if it has a threshold, a field in `settings.GateSettings` with a line in
`settings.THRESHOLDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from evolsynth.evaluation.embed.base import contextual
from evolsynth.evaluation.gate.check import COSTS, PARTS, BatchCheck, Case, Check, Cost, Part
from evolsynth.evaluation.gate.checks.breadth import other_field, same_task
from evolsynth.evaluation.gate.checks.conversation import bad_turn
from evolsynth.evaluation.gate.checks.degenerate import (
    cut_off,
    empty,
    not_an_instruction,
    refusal,
    template_leak,
    too_long,
    too_short,
)
from evolsynth.evaluation.gate.checks.evolution import breaks_limit, copied_demand, unfit_demand
from evolsynth.evaluation.gate.checks.repetition import repetition
from evolsynth.evaluation.gate.checks.request import (
    answers_itself,
    declines,
    missing_input,
    several_requests,
)
from evolsynth.evaluation.gate.checks.response import broken_off, copies_question, says_nothing
from evolsynth.evaluation.gate.checks.role import (
    no_answer,
    role_confusion,
    self_talk,
    thin_answer,
    unanswerable,
)
from evolsynth.evaluation.good_evolution.score import evolution_finding, good_evolution
from evolsynth.evaluation.information_loss.score import (
    InformationLoss,
    information_loss,
    no_new_demand,
)
from evolsynth.evaluation.text.language import wrong_language, wrong_request_language
from evolsynth.findings import Finding

if TYPE_CHECKING:
    from evolsynth.evaluation.gate.settings import GateSettings

__all__ = ["CHECKS", "COSTS", "PARTS", "BatchCheck", "Case", "Check", "Cost", "Part", "known"]
__all__ += ["loss_finding", "tiers"]


def loss_finding(loss: InformationLoss, threshold: float | None = None) -> Finding | None:
    """The finding for a flagged loss, with the lost spans and their places in the original."""
    if not loss.flagged:
        return None
    spans = [msgspec.to_builtins(span) for span in loss.lost]
    limit = {} if threshold is None else {"threshold": threshold}
    return Finding("information_loss", {"score": round(loss.score, 4), **limit, "lost": spans})


def _loss(case: Case) -> Finding | None:
    """What was lost of the original, and of what the first of the originals was."""
    if case.original is None:
        return None
    threshold, found = case.settings.information_loss, None
    for text in dict.fromkeys(filter(None, (case.original, case.root))):
        loss = information_loss(text, case.instruction, embedder=case.embedder, threshold=threshold)
        score = round(loss.score, 4)
        if score > case.scores.get("information_loss", -1.0) or text == case.original:
            case.scores["information_loss"] = score
            finding = loss_finding(loss, threshold)
            if finding is not None:
                of = {} if text == case.original else {"of": "root"}
                found = Finding(finding.code, {**finding.detail, **of})
    return found


def _from_such(case: Case) -> bool:
    """Whether the seed that an evolution goes back to cannot be answered either: that is no fault
    of the evolution."""
    return case.root is not None and unanswerable(case.root) is not None


def _of_evolution(find: Callable[[str, str], Finding | None]) -> Callable[[Case], Finding | None]:
    """A check of an evolution in depth by its original."""
    return lambda c: None if c.original is None else find(c.original, c.instruction)


def _weak(case: Case) -> Finding | None:
    """How good an evolution is that kept everything; told by an embedder that reads in context."""
    lost = case.scores.get("information_loss", 0.0) >= case.settings.information_loss
    if lost or case.original is None:
        return None
    embedder = contextual(case.embedder, "'weak_evolution'")
    if embedder is None:
        return None
    threshold = case.settings.good_evolution
    score = good_evolution(case.original, case.instruction, embedder, threshold=threshold)
    case.scores["good_evolution"] = score.score
    return evolution_finding(score)


def _twin(code: str) -> Callable[[Case], Finding | None]:
    def find(case: Case) -> Finding | None:
        twin = case.twin()
        if twin is None or twin.code != code:
            return None
        limit = {"threshold": case.settings.near_duplicate} if code == "near_duplicate" else {}
        return Finding(code, {**twin.detail, **limit})

    return find


def _no_response(case: Case) -> Finding | None:
    return Finding("no_response") if case.row.response is None else None


def _high_ifd(case: Case) -> Finding | None:
    score, most = case.scores.get("ifd"), case.settings.max_ifd
    if score is None or score <= most:
        return None
    return Finding("high_ifd", {"ifd": score, "most": most})


def _of_own(name: str, find: Callable[[str], Finding | None]) -> Check:
    """A check of what a model wrote: a person's request may have its text in another field."""
    return Check(name, lambda c: find(c.asked) if c.made else None, "instruction", "text", _MADE)


_EVOLVED = "provenance.instruction.original"
_INSPIRED = "provenance.instruction.inspiration"
_MADE = "provenance.instruction (a model wrote it)"

CHECKS: tuple[Check, ...] = (
    Check("empty", lambda c: empty(c.instruction), "instruction", "free"),
    Check("empty", lambda c: empty(c.response), "response", "free", "a response"),
    Check("no_response", _no_response, "row", "free", optional=True),
    # On one text. An empty one does not come as far as here.
    Check("template_leak", lambda c: template_leak(c.asked, "instruction"), "instruction", "text"),
    Check("repetition", lambda c: repetition(c.asked, "instruction"), "instruction", "text"),
    Check(
        "cut_off",
        lambda c: cut_off(c.asked, "instruction", c.made.get("finish_reason")),
        "instruction",
        "text",
    ),
    Check("too_short", lambda c: too_short(c.asked, c.settings.min_words), "instruction", "text"),
    Check(
        "too_long",
        lambda c: too_long(c.asked, c.settings.max_instruction_words),
        "instruction",
        "text",
    ),
    Check("role_confusion", lambda c: role_confusion(c.asked), "instruction", "text"),
    Check("not_an_instruction", lambda c: not_an_instruction(c.asked), "instruction", "text"),
    Check(  # a user's own rows may well be about today
        "unanswerable",
        lambda c: unanswerable(c.asked) if c.made and not _from_such(c) else None,
        "instruction",
        "text",
        _MADE,
    ),
    _of_own("missing_input", missing_input),
    _of_own("several_requests", several_requests),
    _of_own("answers_itself", answers_itself),
    Check("refusal", lambda c: declines(c.asked), "instruction", "text"),
    Check(
        "wrong_language",
        lambda c: wrong_request_language(c.asked, c.settings.instruction_language),
        "instruction",
        "text",
        "the setting instruction_language",
    ),
    Check(
        "template_leak",
        lambda c: template_leak(c.answer, "response"),
        "response",
        "text",
        "a response",
    ),
    Check(
        "repetition", lambda c: repetition(c.answer, "response"), "response", "text", "a response"
    ),
    Check(
        "cut_off",
        lambda c: cut_off(c.answer, "response", c.stopped),
        "response",
        "text",
        "a response",
    ),
    Check(
        "too_long",
        lambda c: too_long(c.answer, c.settings.max_response_words),
        "response",
        "text",
        "a response",
    ),
    Check(
        "refusal",
        lambda c: refusal(c.answer, c.settings.refusal_words, instruction=c.asked),
        "response",
        "text",
        "a response",
    ),
    Check("says_nothing", lambda c: says_nothing(c.answer), "response", "text", "a response"),
    Check("self_talk", lambda c: self_talk(c.answer), "response", "text", "a response"),
    Check(
        "no_answer",
        lambda c: no_answer(c.response, c.instruction, least_substance=c.settings.substance_words),
        "response",
        "text",
        "a response",
    ),
    Check(
        "thin_answer",
        lambda c: thin_answer(c.response, c.instruction, least_words=c.settings.thin_answer_words),
        "response",
        "text",
        "a response",
    ),
    Check(
        "breaks_limit",
        lambda c: breaks_limit(c.instruction, c.response, slack=c.settings.limit_slack),
        "response",
        "text",
        "a response",
    ),
    Check(
        "copies_question",
        lambda c: copies_question(
            c.response,
            c.instruction,
            least_copied=c.settings.copied_words,
            least_new=c.settings.new_words,
        ),
        "response",
        "text",
        "a response",
    ),
    Check(
        "broken_off",
        lambda c: broken_off(c.response, least=c.settings.tail_words),
        "response",
        "text",
        "a response",
    ),
    Check(
        "wrong_language",
        lambda c: wrong_language(c.response, c.instruction, expected=c.settings.language),
        "response",
        "text",
        "a response",
    ),
    Check("bad_turn", lambda c: bad_turn(c.row.messages), "row", "text", "messages"),
    Check("high_ifd", _high_ifd, "row", "text", "scores.ifd (`evolsynth score --ifd`)", True),
    # On an evolution and what it was made from.
    Check(
        "example_leak",
        lambda c: copied_demand(c.original or c.inspiration or "", c.instruction, c.demands),
        "evolution",
        "pair",
        f"{_EVOLVED} and .prompt",
    ),
    Check(
        "unfit_demand",
        _of_evolution(unfit_demand),
        "evolution",
        "pair",
        _EVOLVED,
    ),
    Check(
        "no_new_demand",
        _of_evolution(no_new_demand),
        "evolution",
        "pair",
        _EVOLVED,
    ),
    Check(
        "same_task",
        lambda c: same_task(c.inspiration, c.instruction, c.embedder),
        "evolution",
        "meaning",
        _INSPIRED,
    ),
    Check(
        "other_field",
        lambda c: other_field(c.inspiration, c.instruction, c.embedder),
        "evolution",
        "meaning",
        f"{_INSPIRED}; an embedder",
    ),
    Check("information_loss", _loss, "evolution", "meaning", _EVOLVED),
    Check("weak_evolution", _weak, "evolution", "meaning", f"{_EVOLVED}; MiniLM"),
    Check("exact_duplicate", _twin("exact_duplicate"), "row", "stream"),
    Check("near_duplicate", _twin("near_duplicate"), "row", "stream", "an embedder"),
)


def known(name: str) -> bool:
    """Whether there is a check of that name."""
    return any(check.name == name for check in CHECKS)


def tiers(
    settings: GateSettings, *, parts: Sequence[Part] = PARTS
) -> list[tuple[Part, Cost, tuple[Check, ...]]]:
    """The checks that settings leave on, in the order in which they are made.

    All of one tier, which is a cost and a part of the row, are made before a row is refused, so
    that it tells each reason; tiers after it are not.
    """
    on = [
        check
        for check in CHECKS
        if check.name not in settings.skip
        and (not check.optional or check.name in settings.also)
        and check.part in parts
    ]
    groups = [
        (part, cost, tuple(c for c in on if (c.part, c.cost) == (part, cost)))
        for cost in COSTS
        for part in parts
    ]
    return [group for group in groups if group[2]]
