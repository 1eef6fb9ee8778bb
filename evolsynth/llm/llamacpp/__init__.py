"""Models in process, on llama.cpp's batch interface."""

from evolsynth.llm.llamacpp.engine import DEFAULT_MODEL, DEFAULT_SLOTS, LlamaCpp
from evolsynth.llm.llamacpp.machine import available_threads

__all__ = ["DEFAULT_MODEL", "DEFAULT_SLOTS", "LlamaCpp", "available_threads"]
