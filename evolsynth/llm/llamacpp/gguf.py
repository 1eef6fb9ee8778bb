"""What a GGUF file says about itself, read without llama.cpp: is it whole, and what is in it?

The format: magic, version, counts, metadata, a list of tensors, and their data, all little-endian
(ggml's ``gguf.h``). Only lengths are read of what is not needed, in some hundredths of a second.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import NamedTuple

from evolsynth.errors import InputError

__all__ = ["Outline", "Tensor", "read_outline"]

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
# Bytes of a metadata value, by the number of its type.
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_UINT32, _STRING, _ARRAY = 4, 8, 9
_MOST_DIMENSIONS = 4
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
        count = 1
        for width in self.shape:
            count *= width
        return count // numbers * size


class Outline(NamedTuple):
    """A whole file: what it says its model is called (``general.name``), its tensors, and the
    byte at which their data begin."""

    name: str
    tensors: tuple[Tensor, ...]
    start: int


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
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data).outline()
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

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._at = data, 4

    def outline(self) -> Outline:
        version = self._number(_U32)
        if version not in (2, 3):
            raise _Damaged(f"is of version {version}, not 2 or 3, or of another byte order")
        tensors, values = self._number(_U64), self._number(_U64)
        name, alignment = "", 32
        for _ in range(values):
            key, kind = self._text(), self._number(_U32)
            if (key, kind) == ("general.name", _STRING):
                name = self._text()
            elif (key, kind) == ("general.alignment", _UINT32):
                alignment = self._number(_U32)
            else:
                self._skip(kind)
        found = tuple(self._tensor() for _ in range(tensors))
        if alignment == 0:
            raise _Damaged("has an alignment of 0")
        start = -(-self._at // alignment) * alignment
        self._check_data(found, start)
        return Outline(name, found, start)

    def _check_data(self, tensors: tuple[Tensor, ...], start: int) -> None:
        needed = max((start + t.offset + t.bytes for t in tensors), default=0)
        if needed > len(self._data):
            raise _Damaged(f"is cut short: it has {len(self._data):,} bytes and needs {needed:,}")

    def _tensor(self) -> Tensor:
        name, dimensions = self._text(), self._number(_U32)
        if dimensions > _MOST_DIMENSIONS:
            raise _Damaged(f"is damaged: tensor '{name[:64]}' has {dimensions} dimensions")
        shape = tuple(self._number(_U64) for _ in range(dimensions))
        return Tensor(name, shape, self._number(_U32), self._number(_U64))

    def _number(self, form: struct.Struct) -> int:
        value: int = form.unpack_from(self._data, self._at)[0]
        self._at += form.size
        return value

    def _text(self) -> str:
        size = self._number(_U64)
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise _Damaged("is cut short")
        return self._data[start : self._at].decode("utf-8", "replace")

    def _skip(self, kind: int) -> None:
        if kind == _STRING:
            self._strings(1)
        elif kind != _ARRAY:
            self._at += self._size(kind)
        else:
            inner, count = self._number(_U32), self._number(_U64)
            if inner == _STRING:
                self._strings(count)
            else:
                self._at += count * self._size(inner)

    def _strings(self, count: int) -> None:
        data, at, unpack = self._data, self._at, _U64.unpack_from
        for _ in range(count):
            at += 8 + unpack(data, at)[0]
        self._at = at

    def _size(self, kind: int) -> int:
        if kind not in _SIZES:
            raise _Damaged(f"is damaged: its metadata have a value of type {kind}")
        return _SIZES[kind]
