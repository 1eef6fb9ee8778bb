"""What Ray's tasks do with rows in tests: made where they run, so functions of a small module."""

from __future__ import annotations

import time
from typing import Any

__all__ = ["fails_late", "later_first", "longer"]


def later_first(row: dict[str, Any]) -> dict[str, Any]:
    """The first row comes last."""
    if row["instruction"].endswith(" 0."):
        time.sleep(1.5)
    return row


def longer(row: dict[str, Any]) -> dict[str, Any]:
    """Each row after a moment."""
    time.sleep(0.01)
    return row


def fails_late(row: dict[str, Any]) -> dict[str, Any]:
    """The row 25 raises, once those before have had time to be read."""
    if row["instruction"].endswith(" 25."):
        time.sleep(1.5)
        raise LookupError("nobody knows\nwhere it is")
    return row
