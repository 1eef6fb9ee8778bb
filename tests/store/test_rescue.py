"""Rescue: real stores are damaged in real ways, and what can be read comes out, unchanged."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from evolsynth.cli.rescue import rescue as command
from evolsynth.data.files import read_rows
from evolsynth.errors import EngineError, InputError, RunLocked, StoreDamaged
from evolsynth.foreign import failure
from evolsynth.llm.base import Completion, Prompt, Request, encoded
from evolsynth.rows import Row
from evolsynth.store.rescue import Pages, rescue
from evolsynth.store.sqlite_file import connect
from evolsynth.store.store import Store, read_status

N = 1200  # a megabyte and a half
LONG = 7  # every seventh answer is longer than a page


class Files(dict[str, bytes]):
    """Files by name, which are not shown where a test fails."""

    def __repr__(self) -> str:
        return ", ".join(self)


def request(n: int) -> Request:
    return Request(prompt=Prompt.of(f"Name {n} rivers."), seed=n)


NUMBERS = {request(n).key("model").hex(): n for n in range(N)}


def answer(n: int) -> Completion:
    text = f"River number {n}. " * (800 if n % LONG == 0 else 15)
    return Completion(text=text, tokens=n, prompt_tokens=3, finish_reason="stop", seconds=float(n))


def row(n: int) -> Row:
    made = Row.make(f"Name {n} rivers.", response=f"River number {n}. " * 15)
    if n % 5 == 1:
        return made.reject("too_short")
    if n % 5 == 2:
        return made.replace(failure=failure("respond", EngineError("The power went.")))
    return made


def fill(folder: Path) -> None:
    async def run() -> None:
        with Store.open(folder) as store:
            store.set("pipeline", "rivers")

            async def one(n: int) -> None:
                await store.put_completion(
                    request(n).key("model"),
                    encoded(answer(n)),
                    step="respond",
                    tokens=n,
                    prompt_tokens=3,
                    seconds=float(n),
                )
                store.put_row(n, row(n), step=None)

            for start in range(0, N, 100):
                await asyncio.gather(*(one(n) for n in range(start, start + 100)))

    asyncio.run(run())


@pytest.fixture(scope="module")
def whole() -> Iterator[Files]:
    """The files of a run's folder; written once, damaged by each test in a copy."""
    with TemporaryDirectory() as folder:
        fill(Path(folder))
        yield Files({path.name: path.read_bytes() for path in Path(folder).iterdir()})


@pytest.fixture
def run(tmp_path: Path, whole: Files) -> Path:
    folder = tmp_path / "run"
    lay(folder, whole)
    return folder


def lay(folder: Path, files: Files) -> None:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def check_files(folder: Path) -> tuple[int, int]:
    """Whatever is in the files is as it was written; how many completions and rows."""
    rows = 0
    for name, wanted in (("accepted", "pending"), ("rejected", "rejected"), ("failed", "failed")):
        for found in read_rows(folder / "rescued" / f"{name}.jsonl"):
            assert found == row(int((found.instruction or "").split()[1]))
            assert found.status == wanted
            rows += 1
    lines = (folder / "rescued" / "completions.jsonl").read_text().splitlines()
    for line in lines:
        data = json.loads(line)
        assert data["completion"]["text"] == answer(NUMBERS[data["key"]]).text
    assert len(lines) == len({json.loads(line)["key"] for line in lines})
    return len(lines), rows


def found_again(folder: Path) -> int:
    """How many completions the run finds as it goes on; each is the one that was stored."""
    with Store.open(folder) as store:
        bodies = [store.completion(request(n).key("model")) for n in range(N)]
    assert all(b is None or b == encoded(answer(n)) for n, b in enumerate(bodies))
    return sum(body is not None for body in bodies)


# Ways of damage -----------------------------------------------------------------------------------


def test_an_overwritten_header_loses_nothing(run: Path) -> None:
    overwrite(run / "run.sqlite", 0, os.urandom(4096))
    with pytest.raises(StoreDamaged):
        Store.open(run)
    saved = rescue(run)
    assert (saved.completions, saved.rows.total(), saved.unread <= 1) == (N, N, True)
    assert check_files(run) == (N, N)
    first = json.loads((run / "rescued" / "completions.jsonl").read_text().splitlines()[5])
    assert (first["step"], first["attempt"], first["tokens"], first["seconds"]) == (
        "respond",
        1,
        5,
        5.0,
    )
    assert found_again(run) == N
    assert read_status(run).pipeline == "rivers"
    assert read_status(run).attempt == 2
    assert saved.aside == run / "run.damaged.sqlite"
    assert saved.aside.stat().st_size > 1_000_000


