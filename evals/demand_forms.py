"""Responses in a form that a demand asks for, made of the sentences of an answer; or near it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evolsynth.evaluation.demands import Demand

__all__ = ["in_form"]

Values = Mapping[str, Any]
Form = Callable[[Sequence[str], Values], str]


def _lines(some: Sequence[str], number: int, mark: str) -> str:
    return "\n".join(f"{mark} {some[i % len(some)]}" for i in range(number))


def _paragraphs(some: Sequence[str], v: Values, between: str) -> str:
    return between.join(some[i % len(some)] for i in range(v["n"]))


def _beginning(some: Sequence[str], v: Values) -> str:
    found = _paragraphs(some, v, "\n\n").split("\n\n")
    found[v["nth"] - 1] = f"{v['word'].capitalize()}, {found[v['nth'] - 1]}"
    return "\n\n".join(found)


def _nested(some: Sequence[str], v: Values) -> str:
    below = "\n".join(f"  - {some[-1 - i % len(some)]} {i}" for i in range(v["sub"]))
    return "\n".join(f"* {some[i % len(some)]}\n{below}" for i in range(v["n"]))


def _object(some: Sequence[str], v: Values) -> dict[str, str]:
    return {key: some[i % len(some)] for i, key in enumerate(v["keys"])}


#: By kind: what meets it, given sentences and the demand's values.
_FORMS: Mapping[str, Form] = {
    "bullets_exactly": lambda some, v: _lines(some, v["n"], "*"),
    "bullet_mark": lambda some, v: _lines(some, v["least"] + 1, v["mark"]),
    "nested_bullets": _nested,
    "sentences_then_bullets": lambda some, v: (
        f"{some[0]} It is so. And more.\n\n{_lines(some, v['least'], '*')}"
    ),
    "paragraphs_divided": lambda some, v: _paragraphs(some, v, f"\n\n{v['divider']}\n\n"),
    "first_word_of_paragraph": _beginning,
    "sections_exactly": lambda some, v: "\n\n".join(
        f"{v['word']} {i + 1}\n{some[i % len(some)]}" for i in range(v["n"])
    ),
    "placeholders": lambda some, v: " ".join([*some, *("[name]", "[date]", "[place]")[: v["n"]]]),
    "highlighted": lambda some, v: " ".join(f"*{one.strip('*')}*" for one in some),
    "italic_thesis": lambda some, v: f"<i>{some[0]}</i> {some[-1]} So it is.",
    "json_only": lambda some, v: json.dumps({"answer": some[0]}),
    "json_object": lambda some, v: json.dumps(_object(some, v)),
    "json_list": lambda some, v: json.dumps([f"{i}: {some[0]}" for i in range(v["n"])]),
    "json_records": lambda some, v: json.dumps([_object(some, v)] * v["n"]),
    "two_versions": lambda some, v: (
        f"{' '.join(some)}\n\n******\n\n{' '.join(reversed(some))} So it is."
    ),
    "begins_with": lambda some, v: f"{v['text']} {' '.join(some)}",
    "ends_with": lambda some, v: f"{' '.join(some)} {v['text']}",
    "quoted": lambda some, v: '"' + " ".join(some).replace('"', "") + '"',
    "sentences_exactly": lambda some, v: " ".join(f"It is number {i}." for i in range(v["n"])),
    "words_about": lambda some, v: " ".join(["word"] * v["n"]),
}


def in_form(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    """The form that is asked for, or that of a number one away; empty where none is known."""
    form = _FORMS.get(demand.kind)
    some = [one for one in re.split(r"(?<=[.!?])\s+", " ".join(text.split())) if one]
    if form is None or not some:
        return ""
    values = dict(demand.values)
    if isinstance(values.get("n"), int) and "nth" not in values:
        values["n"] = max(1, values["n"] + chance.choice((0, 0, 0, 1, -1)))
    return form(some, values)
