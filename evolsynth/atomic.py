"""Files that appear whole or not at all, which paths are one file, and the folder for made files.

What is no regular file (a device, a named pipe, ``/dev/stdout``, ``>(...)``) is written to as it is
and stays what it is. A link stays, and the file that it leads to is replaced.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import re
import stat
import sys
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from evolsynth.doing import doing
from evolsynth.errors import InputError

__all__ = [
    "TEXTS",
    "at_home",
    "cache_folder",
    "check_apart",
    "is_file",
    "is_there",
    "locked",
    "write",
    "writing",
    "written",
]


@contextmanager
def written(place: Path, *, keep: bool = False) -> Iterator[Path]:
    """A path to write to, which becomes ``place`` at the end, or nothing where that fails.

    It is beside ``place``, hidden, and no other writer's. A file that is replaced hands on its
    owner and its mode. With ``keep`` what was written before it failed stays, as
    ``NAME.partial.SUFFIX`` or the next such name that is free, and a note on the error says so.
    """
    part = place.with_name(f".{place.name[:40]}.{os.getpid()}-{os.urandom(4).hex()}.part")
    kept: Path | None = None
    try:
        yield part
        with suppress(OSError):
            old = place.stat()
            with suppress(OSError):  # only root may
                os.chown(part, old.st_uid, old.st_gid)
            part.chmod(stat.S_IMODE(old.st_mode))
        part.replace(place)
    except BaseException as error:
        if keep and part.exists() and part.stat().st_size:
            kept = _kept(part, place)
            error.add_note(f"What was written before is kept in {kept}.")
        raise
    finally:
        with suppress(OSError):
            if kept is None:
                part.unlink(missing_ok=True)


def _kept(part: Path, place: Path) -> Path:
    """Where the broken-off file is from now on; nothing that is there is overwritten."""
    for number in count(1):
        again = f"-{number}" if number > 1 else ""
        name = place.with_name(f"{place.stem}.partial{again}{place.suffix}")
        try:
            name.open("xb").close()
            return part.replace(name)
        except FileExistsError:
            continue
        except OSError:  # the longer name is too long, say
            break
    return part


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
    number = 0
    with _opened(place, advice, keep=False) as tell:
        for number, piece in enumerate(pieces, 1):  # noqa: B007 - how many they were
            tell(_encoded(piece) if isinstance(piece, str) else piece)
    return number


@contextmanager
def writing(place: str | None) -> Iterator[Callable[[str], object]]:
    """A function that writes text to the file, or to standard output for None or ``-``.

    The file gets its name at the end. One that was broken off stays beside it, as
    ``NAME.partial.SUFFIX``, with all that was written; see `written`.

    Raises:
        InputError: it cannot be written.
    """
    if place is not None and place != "-":
        with _opened(place, "Choose another place.", keep=True) as tell:
            yield lambda text: tell(_encoded(text))
        return

    def say(text: str | None) -> None:
        try:
            if text is None:
                sys.stdout.flush()
            else:
                sys.stdout.write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _cannot("Standard output", error, "Give it another place, or -o FILE.") from None

    yield say
    say(None)


def _encoded(text: str) -> bytes:
    """In UTF-8. Half a surrogate pair, as some tools cut texts and as names of files have it, comes
    as its escape, which means the same in JSON and in YAML."""
    return text.encode("utf-8", "backslashreplace")


@contextmanager
def _opened(
    place: str | os.PathLike[str], advice: str, *, keep: bool
) -> Iterator[Callable[[bytes], object]]:
    """A function that writes bytes there; only errors of writing are told as such."""
    foreign: BaseException | None = None
    try:
        with _file(os.fspath(place), keep=keep) as file:

            def tell(piece: bytes) -> None:
                try:
                    file.write(piece)
                    if keep:  # also for who is killed
                        file.flush()
                except BrokenPipeError:
                    raise
                except OSError as error:
                    raise _cannot(place, error, advice) from None

            try:
                yield tell
            except BaseException as error:
                foreign = error
                with suppress(OSError):  # that more could not be written is told already
                    file.close()
                raise
    except OSError as error:
        if error is foreign or isinstance(error, BrokenPipeError):
            raise
        raise _cannot(place, error, advice) from None


@contextmanager
def _file(place: str, *, keep: bool) -> Iterator[IO[bytes]]:
    if not place or "\0" in place:
        what = "no path has a NUL character" if place else "the path is empty"
        raise OSError(errno.EINVAL, what)
    if not is_file(place):
        own = _descriptor(place)
        number = os.open(place, os.O_WRONLY | os.O_NOCTTY) if own is None else os.dup(own)
        with os.fdopen(number, "wb") as file:
            yield file
        return
    target = Path(os.path.realpath(place))
    if target.exists() and not os.access(target, os.W_OK):  # a new one in its place would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    target.parent.mkdir(parents=True, exist_ok=True)
    with written(target, keep=keep) as part, part.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def is_file(place: str) -> bool:
    """Whether a path is a regular file's, or would be: no device's, pipe's or descriptor's.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        return _descriptor(place) is None and stat.S_ISREG(Path(place).stat().st_mode)
    except FileNotFoundError:
        return True


