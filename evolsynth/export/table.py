"""Lines of a format in a file: JSON Lines, Parquet, or a folder of the ``datasets`` package."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Container, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from evolsynth.atomic import write, written
from evolsynth.errors import InputError, SetupError
from evolsynth.flat import COLUMNS, dump

__all__ = ["Lines", "rows_table", "schema_of", "write_folder", "write_lines"]

_AT_ONCE = 4096
Lines = Iterable[dict[str, Any]]
Struct = Mapping[str, Any]


def write_lines(place: Path, lines: Lines, schema: Any = None) -> int:
    """Write lines to a file, Parquet by its name or else JSON Lines; how many they were.

    The file appears whole or not at all. A ``schema`` is one that `schema_of` found; without it a
    Parquet file has that of its own lines.

    Raises:
        InputError: it cannot be written.
        SetupError: pyarrow is missing.
    """
    if place.suffix != ".parquet":
        return write(place, (dump(line) + "\n" for line in lines))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with written(place) as part:
            return _parquet(part, lines, schema)
    except OSError as error:
        raise InputError(
            f"{place}: cannot be written ({error.strerror or error}). Choose another place."
        ) from None


def schema_of(lines: Lines) -> Any:
    """The Arrow schema of all lines together, of which a few thousand are in memory at a time.

    Raises:
        InputError: values of a column have no type in common.
        SetupError: pyarrow is missing.
    """
    pyarrow, found = _pyarrow("Parquet"), None
    given = iter(lines)
    while some := list(islice(given, _AT_ONCE)):
        if _is_whole(some):
            return _row_schema(pyarrow)
        try:
            schema = _table(pyarrow, [_of_one_type(line) for line in some]).schema
            both = [schema] if found is None else [found, schema]
            found = pyarrow.unify_schemas(both, promote_options="permissive")
        except pyarrow.ArrowException as error:
            said = str(error).partition("\n")[0].rstrip(".")
            raise InputError(
                f"A column has values of several types, which Parquet has no place for ({said}). "
                "Write JSON Lines."
            ) from None
    return pyarrow.schema([]) if found is None else found


def rows_table(lines: Lines) -> Any:
    """Lines of whole rows, as the format ``rows`` has them, as an Arrow table of always the same
    schema."""
    pyarrow = _pyarrow("Arrow")
    return _table(pyarrow, list(lines), _row_schema(pyarrow))


def _pyarrow(wanted: str) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise SetupError(
            f"{wanted}: pyarrow is needed to write it. pip install 'evolsynth[data]'"
        ) from None
    return pyarrow


def _is_whole(lines: list[dict[str, Any]]) -> bool:
    """Whether they are whole rows, whose schema is always the same."""
    return bool(lines) and lines[0].keys() == {*COLUMNS, "extra"}


def _parquet(place: Path, lines: Lines, schema: Any = None) -> int:
    pyarrow = _pyarrow(place.name)
    given = iter(lines)
    first = list(islice(given, _AT_ONCE))
    whole = _is_whole(first)
    if not whole and schema is None:  # its types are those of all lines together
        first += given
        table = _table(pyarrow, [_of_one_type(line) for line in first])
        with place.open("wb") as file:  # by itself it takes no name that is no UTF-8
            pyarrow.parquet.write_table(table, file)
        return len(first)
    schema, count = schema or _row_schema(pyarrow), 0
    with place.open("wb") as file, pyarrow.parquet.ParquetWriter(file, schema) as writer:
        while first:
            some = first if whole else [_of_one_type(line) for line in first]
            writer.write_table(_table(pyarrow, some, schema))
            count += len(first)
            first = list(islice(given, _AT_ONCE))
    return count


def _table(pyarrow: Any, lines: list[dict[str, Any]], schema: Any = None) -> Any:
    if schema is None and lines:  # pyarrow takes the columns of the first line
        names = dict.fromkeys(name for line in lines for name in line)
        lines = [{**names, **lines[0]}, *lines[1:]]
    try:
        return pyarrow.Table.from_pylist(lines, schema=schema)
    except UnicodeEncodeError:  # JSON Lines has an escape for half a character, a table has none
        return pyarrow.Table.from_pylist([_sound(line) for line in lines], schema=schema)


def _sound(value: Any) -> Any:
    """The same, with U+FFFD for each half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_sound(name): _sound(one) for name, one in value.items()}
    return [_sound(one) for one in value] if isinstance(value, list | tuple) else value


