"""Files in folders and by patterns: each once, in the order of their paths."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from evolsynth.doing import say
from evolsynth.errors import InputError

__all__ = ["above_pattern", "in_folder", "matching", "of_split", "once"]


def in_folder(folder: Path, wanted: Callable[[Path], bool]) -> list[Path]:
    """The files below a folder that are wanted; names that begin with a dot are passed by, and so
    are links to folders, which may lead in a circle.

    Raises:
        InputError: a folder cannot be read; it names the folder.
    """
    found: list[Path] = []
    left = [folder]
    while left:
        place = left.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        left.append(place / entry.name)
                    elif wanted(path := place / entry.name) and path.is_file():
                        found.append(path)
        except OSError as error:
            raise InputError(
                f"{_short(place)}: the folder cannot be read ({error.strerror}). "
                "Let it be read, or give others."
            ) from None
    return sorted(found)


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-90:]}"


def matching(pattern: str) -> list[Path]:
    """The files that a pattern matches."""
    found = glob.glob(pattern, recursive=True)  # noqa: PTH207 - passes by names with a dot
    return sorted(path for path in map(Path, found) if path.is_file())


def above_pattern(pattern: str) -> Path:
    """The folder above all that a pattern can match."""
    path = Path(pattern)
    while glob.has_magic(str(path)):
        path = path.parent
    return path


def once(paths: Iterable[Path]) -> list[Path]:
    """The paths without those that lead to the same file as a shorter one; the order stays."""
    paths = list(paths)
    first: dict[tuple[int, int], Path] = {}
    for path in sorted(paths, key=lambda path: (len(path.parts), path)):
        try:
            found = path.stat()
        except OSError:  # who reads it says so
            first[(-1, len(first))] = path
        else:
            first.setdefault((found.st_dev, found.st_ino), path)
    stay = set(first.values())
    return [path for path in dict.fromkeys(paths) if path in stay]


_SPLITS = ("train", "training", "validation", "valid", "val", "dev", "test", "testing", "eval")


def of_split(paths: Iterable[Path], above: Path, split: str | None) -> list[Path]:
    """The files that are of a part, by their names or their folders' below ``above``:
    ``data/train-00000-of-00002.parquet``. All of them where none is asked for; of several parts
    that is said.

    Raises:
        InputError: none is of that part.
    """
    paths = list(paths)

    def parts(path: Path) -> list[str]:
        return re.split(r"[/._-]", path.relative_to(above).as_posix().lower())

    there = [name for name in _SPLITS if any(name in parts(path) for path in paths)]
    if split is None:
        if len(there) > 1:
            say(f"{above}: {', '.join(there)} are read as one. Take one with split ({there[0]}).")
        return paths
    kept = [path for path in paths if split.lower() in parts(path)]
    if paths and not kept:
        told = f"Its files are of: {', '.join(there)}." if there else "No name of a file tells one."
        raise InputError(f"{above}: there is no part '{split}'. {told}")
    return kept
