"""Answer each row's instruction as a chat with the model, once or several times."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

from evolsynth.columns import Columns
from evolsynth.errors import InputError, TemplateError
from evolsynth.llm.base import LLM, Capability, Request, Sampling
from evolsynth.methods.method import Options, method
from evolsynth.options import Count, Several
from evolsynth.prompts import load_prompt, made_by, template_hash
from evolsynth.rows import Message, Row, derive_seed
from evolsynth.streams import Rows, map_rows, together

__all__ = ["RESPONSE_SAMPLING", "SAMPLES_SAMPLING", "Answers", "able_to_answer", "respond"]

#: Near-greedy, as Magpie's authors answer; a mild penalty keeps a small model out of loops.
RESPONSE_SAMPLING = Sampling(temperature=0.3, top_k=40, top_p=0.9, repeat_penalty=1.1)

#: For several responses to choose from, which near-greedy sampling would make all but the same.
SAMPLES_SAMPLING = Sampling(temperature=0.7, top_k=40, top_p=0.9, repeat_penalty=1.1)


def _columns(_: str, options: Options, came: Columns) -> Columns:
    """Several samples are a list beside the first of them."""
    several = options.get("samples", 1) != 1
    return came.plus({"response": "text", **({"responses": "any"} if several else {})})


@method(shape="map", needs=["instruction"], gives=["response"], columns=_columns, role="answer")
async def respond(
    rows: Rows,
    llm: LLM | Sequence[LLM],
    *,
    samples: Several = 1,
    seed: int = 0,
    prompt: str | None = "respond/brief",
    system: str | None = None,
    sampling: Sampling | None = None,
    max_tokens: Count = 320,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """Each row with a ``response`` to its instruction, in the order in which they come.

    Settled rows, and rows that have a response already, pass through untouched. A row with a
    ``system`` text of its own is answered under it, any other under ``system``, or else under the
    system turn of the prompt file ``prompt``; None leaves it to the model's own default.

    With several ``samples``, or several models, ``extra["responses"]`` has them all, in order, the
    first of them also as ``response``: of each the ``response``, ``finish_reason``, ``seed`` and
    ``model``. The first is what one sample with the same ``sampling`` would be. The samples of a
    row are asked for side by side, so that its prompt is read once. A row for which one of them
    fails has failed.

    Args:
        llm: the model, or several, each of which gives so many samples.
        samples: responses to each row, of each model.
        prompt: the prompt file whose system turn answers are made under; none (null) leaves the
            model's own.
        system: the system turn of rows that have none of their own; instead of that of ``prompt``.
        sampling: how responses are drawn; by default `RESPONSE_SAMPLING`, or for several samples
            `SAMPLES_SAMPLING`.
        max_tokens: the most tokens of a response.

    Raises:
        CapabilityError: a back end cannot answer a chat.
        InputError: there is no such prompt file, no model, or ``samples`` is below 1.
        TemplateError: a model's chat template is missing or broken, or it takes no system
            turn; for the last use ``prompt=None``.
    """
    llms = [llm] if isinstance(llm, LLM) else list(llm)
    if not llms:
        raise InputError("respond was given no model. Give one, or several.")
    if samples < 1:
        raise InputError(f"samples is {samples}: give a number of responses from 1.")
    drawn = sampling or (RESPONSE_SAMPLING if samples == 1 else SAMPLES_SAMPLING)
    file = load_prompt(prompt) if prompt is not None and system is None else None
    usual = file.part("system") if file is not None else system
    told = {} if file is None else file.provenance
    if system is not None:
        told = {"system": system}
    for model in llms:
        _try_system(able_to_answer(model, by="respond"), usual)
    models = [Answers(model, usual, told, drawn, max_tokens) for model in llms]

    async def one(row: Row) -> Row:
        if row.instruction is None or row.response is not None:
            return row
        made = await together(
            models[candidate // samples].answer(
                row.system,
                [Message("user", row.instruction)],
                derive_seed(seed, "respond", row.id, candidate=candidate),
            )
            for candidate in range(samples * len(models))
        )
        text, how = made[0]
        row = row.replace(response=text, provenance={**row.provenance, "response": how})
        if len(made) == 1:
            return row
        all_of_them = [
            {
                "response": text,
                "finish_reason": how["finish_reason"],
                "seed": how["seed"],
                "model": llms[place // samples].name,
            }
            for place, (text, how) in enumerate(made)
        ]
        return row.replace(extra={**row.extra, "responses": all_of_them})

    width = max(1, llms[0].concurrency // samples) if concurrency is None else concurrency
    async with aclosing(map_rows(rows, one, step="respond", concurrency=width)) as stream:
        async for row in stream:
            yield row


class Answers(NamedTuple):
    """What all answers of a run by one model have in common.

    ``usual`` is the system turn where there is no other, and ``told`` what a row says of it.
    """

    llm: LLM
    usual: str | None
    told: Mapping[str, str]
    sampling: Sampling
    max_tokens: int

    def turns(self, system: str | None, history: Sequence[Message]) -> tuple[Message, ...]:
        """The chat up to the answer."""
        own = self.usual if system is None else system
        return (*([] if own is None else [Message("system", own)]), *history)

    async def answer(
        self, system: str | None, history: Sequence[Message], seed: int
    ) -> tuple[str, dict[str, Any]]:
        """The assistant's next words, and how they were made."""
        request = self.llm.prepared(
            Request(
                messages=self.turns(system, history),
                seed=seed,
                max_tokens=self.max_tokens,
                sampling=self.sampling,
            )
        )
        completion = await self.llm.complete(request)
        source = {**(self.told if system is None else {}), **template_hash(request)}
        return completion.text.strip(), made_by(self.llm, request, completion, source)


def able_to_answer(llm: LLM, *, by: str) -> LLM:
    """The model, which can answer a chat: found out at the start, not at each row.

    Raises:
        CapabilityError: it cannot.
        TemplateError: its chat template is missing or broken, or refuses a question.
    """
    llm.require(Capability.CHAT, by=by)
    llm.prepared(Request(messages=(Message("user", "?"),), seed=0))
    return llm


def _try_system(llm: LLM, system: str | None) -> None:
    """Find out at the start that a template takes no system turn."""
    if system is None:
        return
    turns = (Message("system", system), Message("user", "?"))
    try:
        llm.prepared(Request(messages=turns, seed=0))
    except TemplateError as error:
        raise TemplateError(
            f"{error} For answers without a system turn call respond(..., prompt=None)."
        ) from None
