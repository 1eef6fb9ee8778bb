"""Magpie: a chat model, given only what stands before a user's words, writes such words.

Xu et al., "Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with
Nothing", arXiv 2406.08464, section 2.1. What differs here: the pre-query template is cut out of
the model's own chat template with its default system turn in it, without which SmolLM2 writes
debris instead of requests; and most rows are given their first words, without which a model this
small asks nearly always the same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from evolsynth.errors import EvolsynthError, InputError
from evolsynth.llm.base import LLM, Capability, Request, Sampling
from evolsynth.methods.provenance import made_by, prompt_hash
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row, derive_seed
from evolsynth.streams import failure, ordered_map

__all__ = ["INSTRUCTION_SAMPLING", "magpie"]

#: Temperature 1 as in the paper; min-p cuts the tail that makes a small model lose its thread.
INSTRUCTION_SAMPLING = Sampling(temperature=1.0, top_k=64, top_p=1.0, min_p=0.08)


async def magpie(
    llm: LLM,
    *,
    n: int,
    seed: int = 0,
    system: str | None = None,
    sampling: Sampling = INSTRUCTION_SAMPLING,
    max_tokens: int = 96,
    stop: Sequence[str] = ("\n",),
    openings: Sequence[str] | None = None,
    concurrency: int | None = None,
) -> AsyncGenerator[Row]:
    """Yield ``n`` rows with an instruction, in plan order.

    ``system`` takes the place of the model's default system turn. An instruction ends with its
    first line, as in the authors' own scripts: what a small model writes after that is seldom
    part of the request (``stop=()`` keeps it). Each row begins with one of ``openings``, drawn
    evenly; None takes those of ``prompts/magpie/openings.j2``, ``("",)`` is the paper's method.

    Row ``i`` depends on ``seed`` and ``i`` alone, so a longer run begins with the rows of a
    shorter one. A row whose request fails is yielded as failed.

    Raises:
        InputError: ``n`` is negative.
        CapabilityError: the back end cannot continue a raw prompt.
        TemplateError: the model's chat template is missing or has no system role.
    """
    if n < 0:
        raise InputError(f"n is {n}: it must be 0 or more.")
    llm.require(Capability.RAW_PROMPT, by="Magpie")
    file = load_prompt("magpie/openings")
    choices = tuple(file.value("openings") if openings is None else openings) or ("",)
    if any(choices):
        llm.require(Capability.PREFIX, by="Magpie with openings")
    prompt = llm.template.pre_query(system)
    stops = tuple(s for s in (*stop, llm.template.turn_end()) if s)
    source = {
        **(file.provenance if openings is None else {}),
        "template_sha256": prompt_hash(prompt),
    }

    def plan(index: int) -> Request:
        draw = derive_seed(seed, "magpie/opening", str(index))
        return Request(
            prompt=prompt,
            seed=derive_seed(seed, "magpie", str(index)),
            max_tokens=max_tokens,
            sampling=sampling,
            stop=stops,
            prefix=choices[draw % len(choices)],
        )

    async def one(index: int) -> Row:
        return await _sample(llm, plan(index), source, key=f"magpie/{seed}/{index}", system=system)

    rows = ordered_map(
        range(n), one, concurrency=llm.concurrency if concurrency is None else concurrency
    )
    async with aclosing(rows) as stream:
        async for row in stream:
            yield row


async def _sample(
    llm: LLM, request: Request, source: Mapping[str, str], *, key: str, system: str | None
) -> Row:
    """One instruction, or a failed row."""
    try:
        completion = await llm.complete(request)
    except EvolsynthError as error:
        row = Row.make(key=key, method="magpie", system=system)
        return row.replace(failure=failure("magpie", error))
    made = made_by(llm, request, completion, source)
    return Row.make(
        completion.text.strip(),
        key=key,
        method="magpie",
        system=system,
        provenance={"instruction": made},
    )
