"""Instruction-tuning data on a laptop: Magpie, Self-Instruct and Evol-Instruct in process.

The names here are all that a script needs. They are imported when first used, so that
``import evolsynth`` loads neither torch nor llama.cpp.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from evolsynth.doing import SHOWS

if TYPE_CHECKING:
    from evolsynth.data.files import read_rows
    from evolsynth.errors import EvolsynthError
    from evolsynth.evaluation.embed.minilm import MiniLM
    from evolsynth.evaluation.gate.check import Check, check
    from evolsynth.evaluation.gate.gate import Gate
    from evolsynth.evaluation.gate.settings import GateSettings
    from evolsynth.evaluation.information_loss.score import information_loss
    from evolsynth.findings import Finding
    from evolsynth.llm.base import LLM, Completion, Prompt, Request, Sampling
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
    from evolsynth.pipeline.graph import Pipeline
    from evolsynth.pipeline.makers import step
    from evolsynth.pipeline.run.state import RunResult, RunWatch
    from evolsynth.pipeline.yaml.load import load_pipeline
    from evolsynth.report.build import write_report
    from evolsynth.rows import Message, Row, Verdict, write_rows

__version__ = "0.1.0"

_HOMES = {
    "Check": "evaluation.gate.check",
    "Completion": "llm.base",
    "EvolsynthError": "errors",
    "Finding": "findings",
    "Gate": "evaluation.gate.gate",
    "GateSettings": "evaluation.gate.settings",
    "LLM": "llm.base",
    "LlamaCpp": "llm.llamacpp.engine",
    "Message": "rows",
    "MiniLM": "evaluation.embed.minilm",
    "Pipeline": "pipeline.graph",
    "Prompt": "llm.base",
    "Request": "llm.base",
    "Row": "rows",
    "RunResult": "pipeline.run.state",
    "Sampling": "llm.base",
    "Scripted": "llm.scripted",
    "Verdict": "rows",
    "bootstrap_tasks": "methods.self_instruct.tasks",
    "check": "evaluation.gate.check",
    "evolve": "methods.evolve.evolve",
    "generate": "methods.generate",
    "information_loss": "evaluation.information_loss.score",
    "load_pipeline": "pipeline.yaml.load",
    "magpie": "methods.magpie.magpie",
    "preference": "methods.preference",
    "read_rows": "data.files",
    "respond": "methods.respond",
    "self_instruct": "methods.self_instruct.queries",
    "step": "pipeline.makers",
    "structured": "llm.structured.ask",
    "write_report": "report.build",
    "write_rows": "rows",
}

__all__ = [
    "LLM",
    "Check",
    "Completion",
    "EvolsynthError",
    "Finding",
    "Gate",
    "GateSettings",
    "LlamaCpp",
    "Message",
    "MiniLM",
    "Pipeline",
    "Prompt",
    "Request",
    "Row",
    "RunResult",
    "Sampling",
    "Scripted",
    "Verdict",
    "bootstrap_tasks",
    "check",
    "evolve",
    "generate",
    "information_loss",
    "load_pipeline",
    "magpie",
    "preference",
    "read_rows",
    "respond",
    "self_instruct",
    "step",
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


# This package is above all of its parts, and so knows what shows them.


def _html(what: Any) -> str:
    from evolsynth.report.notebook import html_of

    return html_of(what)


def _watch() -> RunWatch | None:
    if "ipykernel" not in sys.modules:
        return None
    from evolsynth.cli.progress.watch import watcher

    return watcher()


SHOWS |= {"html": _html, "watch": _watch}
