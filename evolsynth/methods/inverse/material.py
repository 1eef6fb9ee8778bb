"""What of a text can be spoiled: sentences, paragraphs, lists, tables, JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping

from evolsynth.evaluation.demands.reading import sentence_places
from evolsynth.evaluation.problems.tables.tabular import FORMATS, Table, read, written
from evolsynth.evaluation.spoiling.spoiler import Unit

__all__ = ["material"]

_BULLET = re.compile(r"(?:[-*•] |\d+[.)] )")
_RULE = re.compile(r"\|?\s*:?-{2,}")
#: Words of one paragraph at most, and of one to three sentences.
_PARAGRAPH, _SENTENCES = 110, 60


def material(text: str) -> Mapping[Unit, list[str]]:
    """The parts of a text, by what they are, each as it stands there.

    A Markdown table is written without the spaces that only line it up.
    """
    found: dict[Unit, list[str]] = {
        "sentence": [], "sentences": [], "paragraph": [], "lines": [], "table": [], "json": [],
    }  # fmt: skip
    if text.lstrip().startswith(("[", "{")) and read(text.strip(), "JSON") is None:
        found["json"].append(text.strip())
    for block in re.split(r"\n[ \t]*\n", text):
        _add(found, block.strip("\n"))
    return found


def _add(found: Mapping[Unit, list[str]], block: str) -> None:
    lines = block.split("\n")
    if lines[0].startswith("#"):
        lines = lines[1:]
    if not lines or not lines[0].strip():
        return
    table = _table("\n".join(lines))
    if table is not None:
        found["table"].append(table)
        return
    if len(lines) > 1:
        items = lines if all(_BULLET.match(line) for line in lines) else []
        short = all(len(line.split()) <= 12 and line.strip() for line in lines)
        if items or short:
            found["lines"].append("\n".join(items or lines))
        if items or short:
            return
    prose = " ".join(line.strip() for line in lines)
    if _BULLET.match(prose) or not prose[:1].isalpha():
        return
    sentences = [prose[a:b].strip() for a, b in sentence_places(prose)]
    if len(prose.split()) <= _PARAGRAPH:
        found["paragraph"].append(prose)
    for start in range(len(sentences)):
        for n in (1, 2, 3):
            part = " ".join(sentences[start : start + n])
            whole = start + n <= len(sentences) and 8 <= len(part.split()) <= _SENTENCES
            if whole and part in prose and part[-1] in ".?!":
                found["sentences"].append(part)
                if n == 1:
                    found["sentence"].append(part)


def _table(block: str) -> str | None:
    """The block as `written` has it, if it is a table."""
    for form in FORMATS:
        if read(block, form) is not None:
            return block
    lines = block.split("\n")
    if len(lines) < 4 or "|" not in lines[0] or not _RULE.match(lines[1]):
        return None
    rows = [tuple(c.strip() for c in line.strip().strip("|").split("|")) for line in lines]
    made = Table(rows[0], tuple(rows[2:]))
    if any(len(row) != len(made.columns) for row in made.rows):
        return None
    text = written(made, "Markdown")
    return text if read(text, "Markdown") == made else None
