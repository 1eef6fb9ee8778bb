"""What the forms of all kinds of servers have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from evolsynth.errors import CapabilityError, RequestError
from evolsynth.llm.base import FinishReason, Request, TokenLogprob
from evolsynth.llm.server.flavours import Found

__all__ = ["UNTOLD", "Answer", "Question", "chosen", "cut_at_stops", "enum_of", "finished"]
__all__ += ["grammar_of", "logprob_of", "merged", "sampling_fields", "schema_of", "stops_sent"]
__all__ += ["token_logprob", "turns_of"]

#: The log-probability that stands for none: what OpenAI's API says instead of minus infinity.
_NEVER = -9999.0
#: Of a token whose number the server does not tell.
UNTOLD = -1


class Question(NamedTuple):
    """One POST: its path and its JSON."""

    path: str
    body: Mapping[str, Any]


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


# What is sent --------------------------------------------------------------------


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


def grammar_of(texts: Sequence[str]) -> str:
    """GBNF for one of some texts."""
    return "root ::= " + " | ".join(_quoted(text) for text in dict.fromkeys(texts))


def _quoted(text: str) -> str:
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character >= " " else f"\\x{ord(character):02x}"


def token_logprob(entry: Any) -> TokenLogprob:
    """A token as OpenAI's chat form tells it; llama-server and vLLM tell its number too."""
    piece = entry.get("bytes")
    told = str(entry["token"])
    number = entry.get("id", UNTOLD)
    if told.startswith("token_id:"):
        number = told.removeprefix("token_id:")
    data = told.encode() if piece is None else bytes(piece)
    return TokenLogprob(int(number), data, logprob_of(entry["logprob"]))
