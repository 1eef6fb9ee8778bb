"""Rows of a file, each checked. A stand-in until the real one is merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from evolsynth.errors import InputError
from evolsynth.rows import Row, read_rows
from evolsynth.streams import failure

__all__ = ["Source"]


class Source(Iterable[Row]):
    """Rows of a JSON Lines file that have what is needed."""

    def __init__(
        self,
        path: str,
        *,
        skip_bad: bool = False,
        needs: Sequence[str] = ("instruction",),
        accepts_only: bool = True,
    ) -> None:
        self._path, self._skip_bad, self._needs = path, skip_bad, needs

    def __iter__(self) -> Iterator[Row]:
        for number, row in enumerate(read_rows(self._path), 1):
            data = row.to_dict()
            missing = [n for n in self._needs if not str(data.get(n) or "").strip()]
            if not missing:
                yield row
                continue
            error = InputError(f"{self._path}, line {number}, field '{missing[0]}': no text.")
            if not self._skip_bad:
                raise error
            yield row.replace(failure=failure("read", error))
