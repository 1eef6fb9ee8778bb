"""What a server's reply means: its body, read within bounds, and its refusals, told apart.

A refusal becomes one of our errors where asking again cannot help, and a `Trouble` where it can.
"""

from __future__ import annotations

import email.utils
import re
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import msgspec

from evolsynth.errors import ContentRefused, ContextOverflow, RequestError, SetupError

__all__ = ["LARGEST", "NotFound", "Reply", "Trouble", "pause_asked", "read_body", "refusal"]

#: The longest answer that is read, unpacked.
LARGEST = 64 * 2**20
_QUOTED = 300
_STEP = 2**20


class NotFound(RequestError):  # noqa: N818 - the name says what happened
    """The server has no such path, no such method on it, or no such model."""


class Reply(NamedTuple):
    """What came back. The names of ``headers`` are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Trouble(Exception):  # noqa: N818 - it never leaves the room
    """Why one attempt failed that may succeed when it is made again.

    ``kind`` is ``connection`` (nobody answers there), ``error`` (an answer that says so, or none
    that could be read), ``busy`` (it lives, and has too much to do) or ``slow`` (no answer came).
    ``wait`` is for how long the server asked to be left alone.
    """

    def __init__(self, kind: str, message: str, *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait = wait


async def read_body(chunks: AsyncIterator[bytes], encoding: str) -> bytes:
    """The body of an answer, unpacked, however much it claims to be.

    Raises:
        RequestError: it is longer than `LARGEST`.
        Trouble: it cannot be unpacked, or ends too early.
    """
    unpack = _unpacker(encoding)
    found: list[bytes] = []
    size = 0
    async for chunk in chunks:
        while True:
            piece = chunk
            if unpack is not None:
                try:
                    piece = unpack.decompress(chunk, _STEP)
                except zlib.error as error:
                    raise Trouble("error", f"its answer cannot be unpacked ({error})") from None
                chunk = unpack.unconsumed_tail
            size += len(piece)
            if size > LARGEST:
                raise RequestError(
                    f"an answer is longer than {LARGEST >> 20} MiB, which no question needs: "
                    "look at what the server sends."
                )
            found.append(piece)
            if unpack is None or not chunk:
                break
    if unpack is not None and not unpack.eof and size:
        raise Trouble("error", "its packed answer ends too early")
    return found[0] if len(found) == 1 else b"".join(found)


def _unpacker(encoding: str) -> Any:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32)  # either header
    raise Trouble("error", f"its answer is packed by {name[:20]!r}, which was not asked for")


# --- refusals --------------------------------------------------------------------------------

# vLLM and OpenAI: "This model's maximum context length is ..."; SGLang: "is longer than the
# model's context length"; llama-server: "exceeds the available context size"; Ollama: "exceeds
# the context length", "exceeded max context length"; TGI: "`inputs` tokens + `max_new_tokens`
# must be <= ...", "`inputs` must have less than ... tokens"; LM Studio: "context length of only".
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|max(?:imum)? (?:model|context) length"
    r"|(?:than|exceeds?) the (?:model'?s |available |maximum )?(?:model |context )+"
    r"(?:length|size|window)"
    r"|`?inputs`? tokens \+ `?max_new_tokens`?|`inputs` must have less than"
    r"|context length of only|prompt is too long|string_above_max_length",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"content_filter|content_policy|content management policy|ResponsibleAI|moderation|flagged",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(r"insufficient_quota|billing_hard_limit|insufficient credits", re.IGNORECASE)
_LOADING = re.compile(r"loading model|model is (?:still )?loading|currently loading", re.IGNORECASE)
_BUSY = frozenset({425, 429, 529})
_AGAIN = frozenset({408, 409})


def refusal(reply: Reply, name: str, key: str | None) -> Exception:
    """What a reply that is no answer means: an error of ours, or a `Trouble` to wait out.

    Args:
        reply: the server's, with a status of 300 or more.
        name: the server's, for the message.
        key: what must not be quoted.
    """
    status = reply.status
    said = _said(reply.body, key)
    whole = " ".join(said)
    quoted = quote(said[0], key)
    told = f"{name} answered {status}" + (f": {quoted}" if quoted else "")
    if status == 402 or (status == 429 and _NO_MONEY.search(whole)):
        return SetupError(f"{told} - the account has no money left. Top it up; the run goes on.")
    if status in _BUSY:
        return Trouble("busy", told)
    if _TOO_LONG.search(whole):
        return ContextOverflow(f"{told} - the question and its answer do not fit the context.")
    if status < 500 and _REFUSED.search(whole):
        return ContentRefused(f"{told} - the server's rules on content forbid it.")
    if status in (401, 403):
        return SetupError(
            f"{told} - the key is missing or not allowed this model: put the right one into the "
            "environment or the keyring."
        )
    if status in (404, 405, 501):
        return NotFound(told)
    if status in _AGAIN or status >= 500:
        loading = status == 503 and (_LOADING.search(whole) or "retry-after" in reply.headers)
        return Trouble("busy" if loading else "error", told)
    return RequestError(told)


def _said(body: bytes, key: str | None) -> tuple[str, str]:
    """What an error's body says to a person, and its code and type. The key is taken out before
    anything is cut, as half of it would not be found any more."""
    if key:
        body = body.replace(key.encode(), b"***")
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body[: 4 * _QUOTED].decode("utf-8", "replace"), ""
    if not isinstance(data, dict):
        return _cut(data, key), ""
    inner = data.get("error", data)
    if not isinstance(inner, dict):
        return _cut(inner, key), str(data.get("error_type", ""))
    message = inner.get("message") or inner.get("detail") or inner.get("error") or ""
    codes = (inner.get(n) for n in ("code", "type", "innererror", "metadata"))
    return _cut(message, key), " ".join(str(c)[:_QUOTED] for c in codes if c)


def _cut(told: object, key: str | None) -> str:
    """A text long enough to be quoted; JSON may have hidden the key in it."""
    text = str(told)
    return (text.replace(key, "***") if key else text)[: 4 * _QUOTED]


def quote(text: str, key: str | None) -> str:
    """A server's words for a message: one line, not long, without the key."""
    if key:
        text = text.replace(key, "***")
    line = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(line.split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"


# --- how long to wait ------------------------------------------------------------------------

_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_RESETS = ("requests", "tokens")


def pause_asked(reply: Reply) -> float:
    """For how many seconds a reply asks that nothing be sent; 0 where it does not.

    In a refusal ``Retry-After`` in seconds or as a date, or ``retry-after-ms``; else, where the
    reply says that nothing is left, the time to ``x-ratelimit-reset-*`` or ``ratelimit-reset``.
    """
    headers = reply.headers
    if reply.status >= 300:
        if "retry-after-ms" in headers:
            return _number(headers["retry-after-ms"]) / 1000
        if "retry-after" in headers:
            return _after(headers["retry-after"])
    waits = [
        _span(headers.get(f"x-ratelimit-reset-{what}", ""))
        for what in _RESETS
        if _none_left(headers.get(f"x-ratelimit-remaining-{what}"))
    ]
    for begin in ("ratelimit", "x-ratelimit"):
        if _none_left(headers.get(f"{begin}-remaining")):
            waits.append(_span(headers.get(f"{begin}-reset", "")))
    return max(waits, default=0.0)


def _none_left(remaining: str | None) -> bool:
    return remaining is not None and _number(remaining, missing=1.0) < 1


def _number(text: str, missing: float = 0.0) -> float:
    try:
        found = float(text)
    except ValueError:
        return missing
    return found if 0 <= found < float("inf") else missing


def _after(text: str) -> float:
    """``Retry-After``: seconds, or a date."""
    if text.strip().replace(".", "", 1).isdigit():
        return _number(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _span(text: str) -> float:
    """``6m0s``, ``20ms``, ``12`` (seconds), ``1735689600`` or ``1735689600000`` (a date)."""
    text = text.strip()
    number = _number(text, missing=-1.0)
    if number >= 1e12:
        return max(0.0, number / 1000 - time.time())
    if number >= 1e9:
        return max(0.0, number - time.time())
    if number >= 0:
        return number
    found = _SPAN.fullmatch(text)
    if found is None:
        return 0.0
    hours, minutes, seconds, thousandths = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000
