"""What goes on while somebody waits: work that may take long says what it is.

>>> with doing("loading the embedder"):
...     load()

It costs next to nothing. The command line shows it if it lasts; from Python it is a line of the
logger ``evolsynth.doing`` when it begins, and another when it ends after a second or more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["SHOWS", "Deed", "as_html", "doing", "on_end", "say", "saying", "under_way", "watcher"]

_LONG = 1.0  # seconds from which on it is worth a word that it has ended
_log = logging.getLogger("evolsynth.doing")
_lock = threading.Lock()
_deeds: list[Deed] = []
_listeners: list[Callable[[], None]] = []


class Deed:
    """Something that goes on: what, and since when by `time.monotonic`."""

    def __init__(self, what: str, began: float) -> None:
        self.what, self.began = what, began


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say that this goes on while the block runs, in any thread; an inner block comes first."""
    deed = Deed(what, time.monotonic())
    with _lock:
        _deeds.append(deed)
    _log.info("%s", what)
    try:
        yield
    finally:
        with _lock:
            _deeds.remove(deed)
        for listener in tuple(_listeners):
            listener()
        took = time.monotonic() - deed.began
        if took >= _LONG:
            _log.info("%s took %.1f s", what, took)


def under_way() -> Deed | None:
    """What was begun last of all that goes on."""
    with _lock:
        return _deeds[-1] if _deeds else None


@contextmanager
def on_end(listener: Callable[[], None]) -> Iterator[None]:
    """Call the listener whenever something has ended, in its thread, while the block runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


# What is found on the way -------------------------------------------------------------------------

_hearers: list[Callable[[str], None]] = []


def say(sentence: str) -> None:
    """Tell of something that whoever waits should know, as how a file was understood; from Python
    it is a line of the logger ``evolsynth.doing``."""
    _log.info("%s", sentence)
    for hearer in tuple(_hearers):
        hearer(sentence)


@contextmanager
def saying(hearer: Callable[[str], None]) -> Iterator[None]:
    """Hand what is said, each sentence once, to the hearer while the block runs."""
    said: set[str] = set()

    def once(sentence: str) -> None:
        if sentence not in said:
            said.add(sentence)
            hearer(sentence)

    _hearers.append(once)
    try:
        yield
    finally:
        _hearers.remove(once)


# How a notebook shows things ----------------------------------------------------------------------
# What does that stands above all that is shown, so it is no import here: the package puts it in.

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
