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

__all__ = ["UNKNOWN", "available_memory", "check_memory", "context_bytes", "most_contexts"]

UNKNOWN = 2**63  #: bytes available where nothing says how many: enough for anything
_MIB = 2**20
_CELLS = 256  # llama.cpp rounds the tokens of a sequence up to a multiple of this
_LOGIT_ROWS = 64  # that are read at once when a text is scored
_LEFT = 0.95  # of what is available: some is for Python and for what is being stored


def available_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that this process can still take: what the machine and each control group it is in
    (version 1 or 2) have left; `UNKNOWN` where neither says so."""
    return min(_machine(proc / "meminfo"), *_groups(proc / "self" / "cgroup", groups))


def _machine(meminfo: Path) -> int:
    return dict(_pairs(meminfo)).get("MemAvailable:", UNKNOWN // 1024) * 1024


def _groups(membership: Path, root: Path) -> Iterator[int]:
    """What is left to the process's group and to each that holds it; caches can be dropped."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    # A line is number:controllers:group. Version 2 has one hierarchy, without controllers.
    fields = (line.split(":", 2) for line in lines if line.count(":") >= 2)
    own = {kinds: group for _, kinds, group in fields}
    v1 = next((group for kinds, group in own.items() if "memory" in kinds.split(",")), "/")
    for top, group, names in (
        (root, own.get("", "/"), ("memory.max", "memory.current", "inactive_file")),
        (
            root / "memory",
            v1,
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ),
    ):
        folder = top / group.strip("/")
        for place in (folder, *folder.parents):
            limit, used = _number(place / names[0]), _number(place / names[1])
            if limit is not None and used is not None:
                yield max(0, limit - used + dict(_pairs(place / "memory.stat")).get(names[2], 0))
            if place == top:
                break
    yield UNKNOWN


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
