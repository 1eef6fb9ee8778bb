"""How fast models were here, measured once and kept; and which one this machine has room for."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evolsynth import atomic
from evolsynth.doing import doing
from evolsynth.errors import ModelNotFound, SetupError
from evolsynth.llm.base import LLM, Completion, Request
from evolsynth.llm.llamacpp.files import CATALOGUE, OPEN, CatalogueEntry, find_model
from evolsynth.llm.llamacpp.machine import UNKNOWN, available_memory, available_threads
from evolsynth.rows import Message

__all__ = ["measure", "measured", "place_of", "recommendation", "recommended"]

_SECONDS = 10.0
_TRIES = 6  # on a machine so busy that nothing was written in that time
_WORDS = 192  # tokens of each answer, so that none ends while it is measured
#: Parameters for each thread beyond which an answerer would hold up everything else.
_LOAD = 1.0e9
_COMFORT = 0.7  # of the memory that is free


def place_of(name: str) -> Path | None:
    """Where the model's file is on this machine; None if it is not."""
    try:
        return find_model(name)[0]
    except ModelNotFound:
        return None


def measured(name: str) -> float | None:
    """Tokens a second that the model of the catalogue wrote here, if it was measured."""
    return _kept().get(_key(name))


async def measure(name: str, *, seconds: float = _SECONDS) -> float:
    """Tokens a second that the model writes here, with all of its slots at work; kept.

    Args:
        name: of the catalogue, or any other model in process.
        seconds: how long it is measured, beside the time that it takes to load.

    Raises:
        ModelNotFound, InputError, SetupError: as `LlamaCpp.start`.
    """
    from evolsynth.llm.llamacpp.engine import LlamaCpp

    async with LlamaCpp(name) as llm:
        asked = [asyncio.create_task(llm.complete(_request(n))) for n in range(llm.at_once or 1)]
        try:
            with doing(f"measuring {llm.name}"):
                await _begun(llm, asked)
                begin, before = time.perf_counter(), llm.usage.completion_tokens
                for _ in range(_TRIES):
                    await asyncio.wait(asked, timeout=seconds)
                    if llm.usage.completion_tokens > before:
                        break
                took = time.perf_counter() - begin
                rate = (llm.usage.completion_tokens - before) / took
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
    if not rate > 0:
        raise SetupError(f"{name} wrote nothing in {seconds:g} s, so its speed is not known.")
    _keep(_key(name), round(rate, 1))
    return rate


async def _begun(llm: LLM, asked: Sequence[asyncio.Task[Completion]]) -> None:
    """Wait until prompts are read and as many tokens written as there are answers."""
    while llm.usage.completion_tokens < len(asked) and not all(task.done() for task in asked):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.02)


def _request(number: int) -> Request:
    """One of the answers; all have one prompt, which is read once."""
    return Request(
        messages=(Message("user", "Tell me a long story about a river."),),
        seed=number,
        max_tokens=_WORDS,
        min_tokens=_WORDS,
    )


def recommended(
    memory: int | None = None, threads: int | None = None
) -> tuple[str, CatalogueEntry] | None:
    """The largest model of the catalogue that this machine has room and threads for: one whose
    licence lets anybody use what it writes, and that answers without thinking first.

    Args:
        memory: bytes that are free; by default what is.
        threads: by default those of this machine.
    """
    room = (available_memory() if memory is None else memory) * _COMFORT
    most = (available_threads() if threads is None else threads) * _LOAD
    fitting = [
        (entry.parameters, name)
        for name, entry in CATALOGUE.items()
        if entry.licence in OPEN
        and not entry.thinks
        and entry.memory <= room
        and entry.parameters <= most
    ]
    name = max(fitting)[1] if fitting else None
    return None if name is None else (name, CATALOGUE[name])


def recommendation(memory: int | None = None, threads: int | None = None) -> str:
    """A line on which model would answer best here, and how to have it answer.

    Args:
        memory, threads: as of `recommended`.
    """
    free = available_memory() if memory is None else memory
    found = recommended(free, threads)
    if found is None or found[1].package:
        return "none larger than the default fits comfortably; take one behind a server"
    name, entry = found
    speed, small = measured(name), next(iter(CATALOGUE.values()))
    brings = f"{entry.parameters / small.parameters:.0f} times the parameters of the default"
    pace = "" if speed is None else f", {speed:.0f} tokens/s here"
    room = "of memory" if free == UNKNOWN else f"of the {free / 2**30:.1f} GiB that are free"
    get = "it is here" if place_of(name) is not None else f"get it: {entry.get}"
    return (
        f"{name} ({brings}, {entry.memory / 2**30:.1f} GiB {room}{pace}); {get}; "
        f"then --answerer {name}"
    )


# What is kept ------------------------------------------------------------------------------------


def _key(name: str) -> str:
    """A measurement holds for this machine, its threads and that file."""
    entry = CATALOGUE.get(name)
    return f"{platform.node()} {available_threads()} {entry.sha256[:16] if entry else name}"


def _kept() -> Mapping[str, float]:
    try:
        return msgspec.json.decode(_file().read_bytes(), type=dict[str, float])
    except (OSError, msgspec.DecodeError):  # none yet, or somebody wrote into it
        return {}


def _keep(key: str, rate: float) -> None:
    advice = f"Set EVOLSYNTH_CACHE to a folder that can be; {rate} tokens/s were measured."
    try:
        with atomic.locked(_file()):
            told = msgspec.json.format(msgspec.json.encode({**_kept(), key: rate}))
            atomic.write(_file(), [told], advice=advice)
    except OSError as error:
        raise SetupError(f"{_file()}: cannot be written ({error.strerror}). {advice}") from None


def _file() -> Path:
    return atomic.cache_folder() / "speeds.json"
