"""A model file in our own engine: its greedy answers, kept in a file as they come."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from evals.quality import Answer
from evals.tuning_losses import Losses, losses
from evals.verifiers import Asked
from evolsynth.atomic import written
from evolsynth.errors import EngineError, RequestError
from evolsynth.llm.base import LLM, Sampling
from evolsynth.llm.llamacpp import LlamaCpp, available_threads
from evolsynth.methods.respond import respond
from evolsynth.rows import Row

__all__ = ["Session"]

GREEDY = Sampling(temperature=0.0)
_CONTEXT, _SLOTS = 2048, 16


class _Line(msgspec.Struct):
    """A line of the file of answers: ``asked`` stands for prompt and settings, ``seconds`` passed
    since the answer before it."""

    key: int | str
    asked: str
    response: str
    seconds: float = 0.0


class Session:
    """A model file in our own engine, and the answers that it gave, kept in a file.

    Args:
        model: the GGUF file, used as it is.
        kept: the file of its answers; those there are not asked for again.
        tokens: of an answer, at most.
    """

    def __init__(self, model: Path, kept: Path, tokens: int) -> None:
        self._llm = LlamaCpp(
            model,
            quantisation=None,
            slots=_SLOTS,
            context=_CONTEXT,
            contexts=available_threads(),
            threads=1,
        )
        self._kept, self._tokens = kept, tokens
        self.seconds = 0.0

    async def answers(
        self, prompts: Sequence[Asked], *, tell: Callable[[int], None] = lambda _: None
    ) -> list[str]:
        """The greedy answer to each prompt; nothing to one that does not fit into the context.

        ``seconds`` is then what they all took, also in earlier sessions.
        """
        found = self._read(prompts)
        missing = [asked for asked in prompts if asked.key not in found]
        if missing:
            async with self._llm as llm:
                await self._ask(llm, missing, found, tell)
        self.seconds = sum(line.seconds for line in found.values())
        return [found[asked.key].response for asked in prompts]

    async def losses(self, answers: Sequence[Answer], texts: Sequence[str]) -> Losses:
        """See `losses`; kept beside the answers."""
        kept, mark = self._kept.with_name("losses.json"), _digest([answers, texts])
        if kept.is_file():
            of, found = msgspec.json.decode(kept.read_bytes(), type=tuple[str, Losses])
            if of == mark:
                return found
        async with self._llm as llm:
            found = await losses(llm, answers, texts)
        with written(kept) as part:
            part.write_bytes(msgspec.json.encode((mark, found)))
        return found

    async def _ask(
        self,
        llm: LLM,
        missing: Sequence[Asked],
        found: dict[int | str, _Line],
        tell: Callable[[int], None],
    ) -> None:
        began = time.perf_counter()
        with self._kept.open("a", encoding="utf-8") as file:
            if file.tell():  # the last line may have been cut
                file.write("\n")
            async with aclosing(_answered(llm, missing, self._tokens)) as stream:
                async for asked, response in stream:
                    now = time.perf_counter()
                    line = _Line(asked.key, self._mark(asked), response, now - began)
                    began, found[asked.key] = now, line
                    file.write(msgspec.json.encode(line).decode() + "\n")
                    file.flush()
                    tell(len(found))

    def _read(self, prompts: Sequence[Asked]) -> dict[int | str, _Line]:
        """What the file has of answers to these prompts; a line that was cut is none."""
        marks = {asked.key: self._mark(asked) for asked in prompts}
        lines: dict[int | str, _Line] = {}
        for text in self._kept.read_bytes().splitlines() if self._kept.is_file() else ():
            try:
                line = msgspec.json.decode(text, type=_Line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if marks.get(line.key) == line.asked:
                lines[line.key] = line
        return lines

    def _mark(self, asked: Asked) -> str:
        return _digest([asked.prompt, self._tokens])


def _digest(body: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(body), digest_size=8).hexdigest()


async def _answered(
    llm: LLM, prompts: Sequence[Asked], tokens: int
) -> AsyncGenerator[tuple[Asked, str]]:
    rows = [Row.make(asked.prompt, id=str(i)) for i, asked in enumerate(prompts)]
    stream = respond(rows, llm, prompt=None, sampling=GREEDY, max_tokens=tokens)
    async with aclosing(stream):
        async for row in stream:
            if row.failure is not None and row.failure.error != RequestError.__name__:
                raise EngineError(row.failure.message)
            yield prompts[int(row.id)], row.response or ""
