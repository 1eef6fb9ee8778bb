"""What goes between a run and its workers: JSON, as Ray carries bytes. Nothing is unpickled here.

A job is a request, or a prompt and its continuation. A worker's answer is what the back end gave,
or what it raised.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, TypeVar

import msgspec

from evolsynth import errors
from evolsynth.errors import EngineError, EvolsynthError, LLMError
from evolsynth.foreign import RETRYABLE, told
from evolsynth.llm.base import Completion, Prompt, Request, Score, encoded

__all__ = ["Answer", "Hello", "Job", "Raised", "Wanted"]
__all__ += ["answer_of", "decoded", "encoded", "kind_of", "raised"]

T = TypeVar("T")


class Job(NamedTuple):
    """Something to be answered: of which of the run's models, and what; ``continuation`` of a
    prompt to be scored."""

    number: int
    model: int
    request: Request | None = None
    prompt: Prompt | None = None
    continuation: str | Prompt | None = None


class Raised(NamedTuple):
    """What a back end raised, by its class's name, and whether asking again may help."""

    error: str
    message: str
    again: bool


class Answer(NamedTuple):
    """Of the job of a number: one of the three."""

    number: int
    completion: Completion | None = None
    score: Score | None = None
    raised: Raised | None = None


class Wanted(NamedTuple):
    """A model that workers are to have: what a back end is told, and what file that means here."""

    told: dict[str, Any]
    file: str | None = None
    sha256: str | None = None
    named: bool = False


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says once a model runs there.

    ``same`` stands for the bits that its processor computes: equal where answers are. ``can`` are
    the names of its capabilities, ``fills`` the kinds of requests whose messages it puts into the
    chat template itself, by `kind_of`.
    """

    node: str
    name: str
    provenance: dict[str, Any]
    parameters: int | None
    at_once: int
    template: dict[str, Any] | None
    same: str
    can: list[str]
    fills: list[str]


def kind_of(request: Request) -> str:
    """What a request asks for, beside an answer: a server may take such in messages alone."""
    return "schema" if request.schema is not None else "choices" if request.choices else ""


def decoded(body: bytes, kind: type[T]) -> T:
    """What was `encoded`.

    Raises:
        ValueError: it is something else.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:  # half a surrogate pair, which msgspec does not read
        return msgspec.convert(json.loads(body), kind)


def raised(error: BaseException) -> Raised:
    """An error as it is told to the run."""
    again = getattr(error, "retryable", False) or isinstance(error, RETRYABLE)
    return Raised(type(error).__name__, told(error), bool(again))


def answer_of(answer: Answer) -> Completion | Score:
    """What a worker gave.

    Raises:
        EvolsynthError: what its back end raised, of the same class where it is one of ours.
    """
    if answer.raised is None:
        given = answer.completion or answer.score
        if given is None:
            raise EngineError("A worker gave no answer.")
        return given
    name, message, again = answer.raised
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, EvolsynthError):
        raise kind(message)
    # somebody else's: by its name, as a row's failure has it where the model is in this process
    raise type(name, (EngineError if again else LLMError,), {})(message)
