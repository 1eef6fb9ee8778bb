"""Preference: of the responses to an instruction, the best and the worst by a score.

So are pairs made for DPO (Rafailov et al. 2023, arXiv:2305.18290) out of a model's own samples, by
a judge as in self-rewarding (Yuan et al. 2024, arXiv:2401.10020), or out of two models' responses.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

import msgspec

from evolsynth.columns import ColumnType
from evolsynth.errors import EvolsynthError, InputError
from evolsynth.evaluation.demands.found import demands_of
from evolsynth.evaluation.gate.gate import Gate, part_findings
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.scores.response import MARGINS, ResponseScore, by_ifd, by_judge
from evolsynth.evaluation.text import looked_at
from evolsynth.evaluation.text.words import content
from evolsynth.findings import reason
from evolsynth.foreign import failure, told
from evolsynth.llm.base import LLM
from evolsynth.methods.method import Options, method
from evolsynth.methods.respond import MADE
from evolsynth.options import Count
from evolsynth.rows import Row, Verdict
from evolsynth.streams import Rows, iterate, map_rows, together

__all__ = ["by_rules", "join_responses", "preference", "responses_of"]

reason(
    "same_response",
    "All responses to the instruction are the same, so none can be preferred.",
    "Raise the temperature of the responses, or take samples of two models.",
)
reason(
    "tie",
    "The scores of the best and the worst response are too close to prefer one.",
    "Make more samples of each response, or lower preference's margin.",
)
reason(
    "no_good_response",
    "Even the best of the responses is not good enough to be preferred.",
    "Take a larger model for the responses, or lower preference's least.",
)

_STEP = "preference"


_PAIR: dict[str, ColumnType] = {"chosen": "text", "rejected": "text", "response": "text"}


def _rules_only(options: Options) -> bool:
    return options.get("score", "rules") not in ("ifd", "judge")


@method(
    shape="map",
    needs={"instruction": "text", "responses": "any"},
    gives=_PAIR,
    columns=lambda _, __, came: came.plus(_PAIR),
    role="judge",
    idle={"llm": _rules_only, "embedder": lambda _: True},
    lines="conversational",
    join="join_responses",
)
async def preference(
    rows: Rows,
    llm: LLM | None = None,
    *,
    score: Literal["rules", "ifd", "judge"] | ResponseScore = "rules",
    margin: float | None = None,
    least: float | None = None,
    gate: Gate | None = None,
    seed: int = 0,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """Of each row's responses the best as ``chosen`` and the worst as ``rejected``, or refused.

    A row's responses are in ``extra["responses"]`` (`respond` with several samples or models,
    `join_responses` for two files). ``extra["chosen"]`` is the one of highest score, the first if
    there are several, ``extra["rejected"]`` the one of lowest, the last; ``scores["chosen"]`` and
    ``["rejected"]`` are theirs. ``response`` becomes the chosen one, each of ``responses`` gets its
    ``score``, and the row is accepted.

    With ``rules``, a response that lacks what form alone decides is made so by rule
    (`Demand.apply`) and stands behind the others, with the demands ``applied``; it is chosen where
    none passes by itself. Of equal ones that has most in common with the others which is chosen,
    and least which is rejected; where all that are compared pass, that decides, if there are three
    or more and the two are far enough apart (``scores["chosen_agreement"]``), or else the one that
    was drawn coolest is chosen before the one drawn warmest, if it has more in common with the
    others. Where the row's own
    response stands on a ground (`respond` with ``answered``), it is right: it is chosen before
    equal ones, and what says otherwise lacks one thing more.

    Refused are rows whose responses are all the same but for white space (``same_response``), whose
    best and worst differ by less than the margin or not at all (``tie``), and whose best is below
    ``least`` (``no_good_response``). A row that has fewer than two responses, or fewer than two
    that could be scored, has failed. Settled rows pass through untouched.

    Args:
        score: how responses are compared. ``rules``: by how much the gate's checks find wrong with
            them, each demand that is not met being one thing, which asks no model. ``ifd`` or
            ``judge``: by the model. In Python also a function of a row with one of the responses;
            see `ResponseScore`.
        margin: by how much the best must win; by default one finding, 0.1 of IFD, half a level of
            a judge's six, or nothing for a function of your own.
        least: what the best must reach; by default 0, which is no finding, with ``rules``.
        gate: whose settings the rules go by.
        concurrency: rows that are scored at once; by default 4.

    Raises:
        InputError: the margin is negative or no number, there is no such score, or no model for
            one that asks it.
    """
    if margin is None:
        margin = MARGINS.get(score, 0.0) if isinstance(score, str) else 0.0
    if least is None and score == "rules":
        least = 0.0
    score = _score(score, llm, gate, seed)
    if not margin >= 0:
        raise InputError(f"margin is {margin}: give a difference from 0.")
    name = getattr(score, "__name__", type(score).__name__)
    how: dict[str, Any] = {"score": name, "margin": margin}
    if least is not None:
        how["least"] = least

    async def one(row: Row) -> Row:
        responses = responses_of(row)
        if len(responses) < 2:
            raise InputError(
                f"Row {row.id} has {_count(len(responses))}, and a pair needs two. Draw several "
                "samples, or join the responses of another model."
            )
        if len({" ".join(r["response"].split()) for r in responses}) == 1:
            return row.reject("same_response")
        made = [_with(row, response) for response in responses]
        agreed, right = [0.0] * len(made), None
        if isinstance(score, _Rules):
            right = _right(row, responses)
            if right is None:
                agreed = _agreements([one["response"] for one in responses])
            for place, candidate in enumerate(made[:]):
                if (mended := score.mended(candidate)) is not None:
                    text, applied = mended
                    new = {**responses[place], "response": text, "applied": list(applied)}
                    responses.append(new)
                    made.append(_with(row, new))
                    agreed.append(agreed[place])
        scores = await together(_scored(score, name, candidate) for candidate in made)
        if right is not None:
            scores = _against(row, right, responses, scores)
        for response, value in zip(responses, scores, strict=True):
            response["score"] = value
        known: list[_Known] = [
            (value, place == right, "applied" not in responses[place], agreed[place], -place)
            for place, value in enumerate(scores)
            if value is not None
        ]
        if len(known) < 2:
            raise InputError(
                f"Row {row.id}: {len(known)} of its {len(responses)} responses could be scored "
                f"by {name}, and a pair needs two."
            )
        best, worst = max(known), min(known)
        agreeing = best[0] == worst[0] and best[-2] - worst[-2] >= _AGREEMENT
        if best[0] == worst[0] and not agreeing and (two := _cool_and_warm(made, known)):
            (best, worst), agreeing = two, True
        (high, *_, most, first), (low, *_, fewest, last) = best, worst
        chosen, rejected = made[-first], made[-last]
        found = {"chosen": round(high, 4), "rejected": round(low, 4)}
        if agreeing:
            found |= {"chosen_agreement": round(most, 4), "rejected_agreement": round(fewest, 4)}
        row = row.replace(
            response=chosen.response,
            provenance={**chosen.provenance, _STEP: how},
            scores={**row.scores, **found},
            extra={
                **row.extra,
                "responses": responses,
                "chosen": chosen.response,
                "rejected": rejected.response,
            },
        )
        won = high > low and high - low >= margin - 1e-9  # 0.3 - 0.2 is a little less than 0.1
        if not won and not agreeing:
            return row.reject("tie", tie={**found, "margin": margin})
        if least is not None and high < least:
            return row.reject("no_good_response", no_good_response={**found, "least": least})
        return row.replace(verdict=Verdict(accepted=True))

    stream = map_rows(rows, one, step=_STEP, concurrency=4 if concurrency is None else concurrency)
    async with aclosing(stream) as pairs:
        async for row in pairs:
            yield row


_NOTHING = frozenset({"empty", "says_nothing"})
_WORST = -10.0
#: The gate's finding that names each demand that is not met.
_UNMET = "demand_unmet"


def by_rules(settings: GateSettings | None = None) -> Callable[[Row], float]:
    """Minus the number of things that the gate's checks find wrong with a response; -10 for no
    text.

    Each demand that is not met counts as one. 0 is a response that the gate would let through.
    """
    return _Rules(settings or GateSettings())


class _Rules:
    """See `by_rules`."""

    __name__ = "rules"

    def __init__(self, settings: GateSettings) -> None:
        self._settings = settings

    def __call__(self, row: Row) -> float:
        found = part_findings(row, "response", self._settings)
        if not _NOTHING.isdisjoint(one.code for one in found):
            return _WORST
        return -float(sum(len(one.detail["unmet"]) if one.code == _UNMET else 1 for one in found))

    def mended(self, row: Row) -> tuple[str, tuple[str, ...]] | None:
        """The row's response with the form that it lacks made so by rule, and the kinds of demands
        that it then meets; None where there is nothing to mend, or no rule does."""
        if _UNMET in self._settings.skip:
            return None
        demands = demands_of(row)
        if not demands:
            return None
        from evolsynth.methods.best_of import meet_by_rule

        made, applied = meet_by_rule(
            row.response or "", demands, row.instruction or "", row.input or ""
        )
        return (made, applied) if applied else None


def _right(row: Row, responses: Sequence[Mapping[str, Any]]) -> int | None:
    """Which of the responses is the row's own, where that stands on a ground that holds."""
    made = row.provenance.get("response")
    if not isinstance(made, Mapping) or "ground" not in made:
        return None
    from evolsynth.evaluation.grounds.ground import stands

    kind, against = stands(row)
    if kind is None or against is not None:
        return None
    own = (n for n, one in enumerate(responses) if one["response"] == row.response)
    return next(own, None)


