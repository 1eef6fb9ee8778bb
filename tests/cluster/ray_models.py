"""Models for tests of workers: made where they run, so each is a function of this module."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from evolsynth.errors import RequestError, SetupError
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted

__all__ = [
    "broken",
    "echo",
    "gone",
    "mixed",
    "other_bits",
    "poisoned",
    "slow_once",
    "slower",
    "slower_until",
]


def said(request: Request) -> str:
    """An answer that depends on what is asked and on the seed."""
    return f"It has {len(str(request.raw))} letters and the number {request.seed % 1000}."


def echo() -> Scripted:
    """Answers after a moment."""
    return Scripted(said, delay=0.02, concurrency=8, remember=False, name="echo")


def slower() -> Scripted:
    """Answers after a longer moment."""
    return Scripted(said, delay=0.2, concurrency=8, remember=False, name="echo")


def slower_until(mark: str) -> Scripted:
    """Answers after a long moment until the mark is there, and then after a moment."""

    def delay(_: Request) -> float:
        return 0.02 if Path(mark).exists() else 0.5

    return Scripted(said, delay=delay, concurrency=8, remember=False, name="echo")


def poisoned() -> Scripted:
    """One that is asked about poison ends its process."""

    def answer(request: Request) -> str:
        if "poison" in str(request.raw):
            os.kill(os.getpid(), signal.SIGKILL)
        return said(request)

    return Scripted(answer, delay=0.02, concurrency=8, remember=False, name="echo")


def slow_once(mark: str) -> Scripted:
    """The first worker that is asked about the slow thing takes very long for it."""

    def delay(request: Request) -> float:
        if "slow" in str(request.raw):
            try:
                Path(mark).open("x").close()
            except FileExistsError:
                return 0.02
            return 300.0
        return 0.02

    return Scripted(said, delay=delay, concurrency=8, remember=False, name="echo")


def gone(mark: str, of: int = 1) -> Scripted:
    """What it asks goes away, in the first processes that it has answered a while in."""
    seen = [0]

    def answer(request: Request) -> str | Exception:
        seen[0] += 1
        marks = [Path(f"{mark}{number}") for number in range(of)]
        mine = [one for one in marks if one.exists() and one.read_text() == str(os.getpid())]
        for one in marks if seen[0] > 20 and not mine else ():
            try:
                with one.open("x") as file:
                    file.write(str(os.getpid()))
            except FileExistsError:
                continue
            mine = [one]
            break
        return SetupError("The server is gone.") if mine else said(request)

    return Scripted(answer, delay=0.02, concurrency=8, remember=False, name="echo")


def mixed() -> Scripted:
    """Answers, refuses, breaks."""

    def answer(request: Request) -> str | Exception:
        text = str(request.raw)
        if "refused" in text:
            return RequestError("This can never be answered.")
        if "foreign" in text:
            return KeyError("nobody's")
        if "half" in text:
            return "half a pair: \ud83d"
        return said(request)

    return Scripted(answer, concurrency=8, remember=False, name="echo")


def other_bits() -> Scripted:
    """Each process computes something else."""
    return Scripted(lambda _: f"{os.getpid()} {time.time()}", remember=False, name="echo")


def broken() -> Scripted:
    """Cannot be made."""
    raise RequestError("There is no such model here.")
