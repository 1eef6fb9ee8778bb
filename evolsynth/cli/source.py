"""Rows of a file as a command takes them: each line checked, and a bad one named."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from evolsynth.errors import InputError
from evolsynth.rows import Row, read_lines
from evolsynth.streams import failure

__all__ = ["Source"]

_SKIP = "Or go on without such lines: --skip-bad."


class Source(Iterable[Row]):
    """Rows of a JSON Lines file, or of standard input (``-``), each of them checked.

    A line is bad if it is no JSON object in UTF-8, has a field of a wrong type, lacks one of the
    texts in ``needs``, or has the id of an earlier line. The first bad line ends the reading, or
    with ``skip_bad`` it becomes a failed row (step ``read``) in its place, which methods hand on
    as they do every settled row; what the line held is kept in it. Rows without an id get one
    from their content, lines that are the same in every field different ones.

    Rows that the file says were rejected or have failed stay so, and are not asked for texts;
    with ``accepts_only=False`` they are taken up again as if nobody had judged them.

    Lines are read one by one. What is kept of each is a hash of its id.

    Raises:
        InputError: there is no such file; while reading, a bad line, with its number and field.
    """

    def __init__(
        self,
        path: str,
        *,
        skip_bad: bool = False,
        needs: Sequence[str] = ("instruction",),
        accepts_only: bool = True,
    ) -> None:
        self.path = path
        self._skip_bad, self._needs, self._accepts_only = skip_bad, tuple(needs), accepts_only
        if path != "-" and not Path(path).exists():  # told before a model is loaded
            raise InputError(f"{path}: no such file. Give the path of a JSON Lines file.")

    def __iter__(self) -> Iterator[Row]:
        ids = _Ids()
        for number, raw, data in read_lines(self.path):
            if isinstance(data, InputError):
                yield self._bad(_unread(number, raw), str(data), ids, number)
                continue
            try:
                row = Row.from_dict(data)
            except InputError as error:
                told = f"{self._place(number)}: {error} Mend the line."
                yield self._bad(_unread(number, data), told, ids, number)
                continue
            if not self._accepts_only:
                row = row.replace(verdict=None, failure=None)
            wrong = None if row.settled else self._wrong(data)
            if data.get("id") is None:
                row = ids.told_apart(row, number)
            else:
                before = ids.line_of(row.id)
                if before is not None:
                    wrong = f"field 'id': '{row.id}' is the id of line {before} too. Change one."
                    row = row.replace(id=f"{row.id}-line-{number}")
                ids.add(row.id, number)
            if wrong is None:
                yield row
            else:
                yield self._bad(row, f"{self._place(number)}, {wrong}", ids, None)

    def count(self) -> int | None:
        """How many rows there are, by reading a file once; None for what can be read once only.

        Raises:
            InputError: a bad line, so that it is told before a model is loaded.
        """
        if not Path(self.path).is_file():
            return None
        return sum(1 for _ in self)

    async def stream(self) -> AsyncGenerator[Row]:
        """The same rows; while standard input is waited for, other work goes on."""
        rows = iter(self)
        if self.path != "-":
            for row in rows:
                yield row
            return
        while (come := await asyncio.to_thread(next, rows, None)) is not None:
            yield come

    def _place(self, number: int) -> str:
        return f"{'standard input' if self.path == '-' else self.path}, line {number}"

    def _wrong(self, data: dict[str, Any]) -> str | None:
        """What is wrong with the needed texts, the field first."""
        for name in self._needs:
            value = data.get(name)
            if value is None:
                texts = [n for n, v in data.items() if isinstance(v, str) and n != "id"]
                there = f"The line has {', '.join(texts[:5])}." if texts else "Add it."
                return f"field '{name}': there is none. {there}"
            if not isinstance(value, str):
                return f"field '{name}': a text was expected. Put it in quotes."
            if not value.strip():
                return f"field '{name}': the text is empty. Write one."
        return None

    def _bad(self, row: Row, message: str, ids: _Ids, number: int | None) -> Row:
        """The row as failed; it is told apart from others if its line's number is given."""
        if not self._skip_bad:
            raise InputError(f"{message} {_SKIP}")
        if number is not None:
            row = ids.told_apart(row, number)
        return row.replace(failure=failure("read", InputError(message)))


class _Ids:
    """The ids so far and the lines they stand in, by hashes of 16 bytes."""

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}
        self._times: dict[bytes, int] = {}

    def add(self, name: str, number: int) -> None:
        self._lines.setdefault(_hash(name), number)

    def line_of(self, name: str) -> int | None:
        return self._lines.get(_hash(name))

    def told_apart(self, row: Row, number: int) -> Row:
        """The row, with a number behind its id if that is taken."""
        name, key = row.id, _hash(row.id)
        while self.line_of(name) is not None:
            self._times[key] = self._times.get(key, 1) + 1
            name = f"{row.id}-{self._times[key]}"
        self.add(name, number)
        return row if name == row.id else row.replace(id=name)


def _hash(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _unread(number: int, held: bytes | dict[str, Any]) -> Row:
    """A row for a line that cannot be read as one, with what it held."""
    if isinstance(held, bytes):
        held = {"text": held.decode("utf-8", "replace").strip()}
    return Row.make(key="read", extra={"line": {"number": number, **held}})
