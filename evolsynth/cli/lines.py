"""A file's rows as a sequence, which stay in the file."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, overload

from evolsynth.data.files import file_records, readers_of
from evolsynth.data.jsonl import JsonLines, line_object
from evolsynth.doing import doing
from evolsynth.errors import InputError
from evolsynth.flat import whole
from evolsynth.inputs import holds, input_of
from evolsynth.rows import dump

__all__ = ["Lines", "TextField"]

_ASKED = "instruction"
_BOM = b"\xef\xbb\xbf"


class Lines:
    """The JSON objects of a file's lines, in their order; blank lines are skipped.

    Memory: 24 bytes a line, whatever its length: lines are read when they are asked for. The file
    must stay as it is meanwhile. What is no JSON Lines file, or standard input (``-``), is copied
    into one that is temporary.

    Args:
        path: of a file of any kind that is read here, or ``-``.
        check: is called with each object once, and with its place for people.

    Raises:
        InputError: no such file, a line that is no JSON object in UTF-8, or what ``check`` raises.
    """

    def __init__(self, path: str, check: Callable[[dict[str, Any], str], None]) -> None:
        self.path = path
        self._starts, self._ends = array("q"), array("q")
        self._numbers = array("q")
        (first, *more) = readers_of(path, lenient=True)
        self._reader = first
        if not more and type(first) is JsonLines and first.path.suffix != ".gz":
            self._file: IO[bytes] = first.path.open("rb")
            self._index(check)
        else:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
            self._copy(check)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @doing("reading the rows")
    def _copy(self, check: Callable[[dict[str, Any], str], None]) -> None:
        at = 0
        for reader, number, row, line in file_records(self.path):
            check(row, reader.place(number))
            whole = dump(row).encode() if line is None else line
            at = self._note(number, at, at + self._file.write(whole + b"\n"))
        self._file.flush()

    @doing("reading the rows")
    def _index(self, check: Callable[[dict[str, Any], str], None]) -> None:
        at = 0
        for number, raw in enumerate(self._file, 1):
            start, at = at, at + len(raw)
            body = raw.strip()
            if number == 1 and body.startswith(_BOM):
                body, start = body[3:].strip(), start + 3
            row = line_object(body, self._reader, number)
            if isinstance(row, InputError):
                raise row
            if row is not None:
                check(row, self._reader.place(number))
                self._note(number, start, at)

    def _note(self, number: int, start: int, end: int) -> int:
        self._numbers.append(number)
        self._starts.append(start)
        self._ends.append(end)
        return end

    def __len__(self) -> int:
        return len(self._starts)

    def number(self, place: int) -> int:
        """The number of a line in the file, from 1."""
        return self._numbers[place]

    def raw(self, place: int) -> bytes:
        """A whole line, as it stands there, without its end."""
        return self._read(self._starts[place], self._ends[place]).strip()

    def row(self, place: int) -> dict[str, Any]:
        """A line's object."""
        return self.object(self.raw(place))

    def object(self, raw: bytes) -> dict[str, Any]:
        """What a line says, which was right when it was looked at first."""
        row = line_object(raw, self._reader, 0)
        if not isinstance(row, dict):
            raise InputError(f"{self.path}: the file changed while it was read. Run it again.")
        return row

    def all_raw(self) -> Iterator[bytes]:
        """All lines in order."""
        for start in range(0, len(self), 1024):
            yield from self.part(start, min(start + 1024, len(self)))

    def part(self, start: int, stop: int) -> Iterator[bytes]:
        """The lines from one place to before another, read at once."""
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


class TextField(Sequence[str]):
    """The texts of one field, in the order of the `Lines`.

    Args:
        path: see `Lines`.
        field: the field that holds the text.
        score: a field that holds a number, on the row or in its ``scores``; none if None.

    Raises:
        InputError: as `Lines` says, or a line has not the field, or something else in it than text
            or a number. It names the line.
    """

    def __init__(self, path: str, field: str, score: str | None = None) -> None:
        self.field = field
        self._about = array("b")
        self.scores: array[float] | None = None if score is None else array("d")
        self._score = score
        self.lines = Lines(path, self._check)

    def close(self) -> None:
        """Close the file."""
        self.lines.close()

    def _check(self, row: dict[str, Any], where: str) -> None:
        if not isinstance(row.get(self.field), str):
            raise InputError(f"{where}: {_wrong(row, self.field)}")
        self._about.append(self.field == _ASKED and input_of(row) is not None)
        if self.scores is not None:
            self.scores.append(self._score_of(row, where))

    @property
    def inputs(self) -> Sequence[str] | None:
        """The inputs of the lines' instructions, empty where there is none; None where none has
        one, or the field is another."""
        return _Inputs(self.lines, self._about) if any(self._about) else None

    def _score_of(self, row: dict[str, Any], where: str) -> float:
        name, own = str(self._score), whole({"scores": row.get("scores")})["scores"]
        value = own.get(name) if isinstance(own, dict) and name in own else row.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                f"{where}: no number '{name}', on the row or in its 'scores'. "
                "Name with --score a field that every line has."
            )
        try:
            return float(value)
        except OverflowError:
            raise InputError(f"{where}: '{name}' is beyond the largest number.") from None

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            texts = [self._text(raw) for raw in self.lines.part(start, max(start, stop))]
            return texts[::step]
        return self._text(self.lines.raw(range(len(self))[place]))

    def _text(self, raw: bytes) -> str:
        text: str = self.lines.object(raw)[self.field]
        return text


class _Inputs(Sequence[str]):
    """The inputs of instructions, read when they are asked for."""

    def __init__(self, lines: Lines, there: Sequence[int]) -> None:
        self._lines, self._there = lines, there

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[k] for k in range(len(self))[place]]
        if not self._there[place]:
            return ""
        row = self._lines.row(range(len(self))[place])
        text = input_of(row) or ""
        return "" if holds(row[_ASKED], text) else text


def _wrong(row: dict[str, Any], field: str) -> str:
    if row.get(field) is not None:
        return f"the field '{field}' holds no text. Name with --field one that does."
    texts = [name for name, value in row.items() if isinstance(value, str)]
    there = f"It has {', '.join(texts[:5])}." if texts else "It has no field with text."
    return f"no field '{field}'. {there} Name with --field the one to compare."
