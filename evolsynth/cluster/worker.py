"""A worker: a process on some node that Ray begins, with an engine for each of the run's models."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from evolsynth.cluster.messages import (
    Answer,
    Hello,
    Job,
    Wanted,
    decoded,
    encoded,
    kind_of,
    raised,
)
from evolsynth.cluster.placing import Place, is_here, placed
from evolsynth.errors import SetupError
from evolsynth.foreign import comes_through
from evolsynth.llm.backends import open_llm
from evolsynth.llm.base import LLM, Capability, Prompt, Request, Sampling, hash_of
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.rows import Message

__all__ = ["Worker"]

#: Seconds after which a worker says that it is still there, though nothing is done.
BREATH = 5.0
#: Seconds that a first answer waits for others, so that they go together.
_TOGETHER = 0.003
#: What a processor is known by: what it makes of these words, to the last bit.
_PROBE = Request(
    prompt=Prompt.of("One, two, three,"),
    seed=1,
    max_tokens=4,
    sampling=Sampling(temperature=0),
    logprobs=True,
)


_HELLO = Request(messages=(Message("user", "Hello."),), seed=1)
#: One request of each kind.
_ASKED = (
    _HELLO,
    msgspec.structs.replace(_HELLO, schema='{"type": "object"}'),
    msgspec.structs.replace(_HELLO, choices=("yes", "no")),
)


class Worker:
    """What the run asks of a worker; all its methods are Ray's calls.

    Args:
        cpus: processors that it may use.
        models: what makes a model of a name, where the run says so.
    """

    def __init__(self, cpus: int, models: Mapping[str, Callable[[], LLM]]) -> None:
        self._cpus, self._models = cpus, models
        self._engines: dict[int, LLM] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._done: list[Answer] = []
        self._some = asyncio.Event()
        self._over: SetupError | None = None

    async def start(self, number: int, wanted: bytes) -> bytes | None:
        """Begin a model, and say what it is; None where its file is not on this node."""
        want = decoded(wanted, Wanted)
        here = await asyncio.to_thread(is_here, want)
        if not here:
            return None
        llm = self._opened(want)
        await llm.start()
        self._engines[number] = llm
        return encoded(await self._hello(llm))

    async def place(self, wanted: bytes, parts: list[Any]) -> None:
        """Put a model's file where this node keeps such, from what the run put into Ray's store."""
        want = decoded(wanted, Wanted)
        place = await asyncio.to_thread(Place.of, want)
        with place.lock():
            if is_here(want):
                return
            for part in parts:
                place.add(await part)
            place.finish()

    def _opened(self, want: Wanted) -> LLM:
        told = dict(want.told)
        model = str(told.pop("model"))
        if model in self._models:
            return self._models[model]()
        found = placed(want)
        llm = open_llm(model if found is None else found, **told)
        if isinstance(llm, LlamaCpp):
            llm.confine(self._cpus)
        return llm

    async def _hello(self, llm: LLM) -> Hello:
        same = ""
        if {Capability.RAW_PROMPT, Capability.LOGPROBS} <= llm.capabilities:
            made = await llm.complete(_PROBE)
            same = hash_of((made.text, made.logprobs)).hex()
        template = None
        with suppress(Exception):  # it has none: what a method makes of that, it says itself
            template = llm.template.to_dict()
        asked = [one for one in _ASKED if llm.prepared(one).prompt is not None]
        return Hello(
            node=socket.gethostname(),
            name=llm.name,
            provenance=dict(llm.provenance),
            parameters=llm.parameters,
            # a server's client finds out itself how many of them to send
            at_once=(llm.at_once if llm.local else None) or llm.concurrency,
            template=template,
            same=same,
            can=[one.value for one in llm.capabilities],
            fills=[kind_of(one) for one in asked],
        )

    async def put(self, jobs: bytes) -> None:
        """Begin these."""
        for job in decoded(jobs, list[Job]):
            self._tasks[job.number] = asyncio.create_task(self._work(job))

    async def drop(self, numbers: list[int]) -> None:
        """Leave these: nobody waits for them."""
        for number in numbers:
            task = self._tasks.pop(number, None)
            if task is not None:
                task.cancel()

    async def take(self) -> bytes:
        """What is done since the last time, as soon as something is; nothing after a while.

        Raises:
            SetupError: what it asks is gone, such as a server; the rest is for others to do.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._some.wait(), BREATH)
            await asyncio.sleep(_TOGETHER)
        self._some.clear()
        done, self._done = self._done, []
        if self._over is not None:
            if not done:
                raise self._over
            self._some.set()
        return encoded(done)

    async def pid(self) -> int:
        """Its process."""
        return os.getpid()

    async def _work(self, job: Job) -> None:
        try:
            answer = await self._answered(job)
        except asyncio.CancelledError as error:
            if comes_through(error):
                raise
            answer = Answer(job.number, raised=raised(error))
        except SetupError as error:
            self._over = error
            self._some.set()
            return
        except BaseException as error:  # noqa: BLE001 - it is told where it was asked
            answer = Answer(job.number, raised=raised(error))
        if self._tasks.pop(job.number, None) is not None:
            self._done.append(answer)
            self._some.set()

    async def _answered(self, job: Job) -> Answer:
        llm = self._engines[job.model]
        if job.request is not None:
            return Answer(job.number, completion=await llm.complete(job.request))
        score = await llm.score(job.prompt or Prompt(()), job.continuation or "")
        return Answer(job.number, score=score)
