"""What a GGUF file says about itself, read without llama.cpp: is it whole, and is it sane?

The format: magic, version, counts, metadata, a list of tensors, and their data, all little-endian
(ggml's ``gguf.h``). Only lengths are read of what is not needed, in some hundredths of a second.
llama.cpp believes most numbers and ends the process over the wrong ones, so they are looked at
here.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from evolsynth.errors import InputError

__all__ = ["BLOCKS", "Outline", "Tensor", "read_outline"]

# ggml's types that take one number, 32 or 256 at once, each with the bytes that those take.
_OF_1 = {0: 4, 1: 2, 24: 1, 25: 2, 26: 4, 27: 8, 28: 8, 30: 2}
_OF_32 = {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 20: 18, 39: 17}
_OF_256 = {10: 84, 11: 110, 12: 144, 13: 176, 14: 210, 16: 66, 17: 74, 18: 98, 19: 50}
_OF_256 |= {21: 110, 22: 82, 23: 136, 29: 56, 34: 54, 35: 66}
#: numbers and bytes of a block (``ggml_blck_size``, ``ggml_type_size``), by type
BLOCKS = {
    kind: (numbers, size)
    for numbers, kinds in ((1, _OF_1), (32, _OF_32), (256, _OF_256))
    for kind, size in kinds.items()
}
# How a metadata value is stored, by the number of its type.
_FORMS = {
    kind: struct.Struct(f"<{letter}")
    for kind, letter in zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True)
}
_STRING, _ARRAY = 8, 9
_TEXTS = ("general.name", "general.architecture", "tokenizer.chat_template")  # that are kept
_MOST = 100_000  # tensors, and values
_MOST_ENTRIES = 1 << 22  # of an array, as the merges of a vocabulary of a million are
_LARGEST = 2**31 - 1  # whole numbers are ints to llama.cpp
# Of each architecture, what must be above 0 and what may be 0.
_POSITIVE = ("block_count", "embedding_length", "context_length", "rope.freq_base")
_NATURAL: tuple[str, ...] = (
    *("feed_forward_length", "attention.head_count", "attention.head_count_kv", "vocab_size"),
    *("attention.key_length", "attention.value_length", "rope.dimension_count"),
    *("expert_count", "expert_used_count", "attention.sliding_window"),
    *("attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon", "rope.scaling.factor"),
)
_TEXTS = ("general.name", "general.architecture", "tokenizer.chat_template")
_LAYERS = 1024  # entries of a list that may say something of each layer
_MOST_DIMENSIONS = 4
_FIRST, _LONGEST = 1 << 23, 1 << 30  # bytes that are read of a file first, and at most some more
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")


class Tensor(NamedTuple):
    """A tensor's place: ``shape`` innermost first, ``type`` as ggml numbers them, ``offset`` in
    bytes from the beginning of the data."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def bytes(self) -> int:
        """Bytes of its data; 0 for a type that is not known here."""
        numbers, size = BLOCKS.get(self.type, (1, 0))
        return math.prod(self.shape) // numbers * size


