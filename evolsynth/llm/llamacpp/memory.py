"""How much memory contexts need, and one sentence where there is too little.

llama.cpp fills its key-value store when a context is made: asking for more than there is gets the
process killed, not an error. So it is reckoned before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evolsynth.errors import SetupError
from evolsynth.llm.llamacpp.context import CHUNK, padded

if TYPE_CHECKING:
    from evolsynth.llm.llamacpp.model import Model

__all__ = ["check_memory", "context_bytes", "most_contexts"]

_MIB = 2**20
_CELLS = 256  # llama.cpp rounds the tokens of a sequence up to a multiple of this
_LOGIT_ROWS = 64  # that are read at once when a text is scored
_LEFT = 0.95  # of what is available: some is for Python and for what is being stored


def context_bytes(model: Model, *, sequences: int, tokens: int) -> int:
    """What a `Context` of ``sequences`` sequences of ``tokens`` tokens takes, in bytes.

    Keys and values in F16, rows of logits (where they are computed and where they are kept), the
    attention mask, and what else is computed with. Beside
    the growth of a process (SmolLM2-135M in Q4_0; 14 sizes, from 1 to 256 sequences and from 64
    to 8,192 tokens) it was from 7 MiB too little (of 1,554) to 10 MiB too much (of 35). Models
    without such a store (Mamba), or with one that differs by layer, take less.
    """
    rows, cells = padded(sequences), -(-tokens // _CELLS) * _CELLS
    store = model.cache_bytes_per_token * rows * cells
    logits = 2 * max(rows, _LOGIT_ROWS) * model.vocabulary_size * 4
    batch = max(CHUNK, rows)
    mask = batch * cells * 2
    working = 2 * batch * model.width * 4
    return int(store + logits + mask + working + 8 * _MIB)


def most_contexts(model: Model, *, sequences: int, tokens: int, available: int) -> int:
    """How many contexts there is memory for; 0 if not even for one."""
    return int(available * _LEFT) // context_bytes(model, sequences=sequences, tokens=tokens)


def check_memory(
    model: Model, *, sequences: int, tokens: int, contexts: int, available: int
) -> None:
    """See that contexts fit, before the first is made.

    Raises:
        SetupError: they do not; the message says how much is missing and what would fit.
    """
    most = most_contexts(model, sequences=sequences, tokens=tokens, available=available)
    if contexts <= most:
        return
    needed = contexts * context_bytes(model, sequences=sequences, tokens=tokens)
    raise SetupError(
        f"{contexts} contexts of {sequences} slots with {tokens} tokens each need "
        f"{needed / _MIB:,.0f} MiB of memory, and {available / _MIB:,.0f} MiB are available. "
        f"Use {_advice(model, sequences, tokens, most, available)}."
    )


def _advice(model: Model, sequences: int, tokens: int, most: int, available: int) -> str:
    """What would fit, tried out: fewer contexts, else fewer slots, else fewer tokens."""
    if most:
        return f"contexts={most}, fewer slots or a smaller context"

    def fits(slots: int, cells: int) -> bool:
        return most_contexts(model, sequences=slots, tokens=cells, available=available) > 0

    slots = sequences
    while slots > 1 and not fits(slots, tokens):
        slots //= 2
    if fits(slots, tokens):
        return f"contexts=1 and slots={slots}, or a smaller context"
    cells = tokens
    while cells > _CELLS and not fits(1, cells):
        cells //= 2
    if fits(1, cells):
        return f"contexts=1, slots=1 and context={cells}"
    return "a smaller model, or a machine with more memory"
