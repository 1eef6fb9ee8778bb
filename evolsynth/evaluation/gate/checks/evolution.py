"""Checks of an evolution by what it was made from.

In depth (Xu et al. 2023, arXiv:2304.12244, section 3.2) it keeps what its original asked for and
adds a demand of its own; in breadth it is another task of the same field, so nothing is lost. Two
instructions are compared without the input that either may hold: that both have, wherever it
stands, and an evolution which takes it over asks for nothing more by that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import msgspec

from evolsynth.evaluation.embed.base import contextual
from evolsynth.evaluation.gate.check import Case, check
from evolsynth.evaluation.good_evolution.score import evolution_finding
from evolsynth.evaluation.good_evolution.score import good_evolution as _good_evolution
from evolsynth.evaluation.information_loss import score as _loss
from evolsynth.evaluation.text import MOST, looked_at
from evolsynth.evaluation.text.added import demand_added
from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.words import FORM_WORDS, content, plain, stem, vocabulary
from evolsynth.findings import Finding

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder
    from evolsynth.evaluation.information_loss.score import InformationLoss

__all__ = ["FARTHEST", "NEAREST", "copied_demand", "information_loss", "loss_finding"]
__all__ += [
    "changed_input",
    "is_drawn",
    "no_new_demand",
    "other_field",
    "other_language",
    "same_task",
    "unfit_demand",
    "weak_evolution",
]

_EVOLVED = "provenance.instruction.original"
_INSPIRED = "provenance.instruction.inspiration"
#: A score that is above 0 and at most 1.
Score = Annotated[float, msgspec.Meta(gt=0, le=1)]

# A new demand -------------------------------------------------------------------------------------


#: The operation of Evol-Instruct that gives an instruction other data (section 3.2).
_COMPLICATES = "complicate_input"


def _pair(case: Case) -> tuple[str, str]:
    """The original, in depth or in breadth, and the evolution, each without its input."""
    original = case.original or case.inspiration
    return case.alone(original) or "", case.alone(case.row.instruction) or ""


def is_drawn(case: Case) -> bool:
    """Whether what the evolution adds are demands that were drawn, not words that a model wrote.

    They fit their kind of task, are new, and say all they mean, by how they were drawn. Rules on
    what a small model writes freely, and a score that learned from such texts, do not apply.
    """
    return "demands" in case.made and "prompt" not in case.made


#: Words that fit any request, so that saying them again is no copy.
_FORM = FORM_WORDS | frozenset(
    stem(word)
    for word in vocabulary(
        """one two three four five six seven eight nine ten under each most best main useful old
        oldest friend conversation dialogue verse letter title summary column"""
    )
)
_COUNT = rf"(?P<count>\d{{1,4}}|{'|'.join(COUNTS)})"
_TIGHT = re.compile(
    rf"\b(?:exactly|only|of|in|to|with|as) (?:the )?{_COUNT} (?:\w+ )?(?:word|letter)s?\b", re.I
)
_ELSEWHERE = re.compile(r"\b(?:above|following|previous|as follows|below)\b", re.I)
_LEAST_WORDS = 8  # an answer shorter than this answers next to nothing


@check(
    "example_leak",
    "evolution",
    cost="pair",
    place=1,
    needs=f"{_EVOLVED} and .prompt",
    sentence="The text copies a few-shot example instead of following it.",
    advice="Give other or more few-shot examples, or raise the temperature a little.",
)
def copied_demand(case: Case) -> Finding | None:
    """Found where what the evolution adds is about a few-shot example's subject, not its own.

    Compared are content words that neither fit any request nor stand in the original or its input.
    """
    original, evolved = _pair(case)
    known = {w.stem for w in content(looked_at(original))} | _FORM
    known |= {w.stem for w in content(case.input)}
    added = {w.stem for w in content(demand_added(original, evolved))} - known
    for demand in case.demands:
        copied = added & {w.stem for w in content(demand)}
        if copied and 2 * len(copied) >= len(added):
            return Finding("example_leak", {"copied": demand})
    return None


@check(
    "unfit_demand",
    "evolution",
    cost="pair",
    place=2,
    languages=["en"],
    needs=_EVOLVED,
    sentence="The added demand leaves no room for an answer, or has nothing it refers to.",
    advice="Raise evolve's candidates, or begin with instructions that leave more room.",
)
def unfit_demand(case: Case) -> Finding | None:
    """Found where the added demand leaves no room for an answer ("in two words").

    Also where it points to something that is not there ("the above"), unless there is an input.
    """
    if case.original is None or is_drawn(case):
        return None
    demand = plain(demand_added(*_pair(case)))
    tight = _TIGHT.search(demand)
    if tight and int(COUNTS.get(tight["count"].lower()) or tight["count"]) < _LEAST_WORDS:
        return Finding("unfit_demand", {"demand": tight.group()})
    elsewhere = None if case.input else _ELSEWHERE.search(demand)
    return Finding("unfit_demand", {"demand": elsewhere.group()}) if elsewhere else None


@check(
    "no_new_demand",
    "evolution",
    cost="pair",
    place=3,
    languages=["en"],
    needs=_EVOLVED,
    sentence="The evolved instruction asks for nothing that the original did not.",
    advice="Raise evolve's candidates, or the temperature of its sampling.",
)
def no_new_demand(case: Case) -> Finding | None:
    """Found where an evolution in depth adds fewer than two words that say something."""
    if case.original is None or is_drawn(case):
        return None
    return _loss.no_new_demand(*_pair(case))


@check(
    "other_language",
    "evolution",
    cost="pair",
    place=4,
    needs=_EVOLVED,
    sentence="The evolved instruction goes on in English, and its original is in another language.",
    advice="Take seeds in English, or classic prompts and a model that knows their language.",
)
def other_language(case: Case) -> Finding | None:
    """Found where an evolution in depth adds English to an original in another language."""
    return None if case.original is None else _loss.in_english(*_pair(case))


@check(
    "changed_input",
    "row",
    cost="free",
    needs=f"{_EVOLVED}; the original, among the rows that came before",
    sentence="The evolution is about another text than its original, and does not say so.",
    advice="Carry the input of each row on to its evolutions, or let the step that changes it set "
    "provenance.instruction.input_changed.",
)
def changed_input(case: Case) -> Finding | None:
    """Found where an evolution in depth neither has its original's input nor holds it.

    White space may differ. What changes an input on purpose says so: the operation
    ``complicate_input``, or any step by ``provenance["instruction"]["input_changed"]``, true.
    """
    before = case.parent_input
    said = case.made.get("input_changed") is True or case.made.get("operation") == _COMPLICATES
    if before is None or case.original is None or said:
        return None
    here, there = (" ".join(text.split()) for text in (case.row.asked or "", before))
    own = " ".join((case.row.input or "").split())
    if own == there or (not own and there in here):
        return None
    return Finding("changed_input", {"why": "another text" if own else "no text any more"})


# In depth: what was lost, and whether it is good --------------------------------------------------


def loss_finding(loss: InformationLoss, threshold: float | None = None) -> Finding | None:
    """The finding for a flagged loss, with the lost spans and their places in the original."""
    if not loss.flagged:
        return None
    spans = [msgspec.to_builtins(span) for span in loss.lost]
    limit = {} if threshold is None else {"threshold": threshold}
    return Finding("information_loss", {"score": round(loss.score, 4), **limit, "lost": spans})


@check(
    "information_loss",
    "evolution",
    cost="meaning",
    place=3,
    needs=_EVOLVED,
    sentence="The evolved instruction lost or changed something the original asked for.",
    advice="Use the anchored prompts for a small model, raise evolve's candidates, or raise the "
    "gate's setting information_loss.",
)
def information_loss(case: Case, *, information_loss: Score = 0.5) -> Finding | None:
    """Found where something was lost of the original, or of what the first of the originals was.

    Args:
        information_loss: Score of loss, from 0 to 1, from which an evolution is refused.
    """
    if case.original is None:
        return None
    found = None
    original, evolved = _pair(case)
    for text in dict.fromkeys(filter(None, (original, case.alone(case.root)))):
        loss = _loss.information_loss(
            text,
            evolved,
            embedder=case.embedder,
            threshold=information_loss,
        )
        score = round(loss.score, 4)
        if score > case.scores.get("information_loss", -1.0) or text == original:
            case.scores["information_loss"] = score
            finding = loss_finding(loss, information_loss)
            if finding is not None:
                of = {} if text == original else {"of": "root"}
                found = Finding(finding.code, {**finding.detail, **of})
    case.lost = case.scores.get("information_loss", 0.0) >= information_loss
    return found


@check(
    "weak_evolution",
    "evolution",
    cost="meaning",
    place=4,
    needs=f"{_EVOLVED}; MiniLM",
    sentence="The added demand is unlikely to make a better instruction of its original.",
    advice="Raise evolve's candidates, ask for fewer rounds, or lower the gate's setting "
    "good_evolution.",
)
def weak_evolution(case: Case, *, good_evolution: Score = 0.55) -> Finding | None:
    """Found where an evolution that kept everything is not good; told by an embedder that reads in
    context.

    Args:
        good_evolution: Score, from 0 to 1, that an evolution has at least.
    """
    if case.lost or case.original is None or is_drawn(case):
        return None
    original, evolved = _pair(case)
    if max(len(original), len(evolved)) > MOST:
        return None  # what a demand is worth beside a book, no example tells
    embedder = contextual(case.embedder, "'weak_evolution'")
    if embedder is None:
        return None
    score = _good_evolution(original, looked_at(evolved), embedder, threshold=good_evolution)
    case.scores["good_evolution"] = score.score
    return evolution_finding(score)


# In breadth ---------------------------------------------------------------------------------------

#: Cosines of MiniLM: above the first it is the same task said anew, below the second another field.
NEAREST, FARTHEST = 0.8, 0.15
_SHARED = 0.8  # of the words of content of either, where there is no embedder to ask


@check(
    "same_task",
    "evolution",
    cost="meaning",
    place=1,
    needs=_INSPIRED,
    sentence="The new task asks for the same as the one that it was to differ from.",
    advice="Raise the temperature or the candidates of evolutions in breadth.",
)
def same_task(case: Case) -> Finding | None:
    """Found where the new task says what the one before it says."""
    if case.inspiration is None:
        return None
    inspiration, instruction = looked_at(case.inspiration), case.instruction
    old, new = ({w.stem for w in content(text)} for text in (inspiration, instruction))
    shared = len(old & new) / max(1, min(len(old), len(new)))
    cosine = _cosine(inspiration, instruction, case.embedder)
    if shared < _SHARED and (cosine is None or cosine < NEAREST):
        return None
    told = {} if cosine is None else {"cosine": cosine, "most": NEAREST}
    return Finding("same_task", {"shared_words": round(shared, 3), **told})


@check(
    "other_field",
    "evolution",
    cost="meaning",
    place=2,
    needs=f"{_INSPIRED}; an embedder",
    sentence="The new task has nothing to do with the field of the one it was made from.",
    advice="Lower the temperature of evolutions in breadth, or raise the candidates.",
)
def other_field(case: Case) -> Finding | None:
    """Found where the new task has nothing to do with the one before it; needs an embedder."""
    if case.inspiration is None:
        return None
    cosine = _cosine(case.inspiration, case.instruction, case.embedder)
    if cosine is None or cosine >= FARTHEST:
        return None
    return Finding("other_field", {"cosine": cosine, "least": FARTHEST})


def _cosine(one: str, other: str, embedder: Embedder | None) -> float | None:
    if embedder is None:
        return None
    a, b = embedder.embed([one, other])
    return round(float(a @ b), 4)
