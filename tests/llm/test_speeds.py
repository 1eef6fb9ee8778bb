"""Which model a machine has room for, and how fast models were here."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolsynth.errors import EngineError, InputError, ModelNotFound, SetupError
from evolsynth.llm.llamacpp import speeds
from evolsynth.llm.llamacpp.files import OPEN
from evolsynth.llm.scripted import Scripted

GIB = 2**30


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize(
    ("memory", "threads", "name"),
    [
        (64 * GIB, 16, "Phi-4-mini-instruct"),
        (64 * GIB, 2, "SmolLM2-1.7B-Instruct"),  # more would be too slow on two threads
        (4 * GIB, 8, "Qwen2.5-1.5B-Instruct"),  # the 1.7B's cache is larger than its file
        (2 * GIB, 8, "Qwen2.5-0.5B-Instruct"),
    ],
)
def test_the_largest_that_has_room_and_threads_is_recommended(
    memory: int, threads: int, name: str
) -> None:
    found = speeds.recommended(memory, threads)
    assert found is not None
    assert found[0] == name


def test_what_is_recommended_can_be_used_by_anybody_and_fits() -> None:
    for gib in range(1, 33):
        for threads in (1, 2, 4, 8):
            found = speeds.recommended(gib * GIB, threads)
            if found is not None:
                entry = found[1]
                assert entry.licence in OPEN
                assert entry.memory < gib * GIB
                assert not entry.thinks


def test_the_line_says_what_it_brings_and_how_to_have_it() -> None:
    line = speeds.recommendation(64 * GIB, 2)
    assert "SmolLM2-1.7B-Instruct (13 times the parameters of the default" in line
    assert "of the 64.0 GiB that are free" in line
    assert "evolsynth models pull SmolLM2-1.7B-Instruct" in line
    assert "--answerer SmolLM2-1.7B-Instruct" in line


def test_one_that_is_here_is_not_to_be_got(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speeds, "place_of", lambda _: Path("here.gguf"))
    assert "it is here" in speeds.recommendation(64 * GIB, 2)
    assert "pull" not in speeds.recommendation(64 * GIB, 2)


@pytest.mark.parametrize("memory", [GIB // 2, GIB])
def test_where_none_fits_a_server_is_named(memory: int) -> None:
    assert "behind a server" in speeds.recommendation(memory, 4)


def test_a_speed_that_was_measured_is_kept_and_told() -> None:
    name = "SmolLM2-1.7B-Instruct"
    assert speeds.measured(name) is None
    speeds._keep(speeds._key(name), 41.5)
    assert speeds.measured(name) == 41.5
    assert speeds.measured("Qwen3-4B") is None
    assert "42 tokens/s here" in speeds.recommendation(64 * GIB, 2)


def test_speeds_of_another_machine_or_number_of_threads_do_not_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    speeds._keep(speeds._key("Qwen3-4B"), 9.0)
    monkeypatch.setattr(speeds, "available_threads", lambda: 99)
    assert speeds.measured("Qwen3-4B") is None


def test_a_file_of_speeds_that_somebody_broke_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "speeds.json").write_text("{")
    assert speeds.measured("Qwen3-4B") is None
    speeds._keep(speeds._key("Qwen3-4B"), 9.0)
    assert speeds.measured("Qwen3-4B") == 9.0


def test_speeds_that_cannot_be_kept_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path / "file" / "x"))
    with pytest.raises((InputError, SetupError), match=r"EVOLSYNTH_CACHE.*9\.0 tokens/s"):
        speeds._keep(speeds._key("Qwen3-4B"), 9.0)


async def test_a_model_that_is_not_here_cannot_be_measured() -> None:
    with pytest.raises(ModelNotFound, match="evolsynth models pull Qwen3-4B"):
        await speeds.measure("Qwen3-4B")


async def test_what_is_measured_is_what_all_slots_write_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Answers come one after the other in a second or less; the first two are not counted."""
    llm = Scripted(lambda _: "word " * 40, delay=lambda request: 0.02 * request.seed)
    llm.at_once = 8
    monkeypatch.setattr("evolsynth.llm.llamacpp.engine.LlamaCpp", lambda _: llm)
    rate = await speeds.measure("Qwen3-4B", seconds=0.1)
    assert 40 / 0.2 < rate < 7 * 40 / 0.05
    assert speeds.measured("Qwen3-4B") == pytest.approx(rate, abs=0.1)
    assert len({request.seed for request in llm.requests}) == 8


async def test_a_model_that_writes_nothing_has_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = Scripted(lambda _: EngineError("it is broken"))
    monkeypatch.setattr("evolsynth.llm.llamacpp.engine.LlamaCpp", lambda _: llm)
    with pytest.raises(SetupError, match="wrote nothing"):
        await speeds.measure("Qwen3-4B", seconds=0.1)
    assert speeds.measured("Qwen3-4B") is None
