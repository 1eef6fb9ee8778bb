"""Records as Arrow tables, all of one schema, and parts of them as Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evolsynth.atomic import written
from evolsynth.cluster.parts import Part, Reading, records
from evolsynth.data.parquet import Parquet
from evolsynth.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_it_stands", "chosen", "one_schema", "schema_with", "table_of", "write_table"]


def table_of(rows: Sequence[dict[str, Any]], label: str, schema: Any = None) -> Any:
    """Records as a table.

    Raises:
        InputError: a column has values of several types.
    """
    import pyarrow as pa

    try:
        return pa.Table.from_pylist(list(rows), schema=schema)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise InputError(
            f"{label}: a column of its rows cannot be one of a Parquet file ({_said(error)}). "
            "Make its values of one type, or leave it out: --without NAME."
        ) from None


def schema_with(schema: Any, rows: Sequence[dict[str, Any]], label: str) -> Any:
    """A schema, widened to hold some records, too."""
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row)
    new = pa.schema([])
    for name in names:
        column = table_of([{name: row.get(name)} for row in rows], f"{label}, column '{name}'")
        new = new.append(column.schema.field(0))
    return new if schema is None else one_schema([schema, new], label)


def one_schema(schemas: Iterable[Any], label: str) -> Any:
    """The schema that holds the rows of several.

    Raises:
        InputError: a column is of types that no other holds.
    """
    import pyarrow as pa

    plain = [schema.remove_metadata() for schema in schemas]
    try:
        return pa.unify_schemas(plain, promote_options="permissive")
    except pa.ArrowException as error:
        raise InputError(
            f"{label}: its files or rows are no one table ({_said(error)}). Make each column of "
            "one type, or leave it out: --without NAME."
        ) from None


def as_it_stands(part: Part, reading: Reading) -> bool:
    """Whether rows go out as the columns of their Parquet file, without a look at each."""
    return part.kind == "groups" and not (reading.get("fields") or reading.get("without"))


def chosen(part: Part, reading: Reading, places: NDArray[np.int64], schema: Any) -> Any:
    """Some of a part's records, by their places, as a table of the schema."""
    if as_it_stands(part, reading):
        table = Parquet(Path(part.path), part.path).table(part.start, part.stop).take(places)
        missing = [name for name in schema.names if name not in table.column_names]
        for name in missing:
            table = table.append_column(schema.field(name), _nulls(len(table), schema.field(name)))
        return table.select(schema.names).cast(schema)
    some = frozenset(places.tolist())
    rows = [one.given for _, one in records(part, reading, some=some)]
    return table_of(rows, part.path, schema)


def _nulls(count: int, field: Any) -> Any:
    import pyarrow as pa

    return pa.nulls(count, field.type)


def write_table(place: Path, table: Any) -> None:
    """Write a table as a Parquet file, whole or not at all.

    Raises:
        InputError: Parquet has no place for what stands in it.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with written(place) as part:
            parquet.write_table(table, part)
    except pa.ArrowException as error:
        raise InputError(f"The rows cannot be written as Parquet ({_said(error)}).") from None


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
