"""The steps that come with this package: its methods, its gate, sources and columns.

Options are those of the method of the same name; see there. What a run brings, such as the model
and the seed, is filled in.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from evolsynth import data as _sources
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import Embedder
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.scores.response import (
    MARGINS,
    ResponseScore,
    by_ifd,
    by_judge,
    by_rules,
)
from evolsynth.llm.base import LLM, Sampling
from evolsynth.methods import generate as _generate
from evolsynth.methods import preference as _preference
from evolsynth.methods import respond as _respond
from evolsynth.methods.evol_instruct import evol_instruct as _evol
from evolsynth.methods.family import PromptFamily
from evolsynth.methods.magpie import magpie as _magpie
from evolsynth.methods.self_instruct import queries as _self_instruct
from evolsynth.methods.self_instruct import tasks as _bootstrap
from evolsynth.pipeline import joins
from evolsynth.pipeline.graph import ColumnType, Step
from evolsynth.pipeline.makers import StepMaker
from evolsynth.pipeline.values import only, renamed
from evolsynth.rows import Row
from evolsynth.streams import Rows, iterate

if TYPE_CHECKING:
    from evolsynth.pipeline.run.context import Context

__all__ = [
    "STEPS",
    "bootstrap_tasks",
    "evol_instruct",
    "evolve",
    "gate",
    "generate",
    "generate_rows",
    "group",
    "keep_columns",
    "load",
    "magpie",
    "merge",
    "origin_of",
    "preference",
    "rename",
    "respond",
    "self_instruct",
]

_ENDLESS = sys.maxsize


async def _load(
    data: Any,
    *,
    context: Context,
    fields: Mapping[str, str] | None = None,
    columns: Mapping[str, ColumnType] | Sequence[str] | None = None,
    skip_bad: bool = False,
    limit: int | None = None,
    chunk: int | None = None,
) -> AsyncGenerator[Row]:
    """Rows of data that is there; see `evolsynth.data.origin`."""
    place = origin_of(context.node.step)
    if place is None:
        raise InputError("load() reads what its own step was given.")
    async with aclosing(place.rows()) as rows:
        async for row in rows:
            yield row


#: One for each step: a generator of the user's own, once begun to see its columns, is read on
#: from there, and its first row is not lost.
_ORIGINS: WeakKeyDictionary[Step, _sources.Origin] = WeakKeyDictionary()


def origin_of(step: Step) -> _sources.Origin | None:
    """What a ``load`` step reads from, always the same for a step; None for other steps.

    Raises:
        InputError: it is not there.
    """
    if step.function is not _load:
        return None
    if step not in _ORIGINS:
        _ORIGINS[step] = _sources.origin(**step.parameters)
    return _ORIGINS[step]


async def _magpie_rows(
    llm: LLM,
    *,
    n: int | None = None,
    seed: int = 0,
    system_prompt: Any = None,
    topic: str | None = None,
    n_turns: int = 1,
    end_with_user: bool = False,
    only_instruction: bool | None = None,
    include_system_prompt: bool = False,
    candidates: int | None = None,
    embedder: Embedder | None = None,
    on_topic: float | None = None,
    sampling: Sampling = _magpie.INSTRUCTION_SAMPLING,
    max_tokens: int = 96,
    concurrency: int | None = None,
) -> AsyncGenerator[Row]:
    """N instructions by Magpie, or, without ``n``, as many as the run's budget asks for."""
    if n is not None and n < 0:
        raise InputError(f"magpie(): n is {n}: give a number of rows from 0.")
    stream = _magpie.magpie(
        llm,
        n=_ENDLESS if n is None else n,
        seed=seed,
        system_prompt=system_prompt,
        topic=topic,
        n_turns=n_turns,
        end_with_user=end_with_user,
        only_instruction=only_instruction,
        include_system_prompt=include_system_prompt,
        candidates=candidates,
        embedder=embedder,
        on_topic=on_topic,
        sampling=sampling,
        max_tokens=max_tokens,
        concurrency=concurrency,
    )
    async with aclosing(stream) as rows:
        async for row in rows:
            yield row


async def _evolve(
    rows: Rows,
    llm: LLM,
    *,
    rounds: int = 1,
    seed: int = 0,
    gate: Gate | None = None,
    candidates: int = 8,
    good_enough: float = 0.75,
    operations: Mapping[str, float] | None = None,
    prompts: PromptFamily | None = None,
    store_evolutions: bool = True,
    include_original_instruction: bool = True,
    generate_answers: bool = False,
    ask_for_gain: bool | None = None,
    sampling: Sampling | None = None,
    max_tokens: int | None = None,
    concurrency: int | None = None,
) -> AsyncGenerator[Row]:
    """Evol-Instruct in so many rounds; as `evol_instruct`, which calls them ``num_evolutions``."""
    stream = _evol.evol_instruct(
        rows,
        llm,
        num_evolutions=rounds,
        seed=seed,
        gate=gate,
        candidates=candidates,
        good_enough=good_enough,
        operations=operations,
        prompts=prompts,
        store_evolutions=store_evolutions,
        include_original_instruction=include_original_instruction,
        generate_answers=generate_answers,
        ask_for_gain=ask_for_gain,
        sampling=sampling,
        max_tokens=max_tokens,
        concurrency=concurrency,
    )
    async with aclosing(stream) as made:
        async for row in made:
            yield row


