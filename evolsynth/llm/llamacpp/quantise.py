"""Quantisations: a catalogue of them, what each is good for, and llama.cpp's quantiser.

`Q4_0_I` is a recipe of ours. Q4_0 is what llama.cpp multiplies fastest on a CPU, and coarse. What
it loses is lost least where a weight's error is weighed by how large its inputs are, the
importance that `python -m evals importance` takes from the model at work, and where the few
weights that make an attention's values (one in 32 of this model's) are kept in 8 bits.

First, what a GGUF file says about itself, read without llama.cpp: is it whole, and what is in it?
The format: magic, version, counts, metadata, a list of tensors, and their data, all little-endian
(ggml's ``gguf.h``). Only lengths are read of what is not needed, in some hundredths of a second.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import math
import mmap
import os
import shutil
import struct
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from evolsynth.errors import InputError, SetupError
from evolsynth.llm.llamacpp.machine import processors
from evolsynth.llm.llamacpp.model import last_message, llama

__all__ = ["LEAST_IMPORTANCE", "QUANTISATIONS", "About", "Importance", "Outline", "Quantisation"]
__all__ += ["Tensor", "find_quantisation", "importance_of", "load_importance", "quantise"]
__all__ += ["read_outline"]

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
        return math.prod(self.shape) // numbers * size


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
        needed = max((start + t.offset + t.bytes for t in found), default=0)
        if needed > len(self._data):
            raise _Damaged(f"is cut short: it has {len(self._data):,} bytes and needs {needed:,}")
        return Outline(name, found, start)

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
        count = 1
        if kind == _ARRAY:
            kind, count = self._number(_U32), self._number(_U64)
        if kind == _STRING:
            self._strings(count)
        elif kind in _SIZES:
            self._at += count * _SIZES[kind]
        else:
            raise _Damaged(f"is damaged: its metadata have a value of type {kind}")

    def _strings(self, count: int) -> None:
        data, at, unpack = self._data, self._at, _U64.unpack_from
        for _ in range(count):
            at += 8 + unpack(data, at)[0]
        self._at = at


_FOLDER = "importance"
_Q8_0 = 8  # GGML_TYPE_Q8_0
LEAST_IMPORTANCE = 1e-4  #: of the mean: no input counts for nothing, and float16 holds it


class Quantisation(NamedTuple):
    """A way to store weights.

    ``file_type`` is llama.cpp's ``llama_ftype``, ``bits`` what most weights take, scales and all.
    With ``importance``, errors are weighed by it. ``overrides`` are regular expressions for
    tensors' names, each with the ggml type that those tensors get instead.
    """

    name: str
    file_type: int
    bits: float
    good_for: str
    importance: bool = False
    overrides: tuple[tuple[str, int], ...] = ()


_FOR_LARGE = "Falls back to older types where rows are no multiple of 256, as SmolLM2-135M's are."

#: by name, the finest first
QUANTISATIONS: Mapping[str, Quantisation] = {
    q.name: q
    for q in (
        Quantisation("F16", 1, 16.0, "Half precision: the most memory and time, nothing lost."),
        Quantisation("Q8_0", 7, 8.5, "As good as half precision to the eye, at half the size."),
        Quantisation("Q6_K", 18, 6.6, f"Larger models, close to Q8_0. {_FOR_LARGE}"),
        Quantisation("Q5_K_M", 17, 5.7, f"Larger models, if Q6_K is too large. {_FOR_LARGE}"),
        Quantisation("Q5_0", 8, 5.5, "Between Q8_0 and Q4_0 in size; no faster than Q8_0 here."),
        Quantisation("Q4_1", 3, 5.0, "How SmolLM2 is packaged; slow where many answers are made."),
        Quantisation("Q4_K_M", 15, 4.9, f"Larger models in little memory. {_FOR_LARGE}"),
        Quantisation("IQ4_NL", 25, 4.5, "As fast as Q4_0 and a little better; uneven steps."),
        Quantisation("Q4_0", 2, 4.5, "The fastest for many answers at once, and the coarsest."),
        Quantisation(
            "Q4_0_I",
            2,
            4.6,
            "About as fast as Q4_0 and much better; for models with an importance file.",
            importance=True,
            overrides=((r"attn_v\.weight", _Q8_0),),
        ),
    )
}


def find_quantisation(name: str) -> Quantisation:
    """The quantisation of that name, in capitals or not.

    Raises:
        InputError: there is none; the message lists all.
    """
    found = QUANTISATIONS.get(name.upper())
    if found is None:
        known = ", ".join(QUANTISATIONS)
        raise InputError(
            f"There is no quantisation '{name}'. Use one of {known}, or None for the file as it is."
        )
    return found


class Importance(NamedTuple):
    """How much each input of a model's weights matters: for each tensor the mean square of what
    it is multiplied with, of shape (inputs,), in parts of the tensor's mean.

    ``model`` is the ``general.name`` of the file it was taken from and ``source`` that file's
    SHA-256; ``settings`` tell how; ``sha256`` is that of the importance file, empty if it is none.
    """

    model: str
    source: str
    settings: Mapping[str, Any]
    tensors: Mapping[str, NDArray[np.float32]]
    sha256: str = ""


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an importance file says about its numbers; ``tensors`` gives each tensor's part of
    them. Tensors with the same inputs (an attention's q, k and v) share theirs."""

    model: str
    source: str
    settings: dict[str, Any]
    tensors: dict[str, tuple[int, int]]


