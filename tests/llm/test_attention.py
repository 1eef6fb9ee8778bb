"""How attention is computed: as is faster here, measured once and remembered, or as one says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from evolsynth.llm.base import Prompt, Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp import machine as module
from evolsynth.llm.llamacpp.machine import flash_is_faster

MEASURE = module._attention  # in tests it is asked once
PROMPT = Prompt.of(" up the hill", shared="The river runs down, and the road runs up. " * 30)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path)
    return tmp_path / "attention.json"


@pytest.mark.parametrize(
    ("flash", "plain", "faster"),
    [(100.0, 40.0, False), (100.0, 79.0, False), (100.0, 81.0, True), (40.0, 60.0, True)],
)
def test_the_other_way_is_taken_where_it_is_clearly_faster(
    flash: float,
    plain: float,
    faster: bool,
    smollm: LlamaCpp,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It decides on last bits: what is about as fast here must not change them by chance."""
    looks: list[float] = []

    def measured(_: object) -> object:
        looks.append(flash)
        return module._Attention(flash, plain)

    monkeypatch.setattr(module, "_attention", measured)
    model = smollm._running()
    assert [flash_is_faster(model, identity="a") for _ in range(3)] == [faster] * 3
    assert len(looks) == 1
    flash_is_faster(model, identity="other weights")
    assert len(looks) == 2


def test_it_is_measured_on_the_real_model(
    smollm: LlamaCpp, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_attention", MEASURE)
    flash_is_faster(smollm._running(), identity="a")
    (found,) = json.loads(cache.read_text()).values()
    assert found["flash"] > 0
    assert found["plain"] > 0


def test_nothing_is_measured_for_a_large_model(
    smollm: LlamaCpp, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGE", 1000)
    assert flash_is_faster(smollm._running(), identity="a")
    assert not cache.exists()


def test_a_damaged_file_is_made_anew_and_one_that_cannot_be_written_stops_nothing(
    smollm: LlamaCpp, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_attention", lambda _: module._Attention(2.0, 1.0))
    cache.write_text("{")
    assert not flash_is_faster(smollm._running(), identity="a")
    assert len(json.loads(cache.read_text())) == 1
    cache.unlink()
    cache.mkdir()
    assert not flash_is_faster(smollm._running(), identity="a")


@pytest.mark.parametrize("flash", [True, False])
async def test_either_way_gives_the_same_bits_in_any_slot(flash: bool) -> None:
    """Behind more than 256 tokens, alone and beside others."""
    requests = [Request(prompt=PROMPT, seed=n, max_tokens=6, logprobs=True) for n in range(5)]
    found = []
    for slots, contexts in ((1, 1), (5, 1), (2, 2)):
        async with LlamaCpp(
            slots=slots, contexts=contexts, threads=1, context=512, flash_attention=flash
        ) as llm:
            assert llm.provenance["attention"] == ("flash" if flash else "plain")
            done = await asyncio.gather(*(llm.complete(request) for request in requests))
            found.append([[t.logprob.hex() for t in one.logprobs] for one in done])
    assert found[0] == found[1] == found[2]


def test_two_ways_are_two_engines() -> None:
    assert LlamaCpp(flash_attention=True).alike() != LlamaCpp(flash_attention=False).alike()
    assert LlamaCpp(flash_attention=False).alike() == LlamaCpp(flash_attention=False).alike()
