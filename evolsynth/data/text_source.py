"""Texts as a source of rows: one row for each passage that can be asked about."""

from __future__ import annotations

import glob
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from weakref import WeakKeyDictionary

from evolsynth.columns import ColumnType
from evolsynth.data.documents.document import (
    MOST_BYTES,
    Document,
    is_document,
    kind_of_bytes,
    kinds,
    made_of,
    read_document,
)
from evolsynth.data.finding import above_pattern, in_folder, matching, once
from evolsynth.data.open import Origin
from evolsynth.data.passages import Text, boilerplate, passages_of, text_of
from evolsynth.data.reader import Reader, Record
from evolsynth.data.shape import Shape
from evolsynth.data.taker import Taker
from evolsynth.doing import doing
from evolsynth.errors import InputError
from evolsynth.options import Count, FilePath, Natural

__all__ = ["Passages", "Source", "found_texts", "texts"]

#: Characters of all texts together: they are compared, and so in memory at once.
_MOST = 30_000_000
_STANDARD_INPUT = "-"
_COLUMNS: Mapping[str, ColumnType] = {
    "input": "text",
    "title": "text",
    "heading": "text",
    "source": "text",
    "place": "any",
    "part": "number",
}


class Source(NamedTuple):
    """A file with a text, and what rows call it; without a path it is standard input."""

    name: str
    path: Path | None


def found_texts(paths: Sequence[str]) -> list[Source]:
    """The files of some paths, folders and patterns, in their order, each once.

    They are called by their paths below the folder or pattern that they were found by; two that
    would be called the same, by their whole paths. ``-`` is standard input.

    Raises:
        InputError: there is no such file, none that can be read, or a folder is locked.
    """
    found: list[Source] = []
    for given in paths:
        try:
            found += _found(str(given))
        except OSError as error:
            raise InputError(f"{given[:200]}: cannot be read ({error.strerror}).") from None
    files = set(once(source.path for source in found if source.path is not None))
    found = list({s.path: s for s in found if s.path is None or s.path in files}.values())
    called = [source.name for source in found]
    return [
        source
        if source.path is None or called.count(source.name) == 1
        else Source(source.path.as_posix(), source.path)
        for source in found
    ]


def _found(given: str) -> list[Source]:
    if not given:
        raise InputError("The path is empty. Give the path of a file or a folder.")
    if given == _STANDARD_INPUT:
        return [Source("standard input", None)]
    path = Path(given)
    if path.is_dir():
        files = in_folder(path, is_document)
        if not files:
            raise InputError(f"{given}: no text in this folder. Texts are {kinds()}.")
        return [Source(file.relative_to(path).as_posix(), file) for file in files]
    if path.is_file():
        if not is_document(path):
            raise InputError(f"{given}: not a kind of text that is read here. Give {kinds()}.")
        return [Source(path.name, path)]
    if glob.has_magic(given):
        files = matching(given)
        if not any(map(is_document, files)):
            what = "it matches none of them" if files else "no file matches"
            raise InputError(f"{given}: {what}. Texts are {kinds()}.")
        above = above_pattern(given)
        return [Source(f.relative_to(above).as_posix(), f) for f in files if is_document(f)]
    if path.exists():
        raise InputError(f"{given}: no file and no folder. Give its text by standard input, as -.")
    raise InputError(f"{given[:200]}: no such file. Give the path of a file or a folder.")


