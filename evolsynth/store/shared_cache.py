"""Completions that several runs share, in a file of their own, which they may use at once.

It only spares requests. A run keeps all that it uses in its own store too, so it never depends on
the shared file afterwards.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

from evolsynth.atomic import locked
from evolsynth.errors import StoreError
from evolsynth.store.sqlite_file import CACHE, checksum, make, opened, sound, told, transaction

__all__ = ["Answer", "SharedCache"]

#: Completions that are written at once.
_PORTION = 256
_FIND = "SELECT body, step, tokens, prompt_tokens, seconds, crc FROM completions WHERE key=?"
#: One that is there already gives way to another: it was damaged, or its run used no cache.
_PUT = (
    "INSERT INTO completions (key, body, crc, step, attempt, tokens, prompt_tokens, seconds, at) "
    "VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
    "body = excluded.body, crc = excluded.crc WHERE completions.body IS NOT excluded.body"
)


class Answer(NamedTuple):
    """What a model answered, the step that asked, and what it cost."""

    body: bytes
    step: str
    tokens: int
    prompt_tokens: int
    seconds: float


class SharedCache:
    """The file; made by `open`. What is put is written by `flush`."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = db, path
        self._puts: list[tuple[Any, ...]] = []

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, or make it.

        Raises:
            StoreError: it cannot be opened, or is no such file, or is damaged.
        """
        try:
            with locked(path):
                if not path.exists():
                    make(path, CACHE)
        except OSError as error:
            raise StoreError(
                f"{path}: the shared cache cannot be made ({error.strerror}). "
                "Choose another place for it."
            ) from None
        return cls(opened(path, CACHE), path)

    def find(self, key: bytes) -> Answer | None:
        """What is stored under a key; None: nothing, or what is damaged.

        Raises:
            StoreError: the file is damaged there, or locked for long.
        """
        with told(self._path):
            found = self._db.execute(_FIND, (key,)).fetchone()
        if found is None or not sound(found[0], key, found[-1]):
            return None
        return Answer(*found[:-1])

    def put(self, key: bytes, answer: Answer) -> None:
        """Share a completion, with the next `flush`."""
        body, *spent = answer
        self._puts.append((key, body, checksum(body, key), *spent, time.time()))

    def flush(self, *, all_of_it: bool) -> None:
        """Write what was put, in portions of some hundred unless it is ``all_of_it``.

        Raises:
            StoreError: it cannot be written, or another process keeps it locked.
        """
        if len(self._puts) < (1 if all_of_it else _PORTION):
            return
        with told(self._path), transaction(self._db):
            self._db.executemany(_PUT, self._puts)
        self._puts.clear()

    def close(self) -> None:
        """Close the file."""
        self._db.close()