def _of_one_type(line: dict[str, Any]) -> dict[str, Any]:
    """A line whose turns have one type in all files: what calls say is a text of JSON, as each call
    has other arguments, and a column can hold neither two types nor a struct without a field."""
    return {name: _turns(value) for name, value in line.items()}


def _turns(value: Any) -> Any:
    if isinstance(value, Mapping) and "role" in value:
        calls = {n: [_call(c) for c in v] for n, v in value.items() if n == "tool_calls"}
        return {**_texts(value, but=calls), **calls}
    if isinstance(value, list) and all(isinstance(turn, Mapping) for turn in value):
        return [_turns(turn) for turn in value]
    return value


def _call(call: Struct) -> dict[str, Any]:
    return {**_texts(call, but=("function",)), "function": _texts(call["function"])}


def _texts(given: Struct, *, but: Container[str] = ()) -> dict[str, Any]:
    return {
        name: value if value is None or isinstance(value, str) else dump(value)
        for name, value in given.items()
        if name not in but
    }


def _row_schema(pyarrow: Any) -> Any:
    """That of whole rows, which never follows from what stands in them."""
    turn = pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())])
    kinds = {"messages": pyarrow.list_(turn), "round": pyarrow.int64()}
    return pyarrow.schema(
        [(name, kinds.get(name, pyarrow.string())) for name in (*COLUMNS, "extra")]
    )


def write_folder(place: Path, parts: Mapping[str, Callable[[], Lines]]) -> dict[str, int]:
    """Write a folder for ``datasets.load_from_disk``, with several parts a `DatasetDict`; how many
    lines each has. A folder that is there gives way when the new one is whole.

    Raises:
        InputError: it cannot be written, or something else stands there.
        SetupError: the package is missing.
    """
    try:
        import datasets
    except ImportError:
        raise SetupError(
            f"{place}: the package datasets is needed. pip install 'evolsynth[data]'"
        ) from None
    if place.exists() and not _is_ours(place):
        raise InputError(f"{place}: something else stands there. Choose another place.")
    try:
        str(place.absolute()).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{place}: the package datasets takes no path that is not UTF-8. Choose another place."
        ) from None
    counts: dict[str, int] = {}
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        hidden = tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent)
        with _quiet(datasets), hidden as held:
            data = {}
            for name, lines in parts.items():
                file = Path(held) / f"{name}.parquet"
                counts[name] = write_lines(file, lines())
                with _quiet(datasets):
                    data[name] = datasets.Dataset.from_parquet(
                        str(file), cache_dir=f"{held}/cache", split=name
                    )
            made = Path(held) / "made"
            whole = next(iter(data.values())) if len(data) == 1 else datasets.DatasetDict(data)
            whole.save_to_disk(str(made))
            if place.exists():
                place.rename(Path(held) / "old")
            made.rename(place)
    except OSError as error:
        raise InputError(
            f"{place}: cannot be written ({error.strerror or error}). Choose another place."
        ) from None
    return counts


def _is_ours(place: Path) -> bool:
    """Whether a folder is one that may be replaced: a data set's, or empty."""
    names = ("dataset_info.json", "dataset_dict.json")
    return place.is_dir() and (
        any((place / name).is_file() for name in names) or not any(place.iterdir())
    )


class _quiet:  # noqa: N801 - a context manager
    def __init__(self, datasets: Any) -> None:
        self._datasets = datasets

    def __enter__(self) -> None:
        self._shown = self._datasets.is_progress_bar_enabled()
        self._datasets.disable_progress_bars()

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._datasets.enable_progress_bars()
