"""What came of a command, as JSON for a program, where its sentences are for people."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from json import dumps
from typing import Any

__all__ = ["tell_json"]


def tell_json(told: Mapping[str, Any], *, output: str | None = None) -> None:
    """One object in a line on standard output; where rows go there (``output`` is ``-``), on
    standard error. ASCII only, so that any terminal and any text will do."""
    file = sys.stderr if output == "-" else sys.stdout
    file.write(dumps(told, default=str) + "\n")
    file.flush()
