"""Evol-Instruct: make an instruction ask for more, and lose nothing of it.

Xu et al., "WizardLM: Empowering Large Language Models to Follow Complex Instructions", arXiv
2304.12244, section 3. The paper lets a large model rewrite the instruction; at 135M parameters
no such rewrite was usable. Here the rewrite is *anchored*: the answer is made to begin with the
instruction as it is and a connector such as "Limit your answer to", and the small model goes on
from there, after three examples. So it adds, and cannot drop.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import MappingProxyType

from evolsynth.errors import EvolsynthError, InputError
from evolsynth.evaluation.findings import Finding
from evolsynth.evaluation.gate import evolution_findings
from evolsynth.llm.base import LLM, Capability, Request, Sampling
from evolsynth.methods.provenance import made_by
from evolsynth.prompts import PromptFile, load_prompt, prompt_names
from evolsynth.rows import Row, derive_seed
from evolsynth.streams import Rows, failure, map_rows

__all__ = ["EVOLUTION_SAMPLING", "OPERATIONS", "evol_instruct"]

#: A demand is short and must fit: drawn closer to the likeliest than an instruction is.
EVOLUTION_SAMPLING = Sampling(temperature=0.7, top_k=64, top_p=0.9)

#: How often each operation is chosen, by the share of its evolutions that read well.
OPERATIONS: Mapping[str, float] = MappingProxyType(
    {"limit": 3.0, "format": 3.0, "avoid": 1.0, "also": 1.0, "example": 2.0, "reason": 1.0}
)

_METHOD = "evol_instruct"
_ROTATIONS = 2
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")

Check = Callable[[str, str, Sequence[str], str], Sequence[Finding]]


async def evol_instruct(
    rows: Rows,
    llm: LLM,
    *,
    seed: int = 0,
    operations: Mapping[str, float] = OPERATIONS,
    attempts: int = 4,
    include_original_instruction: bool = True,
    sampling: Sampling = EVOLUTION_SAMPLING,
    max_tokens: int = 48,
    check: Check = evolution_findings,
    concurrency: int | None = None,
) -> AsyncGenerator[Row]:
    """Yield, for each live row, the row itself and then its evolution (one round).

    Each attempt draws an operation by the weights of ``operations`` and asks for one added
    demand; the first to which ``check`` (original, evolved, demands of the
    examples, finish reason) has no
    objection is taken, or else the one with the fewest, for the gate to reject. Settled rows
    pass through. An evolution whose request fails is yielded as failed; its original stays.

    Raises:
        InputError: an unknown operation, weights that cannot be drawn from, or no attempts.
        CapabilityError: the back end cannot begin its answer with a given text.
    """
    if attempts < 1:
        raise InputError(f"attempts is {attempts}: it must be at least 1.")
    files = _operation_files(operations)
    llm.require(Capability.RAW_PROMPT, by="Evol-Instruct")
    llm.require(Capability.PREFIX, by="Evol-Instruct")

    async def attempt(row: Row, number: int) -> tuple[Row, int]:
        """One evolution, and how many objections there are to it."""
        original = row.instruction or ""
        draw = random.Random(derive_seed(seed, f"{_METHOD}/plan", row.id, attempt=number))  # noqa: S311
        name = draw.choices(list(files), weights=[operations[n] for n in files])[0]
        file, rotation = files[name], draw.randrange(_ROTATIONS)
        anchor = file.part("anchor", instruction=_closed(original))
        request = Request(
            prompt=file.render(rotation=rotation),
            prefix=anchor,
            seed=derive_seed(seed, _METHOD, row.id, attempt=number),
            max_tokens=max_tokens,
            sampling=sampling,
            stop=("\n",),
        )
        completion = await llm.complete(request)
        evolved, whole = _first_sentence(anchor, completion.text)
        finish_reason = "stop" if whole else completion.finish_reason
        made = {
            **made_by(llm, request, completion, file.provenance, attempt=number),
            "finish_reason": finish_reason,
            "operation": name,
            "original": original,
        }
        child = Row.make(
            evolved,
            key=f"{_METHOD}/{seed}/{number}",
            method=_METHOD,
            round=row.round + 1,
            parents=(row.id,),
            system=row.system,
            provenance={"instruction": made},
        )
        return child, len(check(original, evolved, file.example_demands, finish_reason))

    async def evolve(row: Row) -> tuple[Row, ...]:
        if row.instruction is None:
            return (row,)
        kept = (row,) if include_original_instruction else ()
        best: tuple[Row, int] | None = None
        for number in range(attempts):
            try:
                child, objections = await attempt(row, number)
            except EvolsynthError as error:
                child = Row.make(
                    key=f"{_METHOD}/{seed}/{number}",
                    method=_METHOD,
                    round=row.round + 1,
                    parents=(row.id,),
                )
                failed = child.replace(failure=failure(_METHOD, error, attempt=number))
                return (*kept, failed)
            if best is None or objections < best[1]:
                best = child, objections
            if objections == 0:
                break
        assert best is not None  # noqa: S101 - attempts is at least 1
        return (*kept, best[0])

    width = concurrency or llm.concurrency
    async with aclosing(map_rows(rows, evolve, step=_METHOD, concurrency=width)) as stream:
        async for row in stream:
            yield row


def _operation_files(operations: Mapping[str, float]) -> dict[str, PromptFile]:
    known = [name.partition("/")[2] for name in prompt_names(_METHOD)]
    for name, weight in operations.items():
        if name not in known:
            raise InputError(f"There is no operation '{name}'. Use some of: {', '.join(known)}.")
        if not weight >= 0:
            raise InputError(f"The weight of '{name}' is {weight}: it must be 0 or more.")
    drawn = [name for name in known if operations.get(name, 0) > 0]
    if not drawn:
        raise InputError("All weights are 0: give at least one operation a positive weight.")
    return {name: load_prompt(f"{_METHOD}/{name}") for name in drawn}


def _closed(instruction: str) -> str:
    """The instruction with an end, so that a sentence can follow it."""
    text = instruction.strip()
    return text if text.endswith((".", "!", "?", '"', ")", "`")) else f"{text}."


def _first_sentence(anchor: str, text: str) -> tuple[str, bool]:
    """The text up to the end of the first sentence after the anchor, and whether it has one."""
    end = _SENTENCE_END.search(text, len(anchor))
    return (text[: end.end()] if end else text).strip(), end is not None
