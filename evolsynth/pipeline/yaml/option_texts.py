"""What is said about the options of steps, taken from the docstrings of the methods."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from evolsynth.data import origin
from evolsynth.methods.evol_instruct.evol_instruct import evol_instruct
from evolsynth.methods.generate import generate
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.options import option_texts as declared
from evolsynth.options import summary as about

__all__ = ["about", "option_texts"]

#: Whose docstring tells of a step's options, where it is not its own.
_HOMES: Mapping[str, Callable[..., Any]] = {
    "evolve": evol_instruct,
    "generate": generate,
    "generate_rows": generate,
    "load": origin,
    "magpie": magpie,
}
_CALLED = {"evolve": {"rounds": "num_evolutions"}}
_MORE: Mapping[str, Mapping[str, str]] = {
    "bootstrap_tasks": {"n": "How many tasks are to be accepted."},
    "gate": {"settings": "The gate's thresholds, or the path of a file with them."},
    "generate_rows": {"n": "How many rows; by default as many as the run's budget asks for."},
    "group": {
        "columns": "The columns of which lists are made.",
        "output_columns": "What the lists are called; by default responses for response.",
    },
    "keep_columns": {"columns": "The columns to keep."},
    "load": {
        "data": "A file (.jsonl, .json, .parquet, .csv, .tsv, .txt, .md), a folder or pattern of "
        "text files, hf://owner/name, or rows themselves. Paths begin at this file's folder.",
    },
    "magpie": {"n": "How many rows; by default as many as the run's budget asks for."},
    "preference": {
        "score": "By which responses are compared: rules (findings of the gate's checks), ifd or "
        "judge (both ask the step's model).",
        "margin": "By how much the best must win; by default 1 finding, 0.1 or 0.5 levels of 6.",
        "least": "What the best must reach; by default 0 (no finding) with rules.",
    },
    "rename": {"columns": "New names for columns: {generation: response}."},
    "respond": {
        "prompt": "The prompt file whose system turn answers are made under; null: the model's.",
        "system": "The system turn of rows that have none of their own.",
    },
    "self_instruct": {
        "num_instructions": "Queries for each context.",
        "sampling": "How queries are drawn; by default the family's own.",
    },
}


def option_texts(doc: str, kind: str = "") -> dict[str, str]:
    """A text for each option that a docstring has under ``Args:``."""
    if kind in _HOMES:
        doc = inspect.getdoc(_HOMES[kind]) or ""
    texts = dict(declared(doc))
    for name, other in _CALLED.get(kind, {}).items():
        texts[name] = texts.get(other, "")
    texts.update(_MORE.get(kind, {}))
    return texts
