"""What several programs take and write: options, each with its check, and JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import msgspec

from evolsynth.errors import InputError
from evolsynth.llm.llamacpp import DEFAULT_MODEL

__all__ = ["STDOUT", "Parser", "add_json", "add_made", "check_place", "made_or_read", "names"]
__all__ += ["positive", "save", "told_on", "whole"]

_Read = TypeVar("_Read", bound=msgspec.Struct)

#: What ``--json`` without a path means.
STDOUT = Path("-")


class Parser(argparse.ArgumentParser):
    """Tells what is wrong as an `InputError`, instead of printing how it is used."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise InputError(f"{message[:1].upper()}{message[1:]}. See: {self.prog} --help")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, with a path or without."""
    parser.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=STDOUT,
        metavar="PATH",
        help="write every figure there, or, without a path, to standard output (the table then "
        "goes to standard error)",
    )


def add_made(parser: argparse.ArgumentParser, dump: str) -> None:
    """What programs take that make rows with a model, for a reader, and count what was read."""
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="default: 7")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="MODEL")
    parser.add_argument("--dump", type=Path, metavar="FILE", help=dump)
    parser.add_argument("--readings", action="store_true", help="count what was read")
    add_json(parser)


def made_or_read(
    options: argparse.Namespace,
    make: Callable[[argparse.Namespace, TextIO], dict[str, Any]],
    readings: Callable[[], Sequence[_Read]],
    line: Callable[[_Read], str],
) -> int:
    """Run such a program: measure and print, or, with ``--readings``, a line on each set that was
    read; what was found goes to ``--json`` either way."""
    check_place(options.json)
    told = told_on(options.json)
    if not options.readings:
        save(options.json, make(options, told))
        return 0
    found = readings()
    for one in found:
        print(line(one), file=told)
    save(options.json, {"readings": msgspec.to_builtins(found)})
    return 0


def told_on(json: Path | None) -> TextIO:
    """Where to tell people of what was found: not where the JSON goes."""
    return sys.stderr if json == STDOUT else sys.stdout


def positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1")
    return int(text)


def whole(text: str) -> int:
    """A whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0")
    return int(text)


def names(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Some of the known names, with commas between, in the order of ``known``."""

    def some(text: str) -> tuple[str, ...]:
        asked = [name.strip() for name in text.split(",") if name.strip()]
        strange = [name for name in asked if name not in known]
        if strange or not asked:
            what = f"'{strange[0]}' is unknown" if strange else "no name is given"
            raise argparse.ArgumentTypeError(f"{what}; there are {', '.join(known)}")
        return tuple(name for name in known if name in asked)

    return some


def check_place(path: Path | None) -> None:
    """See, before hours are spent, that a file can be written there, if one is asked for.

    Raises:
        InputError: it cannot.
    """
    if path is None or path == STDOUT:
        return
    if path.is_dir():
        raise InputError(f"--json {path}: that is a folder. Give the name of a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            pass
    except OSError as error:
        raise InputError(
            f"--json {path}: no file can be written there ({error.strerror}). Give another place."
        ) from None


def save(path: Path | None, content: dict[str, Any]) -> None:
    """Write the document, whole or not at all; without a path, none."""
    if path is None:
        return
    document = msgspec.json.format(msgspec.json.encode(content)) + b"\n"
    if path == STDOUT:
        print(document.decode(), end="", flush=True)
        return
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(document)
    partial.replace(path)
