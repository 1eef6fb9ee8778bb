"""One process at a time in a run's folder, and who it is."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from evolsynth.atomic import written
from evolsynth.errors import RunLocked, StoreError

__all__ = ["Owner", "RunLock", "held", "owner"]

_LOCK = "run.lock"
_OWNER = "owner.json"
#: Seconds to wait for a lock that is held: somebody who only looks holds it for a moment.
_PATIENCE = 0.5


class Owner(msgspec.Struct, frozen=True):
    """The process that works, or worked last, in a folder. ``started`` in seconds since 1970."""

    pid: int
    host: str
    started: float

    @classmethod
    def me(cls) -> Owner:
        """This process, from now on."""
        return cls(os.getpid(), socket.gethostname(), time.time())

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.started))
        elsewhere = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"process {self.pid}{elsewhere}, started {since}"


class RunLock:
    """The lock on a folder: from `acquire` to `release`, or to the end of the process.

    The system keeps it, so it goes with a process however that ends; nothing is left to clean up.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / _LOCK)

    def acquire(self) -> Owner:
        """Take it and write down who has it.

        Raises:
            RunLocked: another process has it.
            StoreError: the folder cannot be written.
        """
        try:
            self._lock.acquire(timeout=_PATIENCE, poll_interval=0.05)
            me = Owner.me()
            with written(self._folder / _OWNER) as part:
                part.write_bytes(msgspec.json.encode(me))
        except Timeout:
            other = owner(self._folder)
            raise RunLocked(
                f"{self._folder} is in use by {other or 'another process'}. "
                "Wait for it, or choose another folder with -o."
            ) from None
        except (OSError, NotImplementedError) as error:
            self.release()
            what = getattr(error, "strerror", None) or error
            raise StoreError(
                f"{self._folder}: the run's folder cannot be written ({what}). "
                "Make it writable, make room on the disk, or choose another folder with -o."
            ) from None
        return me

    def release(self) -> None:
        """Give it back. Safe to call twice."""
        self._lock.release()


def owner(folder: Path) -> Owner | None:
    """Who works, or worked last, in a folder."""
    place = folder / _OWNER
    if not place.is_file():  # a pipe would be waited at
        return None
    try:
        return msgspec.json.decode(place.read_bytes(), type=Owner)
    except (OSError, msgspec.DecodeError):
        return None


def held(folder: Path) -> bool:
    """Whether a process works in a folder now."""
    place = folder / _LOCK
    if not place.exists():
        return False
    try:
        with FileLock(place).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):  # nobody can work where nothing can be written
        return False
