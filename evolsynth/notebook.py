"""How a notebook shows what is made here.

What does that stands above all that is shown, so it is no import here: the package puts it in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["SHOWS", "as_html", "watcher"]

#: ``html`` makes HTML of a value, ``watch`` somebody who shows how a run goes, or None where no
#: notebook is.
SHOWS: dict[str, Callable[..., Any]] = {}


def as_html(what: Any) -> str:
    """How a notebook shows it."""
    html: str = SHOWS["html"](what)
    return html


def watcher() -> Any:
    """Who shows a run that nobody else was named to (a `RunWatch`); None where no notebook is."""
    return SHOWS["watch"]()
