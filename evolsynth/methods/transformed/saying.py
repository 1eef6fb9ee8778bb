"""A text that a model says otherwise, taken only if nothing is lost and nothing invented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from evolsynth.evaluation.grounds.faithful import LEAST_CHANGED, changed, unfaithful
from evolsynth.llm.base import LLM, Capability, Request, Sampling
from evolsynth.prompts import load_prompt, made_by, prompt_family
from evolsynth.rows import Message, derive_seed

__all__ = ["Said", "able_to_say", "first_fit", "say"]

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


async def first_fit(
    llm: LLM,
    prompt: str,
    values: Mapping[str, str],
    *,
    key: str,
    seed: int,
    max_tokens: int,
    against: Callable[[str], str | None],
    candidates: int = 3,
) -> Said:
    """What a model makes of a prompt: the first candidate that nothing speaks against.

    Args:
        llm: the model.
        prompt: the prompt file, with the macros ``shared``, ``own`` and ``turn``.
        values: of the macros' variables.
        key: of the row, from which the seeds follow.
        seed: of the run.
        max_tokens: of a candidate; one that was cut there is none.
        against: what speaks against a candidate, as a sentence.
        candidates: that are asked for at most.
    """
    file, small = load_prompt(prompt), prompt_family(llm) == "small"
    failed: list[str] = []
    how: dict[str, Any] = {}
    for number in range(candidates):
        request = Request(
            seed=derive_seed(seed, prompt, key, candidate=number),
            max_tokens=max_tokens,
            sampling=_DRAWN if number else _GREEDY,
            stop=("\n",) if small else (),
            **(
                {"prompt": file.render(**values)}
                if small
                else {"messages": (Message("user", file.part("turn", **values)),)}
            ),
        )
        completion = await llm.complete(llm.prepared(request))
        made = completion.text.strip()
        how = {**made_by(llm, request, completion, file.provenance), "candidate": number}
        cut = not made or completion.finish_reason == "length"
        found = "It has no end." if cut else against(made)
        if found is None:
            return Said(made, {**how, "failed": failed}, tuple(failed))
        failed.append(found)
    return Said(None, {**how, "failed": failed}, tuple(failed))


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
        prompt: the prompt file, as for `first_fit`.
        text: what is to be said otherwise.
        key: of the row, from which the seeds follow.
        seed: of the run.
        candidates: that are asked for at most.
        refused: what else speaks against a candidate, as a sentence.
    """
    return await first_fit(
        llm,
        prompt,
        {"text": text},
        key=key,
        seed=seed,
        max_tokens=32 + len(text) // 2,
        against=lambda made: _against(text, made) or refused(made),
        candidates=candidates,
    )


def _against(text: str, made: str) -> str | None:
    if changed(text, made) < LEAST_CHANGED:
        return "It is the same text."
    return unfaithful(text, made)
