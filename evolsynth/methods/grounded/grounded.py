"""Tasks about texts, with answers that stand in them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec

from evolsynth.errors import InputError, RequestError, did_you_mean
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.findings import reason
from evolsynth.llm.base import LLM, Capability
from evolsynth.methods.grounded.draft import Draft, Passage, Place
from evolsynth.methods.grounded.kind import KINDS, Kind
from evolsynth.methods.grounded.passages import passage_of
from evolsynth.methods.method import method
from evolsynth.methods.transformed.saying import able_to_say
from evolsynth.options import Count, Natural, Several
from evolsynth.prompts import lists_hash, load_prompt, prompt_family
from evolsynth.rows import Row, derive_seed
from evolsynth.streams import Rows, map_rows

if TYPE_CHECKING:
    from evolsynth.methods.steering import Steering

__all__ = ["EXHAUSTED", "LEAST_TOKEN", "grounded", "kinds_of"]

_METHOD, _FLUENT, _KINDS = "grounded", "grounded/fluent", "kinds"
#: What the lowest token of a question must have, in nats: of 22 questions that a reader refused 12
#: had one below this, of 70 that he kept 3.
LEAST_TOKEN = -7.0
#: The reason of the row that says how many tasks a text did not give.
EXHAUSTED = reason(
    "text_exhausted",
    "The text gives fewer tasks than were asked for.",
    "Ask for fewer tasks of each text (each), allow more kinds, or give longer texts.",
)


@method(
    shape="expand",
    needs=["input"],
    gives=["instruction", "response", "input"],
    role="judge",
)
async def grounded(
    rows: Rows,
    llm: LLM,
    *,
    each: Several = 4,
    answerer: LLM | None = None,
    others: Natural = 2,
    kinds: Mapping[str, float] | None = None,
    omit: Sequence[str] = (),
    least_token: Annotated[float, msgspec.Meta(le=0)] | None = LEAST_TOKEN,
    seed: int = 0,
    concurrency: Count | None = None,
    steering: Steering | None = None,
) -> AsyncGenerator[Row]:
    """Tasks about each row's text, with answers that stand in it: up to ``each`` rows for each.

    Their kinds are drawn by weight, each once before any comes again, and no two are about the same
    fact of a text. What is made is looked at by the gate's checks, and its answer gone through
    again, before it is taken. A text that gives fewer is followed by a rejected row with the reason
    ``text_exhausted``, so that nothing is short without being counted. Settled rows pass through;
    a row without a text has failed.

    Args:
        each: how many tasks are made of a text at most.
        others: further questions about the text that each row keeps, with their answers, in
            ``provenance["instruction"]["others"]`` at most: `follow_up` goes on with them, and
            `evolve` asks one as well.
        answerer: what is asked by kinds that ask a model; by default the one that judges.
        kinds: kinds of tasks and how often each is wanted beside the others, as ``{year: 1, why:
            2}``; by default all by their own weights, those that ask a model only of a larger one.
        omit: kinds of tasks that are not made.
        least_token: a question that a program made is dropped where the model gives one of its
            tokens a log-probability (in nats) below this; null asks the model nothing, and
            so does a back end that tells none.

    Raises:
        InputError: there is no such kind, or no weight is above 0.
        CapabilityError: the back end cannot do what a kind asked for by name needs.
    """
    answerer = answerer or llm
    wanted = kinds_of(kinds, answerer, omit=omit)
    asked = llm if Capability.LOGPROBS in llm.capabilities else None
    judge = _Judge(asked if least_token is not None else None, least_token or 0.0)

    async def work(row: Row) -> tuple[Row, ...]:
        passage = passage_of(row)
        if _in_part(row, passage):  # the title is of more than what is shown
            passage = passage._replace(title="")
        refused: dict[str, str] = {}
        now = wanted if steering is None else await _steered(steering, row, wanted)
        chosen = await _chosen(
            passage, row, now, answerer, judge, each=each, seed=seed, refused=refused
        )
        if steering is not None:
            chosen = [_drawn(draft) for draft in chosen]
        spare = await _spare(passage, row, wanted, answerer, judge, chosen, most=others, seed=seed)
        made = [_row(row, draft, seed, number, spare) for number, draft in enumerate(chosen)]
        if len(made) < each:
            made.append(_shortfall(row, seed, len(made), each, refused))
        return tuple(made)

    width = llm.concurrency if concurrency is None else concurrency
    async with aclosing(map_rows(rows, work, step=_METHOD, concurrency=width)) as stream:
        async for row in stream:
            yield row


async def _steered(
    steering: Steering, row: Row, wanted: Sequence[tuple[Kind, float]]
) -> list[tuple[Kind, float]]:
    """The kinds to make of a row where the run has come to it, and their weights."""
    usual = {kind.name: weight for kind, weight in wanted}
    tasks = {kind.name: kind.task for kind, _ in wanted}
    weights = await steering.weights(row, _KINDS, usual, tasks)
    return [(kind, weights[kind.name]) for kind, _ in wanted if weights[kind.name] > 0]


def _drawn(draft: Draft) -> Draft:
    """The draft, which says of what kind it was to be."""
    from evolsynth.methods.steering import DRAWN

    return draft._replace(told={**draft.told, DRAWN: {_KINDS: draft.kind}})


def _in_part(row: Row, passage: Passage) -> bool:
    """Whether a passage is told to be a part of its document."""
    part = row.extra.get("part")
    return bool(passage.heading) or (isinstance(part, int) and part > 1)


def kinds_of(
    asked: Mapping[str, float] | None, llm: LLM, *, omit: Sequence[str] = ()
) -> list[tuple[Kind, float]]:
    """The kinds to make and their weights, without those of weight 0 and those to ``omit``; without
    a choice of them those that ask a model only where it is a larger one (`prompt_family`).

    Raises:
        InputError: there is no such kind, or no weight is above 0.
        CapabilityError: the back end cannot do what a kind asked for by name needs.
    """
    for name in (*(asked or ()), *omit):
        if name not in KINDS:
            raise InputError(f"There is no kind of task '{name}'. {did_you_mean(name, KINDS)}")
    if asked is None:
        larger = prompt_family(llm) != "small" and Capability.CHAT in llm.capabilities
        weights = {name: k.weight for name, k in KINDS.items() if larger or not k.asks}
    else:
        weights = dict(asked)
    for name, weight in weights.items():
        if weight < 0:
            raise InputError(f"The weight of '{name}' is {weight:g}: it must be 0 or more.")
    found = [(KINDS[name], w) for name, w in weights.items() if w > 0 and name not in omit]
    if not found:
        raise InputError("No kind of task has a weight above 0. Give one some weight.")
    if asked is not None and any(kind.asks for kind, _ in found):
        able_to_say(llm, by=_METHOD)
    return found


#: The task of kinds among which further questions are looked for, and how many of these are tried
#: for each that is wanted.
_ASKING, _LOOKS = "extraction", 4


class _Judge(NamedTuple):
    """The model as a judge of questions that a program made; without a model, of none."""

    llm: LLM | None
    least: float

    async def fluent(self, draft: Draft, row: Row) -> Draft | None:
        """The draft with what the model finds of its question; None where that is too odd."""
        question, answer = draft.ground.get("question"), draft.ground.get("answer")
        asks = draft.ground.get("kind") == "span" and isinstance(question, str)
        if self.llm is None or not asks or not draft.evidence:
            return draft
        file = load_prompt(_FLUENT)
        prompt = file.render(
            title=str(row.extra.get("title") or ""),
            sentence=draft.evidence[0].of(draft.input),
            answer=answer,
        )
        found = await self.llm.score(prompt, f" {question}")
        lowest = min(token.logprob for token in found.logprobs)
        if lowest < self.least:
            return None
        scores = {"question_likely": round(found.mean, 4), "question_lowest": round(lowest, 4)}
        how = {**self.llm.provenance, **file.provenance}
        return draft._replace(told={**draft.told, "scores": scores, "judged": how})


class _Found(NamedTuple):
    """What was made of one kind, and not looked at yet."""

    kind: Kind
    weight: float
    drafts: list[Draft]


async def _chosen(
    passage: Passage,
    row: Row,
    wanted: Sequence[tuple[Kind, float]],
    llm: LLM,
    judge: _Judge,
    *,
    each: int,
    seed: int,
    refused: dict[str, str],
) -> list[Draft]:
    """The drafts for a passage: kinds drawn by weight, all before one comes again.

    ``refused`` is told of kinds whose model could not be asked.
    """
    random = Random(derive_seed(seed, _METHOD, row.id))  # noqa: S311
    pools: dict[str, _Found] = {}
    taken: list[Draft] = []
    left = list(wanted)
    while left and len(taken) < each:
        again: list[tuple[Kind, float]] = []
        while left and len(taken) < each:
            at = random.choices(range(len(left)), [weight for _, weight in left])[0]
            kind, weight = left.pop(at)
            if kind.name not in pools:
                own = Random(derive_seed(seed, f"{_METHOD}/{kind.name}", row.id))  # noqa: S311
                drafts = await _drafts(kind, passage, own, llm, refused)
                pools[kind.name] = _Found(kind, weight, drafts)
            draft = await _first_good(pools[kind.name].drafts, taken, row, judge)
            if draft is not None:
                taken.append(draft)
                again.append((kind, weight))
        left = again
    return taken


async def _drafts(
    kind: Kind, passage: Passage, random: Random, llm: LLM, refused: dict[str, str]
) -> list[Draft]:
    """The drafts of a kind; none where its model refuses, which takes no other kind with it."""
    try:
        return await kind.drafts(passage, random, llm)
    except RequestError as error:
        if not kind.asks:
            raise
        refused[kind.name] = str(error)
        return []


async def _spare(
    passage: Passage,
    row: Row,
    wanted: Sequence[tuple[Kind, float]],
    llm: LLM,
    judge: _Judge,
    taken: Sequence[Draft],
    *,
    most: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Questions about a passage beside the tasks that were taken, each with its bare answer."""
    random = Random(derive_seed(seed, f"{_METHOD}/others", row.id))  # noqa: S311
    kinds = [kind for kind, _ in wanted if kind.task == _ASKING and not kind.asks]
    random.shuffle(kinds)
    found: list[Draft] = []
    for kind in kinds[: _LOOKS * most]:
        if len(found) == most:
            break
        drafts = await kind.drafts(passage, Random(random.random()), llm)  # noqa: S311
        asked = [
            draft
            for draft in drafts
            if draft.ground.get("kind") == "span"
            and not any(_shares(draft, one) for one in (*taken, *found))
        ]
        draft = await _first_good(asked, [*taken, *found], row, judge)
        if draft is not None:
            found.append(draft)
    return [_other(draft) for draft in found]


