"""`origin`: whatever a user gives, as a source of rows."""

from __future__ import annotations

import inspect
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from evolsynth.columns import ColumnType
from evolsynth.data.files import readers_of
from evolsynth.data.hub import Hub, dataset_of, is_dataset
from evolsynth.data.kinds import columns_of, given_columns
from evolsynth.data.ray_data import RayRows, is_ray_dataset
from evolsynth.data.reader import FORMATS, Asked, ItemList, Items, Reader, Record
from evolsynth.data.shape import LOOKED_AT, Shape
from evolsynth.data.taker import Read, ReadingStep, Taker
from evolsynth.errors import InputError, Misread
from evolsynth.options import FilePath, FormatName
from evolsynth.rows import Row

__all__ = ["Origin", "file_origin", "origin"]

T = TypeVar("T")


class Origin:
    """Where rows come from: one or more readers, one after the other.

    With ``checked`` they are all read once to be counted, so that a bad one is told before anything
    runs, and it is all right if there are none. ``label`` is for people: ``seeds.jsonl``.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        label: str,
        *,
        taker: Callable[[], Taker],
        columns: Mapping[str, ColumnType] | None,
        limit: int | None,
        checked: bool = False,
    ) -> None:
        self.label = label
        self._readers, self._taker = readers, taker
        self._columns, self._limit, self._checked = columns, limit, checked
        self._looked = False

    @property
    def readers(self) -> Sequence[Reader]:
        """What it is read by."""
        return self._readers

    def begun(self, reader: Reader) -> Taker:
        """What takes the records of one reader."""
        taker = self._taker()
        taker.begin(reader)
        return taker

    def columns(self) -> Mapping[str, ColumnType] | None:
        """The columns, known before anything runs: as given; or else as the schema says; or else
        those of the first 100 rows. None if they are not known.

        Raises:
            InputError: the first look finds nothing there, or something that is no row.
        """
        if not self._looked:
            found = self._look()
            self._looked = True
            if self._columns is None:
                self._columns = found or None
        return self._columns

    def _look(self) -> Mapping[str, ColumnType]:
        """See what is there, and that it is right as far as that goes."""
        taker, rows = self._taker(), list[Row]()
        told: dict[str, ColumnType] = {}
        most = LOOKED_AT if self._limit is None else min(LOOKED_AT, self._limit)
        for reader in self._readers:
            taker.begin(reader)
            told |= taker.shape.renamed_columns(reader.columns() or {})
            rows += map(taker.row, reader.first(most - len(rows)))
            if len(rows) == most:
                break
        if not rows:
            self._none()
        taker.shape.check_fields(self._readers[-1].label)
        return columns_of(rows) | told

    def _none(self) -> None:
        """Say that there is nothing, where that is not all right."""
        empty = self._readers[0].empty
        if empty is not None and not self._checked:
            raise InputError(empty)

    def count(self) -> int | None:
        """How many rows there are; None where it takes long to find.

        Raises:
            InputError: a row is bad, where they are ``checked``.
        """
        if self._checked and all(reader.again for reader in self._readers):
            return sum(1 for _ in self)
        total, most = 0, self._limit
        for reader in self._readers:
            try:
                count = reader.count()
            except OSError as error:  # the file went since it was found
                raise InputError(f"{reader.label}: cannot be read ({error.strerror}).") from None
            if count is None:
                return None
            total += count
            if most is not None and total >= most:
                return most
        return total

    def __iter__(self) -> Iterator[Row]:
        """All rows, from the start, for who may wait for them; see `rows`."""
        taker = self._taker()
        return self._each(taker, taker.row)

    def heard(self, says: Callable[[Row], bool]) -> Iterator[Row]:
        """All rows, from the start.

        Raises:
            Misread: there are some, and not one of them can be read and ``says`` anything; before
                one is given.
        """
        taker = self._taker()
        rows = self._each(taker, taker.row)
        return _heard(rows, lambda row: not _is_bad(row, taker) and says(row),
                      partial(_unheard, self.label, taker))  # fmt: skip

    def records(
        self,
        says: Callable[[dict[str, Any]], bool] = bool,
        check: Callable[[dict[str, Any], str], object] | None = None,
    ) -> Iterator[Read]:
        """All records with what rows have of them, from the start; bad ones are passed by.

        Args:
            says: whether the fields of a record say anything.
            check: is called with them and their place, and raises where they are of no use.

        Raises:
            InputError: a record is bad, and bad ones are not to be skipped.
            Misread: there are some, and the fields of not one say anything.
        """
        taker = self._taker()
        take = partial(taker.read, check=check)
        read = (one for one in self._each(taker, take) if one is not None)
        yield from _heard(read, lambda one: says(one.fields), partial(_unheard, self.label, taker))
        if taker.bad and not taker.read_some:
            _unheard(self.label, taker, None)

    def _each(self, taker: Taker, take: Callable[[Record], T]) -> Iterator[T]:
        number = 0
        for reader in self._readers:
            taker.begin(reader)
            for batch in reader.batches():
                for record in batch:
                    number += 1
                    yield take(record)
                    if number == self._limit:
                        taker.end(self.label, whole=False)
                        return
        if not number:
            self._none()
        taker.end(self.label)

    async def rows(self) -> AsyncGenerator[Row]:
        """The rows in their order, the same ones each time, in bounded memory.

        Raises:
            InputError: a row is bad, or the source ends with an error.
        """
        taker, number = self._taker(), 0
        for reader in self._readers:
            taker.begin(reader)
            async with aclosing(reader.stream()) as batches:
                async for batch in batches:
                    for record in batch:
                        number += 1
                        yield taker.row(record)
                        if number == self._limit:
                            return
        if not number:
            self._none()
        taker.shape.say_unanswered(self.label)


def _heard(
    items: Iterator[T], says: Callable[[T], bool], none: Callable[[T], NoReturn]
) -> Iterator[T]:
    """The items, held until one of them says something."""
    held: list[T] = []
    for item in items:
        held.append(item)
        if says(item):
            break
    else:
        if held:
            none(held[0])
        return
    yield from held
    del held
    yield from items


def _is_bad(row: Row, taker: Taker) -> bool:
    return row.failure is not None and row.failure.step == taker.step


def _unheard(label: str, taker: Taker, first: Row | Read | None) -> NoReturn:
    """Say that nothing of a file was understood."""
    if taker.bad and not taker.read_some:
        raise Misread(f"{label}: none of its rows can be read. The first: {taker.first_bad}")
    fields = first.fields if isinstance(first, Read) else {} if first is None else first.extra
    names = ", ".join(f"{name:.60}" for name in list(fields)[:10]) or "none"
    if "batch_response" in fields:
        raise Misread(
            f"{label}: these are a batch's results, which do not say what was asked. Name the file "
            "of its requests: --requests FILE."
        )
    raise Misread(
        f"{label}: no row says what is asked (other columns: {names}). Name the column that does, "
        "--field NAME, or the form that the rows have, --format NAME."
    )


def file_origin(
    path: str | os.PathLike[str],
    *,
    one_id: bool = False,
    format: str | None = None,
    field: str | None = None,
    fields: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
    split: str | None = None,
    requests: FilePath | None = None,
    skip_bad: bool = False,
) -> Origin:
    """The rows of a command's own file, as `origin` has them; ``-`` is standard input.

    A file of no known kind is JSON Lines, and none needs to have rows. Verdicts stay. Ids may come
    twice, unless each must be of ``one_id`` row.

    Raises:
        InputError: no such file, or nothing that rows can be made of.
    """
    readers = readers_of(
        os.fspath(path), split=split, skip_bad=skip_bad, lenient=True, texts=format == "text"
    )
    label = readers[0].label if str(path) == "-" else str(path)
    shape = _shape(format, field, fields, without, requests)

    def taker() -> Taker:
        return Taker(skip_bad=skip_bad, shape=shape(), step="read", judged=True, one_id=one_id)

    return Origin(readers, label, taker=taker, columns=None, limit=None, checked=True)


def origin(
    data: object,
    *,
    skip_bad: bool = False,
    format: FormatName | None = None,
    field: str | None = None,
    fields: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
    split: str | None = None,
    requests: FilePath | None = None,
    columns: Mapping[str, ColumnType] | Sequence[str] | None = None,
    limit: int | None = None,
    chunk: int | None = None,
    needs: Sequence[str] = (),
    step: ReadingStep = "load",
) -> Origin:
    """The source of rows that ``data`` stands for.

    - a list or another iterable of dicts or `Row` s, or a function that makes one;
    - a path: ``.jsonl`` (also ``.jsonl.gz``), ``.json`` (a list, or JSON Lines), ``.parquet``,
      ``.csv``, ``.tsv``; a text file ``.txt`` or ``.md``, a folder of them or a glob pattern;
      ``-`` for JSON Lines from standard input; what another package reads (see `reader.reads`);
    - a Hugging Face ``Dataset`` or ``IterableDataset``, `hub` ``("owner/name")`` or
      ``"hf://owner/name/config@split"``;
    - a ``ray.data.Dataset``, in its order;
    - an asynchronous generator function of your own, or what it gives.

    Every item is checked: a dict's known fields (`Row`) must have their types, all others are
    carried along. Rows without an id get one from their content, the same in every run, and rows
    that are the same in every field different ones; an id that the data itself gives must be the
    only one. What Python has and JSON has not becomes what JSON has: dates ISO 8601 text, NaN
    null, numpy's numbers plain ones; bytes are refused.

    Rows that say they were rejected or have failed stay so, and steps hand them on untouched.
    Rows that an earlier run accepted are taken up as undecided: what they go through now judges
    them anew. Their scores and provenance stay.

    Text files become a row each, with the text in ``input`` and the file's name in ``source``.

    Args:
        data: a file (.jsonl, .json, .parquet, .csv, .tsv, .txt, .md), a folder or pattern of text
            files, hf://owner/name, or rows themselves. Paths in a pipeline file begin at its
            folder.
        skip_bad: what is no row becomes a failed row (step ``load``) in its place, with what it
            held. Otherwise the first such item ends the run.
        format: the form that rows have: rows (our own), alpaca, sharegpt, messages,
            prompt-completion, dpo, distilabel, openai, text; by default it is known from the first
            100.
        field: the column that holds the task, where it is not called ``instruction``.
        fields: new names for columns, ``{"prompt": "instruction"}``: the data's name, then the
            row's.
        without: columns to leave out.
        split: which part to take of a data set of the hub, or of a folder whose files' names tell
            of parts.
        requests: the file of requests that a batch's results answer, as OpenAI's batches have
            them; they are joined by their ``custom_id``.
        columns: the columns (after renaming), where the source cannot tell them or tells them
            incompletely: names, or a mapping to ``text``, ``texts``, ``messages``, ``number``,
            ``any``.
        limit: the most rows to take.
        needs: texts that each row must have which is not settled already; one without is bad.
        step: ``read`` for a command's own file: bad rows fail in a step of that name, all are read
            once to be counted, so that a bad one is told before a model is loaded, a file without
            rows is none that is wrong, and one of no known kind is JSON Lines.
        chunk: cut texts of files into parts of at most so many characters, at the ends of
            paragraphs where that can be; each part is a row, numbered from 1 in ``part``.

    Raises:
        InputError: there is nothing such, it is empty, or nothing that rows can be made of.
        SetupError: a package that it needs is not installed.
    """
    for name, number in (("limit", limit), ("chunk", chunk)):
        if number is not None and (type(number) is not int or number < 1):
            raise InputError(f"{name} is {number!r}: it must be a number from 1.")
    if fields is not None and not isinstance(fields, Mapping):
        raise InputError("fields: give a mapping from the data's names to the rows' names.")
    shape = _shape(format, field, fields, without, requests)

    def taker() -> Taker:
        return Taker(skip_bad=skip_bad, shape=shape(), needs=needs, step=step)

    make = partial(
        Origin,
        taker=taker,
        columns=given_columns(columns),
        limit=limit,
        checked=step == "read",
    )
    read = _scheme(data)
    if read is None and isinstance(data, str | Path):
        readers = readers_of(
            data,
            chunk=chunk,
            split=split,
            skip_bad=skip_bad,
            lenient=step == "read",
            texts=format == "text",
        )
        return make(readers, readers[0].label if str(data) == "-" else str(data))
    if chunk is not None:
        raise InputError("chunk goes with text files: a path, a folder or a pattern.")
    reader = _reader(data) if read is None else read(data, str(data))
    return make((reader,), reader.label)


def _shape(
    format: str | None,
    field: str | None,
    fields: Mapping[str, str] | None,
    without: Sequence[str],
    requests: str | None,
) -> Callable[[], Shape]:
    """What makes the `Shape` of these options, which are looked at now."""
    asked: Mapping[str, Mapping[str, Any]] | None = None
    if requests is not None:
        from evolsynth.data.formats.requests import requests_of

        asked = requests_of(requests)
    make = partial(
        Shape, format=format, field=field, fields=fields, without=without, requests=asked
    )
    make()
    return make


def _scheme(data: object) -> Callable[[Any, str], Reader] | None:
    """What reads an address, as ``hf://`` is one; None for other things."""
    if not isinstance(data, str) or "://" not in data:
        return None
    return FORMATS.find(f"{data.partition('://')[0]}://")


