"""What ``evolsynth doctor`` looks at for `LlamaCpp`: each gives a line, or raises with the fix."""

from __future__ import annotations

import os

from evolsynth.errors import ModelNotFound, SetupError
from evolsynth.llm.backends import DEFAULT_MODEL
from evolsynth.llm.llamacpp import machine
from evolsynth.llm.llamacpp.ahead import taken
from evolsynth.llm.llamacpp.engine import DEFAULT_SLOTS, LlamaCpp
from evolsynth.llm.llamacpp.files import find_model
from evolsynth.llm.llamacpp.machine import available_threads
from evolsynth.llm.llamacpp.model import llama

__all__ = ["default_model", "library", "memory", "threads"]

_MIB = 2**20
#: What a run takes beside the model: Python and its libraries, torch among them, and the embedder;
#: and prompts that are stored. Measured; see docs/engine.md.
_BESIDE, _STORED = 680 * _MIB, 60 * _MIB


def threads() -> str:
    """How many there are, and how they are used."""
    given = " (from EVOLSYNTH_THREADS)" if os.environ.get("EVOLSYNTH_THREADS") else ""
    threads = available_threads()
    try:
        chosen = LlamaCpp().remembered()
    except ModelNotFound:  # another line tells
        chosen = None
    how = f"{chosen} (measured)" if chosen else "measured at the first run"
    return f"{threads}{given}; contexts x threads: {how}"


def memory() -> str:
    """Whether there is enough for a run as it comes: the model, its contexts, the embedder.

    Raises:
        SetupError: there is not enough.
    """
    found = machine.available_memory()
    try:
        llm = LlamaCpp()
        chosen = llm.remembered()
        contexts = chosen.contexts if chosen is not None else llm.contexts
        model, contexts = taken(llm._wish, slots=DEFAULT_SLOTS, contexts=contexts)
    except ModelNotFound:  # another line tells
        return f"{_told(found)} available" if found < machine.UNKNOWN else "not known here"
    needed = model + contexts + _BESIDE + _STORED
    parts = (
        f"{_told(needed)} (the model {_told(model)}, its contexts {_told(contexts)}, embedder, "
        f"libraries and stored prompts {_told(_BESIDE + _STORED)})"
    )
    if found == machine.UNKNOWN:
        return f"not known here; a run with the default model and embedder takes {parts}"
    if found < needed:
        raise SetupError(
            f"{_told(found)} are available, and a run with the default model and embedder takes "
            f"{parts}. Close other programs, or use LlamaCpp(slots=4)."
        )
    return f"{_told(found)} available, of which a default run takes {parts}"


def _told(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / _MIB:.0f} MiB"


def library() -> str:
    """llama.cpp's build."""
    native = llama()
    facts = native.llama_print_system_info().decode("utf-8", "replace")
    built = " ".join(f.split(" = ")[0].split()[-1] for f in facts.split("|") if "= 1" in f)
    return f"llama-cpp-python {native.__version__}, built for {built}"


def default_model() -> str:
    """Where the default model is."""
    path, entry = find_model(DEFAULT_MODEL)
    use = f", used as {entry.quantisation}" if entry and entry.quantisation else ""
    return f"{path}{use}"
