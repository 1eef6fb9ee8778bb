"""llama-server's own form: /completion, to which a prompt goes as tokens and texts.

The texts in such a prompt are read with their control tokens. So a text that somebody typed goes
as it stands only where it holds nothing that looks like one; else its tokens are asked for first.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from evolsynth.llm.base import Prompt, Request, Segment, TokenLogprob
from evolsynth.llm.server.flavours import Found
from evolsynth.llm.server.forms.common import (
    Answer,
    Question,
    finished,
    grammar_of,
    merged,
    sampling_fields,
    schema_of,
    token_logprob,
)

if TYPE_CHECKING:
    from evolsynth.llm.server.transport import Transport

__all__ = ["UNKNOWN", "Tokeniser", "completion", "forced", "likely", "read"]

Parts = list[int | str]

_SUSPECT = re.compile(r"[<\[［｜|▁]")
#: The log-probability of a token of which llama-server tells none.
UNKNOWN = math.nan
_KEPT = 4096  # control segments whose tokens are kept
_SAMPLERS = ["top_k", "penalties", "top_p", "min_p", "temperature"]


class Tokeniser:
    """Prompts as llama-server takes them, with the same tokens as the engine in process gives.

    Args:
        transport: asks the server.
        found: what the model's texts begin with, and of what kind its tokeniser is.
    """

    def __init__(self, transport: Transport, found: Found) -> None:
        self._transport, self._found = transport, found
        self._pieces: dict[str, list[tuple[int, str]]] = {}
        self._control: dict[int, bool] = {}
        self._asking = asyncio.Lock()  # so that what many want at once is asked for once

    async def prompt(self, prompt: Prompt, prefix: str = "", *, apart: bool = False) -> Parts:
        """A prompt and the beginning of its answer; ``apart`` keeps tokens from reaching over."""
        segments = prompt.segments
        shared, own = segments[: prompt.shared], segments[prompt.shared :]
        if apart and any(segment.text for segment in own):
            chunks = [shared, own, (Segment(prefix),)]
        else:
            chunks = [shared, (*own, Segment(prefix))]
        parts: Parts = []
        for chunk in chunks:
            parts += await self._chunk(chunk, first=not parts, whole=False)
        if len(parts) > 1 and isinstance(parts[0], str) and isinstance(parts[1], str):
            parts[:1] = await self._encode(parts[0])  # a list of texts would be several prompts
        return parts

    async def tokens(self, prompt: Prompt) -> list[int]:
        """The tokens of a text that follows a prompt, none reaching over its beginning."""
        parts = await self._chunk(prompt.segments, first=False, whole=True)
        return [part for part in parts if isinstance(part, int)]

    async def broken(self, tokens: Sequence[int], text: str) -> frozenset[int]:
        """Those of a text's tokens that hold a part of a character only."""
        body = {"content": text, "add_special": False, "parse_special": False, "with_pieces": True}
        found = await self._transport.post("/tokenize", body, tokens=0, read=_numbers_and_texts)
        whole = {token for token, piece in found if piece}
        return frozenset(tokens) - whole

    async def control(self, text: str) -> int | None:
        """The control token of that name, if the model has one."""
        pieces = await self._split(text)
        if len(pieces) != 1 or not await self._is_control(*pieces[0]):
            return None
        return pieces[0][0]

    async def text(self, tokens: Sequence[int]) -> str:
        """The text that some tokens stand for."""
        told: str = await self._transport.post(
            "/detokenize",
            {"tokens": list(tokens)},
            tokens=0,
            read=lambda answer: str(answer["content"]),
        )
        return told

    async def _chunk(self, segments: Sequence[Segment], *, first: bool, whole: bool) -> Parts:
        parts: Parts = []
        after_text = not first
        async for part in self._parts(segments):
            if isinstance(part, int):
                parts.append(part)
                after_text = False
            else:
                parts += await self._plain(part, after_text=after_text, whole=whole)
                after_text = True
        begins = list(self._found.begins)
        if first and parts and begins and parts[: len(begins)] != begins:
            parts[:0] = begins
        return parts

    async def _parts(self, segments: Sequence[Segment]) -> AsyncIterator[int | str]:
        """Control tokens, and between them texts as long as can be."""
        text = ""
        for segment in segments:
            if not segment.control:
                text += segment.text
                continue
            for token, piece in await self._split(segment.text):
                if not await self._is_control(token, piece):
                    text += piece
                    continue
                if text:
                    yield text
                    text = ""
                yield token
        if text:
            yield text

    async def _plain(self, text: str, *, after_text: bool, whole: bool) -> Parts:
        if after_text and self._found.sentencepiece:
            # SentencePiece puts a space before the first word of a text; this is none.
            line = await self._encode("\n")
            return [*(await self._encode("\n" + text))[len(line) :]]
        if whole or _SUSPECT.search(text):
            return [*await self._encode(text)]
        return [text]

    async def _encode(self, text: str) -> list[int]:
        body = {"content": text, "add_special": False, "parse_special": False}
        found: list[int] = await self._transport.post("/tokenize", body, tokens=0, read=_numbers)
        return found

    async def _split(self, text: str) -> list[tuple[int, str]]:
        """A control segment's tokens with their texts; kept, as templates write the same ones."""
        if text not in self._pieces:
            async with self._asking:
                if text not in self._pieces:
                    found = await self._asked_pieces(text)
                    if len(self._pieces) >= _KEPT:
                        self._pieces.clear()
                    self._pieces[text] = found
        return self._pieces[text]

    async def _asked_pieces(self, text: str) -> list[tuple[int, str]]:
        body = {"content": text, "add_special": False, "parse_special": True, "with_pieces": True}
        found = await self._transport.post("/tokenize", body, tokens=0, read=_numbers_and_texts)
        if "".join(piece for _, piece in found) == text:
            return found
        # A character is spread over several tokens: only the control tokens matter here.
        return [*_rejoined(text, found)]

    async def _is_control(self, token: int, piece: str) -> bool:
        if token < 0 or not piece:
            return False
        if token not in self._control:
            async with self._asking:
                if token not in self._control:
                    self._control[token] = await self._encode(piece) != [token]
        return self._control[token]


