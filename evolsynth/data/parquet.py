"""Parquet files, read in batches through pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from evolsynth.columns import ColumnType
from evolsynth.data.reader import BATCH, Reader, Record, reads
from evolsynth.errors import InputError, SetupError

__all__ = ["Parquet", "schema_columns"]


@reads("parquet")
class Parquet(Reader):
    """A file's rows; in memory are 256 of them, and the pages that they stand in."""

    unit = "row"

    def __init__(self, path: Path, label: str) -> None:
        super().__init__(label)
        self.path = path
        self.empty = f"{label}: the table has no rows. Give one that has."

    def columns(self) -> Mapping[str, ColumnType]:
        """As the schema says."""
        with self._opened() as file:
            return schema_columns(file.schema_arrow, self.label)

    def count(self) -> int:
        """As the file's end says."""
        with self._opened() as file:
            count: int = file.metadata.num_rows
            return count

    def batches(self) -> Iterator[Iterable[Record]]:
        """The rows, 256 at a time."""
        number = 1
        try:
            with self._opened() as file:
                for batch in file.iter_batches(batch_size=BATCH, use_threads=False):
                    yield _records(number, batch.to_pylist())
                    number += batch.num_rows
        except _errors() as error:
            said = str(error).partition("\n")[0].rstrip(".")
            raise InputError(
                f"{self.place(number)}: cannot be read ({said}). Write the file again."
            ) from None

    def _opened(self) -> Any:
        try:
            from pyarrow import parquet
        except ImportError:
            raise SetupError(
                f"{self.label}: pyarrow is needed to read it. pip install 'evolsynth[data]'"
            ) from None
        try:
            return parquet.ParquetFile(self.path)
        except _errors() as error:
            said = str(error).partition("\n")[0].rstrip(".")
            raise InputError(
                f"{self.label}: no Parquet file ({said}). Write it again, or give JSON Lines."
            ) from None


def _errors() -> tuple[type[Exception], ...]:
    from pyarrow import ArrowException

    return OSError, ValueError, ArrowException


def _records(number: int, rows: list[dict[str, Any]]) -> list[Record]:
    return [(number + k, row, None) for k, row in enumerate(rows)]


def schema_columns(schema: Any, label: str) -> dict[str, ColumnType]:
    """The columns of an Arrow schema.

    Raises:
        InputError: two columns have one name.
    """
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise InputError(f"{label}: two columns are named '{name}'. Rename one.")
    return {field.name: _kind(field.type) for field in schema}


def _kind(type_: Any) -> ColumnType:
    from pyarrow import types

    if types.is_dictionary(type_):
        type_ = type_.value_type
    if _is_text(type_):
        return "text"
    if types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_):
        return "number"
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        inner = type_.value_type
        if _is_text(inner):
            return "texts"
        if types.is_struct(inner) and {"role", "content"} <= {field.name for field in inner}:
            return "messages"
    return "any"


def _is_text(type_: Any) -> bool:
    from pyarrow import types

    return bool(
        types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_)
    )
