"""The pipelines that are killed; run by ``evolsynth run evals/crash/pipelines.py:NAME``.

How they run is told by the environment, so that one command serves for all of them: ``CRASH_LOG``
(a file to which each question is added before it is answered), ``CRASH_ROWS``, ``CRASH_WIDTH``
(how many questions are under way), ``CRASH_LATENCY`` (shuffles how long each takes),
``CRASH_DIE`` (where in the export to die) and ``CRASH_SERVER`` (the model behind a server).
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evolsynth.llm.base import LLM, Completion, Request, hash_of
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.llm.server.engine import Server
from evolsynth.pipeline import Pipeline, evolve, gate, generate_rows, magpie, respond

_THINGS = (
    "river", "clock", "garden", "market", "teacher", "violin", "bridge", "recipe", "planet",
    "letter", "storm", "castle", "engine", "forest", "museum", "harbour", "lantern", "orchard",
)  # fmt: skip
_ASKS = (
    "Explain to a child how a {} came to be what it is today",
    "Write a short story about a {} and a {} that meet in the rain",
    "List five things that a {} and a {} have in common",
    "Describe a {} to somebody who has never seen one",
    "Compare the {} with the {} in three sentences",
)
_LONGEST = 0.03  # seconds that an answer takes


def scripted() -> Pipeline:
    """Magpie, Evol-Instruct and answers from a script that is slow at random, and the gate."""
    return _pipeline(_Slow(), name="crash", embedder=None)


def real() -> Pipeline:
    """The same on SmolLM2 in process."""
    return _pipeline(_Logged(context=512), name="crash-real", embedder=None)


def server() -> Pipeline:
    """Requests, harder ones and answers by way of a server that fails in many ways."""
    _die_as_told(os.environ.get("CRASH_DIE", ""))
    rows = int(os.environ.get("CRASH_ROWS", "40"))
    steps = (
        generate_rows(n=rows, prompt="Write one request of a user.")
        >> evolve(candidates=2)
        >> respond()
        >> gate()
    )
    llm = _Behind(os.environ["CRASH_SERVER"])
    return steps.using(models={"default": llm}, seed=11, name="crash-server", embedder=None)


def said(asked: Mapping[str, Any]) -> str:
    """What the server says to a question, which is all that it depends on."""
    draw = _draw(json.dumps([asked.get("messages"), asked.get("seed")]))
    one, other = draw.sample(_THINGS, 2)
    if asked["messages"][0]["role"] == "system":  # respond's
        return f"The {one} and the {other} were there in {draw.randint(1500, 2000)}, as it is told."
    return f"{draw.choice(_ASKS).format(one, other)} in the year {draw.randint(1500, 2000)}."


def _pipeline(llm: LLM, **settings: Any) -> Pipeline:
    _die_as_told(os.environ.get("CRASH_DIE", ""))
    steps = magpie(n=int(os.environ.get("CRASH_ROWS", "40"))) >> evolve() >> respond() >> gate()
    return steps.using(models={"default": llm}, seed=11, **settings)


class _Slow(Scripted):
    def __init__(self) -> None:
        latency = os.environ.get("CRASH_LATENCY", "0")

        def delay(request: Request) -> float:
            return _draw(latency, request.seed).random() * _LONGEST

        width = int(os.environ.get("CRASH_WIDTH", "8"))
        super().__init__(_answer, delay=delay, concurrency=width, parameters=135_000_000)

    async def complete(self, request: Request) -> Completion:
        """Write down that it was asked, then answer."""
        _log(self, request)
        return await super().complete(request)


class _Behind(Server):
    async def complete(self, request: Request) -> Completion:
        """Write down that it was asked, then ask."""
        _log(self, self.prepared(request))
        return await super().complete(request)


class _Logged(LlamaCpp):
    async def complete(self, request: Request) -> Completion:
        """Write down that it was asked, then answer."""
        _log(self, request)
        return await super().complete(request)


def _answer(request: Request) -> str:
    """Something that depends on the request alone, and that a gate can take for a request."""
    draw = _draw(request.seed, request.prompt)
    if request.choices:
        return draw.choice(request.choices)
    if request.max_tokens > 200:
        words = " ".join(draw.choice(_THINGS) for _ in range(draw.randint(8, 60)))
        return f"It is told of the {words} that they were all there on the first day."
    one, other = draw.sample(_THINGS, 2)
    return f"{draw.choice(_ASKS).format(one, other)} in the year {draw.randint(1500, 2000)}."


def _draw(*parts: object) -> random.Random:
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - the same each time


def _log(llm: LLM, request: Request) -> None:
    """A line in one write, so that processes and kills cannot tear it."""
    place = os.environ.get("CRASH_LOG")
    if place is None:
        return
    line = f"{os.getpid()} {request.key(hash_of((llm.name, llm.provenance)).hex()).hex()}\n"
    file = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def _die_as_told(where: str) -> None:
    """``sync:2``: die when the second file is written but not whole; ``name:2``: after the second
    got its name."""
    what, _, number = where.partition(":")
    left = int(number or 0)

    def now() -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    if what == "sync":
        sync = os.fsync

        def dying_sync(file: Any) -> None:
            now()
            sync(file)

        os.fsync = dying_sync  # type: ignore[assignment]
    elif what == "name":
        replace = Path.replace

        def dying_replace(path: Path, target: Any) -> Path:
            done = replace(path, target)
            now()
            return done

        Path.replace = dying_replace  # type: ignore[method-assign, assignment]
