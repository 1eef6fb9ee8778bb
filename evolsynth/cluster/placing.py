"""Where a node keeps model files that it was sent: once for each, whoever needs it, by its hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from evolsynth.atomic import cache_folder, locked
from evolsynth.cluster.messages import Wanted
from evolsynth.errors import EvolsynthError, SetupError
from evolsynth.llm.llamacpp.files import MODELS, find_model, sha256_of

__all__ = ["Place", "is_here", "parts_of", "placed"]

_PART = 64 << 20  # bytes of a file that go at once


def is_here(want: Wanted) -> bool:
    """Whether the node has the model that is meant; what is no file needs none."""
    if want.file is None:
        return True
    return _found(want) or placed(want) is not None


def placed(want: Wanted) -> str | None:
    """What a back end is to be told instead, where the file was sent: a path, or None where the
    node has it under the model's own name."""
    if want.file is None or _found(want):
        return None
    place = _folder(want) / want.file
    if not place.is_file() or sha256_of(place) != want.sha256:
        return None
    if not want.named:
        return str(place)
    os.environ[MODELS] = str(place.parent)  # by its name, which rows tell
    return str(want.told["model"])


def _found(want: Wanted) -> bool:
    try:
        path, _ = find_model(str(want.told["model"]))
    except EvolsynthError:
        return False
    return sha256_of(path) == want.sha256


def _folder(want: Wanted) -> Path:
    return cache_folder() / "placed" / str(want.sha256)[:16]


class Place:
    """A file on its way to this node."""

    def __init__(self, path: Path, sha256: str) -> None:
        self.path, self._sha256 = path, sha256
        self._part = path.with_suffix(".part")
        self._seen = hashlib.sha256()

    @classmethod
    def of(cls, want: Wanted) -> Self:
        """Where a model's file goes."""
        folder = _folder(want)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder / str(want.file), str(want.sha256))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nobody else on this node puts it there meanwhile."""
        with locked(self.path):
            self._part.unlink(missing_ok=True)
            yield

    def add(self, part: bytes) -> None:
        """The next bytes."""
        with self._part.open("ab") as file:
            file.write(part)
        self._seen.update(part)

    def finish(self) -> None:
        """All are there.

        Raises:
            SetupError: they are not those that were meant.
        """
        if self._seen.hexdigest() != self._sha256:
            self._part.unlink(missing_ok=True)
            raise SetupError(f"{self.path.name} came to this node with other bytes. Run again.")
        self._part.replace(self.path)


def parts_of(path: Path) -> Iterator[bytes]:
    """A file's bytes, piece by piece."""
    with path.open("rb") as file:
        while part := file.read(_PART):
            yield part
