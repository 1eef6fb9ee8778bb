"""Where a completion stands, by its key, without a random write for each.

A key is a hash, so its place in an index is random, and at a million keys each costs a page of
4 KiB. New keys wait in memory and go into the index in sorted portions, of which many share a page;
the index then costs 2 microseconds a key instead of 12. After a crash, the keys that waited
are read from the completions behind the last one that is indexed.
"""

from __future__ import annotations

import sqlite3

__all__ = ["Keys"]

#: Keys that wait in memory, about 2 MB, and those of them that one commit takes along.
_PORTION, _SLICE = 16_384, 1024
#: Bits of the filter that answers "never seen" from memory: 8 MiB, wrong for 4% at 3 million keys.
_FILTER = 1 << 26


class Keys:
    """The index of the completions of one store. ``next`` is the next completion's number."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._waiting: dict[bytes, int] = {}
        self._going: dict[bytes, int] = {}  # on their way into the index
        self._sorted: list[tuple[int, int]] = []  # those that are not there yet, backwards
        self._last = 0
        self._seen = bytearray(_FILTER >> 3)
        (said,) = db.execute("SELECT value FROM meta WHERE name='indexed'").fetchone() or ("0",)
        last = int(said) if said.isdecimal() else 0  # damaged: all are indexed anew
        for (number,) in db.execute("SELECT print FROM keys"):
            self._mark(number)
        self.next = last + 1
        for number, key in db.execute(
            "SELECT id, key FROM completions WHERE id > ? ORDER BY id", (last,)
        ):
            self.add(key, number)
            self.next = number + 1

    def find(self, key: bytes) -> int | None:
        """The number of the completion that was put last under a key; rarely, another's."""
        number = _print(key)
        place = number & (_FILTER - 1)
        if not self._seen[place >> 3] & 1 << (place & 7):
            return None
        waiting = self._waiting.get(key) or self._going.get(key)
        if waiting is not None:
            return waiting
        found = self._db.execute("SELECT id FROM keys WHERE print=?", (number,)).fetchone()
        return None if found is None else int(found[0])

    def add(self, key: bytes, number: int) -> None:
        """A completion was put under a key."""
        self._waiting[key] = number
        self._mark(_print(key))

    @property
    def due(self) -> bool:
        """Whether some of them should go with the next commit."""
        return bool(self._sorted) or len(self._waiting) >= _PORTION

    def write(self) -> None:
        """Write a slice of them into the index; within a transaction of the caller."""
        if not self._sorted:
            self._going, self._waiting, self._last = self._waiting, {}, self.next - 1
            pairs = ((_print(key), number) for key, number in self._going.items())
            self._sorted = sorted(pairs, reverse=True)
        self._db.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?)", self._sorted[-_SLICE:])
        if len(self._sorted) <= _SLICE:
            self._db.execute(
                "INSERT INTO meta (name, value) VALUES ('indexed', ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (str(self._last),),
            )

    def written(self) -> None:
        """The transaction was committed."""
        del self._sorted[-_SLICE:]
        if not self._sorted:
            self._going = {}

    def _mark(self, number: int) -> None:
        place = number & (_FILTER - 1)
        self._seen[place >> 3] |= 1 << (place & 7)


def _print(key: bytes) -> int:
    """A key's first 63 bits. Two keys that share them would only be asked for once more."""
    return int.from_bytes(key[:8], "big") >> 1
