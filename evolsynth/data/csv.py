"""Tables of text: CSV and TSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from evolsynth.data.reader import Record, WholeFile, reads
from evolsynth.errors import InputError

__all__ = ["Cells"]


@reads("csv", "tsv")
class Cells(WholeFile):
    """Rows of a table in UTF-8 whose first line names the columns. An empty cell is no value.

    Cells are parted by commas, or by semicolons where the first line has them and no comma; by
    tabs in a ``.tsv`` file.

    All values are text, numbers too. A table that is no CSV cannot be read on, so it ends the
    reading, whatever is to be skipped.
    """

    unit = "line"
    counted = 1 << 26

    def __init__(self, path: Path, label: str) -> None:
        super().__init__(path, label)
        self.empty = f"{label}: there are no rows. Give a header and a line for each row."

    def records(self) -> Iterator[Record]:
        """All of them."""
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                delimiter = self._delimiter(file.readline())
                file.seek(0)
                table = csv.reader(file, delimiter=delimiter, strict=True)
                names = self._header(next(table, None))
                last = table.line_num
                for cells in table:
                    number, last = last + 1, table.line_num  # a row may take several lines
                    if cells:
                        yield number, self._row(number, names, cells), None
        except UnicodeDecodeError:
            raise InputError(f"{self.label}: not UTF-8 text. Save the file as UTF-8.") from None
        except csv.Error as error:
            raise InputError(
                f"{self.place(last + 1)}: no CSV ({error}). Mend it, or give JSON Lines."
            ) from None
        except OSError as error:
            raise InputError(f"{self.label}: cannot be read ({error.strerror}).") from None

    def _delimiter(self, header: str) -> str:
        if self.path.suffix.lower() == ".tsv":
            return "\t"
        return ";" if ";" in header and "," not in header else ","

    def _header(self, names: list[str] | None) -> list[str]:
        if names is None:
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
        return {name: cell or None for name, cell in zip(names, cells, strict=True)}
