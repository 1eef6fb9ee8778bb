"""A path, a folder or a pattern, as readers; what stands in a file; and texts as contexts."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evolsynth.atomic import is_there
from evolsynth.columns import ColumnType
from evolsynth.data.documents.document import is_document, kinds, read_document
from evolsynth.data.finding import above_pattern, in_folder, matching
from evolsynth.data.jsonl import STANDARD_INPUT, JsonLines, Piped
from evolsynth.data.reader import FORMATS, Format, Reader, Record
from evolsynth.data.spool import spooled
from evolsynth.errors import InputError
from evolsynth.plain import plain_fields
from evolsynth.rows import Row

__all__ = ["TextFiles", "file_records", "read_dataset", "read_objects", "read_rows", "readers_of"]
__all__ += ["split"]

_DATASET = ("accepted", "rejected", "failed")


def read_rows(path: str | os.PathLike[str]) -> Iterator[Row]:
    """Read the rows of a file; ``-`` is standard input.

    It is JSON Lines (an object a line, blank lines skipped), unless its name says that it is one of
    the other kinds that `origin` reads. Two lines that are the same in every field get different
    ids.

    Raises:
        InputError: no such file, not UTF-8, not JSON, or a field of the wrong type; with the
            line's number.
    """
    seen: dict[str, int] = {}
    for reader, number, data, _ in file_records(path):
        try:
            row = Row.from_dict(data)
        except InputError as error:
            raise InputError(f"{reader.place(number)}: {error}") from None
        if data.get("id") is None:
            seen[row.id] = seen.get(row.id, 0) + 1
            if seen[row.id] > 1:
                row = row.replace(id=f"{row.id}-{seen[row.id]}")
        yield row


def read_objects(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line or row number, object) from such a file; see `read_rows` for the errors."""
    for _, number, data, _ in file_records(path):
        yield number, data


def file_records(
    path: str | os.PathLike[str],
) -> Iterator[tuple[Reader, int, dict[str, Any], bytes | None]]:
    """The same with the reader, which knows the place, and the line where the file has lines."""
    for reader in readers_of(os.fspath(path), lenient=True):
        for batch in reader.batches():
            for number, data, line in batch:
                if isinstance(data, InputError):
                    raise data
                if not isinstance(data, Mapping):
                    what = type(data).__name__
                    raise InputError(f"{reader.place(number)}: {what} is no row. Give a dict.")
                try:
                    fields = dict(data if line is not None else plain_fields(data))
                except InputError as error:
                    raise InputError(f"{reader.place(number)}: {error}") from None
                yield reader, number, fields, line


def read_dataset(path: str | os.PathLike[str]) -> list[Row]:
    """The rows of a file, or of all files that a run left in a folder.

    Raises:
        InputError: nothing is there, or a line is no row.
    """
    place = Path(path)
    if not is_there(place) or not place.is_dir():
        return list(read_rows(place))
    files = [place / f"{status}.jsonl" for status in _DATASET]
    found = [file for file in files if file.is_file()]
    if not found:
        raise InputError(
            f"{place}: there is no accepted.jsonl or rejected.jsonl in this folder. "
            "Give a data set's folder, or a JSON Lines file."
        )
    return [row for file in found for row in read_rows(file)]


def readers_of(
    data: str | Path,
    *,
    chunk: int | None = None,
    skip_bad: bool = False,
    lenient: bool = False,
) -> Sequence[Reader]:
    """The readers of a file, of a folder's text files, or of the files that match a pattern.

    Files of folders and patterns come in the order of their paths. ``-`` is standard input.
    What can be read once only, a pipe by its name, is copied first, see `spooled`.
    ``lenient``: a file of no known kind or a text file is JSON Lines, and may be empty.

    Raises:
        InputError: there is no such file, it is empty, or of a kind that cannot be read.
    """
    try:
        found = _readers(data, lenient)
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


def _readers(data: str | Path, lenient: bool) -> TextFiles | Sequence[Reader]:
    label, path = str(data), Path(data)
    if not label:
        raise InputError("The path is empty. Give the path of a file or a folder.")
    if path == STANDARD_INPUT:
        return [Piped()]
    if path.is_dir():
        return TextFiles(_in_folder(path), path, label)
    if path.is_file():
        if is_document(path) and not lenient:
            return TextFiles([path], path.parent, label)
        return _tables([path], lenient)
    if glob.has_magic(label):
        paths = matching(label)
        if not paths:
            raise InputError(f"{label}: no file matches. Check the pattern and the folder.")
        if any(_table(p) for p in paths):
            return _tables(paths, lenient)
        return TextFiles(paths, above_pattern(label), label)
    if path.exists():
        return _tables([spooled(path, label)], lenient, label)
    raise InputError(f"{label[:200]}: no such file. Give the path of a file or a folder.")


def _tables(paths: Sequence[Path], lenient: bool, label: str | None = None) -> list[Reader]:
    """The readers of files; ``label`` is the name that people know one by."""
    readers = []
    for path in paths:
        make = _table(path) or (JsonLines if lenient else None)
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
    return FORMATS.find(f"{last}.gz" if end == "gz" else end)


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
