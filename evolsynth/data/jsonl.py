"""JSON: files with an object a line, or with one list or object; files with a text a line."""

from __future__ import annotations

import codecs
import errno
import gzip
import json
import math
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BufferedIOBase
from itertools import chain
from pathlib import Path
from typing import Any, cast

import msgspec

from evolsynth.data.packed import check_text, is_packed, no_utf8, opened
from evolsynth.data.reader import BATCH, FORMATS, Once, Reader, Record, WholeFile, reads
from evolsynth.data.spool import kept, kind_of
from evolsynth.errors import InputError
from evolsynth.plain import LEVELS

__all__ = ["STANDARD_INPUT", "JsonLines", "JsonList", "Piped", "blocks", "line_object"]
__all__ += ["lines_file"]

#: The path that stands for it.
STANDARD_INPUT = Path("-")

_BLOCK = 1 << 17  # bytes, about as many rows as a batch has
_COUNTED = 1 << 28  # bytes: files up to this size are counted, in half a second
_LONGEST = 1 << 26  # bytes that a line may have
_BOM = codecs.BOM_UTF8
_SPACE = " \t\r\n"
_TOO_DEEP = f"nested too deeply, over {LEVELS} levels. Make it flatter."
_decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode


class JsonLines(Reader):
    """A JSON object a line in UTF-8; blank lines are skipped. Read in blocks of 128 KiB.

    With ``texts`` a line that is no object is a text, which is in the column ``text``.
    """

    unit = "line"

    def __init__(self, path: Path, label: str, *, texts: bool = False) -> None:
        super().__init__(label)
        self.path, self.texts = path, texts
        self.empty = f"{label}: the file is empty. Give one with a JSON object a line."

    def count(self) -> int | None:
        """The lines that are not blank; None for a packed or a huge file."""
        if self.path.stat().st_size > _COUNTED or is_packed(self.path):
            return None
        return sum(not _blank(raw) for _, lines in self._lines() for raw in lines)

    def batches(self) -> Iterator[Iterable[Record]]:
        """The records of a block at a time; a line is parsed when it is asked for."""
        for start, lines in self._lines():
            for at in range(0, len(lines), BATCH):
                yield self._records(start + at, lines[at : at + BATCH])

    def _lines(self) -> Iterator[tuple[int, list[bytes]]]:
        """Whole lines, and the number of the first of them."""
        number, rest, length = 1, [b""], 0
        for block in _checked(self._blocks(), self.label):
            head, end, tail = block.rpartition(b"\n")
            if not end:
                # of a line that is too long so much is kept that this is seen
                length += len(block)
                rest += [block] if length <= _LONGEST + _BLOCK else []
                continue
            lines = b"".join((*rest, head)).split(b"\n")
            if number == 1:
                lines[0] = lines[0].removeprefix(_BOM)
            yield number, lines
            number, rest, length = number + len(lines), [tail], len(tail)
        last = b"".join(rest)
        if last:
            yield number, [last.removeprefix(_BOM) if number == 1 else last]

    def _blocks(self) -> Iterator[bytes]:
        return blocks(self.path, self.label)

    def _records(self, number: int, lines: list[bytes]) -> Iterator[Record]:
        for number, raw in enumerate(lines, number):  # noqa: B020 - counted on
            if self.texts and not raw.lstrip().startswith(b"{"):
                data = _text(raw, self, number)
            else:
                data = line_object(raw, self, number)
            if data is not None:
                yield number, data, None if self.texts else raw


class Piped(Once, JsonLines):
    """Standard input: lines that can be read once, each as soon as it is there. What begins as a
    file of another kind is copied first."""

    _come: Iterator[bytes] = iter(())

    def __init__(self, texts: bool = False) -> None:
        super().__init__(STANDARD_INPUT, "standard input", texts=texts)

    def begin(self, most: int) -> Iterator[Iterable[Record]]:
        """The lines of a block at a time, whatever was asked for."""
        come = blocks(self.path, self.label)
        first = next(come, b"")
        self._come = chain((first,), come)
        suffix = None if self.texts else kind_of(first)
        make = None if suffix is None else FORMATS.find(suffix.split(".")[1])
        if suffix is None or make is None:
            yield from JsonLines.batches(self)
            return
        reader = make(kept(first, sys.stdin.buffer, self.label, suffix), self.label)
        self.unit = reader.unit
        yield from reader.batches()

    def _blocks(self) -> Iterator[bytes]:
        return self._come


