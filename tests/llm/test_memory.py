"""Memory: what is left, what contexts take, and the sentence before too much is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evolsynth.errors import SetupError
from evolsynth.llm.base import Prompt, Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.arrangement import Arrangement
from evolsynth.llm.llamacpp.context import Context
from evolsynth.llm.llamacpp.memory import (
    UNKNOWN,
    available_memory,
    check_memory,
    context_bytes,
    most_contexts,
)

MIB = 2**20


def machine(folder: Path, *, group: str = "/", **limits: tuple[str, int, int]) -> dict[str, Path]:
    """Files as Linux has them: 8 GiB available; ``limits`` by group: max, current, cached."""
    proc, groups = folder / "proc", folder / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\nHuge: 0\n")
    (proc / "self" / "cgroup").write_text(f"0::{group}\n")
    groups.mkdir()
    for name, (most, current, cached) in limits.items():
        place = groups / name.replace("__", "/") if name != "root" else groups
        place.mkdir(parents=True, exist_ok=True)
        (place / "memory.max").write_text(f"{most}\n")
        (place / "memory.current").write_text(f"{current}\n")
        (place / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\n")
    return {"proc": proc, "groups": groups}


def test_a_machine_without_limits_has_what_is_available(tmp_path: Path) -> None:
    assert available_memory(**machine(tmp_path)) == 8 * 1024 * MIB
    (tmp_path / "other").mkdir()
    unlimited = machine(tmp_path / "other", root=("max", 5, 0))
    assert available_memory(**unlimited) == 8 * 1024 * MIB


def test_a_group_bounds_it_and_its_caches_can_be_dropped(tmp_path: Path) -> None:
    files = machine(tmp_path, group="/a/b", a=("max", 9, 9), a__b=(str(500 * MIB), 200 * MIB, MIB))
    assert available_memory(**files) == 301 * MIB


def test_a_group_above_bounds_it_too(tmp_path: Path) -> None:
    files = machine(
        tmp_path,
        group="/a/b",
        a=(str(100 * MIB), 90 * MIB, 0),
        a__b=(str(500 * MIB), 20 * MIB, 0),
    )
    assert available_memory(**files) == 10 * MIB


def test_a_group_over_its_limit_has_nothing_left(tmp_path: Path) -> None:
    assert available_memory(**machine(tmp_path, root=(str(MIB), 2 * MIB, 0))) == 0


def test_where_nothing_can_be_read_nothing_is_refused(tmp_path: Path) -> None:
    assert available_memory(tmp_path / "no", tmp_path / "none") == UNKNOWN


@pytest.mark.parametrize(("above", "left"), [("max", 31), (str(25 * MIB), 5)])
def test_a_group_of_the_first_version_bounds_it_alike(
    above: str, left: int, tmp_path: Path
) -> None:
    files = machine(tmp_path)
    (tmp_path / "proc" / "self" / "cgroup").write_text(
        "11:cpu,cpuacct:/elsewhere\n4:memory:/a/b\n1:name=systemd:/init.scope\n"
    )
    for group, most in (("a", above), ("a/b", str(50 * MIB))):
        place = tmp_path / "cgroup" / "memory" / group
        place.mkdir(parents=True)
        (place / "memory.limit_in_bytes").write_text(f"{most}\n")
        (place / "memory.usage_in_bytes").write_text(f"{20 * MIB}\n")
        cached = MIB if group == "a/b" else 0
        (place / "memory.stat").write_text(f"inactive_file 1\ntotal_inactive_file {cached}\n")
    assert available_memory(**files) == left * MIB


def test_a_group_that_is_not_to_be_seen_leaves_those_above(tmp_path: Path) -> None:
    """In a container: its own group is the top of what is there, whatever its name outside."""
    files = machine(tmp_path, group="/outside/name", root=(str(9 * MIB), 2 * MIB, 0))
    assert available_memory(**files) == 7 * MIB


@pytest.mark.parametrize("content", ["", "nonsense\n", "0::\n", "0::/../..\n"])
def test_a_strange_list_of_groups_is_no_limit(content: str, tmp_path: Path) -> None:
    files = machine(tmp_path)
    (tmp_path / "proc" / "self" / "cgroup").write_text(content)
    assert available_memory(**files) == 8 * 1024 * MIB


def test_this_machine_has_some() -> None:
    assert 64 * MIB < available_memory() < 2**50


@pytest.mark.parametrize(("sequences", "tokens"), [(1, 512), (16, 512), (32, 1024), (32, 100)])
def test_a_real_context_takes_about_what_is_reckoned(
    sequences: int, tokens: int, smollm: LlamaCpp
) -> None:
    model = smollm._running()
    before = _resident()
    context = Context(model, sequences=sequences, tokens=tokens, threads=1)
    try:
        context.warm_up()
        grown = _resident() - before
    finally:
        context.close()
    reckoned = context_bytes(model, sequences=sequences, tokens=tokens)
    assert grown - 8 * MIB <= reckoned <= 1.25 * grown + 48 * MIB


def _resident() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


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