async def _generate_rows(
    llm: LLM,
    *,
    prompt: str,
    n: int | None = None,
    output: str = "instruction",
    system: str | None = None,
    chat: bool = True,
    prefix: str = "",
    stop: Sequence[str] = (),
    grammar: str | None = None,
    seed: int = 0,
    sampling: Sampling = Sampling(),  # noqa: B008 - it cannot be changed
    max_tokens: int = 256,
    concurrency: int | None = None,
) -> AsyncGenerator[Row]:
    """N new rows from one prompt, or, without ``n``, as many as the run's budget asks for."""
    stream = _generate.generate(
        None,
        llm,
        prompt=prompt,
        output=output,
        n=_ENDLESS if n is None else n,
        system=system,
        chat=chat,
        prefix=prefix,
        stop=stop,
        grammar=grammar,
        seed=seed,
        sampling=sampling,
        max_tokens=max_tokens,
        concurrency=concurrency,
    )
    async with aclosing(stream) as made:
        async for row in made:
            yield row


async def _gated(
    rows: Rows, *, context: Context, settings: Mapping[str, Any] | str | None = None
) -> AsyncGenerator[Row]:
    """Accept rows, or reject them with reasons; see `Gate.check`.

    ``settings`` are the gate's, as a mapping or the path of a YAML file (``evolsynth gates
    --yaml`` prints one).
    """
    async with aclosing(context.gate(settings).check(rows)) as checked:
        async for row in checked:
            yield row


async def _preferred(
    rows: Rows,
    llm: LLM | None,
    *,
    context: Context,
    score: Literal["rules", "ifd", "judge"] = "rules",
    margin: float | None = None,
    least: float | None = None,
    seed: int = 0,
    concurrency: int | None = None,
) -> AsyncGenerator[Row]:
    """Of a row's responses the best as ``chosen`` and the worst as ``rejected``; see `preference`.

    Args:
        score: how responses are compared. ``rules``: by how many of the gate's checks of responses
            find something, which asks no model. ``ifd`` or ``judge``: by the step's model. In
            Python also a function of a row with one of the responses.
        margin: by how much the best must win; by default one finding, 0.1 of IFD, or half a level
            of a judge's six.
        least: what the best must reach; by default 0, which is no finding, with ``rules``.
    """
    made = _score(score, llm, context, seed)
    stream = _preference.preference(
        rows,
        score=made,
        margin=MARGINS.get(score, 0.0) if margin is None else margin,
        least=0.0 if least is None and score == "rules" else least,
        concurrency=4 if concurrency is None else concurrency,
    )
    async with aclosing(stream) as pairs:
        async for row in pairs:
            yield row


def _score(score: Any, llm: LLM | None, context: Context, seed: int) -> ResponseScore:
    """By which responses are compared; a function is taken as it is, though YAML has none."""
    if callable(score):
        own: ResponseScore = score
        return own
    if score == "rules":
        return by_rules(context.shared.settings)
    if llm is None or score not in MARGINS:
        raise InputError(
            f"preference(): there is no score {score!r:.60}. Take {', '.join(sorted(MARGINS))}, or "
            "give a function of a row."
        )
    return by_ifd(llm) if score == "ifd" else by_judge(llm, seed=seed)


async def _rename(rows: Rows, columns: Mapping[str, str]) -> AsyncGenerator[Row]:
    """Rename columns: ``rename({"generation": "response"})``."""
    async with aclosing(iterate(rows)) as source:
        async for row in source:
            yield renamed(row, columns)


async def _keep_columns(rows: Rows, columns: Sequence[str]) -> AsyncGenerator[Row]:
    """Keep these columns and take the others away; ids, verdicts and provenance always stay."""
    async with aclosing(iterate(rows)) as source:
        async for row in source:
            yield only(row, columns)


load = StepMaker(_load, kind="load", shape="source", gives=None, keeps=False)
magpie = StepMaker(
    _magpie_rows, kind="magpie", shape="source", gives=["instruction"], keeps=False, settled=True
)
generate_rows = StepMaker(
    _generate_rows, kind="generate_rows", shape="source", gives=None, keeps=False, settled=True
)
bootstrap_tasks = StepMaker(
    _bootstrap.bootstrap_tasks,
    shape="source",
    gives=["instruction", "response"],
    keeps=False,
    settled=True,
)
self_instruct = StepMaker(
    _self_instruct.self_instruct,
    shape="expand",
    needs=["input"],
    gives=["instruction"],
    keeps=False,
    settled=True,
)
evolve = StepMaker(
    _evolve,
    kind="evolve",
    shape="expand",
    needs=["instruction"],
    gives=["instruction"],
    settled=True,
)
evol_instruct = StepMaker(
    _evol.evol_instruct,
    shape="expand",
    needs=["instruction"],
    gives=["instruction"],
    settled=True,
)
respond = StepMaker(
    _respond.respond, shape="map", needs=["instruction"], gives=["response"], settled=True
)
generate = StepMaker(_generate.generate, shape="map", gives=None, settled=True, without=["n"])
preference = StepMaker(
    _preferred,
    kind="preference",
    shape="map",
    needs={"instruction": "text", "responses": "any"},
    gives={"chosen": "text", "rejected": "text"},
    settled=True,
)
gate = StepMaker(_gated, kind="gate", shape="map", needs=["instruction"], settled=True)
rename = StepMaker(_rename, kind="rename", shape="map", gives=None)
keep_columns = StepMaker(_keep_columns, kind="keep_columns", shape="map", gives=None)
merge = StepMaker(joins.merge, shape="join", settled=True)
group = StepMaker(joins.group, shape="join", gives=None, settled=True)

#: All of them by the names that YAML files use.
STEPS: Mapping[str, StepMaker] = {
    maker.kind: maker
    for maker in (
        load,
        magpie,
        bootstrap_tasks,
        generate_rows,
        self_instruct,
        evolve,
        evol_instruct,
        respond,
        generate,
        preference,
        gate,
        rename,
        keep_columns,
        merge,
        group,
    )
}
