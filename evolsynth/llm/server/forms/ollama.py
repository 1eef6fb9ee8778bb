"""Ollama's own API: /api/chat, and /api/generate with ``raw``."""

from __future__ import annotations

from typing import Any

from evolsynth.llm.base import Request
from evolsynth.llm.server.flavours import Found
from evolsynth.llm.server.forms.common import (
    Answer,
    Question,
    enum_of,
    finished,
    merged,
    sampling_fields,
    schema_of,
    token_logprob,
    turns_of,
)

__all__ = ["chat", "generate", "read"]


def chat(request: Request, found: Found) -> Question:
    """A chat's question: POST /api/chat.

    Raises:
        CapabilityError: the server cannot do what the request asks for.
    """
    body = {"messages": turns_of(request, found), **_common(request, found)}
    return Question("/api/chat", merged(body, found))


def generate(request: Request, prompt: str, found: Found) -> Question:
    """A raw prompt's question: POST /api/generate."""
    body = {"prompt": prompt, "raw": True, **_common(request, found)}
    return Question("/api/generate", merged(body, found))


def _common(request: Request, found: Found) -> dict[str, Any]:
    options: dict[str, Any] = {
        "seed": request.seed,
        "num_predict": request.max_tokens,
        **sampling_fields(request, found),
        "repeat_last_n": 64,
        "stop": list(request.stop),
        "num_ctx": found.context,
    }
    body: dict[str, Any] = {
        "model": found.model,
        "stream": False,
        # Otherwise what is too long is cut and answered all the same.
        "truncate": False,
        "shift": False,
        "options": {name: value for name, value in options.items() if value is not None},
        "think": found.think,
        "logprobs": True if request.logprobs else None,
    }
    if request.schema is not None:
        body["format"] = schema_of(request)
    elif request.choices:
        body["format"] = enum_of(request.choices)
    return body


def read(told: Any) -> Answer:
    """The answer of either.

    Raises:
        ValueError, KeyError, TypeError: it is not of that form.
    """
    message = told.get("message", told)
    text = message["content"] if "message" in told else message["response"]
    if told.get("done") is False or not isinstance(text, str):
        raise ValueError("the answer is not whole")
    return Answer(
        text=text,
        tokens=int(told.get("eval_count") or 0),
        prompt_tokens=int(told.get("prompt_eval_count") or 0),
        finish_reason=finished(told.get("done_reason")),
        logprobs=tuple(map(token_logprob, told.get("logprobs") or ())),
        reasoning=str(message.get("thinking") or ""),
    )
