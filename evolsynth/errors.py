"""Every error that evolsynth raises on purpose.

    EvolsynthError
    ├── InputError            what the user gave cannot be used (file, line, field, option)
    │   ├── Misread           no row of a file says anything: it is of another form, or empty
    │   └── RunLocked         another process works in this run's folder; which, and since when
    ├── SetupError            something is missing on this machine, and how to get it
    │   ├── ModelNotFound     no model file or embedder in any of the places that were searched
    │   ├── BrokenStep        everything fails at a step of a pipeline
    │   └── StoreError        the run's store cannot be opened, read or written (disk full, say)
    │       └── StoreDamaged  what stands in the store's file is not what was written there
    ├── StepError             a pipeline's step raised, and not because of one row
    ├── LostRows              the rows of a run do not add up: a bug of evolsynth
    ├── RunStopped            a run was told to stop before its end; it can go on
    ├── TemplateError         a chat template is missing, broken, or has no such role
    ├── CapabilityError       this back end cannot do what the method needs
    └── LLMError              the back end could not answer
        ├── MalformedAnswer   the answer is not of the form that was asked for; its text
        ├── RequestError      this one request can never be answered (too long, not allowed)
        │   ├── ContextOverflow   it and its answer do not fit the model's context
        │   └── ContentRefused    a server's rules on content forbid the question or its answer
        └── EngineError       the back end failed or was closed; the same request may succeed later

Each message is one sentence that says what is wrong and where, and one that says what to do.
``retryable`` tells whether asking again, unchanged, can help. ``attempt`` is how many times it was
tried before the error was given up on; 0 where nothing was tried again. ``status`` is the exit
status of a command that it ends.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

__all__ = [
    "BrokenStep",
    "CapabilityError",
    "ContentRefused",
    "ContextOverflow",
    "EngineError",
    "EvolsynthError",
    "InputError",
    "LLMError",
    "LostRows",
    "MalformedAnswer",
    "Misread",
    "ModelNotFound",
    "RequestError",
    "RunLocked",
    "RunStopped",
    "SetupError",
    "StepError",
    "StoreDamaged",
    "StoreError",
    "TemplateError",
    "did_you_mean",
    "nearest",
]


class EvolsynthError(Exception):
    """The root of the tree. ``except EvolsynthError`` catches all that follows, and no bug."""

    retryable: ClassVar[bool] = False
    attempt: int = 0
    status: ClassVar[int] = 1


class InputError(EvolsynthError):
    """What the user gave cannot be used."""


class Misread(InputError):  # noqa: N818 - the name says what happened
    """No row of a file says anything, so it is of another form than it was taken for."""

    status: ClassVar[int] = 2


class RunLocked(InputError):  # noqa: N818 - the name says what happened
    """Another process works in this run's folder; the message says which, and since when."""


class SetupError(EvolsynthError):
    """Something is missing on this machine."""


class ModelNotFound(SetupError):  # noqa: N818 - the name says what happened
    """No model file, or no embedder, in any of the places that were searched."""


class BrokenStep(SetupError):  # noqa: N818 - the name says what happened
    """Everything fails at a step; the run is stopped before it has wasted more."""


class StepError(EvolsynthError):
    """The function of a step raised, and not because of one row."""


class LostRows(EvolsynthError):  # noqa: N818 - the name says what happened
    """The rows of a run do not add up; the message says where, with the numbers."""


class RunStopped(EvolsynthError):  # noqa: N818 - the name says what happened
    """A run was told to stop, by Ctrl-C or a signal, whose name is ``reason``."""

    def __init__(self, message: str, reason: str = "SIGINT") -> None:
        super().__init__(message)
        self.reason = reason


class StoreError(SetupError):
    """A run's store cannot be opened, read or written. What was stored before is still there."""


class StoreDamaged(StoreError):  # noqa: N818 - the name says what happened
    """What stands in the store's file is not what was written; the message names the rescue."""


class TemplateError(EvolsynthError):
    """A chat template is missing, broken, or has no such role."""


class CapabilityError(EvolsynthError):
    """The back end cannot do what a method needs; the message names the way out."""


class LLMError(EvolsynthError):
    """The back end could not answer. ``billed`` are the tokens that it costs all the same, where
    the server told them (`evolsynth.llm.prices.Tokens`)."""

    billed: object = None


class MalformedAnswer(LLMError):  # noqa: N818 - the name says what happened
    """An answer is not of the form that was asked for, and a repair did not help.

    ``problems`` say where and what is wrong with the last answer, ``texts`` are all answers.
    """

    def __init__(
        self, message: str, *, problems: tuple[str, ...] = (), texts: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.problems, self.texts = problems, texts


class RequestError(LLMError):
    """This one request can never be answered as it stands. Others are not affected."""


class ContextOverflow(RequestError):  # noqa: N818 - the name says what happened
    """The request, with the answer it asks for, does not fit the model's context."""


class ContentRefused(RequestError):  # noqa: N818 - the name says what happened
    """A server's rules on content forbid the question, or what the model began to answer."""


class EngineError(LLMError):
    """The back end failed, or was closed, while the request was under way."""

    retryable: ClassVar[bool] = True


def nearest(name: str, names: Iterable[str], *, least: float = 0.6) -> str | None:
    """The name most like this one, if any is like it at all."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=least)
    return found[0] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """``"Did you mean 'respond'?"``, or all names there are, for the end of a message."""
    known = list(names)
    found = nearest(name, known)
    if found is not None:
        return f"Did you mean '{found}'?"
    return f"There are: {', '.join(known)}." if known else "There are none."
