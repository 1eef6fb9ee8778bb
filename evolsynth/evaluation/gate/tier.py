"""What an answer stands on, and what becomes of one that stands on too little.

``verified``: what was checked decides the whole answer, and every demand that a program can check
is met. Either truth is not at stake, and there are such demands: a poem in five lines. Or the
answer stands on a ground (`evaluation.grounds`) that was gone through again: a text, a computation.
What an evolution added must be such demands alone.
``agreed``: for signals that were measured to be precise enough. Of those that were tried none is
(`python -m evals agreement`), so no row has it.
``unverified``: all others. A fact in five words is one: that it has five words says nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from evolsynth.evaluation.demands.demand import Demand, Miss
from evolsynth.evaluation.demands.found import demands_of, without_carried
from evolsynth.evaluation.text import MOST
from evolsynth.evaluation.text.task import TASKS, Task, task_of, truth_at_stake
from evolsynth.evaluation.text.words import content
from evolsynth.findings import reason
from evolsynth.inputs import alone
from evolsynth.rows import TIERS, Row, Tier

__all__ = ["UNVERIFIED", "below", "checked_demands", "kind_of", "tier_of", "unanswered"]

#: The reason for which rows below the least tier are refused.
UNVERIFIED = reason(
    "unverified",
    "Nothing that was checked vouches for the whole response.",
    "Have them answered by a larger model (`evolsynth respond unanswered.jsonl --model ...`), or "
    "set the gate's least_tier to unverified.",
)
#: Columns of a row that hold its answers, or what they stand on, beside its own fields.
_ANSWERS = ("responses", "evidence")


def checked_demands(row: Row) -> list[tuple[Demand, Miss | None]]:
    """Each demand on the row's response, and what the response lacks of it.

    None of a response of more than `MOST` characters, whose row is looked at in part.

    Raises:
        InputError: the row carries a demand that there is no kind of.
    """
    asked, response = row.instruction or "", row.response or ""
    if len(response) > MOST:
        return []
    some, source = demands_of(row), row.input or ""
    return [(demand, demand.check(response, asked=asked, source=source)) for demand in some]


def tier_of(row: Row) -> tuple[Tier | None, tuple[str, ...]]:
    """What a row's response stands on, and by which checks; None where it has none.

    The checks of the gate are taken to have passed.

    Raises:
        InputError: the row carries a demand that there is no kind of.
    """
    if row.response is None or row.instruction is None:
        return None, ()
    checked = checked_demands(row)
    ground, against = _ground(row)
    holds = ground is not None and against is None
    if any(miss is not None for _, miss in checked) or not (checked or holds):
        return "unverified", ()
    kinds = [f"ground:{ground}"] if holds else []
    names = tuple(dict.fromkeys([*kinds, *(f"demand:{demand.kind}" for demand, _ in checked)]))
    at_stake = against is not None or (not holds and truth_at_stake(kind_of(row)))
    later = sum(turn.role == "assistant" for turn in row.messages) > 1
    at_stake = at_stake or (later and not (holds and ground == "talk"))
    return ("unverified" if at_stake or _adds_unchecked(row) else "verified"), names


def _ground(row: Row) -> tuple[str | None, str | None]:
    """The ground that a row's answer names and what speaks against it; see `stands`."""
    made = row.provenance.get("response")
    if not isinstance(made, Mapping) or "ground" not in made:
        return None, None
    from evolsynth.evaluation.grounds import ground

    return ground.stands(row)


def kind_of(row: Row, *, holds: bool = False) -> Task:
    """The kind of task that a row sets, in view of its input.

    A method that knows what it asks for says so in ``provenance["instruction"]["task"]``. It is
    not believed where it says that truth is not at stake: that is read from the instruction,
    unless the answer's ground was gone through and ``holds``.
    """
    made = row.provenance.get("instruction")
    told = made.get("task") if isinstance(made, Mapping) else None
    known = next((task for task in TASKS if task == told), None)
    if known is not None and (holds or truth_at_stake(known)):
        return known
    return task_of(row.instruction or "", about_text=row.beside is not None)


def _adds_unchecked(row: Row) -> bool:
    """Whether an evolution asks for more than its root in words that no check of ours reads:
    an answer to the rest of it says nothing of whether it keeps to that."""
    made = row.provenance.get("instruction")
    root = made.get("root") if isinstance(made, dict) else None
    if not row.round or not isinstance(root, str):
        return False
    told = {word.stem for word in content(alone(root, row.input))}
    asked = without_carried(row, alone(row.instruction or "", row.input))
    return any(word.stem not in told for word in content(asked))


def below(tier: Tier | None, least: Tier) -> bool:
    """Whether a response stands on less than is asked for."""
    return tier is not None and TIERS.index(tier) > TIERS.index(least)


def unanswered(row: Row) -> Row | None:
    """The instruction of a row that was refused for what its response stands on alone, to be
    answered anew; None for any other row.

    All that came of the response is taken away: it, how it was made, and its scores. The id stays.
    """
    if row.verdict is None or row.verdict.reasons != (UNVERIFIED,):
        return None
    return row.replace(
        response=None,
        messages=(),
        scores={},
        verdict=None,
        provenance={name: made for name, made in row.provenance.items() if name != "response"},
        extra={name: value for name, value in row.extra.items() if name not in _ANSWERS},
    )
