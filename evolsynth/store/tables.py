"""The tables of a run's store and of the shared cache."""

from __future__ import annotations

import zlib

__all__ = ["CACHE", "PAGE", "RUN", "STORE", "VERSION", "Schema", "checksum", "row_key", "sound"]

#: The store's name in a run's folder.
STORE = "run.sqlite"
#: Bytes of a page of the file.
PAGE = 4096
#: Of the tables; a file with another is refused.
VERSION = 1

_COMPLETIONS = """
CREATE TABLE completions (
  id INTEGER PRIMARY KEY, key BLOB NOT NULL {unique}, body BLOB NOT NULL, crc INTEGER NOT NULL,
  step TEXT NOT NULL, attempt INTEGER NOT NULL, tokens INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL, seconds REAL NOT NULL, at REAL NOT NULL)"""


class Schema:
    """The tables of a kind of file, and the number that marks it."""

    def __init__(self, mark: bytes, *tables: str) -> None:
        self.mark = int.from_bytes(mark, "big")
        self.tables = tables
        self.names = {t.split()[2] for t in tables if t.split()[1] == "TABLE"}


#: A run's store. Completions are written one behind the other; ``keys``, which finds them by the
#: first bytes of their key, is written in large sorted portions (see `keys`), because a key's place
#: in an index is random and each one would cost a page. The tables differ in their number of
#: columns, by which the rescue tells their records apart: change nothing without it.
RUN = Schema(
    b"EvSR",
    _COMPLETIONS.format(unique=""),
    "CREATE TABLE keys (print INTEGER PRIMARY KEY, id INTEGER NOT NULL)",
    """
CREATE TABLE rows (
  seq INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, status TEXT NOT NULL, step TEXT,
  at REAL NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL)""",
    "CREATE INDEX rows_by_status ON rows (attempt, status)",
    """
CREATE TABLE events (
  id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
  step TEXT, data TEXT NOT NULL)""",
    """
CREATE TABLE attempts (
  number INTEGER PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, started REAL NOT NULL,
  seen REAL NOT NULL, ended TEXT, asked INTEGER NOT NULL, tokens INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL)""",
    "CREATE TABLE meta (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value TEXT NOT NULL)",
)

#: A file of completions that several runs share, at once too.
CACHE = Schema(b"EvSC", _COMPLETIONS.format(unique="UNIQUE"))


def checksum(body: bytes, key: bytes) -> int:
    """By which a body that was changed on the disk is told; SQLite itself would not notice.

    It does not cover what a completion cost, which decides nothing.
    """
    return zlib.crc32(body, zlib.crc32(key))


def row_key(seq: int, attempt: int, status: str) -> bytes:
    """What a row's checksum covers beside its body: a change here would put it elsewhere."""
    return f"{seq} {attempt} {status}".encode()


def sound(body: object, key: bytes, crc: object) -> bool:
    """Whether a body is what was written."""
    return isinstance(body, bytes) and checksum(body, key) == crc