def _other(draft: Draft) -> dict[str, Any]:
    answer = str(draft.ground["answer"])
    return {
        "instruction": draft.ground["question"],
        "response": f"{answer[:1].upper()}{answer[1:]}.",
        "ground": {**draft.ground, "form": "{span}"},
        "evidence": [{"start": place.start, "end": place.end} for place in draft.evidence],
    }


async def _first_good(
    drafts: list[Draft], taken: list[Draft], row: Row, judge: _Judge
) -> Draft | None:
    """The first draft that nothing speaks against, of sentences not used if there is one.

    What is looked at is taken out of the list, whether it is good or not.
    """
    fresh = [draft for draft in drafts if not any(_shares(draft, one) for one in taken)]
    for draft in [*fresh, *(draft for draft in drafts if draft not in fresh)]:
        drafts.remove(draft)
        if any(_same_fact(draft, one) for one in taken) or not _good(draft, row):
            continue
        judged = await judge.fluent(draft, row)
        if judged is not None:
            return judged
    return None


def _shares(draft: Draft, other: Draft) -> bool:
    """Whether two drafts stand on a sentence in common."""
    return draft.input == other.input and any(
        _overlap(one, two) for one, two in itertools.product(draft.evidence, other.evidence)
    )


def _same_fact(draft: Draft, other: Draft) -> bool:
    return any(
        _overlap(one, two) for one, two in itertools.product(_facts(draft), _facts(other))
    ) or (draft.instruction == other.instruction)


