"""What becomes of a record before it is a row: columns left out or renamed, its form read."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import Any

from evolsynth.columns import ColumnType
from evolsynth.data.kinds import own_columns
from evolsynth.data.reader import Asked, Items, Once, Reader
from evolsynth.doing import say
from evolsynth.errors import InputError
from evolsynth.inputs import INPUTS, stands_for_none
from evolsynth.plain import plain_fields

__all__ = ["LOOKED_AT", "Shape"]

#: Records by which a form is known.
LOOKED_AT = 100


class Shape:
    """How the records of a source are to be understood.

    Args:
        format: the name of their form; None to know it from the first records of each file.
        fields: new names, the data's first.
        field: the column that holds the task, which is called ``instruction`` from then on.
        without: columns to leave out.
        requests: what the requests of a batch ask, by their ``custom_id``, where the records are
            its results.

    Raises:
        InputError: there is no such form, or two columns are to have one name.
    """

    def __init__(
        self,
        *,
        format: str | None = None,
        fields: Mapping[str, str] | None = None,
        field: str | None = None,
        without: Sequence[str] = (),
        requests: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._fields, self._without = dict(fields or {}), frozenset(without)
        if field is not None and field != "instruction":
            self._fields.setdefault(field, "instruction")
        self._named = format if requests is None else "openai"
        self._requests, self._answered = requests, set[str]()
        #: The form of the records that are under way; None for rows as ours.
        self.form: Any = None
        self._known = False
        self._said: str | None = None
        self._names: dict[str, None] = {}  # of columns, as the source has them
        self._none = False
        self._label, self._left_out = "", set[str]()
        if format not in (None, "rows"):
            from evolsynth.data.formats.form import FORMS

            self.form = FORMS[str(format)]
            if requests is not None and format != "openai":
                raise InputError("requests go with a batch's results. Leave out format.")

    @property
    def changes(self) -> bool:
        """Whether columns are left out or renamed."""
        return bool(self._fields or self._without)

    def begin(self, reader: Reader) -> None:
        """The records that follow are this reader's."""
        self._label = reader.label
        if self._named is not None:
            return
        self._known = False
        if isinstance(reader, Asked | Items):  # those are not begun for it
            return
        if isinstance(reader, Once):
            self._recognise(reader, ((n, item) for n, item, _ in reader.first(LOOKED_AT)))
            return
        with closing(_first(reader)) as records:
            self._recognise(reader, records)

    def _recognise(self, reader: Reader, records: Iterable[tuple[int, object]]) -> None:
        self._known, self.form = True, None
        others = self._others(reader, records)
        first = next(others, None)
        if first is None:
            return
        from evolsynth.data.formats.form import FORMS, TEXT, recognised

        if getattr(reader, "texts", False):
            self.form = FORMS[TEXT]
        else:
            self.form = recognised(chain((first,), others))
        if self.form is None or self.form.name == self._said:
            return
        self._said = self.form.name
        number = reader.count()
        many = "" if number is None else f": {number:,} {self.form.noun}"
        say(f"{reader.label}: read as {self.form.title}{many}.")

    def _others(
        self, reader: Reader, records: Iterable[tuple[int, object]]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The records that are not plainly rows as ours, with their places."""
        for number, item in records:
            if isinstance(item, Mapping):
                try:
                    record = self.given(item)
                except InputError:  # which is told where it is read
                    continue
                if not _usual(record):
                    yield reader.place(number), record

    def given(self, item: Mapping[Any, Any], *, parsed: bool = False) -> Mapping[str, Any]:
        """The columns of a record as they come out again: plain (a ``parsed`` line is so already),
        renamed, without some. Images and sounds are left out, which is said.

        Raises:
            InputError: a value that JSON has no place for, or two columns of one name.
        """
        if self._without:
            item = {name: value for name, value in item.items() if name not in self._without}
        data = item if parsed else self.plain(item)
        return self._renamed(data) if self._fields else data

    def plain(self, item: Mapping[Any, Any]) -> Mapping[str, Any]:
        """The fields with values that JSON has, without images and sounds.

        Raises:
            InputError: a value that JSON has no place for; see `plain_fields`.
        """
        wrong: InputError | None = None
        if not any(map(_kept_apart, item.values())):
            try:
                return plain_fields(item)
            except InputError as error:
                wrong = error
        from evolsynth.data.media import said_of, without_media

        kept, names = without_media(item)
        if wrong is not None and not names:
            raise wrong
        new = [name for name in names if name not in self._left_out]
        if new:
            self._left_out.update(new)
            say(f"{self._label}: {said_of(new)}")
        return plain_fields(kept)

    def whole(self, data: Mapping[str, Any], reader: Reader, number: int) -> Mapping[str, Any]:
        """A record with what a row has of it, where it is of another form.

        Raises:
            InputError: it is not of the form that it is said to be.
        """
        if not self._known and self._named is None:
            self._recognise(reader, [(number, data)])
        self._note_none(data, reader)
        if self._requests is not None:
            return self._joined(data)
        if self.form is None or _usual(data):
            return data
        from evolsynth.data.formats.form import is_own

        if is_own(data):
            return data
        told = self.form.fields(data)
        if told is not None:
            return {**data, **told}
        if self._named is not None and not isinstance(data.get("instruction"), str):
            names = ", ".join(f"{name:.60}" for name in list(data)[:5]) or "nothing"
            raise InputError(f"this is not {self.form.title}: it has {names}.")
        return data

    def _joined(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """A batch's result, with what its request asks."""
        from evolsynth.data.formats.form import is_own
        from evolsynth.data.formats.requests import joined

        if is_own(data):
            return data
        told = joined(self._requests or {}, data)
        self._answered.add(data["custom_id"])
        return {**data, **told}

    def say_unanswered(self, label: str) -> None:
        """Tell of requests that no record so far is the result of."""
        left = [name for name in self._requests or () if name not in self._answered]
        if left:
            few = ", ".join(f"{name:.40}" for name in left[:3])
            more = ", ..." if len(left) > 3 else ""
            have = "1 request has" if len(left) == 1 else f"{len(left):,} requests have"
            say(f"{label}: {have} no result here: {few}{more}.")

    def _note_none(self, data: Mapping[str, Any], reader: Reader) -> None:
        """Say so where a text that says "none" is taken at its word."""
        if self._none:
            return
        for name in INPUTS:
            text = data.get(name)
            if isinstance(text, str) and text and stands_for_none(text):
                self._none = True
                say(f"{reader.label}: '{text}' and the like in '{name}' is taken for none.")
                return

    def _renamed(self, data: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in data.items():
            self._names.setdefault(name)
            new = self._fields.get(name, name)
            if made.get(new) is None:
                made[new] = value
            elif value is not None:
                raise InputError(
                    f"field '{new}': there are two, one of them renamed. Rename the other too, "
                    "or drop one."
                )
        return made

    def renamed_columns(self, columns: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
        """A schema's columns under the names that the rows have them."""
        self._names.update(dict.fromkeys(columns))
        left = [name for name in columns if name not in self._without]
        return own_columns({self._fields.get(name, name): columns[name] for name in left})

    def check_fields(self, label: str) -> None:
        """See that what is to be renamed was in the records so far, if there were any.

        Raises:
            InputError: it names the field, and those that are there.
        """
        for name in self._fields:
            if self._names and name not in self._names:
                raise InputError(
                    f"fields: '{name}' is not in {label}. "
                    f"It has {', '.join(list(self._names)[:10])}."
                )


def _kept_apart(value: Any) -> bool:
    """Whether it is an image or a sound as the ``datasets`` package has them, or several, which
    may be of plain values alone."""
    if type(value) is list and value:
        value = value[0]
    if type(value) is not dict:
        return False
    return value.keys() == {"bytes", "path"} or {"array", "sampling_rate"} <= value.keys()


def _first(reader: Reader) -> Generator[tuple[int, object]]:
    """The first records, one in memory."""
    records = chain.from_iterable(reader.batches())
    yield from ((number, item) for number, item, _ in islice(records, LOOKED_AT))


def _usual(data: Mapping[str, Any]) -> bool:
    """Whether a record is plainly a row as ours; what knows the forms need not be loaded then."""
    return isinstance(data.get("instruction"), str) and data.keys() <= _NAMES


_NAMES = frozenset({"id", "instruction", "response", "system", *INPUTS})