def is_there(place: str | os.PathLike[str]) -> bool:
    """Whether there is something of this name; not, where nothing can have it (too long, a NUL)."""
    return os.path.exists(place)  # noqa: PTH110 - pathlib's raises


def _cannot(place: str | os.PathLike[str], error: OSError, advice: str) -> InputError:
    told = InputError(
        f"{place or repr(place)}: cannot be written ({error.strerror or error}). {advice}"
    )
    for note in getattr(error, "__notes__", ()):
        told.add_note(note)
    return told


# Which paths are one file -------------------------------------------------------------------------

#: How the names of text files end, of which a folder that is read is said to be one.
TEXTS = (".txt", ".md")
_MOST_LINKS = 40


def check_apart(reads: Iterable[str], writes: Iterable[tuple[str, str]]) -> None:
    """See that nothing is written that is also read, and nothing twice.

    Files are compared by what they are, so that links and other spellings of a path do not matter;
    of those that are not there yet, two whose names differ in case only are one. Devices may be
    used as often as one likes. Nothing is opened.

    Args:
        reads: paths of files, of folders of texts, or patterns; ``-`` is standard input.
        writes: what is written: how to call it, ``-o``, and its path; ``-`` is standard output.

    Raises:
        InputError: two are one.
    """
    written: dict[Hashable, tuple[str, str]] = {}
    for name, place in writes:
        what = _identity(place, 1)
        other = written.setdefault(what, (name, place)) if what is not None else (name, place)
        if other[0] != name:
            shown = "standard output" if place == "-" else place
            raise InputError(
                f"{other[0]} and {name} are one place, {shown}. Give each a place of its own."
            )
    output = _identity("-", 1)
    if output is not None:
        written.setdefault(output, ("Standard output", "-"))
    for given in reads:
        for place in _meant(given):
            name, told = written.get(_identity(place, 0), ("", ""))
            if name:
                same = "" if told in (place, "-") else f" ({told})"
                shown = "standard input" if place == "-" else place
                raise InputError(
                    f"{name}{same} is the file that is read, {shown}: its rows would be lost. "
                    "Choose another place."
                )


def _meant(place: str) -> Iterable[str]:
    """The files that a path stands for when it is read."""
    if Path(place).is_dir():
        return map(str, (p for p in Path(place).rglob("*") if p.suffix.lower() in TEXTS))
    if glob.has_magic(place) and not os.path.lexists(place):
        return glob.glob(place, recursive=True)  # noqa: PTH207 - as `load` does
    return (place,)


def _identity(place: str, standard: int) -> Hashable:
    """What two paths of one file have in common; None for a device, and what cannot be asked."""
    own = standard if place == "-" else _descriptor(place)
    try:
        found = Path(place).stat() if own is None else os.fstat(own)
    except (OSError, ValueError):
        if own is not None or "\0" in place:
            return None
    else:
        device = stat.S_ISCHR(found.st_mode) or stat.S_ISSOCK(found.st_mode)
        return None if device else (found.st_dev, found.st_ino)
    rest: list[str] = []
    path = Path(os.path.realpath(place))
    for folder in path.parents:
        rest.append(unicodedata.normalize("NFC", path.name).casefold())
        path = folder
        with suppress(OSError):
            found = folder.stat()
            return found.st_dev, found.st_ino, *rest
    return None


def _descriptor(place: str) -> int | None:
    """The number of this process's own descriptor that a path stands for: ``/dev/stdout``."""
    own = rf"(?:/proc/{os.getpid()}(?:/task/\d+)?/fd|/dev/fd)"
    for _ in range(_MOST_LINKS):
        head, name = os.path.split(place)
        try:
            head = os.path.realpath(head)
            if name.isdecimal() and re.fullmatch(own, head):
                return int(name)
            place = os.path.join(head, Path(head, name).readlink())  # noqa: PTH118 - keeps ".."
        except (OSError, ValueError):  # no link; or a path that cannot be
            return None
    return None


def at_home(path: str) -> Path:
    """The path with ``~`` and ``~somebody`` as their home folders, where there is such a person."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raises where there is none


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