def _facts(draft: Draft) -> tuple[Place, ...]:
    fact = draft.told.get("fact")
    return draft.evidence if fact is None else (Place(*fact),)


def _overlap(one: Place, two: Place) -> bool:
    return one.start < two.end and two.start < one.end


def _good(draft: Draft, row: Row) -> bool:
    """Whether no check of the gate objects to a draft, and its answer stands."""
    made = _row(row, draft, 0, 0)
    if any(part_findings(made, part) for part in ("instruction", "response")):
        return False
    kind, against = stands(made)
    return kind is not None and against is None


def _row(
    row: Row, draft: Draft, seed: int, number: int, others: Sequence[Mapping[str, Any]] = ()
) -> Row:
    """The row of a draft; ``others`` are further questions about its text with their answers."""
    told = {name: value for name, value in draft.told.items() if name != "fact"}
    scores, answered = told.pop("scores", {}), told.pop("answered", {})
    prompt = str(told.pop("prompt", f"{_METHOD}/{draft.kind}"))
    made: dict[str, Any] = {"method": _METHOD, "kind": draft.kind, "task": KINDS[draft.kind].task}
    made |= {"seed": seed, **({"others": list(others)} if others else {})}
    made |= {"prompt": prompt, "prompt_sha256": _hash(prompt), **told}
    evidence = [{"start": place.start, "end": place.end} for place in draft.evidence]
    carried = {name: value for name, value in row.extra.items() if name != "context"}
    return Row.make(
        draft.instruction,
        key=f"{_METHOD}/{seed}/{row.id}/{number}",
        method=_METHOD,
        parents=(row.id,),
        response=draft.response,
        scores=dict(scores),
        extra={**carried, "input": draft.input, "evidence": evidence},
        provenance={
            "instruction": made,
            "response": {**answered, "method": _METHOD, "ground": dict(draft.ground)},
        },
    )


def _hash(prompt: str) -> str:
    """The hash of a list of wordings; empty where there is no such list."""
    try:
        return lists_hash(prompt)
    except InputError:
        return ""


#: Columns that say which passage it was.
_NAMING = ("title", "heading", "source", "place", "part")


def _shortfall(row: Row, seed: int, made: int, wanted: int, refused: Mapping[str, str]) -> Row:
    """A rejected row that says of which passage there were fewer tasks, and how many."""
    ended = Row.make(
        key=f"{_METHOD}/{seed}/{row.id}/end",
        method=_METHOD,
        parents=(row.id,),
        extra={name: row.extra[name] for name in _NAMING if row.extra.get(name)},
    )
    told: dict[str, Any] = {"made": made, "wanted": wanted}
    return ended.reject(
        EXHAUSTED, **{EXHAUSTED: told | ({"refused": dict(refused)} if refused else {})}
    )
