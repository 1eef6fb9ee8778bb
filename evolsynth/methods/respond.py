"""Answer each row's instruction with the model's own chat template."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from evolsynth.errors import TemplateError
from evolsynth.llm.base import LLM, Capability, Request, Sampling
from evolsynth.methods.provenance import made_by, prompt_hash
from evolsynth.prompts import load_prompt
from evolsynth.rows import Message, Row, derive_seed
from evolsynth.streams import Rows, map_rows

__all__ = ["RESPONSE_SAMPLING", "respond"]

#: Near-greedy, as Magpie's authors answer; a mild penalty keeps a small model out of loops.
RESPONSE_SAMPLING = Sampling(temperature=0.3, top_k=40, top_p=0.9, repeat_penalty=1.1)


async def respond(
    rows: Rows,
    llm: LLM,
    *,
    seed: int = 0,
    prompt: str | None = "respond/brief",
    sampling: Sampling = RESPONSE_SAMPLING,
    max_tokens: int = 320,
    concurrency: int | None = None,
) -> AsyncGenerator[Row]:
    """Yield each row with a ``response``, in the order in which they come.

    Settled rows, and rows that have a response already, pass through untouched. A row with a
    ``system`` text is answered under it, any other under the system turn of the prompt file
    ``prompt``; None leaves it to the model's own default.

    Raises:
        CapabilityError: the back end cannot continue a raw prompt.
        InputError: there is no such prompt file.
        TemplateError: the model's chat template is missing or broken, or it takes no system
            turn; for the last use ``prompt=None``.
    """
    llm.require(Capability.RAW_PROMPT, by="respond")
    end = llm.template.turn_end()
    file = load_prompt(prompt) if prompt is not None else None
    _try_template(llm, file.part("system") if file is not None else None)

    async def one(row: Row) -> Row:
        if row.instruction is None or row.response is not None:
            return row
        system = file.part("system") if file is not None and row.system is None else row.system
        turns = [Message("system", system)] if system is not None else []
        whole = llm.template.render([*turns, Message("user", row.instruction)])
        request = Request(
            prompt=whole,
            seed=derive_seed(seed, "respond", row.id),
            max_tokens=max_tokens,
            sampling=sampling,
            stop=(end,) if end else (),
        )
        completion = await llm.complete(request)
        source = {
            **(file.provenance if file is not None and row.system is None else {}),
            "template_sha256": prompt_hash(whole),
        }
        made = made_by(llm, request, completion, source)
        return row.replace(
            response=completion.text.strip(), provenance={**row.provenance, "response": made}
        )

    width = llm.concurrency if concurrency is None else concurrency
    async with aclosing(map_rows(rows, one, step="respond", concurrency=width)) as stream:
        async for row in stream:
            yield row


def _try_template(llm: LLM, system: str | None) -> None:
    """Find out at the start, not at each row, that a template is broken or takes no system turn."""
    question = Message("user", "?")
    llm.template.render([question])
    if system is None:
        return
    try:
        llm.template.render([Message("system", system), question])
    except TemplateError as error:
        raise TemplateError(
            f"{error} For answers without a system turn call respond(..., prompt=None)."
        ) from None
