"""How likely a model behind a server finds a given text, in the three ways that servers have."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from evolsynth.errors import RequestError
from evolsynth.llm.base import Prompt, Score, TokenLogprob
from evolsynth.llm.server.forms import llama_server
from evolsynth.llm.server.forms.asking import plain_prompt
from evolsynth.llm.server.forms.common import UNTOLD, Question, logprob_of
from evolsynth.llm.server.forms.form import Form, ask
from evolsynth.llm.server.forms.tokenwise import looked_up

__all__ = ["score"]


async def score(form: Form, prompt: Prompt, continuation: str | Prompt) -> Score:
    """Score a text after a prompt; see `LLM.score`.

    Raises:
        RequestError: one of them is empty, or the server's tokens do not end where the prompt does.
    """
    text = Prompt.of(continuation) if isinstance(continuation, str) else continuation
    if not str(text):
        raise RequestError("The continuation is empty: there is nothing to score.")
    if not str(prompt):
        raise RequestError("The prompt is empty: there is nothing to continue.")
    if form.found.scoring == "forced":
        return await _forced(form, prompt, text)
    if form.found.scoring == "prompt_logprobs":
        return await _prompt_logprobs(form, prompt, text)
    return await _echoed(form, prompt, text)


async def _forced(form: Form, prompt: Prompt, continuation: Prompt) -> Score:
    """llama-server: it generates the text, since it may generate nothing else.

    Control tokens are forced one by one, as the model may end with them.
    """
    tokeniser = form.tokeniser
    before = await tokeniser.prompt(prompt)
    found: list[TokenLogprob] = []
    read = 0
    for run in await _runs(form, continuation):
        here = [*before, *(t.token for t in found)]
        if isinstance(run, int):
            tokens, prompt_tokens = await looked_up(form, here, run)
        else:
            tokens, prompt_tokens = await ask(form, llama_server.forced(here, run), _told_tokens)
            if [t.token for t in tokens] != run:
                raise RequestError("llama-server did not keep to the text that it was to score.")
        found += tokens
        read = read or prompt_tokens - (len(here) - len(before))
    return Score(logprobs=tuple(found), prompt_tokens=read)


async def _runs(form: Form, continuation: Prompt) -> list[list[int] | int]:
    """The continuation's tokens, each by itself that comes from a control segment. One that holds
    a part of a character only cannot be forced, and stands there as a number."""
    runs: list[list[int] | int] = []
    for segment in continuation.segments:
        tokens = await form.tokeniser.tokens(Prompt((segment,)))
        if segment.control:
            runs += [[token] for token in tokens]
            continue
        broken = await form.tokeniser.broken(tokens, segment.text)
        for is_broken, group in itertools.groupby(tokens, broken.__contains__):
            run = list(group)
            runs += run if is_broken else [run]
    return runs


def _told_tokens(told: Any) -> tuple[list[TokenLogprob], int]:
    entries = told["completion_probabilities"]
    tokens = [
        TokenLogprob(int(e["id"]), bytes(e["bytes"]), logprob_of(e["logprob"])) for e in entries
    ]
    return tokens, int(told["tokens_evaluated"])


async def _prompt_logprobs(form: Form, prompt: Prompt, continuation: Prompt) -> Score:
    """vLLM: it tells the log-probabilities of a prompt, which goes as tokens."""
    before = await _tokenised(form, plain_prompt(prompt), special=True)
    after = await _tokenised(form, plain_prompt(continuation), special=False)
    if not after:
        raise RequestError("The continuation has no tokens: there is nothing to score.")
    body = {
        "model": form.found.model,
        "prompt": [*before, *after],
        "max_tokens": 1,
        "temperature": 0,
        "prompt_logprobs": 0,
    }
    question = Question(f"{form.found.version}/completions", body)

    def read(told: Any) -> list[TokenLogprob]:
        entries = told["choices"][0]["prompt_logprobs"][len(before) :]
        return [_of_prompt(entry, token) for entry, token in zip(entries, after, strict=True)]

    logprobs = await ask(form, question, read)
    return Score(logprobs=tuple(logprobs), prompt_tokens=len(before))


def _of_prompt(entry: Any, token: int) -> TokenLogprob:
    told = entry[str(token)]
    piece = str(told.get("decoded_token") or "").encode()
    return TokenLogprob(token, piece, logprob_of(told["logprob"]))


async def _tokenised(form: Form, text: str, *, special: bool) -> list[int]:
    body = {"model": form.found.model, "prompt": text, "add_special_tokens": special}
    question = Question("/tokenize", body)
    tokens: list[int] = await ask(form, question, lambda told: [int(t) for t in told["tokens"]])
    return tokens


async def _echoed(form: Form, prompt: Prompt, continuation: Prompt) -> Score:
    """OpenAI's older form: the prompt is said again with its log-probabilities."""
    before, after = plain_prompt(prompt), plain_prompt(continuation)
    body = {
        "model": form.found.model,
        "prompt": before + after,
        "max_tokens": 1,
        "temperature": 0,
        "echo": True,
        "logprobs": 1,
    }
    question = Question(f"{form.found.version}/completions", body)
    tokens, values, offsets = await ask(form, question, _told_echo)
    begin, end = len(before), len(before) + len(after)
    if begin not in offsets:
        raise RequestError(
            "The server reads a token that reaches over the end of the prompt, so that the text "
            "behind it cannot be scored by itself. Use llama-server, vLLM or a model in process."
        )
    at = range(len(tokens))
    logprobs = [
        TokenLogprob(UNTOLD, str(tokens[i]).encode(), logprob_of(values[i]))
        for i in at
        if begin <= offsets[i] < end
    ]
    read = sum(offset < begin for offset in offsets)
    return Score(logprobs=tuple(logprobs), prompt_tokens=read)


def _told_echo(told: Any) -> tuple[Sequence[Any], Sequence[Any], Sequence[int]]:
    logprobs = told["choices"][0]["logprobs"]
    tokens, values = logprobs["tokens"], logprobs["token_logprobs"]
    offsets = [int(offset) for offset in logprobs["text_offset"]]
    if not len(tokens) == len(values) == len(offsets):
        raise ValueError("tokens, values and places are not as many")
    return tokens, values, offsets
