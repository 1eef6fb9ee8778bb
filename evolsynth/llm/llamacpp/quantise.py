"""Quantisations: a catalogue of them, what each is good for, and llama.cpp's quantiser.

`Q4_0_I` is a recipe of ours. Q4_0 is what llama.cpp multiplies fastest on a CPU, and coarse. What
it loses is lost least where a weight's error is weighed by how large its inputs are, the
importance that `python -m evals importance` takes from the model at work, and where the few
weights that make an attention's values (one in 32 of this model's) are kept in 8 bits.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import tempfile
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
from evolsynth.llm.llamacpp.outline import read_outline

__all__ = ["LEAST_IMPORTANCE", "QUANTISATIONS", "About", "Importance", "Quantisation"]
__all__ += ["find_quantisation", "importance_of", "load_importance", "quantise"]

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
    """Write ``source`` to ``target`` in another quantisation, in a process of its own.

    ``importance`` may be given for any; `importance_of` gives what ``wanted`` takes.

    Raises:
        SetupError: llama.cpp could not do it, or not write all of it.
        InputError: it ended its process over the source.
    """
    from evolsynth.llm.llamacpp.apart import apart

    with tempfile.TemporaryDirectory() as folder:
        weighed = Path(folder) / "importance.npz"
        if importance is not None:
            np.savez(weighed, **dict[str, Any](importance.tensors))
        apart(_quantise, source, str(target), wanted, weighed.is_file() and str(weighed))


def _quantise(source: Path, target: str, wanted: list[Any], weighed: str | None) -> None:
    """What `quantise` has done in the other process: JSON has lists for tuples."""
    importance = None
    if weighed:
        with np.load(weighed, allow_pickle=False) as held:
            importance = Importance("", "", {}, dict(held))
    quantise_here(source, Path(target), Quantisation(*wanted), importance)


def quantise_here(
    source: Path, target: Path, wanted: Quantisation, importance: Importance | None
) -> None:
    """`quantise` in this process, which llama.cpp may end."""
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