def _blank(raw: bytes) -> bool:
    if raw[:1] == b"{":
        return False
    try:
        return not raw.decode().strip()
    except UnicodeDecodeError:
        return False


def blocks(path: Path, label: str) -> Iterator[bytes]:
    """The file's bytes, unpacked if it is packed; those of a pipe as they come.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with _opened(path) as file:
            # a pipe's as they come
            read = file.read1 if path == STANDARD_INPUT else file.read
            while block := read(_BLOCK):
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{label}: no whole gzip file. Pack or copy it again.") from None
    except OSError as error:
        if error.strerror is None:  # of what unpacks
            raise InputError(f"{label}: no whole zstd file. Pack or copy it again.") from None
        raise InputError(f"{label}: cannot be read ({error.strerror}).") from None


def _opened(path: Path) -> AbstractContextManager[BufferedIOBase]:
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise OSError(errno.EBADF, "it is closed")
        return nullcontext(cast(BufferedIOBase, sys.stdin.buffer))  # which is not closed
    return opened(path)


def _checked(read: Iterator[bytes], label: str) -> Iterator[bytes]:
    """The blocks, of which the first can be the beginning of a text in UTF-8."""
    first = next(read, b"")
    check_text(first, label)
    return chain((first,), read) if first else iter(())


def _text(raw: bytes, reader: Reader, number: int) -> dict[str, Any] | InputError | None:
    """A line as a text."""
    try:
        line = raw.decode().strip()
    except UnicodeDecodeError as error:
        return no_utf8(reader.place(number), error)
    return {"text": line} if line else None


def line_object(raw: bytes, reader: Reader, number: int) -> dict[str, Any] | InputError | None:
    """A line's JSON object, or what is wrong with the line; None for a blank one.

    Half a surrogate pair, which the strict parser refuses, is let through.
    """
    where = reader.place(number)
    if len(raw) > _LONGEST:
        return InputError(
            f"{where}: longer than {_LONGEST >> 20} MiB. Cut it, or see whether the file has lines."
        )
    try:
        data = _decode(raw)
    except (ValueError, RecursionError):
        data = None
    if type(data) is dict:
        if not _flat(raw) and _deep(data):
            return InputError(f"{where}: {_TOO_DEEP}")
        if raw.count(b":") <= len(data) or (twice := _twice(raw)) is None:
            return data
        return InputError(f"{where}: {twice}")
    if raw.strip(b"\0 \r\t") == b"" and b"\0" in raw:
        return InputError(f"{where}: zero bytes alone, as a broken copy has. Copy the file again.")
    try:
        line = raw.decode().strip().removeprefix("\ufeff").lstrip()
        if not line:
            return None
        data = json.loads(
            line, parse_constant=no_number, parse_float=finite, object_pairs_hook=once
        )
    except UnicodeDecodeError as error:
        return no_utf8(where, error)
    except RecursionError:
        return InputError(f"{where}: {_TOO_DEEP}")
    except InputError as error:
        return InputError(f"{where}: {error}")
    except ValueError as error:
        what = getattr(error, "msg", str(error).partition(";")[0])
        return InputError(f"{where}: not JSON ({what}). Each line must be one JSON object.")
    if not isinstance(data, dict):
        return InputError(f"{where}: a JSON object was expected, with named fields.")
    return InputError(f"{where}: {_TOO_DEEP}") if _deep(data) else data


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its pairs.

    Raises:
        InputError: two of them have one name.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"'{twice:.60}' stands there twice. Name each field once.")
    return made


def _twice(raw: bytes) -> str | None:
    """A name that two fields of an object have, whose line the parser took."""
    try:
        json.loads(raw, object_pairs_hook=once)
    except InputError as error:
        return str(error)
    except (ValueError, RecursionError):
        return None
    return None


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


@reads("jsonl", "jsonl.gz", "jsonl.zst", "ndjson", "json")
def json_file(path: Path, label: str) -> Reader:
    """The reader of a file that may hold a list, an object, or an object a line, as it begins."""
    return lines_file(path, label, texts=False)


def lines_file(path: Path, label: str, *, texts: bool | None = None) -> Reader:
    """The reader of a file as it begins: with a list or an object over lines, with an object a
    line, or else (``texts`` is None, and it is called .txt) with texts.

    Raises:
        InputError: it cannot be read, or is of another encoding.
    """
    if texts:
        return JsonLines(path, label, texts=True)
    named = ".json" in path.suffixes
    read = _checked(blocks(path, label), label)
    begins = next(filter(None, (block.removeprefix(_BOM).lstrip() for block in read)), b"")
    if begins[:1] == b"[" and (named or begins[1:].lstrip()[:1] in (b"{", b"]", b"")):
        return JsonList(path, label)
    if begins[:1] == b"{" and _over_lines(begins):
        return JsonObject(path, label)
    plain = texts is None and not named and begins[:1] != b"{" and path.suffix.lower() == ".txt"
    return JsonLines(path, label, texts=plain)


def _over_lines(begins: bytes) -> bool:
    """Whether an object goes on behind its first line, or is one line with a list of objects."""
    first, _, rest = begins.partition(b"\n")
    first = first.strip()
    if rest.strip():
        return first.endswith((b"{", b"[")) or (first.endswith(b",") and not first.endswith(b"},"))
    found = _HOLDS_LIST.search(first)
    return found is not None and not any(name in first[: found.end()] for name in _OF_ROW)


_HOLDS_LIST = re.compile(rb"\"\s*:\s*\[\s*\{")
#: Names that stand in rows.
_OF_ROW = (b'"messages"', b'"conversations"', b'"chosen"', b'"body"', b'"provenance"')


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
            if isinstance(data, InputError):
                data = InputError(f"{where}: {data}")
            elif not isinstance(data, dict):
                data = InputError(f"{where}: a JSON object was expected, with named fields.")
            elif _deep(data):
                data = InputError(f"{where}: {_TOO_DEEP}")
            yield number, data, None
        text.take("]", self.label)
        if text.sign():
            raise InputError(f"{self.label}: something stands behind the list's end. Remove it.")


class JsonObject(WholeFile):
    """One object: a row, or one that has a list of rows in it. All of it is in memory."""

    counted = 1 << 24

    def __init__(self, path: Path, label: str) -> None:
        super().__init__(path, label)
        self.empty = f"{label}: the list is empty. Give one with an object for each row."

    def records(self) -> Iterator[Record]:
        """The row, or those of the list."""
        text = _Text(self.path, self.label)
        data = text.value(self.label)
        if isinstance(data, InputError):
            raise InputError(f"{self.label}: {data}")
        if text.sign():
            raise InputError(
                f"{self.label}: an object over lines, and something behind it. Give a list, or an "
                "object a line."
            )
        for number, item in enumerate(self._rows(data), 1):
            deep = InputError(f"{self.place(number)}: {_TOO_DEEP}") if _deep(item) else None
            yield number, deep or item, None

    def _rows(self, data: dict[str, Any]) -> list[Any]:
        from evolsynth.data.formats.form import FORMS, fits, is_own

        lists = {
            name: value
            for name, value in data.items()
            if isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
        }
        own = isinstance(data.get("instruction"), str) or is_own(data)
        if own or not lists or any(fits(one, data) for one in FORMS.values()):
            return [data]
        if len(lists) > 1:
            raise InputError(
                f"{self.label}: there are several lists: {', '.join(lists)}. Give one in a file."
            )
        return next(iter(lists.values()))


class _Text:
    """The file's text from where it was read to, more of it as it is needed."""

    def __init__(self, path: Path, label: str) -> None:
        self._label = label
        self._blocks = _checked(blocks(path, label), label)
        self._decoded = codecs.getincrementaldecoder("utf-8-sig")()
        self._decoder = json.JSONDecoder(
            parse_constant=no_number, parse_float=finite, object_pairs_hook=self._object
        )
        self._wrong: InputError | None = None
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
        """Go behind the value that is there; an error in place of one that names a field twice."""
        self.sign()
        while True:
            self._wrong = None
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
                    return self._wrong or value

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        try:
            return once(pairs)
        except InputError as error:
            self._wrong = error
            return dict(pairs)

    def _more(self) -> bool:
        """Read on, as much again as there is; False at the end."""
        parts = [self._text[self._at :]]
        wanted = max(1, len(parts[0]))
        for block in self._blocks:
            try:
                parts.append(self._decoded.decode(block))
            except UnicodeDecodeError as error:
                raise no_utf8(self._label, error) from None
            wanted -= len(parts[-1])
            if wanted <= 0:
                break
        self._text, self._at = "".join(parts), 0
        return len(parts) > 1


def _broken(where: str, what: str) -> InputError:
    return InputError(f"{where}: not JSON ({what}). Mend it: what follows cannot be read.")
