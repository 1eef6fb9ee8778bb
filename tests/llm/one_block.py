"""The packaged model with one of its blocks: a quarter of its size, and real all the same."""

from __future__ import annotations

import struct
from pathlib import Path

from evolsynth.llm.llamacpp.outline import read_outline

_ALIGNMENT = 32  # GGUF's own, where a file names none


def one_block(source: Path, target: Path) -> Path:
    """Write ``source`` without its blocks but the first, and return where it was written."""
    outline = read_outline(source)
    infos, data = bytearray(), bytearray()
    with source.open("rb") as file:
        head = bytearray(file.read(outline.start))
        kept = [t for t in outline.tensors if not t.name.startswith("blk.") or ".0." in t.name]
        for tensor in kept:
            infos += _text(tensor.name) + struct.pack("<I", len(tensor.shape))
            infos += struct.pack(f"<{len(tensor.shape)}Q", *tensor.shape)
            infos += struct.pack("<IQ", tensor.type, len(data))
            file.seek(outline.start + tensor.offset)
            data += file.read(tensor.bytes)
            data += bytes(-len(data) % _ALIGNMENT)
    key = b"llama.block_count"
    struct.pack_into("<I", head, head.index(key) + len(key) + 4, 1)
    struct.pack_into("<Q", head, 8, len(kept))
    facts = head[: head.rindex(_text(outline.tensors[0].name))] + infos
    target.write_bytes(facts + bytes(-len(facts) % _ALIGNMENT) + data)
    return target


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()
