"""The `evolsynth` command: its options, and what becomes of errors, signals and closed streams.

Only what a command needs is imported, when it runs: ``--help`` must not wait for torch. Nothing
but Python's own is imported before signals are listened to.
"""

from __future__ import annotations

import atexit
import io
import os
import re
import signal
import sys
import warnings
from contextlib import suppress
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Any, NoReturn

__all__ = ["main", "run"]

#: As the shell says it of a program whose reader has gone: ``evolsynth gate rows.jsonl | head``.
_READER_GONE = 128 + 13


def run() -> NoReturn:
    """The console script: `main` with the process's own streams and signals."""
    status = 1
    # what a signal, or a lack of memory or files, kept from being begun, is told by a sentence
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    ended = _Ended()
    atexit.register(ended.leave)  # the first is the last to be called
    try:
        _open_streams()
        from evolsynth.cli.progress.waiting import speaking

        status = speaking(main)()
    except KeyboardInterrupt:  # so early that main() did not hear of it, or a second one
        status = ended.status
        print("evolsynth: stopped.", file=sys.stderr)
    except SystemExit as error:  # of argparse
        status = error.code if isinstance(error.code, int) else 2
    except BaseException:  # a bug, which Python tells
        _Ended.status = 1
        raise
    ended.listen_no_more()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = _READER_GONE
    except (OSError, ValueError) as error:
        if not status:
            _say(f"Standard output cannot be written ({_reason(error)}).", error)
            status = 1
    _let_go()
    if "evolsynth.cli.progress.aside" in sys.modules:
        from evolsynth.cli.progress.aside import error_file

        _Deaf.stuck = not error_file().drain()
    _Ended.status = status
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0; 1 for an error; 2 for flags that cannot be, or a file that was not understood; 130 for
    Ctrl-C, 143 for SIGTERM; 141 where the reader of a pipe has gone.
    """
    told = sys.argv[1:] if arguments is None else list(arguments)
    try:
        from evolsynth.doing import saying
        from evolsynth.errors import EvolsynthError, RunStopped
    except KeyboardInterrupt as error:
        return _stopped(error)
    try:
        wanted = next((a for a in told if not a.startswith("-")), None)
        if not told:
            from evolsynth.cli.first.next_step import welcome

            _tell(welcome())
            sys.exit(2)
        options = _parser(wanted).parse_args(told)
        from evolsynth.cli.flags import check_paths
        from evolsynth.cli.typed import remember

        remember(told)
        check_paths(options)
        command: Callable[[argparse.Namespace], int] = options.command
        with saying(cache(_tell)):  # each sentence once
            status = command(options)
        sys.stdout.flush()
    except RunStopped as error:
        _say(str(error), error)
        return 128 + int(getattr(signal, error.reason, signal.SIGINT))
    except EvolsynthError as error:
        _say(str(error), error)
        return error.status
    except KeyboardInterrupt as error:
        return _stopped(error)
    except BrokenPipeError:
        _let_go()
        return _READER_GONE
    except OSError as error:
        _say(_sentence(error), error)
    except (ImportError, MemoryError, RuntimeError, SystemError) as error:
        if not _starved(error):
            raise
        _say(
            "There is not enough memory, or no room for another thread. Close other programs, "
            "raise the limits (ulimit -v, -u), or give fewer rows at once.",
            error,
        )
    else:
        return status
    return 1


def _starved(error: BaseException | None) -> bool:
    """Whether an error is, or came of, a lack of memory or of threads; a library that cannot be
    loaded for it says so in words."""
    while error is not None:
        signs = ("can't start new thread", "cannot allocate memory", "failed to map segment")
        said = str(error).lower()
        if isinstance(error, MemoryError) or any(sign in said for sign in signs):
            return True
        error = error.__cause__ or error.__context__
    return False


def _sentence(error: OSError) -> str:
    """An error of the system that nobody knew more about."""
    if "temporary directory" in _reason(error):
        return f"{_reason(error)}. Set TMPDIR to a folder that can be written and has room."
    place = "Something that is read or written" if error.filename is None else error.filename
    return f"{place}: {_reason(error)}. Mend it, or choose another place, and run again."


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _say(sentence: str, error: BaseException) -> None:
    """A sentence to standard error, and what was noted on the error."""
    try:
        from evolsynth.cli.progress.aside import error_file
        from evolsynth.cli.progress.screen import shown
    except (ImportError, MemoryError):  # with so little memory not even that can be loaded
        os.write(2, f"evolsynth: {sentence}\n".encode(errors="replace"))
        return
    said = error_file()  # where something stands already that nobody reads, nothing is waited for
    for line in (f"evolsynth: {sentence}", *getattr(error, "__notes__", ())):
        said.write(f"{shown(line)}\n")
    said.drain()


def _tell(sentence: str) -> None:
    """A sentence to standard error that is no error."""
    from evolsynth.cli.progress.aside import error_file
    from evolsynth.cli.progress.screen import shown

    said = error_file()
    said.write(f"{shown(sentence)}\n")
    said.drain()


def _stopped(error: KeyboardInterrupt) -> int:
    _say("stopped.", error)
    return _Ended.status


class _Ended:
    """Hears SIGTERM as Ctrl-C is heard, so that whatever is under way is left in good order."""

    #: Of the process, for the signal that came last.
    status = 128 + int(signal.SIGINT)

    def __init__(self) -> None:
        with suppress(ValueError):  # not the main thread: somebody else listens
            signal.signal(signal.SIGTERM, self._terminated)
        sys.unraisablehook = self._lost

    @staticmethod
    def _terminated(number: int, frame: FrameType | None) -> None:
        _Ended.status = 128 + number
        heard = signal.getsignal(signal.SIGINT)
        if not callable(heard):  # Ctrl-C is ignored, as in the background
            raise KeyboardInterrupt
        heard(signal.SIGINT, frame)

    @staticmethod
    def leave() -> None:
        """Python gives a program its own status where Ctrl-C met an ``exec`` on its way, and waits
        for ever for a standard error that nobody reads."""
        if _Ended.status > 128 or _Deaf.stuck:
            os._exit(_Ended.status)

    @staticmethod
    def _lost(what: sys.UnraisableHookArgs) -> None:
        """A signal that came while an object was taken away would be passed over."""
        if issubclass(what.exc_type, KeyboardInterrupt):
            import _thread
            import threading

            later = threading.Timer(0.01, _thread.interrupt_main)  # in here it would be lost again
            later.daemon = True
            later.start()
        else:  # what half-made things say when they go is for who looks for it
            import logging

            logging.getLogger("evolsynth").debug("Passed over in %r", what.object,
                                                 exc_info=what.exc_value)  # fmt: skip

    @staticmethod
    def listen_no_more() -> None:
        """All that counts is done; from now on a signal just ends the process."""
        sys.unraisablehook = sys.__unraisablehook__
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, signal.SIG_DFL)


class _Deaf(io.TextIOWrapper):
    """Standard error that nobody may be able to read, which is no reason to lose work."""

    #: Whether a thread still waits to write: to flush would be to wait with it.
    stuck = False

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        if not _Deaf.stuck:
            with suppress(OSError):
                super().flush()


def _open_streams() -> None:
    """Make all three streams be there, speak UTF-8, and never end the program with an error.

    A number of a closed one would be that of the next file that is opened, which then would get
    what is meant for the terminal; so it is held by one that cannot be read or written.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the lowest number that is free is this one
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    raw = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
    sys.stderr = _Deaf(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _let_go() -> None:
    """What could not be written to standard output is not tried again when Python ends."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        return
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(wanted: str | None) -> argparse.ArgumentParser:
    """All commands; those with flags that come from elsewhere only if they are ``wanted``."""
    import argparse

    from evolsynth import __version__
    from evolsynth.cli.commands import add_commands
    from evolsynth.cli.first.next_step import ABOUT, BEGIN
    from evolsynth.cli.methods import add_method_commands

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            from evolsynth.cli.first.next_step import parser_error

            self.exit(2, parser_error(self, message))

        def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
            # argparse takes `--flag=--` apart, and gives the command an empty list.
            for word in args or ():
                if word == "--":
                    break
                if re.fullmatch(r"--[\w-]+=--|-\w=?--", word):
                    self.error(f"argument {word[:-2].rstrip('=')}: '--' is no value. Leave it out.")
            known, more = super().parse_known_args(args, namespace)
            if more and self.prog != "evolsynth":  # a command's own: it knows what was meant
                self.error(f"unrecognized arguments: {' '.join(more)}")
            return known, more

        def _print_message(self, message: str, file: Any = None) -> None:
            (file or sys.stderr).write(message)  # argparse itself keeps quiet about errors

    parser = Parser(
        prog="evolsynth",
        description=ABOUT,
        epilog=BEGIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"evolsynth {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    add_method_commands(commands, wanted)
    add_commands(commands, wanted)
    return parser
