"""A JSON Lines file as a sequence of one field's texts, which stay in the file."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, overload

import msgspec

from evolsynth.errors import InputError

__all__ = ["TextField"]

_BOM = b"\xef\xbb\xbf"


class TextField(Sequence[str]):
    """The texts of one field, in the order of the lines; blank lines are skipped.

    Memory: 24 bytes a line, whatever its length: texts are read when they are asked for. The file
    must stay as it is meanwhile.

    Args:
        path: a file, or ``-`` for standard input, which is copied to a temporary file.
        field: the field that holds the text.
        score: a field that holds a number, on the row or in its ``scores``; none if None.

    Raises:
        InputError: no such file, a line that is no JSON object in UTF-8, or one that has not the
            field, or something else in it than text or a number. It names the line.
    """

    def __init__(self, path: str, field: str, score: str | None = None) -> None:
        self.path, self.field = path, field
        self.scores: array[float] | None = None if score is None else array("d")
        self._score = score
        self._file = _opened(path)
        self._starts, self._ends = array("q"), array("q")
        self._numbers = array("q")
        self._index()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _index(self) -> None:
        at = 0
        for number, raw in enumerate(self._file, 1):
            start, at = at, at + len(raw)
            body = raw.strip()
            if number == 1 and body.startswith(_BOM):
                body, start = body[3:].strip(), start + 3
            if not body:
                continue
            self._check(number, body)
            self._starts.append(start)
            self._ends.append(at)
            self._numbers.append(number)

    def _check(self, number: int, body: bytes) -> None:
        where = f"{self.path}, line {number}"
        try:
            row = _decoded(body)
        except UnicodeDecodeError:
            raise InputError(f"{where}: not UTF-8 text. Save the file as UTF-8.") from None
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{where}: not JSON ({error}). Each line must be one JSON object."
            ) from None
        if not isinstance(row, dict):
            raise InputError(f"{where}: a JSON object was expected, with named fields.")
        if not isinstance(row.get(self.field), str):
            raise InputError(f"{where}: {_wrong(row, self.field)}")
        if self.scores is not None:
            self.scores.append(self._score_of(row, where))

    def _score_of(self, row: dict[str, Any], where: str) -> float:
        name, own = str(self._score), row.get("scores")
        value = own.get(name) if isinstance(own, dict) and name in own else row.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                f"{where}: no number '{name}', on the row or in its 'scores'. "
                "Name with --score a field that every line has."
            )
        return float(value)

    def number(self, place: int) -> int:
        """The number of a text's line in the file, from 1."""
        return self._numbers[place]

    def raw(self, place: int) -> bytes:
        """A text's whole line, as it stands there, without its end."""
        return self._read(self._starts[place], self._ends[place]).strip()

    def row(self, place: int) -> dict[str, Any]:
        """A text's whole row."""
        row: dict[str, Any] = _decoded(self.raw(place))
        return row

    def all_raw(self) -> Iterator[bytes]:
        """All lines in order."""
        for start in range(0, len(self), 1024):
            yield from self._part(start, min(start + 1024, len(self)))

    def _part(self, start: int, stop: int) -> Iterator[bytes]:
        begin = self._starts[start] if start < stop else 0
        data = self._read(begin, self._ends[stop - 1]) if start < stop else b""
        for k in range(start, stop):
            yield data[self._starts[k] - begin : self._ends[k] - begin].strip()

    def _read(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        data = self._file.read(end - start)
        if len(data) < end - start:
            raise InputError(f"{self.path}: the file changed while it was read. Run it again.")
        return data

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            texts = [self._text(raw) for raw in self._part(start, max(start, stop))]
            return texts[::step]
        return self._text(self.raw(range(len(self))[place]))

    def _text(self, raw: bytes) -> str:
        text: str = _decoded(raw)[self.field]
        return text


def _decoded(raw: bytes) -> Any:
    """What a line says; half a surrogate pair in it, which some tools write, is let through."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        if b"\\u" not in raw:
            raise
        return json.loads(raw.decode(), parse_constant=_no_number)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _wrong(row: dict[str, Any], field: str) -> str:
    if row.get(field) is not None:
        return f"the field '{field}' holds no text. Name with --field one that does."
    texts = [name for name, value in row.items() if isinstance(value, str)]
    there = f"It has {', '.join(texts[:5])}." if texts else "It has no field with text."
    return f"no field '{field}'. {there} Name with --field the one to compare."


def _opened(path: str) -> IO[bytes]:
    if path == "-":
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.seek(0)
        return copy
    try:
        return Path(path).open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Give the path of a JSON Lines file.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
