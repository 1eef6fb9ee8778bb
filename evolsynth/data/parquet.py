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
                    yield [(n, row, None) for n, row in enumerate(batch.to_pylist(), number)]
                    number += batch.num_rows
        except _errors() as error:
            raise InputError(
                f"{self.place(number)}: cannot be read ({_said(error)}). Write the file again."
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
            raise InputError(
                f"{self.label}: no Parquet file ({_said(error)}). "
                "Write it again, or give JSON Lines."
            ) from None


def _errors() -> tuple[type[Exception], ...]:
    from pyarrow import ArrowException

    return OSError, ValueError, ArrowException


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


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

    def one_of(type_: Any, *kinds: str) -> bool:
        return any(getattr(types, f"is_{kind}")(type_) for kind in kinds)

    texts = ("string", "large_string", "string_view")
    if one_of(type_, *texts):
        return "text"
    if one_of(type_, "integer", "floating", "decimal"):
        return "number"
    if one_of(type_, "list", "large_list", "fixed_size_list"):
        inner = type_.value_type
        if one_of(inner, *texts):
            return "texts"
        if types.is_struct(inner) and {"role", "content"} <= {field.name for field in inner}:
            return "messages"
    return "any"