def _against(
    row: Row,
    right: int,
    responses: Sequence[Mapping[str, Any]],
    scores: Sequence[float | None],
) -> list[float | None]:
    """The scores, less one where a response gives another answer than the right one."""
    from evolsynth.evaluation.grounds.otherwise import says_otherwise

    return [
        value - 1
        if value is not None and n != right and says_otherwise(row, responses[n]["response"])
        else value
        for n, value in enumerate(scores)
    ]


_Known = tuple[float, bool, bool, float, int]
#: How much less that is where the one was drawn at a temperature so much lower than the other.
_LITTLE, _COOLER = 0.02, 0.5


def _cool_and_warm(made: Sequence[Row], known: Sequence[_Known]) -> tuple[_Known, _Known] | None:
    """Of responses that are equal by the rules, the one drawn coolest and the one drawn warmest,
    where that is much and the first has more in common with the others; None where not so, or
    how they were drawn is not told."""
    drawn: dict[_Known, float] = {}
    for one in known:
        how = made[-one[-1]].provenance.get("response")
        sampling = how.get("sampling") if isinstance(how, Mapping) else None
        warmth = sampling.get("temperature") if isinstance(sampling, Mapping) else None
        if not isinstance(warmth, int | float):
            return None
        drawn[one] = warmth
    cool, warm = min(known, key=drawn.__getitem__), max(known, key=drawn.__getitem__)
    apart = drawn[warm] - drawn[cool] >= _COOLER and cool[-2] - warm[-2] >= _LITTLE
    return (cool, warm) if apart else None


