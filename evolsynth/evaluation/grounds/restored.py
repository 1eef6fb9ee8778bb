"""An original that a spoiled text decides: spoiled again, it gives that text."""

from __future__ import annotations

import hashlib
from random import Random

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.problems.problem import filled
from evolsynth.evaluation.spoiling.spoiler import SPOILERS
from evolsynth.prompts import prompt_lists
from evolsynth.rows import Row

__all__ = ["digest_of", "restored"]


def digest_of(text: str) -> str:
    """What a text is known by."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@ground("restored")
def restored(
    row: Row,
    *,
    spoiler: str,
    seed: int,
    wording: int,
    answer: str | None = None,
    digest: str | None = None,
) -> str | None:
    """The response, spoiled again by the same seed, is the input.

    Args:
        row: as it stands.
        spoiler: the way in which it was spoiled.
        seed: of what was drawn.
        wording: which of the wordings that ask to mend it.
        answer: the mended text, which the response of an evolved row holds beside other things.
        digest: of the original, where the spoiled text does not decide it.

    Raises:
        InputError: there is no such way to spoil.
    """
    mended = row.response or ""
    if row.round and answer is not None:
        if answer not in mended:
            return "The response does not hold the mended text."
        mended = answer
    if not SPOILERS[spoiler].decides and digest != digest_of(mended):
        return "The response is not the original."
    made = SPOILERS[spoiler].spoil(mended, Random(seed))  # noqa: S311 - reproducible
    if made is None or made.text != row.input:
        return "The response, spoiled again, is not the input."
    asked = filled(prompt_lists(f"inverse/{spoiler}")["mend"][wording], made.shown)
    instruction = row.instruction or ""
    if instruction != asked and not (row.round and asked.rstrip(".") in instruction):
        return "The instruction is not the one that asks to mend it."
    return None
