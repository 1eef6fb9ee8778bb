"""A back end that says what it was told to say: for tests and dry runs.

It is a real back end: it takes the same requests, obeys ``prefix``, ``stop``, ``max_tokens`` and
``logprobs``, scores texts, and can be slow or fail on demand.

>>> llm = Scripted(["Name three rivers.", EngineError("the power went")])
>>> llm = Scripted(lambda request: f"seed {request.seed}", delay=0.01)

A list is used up in the order in which requests arrive, so with several under way give a
function: its answer depends on the request alone. An exception in the list, or returned by the
function, is raised for that request.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from evolsynth.errors import EngineError, InputError, RequestError
from evolsynth.llm.backends import backend
from evolsynth.llm.base import (
    LLM,
    Capability,
    Completion,
    Prompt,
    Request,
    Score,
    TokenLogprob,
    Usage,
)
from evolsynth.llm.template import ChatTemplate
from evolsynth.llm.thinking import answered

__all__ = ["CHATML", "Scripted", "from_file"]

T = TypeVar("T")
Answer = str | Completion | Exception
Scores = float | Sequence[float] | Exception

#: A chat template in the ChatML form, with a default system turn.
CHATML = (
    "{% for m in messages %}"
    "{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou answer as you were told.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
_WORD = re.compile(r"\s*\S+")


class Scripted(LLM):
    """Answers from a list or a function; see the module's docstring.

    Args:
        answers: the answers, or a function from request to answer. They are given as they are:
            ``min_tokens``, ``banned``, ``grammar`` and ``choices`` are the script's own affair, to
            be seen in ``requests``. Where log-probabilities are asked for, each word's is -1.
        scores: for `score`, the log-probability of each word, or a function from prompt and
            continuation, both as text, to that, to one for each word, or to an error.
        delay: seconds before each answer or score, or a function from request to seconds. A
            score's request has its prompt, the seed 0, and a token for each word.
        concurrency: how many requests methods should keep under way.
        chat_template: jinja2 text; ChatML by default.
        capabilities: what it says it can do; everything by default. What continues a raw prompt
            takes a chat too, through its template.
        parameters: the size of the model that it plays; unknown by default.
        remember: keep all requests in ``requests``; False where there are millions.

    ``requests`` holds all that `complete` was asked, in order, messages in the template;
    ``active`` is how many are being answered or scored, and ``most_active`` the most that ever
    were. A word counts as a token.
    """

    def __init__(
        self,
        answers: Iterable[Answer] | Callable[[Request], Answer],
        *,
        scores: float | Callable[[str, str], Scores] = -1.0,
        delay: float | Callable[[Request], float] = 0.0,
        concurrency: int = 16,
        chat_template: str = CHATML,
        capabilities: Iterable[Capability] = frozenset(Capability),
        name: str = "scripted",
        parameters: int | None = None,
        remember: bool = True,
    ) -> None:
        self.name = name
        self.parameters = parameters
        self.concurrency = concurrency
        self.provenance: Mapping[str, Any] = {"model": name}
        self.requests: list[Request] = []
        self.active = self.most_active = 0
        able = frozenset(capabilities)
        if Capability.RAW_PROMPT in able:
            able |= {Capability.CHAT}
        self.capabilities = able  # type: ignore[misc] # here it is the user's
        self._answer = answers if callable(answers) else _one_by_one(answers)
        self._scores = scores if callable(scores) else (lambda *_: float(scores))
        self._delay = delay if callable(delay) else (lambda _: float(delay))
        self._template = ChatTemplate(chat_template)
        self._usage = Usage()
        self._remember = remember
        self._closed = False

    @property
    def template(self) -> ChatTemplate:
        """The chat template it was given."""
        return self._template

    def prepared(self, request: Request) -> Request:
        """Messages in the template it was given; see `LLM.prepared`."""
        return self._template.fill(request)

    @property
    def usage(self) -> Usage:
        """Totals so far."""
        return self._usage

    @property
    def running(self) -> bool:
        """Whether it was not closed."""
        return not self._closed

    async def complete(self, request: Request) -> Completion:
        """Answer as told, after the delay; see `LLM.complete`."""
        self._refuse_if_closed()
        request = self.prepared(request)
        if self._remember:
            self.requests.append(request)
        began = time.perf_counter()
        answer = await self._work(request, lambda: self._answer(request))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            answer = answered(_completion(request, answer), request.raw, self._template.tags)
        self._usage.requests += 1
        self._usage.prompt_tokens += answer.prompt_tokens
        self._usage.completion_tokens += answer.tokens
        self._usage.seconds += time.perf_counter() - began
        return answer

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        """Score as told, word by word, after the delay; see `LLM.score`."""
        self._refuse_if_closed()
        self.require(Capability.LOGPROBS, by="score")
        before, text = str(prompt), str(continuation)
        words = _WORD.findall(text)
        if not words:
            raise RequestError("The continuation is empty: there is nothing to score.")
        if not before:
            raise RequestError("The prompt is empty: there is nothing to continue.")
        began = time.perf_counter()
        request = Request(prompt=prompt, seed=0, max_tokens=len(words))
        told = await self._work(request, lambda: self._scores(before, text))
        if isinstance(told, Exception):
            raise told
        values = [told] * len(words) if isinstance(told, float | int) else list(told)
        logprobs = _words(words, values)
        read = len(before.split())
        self._usage.requests += 1
        self._usage.prompt_tokens += read + len(words)
        self._usage.seconds += time.perf_counter() - began
        return Score(logprobs=logprobs, prompt_tokens=read)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise EngineError(f"{self.name} was closed. Start it again with `async with`.")

    async def _work(self, request: Request, script: Callable[[], T]) -> T:
        """What the script says, after the delay."""
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await asyncio.sleep(self._delay(request))
            return script()
        finally:
            self.active -= 1

    async def start(self) -> None:
        """Nothing to load."""
        self._closed = False

    async def aclose(self) -> None:
        """Refuse further requests."""
        self._closed = True


@backend("scripted")
def from_file(answers: str, *, delay: float = 0.0, concurrency: int = 16) -> Scripted:
    """Answers from a file, one JSON string a line; a request's seed says which.

    So the same seed gets the same answers, however many requests are under way.

    Args:
        delay: seconds before each answer.
        concurrency: how many requests methods should keep under way.

    Raises:
        InputError: the file cannot be read, is empty, or a line is no JSON string.
    """
    try:
        lines = Path(answers).read_text(encoding="utf-8").splitlines()
        texts = [msgspec.json.decode(line, type=str) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(
            f"{answers}: no answers can be read from it ({error}). Give a file with a JSON string "
            "in each line."
        ) from None
    if not texts:
        raise InputError(f"{answers}: there are no answers. Write a JSON string in each line.")
    return Scripted(
        lambda request: texts[request.seed % len(texts)],
        delay=delay,
        concurrency=concurrency,
        name=f"scripted:{Path(answers).name}",
    )


def _one_by_one(answers: Iterable[Answer]) -> Callable[[Request], Answer]:
    left = iter(answers)

    def next_answer(_: Request) -> Answer:
        try:
            return next(left)
        except StopIteration:
            return EngineError("The script has no more answers. Give it as many as are asked for.")

    return next_answer


def _completion(request: Request, answer: str) -> Completion:
    words = _WORD.findall(answer)
    cut = len(words) > request.max_tokens
    text = "".join(words[: request.max_tokens]) if cut else answer
    logprobs = _words(words[: request.max_tokens], [-1.0] * min(len(words), request.max_tokens))
    stops = [at for stop in request.stop if (at := text.find(stop)) >= 0]
    return Completion(
        text=request.prefix + (text[: min(stops)] if stops else text),
        tokens=min(len(words), request.max_tokens),
        prompt_tokens=len(str(request.prompt).split()),
        finish_reason="length" if cut and not stops else "stop",
        logprobs=logprobs if request.logprobs else (),
    )


def _words(words: Sequence[str], values: Sequence[float]) -> tuple[TokenLogprob, ...]:
    """Words as tokens, numbered by their place.

    Raises:
        EngineError: the script tells another number of values than there are words.
    """
    if len(words) != len(values):
        raise EngineError(f"The script has {len(values)} scores for {len(words)} words.")
    pairs = zip(words, values, strict=True)
    return tuple(TokenLogprob(i, word.encode(), value) for i, (word, value) in enumerate(pairs))
