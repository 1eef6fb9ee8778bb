"""The first stage: each part's texts as signatures, in files that the others read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evolsynth.cluster.files import array_of, save
from evolsynth.cluster.parts import Part, Reading, records
from evolsynth.cluster.tables import schema_with
from evolsynth.evaluation.duplicates.compared import about, text_in
from evolsynth.evaluation.duplicates.minhash import Signatures
from evolsynth.evaluation.duplicates.same_request import asked_of, digest
from evolsynth.evaluation.duplicates.tokens import Lexicon

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Compared", "Signed", "Signing", "compared_in", "regroup", "save_digests", "sign"]

_CHUNK = 4096
_MIX = np.uint64(0x9E3779B97F4A7C15)  # spreads small numbers over all bits


class Signing(NamedTuple):
    """What is compared, and how: a ``field``, or with ``inputs`` what the texts in it are about.
    Without ``jaccard`` exact duplicates alone count."""

    work: Path
    reading: Reading
    field: str
    jaccard: float | None
    inputs: bool = False

    def place(self, kind: str, number: int) -> Path:
        """The file of a kind that a part or a task has."""
        return self.work / f"{'inputs' if self.inputs else 'texts'}-{kind}-{number:05}.npy"


class Compared(NamedTuple):
    """A row: its place among the records of its part, what is compared, what that is about, and
    the record as it comes out again."""

    place: int
    text: str
    about: str
    given: dict[str, Any]


class Signed(NamedTuple):
    """A part: how many ``rows`` it has, the places of their records where some records are bad,
    whether a row says something, or is about something, the schema of its records where its file
    has none, of inputs, which rows have one, and for each bad record what was wrong with the
    first."""

    rows: int
    places: NDArray[np.int64] | None
    says: bool
    about: bool
    schema: Any
    texts: NDArray[np.bool_] | None
    bad: list[str]


def compared_in(
    part: Part,
    how: Signing,
    some: Collection[int] | None = None,
    bad: list[str] | None = None,
) -> Iterator[Compared]:
    """The rows of a part, or some of them, by the places of their records.

    Raises:
        InputError: a row cannot be read, or has no text in the field.
    """

    def check(row: dict[str, Any], where: str) -> None:
        text_in(row, how.field, where)

    for place, one in records(part, how.reading, check, some=some, bad=bad):
        text, beside = one.fields[how.field], about(one.fields, how.field)
        if how.inputs:
            yield Compared(place, beside, "", one.given)
        else:
            yield Compared(place, text, beside, one.given)


def sign(number: int, part: Part, how: Signing) -> Signed:
    """Sign a part's texts, into three files: the digests, ordered, and whose they are; for each
    band the keys, ordered, and whose; and the bytes of the signatures."""
    lexicon, places = Lexicon(), list[int]()
    says = beside = False
    schema: Any = None
    digests, keys, signs, there = [], [], [], [np.zeros(0, dtype=bool)]
    bad: list[str] = []
    rows = compared_in(part, how, bad=bad)
    while some := list(islice(rows, _CHUNK)):
        places += [one.place for one in some]
        says = says or any(one.text.strip() for one in some)
        beside = beside or any(one.about for one in some)
        if part.kind != "groups" and not how.inputs:
            schema = schema_with(schema, [one.given for one in some], part.path)
        asked = (asked_of(one.text, one.about) for one in some)
        found = b"".join(digest(text, 16) for text in asked)
        digests.append(np.frombuffer(found, "<u8").reshape(-1, 2))
        if how.inputs:  # where there is none, no two are equal
            there.append(np.array([bool(one.text) for one in some]))
            digests[-1] = digests[-1] * there[-1][:, None]
        if how.jaccard is not None:
            signatures = Signatures(len(some), how.jaccard)
            signatures.add(np.arange(len(some)), lexicon.read([one.text for one in some]))
            keys.append(signatures.keys)
            signs.append(signatures.bytes)
    if places:
        save_digests(number, how, np.concatenate(digests))
    if places and how.jaccard is not None:
        _save_keys(number, how, "keys", np.concatenate(keys, axis=1))
        save(how.place("bytes", number), np.concatenate(signs))
    all_there = not places or places[-1] == len(places) - 1
    texts = np.concatenate(there) if how.inputs else None
    at = None if all_there else np.array(places)
    return Signed(len(places), at, says, beside, schema, texts, bad)


def save_digests(number: int, how: Signing, digests: NDArray[np.uint64]) -> None:
    """Write a part's digests, of shape (n, 2), by their first halves, and whose they are."""
    order = np.argsort(digests[:, 0], kind="stable")
    save(how.place("digests", number), digests[order])
    save(how.place("digests-of", number), order.astype(np.uint32))


def _save_keys(number: int, how: Signing, kind: str, keys: NDArray[np.uint64]) -> None:
    order = np.argsort(keys, axis=1, kind="stable")
    save(how.place(kind, number), np.take_along_axis(keys, order, axis=1))
    save(how.place(f"{kind}-of", number), order.astype(np.uint32))


def regroup(number: int, how: Signing, rows: NDArray[np.int64], groups: NDArray[np.int64]) -> None:
    """Write a part's keys anew, so that rows share one only if they are about nearly the same.

    Args:
        rows: those that are about something.
        groups: a number from 0 for each, the same for what is nearly the same.
    """
    keys, of = array_of(how.place("keys", number)), array_of(how.place("keys-of", number))
    mixed = np.zeros(keys.shape[1], dtype=np.uint64)
    mixed[rows] = (groups.astype(np.uint64) + np.uint64(1)) * _MIX
    again = np.empty_like(keys)
    np.put_along_axis(again, of.astype(np.int64), keys, axis=1)
    _save_keys(number, how, "grouped", np.where(again == 0, again, np.maximum(again ^ mixed, 1)))
