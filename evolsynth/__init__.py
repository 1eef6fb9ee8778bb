"""Instruction-tuning data on a laptop: Magpie, Self-Instruct and Evol-Instruct in process.

The names here are all that a script needs. They are imported when first used, so that
``import evolsynth`` loads neither torch nor llama.cpp.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolsynth.data.files import read_rows
    from evolsynth.errors import EvolsynthError
    from evolsynth.evaluation.embed.minilm import MiniLM
    from evolsynth.evaluation.gate.gate import Gate
    from evolsynth.evaluation.information_loss.score import information_loss
    from evolsynth.llm.base import Completion, Prompt, Request, Sampling
    from evolsynth.llm.llamacpp.engine import LlamaCpp
    from evolsynth.llm.scripted import Scripted
    from evolsynth.llm.structured.ask import structured
    from evolsynth.methods.evolve.evolve import evolve
    from evolsynth.methods.generate import generate
    from evolsynth.methods.magpie.magpie import magpie
    from evolsynth.methods.preference import preference
    from evolsynth.methods.respond import respond
    from evolsynth.methods.self_instruct.queries import self_instruct
    from evolsynth.methods.self_instruct.tasks import bootstrap_tasks
    from evolsynth.report.build import write_report
    from evolsynth.rows import Message, Row, Verdict, write_rows

__version__ = "0.1.0"

_HOMES = {
    "Completion": "llm.base",
    "EvolsynthError": "errors",
    "Gate": "evaluation.gate.gate",
    "LlamaCpp": "llm.llamacpp.engine",
    "Message": "rows",
    "MiniLM": "evaluation.embed.minilm",
    "Prompt": "llm.base",
    "Request": "llm.base",
    "Row": "rows",
    "Sampling": "llm.base",
    "Scripted": "llm.scripted",
    "Verdict": "rows",
    "bootstrap_tasks": "methods.self_instruct.tasks",
    "evolve": "methods.evolve.evolve",
    "generate": "methods.generate",
    "information_loss": "evaluation.information_loss.score",
    "magpie": "methods.magpie.magpie",
    "preference": "methods.preference",
    "read_rows": "data.files",
    "respond": "methods.respond",
    "self_instruct": "methods.self_instruct.queries",
    "structured": "llm.structured.ask",
    "write_report": "report.build",
    "write_rows": "rows",
}

__all__ = [
    "Completion",
    "EvolsynthError",
    "Gate",
    "LlamaCpp",
    "Message",
    "MiniLM",
    "Prompt",
    "Request",
    "Row",
    "Sampling",
    "Scripted",
    "Verdict",
    "bootstrap_tasks",
    "evolve",
    "generate",
    "information_loss",
    "magpie",
    "preference",
    "read_rows",
    "respond",
    "self_instruct",
    "structured",
    "write_report",
    "write_rows",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'evolsynth' has no attribute '{name}'")
    return getattr(importlib.import_module(f"evolsynth.{home}"), name)


def __dir__() -> list[str]:
    return __all__
