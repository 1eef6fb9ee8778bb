"""Evol-Instruct: make an instruction ask for more, and lose nothing of it.

Xu et al., "WizardLM: Empowering Large Language Models to Follow Complex Instructions", arXiv
2304.12244, section 3. The paper lets a large model rewrite the instruction; at 135M parameters
no such rewrite was usable. Here the rewrite is *anchored*: the answer is made to begin with the
instruction as it is and a connector such as "Limit your answer to", and the small model goes on
from there, after three examples. So it adds, and cannot drop.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, NamedTuple

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
EVOLUTION_SAMPLING = Sampling(temperature=0.6, top_k=64, top_p=0.9)

#: How often each operation is chosen, by the share of its evolutions that read well and that the
#: small model then answers in full: it mostly leaves out a second question or an example.
OPERATIONS: Mapping[str, float] = MappingProxyType(
    {"limit": 5.0, "format": 2.0, "also": 1.0, "example": 1.0, "avoid": 0.25, "reason": 0.25}
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
    examples, finish reason) has no objection is taken, or else the one with the fewest, for the
    gate to reject. Settled rows pass through. An evolution whose request fails is yielded as
    failed; its original stays.

    Raises:
        InputError: an unknown operation, weights that cannot be drawn from, or no attempts.
        CapabilityError: the back end cannot begin its answer with a given text.
    """
    if attempts < 1:
        raise InputError(f"attempts is {attempts}: it must be at least 1.")
    llm.require(Capability.RAW_PROMPT, by="Evol-Instruct")
    llm.require(Capability.PREFIX, by="Evol-Instruct")
    files = _operation_files(operations)
    weights = [operations[name] for name in files]
    evolver = _Evolver(llm, seed, files, weights, sampling, max_tokens, check)

    async def evolve(row: Row) -> tuple[Row, ...]:
        if row.instruction is None:
            return (row,)
        child = await evolver.best(row, attempts)
        return (row, child) if include_original_instruction else (child,)

    width = llm.concurrency if concurrency is None else concurrency
    async with aclosing(map_rows(rows, evolve, step=_METHOD, concurrency=width)) as stream:
        async for row in stream:
            yield row


class _Evolver(NamedTuple):
    """What all attempts of a round have in common."""

    llm: LLM
    seed: int
    files: Mapping[str, PromptFile]
    weights: Sequence[float]
    sampling: Sampling
    max_tokens: int
    check: Check

    async def best(self, row: Row, attempts: int) -> Row:
        """The first attempt without objections, else the one with the fewest, or a failed row."""
        best: tuple[int, Row] | None = None
        for number in range(attempts):
            try:
                objections, child = await self._attempt(row, number)
            except EvolsynthError as error:
                child = self._child(row, number, None)
                return child.replace(failure=failure(_METHOD, error, attempt=number))
            if best is None or objections < best[0]:
                best = objections, child
            if objections == 0:
                break
        assert best is not None  # noqa: S101 - there is at least one attempt
        return best[1]

    async def _attempt(self, row: Row, number: int) -> tuple[int, Row]:
        """One evolution, behind the number of objections to it."""
        original = row.instruction or ""
        plan = derive_seed(self.seed, f"{_METHOD}/plan", row.id, attempt=number)
        draw = random.Random(plan)  # noqa: S311 - reproducible on purpose
        name = draw.choices(list(self.files), weights=self.weights)[0]
        file, rotation = self.files[name], draw.randrange(_ROTATIONS)
        request = Request(
            prompt=file.render(rotation=rotation),
            prefix=file.part("anchor", instruction=_closed(original)),
            seed=derive_seed(self.seed, _METHOD, row.id, attempt=number),
            max_tokens=self.max_tokens,
            sampling=self.sampling,
            stop=("\n",),
        )
        completion = await self.llm.complete(request)
        evolved, whole = _first_sentence(request.prefix, completion.text)
        finish_reason = "stop" if whole else completion.finish_reason
        made = {
            **made_by(self.llm, request, completion, file.provenance, attempt=number),
            "finish_reason": finish_reason,
            "operation": name,
            "original": original,
        }
        # in a thread: a gate's check embeds, and the requests under way must not wait for it
        objections = await asyncio.to_thread(
            self.check, original, evolved, file.example_demands, finish_reason
        )
        return len(objections), self._child(row, number, evolved, instruction=made)

    def _child(self, row: Row, number: int, text: str | None, **made: Any) -> Row:
        return Row.make(
            text,
            key=f"{_METHOD}/{self.seed}/{number}",
            method=_METHOD,
            round=row.round + 1,
            parents=(row.id,),
            system=row.system,
            provenance=made,
        )


def _operation_files(operations: Mapping[str, float]) -> dict[str, PromptFile]:
    known = [name.partition("/")[2] for name in prompt_names(_METHOD)]
    for name, weight in operations.items():
        if name not in known:
            raise InputError(f"There is no operation '{name}'. Use some of: {', '.join(known)}.")
        if not 0 <= weight < math.inf:
            raise InputError(f"The weight of '{name}' is {weight}: it must be a number from 0.")
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
