"""What several programs take and write: options, each with its check, and JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

import msgspec

from evolsynth.errors import InputError

__all__ = ["STDOUT", "Parser", "add_json", "check_place", "names", "positive", "save", "told_on"]
__all__ += ["whole"]

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
