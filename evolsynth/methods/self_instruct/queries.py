"""Self-Instruct from contexts: queries that a text gives rise to.

After Wang et al., "Self-Instruct: Aligning Language Models with Self-Generated Instructions", arXiv
2212.10560, in the form in which it is used to make queries for an application out of its own
texts. The paper's loop, which starts from seed tasks and no texts, is `bootstrap_tasks`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing

from evolsynth.columns import Columns, ColumnType
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
from evolsynth.methods.method import Options, method
from evolsynth.methods.respond import able_to_answer
from evolsynth.methods.self_instruct.small import SMALL_TASK_SAMPLING
from evolsynth.methods.self_instruct.writer import CLASSIC_TASK_SAMPLING, Made, ask, ask_chat, bare
from evolsynth.options import Count, Several
from evolsynth.prompts import PromptFamily, load_prompt, prompt_family
from evolsynth.rows import Failure, Message, Row, derive_seed
from evolsynth.streams import Rows, map_rows

__all__ = ["self_instruct"]

_METHOD = "self_instruct"
_QUERY_TOKENS = 60


#: What a row says of the text that it is about, and its queries too.
_ABOUT = ("title", "heading", "source", "place", "part")


def _needs(options: Options) -> dict[str, ColumnType]:
    field = options.get("field", "input")
    return {field: "text"} if isinstance(field, str) else {}


def _columns(_: str, options: Options, came: Columns) -> Columns:
    """A query has its text, and what the text's row says of it."""
    has: dict[str, ColumnType] = {"instruction": "text", "input": "text"}
    told = [name for name in _ABOUT if name != options.get("field")]
    has |= {name: kind for name, kind in came.has.items() if name in told}
    sometimes = {name: why for name, why in came.sometimes.items() if name in told}
    return Columns(has, sometimes, came.open)


@method(
    shape="expand",
    needs=_needs,
    gives=["instruction", "input"],
    keeps=False,
    columns=_columns,
)
async def self_instruct(
    rows: Rows,
    llm: LLM,
    *,
    num_instructions: Several = 5,
    application_description: str = "AI assistant",
    criteria_for_query_generation: str | None = None,
    field: str = "input",
    seed: int = 0,
    prompts: PromptFamily | None = None,
    attempts: Several = 5,
    sampling: Sampling | None = None,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """Queries about each row's text, by Self-Instruct: ``num_instructions`` rows for each.

    Each has a query as its ``instruction``, without numbers or bullets, the context as its
    ``input``, so that it is answered from it, and the context's row as its parent; ``title``,
    ``heading``, ``source``, ``place`` and ``part`` of that row stay with it. No two of a context
    are worded alike (ROUGE-L F1 of 0.7). A context that gives fewer in ``attempts`` is followed by
    a failed row that says how many were made. Settled rows pass through; a row without a context
    has failed.

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
    if family == "classic":
        about = {"application": application_description, "criteria": criteria_for_query_generation}
        asker = _classic(llm, about, sampling or CLASSIC_TASK_SAMPLING, attempts, seed)
    elif criteria_for_query_generation is None:
        small = sampling or SMALL_TASK_SAMPLING
        asker = _small(llm, application_description, small, attempts, seed)
    else:
        raise InputError(
            "The prompts for small models take no criteria. Leave them out, or ask for "
            "prompts='classic'."
        )

    async def work(row: Row) -> tuple[Row, ...]:
        context = _context(row, field)
        about = {n: row.extra[n] for n in _ABOUT if n in row.extra and n != field}
        queries = await asker(row.id, context, num_instructions)
        made = [
            Row.make(
                query.text,
                key=f"{_METHOD}/{seed}/{number}",
                method=_METHOD,
                parents=(row.id,),
                provenance={"instruction": query.provenance},
            ).replace(extra={"input": context, **about})  # the id says what is new
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


#: Gives as many queries as could be made of a context, at most so many, by the name of its row.
_Asker = Callable[[str, str, int], Awaitable[list[Made]]]


def _classic(
    llm: LLM, about: Mapping[str, str | None], sampling: Sampling, attempts: int, seed: int
) -> _Asker:
    """All that are missing are asked for at once, as lines."""
    able_to_answer(llm, by="Self-Instruct")
    file = load_prompt("self_instruct/queries_classic")
    criteria = about["criteria"]
    criteria = (str(file.value("criteria")) if criteria is None else criteria).strip()

    async def queries(name: str, context: str, count: int) -> list[Made]:
        found: list[Made] = []
        for attempt in range(attempts):
            question = file.part(
                "question",
                context=context,
                count=count - len(found),
                made=[query.text for query in found],
                application=about["application"],
                criteria=criteria,
            )
            made = await ask_chat(
                llm,
                [Message("user", question)],
                file,
                seed=derive_seed(seed, f"{_METHOD}/queries", name, attempt=attempt),
                sampling=sampling,
                max_tokens=_QUERY_TOKENS * (count + 1),
                attempt=attempt,
            )
            lines = [line for line in made.text.splitlines() if line.strip()]
            if made.completion.finish_reason == "length":
                lines = lines[:-1]  # the last one is not whole
            told = {**made.provenance, "finish_reason": "stop"}
            for text in map(bare, lines):
                if len(found) < count and not degenerate(text, kind="instruction"):
                    _add(found, made._replace(text=text, provenance=told))
            if len(found) == count:
                break
        return found

    return queries


def _small(llm: LLM, application: str, sampling: Sampling, attempts: int, seed: int) -> _Asker:
    """One is asked for at a time, as the next line of a list that has those before it."""
    for capability in (Capability.RAW_PROMPT, Capability.PREFIX):
        llm.require(capability, by="Self-Instruct with prompts for small models")
    file = load_prompt("self_instruct/queries_small")
    openings = file.value("openings")

    async def queries(name: str, context: str, count: int) -> list[Made]:
        """Each begins otherwise than the one before it, as far as there are first words."""
        found: list[Made] = []
        for attempt in range(attempts * count):
            own = derive_seed(seed, f"{_METHOD}/queries", name, attempt=attempt)
            opening = openings[(own + attempt) % len(openings)]
            shown = [query.text for query in found]
            request = Request(
                prompt=file.render(application=application, context=context, made=shown),
                prefix=file.part("anchor", opening=opening),
                seed=own,
                max_tokens=_QUERY_TOKENS,
                sampling=sampling,
                stop=("\n",),
            )
            made = await ask(llm, request, file, attempt=attempt, opening=opening)
            reason = made.completion.finish_reason
            wrong = degenerate(made.text, kind="instruction", finish_reason=reason)
            # it must share a word with the context, as an answer with its question
            strict = (personal, doubled, missing_input, lambda text: stray_answer(context, text))
            if not wrong and not any(check(made.text) for check in strict):
                _add(found, made)
            if len(found) == count:
                break
        return found

    return queries


def _add(found: list[Made], query: Made) -> None:
    """Add a query that is not worded as one that is there."""
    if all(rouge_l(query.text, other.text) < SAME_WORDING for other in found):
        found.append(query)