#: By how much more the best of three responses or more must have in common with the others than
#: the worst, where rules tell no difference between them.
_AGREEMENT = 0.1
_FEWEST, _SAID = 3, 4  # responses; words of content that each has at least


def _agreements(texts: Sequence[str]) -> list[float]:
    """How much each response has in common with the others: the mean cosine of their words of
    content, from 0 to 1; 0 for each where there are fewer than three, or one of few words.

    What many samples say is likelier to be right than what one of them says alone: minimum Bayes
    risk, by which Yang et al. 2023, arXiv:2311.08380, make preference pairs.
    """
    said = [{word.stem for word in content(looked_at(text))} for text in texts]
    if len(texts) < _FEWEST or min(map(len, said)) < _SAID:
        return [0.0] * len(texts)
    shared: defaultdict[str, float] = defaultdict(float)
    for one in said:
        for stem in sorted(one):
            shared[stem] += len(one) ** -0.5
    return [
        (sum(shared[stem] for stem in sorted(one)) * len(one) ** -0.5 - 1) / (len(texts) - 1)
        for one in said
    ]


def _score(
    score: str | ResponseScore, llm: LLM | None, gate: Gate | None, seed: int
) -> ResponseScore:
    """By which responses are compared; a function is taken as it is, though YAML has none."""
    if not isinstance(score, str):
        return score
    if score == "rules":
        return by_rules(None if gate is None else gate.settings)
    if llm is None or score not in MARGINS:
        raise InputError(
            f"preference(): there is no score {score!r:.60}. Take {', '.join(sorted(MARGINS))}, or "
            "give a function of a row."
            if score not in MARGINS
            else f"preference(): the score '{score}' asks a model. Give one, or take rules."
        )
    return by_ifd(llm) if score == "ifd" else by_judge(llm, seed=seed)


