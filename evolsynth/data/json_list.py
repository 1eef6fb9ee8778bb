"""JSON files that hold one list, read item by item."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evolsynth.data.lines import blocks
from evolsynth.data.reader import Record, WholeFile
from evolsynth.errors import InputError

__all__ = ["JsonList", "beginning"]

_SPACE = " \t\r\n"


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
        self._decoder = json.JSONDecoder(parse_constant=_no_number)
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
                if not (self._cut(error) and self._more()):
                    raise _broken(where, error.msg) from None
            except (ValueError, RecursionError) as error:
                raise _broken(where, str(error).partition(";")[0]) from None
            else:
                # a number may go on in the next block
                if end < len(self._text) or not self._more():
                    self._at = end
                    return value

    def _cut(self, error: json.JSONDecodeError) -> bool:
        """Whether the text may be right as far as it goes."""
        return error.msg.startswith("Unterminated") or error.pos > len(self._text) - 16

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


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def beginning(path: Path, label: str) -> bytes:
    """The file's first line that is not blank, as far as it stands in one block."""
    text = b""
    for block in blocks(path, label):
        text = block.removeprefix(codecs.BOM_UTF8).strip()
        if text:
            break
    return text.partition(b"\n")[0].strip()
