"""JSON Lines files, plain or gzipped."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from evolsynth.data.reader import BATCH, Reader, Record
from evolsynth.errors import InputError
from evolsynth.rows import line_object

__all__ = ["JsonLines", "blocks"]

_BLOCK = 1 << 17  # bytes, about as many rows as a batch has
_COUNTED = 1 << 28  # bytes: files up to this size are counted, in half a second
_BOM = b"\xef\xbb\xbf"
_decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode


class JsonLines(Reader):
    """A JSON object a line in UTF-8; blank lines are skipped. Read in blocks of 128 KiB."""

    unit = "line"

    def __init__(self, path: Path, label: str) -> None:
        super().__init__(label)
        self.path = path
        self.empty = f"{label}: the file is empty. Give one with a JSON object a line."

    def count(self) -> int | None:
        """The lines that are not blank; None for a gzipped or a huge file."""
        if self.path.suffix == ".gz" or self.path.stat().st_size > _COUNTED:
            return None
        return sum(not _blank(raw) for _, lines in self._lines() for raw in lines)

    def batches(self) -> Iterator[Iterable[Record]]:
        """The records of a block at a time; a line is parsed when it is asked for."""
        for start, lines in self._lines():
            for at in range(0, len(lines), BATCH):
                yield self._records(start + at, lines[at : at + BATCH])

    def _lines(self) -> Iterator[tuple[int, list[bytes]]]:
        """Whole lines, and the number of the first of them."""
        number, rest = 1, [b""]
        for block in blocks(self.path, self.label):
            head, end, tail = block.rpartition(b"\n")
            if not end:
                rest.append(block)
                continue
            lines = b"".join((*rest, head)).split(b"\n")
            if number == 1:
                lines[0] = lines[0].removeprefix(_BOM)
            yield number, lines
            number, rest = number + len(lines), [tail]
        last = b"".join(rest)
        if last:
            yield number, [last.removeprefix(_BOM) if number == 1 else last]

    def _records(self, number: int, lines: list[bytes]) -> Iterator[Record]:
        for number, raw in enumerate(lines, number):  # noqa: B020 - counted on
            try:
                data = _decode(raw)
            except (ValueError, RecursionError):
                data = None
            if type(data) is dict:
                yield number, data, raw
            elif not _blank(raw):
                yield number, self._slowly(number, raw), raw

    def _slowly(self, number: int, raw: bytes) -> object:
        """What the strict parser refuses: half a surrogate pair is let through, the rest told."""
        where = self.place(number)
        try:
            return line_object(raw.decode().strip(), where)
        except UnicodeDecodeError:
            return InputError(f"{where}: not UTF-8 text. Save the file as UTF-8.")


def _blank(raw: bytes) -> bool:
    if raw[:1] == b"{":
        return False
    try:
        return not raw.decode().strip()
    except UnicodeDecodeError:
        return False


def blocks(path: Path, label: str) -> Iterator[bytes]:
    """The file's bytes, unpacked if its name ends in ``.gz``.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with _opened(path) as file:
            while block := file.read(_BLOCK):
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{label}: no whole gzip file. Pack or copy it again.") from None
    except OSError as error:
        raise InputError(f"{label}: cannot be read ({error.strerror}).") from None


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")
