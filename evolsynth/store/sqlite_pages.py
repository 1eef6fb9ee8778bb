"""A damaged SQLite file read page by page, past its own table of contents.

SQLite finds a record by the file's header, its list of tables and the upper pages of their trees,
and gives up where one of these is broken. The records themselves stand in leaf pages, each of
which can be read alone. So every page is looked at, and each record that is whole comes out; the
caller tells by its checksum whether it is what was written. The format is described in
https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["Pages", "Record", "Value"]

Value = int | float | bytes | str | None
#: A record's number in its table, and its columns; the first, a number of its own, is None.
Record = tuple[int, list[Value]]

_LEAF, _KINDS = 13, (2, 5, 10, 13)


class Pages:
    """The pages of a store's file as they are, with those of its write-ahead log on top.

    ``count`` pages; while `records` goes on, ``unread`` counts those that are none that SQLite
    writes, and ``torn`` records that cannot be put together.
    """

    def __init__(self, file: BinaryIO, log: BinaryIO | None, size: int) -> None:
        self._file, self._log, self._size = file, log, size
        self.unread = self.torn = 0
        length = file.seek(0, 2)
        self.count = -(-length // size)
        self._newer = _log_pages(log, size) if log is not None else {}
        self.count = max(self.count, *self._newer, 0)

    def page(self, number: int) -> bytes:
        """A page, from 1; one that is missing is empty, one that is cut has zeros at its end."""
        if self._log is not None and number in self._newer:
            self._log.seek(self._newer[number])
            return self._log.read(self._size).ljust(self._size, b"\0")
        self._file.seek((number - 1) * self._size)
        return self._file.read(self._size).ljust(self._size, b"\0")

    def records(self) -> Iterator[Record]:
        """All records of all tables that can be read; older versions may be among them."""
        rest: set[int] = set()  # pages that continue a record
        odd: list[int] = []
        for number in range(1, self.count + 1):
            page = self.page(number)
            start = 100 if number == 1 else 0
            kind = page[start]
            if kind == _LEAF:
                yield from self._leaf(page, start, rest)
            elif kind not in _KINDS and number not in rest:
                odd.append(number)
        self.unread = sum(number not in rest for number in odd)

    def _leaf(self, page: bytes, start: int, rest: set[int]) -> Iterator[Record]:
        (cells,) = struct.unpack_from(">H", page, start + 3)
        if start + 8 + 2 * cells > self._size:
            self.torn += 1
            return
        for place in struct.unpack_from(f">{cells}H", page, start + 8):
            try:
                record = self._record(page, place, rest)
            except (IndexError, ValueError, struct.error, OverflowError):
                self.torn += 1
            else:
                yield record

    def _record(self, page: bytes, at: int, rest: set[int]) -> Record:
        length, at = _varint(page, at)
        number, at = _varint(page, at)
        payload = self._payload(page, at, length, rest)
        head, place = _varint(payload, 0)
        if not 0 < head <= len(payload):
            raise ValueError("a header that is no header")
        kinds: list[int] = []
        while place < head:
            kind, place = _varint(payload, place)
            kinds.append(kind)
        values: list[Value] = []
        for kind in kinds:
            value, place = _value(payload, place, kind)
            values.append(value)
        return _signed(number), values

    def _payload(self, page: bytes, at: int, length: int, rest: set[int]) -> bytes:
        """A record's bytes: what stands on the page, and what goes on elsewhere."""
        most = self._size - 35
        if length <= most:
            return _piece(page, at, length)
        if length > self.count * self._size:
            raise ValueError("longer than the file")
        least = (self._size - 12) * 32 // 255 - 23
        here = least + (length - least) % (self._size - 4)
        here = here if here <= most else least
        pieces = [_piece(page, at, here)]
        (following,) = struct.unpack_from(">I", page, at + here)
        missing, seen = length - here, set[int]()
        while missing > 0:
            if not 0 < following <= self.count or following in seen:
                raise ValueError("a record whose rest is gone")
            seen.add(following)
            page = self.page(following)
            (following,) = struct.unpack_from(">I", page, 0)
            pieces.append(page[4 : 4 + min(missing, self._size - 4)])
            missing -= self._size - 4
        rest |= seen
        return b"".join(pieces)


def _log_pages(log: BinaryIO, size: int) -> dict[int, int]:
    """Where in the write-ahead log the last committed version of each page stands."""
    log.seek(0)
    head = log.read(32)
    if len(head) < 32 or struct.unpack_from(">I", head, 8)[0] != size:
        return {}
    salts = head[16:24]
    pages: dict[int, int] = {}
    waiting: dict[int, int] = {}
    at = 32
    while len(frame := log.read(24)) == 24 and frame[8:16] == salts:
        number, commit = struct.unpack_from(">II", frame)
        waiting[number] = at + 24
        if commit:
            pages.update(waiting)
            waiting.clear()
        at = log.seek(size, 1)
    return pages


def _piece(data: bytes, at: int, length: int) -> bytes:
    piece = data[at : at + length]
    if len(piece) < length:
        raise ValueError("cut off")
    return piece


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of 1 to 9 bytes, and where it ends."""
    number = 0
    for place in range(at, at + 8):
        byte = data[place]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, place + 1
    return number << 8 | data[at + 8], at + 9


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def _value(data: bytes, at: int, kind: int) -> tuple[Value, int]:
    """A column's value, and where it ends."""
    if kind == 0:
        return None, at
    if kind in _INTEGERS:
        length = _INTEGERS[kind]
        return int.from_bytes(_piece(data, at, length), "big", signed=True), at + length
    if kind == 7:
        (number,) = struct.unpack_from(">d", data, at)
        return float(number), at + 8
    if kind in (8, 9):
        return kind - 8, at
    if kind < 12:
        raise ValueError("a kind that is kept for later")
    length = (kind - 12) // 2
    piece = _piece(data, at, length)
    return (piece if kind % 2 == 0 else piece.decode()), at + length
