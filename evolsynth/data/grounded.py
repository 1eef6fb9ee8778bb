"""Rows of others beside the texts that they are to stand in: ``evolsynth gate --grounded-in``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evolsynth.columns import column
from evolsynth.data.files import read_objects
from evolsynth.data.text_source import texts
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.check import Case
from evolsynth.evaluation.gate.checks.support import support_of
from evolsynth.evaluation.support.evidence import bearing
from evolsynth.evaluation.support.reading import Sentence
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["Grounds", "InField", "InTexts", "TextPart", "grounds_of", "parts_of"]


class TextPart(NamedTuple):
    """A passage of a text, the name of its file, and its number in it, from 1."""

    text: str
    source: str
    part: int


class Grounds:
    """Where the text of each row is; see `InField` and `InTexts`."""

    def __init__(self) -> None:
        self._came: dict[int, Row] = {}
        self._next = 0
        self._left = 0
        self.without = 0

    def beside(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Each row with its text as its input, and as it was where there is none for it."""
        for row in rows:
            seen = self.seen(row)
            self.without += seen is None
            self._came[self._next] = row
            self._next += 1
            yield row if seen is None else seen

    def back(self, row: Row, embedder: Embedder | None) -> Row:
        """A row that was looked at, as it came, with what was found: verdict, scores, evidence.

        To be called once for each row of `beside`, in their order.
        """
        came = self._came.pop(self._left)
        self._left += 1
        extra = dict(came.extra)
        found = None if row.failure is not None else support_of(Case(row, embedder=embedder))
        text = row.input or ""
        if found is not None and found.evidence:
            here = came.input == text
            extra["evidence"] = [
                {"start": s, "end": e, **({} if here else {"text": text[s:e]})}
                for s, e in found.evidence
            ]
            extra |= self.told(row)
        return row.replace(extra=extra)

    def seen(self, row: Row) -> Row | None:
        """The row with its text as its input; None where there is none for it."""
        raise NotImplementedError

    def told(self, row: Row) -> Mapping[str, Any]:
        """Columns that say where the text of a row that was looked at is from."""
        return {}


class InField(Grounds):
    """The text is in a column of the row: a text, or several."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def seen(self, row: Row) -> Row | None:
        """The row with what stands in the column as its input."""
        text = text_in(column(row, self.name))
        return None if text is None else row.replace(extra={**row.extra, "input": text})


def text_in(value: Any) -> str | None:
    """The text of a column's value; texts of a list one below the other; None where none is."""
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        value = "\n".join(value)
    return value if isinstance(value, str) and value.strip() else None


class InTexts(Grounds):
    """The text is one of some passages: the one that is nearest to the row."""

    def __init__(self, parts: Sequence[TextPart], embedder: Embedder | None) -> None:
        super().__init__()
        self._parts, self._embedder = parts, embedder
        self._places = {(part.source, part.part): part for part in parts}
        self._vectors = None if embedder is None else embedder.embed([p.text for p in parts])
        self._read = [Sentence(part.text, 0, len(part.text)) for part in parts]

    def seen(self, row: Row) -> Row | None:
        """The row with the nearest passage as its input."""
        said = " ".join(filter(None, (row.instruction, row.response)))
        if not said.strip():
            return None
        if self._embedder is not None and self._vectors is not None:
            best = int(np.argmax(self._vectors @ self._embedder.embed([said])[0]))
        else:
            best = bearing(self._read, None, Sentence(said, 0, len(said)))[0]
        part = self._parts[best]
        told = {"input": part.text, "source": part.source, "part": part.part}
        return row.replace(extra={**row.extra, **told})

    def told(self, row: Row) -> Mapping[str, Any]:
        """The file's name and the passage's number in it."""
        return {name: row.extra[name] for name in ("source", "part")}


def parts_of(where: str) -> list[TextPart]:
    """The passages of the texts in a folder, or of one file or pattern; see `texts`.

    Raises:
        InputError: there are none, or one cannot be read.
        SetupError: a package that a kind of file needs is not installed.
    """
    rows = (row.extra for row in texts(where))
    return [TextPart(extra["input"], str(extra["source"]), int(extra["part"])) for extra in rows]


def grounds_of(where: str, data: str) -> Callable[[Embedder | None], Grounds]:
    """What makes, with an embedder, the place where the texts of a file's rows are: a folder, a
    file or a pattern, or else a field.

    Raises:
        InputError: there is no such folder, and no row has such a field; or a text cannot be read.
    """
    if any(mark in where for mark in "/*?") or Path(where).exists():
        return partial(InTexts, parts_of(where))
    if data != "-" and not any(text_in(fields.get(where)) for _, fields in read_objects(data)):
        raise InputError(
            f"--grounded-in {where}: there is no such folder or file, and no row of {data} has a "
            "text in a field of that name. Name the field that holds each row's text, or the "
            "folder of the texts."
        )
    return lambda _: InField(where)
