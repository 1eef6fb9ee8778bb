"""What a server's refusals mean, and how long it asks to be left alone: as servers write it."""

from __future__ import annotations

import email.utils
import json
import time
import zlib
from collections.abc import AsyncIterator

import pytest

from evolsynth.errors import ContentRefused, ContextOverflow, RequestError, SetupError
from evolsynth.llm.server.replies import (
    NotFound,
    Reply,
    Trouble,
    pause_asked,
    quote,
    read_body,
    refusal,
)


def said(status: int, body: object, **headers: str) -> Exception:
    text = body if isinstance(body, str) else json.dumps(body)
    reply = Reply(status, headers, text.encode())
    return refusal(reply, "the server", None)


TOO_LONG = {
    "OpenAI": (
        400,
        {
            "error": {
                "message": "This model's maximum context length is 8192 tokens. However, your "
                "messages resulted in 9001 tokens.",
                "type": "invalid_request_error",
                "code": "context_length_exceeded",
            }
        },
    ),
    "OpenAI, by its code alone": (
        400,
        {"error": {"message": "", "code": "context_length_exceeded"}},
    ),
    "llama-server": (
        400,
        {
            "error": {
                "code": 400,
                "message": "request (3001 tokens) exceeds the available context size (2048 tokens)",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 3001,
                "n_ctx": 2048,
            }
        },
    ),
    "llama-server, older": (
        500,
        {"error": {"message": "the request exceeds the available context size. try increasing it"}},
    ),
    "vLLM": (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you "
            "requested 5000 tokens (4000 in the messages, 1000 in the completion).",
            "code": 400,
        },
    ),
    "vLLM, of a prompt": (
        400,
        {
            "error": {
                "message": "The decoder prompt (length 5000) is longer than the maximum model "
                "length of 4096."
            }
        },
    ),
    "SGLang": (
        400,
        {"error": {"message": "The input (5000 tokens) is longer than the model's context length"}},
    ),
    "Ollama": (400, {"error": "the input length exceeds the context length"}),
    "TGI": (
        422,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. "
            "Given: 3000 `inputs` tokens and 20 `max_new_tokens`",
            "error_type": "validation",
        },
    ),
    "TGI, of a prompt": (
        422,
        {"error": "Input validation error: `inputs` must have less than 1024 tokens. Given: 3000"},
    ),
    "LM Studio": (
        400,
        {
            "error": "Trying to keep the first 5000 tokens when context the overflows. However, "
            "the model is loaded with context length of only 4096 tokens"
        },
    ),
}


@pytest.mark.parametrize("server", TOO_LONG)
def test_what_does_not_fit_the_context(server: str) -> None:
    error = said(*TOO_LONG[server])
    assert type(error) is ContextOverflow
    assert str(error).endswith("the question and its answer do not fit the context.")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "The response was filtered", "code": "content_filter"}}),
        (400, {"error": {"message": "Rejected", "code": "content_policy_violation"}}),
        (
            403,
            {
                "error": {
                    "message": "Input was flagged",
                    "code": 403,
                    "metadata": {"reasons": ["violence"], "flagged_input": "..."},
                }
            },
        ),
        (400, {"error": {"message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
    ],
)
def test_what_a_servers_rules_forbid(status: int, body: object) -> None:
    assert type(said(status, body)) is ContentRefused


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"message": "temperature must be a number"}}, RequestError),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, RequestError),
        (413, "too large", RequestError),
        (302, "", RequestError),
        (401, {"error": {"message": "no key"}}, SetupError),
        (403, {"error": {"message": "not for you"}}, SetupError),
        (402, {"error": {"message": "Insufficient credits"}}, SetupError),
        (429, {"error": {"code": "insufficient_quota"}}, SetupError),
        (404, {"error": {"code": "model_not_found"}}, NotFound),
        (405, "", NotFound),
        (501, "", NotFound),
    ],
)
def test_what_asking_again_does_not_help(status: int, body: object, kind: type) -> None:
    assert type(said(status, body)) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"error": {"message": "Rate limit reached"}}, "busy"),
        (529, "overloaded", "busy"),
        (425, "", "busy"),
        (503, {"error": {"message": "Loading model", "type": "unavailable_error"}}, "busy"),
        (503, "<html>", "error"),
        (500, "[]", "error"),
        (502, "\xff\xfe", "error"),
        (504, "null", "error"),
        (408, "", "error"),
        (409, "", "error"),
    ],
)
def test_what_asking_again_may_help(status: int, body: object, kind: str) -> None:
    error = said(status, body)
    assert isinstance(error, Trouble)
    assert error.kind == kind


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", "7", '{"error": null}', '{"error": {"message": {"a": 1}}}', "[" * 9999],
)
def test_a_refusal_in_any_words_is_one_sentence(body: str) -> None:
    assert str(said(400, body)).startswith("the server answered 400")