def _numbers(told: Any) -> list[int]:
    return [int(token) for token in told["tokens"]]


def _numbers_and_texts(told: Any) -> list[tuple[int, str]]:
    """A piece that is no text of its own comes as bytes."""
    return [
        (int(t["id"]), t["piece"] if isinstance(t["piece"], str) else "") for t in told["tokens"]
    ]


def _rejoined(text: str, pieces: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The pieces that the text holds in their order; what stands between them as a text."""
    at = 0
    for token, piece in pieces:
        place = text.find(piece, at) if piece else -1
        if place < 0:
            continue
        if place > at:
            yield -1, text[at:place]
        yield token, piece
        at = place + len(piece)
    if at < len(text):
        yield -1, text[at:]


def completion(
    request: Request, prompt: Sequence[int | str], found: Found, *, bytewise: bool = False
) -> Question:
    """A prompt's question: POST /completion; ``bytewise`` asks for each token's bytes."""
    body: dict[str, Any] = {
        "prompt": list(prompt),
        "n_predict": request.max_tokens,
        "seed": request.seed,
        "stream": False,
        **sampling_fields(request, found, raw=True),
        "repeat_last_n": 64,
        "samplers": _SAMPLERS,
        "stop": list(request.stop),
        "cache_prompt": True,
        "return_tokens": True,
        "n_probs": 1 if bytewise or request.logprobs else 0,
    }
    if request.schema is not None:
        body["json_schema"] = schema_of(request)
    elif request.grammar is not None:
        body["grammar"] = request.grammar
    elif request.choices:
        body["grammar"] = grammar_of(request.choices)
    return Question("/completion", merged(body, found))


def forced(prompt: Sequence[int | str], tokens: Sequence[int]) -> Question:
    """A question whose answer can only be these tokens, with their log-probabilities.

    One token is forced by a bias, so that it may be one that ends an answer; several by a grammar.
    Neither changes the probabilities that are told.
    """
    body: dict[str, Any] = {
        "prompt": list(prompt),
        "n_predict": len(tokens),
        "temperature": 0,
        "samplers": ["top_k"],
        "repeat_penalty": 1.0,
        "n_probs": 1,
        "cache_prompt": True,
        "return_tokens": True,
    }
    if len(tokens) == 1:
        body["logit_bias"] = [[tokens[0], 1e9]]
    else:
        body["grammar"] = "root ::= " + " ".join(f"<[{token}]>" for token in tokens)
    return Question("/completion", body)


def likely(prompt: Sequence[int | str], instead: int, most: int) -> Question:
    """A question whose answer tells the log-probabilities of the ``most`` likeliest next tokens.

    ``instead`` is forced, a token that is a whole text: of a part of a character nothing is told.
    """
    path, body = forced(prompt, [instead])
    return Question(path, {**body, "n_probs": most})


def read(told: Any) -> Answer:
    """Its answer. A token that ended the turn is not counted.

    Raises:
        ValueError, KeyError, TypeError: it is not of that form.
    """
    text = told["content"]
    if not isinstance(text, str):
        raise TypeError("a text was expected")
    ended = told.get("stop_type") == "eos"
    ids = [int(token) for token in told.get("tokens") or ()]
    logprobs = [token_logprob(entry) for entry in told.get("completion_probabilities") or ()]
    made = int(told["tokens_predicted"])
    if ended:
        if logprobs and ids and logprobs[-1].token == ids[-1]:
            del logprobs[-1]
        made, ids = made - 1, ids[: made - 1]
    if told.get("stop_type") == "limit":
        text = text.rstrip("\ufffd")  # a character of which only a part was written
    if told.get("generation_settings", {}).get("n_probs"):
        logprobs = _aligned(ids, logprobs)
    return Answer(
        text=text,
        tokens=max(0, made),
        prompt_tokens=int(told["tokens_evaluated"]),
        finish_reason=finished(told.get("stop_type")),
        logprobs=tuple(logprobs),
        ids=tuple(ids),
        ended=ended,
    )


def _aligned(ids: Sequence[int], known: Sequence[TokenLogprob]) -> list[TokenLogprob]:
    """An entry for each token.

    The server tells nothing of a token after which a character is not whole yet, and gives the
    whole character's bytes to the last one of it. Here they are the first one's, as whoever goes
    back to before that text goes back to before that token; and the value of those before the last
    is `UNKNOWN`.
    """
    left = deque(known)
    found: list[TokenLogprob] = []
    gap: list[int] = []
    for token in ids:
        if not left or left[0].token != token:
            gap.append(len(found))
            found.append(TokenLogprob(token, b"", UNKNOWN))
            continue
        entry = left.popleft()
        if gap:
            found[gap[0]] = found[gap[0]]._replace(piece=entry.piece)
            entry, gap = entry._replace(piece=b""), []
        found.append(entry)
    return found