class Outline(NamedTuple):
    """A whole file: what it says its model is called (``general.name``), its tensors, and the
    byte at which their data begin; its chat template, empty where it has none; all its numbers and
    some texts, by their names (``facts``), lists of a number a layer among them; and its tokens."""

    name: str
    tensors: tuple[Tensor, ...]
    start: int
    template: str = ""
    facts: Mapping[str, Any] = {}
    vocabulary_size: int = 0

    def number(self, name: str) -> int:
        """A number of the model's architecture, such as ``context_length``; 0 if it has none.
        Of a list, one number a layer, the largest."""
        found = self.facts.get(f"{self.facts.get('general.architecture', '')}.{name}", 0)
        return int(max(found, default=0) if isinstance(found, tuple) else found)

    @property
    def trained_context(self) -> int:
        """Tokens that the model was trained to look back on; 0 where it does not say."""
        return self.number("context_length")

    @property
    def width(self) -> int:
        """Numbers that stand for a token inside the model."""
        return self.number("embedding_length")

    @property
    def heads(self) -> int:
        """Heads of attention in a layer."""
        return self.number("attention.head_count")

    @property
    def parameters(self) -> int:
        """Numbers in all tensors."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors)

    @property
    def bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def cache_bytes_per_token(self) -> int:
        """Bytes of keys and values in F16, of all layers; see `Model.cache_bytes_per_token`."""
        shared = self.number("attention.head_count_kv") or self.heads
        size = self.width // max(self.heads, 1)
        sizes = (self.number(f"attention.{part}_length") or size for part in ("key", "value"))
        return self.number("block_count") * shared * sum(sizes) * 2


class _Damaged(Exception):  # noqa: N818 - becomes an InputError with the file's name
    """What is wrong with the file."""


def read_outline(path: Path) -> Outline:
    """Read what stands before the data, and see that the data are all there.

    Raises:
        InputError: the file cannot be read, is no GGUF file, is cut short or damaged; the message
            names it and says what to do.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise InputError(
                    f"{path}: not a GGUF file. Give a model in llama.cpp's GGUF format."
                )
            # Read, not mapped: a map of a file that is cut meanwhile would end this process.
            whole, most = os.fstat(file.fileno()).st_size, _FIRST
            while True:
                file.seek(0)
                data = file.read(most)
                try:
                    return _Reader(data, whole).outline()
                except (struct.error, OverflowError):
                    if len(data) < most or most > _LONGEST:
                        raise
                    most *= 4
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}). Check the file's permissions and its disk."
        ) from None
    except (struct.error, OverflowError):  # a length or a place beyond the end
        raise InputError(f"{path}: the GGUF file is cut short. Fetch it again.") from None
    except _Damaged as what:
        raise InputError(f"{path}: the GGUF file {what}. Fetch it again.") from None


