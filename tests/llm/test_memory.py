"""Memory: what contexts take, and the sentence before too much is asked for."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from evolsynth.errors import SetupError
from evolsynth.llm.base import Prompt, Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.context import check_memory, context_bytes, most_contexts
from evolsynth.llm.llamacpp.machine import Arrangement

MIB = 2**20


#: In a process of its own: in this one, a context may be made in memory that others gave back.
GROWTH = """
import sys
from pathlib import Path
from evolsynth.llm.llamacpp.context import Context
from evolsynth.llm.llamacpp.context import context_bytes
from evolsynth.llm.llamacpp.model import Model

def resident():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024

model = Model(Path(sys.argv[1]))
sequences, tokens = map(int, sys.argv[2:])
before = resident()
Context(model, sequences=sequences, tokens=tokens, threads=1).warm_up()
print(resident() - before, context_bytes(model, sequences=sequences, tokens=tokens))
"""


@pytest.mark.parametrize(
    ("sequences", "tokens"),
    [
        (1, 512),
        (32, 1024),
        pytest.param(16, 512, marks=pytest.mark.slow),
        pytest.param(32, 100, marks=pytest.mark.slow),
    ],
)
def test_a_real_context_takes_about_what_is_reckoned(
    sequences: int, tokens: int, smollm: LlamaCpp
) -> None:
    path = str(smollm._running().path)
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, path, str(sequences), str(tokens)],
        capture_output=True,
        text=True,
        check=True,
    )
    grown, reckoned = map(int, done.stdout.split())
    assert grown - 8 * MIB <= reckoned <= 1.25 * grown + 48 * MIB


#: What `doctor` says that a model takes, and what a process grows by that starts it.
STARTED = """
import asyncio, sys
from pathlib import Path
from evolsynth.llm.base import Prompt, Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.ahead import taken

def resident():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024

async def main(slots, context):
    llm = LlamaCpp(slots=slots, context=context, contexts=2, threads=1)
    before = resident()
    async with llm:
        long = Prompt.of("The sky is over the hill. " * 60)  # what attention takes is touched then
        await asyncio.gather(
            *(llm.complete(Request(prompt=long, seed=n, max_tokens=2)) for n in range(4))
        )
        print(resident() - before, sum(taken(llm._wish, slots=slots, contexts=2)))

asyncio.run(main(*map(int, sys.argv[1:])))
"""


def test_a_started_model_takes_what_is_said_within_a_tenth() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTED, "8", "512"],
        capture_output=True,
        text=True,
        check=True,
    )
    took, said = map(int, done.stdout.split())
    assert 0.9 * took <= said <= 1.1 * took


def test_what_fits_is_let_through_and_what_does_not_is_one_sentence(smollm: LlamaCpp) -> None:
    model = smollm._running()
    one = context_bytes(model, sequences=16, tokens=1024)
    enough = int(2.2 * one)
    assert most_contexts(model, sequences=16, tokens=1024, available=enough) == 2
    check_memory(model, sequences=16, tokens=1024, contexts=2, available=enough)
    with pytest.raises(SetupError, match=r"3 contexts of 16 slots .* Use contexts=2"):
        check_memory(model, sequences=16, tokens=1024, contexts=3, available=enough)


def test_where_not_one_context_fits_fewer_slots_are_named(smollm: LlamaCpp) -> None:
    model = smollm._running()
    half = int(0.6 * context_bytes(model, sequences=16, tokens=8192))
    with pytest.raises(SetupError, match="contexts=1 and slots=8"):
        check_memory(model, sequences=16, tokens=8192, contexts=1, available=half)
    eighth = int(1.1 * context_bytes(model, sequences=1, tokens=1024) / 0.95)
    with pytest.raises(SetupError, match="contexts=1, slots=1 and context=1024"):
        check_memory(model, sequences=16, tokens=8192, contexts=1, available=eighth)
    with pytest.raises(SetupError, match="a smaller model"):
        check_memory(model, sequences=16, tokens=8192, contexts=1, available=MIB)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2, 0.06])
def test_what_is_advised_fits(share: float, smollm: LlamaCpp) -> None:
    model = smollm._running()
    free = int(share * context_bytes(model, sequences=32, tokens=8192))
    with pytest.raises(SetupError) as refused:
        check_memory(model, sequences=32, tokens=8192, contexts=1, available=free)
    advice = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", str(refused.value))}
    check_memory(
        model,
        sequences=advice["slots"],
        tokens=advice.get("context", 8192),
        contexts=advice["contexts"],
        available=free,
    )


async def test_an_engine_that_would_not_fit_makes_no_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def made(*_: object, **__: object) -> None:
        raise AssertionError("a context was made")

    monkeypatch.setattr("evolsynth.llm.llamacpp.engine.Context", made)
    llm = LlamaCpp(slots=64, context=8192, contexts=1024, threads=1)
    with pytest.raises(SetupError, match="MiB of memory"):
        await llm.start()


async def test_measuring_tries_no_more_contexts_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def remember(*_: object, most_contexts: int, **__: object) -> object:
        asked.append(most_contexts)
        return Arrangement(1, 1)

    monkeypatch.setattr("evolsynth.llm.llamacpp.engine.arrangement", remember)
    monkeypatch.setattr("evolsynth.llm.llamacpp.engine.available_memory", lambda: 600 * MIB)
    async with LlamaCpp(slots=16, context=512):
        assert asked == [2]


async def test_with_little_memory_there_are_fewer_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVOLSYNTH_THREADS", "1")
    monkeypatch.setattr("evolsynth.llm.llamacpp.engine.available_memory", lambda: 150 * MIB)
    async with LlamaCpp(context=256) as llm:
        assert llm.concurrency == 2 * 16
        request = Request(prompt=Prompt.of("The sky is"), seed=1, max_tokens=3)
        assert (await llm.complete(request)).tokens == 3
