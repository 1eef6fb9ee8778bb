"""What may be used of a machine: its processors and memory, less where a container is limited."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evolsynth.errors import InputError
from evolsynth.llm.llamacpp.machine import (
    UNKNOWN,
    available_memory,
    available_threads,
    processors,
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


def quota(folder: Path, content: str, file: str = "cgroup/cpu.max") -> dict[str, Path]:
    """Files as Linux has them, with one that limits the processors."""
    place = folder / file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
    return {"proc": folder / "proc", "groups": folder / "cgroup"}


@pytest.fixture
def _eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.usefixtures("_eight_processors")
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),  # rounded up
        ("50000 100000\n", 1),
        ("9000000 100000\n", 8),
        ("nonsense", 8),
        ("", 8),
    ],
)
def test_a_containers_quota_bounds_the_processors(
    written: str, expected: int, tmp_path: Path
) -> None:
    assert processors(tmp_path / "no", tmp_path / "none") == 8
    assert processors(**quota(tmp_path, written)) == expected


@pytest.mark.usefixtures("_eight_processors")
def test_the_least_quota_of_the_groups_around_it_counts(tmp_path: Path) -> None:
    quota(tmp_path, "0::/a/b\n", "proc/self/cgroup")
    quota(tmp_path, "300000 100000\n", "cgroup/a/cpu.max")
    assert processors(**quota(tmp_path, "500000 100000\n", "cgroup/a/b/cpu.max")) == 3


@pytest.mark.usefixtures("_eight_processors")
@pytest.mark.parametrize(("written", "expected"), [("400000\n", 4), ("-1\n", 8)])
def test_a_quota_of_the_first_version_counts_alike(
    written: str, expected: int, tmp_path: Path
) -> None:
    quota(tmp_path, "4:cpu,cpuacct:/a\n", "proc/self/cgroup")
    quota(tmp_path, "100000\n", "cgroup/cpu/a/cpu.cfs_period_us")
    assert processors(**quota(tmp_path, written, "cgroup/cpu/a/cpu.cfs_quota_us")) == expected


def test_the_variable_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLSYNTH_THREADS", " 12 ")
    assert available_threads() == 12
    monkeypatch.setenv("EVOLSYNTH_THREADS", "")
    assert available_threads() == processors()
    for wrong in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("EVOLSYNTH_THREADS", wrong)
        with pytest.raises(InputError, match="EVOLSYNTH_THREADS is"):
            available_threads()
