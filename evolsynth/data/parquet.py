"""Parquet and Arrow files, read in batches through pyarrow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from evolsynth.columns import ColumnType
from evolsynth.data.reader import BATCH, Reader, Record, reads
from evolsynth.doing import say
from evolsynth.errors import InputError, SetupError

__all__ = ["Arrow", "Parquet", "no_texts", "schema_columns"]


class _Table(Reader):
    """A file's rows; in memory are 256 of them, and what they stand in. Columns of bytes, as
    images and sounds have them, are left out, and said to be."""

    unit = "row"
    kind: str

    def __init__(self, path: Path, label: str) -> None:
        super().__init__(label)
        self.path = path
        self.empty = f"{label}: the table has no rows. Give one that has."

    def columns(self) -> Mapping[str, ColumnType]:
        """As the schema says, without those of bytes."""
        with self._opened() as file:
            return self._kept(self._schema(file))

    def batches(self) -> Iterator[Iterable[Record]]:
        """The rows, 256 at a time."""
        return self._numbered(1)

    def _numbered(self, number: int, **which: Any) -> Iterator[list[Record]]:
        """Rows, numbered from ``number`` on; ``which`` says which, where not all."""
        try:
            with self._opened() as file:
                names = list(self._kept(self._schema(file)))
                for batch in self._batches(file, names, **which):
                    yield [(n, row, None) for n, row in enumerate(_rows(batch), number)]
                    number += batch.num_rows
        except _errors() as error:
            raise InputError(
                f"{self.place(number)}: cannot be read ({_said(error)}). Write the file again."
            ) from None

    def _kept(self, schema: Any) -> dict[str, ColumnType]:
        columns = schema_columns(schema, self.label)
        without = no_texts(schema, self.label)
        return {name: kind for name, kind in columns.items() if name not in without}

    def _opened(self) -> Any:
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise SetupError(
                f"{self.label}: pyarrow is needed to read it. pip install 'evolsynth[data]'"
            ) from None
        try:
            return self._open()
        except _errors() as error:
            raise InputError(
                f"{self.label}: no {self.kind} file ({_said(error)}). "
                "Write it again, or give JSON Lines."
            ) from None

    def _open(self) -> Any:
        raise NotImplementedError

    def _schema(self, file: Any) -> Any:
        return file.schema

    def _batches(self, file: Any, names: list[str], **which: Any) -> Iterator[Any]:
        raise NotImplementedError


@reads("parquet")
class Parquet(_Table):
    """The rows of a Parquet file."""

    kind = "Parquet"

    def count(self) -> int:
        """As the file's end says."""
        with self._opened() as file:
            count: int = file.metadata.num_rows
            return count

    def _open(self) -> Any:
        from pyarrow import OSFile, parquet

        return parquet.ParquetFile(OSFile(os.fsencode(self.path)))  # a name may be no UTF-8

    def _schema(self, file: Any) -> Any:
        return file.schema_arrow

    def groups(self) -> list[int]:
        """How many rows each of its row groups has."""
        with self._opened() as file:
            about = file.metadata
            return [about.row_group(k).num_rows for k in range(about.num_row_groups)]

    def schema(self) -> Any:
        """Its Arrow schema."""
        with self._opened() as file:
            return self._schema(file)

    def in_groups(self, start: int, stop: int, first: int) -> Iterator[list[Record]]:
        """The rows of some row groups, 256 at a time; ``first`` is the number of the first."""
        return self._numbered(first, row_groups=list(range(start, stop)))

    def table(self, start: int, stop: int) -> Any:
        """The same as an Arrow table, with all columns."""
        with self._opened() as file:
            try:
                return file.read_row_groups(list(range(start, stop)), use_threads=False)
            except _errors() as error:
                raise InputError(
                    f"{self.label}: cannot be read ({_said(error)}). Write the file again."
                ) from None

    def _batches(self, file: Any, names: list[str], **which: Any) -> Iterator[Any]:
        yield from file.iter_batches(batch_size=BATCH, use_threads=False, columns=names, **which)


@reads("arrow", "feather", "ipc")
class Arrow(_Table):
    """The rows of an Arrow file, of a stream that was written into one, or of Feather's second
    version, which is the first of these."""

    kind = "Arrow"

    def _open(self) -> Any:
        from pyarrow import ArrowInvalid, ipc, memory_map

        source = memory_map(os.fsencode(self.path))
        try:
            return ipc.open_file(source)
        except ArrowInvalid:
            source.seek(0)
            return ipc.open_stream(source)

    def _batches(self, file: Any, names: list[str], **which: Any) -> Iterator[Any]:
        several = hasattr(file, "num_record_batches")
        those = map(file.get_batch, range(file.num_record_batches)) if several else file
        for batch in those:
            some = batch.select(names)
            for start in range(0, some.num_rows, BATCH):
                yield some.slice(start, BATCH)


def _rows(batch: Any) -> list[dict[str, Any]]:
    """The rows of a batch; times that Python's calendar has not as text.

    Raises:
        pyarrow.ArrowInvalid: what a damaged file says of itself would lead out of its memory.
    """
    batch.validate(full=True)
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (OverflowError, ValueError):
        from pyarrow import compute, string, table, types

        columns = {
            field.name: compute.cast(column, string()) if types.is_temporal(field.type) else column
            for field, column in zip(batch.schema, batch.columns, strict=True)
        }
        rows = table(columns).to_pylist()
    return rows


def _errors() -> tuple[type[Exception], ...]:
    try:
        from pyarrow import ArrowException
    except ImportError:  # which is being told
        return ()

    return OSError, ValueError, OverflowError, ArrowException


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


def no_texts(schema: Any, label: str) -> set[str]:
    """The columns of bytes, or of structs with bytes, as images and sounds are kept; it is said
    that they are left out. Conversations stay: only their bytes are left out, see `Shape.plain`."""
    names = [f.name for f in schema if _holds_bytes(f.type) and not _is_talk(f.type)]
    if names:
        from evolsynth.data.media import said_of

        say(f"{label}: {said_of(names)}")
    return set(names)


def _is_talk(type_: Any) -> bool:
    """Whether it is of lists of turns."""
    from pyarrow import types

    inner = getattr(type_, "value_type", None)
    return (
        inner is not None
        and types.is_struct(inner)
        and not {"role", "from"}.isdisjoint(field.name for field in inner)
    )


def _holds_bytes(type_: Any) -> bool:
    from pyarrow import types

    if hasattr(type_, "storage_type"):  # of an extension
        return _holds_bytes(type_.storage_type)
    named = ("binary", "large_binary", "fixed_size_binary", "binary_view")
    if any(getattr(types, f"is_{name}", lambda _: False)(type_) for name in named):
        return True
    if types.is_struct(type_) or types.is_map(type_):
        return any(_holds_bytes(type_.field(k).type) for k in range(type_.num_fields))
    inner = getattr(type_, "value_type", None)
    return inner is not None and _holds_bytes(inner)


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
