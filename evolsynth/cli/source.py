"""Rows of a file as a command takes them; see `evolsynth.data.origin`, which does the reading."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from pathlib import Path

from evolsynth.data.files import readers_of
from evolsynth.data.source import Read, Taker
from evolsynth.rows import Row

__all__ = ["Source"]


class Source(Iterable[Row]):
    """Rows of a file, or of standard input (``-``), each of them checked, as `Read` tells them.

    Raises:
        InputError: there is no such file; while reading, a bad line, with its number and field.
    """

    def __init__(
        self, path: str, *, skip_bad: bool = False, needs: Sequence[str] = ("instruction",)
    ) -> None:
        self.path = path
        self._read = Read(
            readers_of(Path(path), skip_bad=skip_bad, lenient=True),
            path,
            taker=lambda: Taker(skip_bad=skip_bad, fields=None, needs=needs, step="read"),
            columns=None,
            limit=None,
            checked=True,
        )

    def __iter__(self) -> Iterator[Row]:
        return iter(self._read)

    def count(self) -> int | None:
        """How many rows there are, by reading them; None for what can be read once only."""
        return self._read.count()

    def stream(self) -> AsyncGenerator[Row]:
        """The same rows; while they are waited for, other work goes on."""
        return self._read.rows()
