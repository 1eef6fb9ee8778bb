"""What is known of a model before it is loaded: its file, what its header says, whether it fits."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from evolsynth.errors import EvolsynthError, InputError
from evolsynth.llm.llamacpp.context import check_room, context_bytes
from evolsynth.llm.llamacpp.files import CatalogueEntry, Weights, find_model, requantised, sha256_of
from evolsynth.llm.llamacpp.machine import Arrangement, available_memory
from evolsynth.llm.llamacpp.model import has_amx
from evolsynth.llm.llamacpp.outline import Outline, read_outline
from evolsynth.llm.llamacpp.quantise import Quantisation, find_quantisation, importance_of
from evolsynth.llm.template import ChatTemplate

__all__ = ["CATALOGUE_CHOICE", "LEAST_SLOTS", "Wish", "alike", "check_context", "look", "prepare"]
__all__ += ["taken", "weights_bytes"]

#: The quantisation where none is asked for: what the catalogue found best for the model.
CATALOGUE_CHOICE = "catalogue"
_OUTPUTS = ("output.weight", "token_embd.weight")
#: Where memory is short and nobody says how many slots there are to be.
LEAST_SLOTS = 4


class Wish(NamedTuple):
    """What a model was asked for by: see `LlamaCpp`, whose options these are. ``slots`` and
    ``arrangement`` are None where nobody said."""

    model: str
    quantisation: str | None
    slots: int | None
    context: int
    arrangement: Arrangement | None
    store: int
    chat_template: str | None
    think: bool | None
    flash: bool | None
    arguments: Mapping[str, Any]


def template_told(told: str | None) -> str | None:
    """The chat template that an option tells; see `find_template`."""
    if told is None:
        return None
    from evolsynth.llm.families import find_template

    return find_template(told)


def look(wish: Wish, *, chat: bool) -> None:
    """See what can be seen of a model before it is loaded: some hundredths of a second.

    Args:
        wish: the model and its settings.
        chat: whether it is to be asked by its chat template.

    Raises:
        ModelNotFound: no such model; the message says how to get it.
        InputError: the file is no usable model, or the context is longer than it was trained for.
        TemplateError: there is no chat template, or a broken one.
        SetupError: there is not enough memory.
    """
    path, entry = find_model(wish.model)
    outline = read_outline(path)
    name = wish.model if entry is not None else path.stem
    if outline.trained_context:
        check_context(wish.context, name, outline.trained_context)
    if chat:
        ChatTemplate(wish.chat_template or outline.template, wish.arguments, model=name)
    check_room(
        outline,
        name=name,
        weights=weights_bytes(outline, _wanted(wish.quantisation, path, entry)),
        sequences=wish.slots or LEAST_SLOTS,
        tokens=wish.context,
        contexts=1 if wish.arrangement is None else wish.arrangement.contexts,
        available=available_memory(),
    )


def weights_bytes(outline: Outline, quantisation: Quantisation | None) -> int:
    """Bytes of a file's weights as they will be loaded.

    llama.cpp keeps the matrix of the output, which in small models is that of the tokens too, in
    6 bits, and in 8 where its rows are no multiple of 256.
    """
    if quantisation is None:
        return outline.bytes
    last = next((t for name in _OUTPUTS for t in outline.tensors if t.name == name), None)
    finest = 0 if last is None else math.prod(last.shape)
    kept = 0.0 if last is None else max(quantisation.bits, 8.5 if last.shape[0] % 256 else 6.6)
    return int(((outline.parameters - finest) * quantisation.bits + finest * kept) / 8)


def taken(wish: Wish, *, slots: int, contexts: int) -> tuple[int, int]:
    """Bytes of memory that a model's weights take once it is loaded, and its contexts.

    Raises:
        ModelNotFound, InputError: as `look`.
    """
    path, entry = find_model(wish.model)
    outline = read_outline(path)
    one = context_bytes(outline, sequences=slots, tokens=wish.context)
    return weights_bytes(outline, _wanted(wish.quantisation, path, entry)), contexts * one


def alike(wish: Wish) -> Hashable | None:
    """Equal for wishes that the same engine fulfils, by whatever path or name; None for a model
    that is not there."""
    try:
        path, entry = find_model(wish.model)
        wanted = _wanted(wish.quantisation, path, entry)
        file = path.stat()
    except (EvolsynthError, OSError):  # told when it starts
        return None
    quantisation = None if wanted is None else wanted.name
    rest = wish[2:-1]
    return ("llamacpp", file.st_dev, file.st_ino, quantisation, rest, repr(wish.arguments))


def check_context(context: int, name: str, trained: int) -> None:
    """See that a slot is no longer than what the model was trained for.

    Raises:
        InputError: it is.
    """
    if context > trained:
        raise InputError(
            f"context is {context}, but {name} was trained for {trained} tokens. Use at most that."
        )


def prepare(model: str, quantisation: str | None, *, make: bool = True) -> Weights:
    """The file to load, made first if it must be; else the one to make it from.

    Raises:
        ModelNotFound: no such model.
        InputError: the file is no usable model, or there is no such quantisation.
        SetupError: the file that is loaded could not be made.
    """
    path, entry = find_model(model)
    sha256 = sha256_of(path)
    if entry is not None and path.name == entry.file and sha256 != entry.sha256:
        raise InputError(
            f"{path}: the file is damaged (its SHA-256 is not the pinned one). Get it again "
            f"with: {entry.get_again}"
        )
    if make and (entry is None or sha256 != entry.sha256 or has_amx()):
        from evolsynth.llm.llamacpp.apart import tried

        tried(path, sha256)
    name = model if entry is not None else path.stem
    wanted = _wanted(quantisation, path, entry)
    if wanted is None:
        return Weights(path, name, sha256, "as given", "")
    importance = importance_of(path, wanted)
    weighed = importance.sha256 if importance is not None else ""
    if make:
        path = requantised(path, sha256, wanted.name)
    return Weights(path, name, sha256, wanted.name, weighed)


def _wanted(asked: str | None, path: Path, entry: CatalogueEntry | None) -> Quantisation | None:
    """What to turn the file into, if into anything."""
    if asked != CATALOGUE_CHOICE:
        return None if asked is None else find_quantisation(asked)
    if entry is None or entry.quantisation is None:
        return None
    wanted = find_quantisation(entry.quantisation)
    try:
        importance_of(path, wanted)
    except InputError:  # another version of the model, from the hub's cache
        return find_quantisation("Q4_0")
    return wanted
