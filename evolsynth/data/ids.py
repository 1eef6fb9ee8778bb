"""Which ids there were, for millions of rows."""

from __future__ import annotations

from array import array

from evolsynth.rows import Row

__all__ = ["Ids", "Numbers"]

_PARTS = 256
_FIRST = 8  # slots of a part, a power of two


class Numbers:
    """A number from 1 for each name, kept by the names' 64-bit hashes.

    Memory: 25 to 50 bytes a name, where a dict takes 130. Two names of a million are taken for
    one another with a chance of 3 in 100 million. The table is many small ones, so that none
    takes long to grow.
    """

    def __init__(self) -> None:
        self._keys = [array("Q", bytes(8 * _FIRST)) for _ in range(_PARTS)]
        self._values = [array("Q", bytes(8 * _FIRST)) for _ in range(_PARTS)]
        self._used = [0] * _PARTS

    def get(self, name: str) -> int | None:
        """The name's number; None if it has none."""
        part, key = _hashed(name)
        keys = self._keys[part]
        return self._values[part][slot] if keys[slot := _slot(keys, key)] else None

    def put(self, name: str, number: int) -> None:
        """Give the name a number, in place of the one it had."""
        part, key = _hashed(name)
        keys = self._keys[part]
        slot = _slot(keys, key)
        if not keys[slot]:
            if self._used[part] * 8 >= len(keys) * 5:
                self._grow(part)
                keys = self._keys[part]
                slot = _slot(keys, key)
            keys[slot] = key
            self._used[part] += 1
        self._values[part][slot] = number

    def _grow(self, part: int) -> None:
        old = self._keys[part], self._values[part]
        keys, values = (array("Q", bytes(16 * len(column))) for column in old)
        for key, value in zip(*old, strict=True):
            if key:
                slot = _slot(keys, key)
                keys[slot], values[slot] = key, value
        self._keys[part], self._values[part] = keys, values


def _hashed(name: str) -> tuple[int, int]:
    """A part, and a key in it that is not 0."""
    key = hash(name) & 0xFFFF_FFFF_FFFF_FFFF
    return key >> 56, key or 1


def _slot(keys: array[int], key: int) -> int:
    """Where the key is, or the free slot where it belongs."""
    mask = len(keys) - 1
    slot = key & mask
    while (there := keys[slot]) and there != key:
        slot = (slot + 1) & mask
    return slot


class Ids:
    """The ids of a source's rows so far, and the places that they stand in."""

    def __init__(self) -> None:
        self._places = Numbers()
        self._times = Numbers()

    def place_of(self, name: str) -> int | None:
        """Where the id stood first."""
        return self._places.get(name)

    def add(self, name: str, place: int) -> None:
        """Note an id that is not there yet."""
        self._places.put(name, place)

    def told_apart(self, row: Row, place: int) -> Row:
        """The row, with a number behind its id if that is taken."""
        name = row.id
        while self._places.get(name) is not None:
            times = (self._times.get(row.id) or 1) + 1
            self._times.put(row.id, times)
            name = f"{row.id}-{times}"
        self._places.put(name, place)
        return row if name == row.id else row.replace(id=name)
