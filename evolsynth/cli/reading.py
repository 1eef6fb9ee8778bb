"""Flags of all commands that read rows: how they are to be understood."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from typing import Any

__all__ = ["CALLED", "SHORT", "add_reading_flags", "reading_options"]

#: Options of `origin` that a command's own file may have.
_NAMES = ("format", "field", "fields", "without", "split", "requests", "skip_bad")
#: What flags are called otherwise than options.
CALLED = {"fields": "rename"}
#: Flags that options have too.
SHORT = {"fields": "--fields"}


def add_reading_flags(parser: argparse.ArgumentParser, *, taken: Collection[str] = ()) -> None:
    """Add a flag for each of the options, without those ``taken`` by the command."""
    from evolsynth.cli.flags import add_flags
    from evolsynth.data.open import origin
    from evolsynth.options import options_of

    known = options_of(origin)
    some = [known[name] for name in _NAMES if name not in taken]
    group = parser.add_argument_group("the rows that are read")
    add_flags(group, some, called=CALLED, prefix="reading", short=SHORT)


def reading_options(options: argparse.Namespace) -> dict[str, Any]:
    """What was given of them, for `file_origin`."""
    from evolsynth.cli.flags import given
    from evolsynth.data.open import origin
    from evolsynth.options import options_of

    known = options_of(origin)
    return given(options, [known[name] for name in _NAMES], "reading")
