"""Self-Instruct from contexts: queries that a text gives rise to.

After Wang et al., "Self-Instruct: Aligning Language Models with Self-Generated Instructions", arXiv
2212.10560, in the form in which it is used to make queries for an application out of its own
texts. The paper's loop, which starts from seed tasks and no texts, is `bootstrap_tasks`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple, Protocol

from evolsynth.columns import ColumnType
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.checks.self_instruct import (
    SAME_WORDING,
    degenerate,
    doubled,
    missing_input,
    personal,
    stray_answer,
)
from evolsynth.evaluation.text.rouge import rouge_l
from evolsynth.llm.base import LLM, Capability, Request, Sampling
from evolsynth.methods.family import PromptFamily, prompt_family
from evolsynth.methods.method import Options, method
from evolsynth.methods.self_instruct.classic import CLASSIC_TASK_SAMPLING, bare
from evolsynth.methods.self_instruct.small import SMALL_TASK_SAMPLING
from evolsynth.methods.self_instruct.writer import ask, ask_chat
from evolsynth.options import Count
from evolsynth.prompts import load_prompt
from evolsynth.rows import Failure, Message, Row, derive_seed
from evolsynth.streams import Rows, map_rows

__all__ = ["self_instruct"]

_METHOD = "self_instruct"
_QUERY_TOKENS = 60


def _needs(options: Options) -> dict[str, ColumnType]:
    field = options.get("field", "input")
    return {field: "text"} if isinstance(field, str) else {}


@method(
    shape="expand",
    needs=_needs,
    gives=["instruction"],
    keeps=False,
)
async def self_instruct(
    rows: Rows,
    llm: LLM,
    *,
    num_instructions: Count = 5,
    application_description: str = "AI assistant",
    criteria_for_query_generation: str | None = None,
    field: str = "input",
    seed: int = 0,
    prompts: PromptFamily | None = None,
    attempts: Count = 5,
    sampling: Sampling | None = None,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """Queries about each row's text, by Self-Instruct: ``num_instructions`` rows for each.

    Each has a query as its ``instruction``, without numbers or bullets, and the context's row as
    its parent. No two of a context are worded alike (ROUGE-L F1 of 0.7). A context that gives
    fewer in ``attempts`` is followed by a failed row that says how many were made. Settled rows
    pass through; a row without a context has failed.

    Args:
        num_instructions: queries for each context.
        application_description: what the queries are sent to.
        criteria_for_query_generation: what a query must be like; by default those of
            ``prompts/self_instruct/queries_classic.j2``. Small models cannot follow them.
        field: where the context stands: a field of the rows, also one of their own.
        prompts: ``small`` or ``classic``; by default by the model's size.
        attempts: requests for a context (classic: each for all that are missing) or for a query
            (small: each for one).
        sampling: how texts are drawn; by default as suits the prompts.

    Raises:
        InputError: a number below 1, unknown prompts, or criteria for a small model.
        CapabilityError: the back end cannot continue a raw prompt (small: begin with a text).
        TemplateError: the model's chat template is missing or broken.
    """
    for name, value in (("num_instructions", num_instructions), ("attempts", attempts)):
        if value < 1:
            raise InputError(f"{name} is {value}: it must be 1 or more.")
    family = prompt_family(llm, prompts)
    asker: _Asker
    if family == "classic":
        asker = _Classic(
            llm, application_description, criteria_for_query_generation, sampling, attempts, seed
        )
    elif criteria_for_query_generation is None:
        asker = _Small(llm, application_description, sampling, attempts, seed)
    else:
        raise InputError(
            "The prompts for small models take no criteria. Leave them out, or ask for "
            "prompts='classic'."
        )

    async def work(row: Row) -> tuple[Row, ...]:
        context = _context(row, field)
        queries = await asker.queries(row.id, context, num_instructions)
        made = [
            Row.make(
                query.text,
                key=f"{_METHOD}/{seed}/{number}",
                method=_METHOD,
                parents=(row.id,),
                provenance={"instruction": query.provenance},
            )
            for number, query in enumerate(queries)
        ]
        if len(made) < num_instructions:
            made.append(_shortfall(row, seed, len(made), num_instructions))
        return tuple(made)

    width = llm.concurrency if concurrency is None else concurrency
    async with aclosing(map_rows(rows, work, step=_METHOD, concurrency=width)) as stream:
        async for row in stream:
            yield row


def _context(row: Row, field: str) -> str:
    value = getattr(row, field) if field in Row.__struct_fields__ else row.extra.get(field)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"Row {row.id} has no text in its field '{field}'. Name another field.")
    return value.strip()


def _shortfall(row: Row, seed: int, made: int, wanted: int) -> Row:
    what = f"{made} of {wanted} instructions were made from row {row.id}."
    return Row.make(
        key=f"{_METHOD}/{seed}/end",
        method=_METHOD,
        parents=(row.id,),
        failure=Failure(step=_METHOD, error="Shortfall", message=what),
    )


class _Query(NamedTuple):
    text: str
    provenance: Mapping[str, Any]


class _Asker(Protocol):
    async def queries(self, name: str, context: str, count: int) -> list[_Query]:
        """As many queries as could be made, at most ``count``."""


class _Classic:
    """All that are missing are asked for at once, as lines."""

    def __init__(
        self,
        llm: LLM,
        application: str,
        criteria: str | None,
        sampling: Sampling | None,
        attempts: int,
        seed: int,
    ) -> None:
        llm.require(Capability.RAW_PROMPT, by="Self-Instruct")
        llm.template.render([Message("user", "?")])  # a broken one is told before any work
        self._llm, self._attempts, self._seed = llm, attempts, seed
        self._sampling = sampling or CLASSIC_TASK_SAMPLING
        self._file = load_prompt("self_instruct/queries_classic")
        asked = str(self._file.value("criteria")) if criteria is None else criteria
        self._fixed = {"application": application, "criteria": asked.strip()}

    async def queries(self, name: str, context: str, count: int) -> list[_Query]:
        """In the order in which they were written."""
        found: list[_Query] = []
        for attempt in range(self._attempts):
            question = self._file.part(
                "question",
                context=context,
                count=count - len(found),
                made=[query.text for query in found],
                **self._fixed,
            )
            made = await ask_chat(
                self._llm,
                [Message("user", question)],
                self._file,
                seed=derive_seed(self._seed, f"{_METHOD}/queries", name, attempt=attempt),
                sampling=self._sampling,
                max_tokens=_QUERY_TOKENS * (count + 1),
                attempt=attempt,
            )
            lines = [line for line in made.text.splitlines() if line.strip()]
            if made.completion.finish_reason == "length":
                lines = lines[:-1]  # the last one is not whole
            for line in lines:
                text = bare(line)
                if len(found) < count and not degenerate(text, kind="instruction"):
                    _add(found, _Query(text, {**made.provenance, "finish_reason": "stop"}))
            if len(found) == count:
                break
        return found


class _Small:
    """One is asked for at a time, as the next line of a list that has those before it."""

    def __init__(
        self, llm: LLM, application: str, sampling: Sampling | None, attempts: int, seed: int
    ) -> None:
        for capability in (Capability.RAW_PROMPT, Capability.PREFIX):
            llm.require(capability, by="Self-Instruct with prompts for small models")
        self._llm, self._application = llm, application
        self._attempts, self._seed = attempts, seed
        self._sampling = sampling or SMALL_TASK_SAMPLING
        self._file = load_prompt("self_instruct/queries_small")

    async def queries(self, name: str, context: str, count: int) -> list[_Query]:
        """Each begins otherwise than the one before it, as far as there are first words."""
        found: list[_Query] = []
        openings = self._file.value("openings")
        for attempt in range(self._attempts * count):
            seed = derive_seed(self._seed, f"{_METHOD}/queries", name, attempt=attempt)
            opening = openings[(seed + attempt) % len(openings)]
            request = Request(
                prompt=self._file.render(
                    application=self._application,
                    context=context,
                    made=[query.text for query in found],
                ),
                prefix=self._file.part("anchor", opening=opening),
                seed=seed,
                max_tokens=_QUERY_TOKENS,
                sampling=self._sampling,
                stop=("\n",),
            )
            made = await ask(self._llm, request, self._file, attempt=attempt, opening=opening)
            reason = made.completion.finish_reason
            wrong = degenerate(made.text, kind="instruction", finish_reason=reason)
            # it must share a word with the context, as an answer with its question
            strict = (personal, doubled, missing_input, lambda text: stray_answer(context, text))
            if not wrong and not any(check(made.text) for check in strict):
                _add(found, _Query(made.text, made.provenance))
            if len(found) == count:
                break
        return found


def _add(found: list[_Query], query: _Query) -> None:
    """Add a query that is not worded as one that is there."""
    if all(rouge_l(query.text, other.text) < SAME_WORDING for other in found):
        found.append(query)
