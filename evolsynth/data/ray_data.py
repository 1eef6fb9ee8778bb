"""Rows of a ``ray.data.Dataset``: block after block, in its order. Ray itself is not imported here:
who has such an object has done so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any

from evolsynth.columns import ColumnType
from evolsynth.data.parquet import no_texts, schema_columns
from evolsynth.data.reader import Items
from evolsynth.errors import EvolsynthError, InputError

__all__ = ["RayRows", "is_ray_dataset"]

_HOME, _NAME = "ray.data.dataset", "Dataset"


def is_ray_dataset(data: object) -> bool:
    """Whether it is a ``ray.data.Dataset``, told by the names of its classes."""
    return any(one.__module__ == _HOME and one.__name__ == _NAME for one in type(data).__mro__)


class RayRows(Items):
    """The rows of a Ray Dataset, which is begun once for the first look and the reading, as what is
    mapped there may be costly. Blocks come in order, and Ray makes few ahead of those that are
    taken; in memory here are one of them and the next."""

    unit = "row"
    on_ray = True

    def __init__(self, data: Any) -> None:
        label = str(getattr(data, "name", None) or "Ray Dataset")
        self._data = data
        super().__init__(lambda: _rows(self._texts, label), label)
        self.empty = f"{label}: the data set has no rows. Give one that has."

    @cached_property
    def _texts(self) -> Any:
        """The data set without columns of bytes, where its schema is known."""
        schema = self._schema
        if schema is None:
            return self._data
        import pyarrow

        plain = [field for field in schema if not hasattr(field.type, "storage_type")]
        names = no_texts(pyarrow.schema(plain), self.label)
        return self._data.drop_columns(sorted(names)) if names else self._data

    @cached_property
    def _schema(self) -> Any:
        """Its Arrow schema, if that is known without computing anything."""
        schema = getattr(self._data.schema(fetch_if_missing=False), "base_schema", None)
        return schema if type(schema).__module__.partition(".")[0] == "pyarrow" else None

    def columns(self) -> Mapping[str, ColumnType] | None:
        """As its schema says, where that is known before anything is computed."""
        if self._schema is None:
            return None
        columns, texts = schema_columns(self._schema, self.label), self._texts
        if texts is self._data:
            return columns
        left = set(texts.columns())
        return {name: kind for name, kind in columns.items() if name in left}

    def count(self) -> int | None:
        """Its rows, where Ray knows them without computing anything."""
        known = getattr(self._data, "_meta_count", None)  # count() itself would compute all
        return None if known is None else known()


def _rows(data: Any, label: str) -> Iterator[object]:
    """The rows in order.

    Raises:
        InputError: what is computed there has raised, or Ray has; in one sentence.
    """
    number = 0
    try:
        with _in_order(data), closing(iter(data.iter_rows())) as rows:
            for row in rows:
                number += 1
                yield row
    except EvolsynthError:
        raise
    except Exception as error:
        raise InputError(
            f"{label}: raised {_said(error)} after {number:,} rows. Mend it, and run again."
        ) from error


@contextmanager
def _in_order(data: Any) -> Iterator[None]:
    """Have Ray give blocks in the data set's order, and draw no bars of its own meanwhile."""
    context = data.context
    options = context.execution_options
    before = options.preserve_order, context.enable_progress_bars
    options.preserve_order, context.enable_progress_bars = True, False
    try:
        yield
    finally:
        options.preserve_order, context.enable_progress_bars = before


_RAISED = re.compile(r"^(?:\w+\.)*(\w+)(?:: (.*))?$")


def _said(error: Exception) -> str:
    """What was raised where a row was computed. Ray tells it as the text of a traceback, the
    innermost first, and above it where that was."""
    text = str(error).partition("\n\nThe above exception")[0]
    if "\n  File " not in text:
        first = text.strip().partition("\n")[0].rstrip(".")
        return f"{type(error).__name__}: {first:.300}" if first else type(error).__name__
    behind = text.rpartition("\n  File ")[2].splitlines()[1:]
    for line in behind:
        found = None if line.startswith(" ") else _RAISED.match(line)
        if found is not None:
            kind, what = found[1], (found[2] or "").rstrip(".")
            return f"{kind}: {what:.300}" if what else kind
    return type(error).__name__
