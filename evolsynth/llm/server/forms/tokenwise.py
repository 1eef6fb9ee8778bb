"""llama-server's answers, whose tokens are known: what it cannot do itself is done token by token.

Banned texts, a least number of tokens and stops that name control tokens are kept to as the engine
in process does: the answer is gone on with from the tokens of it that were good.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from evolsynth.errors import RequestError
from evolsynth.llm.base import Prompt, Request, TokenLogprob
from evolsynth.llm.server.forms import llama_server
from evolsynth.llm.server.forms.common import Answer, Question, token_logprob
from evolsynth.llm.server.forms.form import Form, ask

__all__ = ["NEXT_SEED", "generated", "looked_up"]

#: Added to a seed for the next attempt: far from any other request's.
NEXT_SEED = 0x9E3779B1
_MOST_REWINDS = 64
_LIKELIEST, _ALL = 1000, 1_000_000  # tokens that are told of


async def generated(form: Form, request: Request) -> Answer:
    """Answer a request with a raw prompt.

    Raises:
        RequestError: there is nothing to continue, or no answer without a banned text was found.
    """
    prompt = await form.tokeniser.prompt(request.raw, request.prefix, apart=request.keep_prompt)
    if not prompt:
        raise RequestError("The prompt is empty: there is nothing to continue.")
    if request.banned and request.grammar is None and request.schema is None:
        answer = await _without_banned(form, request, prompt)
    elif request.min_tokens:
        answer = await _not_before(form, request, prompt)
    else:
        answer = await _one(form, request, prompt)
    answer = await _ended(form, request, answer)
    return await _all_told(form, prompt, answer) if request.logprobs else answer


async def _one(
    form: Form,
    request: Request,
    prompt: Sequence[int | str],
    *,
    bytewise: bool = False,
    **fields: Any,
) -> Answer:
    path, body = llama_server.completion(request, prompt, form.found, bytewise=bytewise)
    return await ask(form, Question(path, {**body, **fields}), llama_server.read)


async def _all_told(form: Form, prompt: Sequence[int | str], answer: Answer) -> Answer:
    """The answer with the log-probabilities that it lacks, each asked for by itself."""
    logprobs: list[TokenLogprob] = []
    whole = b""  # the bytes of several tokens, of which the first has them all
    for known in answer.logprobs:
        whole += known.piece
        if math.isnan(known.logprob):
            before = [*prompt, *(t.token for t in logprobs)]
            (known,), _ = await looked_up(form, before, known.token)
        elif not known.piece:
            known = known._replace(piece=whole)
        whole = whole.removeprefix(known.piece)
        logprobs.append(known)
    return msgspec.structs.replace(answer, logprobs=tuple(logprobs))


async def _ended(form: Form, request: Request, answer: Answer) -> Answer:
    """Cut an answer at the control tokens that are among its stops, where the model does not end
    its turn with them by itself."""
    ends = [
        await form.tokeniser.control(stop) for stop in request.stop if "<" in stop or "[" in stop
    ]
    places = [answer.ids.index(end) for end in ends if end in answer.ids]
    if not places:
        return answer
    kept = min(places)
    return msgspec.structs.replace(
        answer,
        text=await form.tokeniser.text(answer.ids[:kept]),
        tokens=kept,
        ids=answer.ids[:kept],
        logprobs=answer.logprobs[:kept],
        finish_reason="stop",
    )


async def _not_before(form: Form, request: Request, prompt: Sequence[int | str]) -> Answer:
    """An answer whose first tokens may not end it."""
    least, most = request.min_tokens, request.max_tokens
    first = msgspec.structs.replace(request, max_tokens=least)
    begun = await _one(form, first, prompt, bytewise=True, ignore_eos=True)
    if begun.finish_reason == "stop" or most == least:
        return begun
    rest = msgspec.structs.replace(request, max_tokens=most - least, min_tokens=0)
    answer = await _one(form, rest, [*prompt, *begun.ids], bytewise=True)
    return _joined(begun.logprobs, answer, begun.prompt_tokens)


async def _without_banned(form: Form, request: Request, prompt: Sequence[int | str]) -> Answer:
    """An answer without its banned texts: before the first token of one another way is taken.

    Raises:
        RequestError: no way was found.
    """
    kept: tuple[TokenLogprob, ...] = ()
    forbidden: set[int] = set()
    read = 0
    for rewinds in range(_MOST_REWINDS):
        seed = (request.seed + rewinds * NEXT_SEED) % (2**32 - 1)
        asked = msgspec.structs.replace(request, seed=seed, banned=(), min_tokens=0)
        if forbidden:
            bias = [[token, False] for token in sorted(forbidden)]
            one = msgspec.structs.replace(asked, max_tokens=1)
            here = [*prompt, *(t.token for t in kept)]
            step = await _one(form, one, here, bytewise=True, logit_bias=bias)
            if step.ended or len(kept) + 1 >= request.max_tokens or not step.logprobs:
                answer = _joined(kept, step, read)
            else:
                answer = await _gone_on(form, asked, prompt, kept + step.logprobs, read)
        else:
            answer = await _gone_on(form, asked, prompt, kept, read)
        read = read or answer.prompt_tokens
        place = _first_banned(answer.logprobs, request)
        if place is None:
            return answer
        token = answer.logprobs[place].token
        forbidden = {*forbidden, token} if place == len(kept) else {token}
        kept = answer.logprobs[:place]
    raise RequestError(
        f"{form.found.model} found no answer without a banned text, in {_MOST_REWINDS} ways. "
        "Ban fewer texts, or ask in other words."
    )


async def _gone_on(
    form: Form,
    request: Request,
    prompt: Sequence[int | str],
    kept: tuple[TokenLogprob, ...],
    read: int,
) -> Answer:
    rest = msgspec.structs.replace(request, max_tokens=request.max_tokens - len(kept), min_tokens=0)
    here = [*prompt, *(t.token for t in kept)]
    answer = await _one(form, rest, here, bytewise=True)
    return _joined(kept, answer, read or answer.prompt_tokens)


def _joined(kept: Sequence[TokenLogprob], answer: Answer, read: int) -> Answer:
    """The answer with what was kept of another before it."""
    if not kept:
        return answer
    logprobs = (*kept, *answer.logprobs)
    data = b"".join(t.piece for t in logprobs)
    return msgspec.structs.replace(
        answer,
        text=codecs.getincrementaldecoder("utf-8")("replace").decode(data),
        tokens=len(logprobs),
        prompt_tokens=read,
        logprobs=logprobs,
        ids=tuple(t.token for t in logprobs),
    )


def _first_banned(tokens: Sequence[TokenLogprob], request: Request) -> int | None:
    """The number of the token with the beginning of the first banned text before any stop."""
    prefix = request.prefix.encode("utf-8", "replace")
    data = prefix + b"".join(t.piece for t in tokens)
    begin = len(prefix)
    stops = [data.find(s.encode("utf-8", "replace"), begin) for s in request.stop]
    end = min((at for at in stops if at >= 0), default=len(data))
    found = [data.find(b.encode("utf-8", "replace"), 0, end) for b in request.banned]
    place = min((at for at in found if at >= 0), default=None)
    if place is None:
        return None
    return next(i for i, border in enumerate(_borders(tokens, begin)) if border > place)


def _borders(tokens: Sequence[TokenLogprob], begin: int) -> Iterator[int]:
    at = begin
    for token in tokens:
        at += len(token.piece)
        yield at


async def looked_up(
    form: Form, before: Sequence[int | str], token: int
) -> tuple[list[TokenLogprob], int]:
    """A token's log-probability, found among those of the likeliest, or of all."""
    instead = (await form.tokeniser.tokens(Prompt.of("a")))[0]
    for most in (_LIKELIEST, _ALL):
        question = llama_server.likely(before, instead, most)
        found, prompt_tokens = await ask(form, question, _told_likeliest)
        if token in found:
            return [found[token]], prompt_tokens
    raise RequestError("llama-server does not tell how likely a part of a character is.")


def _told_likeliest(told: Any) -> tuple[dict[int, TokenLogprob], int]:
    entries = told["completion_probabilities"][0]["top_logprobs"]
    return {int(e["id"]): token_logprob(e) for e in entries}, int(told["tokens_evaluated"])
