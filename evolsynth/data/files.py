"""A path, a folder or a pattern, as readers; what stands in a file; and texts as contexts."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evolsynth.atomic import is_there
from evolsynth.columns import ColumnType
from evolsynth.data.documents.document import is_document, kinds, read_document
from evolsynth.data.finding import above_pattern, in_folder, matching, of_split
from evolsynth.data.jsonl import STANDARD_INPUT, Piped, lines_file
from evolsynth.data.packed import PACKED
from evolsynth.data.reader import FORMATS, Format, Reader, Record
from evolsynth.data.spool import spooled
from evolsynth.errors import InputError
from evolsynth.rows import Row

__all__ = ["TextFiles", "read_dataset", "read_objects", "read_rows", "readers_of", "row_files"]
__all__ += ["split"]

_DATASET = ("accepted", "rejected", "failed")


def read_rows(path: str | os.PathLike[str], **reading: Any) -> Iterator[Row]:
    """Read the rows of a file; ``-`` is standard input.

    It is JSON Lines (an object a line, blank lines skipped), unless its name says that it is one of
    the other kinds that `origin` reads. Two rows that ask the same get different ids. How it is
    read: `file_origin`.

    Raises:
        InputError: no such file, not UTF-8, not JSON, or a field of the wrong type; with the
            line's number.
    """
    from evolsynth.data.open import file_origin  # which finds its files here

    yield from file_origin(path, **reading)


def read_objects(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line or row number, object) from such a file, each as it stands there.

    Raises:
        InputError: see `read_rows`.
    """
    from evolsynth.data.open import file_origin

    for one in file_origin(path, format="rows").records(lambda _: True):
        yield one.number, one.given


def read_dataset(path: str | os.PathLike[str], **reading: Any) -> list[Row]:
    """The rows of a file, or of all files that a run left in a folder; see `read_rows`.

    Raises:
        InputError: nothing is there, or a line is no row.
    """
    place = Path(path)
    if not is_there(place) or not place.is_dir() or row_files(place):
        return list(read_rows(place, **reading))
    raise InputError(
        f"{place}: there is no accepted.jsonl or rejected.jsonl in this folder. "
        "Give a data set's folder, or a JSON Lines file."
    )


def readers_of(
    data: str | Path,
    *,
    chunk: int | None = None,
    split: str | None = None,
    skip_bad: bool = False,
    lenient: bool = False,
    texts: bool = False,
) -> Sequence[Reader]:
    """The readers of a file, of a folder's files, of those that match a pattern, or of a data set.

    Files of folders and patterns come in the order of their paths. ``-`` is standard input.
    What can be read once only, a pipe by its name, is copied first, see `spooled`.
    ``split`` is a part of a data set, or of files whose names tell it. ``lenient``: a file of no
    known kind or a text file is JSON Lines, or a text a line, and may be empty. With ``texts`` such
    a file and standard input have a text a line, whatever it looks like.

    Raises:
        InputError: there is no such file, it is empty, or of a kind that cannot be read.
    """
    try:
        found = _readers(data, lenient, split, texts)
        if isinstance(found, TextFiles):
            found.chunk = chunk
            if not skip_bad:
                found.check()
            return [found]
    except OSError as error:
        raise InputError(f"{str(data)[:200]}: cannot be read ({error.strerror}).") from None
    if chunk is not None and not isinstance(found[0], Piped):
        raise InputError(f"{data}: chunk goes with text files, and this is none. Leave it out.")
    return found


def _readers(
    data: str | Path, lenient: bool, split: str | None, texts: bool
) -> TextFiles | Sequence[Reader]:
    label, path = str(data), Path(data)
    if not label:
        raise InputError("The path is empty. Give the path of a file or a folder.")
    if path == STANDARD_INPUT:
        return [Piped(texts)]
    if "://" in label and (make := FORMATS.find(f"{label.partition('://')[0]}://")) is not None:
        return [make(label if split is None or "@" in label else f"{label}@{split}", label)]
    if path.is_dir():
        rows = _row_files(path, lenient)
        if rows:
            return _tables(of_split(rows, path, split), lenient)
        return TextFiles(of_split(_in_folder(path), path, split), path, label)
    if path.is_file():
        if split is not None:
            raise InputError(f"{label}: one file has no parts. Leave out split, or give a folder.")
        if is_document(path) and not lenient:
            return TextFiles([path], path.parent, label)
        return _tables([path], lenient, texts=texts)
    if glob.has_magic(label):
        paths = of_split(matching(label), above_pattern(label), split)
        if not paths:
            raise InputError(f"{label}: no file matches. Check the pattern and the folder.")
        if any(_table(p) for p in paths):
            return _tables(paths, lenient)
        return TextFiles(paths, above_pattern(label), label)
    if path.exists():
        return _tables([spooled(path, label)], lenient, label, texts=texts)
    if _on_hub(label):
        return _readers(f"hf://{label}", lenient, split, texts)
    raise InputError(f"{label[:200]}: no such file. Give the path of a file or a folder.")


_HUB = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}")


def _on_hub(label: str) -> bool:
    """Whether what is no file here can be the name of a data set: ``owner/name``."""
    return (
        _HUB.fullmatch(label) is not None
        and not Path(label).parent.exists()
        and (_table(Path(label)) is None and not is_document(Path(label)))
    )


def _row_files(folder: Path, lenient: bool) -> list[Path]:
    """The files of rows in a folder, if it is one of rows: a run's, or one that has no texts but
    those that tell about it."""
    rows = row_files(folder)
    if not rows or lenient:
        return rows
    texts = in_folder(folder, is_document)
    return rows if all(text.stem.lower() in _ABOUT for text in texts) else []


