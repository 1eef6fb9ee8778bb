"""Models in process, on llama.cpp's batch interface."""

from evolsynth.llm.llamacpp.engine import DEFAULT_MODEL, LlamaCpp, available_threads

__all__ = ["DEFAULT_MODEL", "LlamaCpp", "available_threads"]
