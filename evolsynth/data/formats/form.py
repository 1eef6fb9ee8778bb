"""What a form of rows is: how its records are known, and which fields of a `Row` they give.

A form is a function of a record, registered by `form`. Another package's is found by its entry
point (see `Registry`)::

    [project.entry-points."evolsynth.forms"]
    quiz = "my_package.quiz"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from evolsynth.errors import InputError, Misread
from evolsynth.registry import Registry

__all__ = ["FORMS", "TEXT", "Fields", "Form", "fits", "form", "is_own", "recognised"]

#: The fields of a row that a record gives beside its own columns; None of one of another form.
Fields = Callable[[Mapping[str, Any]], "dict[str, Any] | None"]


class Form(NamedTuple):
    """A form: what it is called, what its records are called, and what is made of them."""

    name: str
    title: str
    noun: str
    place: int
    fields: Fields


#: The form of lines that are no objects, which records are of only where it is said.
TEXT = "text"

FORMS: Registry[Form] = Registry("format", "evolsynth.data.formats", "evolsynth.forms")


def form(name: str, *, title: str, noun: str, place: int) -> Callable[[Fields], Fields]:
    """Register a form.

    Args:
        name: what ``--format`` calls it.
        title: what people call it.
        noun: what they call its records.
        place: a record that could be of several is of the one with the lowest.
    """

    def register(fields: Fields) -> Fields:
        FORMS.register(name, Form(name, title, noun, place, fields), fields.__module__)
        return fields

    return register


#: Names by which a record is known to be a row of ours, nested or flat.
_MARKS = ({"provenance", "parents", "verdict", "round"}, {"verdict_reasons", "provenance"})


def is_own(record: Mapping[str, Any]) -> bool:
    """Whether a record was written by evolsynth: it says all that it has to say."""
    return any(marks <= record.keys() for marks in _MARKS)


def recognised(records: Iterable[tuple[str, Mapping[str, Any]]]) -> Form | None:
    """The one form of records, which come with their places; None where they are rows as ours.

    Raises:
        Misread: they are of several forms.
    """
    found: dict[str, tuple[Form, str]] = {}
    for place, record in records:
        if is_own(record):
            continue
        known = (one for one in FORMS.values() if one.name != TEXT)
        some = sorted(known, key=lambda one: one.place)
        one = next((one for one in some if fits(one, record)), None)
        if one is not None:
            found.setdefault(one.name, (one, place))
    if len(found) > 1:
        (first, here), (second, there) = list(found.values())[:2]
        raise Misread(
            f"{there}: this is {second.title}, and {here} is {first.title}. Put each form into a "
            f"file of its own, or name the one that counts: --format {first.name}."
        )
    return next((one for one, _ in found.values()), None)


def fits(one: Form, record: Mapping[str, Any]) -> bool:
    """Whether a record is of a form."""
    try:
        return one.fields(record) is not None
    except InputError:  # it is of this form, and something in it is wrong
        return True
