"""Text files as contexts: a file a row, or a part of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from evolsynth.columns import ColumnType
from evolsynth.data.reader import Reader, Record
from evolsynth.errors import InputError

__all__ = ["TextFiles", "split"]

# where a text may be cut, best first: behind a paragraph, a line, a sentence, a word
_CUTS = tuple(map(re.compile, (r"\n[ \t]*\n", r"\n", r"(?<=[.!?。！？])\s", r"\s")))
_SPACE = re.compile(r"\s+")


class TextFiles(Reader):
    """Texts of files in UTF-8: the fields ``input`` and ``source``, the file's name.

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
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{path}: not UTF-8 text. Save the file as UTF-8.") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
        if not text.strip():
            raise InputError(f"{path}: the file is empty. Write something, or remove it.")
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
