"""Where a command writes: a file that appears whole or not at all, or standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from evolsynth.errors import InputError

__all__ = ["writing"]


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
        raise InputError(
            f"{path}: cannot be written ({error.strerror}). Choose another place."
        ) from None
