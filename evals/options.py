"""What several programs take and write: options, each with its check, and JSON."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from evolsynth.errors import InputError

__all__ = ["Parser", "check_place", "names", "positive", "save"]


class Parser(argparse.ArgumentParser):
    """Tells what is wrong as an `InputError`, instead of printing how it is used."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise InputError(f"{message[:1].upper()}{message[1:]}. See: {self.prog} --help")


def positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1")
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


def check_place(path: Path) -> None:
    """See, before hours are spent, that a file can be written there.

    Raises:
        InputError: it cannot.
    """
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


def save(path: Path, content: dict[str, Any]) -> None:
    """Write the document, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    partial.replace(path)