def _reader(data: object) -> Reader:
    if inspect.isasyncgenfunction(_inner(data)) and callable(data):
        _takes_nothing(data)
        return Asked(data, _name(data))
    if isinstance(data, AsyncIterator):
        return Asked(_once(data, _name(data)), _name(data))
    if isinstance(data, AsyncIterable):
        return Asked(lambda: data, _name(data))
    if is_ray_dataset(data):
        return RayRows(data)
    if isinstance(data, Hub) or is_dataset(data):
        return dataset_of(data)
    if isinstance(data, Mapping | Row):
        raise InputError("One row is no source. Put it in a list.")
    if hasattr(data, "to_dict") and hasattr(data, "columns"):  # pandas
        raise InputError("A data frame is no list of rows. Give data.to_dict('records').")
    if isinstance(data, Sequence) and not isinstance(data, bytes | bytearray | memoryview):
        return ItemList(data, _counted(data))
    if isinstance(data, Iterator):
        return Items(_once(data, _name(data)), _name(data))
    if isinstance(data, Iterable) and not isinstance(data, bytes | bytearray | memoryview):
        return Items(lambda: data, _name(data))
    if callable(data):
        _takes_nothing(data)
        return Items(partial(_called, data), _name(data))
    raise InputError(
        f"No rows can be read from {type(data).__name__}. Give dicts or rows in a list, a path, a "
        "Hugging Face dataset, or a generator."
    )


