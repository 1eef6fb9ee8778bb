"""One question to a server and its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from evolsynth.llm.server.flavours import Found
from evolsynth.llm.server.forms.common import Question
from evolsynth.llm.server.forms.llama_server import Tokeniser

if TYPE_CHECKING:
    from evolsynth.llm.server.transport import Transport

__all__ = ["Form", "ask", "estimate", "readable"]

T = TypeVar("T")

CHARACTERS = 3  # of a token, for an estimate


class Form(NamedTuple):
    """What a request is answered with: what asks, what was found, and who knows the tokens."""

    transport: Transport
    found: Found
    tokeniser: Tokeniser


async def ask(form: Form, question: Question, read: Callable[[Any], T]) -> T:
    """One question and its answer."""
    path, body = question
    return await form.transport.post(path, body, tokens=estimate(body), read=readable(read))


def readable(read: Callable[[Any], T]) -> Callable[[Any], T]:
    """Reads what may be of any form: what cannot be read is a ValueError, LookupError or
    TypeError, whatever the reader fell over."""

    def one(told: Any) -> T:
        try:
            return read(told)
        except (AttributeError, ArithmeticError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None

    return one


def estimate(body: Any) -> int:
    """About how many tokens a question and its longest answer have."""
    inner = body.get("options") or body.get("parameters") or body
    names = ("max_tokens", "max_completion_tokens", "n_predict", "num_predict", "max_new_tokens")
    most = next((int(inner[name]) for name in names if name in inner), 0)
    texts = body.get("prompt") or body.get("inputs") or body.get("messages") or ""
    size = 0
    for part in texts if isinstance(texts, list) else [texts]:
        if isinstance(part, dict):
            part = part.get("content", "")
        size += CHARACTERS if isinstance(part, int) else len(part)
    return most + size // CHARACTERS
