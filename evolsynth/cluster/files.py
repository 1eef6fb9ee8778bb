"""Files that tasks write and others read: each whole or not there, however often it is written."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evolsynth.atomic import written
from evolsynth.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["array_of", "keep", "room", "save", "work_in"]

_WORK = ".evolsynth-work"


def save(place: Path, array: NDArray[Any]) -> None:
    """Write an array."""
    with written(place) as part, part.open("xb") as file:
        np.save(file, array)


def array_of(place: Path) -> NDArray[Any]:
    """An array that was written, of which only what is asked for is read."""
    found: NDArray[Any] = np.load(place, mmap_mode="r")
    return found


def room(folder: str, name: str, data: str) -> Path:
    """A folder for results, which is made, or has nothing in it.

    Args:
        name: how to call it: ``-o``.
        data: what is read.

    Raises:
        InputError: there is something in it, it is in a folder that is read, or cannot be made.
    """
    place = Path(folder).absolute()
    if place.resolve().is_relative_to(Path(data).resolve()):
        raise InputError(
            f"{name} {folder}: it is in {data}, which is read: its rows would be read the next "
            "time. Give a folder elsewhere."
        )
    try:
        place.mkdir(parents=True, exist_ok=True)
        for one in place.iterdir():
            if one.name == _WORK:
                raise InputError(
                    f"{folder}: another run works there, or was ended at once. If none does, "
                    f"delete {one}."
                )
            raise InputError(f"{name} {folder}: there is {one.name} in it. Give an empty folder.")
    except OSError as error:
        raise InputError(
            f"{name} {folder}: no folder can be made there ({error.strerror})."
        ) from None
    return place


_TRIES, _PAUSE = 20, 0.1


@contextmanager
def work_in(place: Path) -> Iterator[Path]:
    """A folder for work below the results, which is deleted at the end."""
    work = place / _WORK
    work.mkdir()
    try:
        yield work
    finally:
        for _ in range(_TRIES):
            shutil.rmtree(work, ignore_errors=True)
            if not work.exists():
                break
            time.sleep(_PAUSE)  # a task on another machine has not heard yet that it is ended


def keep(work: Path, place: Path) -> None:
    """Take finished files out of the folder for work to where they belong."""
    for one in sorted(work.iterdir()):
        one.replace(place / one.name)