def test_random_bytes_in_the_middle_lose_what_stood_there(run: Path) -> None:
    path = run / "run.sqlite"
    middle = path.stat().st_size // 8192 * 4096
    overwrite(path, middle, random.Random(1).randbytes(4096 * 6))
    saved = rescue(run)
    assert N - 100 < saved.completions < N + 1
    assert N - 100 < saved.rows.total() < N + 1
    assert saved.completions + saved.rows.total() < 2 * N
    assert saved.unread + saved.torn + saved.changed > 0
    assert check_files(run) == (saved.completions, saved.rows.total())
    assert found_again(run) == saved.completions


def test_half_a_file_gives_about_half(run: Path) -> None:
    path = run / "run.sqlite"
    os.truncate(path, path.stat().st_size // 2 + 1000)
    saved = rescue(run)
    assert N // 4 < saved.completions < N
    assert N // 4 < saved.rows.total() < N
    assert check_files(run) == (saved.completions, saved.rows.total())
    assert found_again(run) == saved.completions


def test_upper_pages_of_the_trees_are_not_needed(run: Path) -> None:
    path = run / "run.sqlite"
    data = path.read_bytes()
    upper = [at for at in range(4096, len(data), 4096) if data[at] in (2, 5)]
    assert len(upper) > 2
    for at in upper:
        overwrite(path, at, bytes(4096))
    saved = rescue(run)
    assert (saved.completions, saved.rows.total()) == (N, N)


@pytest.mark.parametrize("harm", ["empty", "text", "noise"])
def test_a_file_without_anything_gives_an_empty_store(
    run: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "run.sqlite"
    path.write_bytes(
        {"empty": b"", "text": b"Remember the milk.\n" * 999, "noise": os.urandom(99_999)}[harm]
    )
    assert command(str(run)) == 1
    assert check_files(run) == (0, 0)
    assert found_again(run) == 0
    told = capsys.readouterr().out
    assert "Saved 0 rows (0 accepted, 0 rejected, 0 failed) and 0 completions" in told
    assert ("Could not be read" in told) == (harm != "empty")


@settings(deadline=None, max_examples=15, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.lists(
        st.tuples(st.floats(0.001, 0.999), st.sampled_from([1, 60, 5000]), st.integers(0, 10**6)),
        min_size=1,
        max_size=30,
    ),
    st.just(1.0) | st.floats(0.3, 1.0),
)
def test_whatever_is_damaged_nothing_wrong_comes_out(
    whole: Files, places: list[tuple[float, int, int]], kept: float
) -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        lay(folder, whole)
        path = folder / "run.sqlite"
        size = path.stat().st_size
        for share, length, seed in places:
            overwrite(path, int(size * share), random.Random(seed).randbytes(length))
        os.truncate(path, int(size * kept))
        saved = rescue(folder)
        assert check_files(folder) == (saved.completions, saved.rows.total())
        assert found_again(folder) == saved.completions
        assert saved.completions > N * kept / 4


@pytest.mark.parametrize("harm", ["header", "pages"])
def test_what_stood_in_the_write_ahead_log_only_is_saved_too(run: Path, harm: str) -> None:
    """The process was killed, then the disk went bad."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(run)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "stored\n"
    with pytest.raises(RunLocked, match=f"process {process.pid}"):
        rescue(run)
    process.send_signal(signal.SIGKILL)
    process.wait()
    at = {"header": 0, "pages": 4096 * 200}[harm]
    overwrite(run / "run.sqlite", at, os.urandom(8192))
    saved = rescue(run)
    assert not saved.sound
    with Store.open(run) as store:
        assert all(
            store.completion(hashlib.blake2b(b"%d" % n, digest_size=16).digest()) == b'"%d"' % n
            for n in range(50)
        )
    assert saved.completions > N
    lines = (run / "rescued" / "accepted.jsonl").read_text()
    assert all(f"Name {n} lakes." in lines for n in range(50))


KILLED = """
import asyncio, hashlib, sys, time
from evolsynth.store.store import Store
from evolsynth.rows import Row
async def main():
    store = Store.open(sys.argv[1])
    for n in range(50):
        store.put_row(10_000 + n, Row.make(f"Name {n} lakes."), step=None)
        key = hashlib.blake2b(b"%d" % n, digest_size=16).digest()
        await store.put_completion(key, b'"%d"' % n, step="s", tokens=1, prompt_tokens=1,
                                   seconds=0.0)
    print("stored", flush=True)
    time.sleep(60)
asyncio.run(main())
"""


def test_a_log_without_its_store_is_read_alone(run: Path) -> None:
    with connect(run / "run.sqlite") as db:
        db.execute("UPDATE rows SET at = 0")
        log = (run / "run.sqlite-wal").read_bytes()
    db.close()
    (run / "run.sqlite").unlink()
    (run / "run.sqlite-wal").write_bytes(log)
    saved = rescue(run)
    assert saved.rows.total() == N
    assert found_again(run) == saved.completions < N


# What is done with it -----------------------------------------------------------------------------


def test_a_sound_store_stays_and_its_rows_are_written_all_the_same(
    run: Path, whole: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(str(run)) == 0
    assert check_files(run) == (N, N)
    assert (run / "run.sqlite").read_bytes() == whole["run.sqlite"]
    assert not list(run.glob("run.damaged*"))
    told = capsys.readouterr().out
    assert "the run's store is sound. It stays as it is." in told
    assert "1,200 rows (720 accepted, 240 rejected, 240 failed) and 1,200 completions" in told
    assert "Could not be read" not in told


def test_a_changed_record_in_a_sound_file_is_left_out_and_told(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "run.sqlite"
    overwrite(path, path.read_bytes().index(b"River number 601. River"), b"Rover")
    assert command(str(run)) == 0
    assert "Could not be read: 1 record." in capsys.readouterr().out
    assert sum(check_files(run)) == 2 * N - 1


def test_the_command_says_what_was_saved_and_lost(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overwrite(run / "run.sqlite", 0, os.urandom(4096))
    overwrite(run / "run.sqlite", 4096 * 100, b"\xff" * 8192)
    assert command(str(run)) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("Saved 1,")
    assert told[0].endswith(f"completions in {run / 'rescued'}.")
    assert told[1].startswith("Could not be read: ")
    assert f"kept as {run / 'run.damaged.sqlite'}" in told[2]


def test_a_second_rescue_keeps_the_first_damaged_store(run: Path) -> None:
    asides = []
    for _ in range(2):
        overwrite(run / "run.sqlite", 0, os.urandom(100))
        asides.append(rescue(run).aside)
    assert [path.name for path in asides if path] == [
        "run.damaged.sqlite",
        "run.damaged-2.sqlite",
    ]
    assert found_again(run) == N


def test_the_next_attempt_does_not_take_old_rows_for_its_own(run: Path) -> None:
    with sqlite3.connect(run / "run.sqlite") as db:
        db.execute("DELETE FROM attempts")
    db.close()
    overwrite(run / "run.sqlite", 0, os.urandom(100))
    rescue(run)
    with Store.open(run) as store:
        assert store.attempt == 2
        assert list(store.rows()) == []


def test_the_later_version_of_a_row_is_kept(run: Path) -> None:
    with Store.open(run) as store:
        store.put_row(3, row(4), step=None)
    overwrite(run / "run.sqlite", 0, os.urandom(100))
    assert rescue(run).rows.total() == N
    lines = (run / "rescued" / "accepted.jsonl").read_text().splitlines()
    assert [json.loads(line)["instruction"] for line in lines][1:3] == ["Name 4 rivers."] * 2


def test_no_run_and_another_version_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run here"):
        rescue(tmp_path)
    with pytest.raises(InputError, match="Give the folder that -o named"):
        rescue(tmp_path / "no such folder")
    with sqlite3.connect(run / "run.sqlite") as db:
        db.execute("PRAGMA user_version=9")
    db.close()
    with pytest.raises(InputError, match="another version"):
        rescue(run)


# Page by page -------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
            st.text(max_size=50) | st.binary(max_size=50),
            st.sampled_from([0, 1, 4000, 4061, 4062, 4096, 8150, 12_300]),
        ),
        max_size=12,
    ),
    st.sets(st.integers(-(2**63), 2**63 - 1), min_size=12, max_size=12),
)
@settings(deadline=None, max_examples=60)
def test_records_are_read_as_sqlite_reads_them(
    values: list[tuple[object, object, int]], numbers: set[int]
) -> None:
    rows = [
        (number, one, two, b"x" * length)
        for number, (one, two, length) in zip(sorted(numbers), values, strict=False)
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any.sqlite"
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE any (id INTEGER PRIMARY KEY, one, two, three)")
        db.executemany("INSERT INTO any VALUES (?, ?, ?, ?)", rows)
        db.commit()
        db.close()
        pages = Pages(path, path.with_name("none"))
        found = [(n, *v[1:]) for n, v in pages.records() if len(v) == 4]
    assert sorted(found) == rows
    assert (pages.unread, pages.torn) == (0, 0)


@given(st.binary(max_size=20_000))
def test_any_bytes_are_read_without_falling_over(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "noise"
        path.write_bytes(data)
        list(Pages(path, path).records())
        assert [left.name for left in Path(folder).iterdir()] == ["noise"]
