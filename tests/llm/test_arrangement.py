"""How the processors are spread: measured once on the real model, remembered, overridden."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evolsynth.errors import EngineError
from evolsynth.llm.llamacpp import LlamaCpp, available_threads
from evolsynth.llm.llamacpp import machine as module
from evolsynth.llm.llamacpp.context import Context
from evolsynth.llm.llamacpp.machine import (
    Arrangement,
    Reading,
    arrangement,
    candidates,
    choose,
    fingerprint,
    measure,
    remembered,
)
from evolsynth.llm.llamacpp.model import Model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path)
    return tmp_path / "arrangements.json"


@pytest.fixture
def no_measuring(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stands in for the measurement: two contexts win. Holds an entry for each call."""
    calls: list[int] = []

    def pretend(*_: object, slots: int) -> dict[Arrangement, Reading]:
        calls.append(slots)
        return {Arrangement(2, 1): Reading(500.0, 0.99), Arrangement(1, 2): Reading(400.0, 0.99)}

    monkeypatch.setattr(module, "measure", pretend)
    return calls


@pytest.mark.parametrize(
    ("processors", "expected"),
    [
        (1, [(1, 1)]),
        (2, [(2, 1), (1, 2)]),
        (6, [(6, 1), (3, 2), (1, 4), (1, 6)]),
        (8, [(8, 1), (4, 2), (2, 4), (1, 8)]),
    ],
)
def test_arrangements_use_all_processors(processors: int, expected: list[tuple[int, int]]) -> None:
    found = [(a.contexts, a.threads) for a in candidates(processors)]
    assert found == expected


def test_no_more_contexts_are_tried_than_there_is_memory_for() -> None:
    assert [a.contexts for a in candidates(8, most_contexts=2)] == [2, 1]
    assert candidates(8, most_contexts=0) == (Arrangement(1, 8),)


def test_the_fastest_wins_and_more_contexts_where_it_is_as_good_as_a_tie() -> None:
    many, few = Arrangement(4, 1), Arrangement(1, 4)
    assert choose({many: Reading(300, 1), few: Reading(400, 1)}) == few
    assert choose({many: Reading(395, 1), few: Reading(400, 1)}) == many


def test_the_real_model_is_measured_in_each_arrangement(
    smollm: LlamaCpp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 60.0)  # the tests' machine may be busy
    model = smollm._running()
    found = measure(model, (Arrangement(2, 1), Arrangement(1, 2)), slots=2)
    assert set(found) == {Arrangement(2, 1), Arrangement(1, 2)}
    assert all(reading.rate > 1 and 0 < reading.share < 1.5 for reading in found.values())


