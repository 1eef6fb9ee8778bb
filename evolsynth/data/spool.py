"""What can be read once only, such as a pipe, as a file that can be read again."""

from __future__ import annotations

import os
import select
import shutil
import stat
import tempfile
from codecs import BOM_UTF8
from functools import cache
from pathlib import Path
from typing import IO

from evolsynth.errors import InputError

__all__ = ["kept", "kind_of", "spooled"]

_MAGIC = {b"PAR1": ".parquet", b"ARROW1": ".arrow", b"\x1f\x8b": ".jsonl.gz",
          b"\x28\xb5\x2f\xfd": ".jsonl.zst", b"[": ".json"}  # fmt: skip
_MOMENT = 0.02  # seconds that a writer who waits for a reader has to begin
_kept: dict[tuple[int, int], Path] = {}


def spooled(path: Path, label: str) -> Path:
    """The file itself; of a pipe or a terminal, a temporary copy of all that came out of it.

    A pipe is read when this is called, until who writes to it ends. It is read once, however often
    this process asks for it, and again only where somebody writes to it again. The copy has the
    name's suffix, or else that of what it begins like, and goes when the process ends.

    Raises:
        InputError: it is a socket or a device without an end, cannot be read, or there is no room
            for the copy.
    """
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
            return path
        key = (found.st_dev, found.st_ino)
        source = os.open(path, os.O_RDONLY | (os.O_NONBLOCK if key in _kept else 0))
        try:
            _refuse_endless(source, label)
            begin = b"" if key not in _kept else _written_to(source)
            if begin is not None:
                os.set_blocking(source, True)
                _kept[key] = _copy(source, path, label, begin)
        finally:
            os.close(source)
    except OSError as error:
        raise InputError(f"{label}: cannot be read ({error.strerror}).") from None
    return _kept[key]


def kind_of(begins: bytes) -> str | None:
    """The suffix of a file that begins so, where it is of a kind that is no JSON Lines."""
    begins = begins.removeprefix(BOM_UTF8).lstrip()
    return next((end for sign, end in _MAGIC.items() if begins.startswith(sign)), None)


def kept(begin: bytes, rest: IO[bytes], label: str, suffix: str) -> Path:
    """A file with these bytes, which goes when the process ends.

    Raises:
        InputError: there is no room for it.
    """
    try:
        number, name = tempfile.mkstemp(suffix=suffix, dir=_folder())
        with open(number, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(begin)
            shutil.copyfileobj(rest, file, 1 << 20)
    except OSError as error:
        raise InputError(
            f"{label}: what comes out of it is kept while it is read, and cannot be "
            f"({error.strerror}). Set TMPDIR to a folder with room."
        ) from None
    return Path(name)


def _written_to(descriptor: int) -> bytes | None:
    """What came out of a pipe so far, which is open to read; None if nobody has it open to write,
    so that nothing will."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return b""
    select.select([descriptor], [], [], _MOMENT)
    try:
        return os.read(descriptor, 1 << 16) or None
    except BlockingIOError:
        return b""


def _refuse_endless(descriptor: int, label: str) -> None:
    found = os.fstat(descriptor)
    null = Path(os.devnull).stat()
    endless = stat.S_ISCHR(found.st_mode) and not os.isatty(descriptor)
    if stat.S_ISBLK(found.st_mode) or (endless and found.st_rdev != null.st_rdev):
        raise InputError(f"{label}: a device, which has no end. Give a file or a pipe.")


def _copy(descriptor: int, path: Path, label: str, begin: bytes) -> Path:
    begin = begin or os.read(descriptor, 1 << 16)
    suffix = "".join(path.suffixes[-2:]) or kind_of(begin) or ".jsonl"
    with open(descriptor, "rb", closefd=False) as rest:
        return kept(begin, rest, label, suffix)


@cache
def _folder() -> str:
    """The folder of all copies; it is removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="evolsynth-")
    _folders.append(folder)
    return folder.name


_folders: list[tempfile.TemporaryDirectory[str]] = []
