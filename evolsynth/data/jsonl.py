"""JSON: files with an object a line, plain or gzipped, and files that hold one list."""

from __future__ import annotations

import codecs
import errno
import gzip
import json
import math
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

import msgspec

from evolsynth.data.reader import BATCH, Once, Reader, Record, WholeFile, reads
from evolsynth.errors import InputError
from evolsynth.plain import LEVELS

__all__ = ["STANDARD_INPUT", "JsonLines", "JsonList", "Piped", "blocks", "line_object"]

#: The path that stands for it.
STANDARD_INPUT = Path("-")

_BLOCK = 1 << 17  # bytes, about as many rows as a batch has
_COUNTED = 1 << 28  # bytes: files up to this size are counted, in half a second
_BOM = codecs.BOM_UTF8
_SPACE = " \t\r\n"
_TOO_DEEP = f"nested too deeply, over {LEVELS} levels. Make it flatter."
_decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode


@reads("jsonl", "jsonl.gz", "ndjson")
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
            data = line_object(raw, self, number)
            if data is not None:
                yield number, data, raw


class Piped(Once, JsonLines):
    """Standard input: lines that can be read once, each as soon as it is there."""

    def __init__(self) -> None:
        super().__init__(STANDARD_INPUT, "standard input")

    def begin(self, most: int) -> Iterator[Iterable[Record]]:
        """The lines of a block at a time, whatever was asked for."""
        return JsonLines.batches(self)


def _blank(raw: bytes) -> bool:
    if raw[:1] == b"{":
        return False
    try:
        return not raw.decode().strip()
    except UnicodeDecodeError:
        return False


def blocks(path: Path, label: str) -> Iterator[bytes]:
    """The file's bytes, unpacked if its name ends in ``.gz``; those of a pipe as they come.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with _opened(path) as file:
            read = file.read if path.suffix == ".gz" else file.read1
            while block := read(_BLOCK):
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{label}: no whole gzip file. Pack or copy it again.") from None
    except OSError as error:
        raise InputError(f"{label}: cannot be read ({error.strerror}).") from None


def _opened(path: Path) -> AbstractContextManager[BufferedIOBase]:
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise OSError(errno.EBADF, "it is closed")
        return nullcontext(cast(BufferedIOBase, sys.stdin.buffer))  # which is not closed
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def line_object(raw: bytes, reader: Reader, number: int) -> dict[str, Any] | InputError | None:
    """A line's JSON object, or what is wrong with the line; None for a blank one.

    Half a surrogate pair, which the strict parser refuses, is let through.
    """
    try:
        data = _decode(raw)
    except (ValueError, RecursionError):
        data = None
    where = reader.place(number)
    if type(data) is dict:
        return data if _flat(raw) or not _deep(data) else InputError(f"{where}: {_TOO_DEEP}")
    try:
        line = raw.decode().strip()
        if not line:
            return None
        data = json.loads(line, parse_constant=no_number, parse_float=finite)
    except UnicodeDecodeError:
        return InputError(f"{where}: not UTF-8 text. Save the file as UTF-8.")
    except RecursionError:
        return InputError(f"{where}: {_TOO_DEEP}")
    except ValueError as error:
        what = getattr(error, "msg", str(error).partition(";")[0])
        return InputError(f"{where}: not JSON ({what}). Each line must be one JSON object.")
    if not isinstance(data, dict):
        return InputError(f"{where}: a JSON object was expected, with named fields.")
    return InputError(f"{where}: {_TOO_DEEP}") if _deep(data) else data


def _flat(raw: bytes) -> bool:
    """Whether a line has too few brackets to be nested too deeply."""
    return raw.count(b"[") + raw.count(b"{") <= LEVELS


def _deep(data: Any) -> bool:
    """Whether a value has more levels than are read, looked at without going down them."""
    level: list[Any] = [data]
    for _ in range(LEVELS + 1):
        inner = (v.values() if isinstance(v, dict) else v for v in level)
        level = [v for those in inner for v in those if isinstance(v, dict | list)]
        if not level:
            return False
    return True


def finite(text: str) -> float:
    """A number as JSON writes it; one beyond what a float holds is refused."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text:.20} is beyond the largest number")
    return number


