"""Options that several commands have."""

from __future__ import annotations

import argparse

__all__ = ["generation", "number", "whole"]

_SEED = 7


def generation(parser: argparse.ArgumentParser) -> None:
    """Options of every command that asks a model: seed and model."""
    number(parser, "--seed", _SEED, "the same seed gives the same rows")
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="a .gguf file, a name of the catalogue, or owner/repository/file.gguf of the hub",
    )


def number(
    parser: argparse.ArgumentParser, name: str, default: int | None, text: str, *, flag: str = ""
) -> None:
    """A whole number from 0; without a default it must be given."""
    shown = "" if default is None else f" (default: {default})"
    parser.add_argument(
        *filter(None, (name, flag)),
        type=whole,
        default=default,
        required=default is None,
        metavar="N",
        help=text + shown,
    )


def whole(text: str) -> int:
    """The number that ``text`` is."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0")
    return int(text)