class Passages(Reader):
    """The passages of texts, in the order of the texts, or in one that is drawn by a seed.

    All texts are read at once, before the first row is given, as what many of them say is none of
    theirs. They are kept, so that they are read once however often they are asked for.
    """

    unit = "passage"

    def __init__(
        self, paths: Sequence[str], words: int, *, skip_bad: bool, shuffle: int | None = None
    ) -> None:
        super().__init__(", ".join(paths))
        self._shuffle = shuffle
        self._paths, self._words, self._skip_bad = tuple(paths), words, skip_bad
        self._records: list[Record] | None = None
        #: How many texts were read.
        self.texts = 0

    def columns(self) -> Mapping[str, ColumnType]:
        """Always the same."""
        return _COLUMNS

    def count(self) -> int:
        """The number of passages."""
        return len(self._read())

    def batches(self) -> Iterator[Iterable[Record]]:
        """All of them."""
        yield self._read()

    def _read(self) -> list[Record]:
        if self._records is None:
            sources = found_texts(self._paths)
            told = sources[0].name if len(sources) == 1 else f"{len(sources)} texts"
            with doing(f"reading {told}"):
                self._records = list(self._made(sources))
            if self._shuffle is not None:
                random.Random(self._shuffle).shuffle(self._records)  # noqa: S311 - reproducible
        return self._records

    def _made(self, sources: Sequence[Source]) -> Iterator[Record]:
        """The records, and where it is said to go on, errors in the places of bad texts."""
        read: list[Text | InputError] = []
        for source in sources:
            try:
                with doing(f"reading {source.name}"):
                    read.append(text_of(_document(source), source.name))
            except InputError as error:
                read.append(error)
            if sum(len(one.text) for one in read if isinstance(one, Text)) > _MOST:
                raise InputError(
                    f"{self.label}: more than {_MOST // 10**6} million characters. Give fewer "
                    "texts at once."
                )
        without = boilerplate([one for one in read if isinstance(one, Text)])
        cut = [self._passages(one, source, without)
               for one, source in zip(read, sources, strict=True)]  # fmt: skip
        bad = [one for one in cut if isinstance(one, InputError)]
        if bad and not self._skip_bad:
            raise _all_bad(bad, sources)
        self.texts = len(cut) - len(bad)
        number, seen = 0, set[str]()
        for one in cut:
            for item in [one] if isinstance(one, InputError) else one:
                if isinstance(item, Mapping):
                    if item["input"] in seen:  # the same page twice
                        continue
                    seen.add(item["input"])
                number += 1
                yield number, item, None

    def _passages(
        self, text: Text | InputError, source: Source, without: frozenset[str]
    ) -> list[dict[str, Any]] | InputError:
        if isinstance(text, InputError):
            return text
        made = passages_of(text, self._words, without)
        if made:
            return made
        return InputError(
            f"{source.path or source.name}: nothing in it is long enough to ask about, or all of "
            "it stands in the other texts too. Write more, or leave it out."
        )


def _document(source: Source) -> Document:
    if source.path is not None:
        return read_document(source.path)
    data = _standard_input()
    return made_of(data, kind_of_bytes(data), source.name)


#: What came by standard input, which can be read once only.
_CAME: WeakKeyDictionary[TextIO, bytes] = WeakKeyDictionary()


def _standard_input() -> bytes:
    if sys.stdin not in _CAME:
        try:
            _CAME[sys.stdin] = sys.stdin.buffer.read(MOST_BYTES + 1)
        except OSError as error:
            raise InputError(f"standard input: cannot be read ({error.strerror}).") from None
    if len(_CAME[sys.stdin]) > MOST_BYTES:
        raise InputError(
            f"standard input: more than {MOST_BYTES >> 20} MB are too much for one text. "
            "Cut it into several files."
        )
    return _CAME[sys.stdin]


def _all_bad(bad: Sequence[InputError], sources: Sequence[Source]) -> InputError:
    """All that is wrong with texts, at once."""
    go_on = "Or go on without such texts: skip_bad."
    if len(bad) == 1:
        return InputError(f"{bad[0]} {go_on}")
    said = " ".join(map(str, bad[:20]))
    more = f" And {len(bad) - 20} more." if len(bad) > 20 else ""
    return InputError(f"{len(bad)} of {len(sources)} texts cannot be used. {said}{more} {go_on}")


def texts(
    paths: FilePath | Sequence[FilePath],
    *,
    words: Count = 200,
    skip_bad: bool = False,
    limit: Count | None = None,
    shuffle: Natural | None = None,
) -> Origin:
    """Passages of texts, a row each.

    Texts are .txt, .md, .html, .docx and .pdf files; all but the first two need evolsynth[texts].
    They are cut at headings first, then where paragraphs end, never inside a sentence; a list or a
    table stays whole, with the paragraph that leads to it, as long as there is room.

    A row has the passage in ``input``, the document's name in ``title``, the headings that it
    stands under in ``heading`` ("Care > Watering"), the file in ``source``, where it stands in the
    file's text in ``place`` (the first character and the one behind the last), and its number in
    the file in ``part``. Menus of pages, page numbers, and what half of the texts say in the same
    words are left out.

    Args:
        paths: files, folders (with all that is in them) and patterns; ``-`` is standard input.
        words: that a passage has at most. Short sections stand together, long ones are cut to
            passages of about the same size.
        skip_bad: a text that cannot be read becomes a failed row (step ``load``) in its place.
            Otherwise all such texts are named, and nothing runs.
        limit: the most rows to take.
        shuffle: take the passages in an order that is drawn by this seed.

    Raises:
        InputError: there is no such text, or one is empty, broken, locked or too large.
        SetupError: a package that a kind of file needs is not installed.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise InputError("paths: there are none. Give the path of a file or a folder.")
    for name, number in (("words", words), ("limit", limit)):
        if number is not None and (type(number) is not int or number < 1):
            raise InputError(f"{name} is {number!r}: it must be a number from 1.")
    some = [str(one) for one in given]
    reader = Passages(some, words, skip_bad=skip_bad, shuffle=shuffle)
    taker = partial(Taker, skip_bad=skip_bad, shape=Shape(format="rows"))
    return Origin((reader,), reader.label, taker=taker, columns=None, limit=limit)