def no_number(name: str) -> None:
    """Refuse NaN and the infinities, which Python's reader lets in."""
    raise ValueError(f"{name} is no number in JSON")


# A list -------------------------------------------------------------------------------------------


@reads("json")
def json_file(path: Path, label: str) -> Reader:
    """The reader of a file that may hold a list or an object a line, as it begins.

    Raises:
        InputError: it begins as one object over many lines.
    """
    texts = (block.removeprefix(_BOM).strip() for block in blocks(path, label))
    begins = next(filter(None, texts), b"").partition(b"\n")[0].strip()
    if begins == b"{":
        raise InputError(f"{label}: one object over lines. Give a list, or an object a line.")
    return JsonList(path, label) if begins[:1] == b"[" else JsonLines(path, label)


class JsonList(WholeFile):
    """A list of objects in UTF-8. In memory is one item and one block of the file.

    A list that is no JSON cannot be read on, so it ends the reading, whatever is to be skipped.
    """

    counted = 1 << 24

    def __init__(self, path: Path, label: str) -> None:
        super().__init__(path, label)
        self.empty = f"{label}: the list is empty. Give one with an object for each row."

    def records(self) -> Iterator[Record]:
        """All of them."""
        text = _Text(self.path, self.label)
        text.take("[", self.place(1))
        number = 0
        while text.sign() != "]":
            number += 1
            where = self.place(number)
            if number > 1:
                text.take(",", where)
            data = text.value(where)
            if not isinstance(data, dict):
                data = InputError(f"{where}: a JSON object was expected, with named fields.")
            elif _deep(data):
                data = InputError(f"{where}: {_TOO_DEEP}")
            yield number, data, None
        text.take("]", self.label)
        if text.sign():
            raise InputError(f"{self.label}: something stands behind the list's end. Remove it.")


class _Text:
    """The file's text from where it was read to, more of it as it is needed."""

    def __init__(self, path: Path, label: str) -> None:
        self._label = label
        self._blocks = blocks(path, label)
        self._decoded = codecs.getincrementaldecoder("utf-8-sig")()
        self._decoder = json.JSONDecoder(parse_constant=no_number, parse_float=finite)
        self._text, self._at = "", 0

    def sign(self) -> str:
        """The next character that is no space; none at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self, sign: str, where: str) -> None:
        """Go behind the sign, which must be there."""
        if self.sign() != sign:
            raise _broken(where, f"expecting '{sign}'")
        self._at += 1

    def value(self, where: str) -> Any:
        """Go behind the value that is there."""
        self.sign()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # it may be right as far as it goes
                cut = error.msg.startswith("Unterminated") or error.pos > len(self._text) - 16
                if not (cut and self._more()):
                    raise _broken(where, error.msg) from None
            except RecursionError:
                raise InputError(f"{where}: {_TOO_DEEP}") from None
            except ValueError as error:
                raise _broken(where, str(error).partition(";")[0]) from None
            else:
                # a number may go on in the next block
                if end < len(self._text) or not self._more():
                    self._at = end
                    return value

    def _more(self) -> bool:
        """Read on, as much again as there is; False at the end."""
        parts = [self._text[self._at :]]
        wanted = max(1, len(parts[0]))
        for block in self._blocks:
            try:
                parts.append(self._decoded.decode(block))
            except UnicodeDecodeError:
                raise InputError(
                    f"{self._label}: not UTF-8 text. Save the file as UTF-8."
                ) from None
            wanted -= len(parts[-1])
            if wanted <= 0:
                break
        self._text, self._at = "".join(parts), 0
        return len(parts) > 1


def _broken(where: str, what: str) -> InputError:
    return InputError(f"{where}: not JSON ({what}). Mend it: what follows cannot be read.")