def test_a_servers_words_are_one_short_line_without_the_key() -> None:
    assert quote("a\n\tb\x1b[31mc  d", None) == "a b [31mc d"
    assert len(quote("y" * 5000, None)) == 300
    assert quote("sk-1 is wrong, sk-1!", "sk-1") == "*** is wrong, ***!"


# --- how long ------------------------------------------------------------------------------------


def pause(status: int, **headers: str) -> float:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return pause_asked(Reply(status, names, b""))


def test_seconds_or_a_date_to_come_back_at() -> None:
    assert pause(429, retry_after="7") == 7
    assert pause(503, retry_after="1.5") == 1.5
    assert pause(429, retry_after_ms="250", retry_after="9") == 0.25
    later = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 58 < pause(429, retry_after=later) <= 60
    earlier = email.utils.formatdate(time.time() - 60, usegmt=True)
    assert pause(429, retry_after=earlier) == 0
    for wrong in ("", "soon", "-5", "nan", "inf", "Thu, 99 Jan 2026 00:00:00 GMT"):
        assert pause(429, retry_after=wrong) == 0
    assert pause(200, retry_after="7") == 0, "an answer says nothing about waiting"


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("1s", 1), ("6m0s", 360), ("20ms", 0.02), ("1h2m3.5s", 3723.5), ("12", 12), ("never", 0)],
)
def test_the_time_to_the_reset_where_nothing_is_left(reset: str, seconds: float) -> None:
    left = {"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": reset}
    assert pause(200, **left) == pytest.approx(seconds)
    left["x_ratelimit_remaining_tokens"] = "17"
    assert pause(200, **left) == 0


def test_other_servers_names_for_the_same() -> None:
    assert pause(429, ratelimit_remaining="0", ratelimit_reset="30") == 30
    at = str(int(time.time() * 1000) + 5000)
    assert 4 < pause(429, x_ratelimit_remaining="0", x_ratelimit_reset=at) <= 5
    assert 4 < pause(429, x_ratelimit_remaining="0", x_ratelimit_reset=at[:-3]) <= 5


# --- bodies --------------------------------------------------------------------------------------


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize("wbits", [zlib.MAX_WBITS, zlib.MAX_WBITS | 16])
async def test_a_packed_body_is_unpacked_in_pieces(wbits: int) -> None:
    packer = zlib.compressobj(wbits=wbits)
    packed = packer.compress(b"word " * 500_000) + packer.flush()
    parts = [packed[i : i + 100] for i in range(0, len(packed), 100)]
    assert await read_body(pieces(*parts), "gzip") == b"word " * 500_000


async def test_a_body_has_bounds() -> None:
    big = bytes(2**20)
    with pytest.raises(RequestError, match="longer than 64 MiB"):
        await read_body(pieces(*([big] * 65)), "")
    with pytest.raises(Trouble, match="ends too early"):
        await read_body(pieces(zlib.compress(b"abc" * 100)[:-4]), "deflate")
    with pytest.raises(Trouble, match="cannot be unpacked"):
        await read_body(pieces(b"no gzip"), "gzip")
    with pytest.raises(Trouble, match="was not asked for"):
        await read_body(pieces(b"x"), "br")
    assert await read_body(pieces(), "gzip") == b""
