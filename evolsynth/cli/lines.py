"""A file's rows as a sequence, which stay in the file."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, overload

from evolsynth.data.jsonl import JsonLines, line_object
from evolsynth.data.open import Origin, file_origin
from evolsynth.data.packed import check_text, is_packed
from evolsynth.doing import doing
from evolsynth.errors import InputError, Misread
from evolsynth.evaluation.duplicates.compared import about, has_about, text_in
from evolsynth.flat import whole
from evolsynth.rows import dump

__all__ = ["Lines", "TextField"]

_BOM = b"\xef\xbb\xbf"


class Lines:
    """The records of a file, in their order; blank lines are skipped.

    Memory: 25 bytes a line, whatever its length: lines are read when they are asked for. The file
    must stay as it is meanwhile. What is no JSON Lines file, or standard input (``-``), is copied
    into one that is temporary; so is one whose columns are renamed.

    Args:
        path: of a file of any kind that is read here, or ``-``.
        check: is called with the fields of each row once, and with its place for people.
        reading: see `file_origin`.

    Raises:
        InputError: no such file, a line that is no JSON object in UTF-8, or what ``check`` raises.
    """

    def __init__(
        self, path: str, check: Callable[[dict[str, Any], str], None], **reading: Any
    ) -> None:
        self.path, self._check = path, check
        self._starts, self._ends = array("q"), array("q")
        self._numbers = array("q")
        self._forms: list[Any] = []  # that the lines of the readers have, and of each line which
        self._form = array("B")
        source = file_origin(path, **reading)
        (first, *more) = source.readers
        self._taker = source.begun(first)
        self._reader = first
        plain = type(first) is JsonLines and not first.texts and not self._taker.shape.changes
        if not more and plain and not is_packed(first.path):  # type: ignore[attr-defined]
            self._file: IO[bytes] = first.path.open("rb")  # type: ignore[attr-defined]
            self._index()
        else:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
            self._copy(source)
        self._taker.end(path)
        if self._taker.bad and not self._taker.read_some:
            raise Misread(f"{path}: none of its rows can be read. {self._taker.first_bad}")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @doing("reading the rows")
    def _copy(self, source: Origin) -> None:
        at = 0
        for reader in source.readers:
            if reader is not self._reader:
                self._reader = reader
                self._taker.begin(reader)
            for batch in reader.batches():
                for record in batch:
                    one = self._taker.read(record, self._check)
                    if one is not None:
                        whole = dump(one.given).encode() if one.line is None else one.line.strip()
                        at = self._note(one.number, at, at + self._file.write(whole + b"\n"))
        self._file.flush()

    @doing("reading the rows")
    def _index(self) -> None:
        at = 0
        for number, raw in enumerate(self._file, 1):
            start, at = at, at + len(raw)
            body = raw.strip()
            if number == 1:
                check_text(body, self.path)
                if body.startswith(_BOM):
                    body, start = body[3:].strip(), start + 3
            row = line_object(body, self._reader, number)
            if row is not None and self._taker.read((number, row, body), self._check) is not None:
                self._note(number, start, at)

    def _note(self, number: int, start: int, end: int) -> int:
        self._numbers.append(number)
        self._starts.append(start)
        self._ends.append(end)
        form = self._taker.shape.form
        if form not in self._forms:
            self._forms.append(form)
        self._form.append(self._forms.index(form))
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
        """A line's object, as it comes out again."""
        return self._object(self.raw(place))

    def whole(self, place: int) -> dict[str, Any]:
        """The same with what a row has of it, where it is of another form."""
        return self.fields(self.raw(place), place)

    def fields(self, raw: bytes, place: int) -> dict[str, Any]:
        """The same of a line that is there."""
        shape = self._taker.shape
        shape.form = self._forms[self._form[place]]
        return dict(shape.whole(self._object(raw), self._reader, place))

    def _object(self, raw: bytes) -> dict[str, Any]:
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

    def __init__(self, path: str, field: str, score: str | None = None, **reading: Any) -> None:
        self.field = field
        self._about = array("b")
        self.scores: array[float] | None = None if score is None else array("d")
        self._score = score
        self._some = False
        self.lines = Lines(path, self._check, **reading)
        if len(self.lines) and not self._some:
            raise Misread(f"{path}: '{field}' is empty in all rows. Name with --field another.")

    def close(self) -> None:
        """Close the file."""
        self.lines.close()

    def _check(self, row: dict[str, Any], where: str) -> None:
        text = text_in(row, self.field, where)
        self._some = self._some or (not text.isspace() and bool(text))
        self._about.append(has_about(row, self.field))
        if self.scores is not None:
            self.scores.append(self._score_of(row, where))

    @property
    def inputs(self) -> Sequence[str] | None:
        """The inputs of the lines' instructions and what is said behind their first turns (see
        `Row.around`), empty where there is none; None where none has any, or the field is
        another."""
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
            raws = self.lines.part(start, max(start, stop))
            texts = [self._text(raw, at) for at, raw in enumerate(raws, start)]
            return texts[::step]
        at = range(len(self))[place]
        return self._text(self.lines.raw(at), at)

    def _text(self, raw: bytes, place: int) -> str:
        text: str = self.lines.fields(raw, place)[self.field]
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
        return about(self._lines.whole(range(len(self))[place]), "instruction")
