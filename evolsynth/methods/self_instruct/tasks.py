"""Self-Instruct's loop: from a few tasks by people to many by a model.

Wang et al., "Self-Instruct: Aligning Language Models with Self-Generated Instructions", arXiv
2212.10560, section 2. Each attempt shows eight tasks, six by people and two made before, asks for
another, and keeps it if it is new by ROUGE-L; then it is given an input and an output.

The pool of tasks grows, and still the same seed gives the same rows: attempts come in rounds of
`ROUND`, and what an attempt is shown depends only on what was accepted before the round before its
own. So two rounds can be under way at once, and nothing depends on which attempt is finished first.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

from evolsynth.columns import Columns
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.checks.self_instruct import (
    SAME_WORDING,
    conflicting_outputs,
    input_findings,
    list_findings,
    missing_input,
)
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.findings import Finding
from evolsynth.foreign import failure
from evolsynth.llm.base import LLM, Sampling
from evolsynth.methods.method import Options, method
from evolsynth.methods.self_instruct.pool import (
    LEAST_SEEDS,
    SeedTask,
    TaskPool,
    read_seeds,
    shipped_seeds,
)
from evolsynth.methods.self_instruct.small import SMALL_TASK_SAMPLING, SmallWriter
from evolsynth.methods.self_instruct.writer import (
    CLASSIC_TASK_SAMPLING,
    ClassicWriter,
    Draft,
    Instance,
    Plan,
    TaskWriter,
)
from evolsynth.options import Count, FilePath, Natural, Several, Share
from evolsynth.prompts import PromptFamily, prompt_family
from evolsynth.rows import Failure, Row, Verdict
from evolsynth.streams import ordered_map

__all__ = ["ROUND", "bootstrap_tasks"]

#: Attempts of a round. It is part of what a seed stands for: another number gives other rows.
ROUND = 32

_METHOD = "self_instruct"


def _columns(_: str, __: Options, ___: Columns) -> Columns:
    texts = ("instruction", "response", "task", "input")
    return Columns(
        dict.fromkeys(texts, "text"), {"is_classification": "of some tasks it is not known"}
    )


@method(
    shape="source",
    gives=["instruction", "response"],
    keeps=False,
    columns=_columns,
    command="self_instruct",
)
async def bootstrap_tasks(
    llm: LLM,
    *,
    answerer: LLM | None = None,
    n: Natural,
    seed: int = 0,
    seeds: FilePath | Sequence[SeedTask] | None = None,
    prompts: PromptFamily | None = None,
    subjects: Sequence[str] = (),
    by_rule: Share | None = None,
    candidates: Several = 4,
    instances: Several = 1,
    most_similar: float = SAME_WORDING,
    max_attempts: Count | None = None,
    sampling: Sampling | None = None,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """New tasks from seed tasks, by Self-Instruct, until ``n`` are accepted.

    Rows that were accepted, rejected and that failed come in the order of the attempts.

    A row's ``instruction`` is the task and, after a blank line, its input, where it needs one;
    its ``response`` is the output. ``extra`` has ``task``, ``input`` and ``is_classification``.
    A rejected attempt is a row with its reasons.

    Args:
        answerer: what gives the outputs; by default the model that writes the tasks. With ``small``
            prompts it gets task and input as a chat, and a classification's label is not asked for.
        n: how many tasks are to be accepted.
        seeds: tasks by people, at least 8, or a file of them (`read_seeds`); by
            default those that ship (`shipped_seeds`).
        prompts: ``small`` or ``classic``; by default by the model's size.
        subjects: what tasks are about, for the small family; by default those of its prompt file.
        by_rule: of all tasks, those that bring a text and whose answer a program makes by a rule,
            for the small family; by default half of those that bring a text, and none where
            ``subjects`` are given.
        candidates: how often at most a task, and then an instance, is asked for in one attempt,
            until there is nothing to be said against it.
        instances: of each task that works on an input, in a row each.
        most_similar: a task is new if its ROUGE-L F1 with every other is below this.
        max_attempts: after so many the run ends, and a failed row says how many were accepted;
            by default ten for each task asked for, and 64.
        sampling: how texts are drawn; by default as suits the prompts.

    Raises:
        InputError: a number is out of its range, there are too few seeds, or no such prompts.
        CapabilityError: the back end cannot continue a raw prompt (small: begin with a text).
        TemplateError: the model's chat template is missing or broken.
    """
    if seeds is None:
        tasks = shipped_seeds()
    else:
        tasks = read_seeds(seeds) if isinstance(seeds, str) else tuple(seeds)
    most = 10 * n + 2 * ROUND if max_attempts is None else max_attempts
    _check(n, tasks, candidates, instances, most_similar, most)
    family = prompt_family(llm, prompts)
    writer: TaskWriter
    if family == "small":
        writer = SmallWriter(
            llm,
            answerer,
            seed=seed,
            sampling=sampling or SMALL_TASK_SAMPLING,
            subjects=subjects,
            by_rule=by_rule,
        )
    else:
        writer = ClassicWriter(llm, answerer, seed=seed, sampling=sampling or CLASSIC_TASK_SAMPLING)
    loop = _Loop(writer, seed, tasks, candidates, instances, most_similar)
    # what is begun beyond the last task that is wanted is thrown away
    width = min(llm.concurrency, 2 * n + 8) if concurrency is None else concurrency
    attempts = ordered_map(
        range(most if n else 0), loop.attempt, concurrency=width, failed=loop.failed, name=_METHOD
    )
    async with aclosing(attempts) as stream:
        async for attempt in stream:
            for row in loop.settle(attempt):
                yield row
            if loop.pool.accepted == n:
                return
    if loop.pool.accepted < n:
        yield _shortfall(seed, loop.pool.accepted, n, most)


def _check(
    n: int,
    seeds: Sequence[SeedTask],
    candidates: int,
    instances: int,
    most_similar: float,
    max_attempts: int,
) -> None:
    for name, value, least in (
        ("n", n, 0),
        ("candidates", candidates, 1),
        ("instances", instances, 1),
        ("max_attempts", max_attempts, 1 if n else 0),
    ):
        if value < least:
            raise InputError(f"{name} is {value}: it must be {least} or more.")
    if not 0 < most_similar <= 1:
        raise InputError(f"most_similar is {most_similar}: it must be above 0 and at most 1.")
    if len(seeds) < LEAST_SEEDS:
        raise InputError(
            f"There are {len(seeds)} seed tasks, and {LEAST_SEEDS} are shown at once. Add some."
        )


def _shortfall(seed: int, accepted: int, n: int, attempts: int) -> Row:
    what = (
        f"{accepted} of {n} tasks were accepted in {attempts} attempts. Ask for fewer, give more "
        "max_attempts, or other seeds."
    )
    ended = Failure(step=_METHOD, error="Shortfall", message=what)
    return Row.make(key=f"{_METHOD}/{seed}/end", method=_METHOD, failure=ended)


class _Attempt(NamedTuple):
    """What came of an attempt: rows, and, if they may be accepted, the task."""

    number: int
    rows: tuple[Row, ...]
    task: str | None = None


class _Loop:
    """The pool, and all attempts on it. `attempt` may run at once, `settle` is called in order."""

    def __init__(
        self,
        writer: TaskWriter,
        seed: int,
        seeds: Sequence[SeedTask],
        candidates: int,
        instances: int,
        most_similar: float,
    ) -> None:
        self._writer, self._seed = writer, seed
        self._candidates, self._instances = candidates, instances
        self.pool = TaskPool(seeds, seed=seed, most_similar=most_similar)
        self._ended: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)

    async def attempt(self, number: int) -> _Attempt:
        """A task with its instances, and what is to be said against them."""
        this_round = number // ROUND
        if this_round >= 2:
            await self._ended[this_round - 2].wait()
        known = self.pool.made_before((this_round - 1) * ROUND)
        plan = self.pool.plan(number, known, input_share=self._writer.input_share)
        return await self._tried(plan, known)

    def failed(self, number: int, error: BaseException) -> _Attempt:
        """An attempt that came to nothing, whatever a back end raised."""
        row = Row.make(key=self._key(number), method=_METHOD)
        return _Attempt(number, (row.replace(failure=failure(_METHOD, error)),))

    def settle(self, attempt: _Attempt) -> tuple[Row, ...]:
        """The attempt's rows with their verdicts; an accepted task joins the pool."""
        rows = attempt.rows
        if attempt.task is not None:
            twin = self.pool.like_another(attempt.task)
            if twin is None:
                good = next(row for row in rows if not row.settled)
                self.pool.add(
                    attempt.task,
                    attempt=attempt.number,
                    name=good.id,
                    with_input=bool(good.extra["input"]),
                )
                rows = tuple(
                    row if row.settled else row.replace(verdict=Verdict(accepted=True))
                    for row in rows
                )
            else:
                rows = tuple(_rejected(row, [twin]) for row in rows)
        if (attempt.number + 1) % ROUND == 0:
            self._ended[attempt.number // ROUND].set()
        return rows

    async def _tried(self, plan: Plan, known: int) -> _Attempt:
        draft, findings = await self._proposed(plan, known)
        if findings:
            row = self._row(plan, draft, None, None, 0)
            return _Attempt(plan.number, (_rejected(row, findings),))
        label = await self._writer.is_classification(plan, draft)
        found = [await self._instance(plan, draft, label, 0)]
        if found[0][0].input:  # without an input there is nothing to vary
            for number in range(1, self._instances):
                found.append(await self._instance(plan, draft, label, number))
        rows = [
            _rejected(self._row(plan, draft, instance, label, number), wrong)
            for number, (instance, wrong) in enumerate(found)
        ]
        clash = conflicting_outputs([(one.input, one.output) for one, wrong in found if not wrong])
        if clash is not None:
            rows = [row if row.settled else _rejected(row, [clash]) for row in rows]
        good = any(not row.settled for row in rows)
        return _Attempt(plan.number, tuple(_distinct(rows)), draft.text if good else None)

    async def _proposed(self, plan: Plan, known: int) -> tuple[Draft, list[Finding]]:
        """The first draft with nothing against it, or the likeliest such; else the least bad."""
        tried: list[tuple[Draft, list[Finding]]] = []
        for candidate in range(self._candidates):
            draft = await self._writer.propose(plan, candidate)
            findings = list(draft.findings)
            if not findings and (twin := self.pool.like_another(draft.text, known)) is not None:
                findings.append(twin)
            tried.append((draft, findings))
            if not findings and not self._writer.ranked:
                break
        return min(tried, key=lambda one: (len(one[1]), -one[0].likely))

    async def _instance(
        self, plan: Plan, draft: Draft, label: bool, number: int
    ) -> tuple[Instance, list[Finding]]:
        """The first instance with nothing against it, or the one with the least."""
        tried: list[tuple[Instance, list[Finding]]] = []
        for candidate in range(number * self._candidates, (number + 1) * self._candidates):
            instance = await self._writer.instance(
                plan, draft, classification=label, candidate=candidate
            )
            tried.append((instance, self._against(plan, draft, instance, label)))
            if not tried[-1][1]:
                break
        return min(tried, key=lambda one: len(one[1]))

    def _against(self, plan: Plan, draft: Draft, instance: Instance, label: bool) -> list[Finding]:
        if "ground" in instance.made.get("response", {}):
            return list(instance.findings)  # it may repeat its input, and be as short as it likes
        found = input_findings(instance.input, instance.output)
        if any(made.get("finish_reason") == "length" for made in instance.made.values()):
            found.append(Finding("cut_off", {"why": "the model reached its token limit"}))
        if (missing := missing_input(draft.text, instance.input)) is not None:
            found.append(missing)
        found += instance.findings
        if not label:
            found += list_findings(draft.text, instance.output)
        if not label and not found:
            found += part_findings(self._row(plan, draft, instance, label, 0), "response")
        return found

    def _row(
        self,
        plan: Plan,
        draft: Draft,
        instance: Instance | None,
        label: bool | None,
        number: int,
    ) -> Row:
        text = instance.input if instance is not None else ""
        extra: dict[str, Any] = {"task": draft.text, "input": text}
        if label is not None:
            extra["is_classification"] = label
        made: Mapping[str, Any] = instance.made if instance is not None else {}
        shown = {"instruction": {**draft.made, "number": plan.number, "shots": list(plan.names)}}
        return Row.make(
            f"{draft.text}\n\n{text}" if text else draft.text,
            key=self._key(plan.number, number),
            method=_METHOD,
            response=instance.output if instance is not None else None,
            provenance={**shown, **made},
            extra=extra,
        )

    def _key(self, number: int, instance: int = 0) -> str:
        return f"{_METHOD}/{self._seed}/{number}/{instance}"


def _rejected(row: Row, findings: Sequence[Finding]) -> Row:
    if not findings:
        return row
    details = {finding.code: finding.detail for finding in findings}
    return row.reject(*(finding.code for finding in findings), **details)


def _distinct(rows: Sequence[Row]) -> list[Row]:
    """The rows without a second one that says the same."""
    seen: dict[tuple[str | None, str | None], Row] = {}
    for row in rows:
        seen.setdefault((row.instruction, row.response), row)
    return list(seen.values())
