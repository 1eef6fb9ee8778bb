"""Every error that evolsynth raises on purpose.

    EvolsynthError
    ├── InputError            what the user gave cannot be used (file, line, field, option)
    ├── SetupError            something is missing on this machine, and how to get it
    │   └── ModelNotFound     no model file or embedder in any of the places that were searched
    ├── TemplateError         a chat template is missing, broken, or has no such role
    ├── CapabilityError       this back end cannot do what the method needs
    └── LLMError              the back end could not answer
        ├── RequestError      this one request can never be answered (too long, not allowed)
        └── EngineError       the back end failed or was closed; the same request may succeed later

Each message is one sentence that says what is wrong and where, and one that says what to do.
``retryable`` tells whether asking again, unchanged, can help.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CapabilityError",
    "EngineError",
    "EvolsynthError",
    "InputError",
    "LLMError",
    "ModelNotFound",
    "RequestError",
    "SetupError",
    "TemplateError",
]


class EvolsynthError(Exception):
    """The root of the tree. ``except EvolsynthError`` catches all that follows, and no bug."""

    retryable: ClassVar[bool] = False


class InputError(EvolsynthError):
    """What the user gave cannot be used."""


class SetupError(EvolsynthError):
    """Something is missing on this machine."""


class ModelNotFound(SetupError):  # noqa: N818 - the name says what happened
    """No model file, or no embedder, in any of the places that were searched."""


class TemplateError(EvolsynthError):
    """A chat template is missing, broken, or has no such role."""


class CapabilityError(EvolsynthError):
    """The back end cannot do what a method needs; the message names the way out."""


class LLMError(EvolsynthError):
    """The back end could not answer."""


class RequestError(LLMError):
    """This one request can never be answered as it stands. Others are not affected."""


class EngineError(LLMError):
    """The back end failed, or was closed, while the request was under way."""

    retryable: ClassVar[bool] = True