@pytest.mark.parametrize(("shares", "looks"), [([1.0] * 9, 2), ([0.5, 0.5, 1.0, 1.0], 3)])
def test_a_disturbed_reading_is_taken_again(
    shares: list[float], looks: int, smollm: LlamaCpp, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter(shares)
    taken: list[float] = []

    def read(*_: object) -> Reading:
        taken.append(next(left))
        return Reading(100 * taken[-1], taken[-1])

    monkeypatch.setattr(module, "_read", read)
    measure(smollm._running(), (Arrangement(2, 1),), slots=2)
    assert len(taken) == looks


def test_what_was_measured_on_a_busy_machine_is_kept_and_measured_once_more_when_it_is_quiet(
    smollm: LlamaCpp, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every start on a machine that is never quiet would measure anew."""
    model, load, taken = smollm._running(), [9.0], list[int]()
    found = {Arrangement(2, 1): Reading(100.0, 0.6), Arrangement(1, 2): Reading(200.0, 0.95)}

    def pretend(*_: object, slots: int) -> dict[Arrangement, Reading]:
        taken.append(slots)
        return found

    monkeypatch.setattr(module, "measure", pretend)
    monkeypatch.setattr("os.getloadavg", lambda: (load[0], 0.0, 0.0))
    for _ in range(3):
        assert _choice(model) == Arrangement(1, 2)
    assert len(taken) == 1
    load[0] = 0.0
    found[Arrangement(2, 1)] = Reading(400.0, 0.99)
    assert _choice(model) == _choice(model) == Arrangement(2, 1)
    assert len(taken) == 2
    (kept,) = json.loads(cache.read_text()).values()
    assert kept["disturbed"] == 0


def test_a_machine_that_is_never_undisturbed_is_not_measured_for_ever(
    smollm: LlamaCpp, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def pretend(*_: object, slots: int) -> dict[Arrangement, Reading]:
        taken.append(slots)
        return {Arrangement(2, 1): Reading(9.0, 0.2), Arrangement(1, 2): Reading(5.0, 0.9)}

    monkeypatch.setattr(module, "measure", pretend)
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    for _ in range(5):
        _choice(smollm._running())
    assert len(taken) == 2


def test_measuring_ends_in_time_on_a_machine_that_is_slow(
    smollm: LlamaCpp, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def read(_model: object, choice: Arrangement, _slots: int, until: float) -> Reading:
        now[0] = until + 0.5  # the step that was under way
        return Reading(choice.contexts, 0.5)

    monkeypatch.setattr(module, "_read", read)
    found = measure(smollm._running(), candidates(8), slots=2)
    assert now[0] <= 105.5
    assert choose(found) == Arrangement(8, 1)


def test_what_is_under_way_when_the_time_is_over_is_given_up(smollm: LlamaCpp) -> None:
    """Else one step of two threads may take half a minute on a machine that is busy."""
    model, choices = smollm._running(), (Arrangement(2, 1), Arrangement(1, 2))
    context = Context(model, sequences=2, tokens=64, threads=1)
    context.give_up_at(0.0)
    with pytest.raises(EngineError, match="could not decode"):
        context.warm_up()
    context.close()
    readings = {one: module._read(model, one, 2, 0.0) for one in choices}
    assert [reading.rate for reading in readings.values()] == [0.0, 0.0]
    assert all(reading.share < module._QUIET for reading in readings.values())  # measured again
    assert choose(readings) == Arrangement(2, 1)


def _choice(model: Model, **changed: int) -> Arrangement:
    settings = {"slots": 4, "processors": 2, **changed}
    return arrangement(model, identity="weights", **settings)


def test_what_was_measured_is_remembered(
    smollm: LlamaCpp, cache: Path, no_measuring: list[int]
) -> None:
    model = smollm._running()
    assert _choice(model) == _choice(model) == Arrangement(2, 1)
    assert no_measuring == [4]
    kept = json.loads(cache.read_text())[fingerprint("weights", slots=4, processors=2)]
    rates = {"2 x 1": 500, "1 x 2": 400}
    assert kept == {"chosen": {"contexts": 2, "threads": 1}, "rates": rates, "disturbed": 0}


def test_other_slots_are_measured_anew_and_the_first_stays_known(
    smollm: LlamaCpp, cache: Path, no_measuring: list[int]
) -> None:
    _choice(smollm._running())
    _choice(smollm._running(), slots=8)
    assert no_measuring == [4, 8]
    assert len(json.loads(cache.read_text())) == 2


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": {"chosen": 1}}', b"\xff\x00"])
def test_a_damaged_cache_is_made_anew(
    content: bytes, smollm: LlamaCpp, cache: Path, no_measuring: list[int]
) -> None:
    cache.write_bytes(content)
    assert _choice(smollm._running()) == Arrangement(2, 1)
    assert remembered(fingerprint("weights", slots=4, processors=2)) == Arrangement(2, 1)


def test_without_a_place_to_remember_it_still_starts(
    smollm: LlamaCpp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_measuring: list[int]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "file" / "cache")
    assert _choice(smollm._running()) == Arrangement(2, 1)


def test_one_processor_leaves_nothing_to_measure(
    smollm: LlamaCpp, cache: Path, no_measuring: list[int]
) -> None:
    assert _choice(smollm._running(), processors=1) == Arrangement(1, 1)
    assert no_measuring == []
    assert not cache.exists()


async def test_an_engine_is_arranged_by_what_was_measured(
    cache: Path, no_measuring: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOLSYNTH_THREADS", "2")
    monkeypatch.setattr(module, "choose", lambda _: Arrangement(1, 2))
    async with LlamaCpp(slots=2, context=64) as llm:
        assert (llm.contexts, llm.threads, llm.concurrency) == (1, 2, 4)
    assert no_measuring == [2]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"contexts": 2}, (2, 3)),
        ({"threads": 2}, (3, 2)),
        ({"contexts": 1, "threads": 1}, (1, 1)),
        ({"contexts": 8}, (8, 1)),
    ],
)
def test_what_is_given_is_not_measured(
    given: dict[str, int], expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOLSYNTH_THREADS", "6")
    llm = LlamaCpp(**given)  # type: ignore[arg-type]
    assert (llm.contexts, llm.threads) == expected
    assert llm.concurrency == 64 * expected[0]


def test_processors_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLSYNTH_THREADS", "3")
    assert available_threads() == 3