def _called(function: Callable[[], object]) -> Iterable[object]:
    """What a function gives, if it is an iterable."""
    made = function()
    if isinstance(made, Iterable) and not isinstance(made, str | bytes | Mapping):
        return made
    if inspect.iscoroutine(made):
        made.close()
    if isinstance(made, AsyncIterable):
        raise InputError(
            f"{_name(function)} gives an asynchronous generator. Give that itself, or its function "
            "with functools.partial."
        )
    raise InputError(
        f"{_name(function)} gives {type(made).__name__}, which is no rows. Let it yield dicts."
    )


def _once(items: T, label: str) -> Callable[[], T]:
    """Give an iterator out once."""
    left = [items]

    def begin() -> T:
        if not left:
            raise InputError(
                f"{label}: was read already, and can be read once only. Give a list, or the "
                "function that makes the generator."
            )
        return left.pop()

    return begin


def _takes_nothing(function: Callable[..., object]) -> None:
    try:
        inspect.signature(function).bind()
    except ValueError:  # has no signature that Python knows
        return
    except TypeError as error:
        raise InputError(
            f"{_name(function)} is called without arguments ({error}). "
            "Give functools.partial with them."
        ) from None


def _inner(data: object) -> object:
    while isinstance(data, partial):
        data = data.func
    return data


def _name(data: object) -> str:
    """A function's or generator's own name, or the type's."""
    data = _inner(data)
    return str(getattr(data, "__name__", None) or type(data).__name__)


def _counted(data: Sequence[object]) -> str:
    kind = "row" if data and isinstance(data[0], Row) else "dict"
    return f"1 {kind}" if len(data) == 1 else f"{len(data)} {kind}s"
