"""What was typed, as whoever wants to go on with a run, or to make it again, types it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

__all__ = ["again", "command", "remember"]

_WORDS: ContextVar[tuple[str, ...]] = ContextVar("words that were typed", default=())


def remember(words: Sequence[str]) -> None:
    """Keep the words of this call, without the wish to begin anew."""
    _WORDS.set(tuple(word for word in words if word != "--fresh"))


def again() -> str:
    """The same command, quoted for a shell."""
    return shlex.join(("evolsynth", *_WORDS.get()))


def command() -> dict[str, Any] | None:
    """What a run remembers of it (see `evolsynth.store.command`); None where nobody typed it."""
    words = list(_WORDS.get())
    return {"words": words, "here": str(Path.cwd())} if words else None
