"""One process at a time in a folder: who has it is told, and the dead do not keep it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evolsynth.errors import InputError, RunLocked, StoreError
from evolsynth.store.lock import Owner, RunLock, held, owner

HOLDS = """
import sys, time
from pathlib import Path
from evolsynth.store.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_with_the_owners_pid_and_start(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        with pytest.raises(RunLocked) as told:
            RunLock(tmp_path).acquire()
        assert str(told.value).startswith(f"{tmp_path} is in use by process {process.pid}, started")
        assert str(told.value).endswith("Wait for it, or choose another folder with -o.")
        assert isinstance(told.value, InputError)
        assert held(tmp_path)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_is_free(tmp_path: Path, end: signal.Signals) -> None:
    process = holder(tmp_path)
    process.send_signal(end)
    process.wait()
    assert not held(tmp_path)
    last = owner(tmp_path)
    assert last is not None
    assert last.pid == process.pid
    lock = RunLock(tmp_path)
    assert lock.acquire().pid != process.pid
    lock.release()


def test_it_is_free_after_its_release(tmp_path: Path) -> None:
    first, second = RunLock(tmp_path), RunLock(tmp_path)
    assert not held(tmp_path)
    first.acquire()
    assert held(tmp_path)
    with pytest.raises(RunLocked):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()
    assert not held(tmp_path)


def test_somebody_who_looks_does_not_stop_a_run_from_beginning(tmp_path: Path) -> None:
    looking = RunLock(tmp_path)
    looking._lock.acquire()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        looking.release()  # long before the other gives up
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
    finally:
        process.kill()
        process.wait()


def test_who_it_is_may_be_unreadable_and_is_then_left_out(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    lock.acquire()
    (tmp_path / "owner.json").write_text("{")
    with pytest.raises(RunLocked, match="is in use by another process"):
        RunLock(tmp_path).acquire()
    lock.release()


def test_an_owner_on_another_machine_is_named_with_it() -> None:
    assert " on elsewhere, started " in str(Owner(12, "elsewhere", 0.0))
    assert " on " not in str(Owner.me())


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        RunLock(tmp_path / "file").acquire()