async def _scored(score: ResponseScore, name: str, candidate: Row) -> float | None:
    """The score of one response; whatever somebody's function raises is the row's failure."""
    try:
        value = score(candidate)
        if isinstance(value, Awaitable):
            value = await value
    except EvolsynthError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {told(error)}"
        raise InputError(f"The score '{name}' fails for row {candidate.id} ({what}).") from error
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"The score '{name}' gives no finite number for row {candidate.id}: {value!r}."
        )
    return number


def _with(row: Row, response: Mapping[str, Any]) -> Row:
    """The row as if it had only this response, which was made as it says."""
    before = row.provenance.get("response")
    made = dict(before) if isinstance(before, Mapping) else {}
    told = ("finish_reason", "seed", "model", "applied", *MADE)
    made |= {name: response[name] for name in told if name in response}
    made = {name: value for name, value in made.items() if name not in MADE or value is not None}
    provenance = {**row.provenance, "response": made} if made else row.provenance
    return row.replace(response=response["response"], provenance=provenance, scores={})


def _count(number: int) -> str:
    return "one response" if number == 1 else "no response"


def responses_of(row: Row) -> list[dict[str, Any]]:
    """A row's responses in order, each an object with ``response`` and how it was made.

    They are ``extra["responses"]``, as `respond` writes it with several samples, or texts, or else
    the row's one response, or none.

    Raises:
        InputError: ``responses`` is something else.
    """
    held = row.extra.get("responses")
    if held is None:
        return [] if row.response is None else [_own(row, row.response)]
    if not isinstance(held, list):
        raise InputError(f"Row {row.id}: 'responses' is no list. Give texts or objects in one.")
    found = []
    for number, item in enumerate(held, 1):
        one = {"response": item} if isinstance(item, str) else item
        if not isinstance(one, Mapping) or not isinstance(one.get("response"), str):
            raise InputError(
                f"Row {row.id}: number {number} of its 'responses' is no text and has no "
                "'response'. Give texts, or objects with one."
            )
        found.append(dict(one))
    return found


@method(shape="join", gives={"responses": "any"}, command="")
async def join_responses(streams: Sequence[Rows]) -> AsyncGenerator[Row]:
    """Each row of one stream with the responses of its partner in the other behind its own.

    The partner has the same id and instruction, or else the same instruction, with the same input
    where there is one; each goes with one row only, in order. A row without a partner has failed,
    and says so; so has, at the end, each of ``others`` that was nobody's partner. Settled rows pass
    through. All of ``others`` are held in memory.
    """
    if len(streams) != 2:
        raise InputError(f"join_responses takes two streams of rows, and was given {len(streams)}.")
    rows, others = streams
    waiting: dict[int, Row] = {}
    by_id: dict[str, int] = {}
    by_text: defaultdict[str, deque[int]] = defaultdict(deque)
    settled: list[Row] = []
    async with aclosing(iterate(others)) as source:
        place = 0
        async for row in source:
            if row.settled:
                settled.append(row)
                continue
            by_id.setdefault(row.id, place)
            by_text[_asked(row)].append(place)
            waiting[place] = row
            place += 1

    def partner(row: Row) -> Row | None:
        """Taken out, so that it is nobody else's."""
        text, same = _asked(row), by_id.get(row.id, -1)
        if same in waiting and _asked(waiting[same]) == text:
            return waiting.pop(same)
        equal = by_text[text] if text in by_text and text else deque[int]()
        while equal:
            if (at := equal.popleft()) in waiting:
                return waiting.pop(at)
        return None

    async with aclosing(iterate(rows)) as source:
        async for row in source:
            yield row if row.settled else _joined(row, partner(row))
    for other in waiting.values():
        yield _joined(other, None)
    for other in settled:
        yield other


def _joined(row: Row, other: Row | None) -> Row:
    if other is None:
        what = f"Row {row.id} has no partner: no other row has its id or its instruction."
        return row.replace(failure=failure("join_responses", InputError(what)))
    try:
        both = [*responses_of(row), *responses_of(other)]
    except InputError as error:
        return row.replace(failure=failure("join_responses", error))
    return row.replace(extra={**row.extra, "responses": both})


def _asked(row: Row) -> str:
    return " ".join((row.asked or "").split())


def _own(row: Row, text: str) -> dict[str, Any]:
    """A row's one response, with what is known of it."""
    made = row.provenance.get("response")
    known = made if isinstance(made, Mapping) else {}
    names = ("finish_reason", "seed", "model")
    return {"response": text, **{n: msgspec.to_builtins(known[n]) for n in names if n in known}}
