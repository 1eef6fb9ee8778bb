"""Damage to a model file's header, by seed: what `evolsynth.llm.llamacpp` must survive."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from evolsynth.llm.llamacpp.outline import read_outline

__all__ = ["Fault", "faults", "spoil"]

_ODD = (0, 1, -1, 2**31 - 1, 2**31, 2**63, 2**64 - 1)
_ODD_FLOATS = (0.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e38)
_FORMS = {4: "<I", 5: "<i", 6: "<f", 10: "<Q", 11: "<q", 12: "<d"}


class Fault(NamedTuple):
    """``data`` stand at byte ``at`` instead of what was there; the file ends at ``cut``."""

    what: str
    at: int = 0
    data: bytes = b""
    cut: int | None = None


def faults(source: Path, seed: int) -> Iterator[Fault]:
    """Endless faults for a file, the same for a seed: numbers of its metadata set to odd values,
    counts, the shapes, types and offsets of tensors, bytes flipped anywhere in the header, cuts."""
    outline = read_outline(source)
    with source.open("rb") as file:
        head = file.read(outline.start)
    numbers = list(_numbers(head))
    tensors = [head.rindex(tensor.name.encode()) + len(tensor.name) for tensor in outline.tensors]
    draw = random.Random(seed)  # noqa: S311 - no secret
    while True:
        kind = draw.choice(("number", "number", "number", "count", "tensor", "flip", "cut"))
        if kind == "number":
            key, at, form = draw.choice(numbers)
            if form in "<f<d":
                value = draw.choice(_ODD_FLOATS)
                yield Fault(f"{key} = {value}", at, struct.pack(form, value))
            else:
                size = struct.calcsize(form)
                odd = draw.choice(_ODD) % 2 ** (8 * size)
                yield Fault(f"{key} = {odd}", at, odd.to_bytes(size, "little"))
        elif kind == "count":
            odd, at = draw.choice(_ODD) % 2**64, draw.choice((8, 16))
            yield Fault(f"count at {at} = {odd}", at, odd.to_bytes(8, "little"))
        elif kind == "tensor":
            at = draw.choice(tensors) + 4 * draw.randrange(8)
            odd = draw.choice(_ODD) % 2**32
            yield Fault(f"tensor's number at {at} = {odd}", at, odd.to_bytes(4, "little"))
        elif kind == "flip":
            at = draw.randrange(len(head))
            yield Fault(f"flipped byte {at}", at, bytes([head[at] ^ 1 << draw.randrange(8)]))
        else:
            cut = draw.randrange(draw.choice((64, len(head), source.stat().st_size)))
            yield Fault(f"cut at {cut}", cut=cut)


def spoil(source: Path, target: Path, fault: Fault) -> None:
    """Write the source's header with the fault in it; the weights are a hole, all zero, which
    takes no disk and no time."""
    with source.open("rb") as file:
        head = bytearray(file.read(read_outline(source).start))
    head[fault.at : fault.at + len(fault.data)] = fault.data
    size = source.stat().st_size if fault.cut is None else fault.cut
    with target.open("wb") as file:
        file.write(head[:size])
        file.truncate(size)


def _numbers(head: bytes) -> Iterator[tuple[str, int, str]]:
    """Each number of the metadata: its key, place and form."""
    at = 24
    for _ in range(struct.unpack_from("<Q", head, 16)[0]):
        (size,) = struct.unpack_from("<Q", head, at)
        key, at = head[at + 8 : at + 8 + size].decode(), at + 8 + size
        (kind,) = struct.unpack_from("<I", head, at)
        at += 4
        if kind in _FORMS:
            yield key, at, _FORMS[kind]
            at += struct.calcsize(_FORMS[kind])
        elif kind == 8:  # a text
            at += 8 + struct.unpack_from("<Q", head, at)[0]
        elif kind == 9:  # an array
            part, count = struct.unpack_from("<IQ", head, at)
            at += 12
            if part == 8:
                for _ in range(count):
                    at += 8 + struct.unpack_from("<Q", head, at)[0]
            else:
                at += count * struct.calcsize(_FORMS[part]) if part in _FORMS else count
        else:
            at += 1 if kind in (0, 1, 7) else 2
