"""Files that appear whole or not at all, and the folder for those that are made once."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evolsynth.doing import doing
from evolsynth.errors import InputError

__all__ = ["cache_folder", "locked", "write", "writing", "written"]


@contextmanager
def written(place: Path) -> Iterator[Path]:
    """A path to write to, which becomes ``place`` at the end, or nothing where that fails.

    It is beside ``place``, hidden, and no other writer's.
    """
    part = place.with_name(f".{place.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        yield part
        part.replace(place)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write(
    place: str | os.PathLike[str],
    pieces: Iterable[str | bytes],
    *,
    advice: str = "Choose another place.",
) -> int:
    """Write texts (as UTF-8) or bytes, one behind the other, and return how many they were.

    The folder is made where it is missing; what was written is on the disk when this returns.

    Raises:
        InputError: the file cannot be written; ``advice`` says what to do.
    """
    path, count = Path(place), 0
    try:
        with suppress(OSError):  # what is in the way is told when the file cannot be written
            path.parent.mkdir(parents=True, exist_ok=True)
        with written(path) as part, part.open("wb") as file:
            for piece in pieces:
                file.write(piece.encode() if isinstance(piece, str) else piece)
                count += 1
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _cannot(place, error, advice) from None
    return count


@contextmanager
def writing(place: str | None) -> Iterator[Callable[[str], object]]:
    """A function that writes text to the file, or to standard output for None or ``-``.

    The file gets its name at the end. One that was broken off stays beside it, as
    ``NAME.partial.SUFFIX``, with all that was written.

    Raises:
        InputError: it cannot be written.
    """
    if place is None or place == "-":
        yield sys.stdout.write
        return
    path = Path(place)
    part = path.with_name(f"{path.stem}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="\n", buffering=1) as file:
            yield file.write
        part.replace(path)
    except OSError as error:
        raise _cannot(path, error, "Choose another place.") from None


def _cannot(place: str | os.PathLike[str], error: OSError, advice: str) -> InputError:
    return InputError(f"{place}: cannot be written ({error.strerror}). {advice}")


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
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with doing(f"waiting for another process that makes {place.name}"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
