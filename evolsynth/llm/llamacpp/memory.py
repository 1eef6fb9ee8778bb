"""How much memory contexts need, how much there is, and one sentence where that is too little.

llama.cpp fills its key-value store when a context is made: asking for more than there is gets the
process killed, not an error. So it is reckoned before.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from evolsynth.errors import SetupError
from evolsynth.llm.llamacpp.context import CHUNK, padded

if TYPE_CHECKING:
    from evolsynth.llm.llamacpp.model import Model

__all__ = ["available_memory", "check_memory", "context_bytes", "most_contexts"]

_MIB = 2**20
_LOGIT_ROWS = 64  # that are read at once when a text is scored
_LEFT = 0.95  # of what is available: some is for Python and for what is being stored


def available_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that this process can still take: what the machine and each control group it is in
    (version 2) have left. A very large number where neither says so."""
    return min(_machine(proc / "meminfo"), *_groups(proc / "self" / "cgroup", groups))


def _machine(meminfo: Path) -> int:
    for key, value in _pairs(meminfo):
        if key == "MemAvailable:":
            return value * 1024
    return 2**63


def _groups(membership: Path, root: Path) -> Iterator[int]:
    """What is left to the process's group and to each that holds it; caches can be dropped."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    own = next((line[3:] for line in lines if line.startswith("0::")), "/")
    folder = root / own.strip("/")
    for place in (folder, *folder.parents):
        limit, used = _number(place / "memory.max"), _number(place / "memory.current")
        if limit is not None and used is not None:
            files = dict(_pairs(place / "memory.stat")).get("inactive_file", 0)
            yield max(0, limit - used + files)
        if place == root:
            break
    yield 2**63


def _number(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None  # or "max"


def _pairs(file: Path) -> Iterator[tuple[str, int]]:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[1].isdecimal():
            yield words[0], int(words[1])


def context_bytes(model: Model, *, sequences: int, tokens: int) -> int:
    """What a `Context` takes: keys and values in F16, rows of logits, what is computed with.

    Against the growth of a process (SmolLM2-135M, 1 to 128 sequences of 256 to 8,192 tokens) it
    was from 8 MiB too little (of 769) to 20 MiB too much.
    """
    rows = padded(sequences)
    store = model.cache_bytes_per_token * rows * tokens
    logits = max(rows, _LOGIT_ROWS) * model.vocabulary_size * 4
    working = 8 * max(CHUNK, rows) * model.width * 4
    return int(store + logits + working + 8 * _MIB)


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
    if most:
        return f"contexts={most}, fewer slots or a smaller context"
    slots = sequences
    while slots > 1 and not most_contexts(
        model, sequences=slots, tokens=tokens, available=available
    ):
        slots //= 2
    if most_contexts(model, sequences=slots, tokens=tokens, available=available):
        return f"contexts=1 and slots={slots}, or a smaller context"
    return "a much smaller context, or a machine with more memory"