class _Reader:
    """Goes through a file from its beginning."""

    def __init__(self, data: bytes, whole: int) -> None:
        self._data, self._at, self._whole = data, 4, whole  # its beginning, and all its bytes
        self._numbers: dict[str, float] = {}
        self._lengths: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._lists: dict[str, tuple[float, ...]] = {}

    def outline(self) -> Outline:
        version = self._number(_U32)
        if version not in (2, 3):
            raise _Damaged(f"is of version {version}, not 2 or 3, or of another byte order")
        tensors, values = self._number(_U64), self._number(_U64)
        for count, what in ((tensors, "tensors"), (values, "values")):
            self._check_count(count, _MOST, f"it names {count:,} {what}")
        for _ in range(values):
            self._value(self._text())
        found = tuple(self._tensor() for _ in range(tensors))
        alignment = self._numbers.get("general.alignment", 32)
        if not isinstance(alignment, int):
            raise _Damaged("is damaged: general.alignment is no whole number")
        if alignment == 0:
            raise _Damaged("has an alignment of 0")
        if alignment < 0 or alignment & (alignment - 1):
            raise _Damaged(f"is damaged: general.alignment is {alignment}, no power of two")
        for tensor in found:
            if not all(0 < n <= 2**40 for n in tensor.shape):
                raise _Damaged(f"is damaged: '{tensor.name[:64]}' has the shape {tensor.shape}")
            if tensor.offset % alignment:
                raise _Damaged(f"is damaged: '{tensor.name[:64]}' begins at {tensor.offset}")
        self._check(found)
        start = -(-self._at // alignment) * alignment
        needed = max((start + t.offset + t.bytes for t in found), default=0)
        if needed > self._whole:
            raise _Damaged(f"is cut short: it has {self._whole:,} bytes and needs {needed:,}")
        return Outline(
            name=self._texts.get("general.name", ""),
            tensors=found,
            start=start,
            template=self._texts.get("tokenizer.chat_template", ""),
            facts={**self._numbers, **self._lists, **self._texts},
            vocabulary_size=self._lengths.get("tokenizer.ggml.tokens", 0),
        )

    def _check_count(self, count: int, most: int, what: str) -> None:
        if count > self._whole:
            raise _Damaged("is cut short")
        if count > most:
            raise _Damaged(f"is damaged: {what}")

    def _value(self, key: str) -> None:
        """Read a value, and keep numbers, the lengths of arrays and short texts."""
        kind = self._number(_U32)
        form = _FORMS.get(kind)
        if form is not None:
            self._numbers[key] = self._number(form)
        elif kind == _STRING and key in _TEXTS:
            self._texts[key] = self._text()
        else:
            self._skip(kind, key)

    def _check(self, tensors: tuple[Tensor, ...]) -> None:
        """See that what a model is built from can be."""
        model = self._texts.get("general.architecture", "")
        if not model:  # no model, or one that llama.cpp refuses
            return
        for key, value in self._numbers.items():
            name = key.removeprefix(f"{model}.")
            if name == key:
                continue
            if not math.isfinite(value):
                raise _Damaged(f"is damaged: {key} is {value}")
            least = 1e-30 if name in _POSITIVE else 0 if name in _NATURAL else -math.inf
            if value < least or (name in _POSITIVE + _NATURAL and value > _LARGEST):
                raise _Damaged(f"is damaged: {key} is {value}")

        def number(name: str) -> int:
            return int(self._numbers.get(f"{model}.{name}", 0))

        blocks = number("block_count")
        if blocks > len(tensors):
            raise _Damaged(
                f"is damaged: {model}.block_count is {blocks}, and there are {len(tensors)} tensors"
            )
        heads, shared = number("attention.head_count"), number("attention.head_count_kv")
        if heads and shared and heads % shared:
            raise _Damaged(
                f"is damaged: {model}.attention.head_count is {heads}, no multiple of {shared} "
                f"({model}.attention.head_count_kv)"
            )
        if heads and not number("attention.key_length") and number("embedding_length") % heads:
            raise _Damaged(
                f"is damaged: {model}.embedding_length is no multiple of {heads} "
                f"({model}.attention.head_count)"
            )
        words = self._lengths.get("tokenizer.ggml.tokens", 0)
        for name in ("scores", "token_type"):
            given = self._lengths.get(f"tokenizer.ggml.{name}", words)
            if given != words:
                raise _Damaged(
                    f"is damaged: tokenizer.ggml.{name} has {given:,} entries for {words:,} tokens"
                )

    def _tensor(self) -> Tensor:
        name, dimensions = self._text(), self._number(_U32)
        if dimensions > _MOST_DIMENSIONS:
            raise _Damaged(f"is damaged: tensor '{name[:64]}' has {dimensions} dimensions")
        shape = tuple(self._number(_U64) for _ in range(dimensions))
        return Tensor(name, shape, self._number(_U32), self._number(_U64))

    def _number(self, form: struct.Struct) -> Any:
        value = form.unpack_from(self._data, self._at)[0]
        self._at += form.size
        return value

    def _text(self) -> str:
        size = self._number(_U64)
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise struct.error
        return self._data[start : self._at].decode("utf-8", "replace")

    def _skip(self, kind: int, key: str) -> None:
        count = 1
        if kind == _ARRAY:
            kind, count = self._number(_U32), self._number(_U64)
            self._check_count(count, _MOST_ENTRIES, f"{key[:64]} has {count:,} entries")
            self._lengths[key] = count
        if kind == _STRING:
            self._strings(count)
        elif kind in _FORMS and key in self._lengths and count <= _LAYERS:
            self._lists[key] = tuple(self._number(_FORMS[kind]) for _ in range(count))
        elif kind in _FORMS:
            self._at += count * _FORMS[kind].size
        else:
            raise _Damaged(f"is damaged: its metadata have a value of type {kind}")

    def _strings(self, count: int) -> None:
        data, at, unpack = self._data, self._at, _U64.unpack_from
        for _ in range(count):
            at += 8 + unpack(data, at)[0]
        self._at = at
