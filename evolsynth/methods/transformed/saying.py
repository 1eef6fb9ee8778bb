"""A text that a model says otherwise, taken only if nothing is lost and nothing invented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from evolsynth.evaluation.grounds.faithful import LEAST_CHANGED, changed, unfaithful
from evolsynth.llm.base import LLM, Capability, Request, Sampling
from evolsynth.prompts import load_prompt, made_by, prompt_family
from evolsynth.rows import Message, derive_seed

__all__ = ["Said", "able_to_say", "say"]

#: The first candidate is the likeliest, the others are drawn.
_GREEDY = Sampling(temperature=0.0)
_DRAWN = Sampling(temperature=0.6, top_k=40, top_p=0.9)


class Said(NamedTuple):
    """The text that was taken, None where none was; how it was made; what the others lacked."""

    text: str | None
    how: dict[str, Any]
    failed: tuple[str, ...]


def able_to_say(llm: LLM, *, by: str) -> None:
    """Find out at the start that the model cannot be asked.

    Raises:
        CapabilityError: it cannot go on from a raw prompt (small models) or answer a chat.
    """
    small = prompt_family(llm) == "small"
    llm.require(Capability.RAW_PROMPT if small else Capability.CHAT, by=by)


async def say(
    llm: LLM,
    prompt: str,
    text: str,
    *,
    key: str,
    seed: int,
    candidates: int = 3,
    refused: Callable[[str], str | None] = lambda _: None,
) -> Said:
    """The text said otherwise: the first candidate that is faithful and really differs.

    Args:
        llm: the model.
        prompt: the prompt file, with the macros ``shared``, ``own`` and ``turn``.
        text: what is to be said otherwise.
        key: of the row, from which the seeds follow.
        seed: of the run.
        candidates: that are asked for at most.
        refused: what else speaks against a candidate, as a sentence.
    """
    file, small = load_prompt(prompt), prompt_family(llm) == "small"
    tokens = 32 + len(text) // 2
    failed: list[str] = []
    how: dict[str, Any] = {}
    for number in range(candidates):
        request = Request(
            seed=derive_seed(seed, prompt, key, candidate=number),
            max_tokens=tokens,
            sampling=_DRAWN if number else _GREEDY,
            stop=("\n",) if small else (),
            **(
                {"prompt": file.render(text=text)}
                if small
                else {"messages": (Message("user", file.part("turn", text=text)),)}
            ),
        )
        completion = await llm.complete(llm.prepared(request))
        made = completion.text.strip()
        how = {**made_by(llm, request, completion, file.provenance), "candidate": number}
        against = _against(text, made, completion.finish_reason) or refused(made)
        if against is None:
            return Said(made, {**how, "failed": failed}, tuple(failed))
        failed.append(against)
    return Said(None, {**how, "failed": failed}, tuple(failed))


def _against(text: str, made: str, finish_reason: str | None) -> str | None:
    if not made or finish_reason == "length":
        return "It has no end."
    if changed(text, made) < LEAST_CHANGED:
        return "It is the same text."
    return unfaithful(text, made)
