"""The folder for files that are made once and used again, and how two processes share it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["cache_folder", "locked"]


def cache_folder() -> Path:
    """Where made files are kept: ``$EVOLSYNTH_CACHE``, else the user's cache folder."""
    given = os.environ.get("EVOLSYNTH_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "evolsynth"


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Hold the lock beside ``place``; another process that wants it waits. Makes the folder.

    Raises:
        OSError: the folder cannot be made or written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(place.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