def load_importance(path: Path) -> Importance:
    """Read an importance file.

    Raises:
        InputError: it is none, or damaged.
    """
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        with np.load(path, allow_pickle=False) as held:
            about = msgspec.json.decode(held["about"].tobytes(), type=About)
            values = held["values"].astype(np.float32)
    except Exception as error:  # noqa: BLE001 - zip, zlib, npy and JSON each have their own
        raise InputError(
            f"{path}: not an importance file, or damaged ({error}). "
            "Make it with: python -m evals importance"
        ) from None
    tensors = {name: values[start:end] for name, (start, end) in about.tensors.items()}
    return Importance(about.model, about.source, about.settings, tensors, sha256)


@functools.cache
def shipped() -> Mapping[str, Importance]:
    """The importance files that come with evolsynth, by the name that their model's file has."""
    folder = Path(str(files("evolsynth.llm.llamacpp") / _FOLDER))
    loaded = (load_importance(path) for path in sorted(folder.glob("*.npz")))
    return {importance.model: importance for importance in loaded}


def importance_of(path: Path, wanted: Quantisation) -> Importance | None:
    """The importance that ``wanted`` takes for the model in ``path``; None if it takes none.

    A model is known by the name in its file and by its weights' names and widths, so that it may
    be given in any quantisation.

    Raises:
        InputError: evolsynth has none for this model.
    """
    if not wanted.importance:
        return None
    outline = read_outline(path)
    found = shipped().get(outline.name)
    widths = {t.name: t.shape[0] for t in outline.tensors if t.shape}
    if found is None or any(widths.get(n) != len(v) for n, v in found.tensors.items()):
        raise InputError(
            f"{path}: {wanted.name} needs the importance of the model's inputs, which is known "
            f"only for {', '.join(shipped()) or 'no model'}; this is "
            f"{outline.name or 'a model without a name'}. Use Q4_0."
        )
    return found


def quantise(
    source: Path, target: Path, wanted: Quantisation, importance: Importance | None
) -> None:
    """Write ``source`` to ``target`` in another quantisation.

    ``importance`` may be given for any; `importance_of` gives what ``wanted`` takes.

    Raises:
        SetupError: llama.cpp could not do it, or not write all of it.
    """
    native = llama()
    params = native.llama_model_quantize_default_params()
    params.nthread = processors()
    params.ftype = wanted.file_type
    params.allow_requantize = True
    # All that is made here is read by llama.cpp until it returns.
    overrides = _overrides(native, wanted.overrides)
    params.tt_overrides = overrides
    weighed = importance.tensors if importance is not None else {}
    names = [name.encode() for name in weighed]
    arrays = [np.ascontiguousarray(values, dtype=np.float32) for values in weighed.values()]
    entries = _entries(native, names, arrays)
    if weighed:  # an empty list would count as one, too
        params.imatrix = entries
    status = native.llama_model_quantize(os.fsencode(source), os.fsencode(target), params)
    problem = last_message() if status != 0 else _problem(target)
    if problem:
        free = shutil.disk_usage(target.parent).free / 1e6
        raise SetupError(
            f"{source}: requantising to {wanted.name} failed ({problem}; {free:,.0f} MB are free "
            f"in {target.parent}). Make room there, set EVOLSYNTH_CACHE to another folder, or load "
            "the file as it is with quantisation=None."
        )


def _problem(target: Path) -> str:
    """What is wrong with a file just written: llama.cpp does not notice every full disk."""
    try:
        read_outline(target)
    except InputError as error:
        return str(error)
    return ""


def _overrides(native: Any, wanted: tuple[tuple[str, int], ...]) -> Any:
    """The array that llama.cpp reads, ended by an entry without a pattern."""
    entries = (native.llama_model_tensor_override * (len(wanted) + 1))()
    for entry, (pattern, kind) in zip(entries, wanted, strict=False):
        entry.pattern, entry.type = pattern.encode(), kind
    return entries


def _entries(native: Any, names: list[bytes], arrays: list[NDArray[np.float32]]) -> Any:
    """The array that llama.cpp reads, ended by an entry without a name. It holds no references:
    the caller keeps ``arrays`` alive."""
    entries = (native.llama_model_imatrix_data * (len(names) + 1))()
    for entry, name, values in zip(entries, names, arrays, strict=False):
        entry.name, entry.size = name, len(values)
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    return entries
