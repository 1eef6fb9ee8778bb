"""A path, a folder or a pattern, as readers."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path

from evolsynth.data.cells import Cells
from evolsynth.data.json_list import JsonList, beginning
from evolsynth.data.lines import JsonLines
from evolsynth.data.parquet import Parquet
from evolsynth.data.reader import Reader
from evolsynth.data.texts import TextFiles
from evolsynth.errors import InputError

__all__ = ["readers_of"]


def _json(path: Path, label: str) -> Reader:
    begins = beginning(path, label)
    if begins == b"{":
        raise InputError(f"{label}: one object over lines. Give a list, or an object a line.")
    return JsonList(path, label) if begins[:1] == b"[" else JsonLines(path, label)


_TABLES: dict[str, Callable[[Path, str], Reader]] = {
    ".jsonl": JsonLines,
    ".jsonl.gz": JsonLines,
    ".ndjson": JsonLines,
    ".json": _json,
    ".parquet": Parquet,
    ".csv": Cells,
    ".tsv": Cells,
}
_TEXTS = (".txt", ".md")


def readers_of(data: str | Path, *, chunk: int | None, skip_bad: bool) -> Sequence[Reader]:
    """The readers of a file, of a folder's text files, or of the files that match a pattern.

    Files of folders and patterns come in the order of their paths.

    Raises:
        InputError: there is no such file, it is empty, or of a kind that cannot be read.
    """
    try:
        return _readers(data, chunk, skip_bad)
    except OSError as error:
        raise InputError(f"{str(data)[:200]}: cannot be read ({error.strerror}).") from None


def _readers(data: str | Path, chunk: int | None, skip_bad: bool) -> Sequence[Reader]:
    label, path = str(data), Path(data)
    if not label:
        raise InputError("The path is empty. Give the path of a file or a folder.")
    if path.is_dir():
        return [_texts(_in_folder(path), path, label, chunk, skip_bad)]
    if path.is_file():
        if path.suffix.lower() in _TEXTS:
            return [_texts([path], path.parent, label, chunk, skip_bad)]
        paths = [path]
    elif glob.has_magic(label):
        found = glob.glob(label, recursive=True)  # noqa: PTH207 - passes by names with a dot
        paths = sorted(p for p in map(Path, found) if p.is_file())
        if not paths:
            raise InputError(f"{label}: no file matches. Check the pattern and the folder.")
        if not any(_table(p) for p in paths):
            return [_texts(paths, _fixed(path), label, chunk, skip_bad)]
    elif path.exists():
        raise InputError(f"{label}: neither a file nor a folder. Write it into a file first.")
    else:
        raise InputError(f"{label[:200]}: no such file. Give the path of a file or a folder.")
    if chunk is not None:
        raise InputError(f"{label}: chunk goes with text files, and this is none. Leave it out.")
    return _tables(paths)


def _tables(paths: Sequence[Path]) -> list[Reader]:
    readers = []
    for path in paths:
        make = _table(path)
        if make is None and len(paths) > 1:
            raise InputError(f"{path}: the pattern matches tables too. Give a pattern for each.")
        if make is None:
            kinds = ", ".join((*_TABLES, *_TEXTS))
            raise InputError(f"{path}: not a kind of file that is read here. Give {kinds}.")
        with path.open("rb"):  # told before anything runs
            readers.append(make(path, str(path)))
    if not any(path.stat().st_size for path in paths):
        raise InputError(f"{readers[0].label}: the file is empty. Give one with rows in it.")
    return readers


def _table(path: Path) -> Callable[[Path, str], Reader] | None:
    name = path.name.lower()
    return next((make for suffix, make in _TABLES.items() if name.endswith(suffix)), None)


def _in_folder(folder: Path) -> list[Path]:
    """The text files in the folder and those in it; names that begin with a dot are passed by."""
    found = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        hidden = any(name.startswith(".") for name in inside)
        if path.suffix.lower() in _TEXTS and path.is_file() and not hidden:
            found.append(path)
    if not found:
        raise InputError(
            f"{folder}: no {' or '.join(_TEXTS)} files in this folder. Give a pattern for others: "
            f"{folder}/*.jsonl."
        )
    return found


def _fixed(pattern: Path) -> Path:
    """The folder above all that a pattern can match."""
    while glob.has_magic(str(pattern)):
        pattern = pattern.parent
    return pattern


def _texts(
    paths: list[Path], above: Path, label: str, chunk: int | None, skip_bad: bool
) -> TextFiles:
    if not skip_bad:
        for path in paths:
            if not path.stat().st_size:
                raise InputError(f"{path}: the file is empty. Write something, or remove it.")
    names = [path.relative_to(above).as_posix() for path in paths]
    return TextFiles(paths, names, label, chunk=chunk)
