"""Tables of text: CSV and TSV files."""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from evolsynth.data.packed import check_text, is_packed, no_utf8, opened
from evolsynth.data.reader import Record, WholeFile, reads
from evolsynth.errors import InputError

__all__ = ["Cells"]


@reads("csv", "tsv")
class Cells(WholeFile):
    """Rows of a table in UTF-8 whose first line names the columns. An empty cell is no value.

    Cells are parted by commas, or by semicolons or tabs where the first line has them and no comma;
    by tabs in a ``.tsv`` file; or as Excel's first line says it (``sep=;``). A line's end in a cell
    is one character, whatever system wrote it.

    All values are text, numbers too. A table that is no CSV cannot be read on, so it ends the
    reading, whatever is to be skipped.
    """

    unit = "line"
    counted = 1 << 26

    def __init__(self, path: Path, label: str) -> None:
        super().__init__(path, label)
        self.empty = f"{label}: there are no rows. Give a header and a line for each row."

    def count(self) -> int | None:
        """The records of a file that is not large, nor packed."""
        return None if is_packed(self.path) else super().count()

    def records(self) -> Iterator[Record]:
        """All of them."""
        csv.field_size_limit(_LONGEST)
        last = 0
        try:
            with opened(self.path) as raw:
                file = io.TextIOWrapper(_whole(raw, self.label), "utf-8-sig", newline="")
                begun = _EXCEL.match(first := file.readline())
                sign = begun[1] if begun else self._delimiter(first)
                read: list[str] = []
                lines = _noted(file if begun else chain((first,), file), read)
                table = csv.reader(lines, delimiter=sign, strict=True)
                names = self._header(next(table, None))
                last = table.line_num
                for cells in table:
                    number, last = last + 1, table.line_num  # a row may take several lines
                    if len(cells) > len(names):
                        cells = _rest_in_last("".join(read), sign, len(names)) or cells
                    read.clear()
                    if cells:
                        yield number + (begun is not None), self._row(number, names, cells), None
        except UnicodeDecodeError as error:
            raise no_utf8(self.label, error) from None
        except csv.Error as error:
            raise InputError(
                f"{self.place(last + 1)}: no CSV ({error}). Mend it, or give JSON Lines."
            ) from None
        except (EOFError, zlib.error):
            raise InputError(f"{self.label}: no whole gzip file. Pack or copy it again.") from None
        except OSError as error:
            why = error.strerror or "it is not packed as its name says"
            raise InputError(f"{self.label}: cannot be read ({why}).") from None

    def _delimiter(self, header: str) -> str:
        if any(end.lower() == ".tsv" for end in self.path.suffixes[-2:]):
            return "\t"
        return next((sign for sign in ",;\t" if sign in header), ",")

    def _header(self, names: list[str] | None) -> list[str]:
        if not names:
            raise InputError(str(self.empty))
        for name in names:
            if not name.strip() or names.count(name) > 1:
                what = f"'{name}' twice" if name.strip() else "a column without a name"
                raise InputError(f"{self.place(1)}: the header has {what}. Name each column once.")
        return names

    def _row(self, number: int, names: list[str], cells: list[str]) -> object:
        if len(cells) != len(names):
            return InputError(
                f"{self.place(number)}: {len(cells)} cells under a header of {len(names)}. Quote "
                "cells that have the delimiter in them."
            )
        ends = (cell.replace("\r\n", "\n") for cell in cells)
        return {name: cell or None for name, cell in zip(names, ends, strict=True)}


_LONGEST = 1 << 26  # characters that a cell may have
_EXCEL = re.compile(r"sep=([,;\t|])\r?\n?\Z", re.I)


def _noted(lines: Iterable[str], read: list[str]) -> Iterator[str]:
    """The lines, each noted when it is read."""
    for line in lines:
        read.append(line)
        yield line


def _rest_in_last(row: str, sign: str, number: int) -> list[str] | None:
    """The cells of a row whose last is not quoted and has the delimiter in it, which is sure where
    all before it are quoted; else None."""
    quoted = rf'"(?:[^"]|"")*"{re.escape(sign)}'
    found = re.match(rf"(?:{quoted}){{{number - 1}}}", row[row.find('"') :])
    if found is None or number < 2:
        return None
    before = next(csv.reader([found[0][:-1]], delimiter=sign))
    last = row[row.find('"') :][found.end() :].rstrip("\r\n")
    return None if last.startswith('"') else [*before, last]


def _whole(raw: Any, label: str) -> Any:
    """The file, whose beginning can be a text in UTF-8.

    Raises:
        InputError: it is of another encoding.
    """
    file = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)
    check_text(file.peek(64)[:64], label)
    return file
