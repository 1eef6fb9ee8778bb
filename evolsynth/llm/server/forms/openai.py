"""OpenAI's two forms: /v1/chat/completions and /v1/completions."""

from __future__ import annotations

from typing import Any

from evolsynth.errors import RequestError
from evolsynth.llm.base import Request, TokenLogprob
from evolsynth.llm.server.flavours import Found
from evolsynth.llm.server.forms.common import (
    UNTOLD,
    Answer,
    Question,
    enum_of,
    finished,
    grammar_of,
    logprob_of,
    merged,
    sampling_fields,
    schema_of,
    stops_sent,
    token_logprob,
    turns_of,
)

__all__ = ["chat", "completion", "constraint", "read_chat", "read_completion"]

# OpenAI's chat form -------------------------------------------------------------------------------


def chat(request: Request, found: Found) -> Question:
    """A chat's question: POST /v1/chat/completions.

    Raises:
        CapabilityError: the server cannot do what the request asks for.
    """
    flavour = found.flavour
    body: dict[str, Any] = {
        "model": found.model,
        "messages": turns_of(request, found),
        flavour.max_tokens: request.max_tokens,
        "seed": request.seed,
        "stream": False,
        **sampling_fields(request, found),
        "stop": stops_sent(request, found) or None,
    }
    if request.prefix:
        body |= found.prefill or {}
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": 0}
    if request.min_tokens and flavour.min_tokens:
        body["min_tokens"] = request.min_tokens
    body |= _thinking(found)
    body |= constraint(request, found)
    return Question(f"{found.version}/chat/completions", merged(body, found))


def _thinking(found: Found) -> dict[str, Any]:
    """The switch of thoughts."""
    if found.think is None:
        return {}
    if found.flavour.thinking == "reasoning":
        return {"reasoning": {"enabled": found.think}}
    return {"chat_template_kwargs": {"enable_thinking": found.think, "thinking": found.think}}


def constraint(request: Request, found: Found) -> dict[str, Any]:
    """What keeps the answer to choices, a grammar or a schema, as far as the server has it."""
    if request.schema is not None:
        return {"response_format": _json_schema(schema_of(request), found)}
    if request.grammar is not None:
        return _grammar(request.grammar, found)
    if request.choices and found.choosing == "structured":
        texts = list(request.choices)
        return (
            {"guided_choice": texts} if found.guided else {"structured_outputs": {"choice": texts}}
        )
    if request.choices and found.choosing == "grammar":
        return {"grammar": grammar_of(request.choices)}
    if request.choices and found.choosing == "enum":
        return {"response_format": _json_schema(enum_of(request.choices), found)}
    return {}


def _grammar(text: str, found: Found) -> dict[str, Any]:
    if found.kind != "vllm":
        return {"grammar": text}
    return {"guided_grammar": text} if found.guided else {"structured_outputs": {"grammar": text}}


def _json_schema(schema: Any, found: Found) -> dict[str, Any]:
    if found.kind == "llama-cpp-python":
        return {"type": "json_object", "schema": schema}
    named = {"name": "answer", "schema": schema, "strict": True}
    return {"type": "json_schema", "json_schema": named}


def read_chat(told: Any) -> Answer:
    """The answer of OpenAI's chat form.

    Raises:
        RequestError: the model, or the server's filter, refused.
        ValueError, KeyError, TypeError, IndexError: it is not of that form.
    """
    choice = told["choices"][0]
    message = choice["message"]
    text, refusal = message.get("content"), message.get("refusal")
    if refusal and not text:
        raise RequestError(f"The model refused: {str(refusal)[:300]} Ask for something else.")
    reason = finished(choice.get("finish_reason"))
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    if text is None and not thought and "content" not in message:
        raise ValueError("the message has no content")
    tokens, prompt_tokens, cached_tokens = _usage(told)
    entries = (choice.get("logprobs") or {}).get("content") or ()
    return Answer(
        text=_text(text or ""),
        tokens=tokens,
        prompt_tokens=prompt_tokens,
        cached_tokens=cached_tokens,
        finish_reason=reason,
        logprobs=tuple(map(token_logprob, entries)),
        reasoning=_text(thought),
    )


def _usage(told: Any) -> tuple[int, int, int]:
    """Tokens written, tokens read, and those of them that the server had read before."""
    usage = told.get("usage") or {}
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    named = (usage.get("completion_tokens"), usage.get("prompt_tokens"), cached)
    written, read, cached = (int(number or 0) for number in named)
    return written, read, cached


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value


# OpenAI's completion form -------------------------------------------------------------------------


def completion(request: Request, prompt: str, found: Found) -> Question:
    """A raw prompt's question: POST /v1/completions."""
    body: dict[str, Any] = {
        "model": found.model,
        "prompt": prompt,
        "max_tokens": request.max_tokens,
        "seed": request.seed,
        "stream": False,
        **sampling_fields(request, found),
        "stop": stops_sent(request, found) or None,
    }
    if request.logprobs:
        body["logprobs"] = 1 if found.kind != "vllm" else 0
        if found.kind == "vllm":
            body["return_tokens_as_token_ids"] = False
    if request.min_tokens and found.flavour.min_tokens:
        body["min_tokens"] = request.min_tokens
    body |= constraint(request, found)
    return Question(f"{found.version}/completions", merged(body, found))


def read_completion(told: Any) -> Answer:
    """The answer of OpenAI's completion form.

    Raises:
        RequestError: the server's filter held it back.
        ValueError, KeyError, TypeError, IndexError: it is not of that form.
    """
    choice = told["choices"][0]
    tokens, prompt_tokens, cached_tokens = _usage(told)
    return Answer(
        text=_text(choice["text"]),
        tokens=tokens,
        prompt_tokens=prompt_tokens,
        cached_tokens=cached_tokens,
        finish_reason=finished(choice.get("finish_reason")),
        logprobs=_completion_logprobs(choice.get("logprobs")),
    )


def _completion_logprobs(told: Any) -> tuple[TokenLogprob, ...]:
    if not told:
        return ()
    if "content" in told:  # as llama-server has it, in the chat's form
        return tuple(map(token_logprob, told["content"] or ()))
    pairs = zip(told["tokens"], told["token_logprobs"], strict=True)
    return tuple(TokenLogprob(UNTOLD, str(t).encode(), logprob_of(v)) for t, v in pairs)
