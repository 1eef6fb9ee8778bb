"""What this process may use of the machine: processors and memory, a container's limits included.

Control groups (version 1 or 2) limit both, each for itself and for the groups in it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from evolsynth.errors import InputError

__all__ = ["UNKNOWN", "available_memory", "available_threads", "processors"]

UNKNOWN = 2**63  #: bytes available where nothing says how many: enough for anything
_PROC, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def available_threads() -> int:
    """Threads to compute on: ``$EVOLSYNTH_THREADS``, else the `processors`.

    Raises:
        InputError: the variable is no positive whole number.
    """
    given = os.environ.get("EVOLSYNTH_THREADS", "").strip()
    if not given:
        return processors()
    if not given.isdecimal() or int(given) == 0:
        raise InputError(f"EVOLSYNTH_THREADS is '{given}'. Set it to a whole number from 1.")
    return int(given)


def processors(proc: Path = _PROC, groups: Path = _GROUPS) -> int:
    """Processors that the scheduler lets this process run on, and no more than a container's
    quota pays for, rounded up."""
    if sys.platform == "linux":
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return min([allowed, *_quotas(proc, groups)])


def _quotas(proc: Path, groups: Path) -> Iterator[int]:
    for folder in _own_groups(proc, groups, "cpu"):
        first = (*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us"))
        for found in (_words(folder / "cpu.max"), first):
            if len(found) == 2 and all(map(str.isdecimal, found)):  # not "max", not -1
                quota, period = map(int, found)
                yield max(1, -(-quota // max(1, period)))


def available_memory(proc: Path = _PROC, groups: Path = _GROUPS) -> int:
    """Bytes that this process can still take: what the machine and each control group it is in
    have left; `UNKNOWN` where neither says so."""
    machine = dict(_pairs(proc / "meminfo")).get("MemAvailable:", UNKNOWN // 1024) * 1024
    return min([machine, *_left(proc, groups)])


def _left(proc: Path, groups: Path) -> Iterator[int]:
    """What each group has left; caches can be dropped."""
    for folder in _own_groups(proc, groups, "memory"):
        for limit, used, caches in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            numbers = [*_words(folder / limit)[:1], *_words(folder / used)[:1]]
            if len(numbers) == 2 and all(map(str.isdecimal, numbers)):  # not "max"
                dropped = dict(_pairs(folder / "memory.stat")).get(caches, 0)
                yield max(0, int(numbers[0]) - int(numbers[1]) + dropped)


def _own_groups(proc: Path, root: Path, controller: str) -> Iterator[Path]:
    """Folders of the groups that this process is in, and of those that hold them."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    # A line is number:controllers:group. Version 2 has one hierarchy, without controllers.
    fields = (line.split(":", 2) for line in lines if line.count(":") >= 2)
    own = {kinds: group for _, kinds, group in fields}
    v1 = next((group for kinds, group in own.items() if controller in kinds.split(",")), "/")
    for top, group in ((root, own.get("", "/")), (root / controller, v1)):
        folder = top / group.strip("/")
        while folder != top:
            yield folder
            folder = folder.parent
        yield top


def _words(file: Path) -> tuple[str, ...]:
    try:
        return tuple(file.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return ()


def _pairs(file: Path) -> Iterator[tuple[str, int]]:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[1].isdecimal():
            yield words[0], int(words[1])
