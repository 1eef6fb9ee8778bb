"""What ``evolsynth doctor`` looks at for `LlamaCpp`: each gives a line, or raises with the fix."""

from __future__ import annotations

import os

from evolsynth.errors import ModelNotFound, SetupError
from evolsynth.llm.backends import DEFAULT_MODEL
from evolsynth.llm.llamacpp import machine
from evolsynth.llm.llamacpp.engine import LlamaCpp
from evolsynth.llm.llamacpp.files import find_model
from evolsynth.llm.llamacpp.machine import available_threads
from evolsynth.llm.llamacpp.model import llama

__all__ = ["default_model", "library", "memory", "threads"]

_LEAST_MEMORY = 2.0  # GiB: two contexts, the embedder with torch, the stored prompts


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
    """Whether there is enough."""
    found = machine.available_memory()
    if found == machine.UNKNOWN:
        return (
            f"not known here; a run with the default model and embedder takes {_LEAST_MEMORY} GiB"
        )
    free = found / 2**30
    if free < _LEAST_MEMORY:
        raise SetupError(
            f"{free:.1f} GiB are available, and a run with the default model and embedder takes "
            f"{_LEAST_MEMORY} GiB. Close other programs, or use LlamaCpp(slots=4)."
        )
    return f"{free:.1f} GiB available, of which a default run takes {_LEAST_MEMORY}"


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
