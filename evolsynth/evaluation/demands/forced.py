"""Forms that a small model never finds by itself, as grammars that its answer is held to.

Asked for headings or for a list of exactly five points, SmolLM2-135M writes prose about them. Asked
the request alone, and held to a grammar (GBNF, the form of llama.cpp), it puts what it would have
said into the form. A grammar leaves the words open and asks for no more than its demand; the demand
is checked all the same. Tables, JSON objects, YAML and CSV are not here: held to them, of requests
that do not name them, the model writes nonsense, and of others, texts about tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evolsynth.evaluation.demands.demand import Demand

__all__ = ["FORCED", "choice_of", "grammar_of"]

#: What the grammars are made of. Sentences and paragraphs have an end, or a model that repeats
#: itself would never come to the next part.
_PARTS = r"""
sentence ::= [A-Z] [^\n.!?*#|]{10,200} "."
question ::= [A-Z] [^\n.!?*#|]{10,120} "?"
line ::= [A-Z] [^\n.!?*#|]{8,70} [.,;!?]
para ::= sentence (" " sentence){0,2}
title ::= [A-Z] [A-Za-z' ]{3,70}
string ::= "\"" [A-Za-z0-9] [^"\\\n]{2,60} "\""
"""

Values = Mapping[str, Any]


def grammar_of(demands: Sequence[Demand]) -> str | None:
    """The grammar of the first of some demands that has one; None where none has."""
    for one in demands:
        if one.kind in FORCED:
            return f"root ::= {FORCED[one.kind](one.values)}\n{_PARTS}"
    return None


def choice_of(labels: Sequence[str]) -> str:
    """A grammar whose answers are one of some labels, as a sentence of its own ("Advertising.")."""
    return f"root ::= {' | '.join(_text(f'{one[:1].upper()}{one[1:]}.') for one in labels)}\n"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _joined(pieces: Sequence[str], border: str) -> str:
    return f" {_text(border)} ".join(pieces)


def _list(mark: str, least: int, most: int | None = None) -> str:
    more = f"{least - 1}" if most is None else f"{least - 1},{most - 1}"
    return f"{_text(mark)} sentence ({_text(chr(10) + mark)} sentence){{{more}}}"


def _numbered(values: Values) -> str:
    return _joined([f"{_text(f'{i}. ')} sentence" for i in range(1, values["n"] + 1)], "\n")


def _nested(values: Values) -> str:
    one = f'"* " sentence ({_text(chr(10) + "  - ")} sentence){{{values["sub"]}}}'
    return _joined([one] * values["n"], "\n")


def _array(pieces: Sequence[str]) -> str:
    return f'"[" {_joined(pieces, ", ")} "]"'


def _sections(titles: Sequence[str]) -> str:
    return _joined([f"{title} {_text(chr(10))} para" for title in titles], "\n\n")


def _opening(values: Values) -> str:
    paragraphs = ["para"] * values["n"]
    paragraphs[values["nth"] - 1] = (
        f'{_text(values["word"] + " ")} [^\\n.!?*#|]+ "." (" " sentence){{0,2}}'
    )
    return _joined(paragraphs, "\n\n")


#: What follows "root ::=", by kind of demand.
FORCED: Mapping[str, Callable[[Values], str]] = {
    "bold_beginnings": lambda v: (
        f'"- **" title "**: " sentence ({_text(chr(10) + "- **")} title "**: " sentence)'
        f"{{{v['least'] - 1},{v['least']}}}"
    ),
    "bullets_exactly": lambda v: _list("* ", v["n"]),
    "checklist": lambda v: _list("- [ ] ", v["n"]),
    "example_paragraph": lambda _: f"para {_text(chr(10) * 2 + 'For example, ')} [a-z] [^\\n]+",
    "first_word_of_paragraph": _opening,
    "headings": lambda v: _sections([_text(f"## {name}\n") for name in v["names"]]),
    "headings_exactly": lambda v: _sections([f'"## " title {_text(chr(10))}'] * v["n"]),
    "intro_list_close": lambda v: _joined(["sentence", _list("- ", v["n"]), "sentence"], "\n\n"),
    "json_list": lambda v: _array(["string"] * v["n"]),
    "lines_exactly": lambda v: _joined(["line"] * v["n"], "\n"),
    "nested_bullets": _nested,
    "numbered_exactly": _numbered,
    "one_sentence_per_line": lambda _: f"sentence ({_text(chr(10))} sentence){{4,6}}",
    "postscript": lambda v: f"para {_text(chr(10) * 2 + v['marker'] + ' ')} sentence",
    "questions_and_answers": lambda v: _joined(
        [f'"Q: " question {_text(chr(10) + "A: ")} para'] * v["n"], "\n"
    ),
    "sections_exactly": lambda v: _sections(
        [_text(f"{v['word']} {i}") for i in range(1, v["n"] + 1)]
    ),
    "sentences_then_bullets": lambda v: _joined(
        [_joined(["sentence"] * v["sentences"], " "), _list("* ", v["least"], v["least"] + 2)],
        "\n\n",
    ),
    "summary_line": lambda v: f"para {_text(chr(10) * 2 + v['label'] + ': ')} sentence",
    "sums_up": lambda v: f'para {_text(chr(10) * 2 + v["phrase"] + ", ")} [a-z] [^\\n.!?]+ "."',
    "tags": lambda v: _joined(
        [f"{_text(f'<{name}>')} para {_text(f'</{name}>')}" for name in v["names"]], "\n"
    ),
}
