"""A request as one HTTP question, and what a server answers as an `Answer`: OpenAI's two forms,
and what all forms have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from evolsynth.errors import CapabilityError, RequestError
from evolsynth.llm.base import FinishReason, Request, TokenLogprob
from evolsynth.llm.server.flavours import Found

__all__ = ["Answer", "Piece", "Question", "chat", "completion", "cut_at_stops", "read_chat"]
__all__ += ["finished", "merged", "read_completion", "sampling_fields", "schema_of", "stops_sent"]
__all__ += ["turns_of"]

#: The log-probability that stands for none: what OpenAI's API says instead of minus infinity.
_NEVER = -9999.0
#: Of a token whose number the server does not tell.
UNTOLD = -1


class Question(NamedTuple):
    """One POST: its path and its JSON."""

    path: str
    body: Mapping[str, Any]


class Piece(NamedTuple):
    """A part of a prompt that is tokenised by itself: a text, or one token's number."""

    text: str = ""
    token: int | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a server said. ``ids`` are its tokens' numbers where it tells them; ``ended`` says that
    the model ended its turn itself."""

    text: str
    tokens: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    finish_reason: FinishReason = "stop"
    logprobs: tuple[TokenLogprob, ...] = ()
    reasoning: str = ""
    ids: tuple[int, ...] = ()
    ended: bool = False


# What all forms have in common --------------------------------------------------------------------


def sampling_fields(request: Request, found: Found, *, raw: bool = False) -> dict[str, Any]:
    """How tokens are drawn, by the server's names. What it does not have is left out: that was
    said when the model was started."""
    flavour = found.flavour
    names = flavour.raw_sampling if raw and flavour.raw_sampling is not None else flavour.sampling
    fields = {told: getattr(request.sampling, name) for name, told in names.items()}
    if fields.get("top_k") == 0:
        if flavour.top_k_off is None:
            del fields["top_k"]
        else:
            fields["top_k"] = flavour.top_k_off
    return fields


def stops_sent(request: Request, found: Found) -> list[str]:
    """The stop strings that the server is told; the answer is cut at all of them here."""
    return list(request.stop[: found.flavour.stops])


def schema_of(request: Request) -> Any:
    """The request's JSON schema.

    Raises:
        RequestError: it is no JSON.
    """
    try:
        return json.loads(request.schema or "")
    except ValueError as error:
        raise RequestError(f"The request's schema is no JSON: {error}. Mend it.") from None


def turns_of(request: Request, found: Found) -> list[dict[str, str]]:
    """The chat's turns, the forced beginning of the answer as the last of them.

    Raises:
        CapabilityError: the server does not go on with an assistant's turn.
    """
    turns = [{"role": m.role, "content": m.content} for m in request.messages]
    if request.prefix:
        if found.prefill is None:
            raise CapabilityError(
                f"{found.model} at {found.flavour.title} cannot begin its answer with a given "
                "text in a chat. Give chat_template= if the server takes raw prompts, or leave "
                "out the prefix."
            )
        turns.append({"role": "assistant", "content": request.prefix})
    return turns


def merged(body: dict[str, Any], found: Found) -> dict[str, Any]:
    """The body with the user's further fields; one that is None is left out."""
    body |= found.extra
    return {name: value for name, value in body.items() if value is not None}


def finished(told: Any) -> FinishReason:
    """Why the answer ended, of the words that servers have for it.

    Raises:
        RequestError: the server's filter held it back.
    """
    if told == "content_filter":
        raise RequestError("The server's content filter held the answer back. Ask for another.")
    return "length" if told in ("length", "limit", "max_tokens") else "stop"


def cut_at_stops(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text as far as the first stop string in it, and whether there was one."""
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    return (text[: min(found)], True) if found else (text, False)


def logprob_of(value: Any) -> float:
    """A log-probability as it was told, never infinite: JSON cannot hold that.

    Raises:
        ValueError: it is no number.
    """
    if value is None:
        return _NEVER
    number = float(value)
    if math.isnan(number):
        raise ValueError("a log-probability that is no number")
    return min(0.0, max(_NEVER, number))


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


def enum_of(texts: Sequence[str]) -> dict[str, Any]:
    """A schema of an object with one of some texts: OpenAI's API takes no other than objects."""
    return {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(texts)}},
        "required": ["answer"],
        "additionalProperties": False,
    }


def chosen(text: str) -> str:
    """The text that an answer by `enum_of` holds; the answer itself where it holds none."""
    try:
        told = json.loads(text)
        return str(told["answer"])
    except (ValueError, KeyError, TypeError):
        return text


def _json_schema(schema: Any, found: Found) -> dict[str, Any]:
    if found.kind == "llama-cpp-python":
        return {"type": "json_object", "schema": schema}
    named = {"name": "answer", "schema": schema, "strict": True}
    return {"type": "json_schema", "json_schema": named}


def grammar_of(texts: Sequence[str]) -> str:
    """GBNF for one of some texts."""
    return "root ::= " + " | ".join(_quoted(text) for text in dict.fromkeys(texts))


def _quoted(text: str) -> str:
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character >= " " else f"\\x{ord(character):02x}"


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


def token_logprob(entry: Any) -> TokenLogprob:
    """A token as OpenAI's chat form tells it; llama-server and vLLM tell its number too."""
    piece = entry.get("bytes")
    told = str(entry["token"])
    number = entry.get("id", UNTOLD)
    if told.startswith("token_id:"):
        number = told.removeprefix("token_id:")
    data = told.encode() if piece is None else bytes(piece)
    return TokenLogprob(int(number), data, logprob_of(entry["logprob"]))


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
