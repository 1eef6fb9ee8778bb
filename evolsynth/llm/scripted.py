"""A back end that says what it was told to say: for tests and dry runs.

It is a real back end: it takes the same requests, obeys ``prefix``, ``stop`` and ``max_tokens``,
and can be slow or fail on demand.

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
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from evolsynth.errors import EngineError
from evolsynth.llm.base import LLM, Capability, Completion, Request, Usage
from evolsynth.llm.template import ChatTemplate

__all__ = ["CHATML", "Scripted"]

Answer = str | Completion | Exception

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
        answers: the answers, or a function from request to answer.
        delay: seconds before each answer, or a function from request to seconds.
        concurrency: how many requests methods should keep under way.
        chat_template: jinja2 text; ChatML by default.
        capabilities: what it says it can do; everything by default.

    ``requests`` holds all that were asked, in order; ``active`` how many are being answered, and
    ``most_active`` the most that ever were. A word counts as a token.
    """

    def __init__(
        self,
        answers: Iterable[Answer] | Callable[[Request], Answer],
        *,
        delay: float | Callable[[Request], float] = 0.0,
        concurrency: int = 16,
        chat_template: str = CHATML,
        capabilities: Iterable[Capability] = frozenset(Capability),
        name: str = "scripted",
    ) -> None:
        self.name = name
        self.concurrency = concurrency
        self.provenance: Mapping[str, Any] = {"model": name}
        self.requests: list[Request] = []
        self.active = self.most_active = 0
        self.capabilities = frozenset(capabilities)  # type: ignore[misc] # here it is the user's
        self._answer = answers if callable(answers) else _one_by_one(answers)
        self._delay = delay if callable(delay) else (lambda _: float(delay))
        self._template = ChatTemplate(chat_template)
        self._usage = Usage()
        self._closed = False

    @property
    def template(self) -> ChatTemplate:
        """The chat template it was given."""
        return self._template

    @property
    def usage(self) -> Usage:
        """Totals so far."""
        return self._usage

    async def complete(self, request: Request) -> Completion:
        """Answer as told, after the delay; see `LLM.complete`."""
        if self._closed:
            raise EngineError(f"{self.name} was closed. Start it again with `async with`.")
        self.requests.append(request)
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        began = time.perf_counter()
        try:
            await asyncio.sleep(self._delay(request))
            answer = self._answer(request)
        finally:
            self.active -= 1
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            answer = _completion(request, answer)
        self._usage.requests += 1
        self._usage.prompt_tokens += answer.prompt_tokens
        self._usage.completion_tokens += answer.tokens
        self._usage.seconds += time.perf_counter() - began
        return answer

    async def start(self) -> None:
        """Nothing to load."""
        self._closed = False

    async def aclose(self) -> None:
        """Refuse further requests."""
        self._closed = True


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
    stops = [at for stop in request.stop if (at := text.find(stop)) >= 0]
    return Completion(
        text=request.prefix + (text[: min(stops)] if stops else text),
        tokens=min(len(words), request.max_tokens),
        prompt_tokens=len(str(request.prompt).split()),
        finish_reason="length" if cut and not stops else "stop",
    )