#: Texts and tables that stand beside data and are none.
_ABOUT = ("readme", "license", "licence", "changelog", "notice")
_BESIDE = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")


def row_files(folder: Path) -> list[Path]:
    """The files of rows in a folder; of a run's those with its rows."""
    run = [folder / f"{status}.jsonl" for status in _DATASET]
    if any(file.is_file() for file in run[:2]):
        return [file for file in run if file.is_file()]
    return in_folder(folder, lambda path: path.name not in _BESIDE and _table(path) is not None)


def _tables(
    paths: Sequence[Path], lenient: bool, label: str | None = None, *, texts: bool = False
) -> list[Reader]:
    """The readers of files; ``label`` is the name that people know one by."""
    readers = []
    for path in paths:
        make = _table(path)
        if lenient and make is None:
            make = partial(lines_file, texts=True if texts else None)
        if make is None and len(paths) > 1:
            raise InputError(f"{path}: the pattern matches tables too. Give a pattern for each.")
        if make is None:
            ends = ", ".join(f".{name}" for name in FORMATS if "://" not in name)
            what = label or path
            raise InputError(
                f"{what}: not a kind of file that is read here. Give {ends}, {kinds()}."
            )
        with path.open("rb"):  # told before anything runs
            readers.append(make(path, label or str(path)))
    if not lenient and not any(path.stat().st_size for path in paths):
        raise InputError(f"{readers[0].label}: the file is empty. Give one with rows in it.")
    return readers


def _table(path: Path) -> Format | None:
    """What reads a file, by the end of its name; by the two last where it is packed."""
    *stem, last, end = ("", "", *path.name.lower().split("."))
    if not any(stem) and not last:  # no dot
        return None
    if end in PACKED:
        return FORMATS.find(f"{last}.{end}") or (FORMATS.find(last) if last in _UNPACKED else None)
    return FORMATS.find(end)


#: Kinds of files that can be read packed.
_UNPACKED = ("jsonl", "ndjson", "json", "csv", "tsv")


def _in_folder(folder: Path) -> list[Path]:
    """The texts in the folder and those in it; names that begin with a dot are passed by."""
    found = in_folder(folder, is_document)
    if not found:
        raise InputError(
            f"{folder}: no text in this folder. Texts are {kinds()}; give a pattern for others: "
            f"{folder}/*.jsonl."
        )
    return found


# Text files ---------------------------------------------------------------------------------------

# where a text may be cut, best first: behind a paragraph, a line, a sentence, a word
_CUTS = tuple(map(re.compile, (r"\n[ \t]*\n", r"\n", r"(?<=[.!?。！？])\s", r"\s")))
_SPACE = re.compile(r"\s+")


class TextFiles(Reader):
    """Texts of files: the fields ``input`` and ``source``, the file's name.

    The name is the path below the folder ``above``. With ``chunk`` a text is cut into parts of at
    most so many characters, numbered from 1 in ``part``. In memory is one file.
    """

    unit = "file"

    def __init__(self, paths: Sequence[Path], above: Path, label: str) -> None:
        super().__init__(label)
        self._paths, self._above = paths, above
        self.chunk: int | None = None

    def check(self) -> None:
        """See that no file is empty.

        Raises:
            InputError: it names the file.
        """
        for path in self._paths:
            if not path.stat().st_size:
                raise InputError(f"{path}: the file is empty. Write something, or remove it.")

    def place(self, number: int) -> str:
        """The file's path."""
        return str(self._paths[number - 1])

    def columns(self) -> Mapping[str, ColumnType]:
        """Always the same."""
        part: dict[str, ColumnType] = {} if self.chunk is None else {"part": "number"}
        return {"input": "text", "source": "text", **part}

    def count(self) -> int | None:
        """The number of files, if each is a row."""
        return len(self._paths) if self.chunk is None else None

    def batches(self) -> Iterator[Iterable[Record]]:
        """The rows of one file at a time."""
        for number, path in enumerate(self._paths, 1):
            try:
                yield self._records(number, path)
            except InputError as error:
                yield [(number, error, None)]

    def _records(self, number: int, path: Path) -> list[Record]:
        name = path.relative_to(self._above).as_posix()
        text = read_document(path).text
        if self.chunk is None:
            return [(number, {"input": text, "source": name}, None)]
        parts = enumerate(split(text, self.chunk), 1)
        return [(number, {"input": t, "source": name, "part": k}, None) for k, t in parts]


def split(text: str, most: int) -> list[str]:
    """The text in parts of at most ``most`` characters.

    A part ends with the last paragraph that ends in its second half; or else with such a line,
    sentence or word; or else with one in its first half; a word that is longer is cut. White space
    between parts is left out, all else stays.
    """
    parts, at, end = [], _behind_space(text, 0), len(text.rstrip())
    while end - at > most:
        stop = _cut(text, at, most)
        parts.append(text[at:stop].rstrip())
        at = _behind_space(text, stop)
    return [*parts, text[at:end]] if at < end else parts


def _cut(text: str, start: int, most: int) -> int:
    """Where the part that begins at ``start`` ends."""
    for least in (start + most // 2, start):
        for place in _CUTS:
            found = [m.start() for m in place.finditer(text, least + 1, start + most + 2)]
            if found and found[0] <= start + most:
                return max(at for at in found if at <= start + most)
    return start + most


def _behind_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()
