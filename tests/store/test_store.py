"""The run store: what is committed when, what it finds again, and what happens to its file."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import InputError, RunLocked, StoreDamaged, StoreError
from evolsynth.rows import Row, Status
from evolsynth.store import journal as keys_module
from evolsynth.store.sqlite_file import CACHE, RUN, STORE, make, told
from evolsynth.store.store import StepCounts, Store, read_status


def key(number: int) -> bytes:
    return hashlib.blake2b(b"%d" % number, digest_size=16).digest()


async def put(store: Store, number: int, body: bytes = b"{}", *, tokens: int = 3) -> None:
    await store.put_completion(
        key(number), body, step="respond", tokens=tokens, prompt_tokens=5, seconds=0.1
    )


def in_file(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """What another connection sees: what is committed."""
    db = sqlite3.connect(folder / "run.sqlite")
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Completions --------------------------------------------------------------------------------------


async def test_a_completion_is_in_the_file_before_its_put_returns(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert store.completion(key(1)) is None
        await put(store, 1, b"one")
        assert in_file(tmp_path, "SELECT body FROM completions") == [(b"one",)]
        assert store.completion(key(1)) == b"one"


async def test_what_is_put_in_one_tick_is_one_transaction(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        commits: list[str] = []
        store._db.set_trace_callback(lambda s: commits.append(s) if s == "COMMIT" else None)
        await asyncio.gather(*(put(store, n) for n in range(64)))
        assert len(commits) == 1
    assert in_file(tmp_path, "SELECT count(*) FROM completions") == [(64,)]


async def test_it_is_found_in_the_tick_of_its_put(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        task = asyncio.create_task(put(store, 1, b"one"))
        await asyncio.sleep(0)  # put, not committed
        assert in_file(tmp_path, "SELECT count(*) FROM completions") == [(0,)]
        assert store.completion(key(1)) == b"one"
        await task


async def test_the_next_attempt_finds_it(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        await put(store, 1, b"one")
    with Store.open(tmp_path) as store:
        assert store.attempt == 2
        assert store.completion(key(1)) == b"one"
        assert store.completion(key(2)) is None


async def test_a_cancelled_put_is_stored_and_the_others_return(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        tasks = [asyncio.create_task(put(store, n)) for n in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(d) for d in done] == [type(None), asyncio.CancelledError, type(None)]
        assert all(store.completion(key(n)) for n in range(3))
    assert in_file(tmp_path, "SELECT count(*) FROM completions") == [(3,)]


async def test_closing_commits_what_was_put_and_wakes_who_waits(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        task = asyncio.create_task(put(store, 1, b"one"))
        await asyncio.sleep(0)
        store.put_row(0, Row.make("Name a river."), step=None)
    await task
    assert in_file(tmp_path, "SELECT body FROM completions") == [(b"one",)]
    assert in_file(tmp_path, "SELECT count(*) FROM rows") == [(1,)]


async def test_without_the_cache_only_this_attempts_completions_are_used(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        await put(store, 1, b"old")
    with Store.open(tmp_path, use_cache=False) as store:
        assert store.completion(key(1)) is None
        await put(store, 1, b"new")
        assert store.completion(key(1)) == b"new"
    with Store.open(tmp_path) as store:  # the later one counts from now on
        assert store.completion(key(1)) == b"new"


async def test_fresh_forgets_everything(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        await put(store, 1)
        store.set("pipeline", "rivers")
    with Store.open(tmp_path, fresh=True) as store:
        assert (store.attempt, store.completion(key(1)), store.get("pipeline")) == (1, None, None)


async def test_a_store_in_memory_does_the_same_without_a_folder() -> None:
    with Store.open(None) as store:
        await put(store, 1, b"one")
        store.put_row(0, Row.make("Name a river."), step=None)
        assert store.completion(key(1)) == b"one"
        assert len(list(store.rows())) == 1


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.binary(max_size=8)), max_size=40),
    st.sets(st.integers(0, 40), max_size=3),
    st.sampled_from([1, 2, 7, 1000]),
)
def test_the_last_body_of_each_key_is_found_however_often_it_is_closed(
    puts: list[tuple[int, bytes]], reopened: set[int], portion: int
) -> None:
    """Also where keys go into the index in portions of any size."""

    async def run(folder: Path) -> None:
        last: dict[int, bytes] = {}
        store = Store.open(folder)
        for at, (number, body) in enumerate(puts):
            if at in reopened:
                store.close("stopped")
                store = Store.open(folder)
            await put(store, number, body)
            last[number] = body
            assert store.completion(key(number)) == body
        assert {n: store.completion(key(n)) for n in range(31)} == {
            n: last.get(n) for n in range(31)
        }
        store.close("finished")

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(keys_module, "_PORTION", portion)
        patch.setattr(keys_module, "_SLICE", 2)
        asyncio.run(run(Path(folder)))


def test_two_keys_that_begin_alike_are_never_taken_for_each_other(tmp_path: Path) -> None:
    async def run() -> None:
        with Store.open(tmp_path) as store:
            await store.put_completion(
                b"a" * 15 + b"1", b"one", step="s", tokens=0, prompt_tokens=0, seconds=0
            )
            assert store.completion(b"a" * 15 + b"2") is None
            store._keys.write()
            store._keys.written()
            assert store.completion(b"a" * 15 + b"2") is None
            assert store.completion(b"a" * 15 + b"1") == b"one"

    asyncio.run(run())


KILLED = """
import asyncio, hashlib, sys
from evolsynth.store.store import Store
async def main():
    with Store.open(sys.argv[1]) as store:
        async def worker(first):
            for n in range(first, 10**9, 8):
                key = hashlib.blake2b(b"%d" % n, digest_size=16).digest()
                await store.put_completion(key, b"%d" % n, step="s", tokens=1, prompt_tokens=1,
                                           seconds=0.0)
                print(n, flush=True)
        await asyncio.gather(*(worker(first) for first in range(8)))
asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 40, 700])
def test_a_killed_process_loses_nothing_that_was_told_to_be_stored(
    tmp_path: Path, after: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(after)]
    with pytest.raises(RunLocked, match=f"process {process.pid}, started 2"):
        Store.open(tmp_path)
    assert read_status(tmp_path).running
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.stdout]
    process.wait()
    status = read_status(tmp_path)
    assert (status.running, status.ended, status.pid) == (False, None, process.pid)
    assert status.completions >= len(told)
    with Store.open(tmp_path) as store:
        assert store.attempt == 2
        assert all(store.completion(key(n)) == b"%d" % n for n in told)


# Rows, events, values -----------------------------------------------------------------------------


def test_rows_come_back_in_their_order_by_status(tmp_path: Path) -> None:
    rows = [Row.make(f"Name {n} rivers.") for n in range(700)]
    rows[3::5] = [row.reject("too_short", least=3) for row in rows[3::5]]
    with Store.open(tmp_path) as store:
        for seq in reversed(range(700)):
            store.put_row(seq, rows[seq], step="gate" if rows[seq].settled else None)
        found = [json.loads(line) for line in store.rows()]
        assert [Row.from_dict(data) for data in found] == rows
        rejected = [json.loads(line)["id"] for line in store.rows("rejected")]
        assert rejected == [row.id for row in rows if row.settled]
        assert len(list(store.rows("pending", "rejected"))) == 700
        assert list(store.rows("failed")) == []


def test_rows_of_earlier_attempts_are_not_given(tmp_path: Path) -> None:
    for attempt in range(2):
        with Store.open(tmp_path) as store:
            for seq in range(3 - attempt):
                store.put_row(seq, Row.make(f"attempt {attempt}, {seq}"), step=None)
            found = [json.loads(line)["instruction"] for line in store.rows()]
            assert found == [f"attempt {attempt}, {seq}" for seq in range(3 - attempt)]


@given(
    st.text(),
    st.dictionaries(
        st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    ),
)
def test_a_row_is_stored_as_what_its_json_says(text: str, extra: dict[str, object]) -> None:
    row = Row.make(text, response=text, extra=extra, scores={"a": 1e-7})
    with Store.open(None) as store:
        store.put_row(0, row, step=None)
        (line,) = store.rows()
    assert json.loads(line) == json.loads(row.to_json())
    assert b"\n" not in line


@pytest.mark.parametrize("odd", ["half \ud800 a pair", 2**70])
def test_rows_that_are_hard_to_write_are_stored_too(odd: object) -> None:
    row = Row.make("Name a river.", extra={"odd": odd})
    with Store.open(None) as store:
        store.put_row(0, row, step=None)
        (line,) = store.rows()
    assert Row.from_dict(json.loads(line)) == row


async def test_rows_are_committed_within_a_moment_without_a_completion(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.put_row(0, Row.make("Name a river."), step=None)
        assert read_status(tmp_path).rows == {}
        while not read_status(tmp_path).rows:  # a fifth of a second
            await asyncio.sleep(0.02)


def test_values_are_kept(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert store.get("plan") is None
        store.set("plan", {"steps": ["magpie", "gate"], "n": 3})
        assert store.get("plan") == {"steps": ["magpie", "gate"], "n": 3}
    with Store.open(tmp_path) as store:
        assert store.get("plan") == {"steps": ["magpie", "gate"], "n": 3}


# Status -------------------------------------------------------------------------------------------


async def test_status_tells_where_a_run_stands_while_it_runs(tmp_path: Path) -> None:
    counts = [StepCounts(name="respond", kind="respond", came=3, left=2, rejected=1, asked=2)]
    with Store.open(tmp_path) as store:
        store.set("pipeline", "rivers")
        store.put_steps(counts)
        store.put_row(0, Row.make("Name a river."), step=None)
        store.put_row(1, Row.make("Name a lake.").reject("too_short"), step="gate")
        store.event("retry", step="respond", attempt=1)
        await put(store, 1, tokens=40)
        status = read_status(tmp_path)
    assert (status.pipeline, status.attempt, status.pid) == ("rivers", 1, os.getpid())
    assert (status.running, status.ended) == (True, None)
    assert status.steps == tuple(counts)
    assert status.rows == {"pending": 1, "rejected": 1}
    assert (status.completions, status.tokens, status.prompt_tokens) == (1, 40, 5)
    (event,) = status.events
    assert (event.kind, event.step, event.data) == ("retry", "respond", {"attempt": 1})
    assert status.started <= status.seen


async def test_status_tells_how_a_run_ended_and_leaves_no_trace(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        await put(store, 1, tokens=40)

    async def fails() -> None:
        with Store.open(tmp_path) as store:
            await put(store, 2, tokens=2)
            raise InputError("seeds.jsonl, line 3: not JSON.")

    with pytest.raises(InputError):
        await fails()
    before = names(tmp_path)
    status = read_status(tmp_path)
    assert (status.attempt, status.running) == (2, False)
    assert status.ended == "failed: seeds.jsonl, line 3: not JSON."
    assert status.tokens == 42
    assert names(tmp_path) == before


@pytest.mark.parametrize("stop", [KeyboardInterrupt, asyncio.CancelledError])
def test_an_interrupted_run_is_told_to_be_stopped(
    tmp_path: Path, stop: type[BaseException]
) -> None:
    with pytest.raises(stop), Store.open(tmp_path):
        raise stop
    assert read_status(tmp_path).ended == "stopped"


def test_status_of_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run here"):
        read_status(tmp_path)
    make(tmp_path / "run.sqlite", RUN)  # killed before the first attempt was written
    with pytest.raises(InputError, match="no run was begun here"):
        read_status(tmp_path)


# The shared cache ---------------------------------------------------------------------------------


async def test_runs_share_completions_through_a_file(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "completions.sqlite"
    with Store.open(tmp_path / "a", cache=cache) as store:
        await put(store, 1, b"one")
    with Store.open(tmp_path / "b", cache=cache) as store:
        assert store.completion(key(1)) == b"one"
        assert store.completion(key(2)) is None
    assert read_status(tmp_path / "b").tokens == 0  # nothing was asked for
    cache.unlink()
    with Store.open(tmp_path / "b") as store:  # it has become the run's own
        assert store.completion(key(1)) == b"one"


async def test_two_runs_use_the_shared_cache_at_once(tmp_path: Path) -> None:
    cache = tmp_path / "completions.sqlite"
    with Store.open(tmp_path / "a", cache=cache) as a, Store.open(tmp_path / "b", cache=cache) as b:
        for n in range(600):
            await put(a if n % 2 else b, n, b"%d" % n)
            await put(b if n % 2 else a, n, b"%d" % n)
        assert sum(b.completion(key(n)) == b"%d" % n for n in range(600)) == 600
    with Store.open(tmp_path / "c", cache=cache) as c:
        assert all(c.completion(key(n)) == b"%d" % n for n in range(600))


async def test_without_use_cache_the_shared_one_is_written_and_not_read(tmp_path: Path) -> None:
    cache = tmp_path / "completions.sqlite"
    for body in (b"one", b"two"):
        with Store.open(tmp_path / "a", cache=cache, use_cache=False) as store:
            assert store.completion(key(1)) is None
            await put(store, 1, body)
    with Store.open(tmp_path / "b", cache=cache) as store:
        assert store.completion(key(1)) == b"two"


async def test_a_changed_body_in_the_shared_cache_is_not_used(tmp_path: Path) -> None:
    cache = tmp_path / "completions.sqlite"
    with Store.open(tmp_path / "a", cache=cache) as store:
        await put(store, 1, b"one")
    with sqlite3.connect(cache) as db:
        db.execute("UPDATE completions SET body = ?", (b"two",))
    with Store.open(tmp_path / "b", cache=cache) as store:
        assert store.completion(key(1)) is None
        await put(store, 1, b"one")
    with Store.open(tmp_path / "c", cache=cache) as store:
        assert store.completion(key(1)) == b"one"


def test_a_shared_cache_that_is_none_is_refused_and_the_folder_is_free_again(
    tmp_path: Path,
) -> None:
    cache = tmp_path / "notes.txt"
    cache.write_text("Remember the milk.\n" * 100)
    with pytest.raises(StoreDamaged, match=r"shared cache is damaged .* Move it away"):
        Store.open(tmp_path / "a", cache=cache)
    Store.open(tmp_path / "a").close("finished")


async def test_a_shared_cache_that_stays_locked_ends_the_run_clearly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "completions.sqlite"
    make(cache, CACHE)
    store = Store.open(tmp_path / "a", cache=cache)
    assert store._cache is not None
    store._cache._db.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(cache, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await put(store, 1)  # is in the run's own store
    with pytest.raises(StoreError, match=r"completions.sqlite: another process keeps it locked"):
        store.close("finished")
    other.close()
    with Store.open(tmp_path / "a") as again:
        assert again.completion(key(1)) == b"{}"


# The file goes wrong ------------------------------------------------------------------------------


async def fill(folder: Path, n: int = 2000) -> None:
    with Store.open(folder) as store:
        await asyncio.gather(*(put(store, i, b"%d " % i * 40) for i in range(n)))


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda path: overwrite(path, 0, os.urandom(100)), "not a database"),
        (lambda path: overwrite(path, 4096 * 20, b"\xff" * 4096), ""),
        (lambda path: os.truncate(path, path.stat().st_size // 2), ""),
        (lambda path: os.truncate(path, 0), "empty"),
        (lambda path: path.write_text("Remember the milk.\n" * 1000), "not a database"),
        (lambda path: overwrite(path, 68, b"\0\0\0\1"), "mark"),
    ],
    ids=["header", "page", "half", "empty", "text", "mark"],
)
async def test_damage_is_seen_when_the_store_is_opened(
    tmp_path: Path, harm: Callable[[Path], object], told: str
) -> None:
    await fill(tmp_path)
    harm(tmp_path / "run.sqlite")
    with pytest.raises(StoreDamaged, match=rf"damaged.*{told}.*`evolsynth rescue {tmp_path}`"):
        Store.open(tmp_path)
    with Store.open(tmp_path, fresh=True) as store:  # the lock was given back
        assert store.attempt == 1


def test_lost_tables_and_foreign_versions_are_told(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        Store.open(folder).close("finished")
    with sqlite3.connect(tmp_path / "a" / "run.sqlite") as db:
        db.execute("DROP TABLE meta")
    with pytest.raises(StoreDamaged, match="lost tables"):
        Store.open(tmp_path / "a")
    with sqlite3.connect(tmp_path / "b" / "run.sqlite") as db:
        db.execute("PRAGMA user_version=2")
    with pytest.raises(
        InputError, match=r"another version of evolsynth .*store 2, this one reads 1"
    ):
        Store.open(tmp_path / "b")


async def test_a_store_that_is_gone_but_for_its_journal_is_damage(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    await put(store, 1)
    (tmp_path / "run.sqlite").rename(tmp_path / "elsewhere")
    (tmp_path / "run.sqlite-wal").rename(tmp_path / "wal")
    store._ending.close()
    (tmp_path / "wal").rename(tmp_path / "run.sqlite-wal")
    with pytest.raises(StoreDamaged, match="is gone, and a part of it is left"):
        Store.open(tmp_path)


async def test_a_body_that_was_changed_on_the_disk_is_asked_for_again(tmp_path: Path) -> None:
    """SQLite's own check does not see it."""
    await fill(tmp_path, 3)
    path = tmp_path / "run.sqlite"
    data = path.read_bytes()
    overwrite(path, data.rindex(b"1 1 1 1"), b"1 7 1 1")
    with Store.open(tmp_path) as store:
        assert store.completion(key(0)) == b"0 " * 40
        assert store.completion(key(1)) is None
        await put(store, 1, b"anew")
        assert store.completion(key(1)) == b"anew"
    assert [event.kind for event in read_status(tmp_path).events] == ["damaged_completion"]


@pytest.mark.parametrize(
    "change",
    [
        "body = replace(body, 'river', 'bride')",
        "body = CAST(replace(body, 'river', 'bride') AS BLOB)",
        "body = x''",
        "status = 'rejected'",
        "status = CAST(x'ff' AS TEXT)",
        "seq = 7",
    ],
)
def test_a_row_that_was_changed_on_the_disk_is_never_exported(tmp_path: Path, change: str) -> None:
    store = Store.open(tmp_path)
    store.put_row(0, Row.make("Name a river in Asia."), step=None)
    store.flush()
    store._db.execute(f"UPDATE rows SET {change}")
    with pytest.raises(StoreDamaged, match=r"row \d is not as it was written.*evolsynth rescue"):
        list(store.rows("accepted"))
    store.close("failed")


def test_a_value_that_cannot_be_read_is_damage_and_status_goes_without(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.set("plan", [1, 2])
    store.put_steps([StepCounts(name="respond", kind="respond")])
    store.event("retry", attempt=1)
    store.flush()
    store._db.execute("UPDATE meta SET value = CAST(x'5bff' AS TEXT)")
    store._db.execute("UPDATE events SET data = '{'")
    status = read_status(tmp_path)
    assert (status.steps, status.events[0].data, status.running) == ((), {}, True)
    with pytest.raises(StoreDamaged, match="its 'plan' cannot be read"):
        store.get("plan")
    store.close("failed")


async def test_an_index_that_does_not_know_its_end_is_made_anew(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys_module, "_PORTION", 100)
        patch.setattr(keys_module, "_SLICE", 30)
        await fill(tmp_path, 500)
    with Store.open(tmp_path) as store:
        store.set("indexed", "?")
    with Store.open(tmp_path) as store:
        assert all(store.completion(key(n)) for n in range(500))
        await put(store, 500)
    with Store.open(tmp_path) as store:
        assert all(store.completion(key(n)) for n in range(501))


async def test_damage_that_is_met_on_the_way_ends_the_run(tmp_path: Path) -> None:
    await fill(tmp_path, 20_000)
    store = Store.open(tmp_path)
    path = tmp_path / "run.sqlite"
    store._db.execute("PRAGMA cache_size=10")
    for page in range(10, path.stat().st_size // 4096):
        overwrite(path, page * 4096, b"\xff" * 4096)
    with pytest.raises(StoreDamaged, match="evolsynth rescue"):
        _ = [store.completion(key(n)) for n in range(20_000)]
    with pytest.raises(StoreDamaged):
        await put(store, 99_999)
    store.close("failed")  # it was told before


async def test_a_store_that_is_moved_away_meanwhile_ends_the_run(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    await put(store, 1)
    (tmp_path / "run.sqlite").rename(tmp_path / "elsewhere.sqlite")
    store._journal._looked -= 2  # it looks once a second
    with pytest.raises(StoreError, match="was moved or deleted while the run used it"):
        await put(store, 2)
    store.close("failed")


async def test_a_full_disk_fails_all_who_wait_and_keeps_what_was_stored(tmp_path: Path) -> None:
    await fill(tmp_path, 10)
    store = Store.open(tmp_path)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count={pages + 2}")
    done = await asyncio.gather(
        *(put(store, n, b"x" * 3000) for n in range(100, 120)), return_exceptions=True
    )
    assert {type(d) for d in done} == {StoreError}
    assert "the disk is full. Make room and run the same command again" in str(done[0])
    with pytest.raises(StoreError, match="the disk is full"):
        store.put_row(0, Row.make("Name a river."), step=None)
    with pytest.raises(StoreError, match="the disk is full"):
        store.flush()
    store._db.execute("PRAGMA max_page_count=1000000")
    store.close("failed: the disk is full")  # there is room again: what waited is stored after all
    with Store.open(tmp_path) as store:
        assert all(store.completion(key(n)) for n in (*range(10), *range(100, 120)))


async def test_a_disk_that_fills_up_at_the_end_is_told(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store._db.execute("PRAGMA max_page_count=14")
    for seq in range(30):
        store.put_row(seq, Row.make("x" * 4000), step=None)
    with pytest.raises(StoreError, match="the disk is full"):
        store.close("finished")
    Store.open(tmp_path).close("finished")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, where the system lets us mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("no mount here")
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    stored: list[int] = []

    async def run(numbers: Iterable[int]) -> None:
        with Store.open(small_disk / "run") as store:
            for n in numbers:
                await put(store, n, b"x" * 3000)
                stored.append(n)
            assert all(store.completion(key(n)) for n in stored)

    with pytest.raises(StoreError, match="full") as told:
        asyncio.run(run(range(1000)))
    assert 10 < len(stored) < 900
    assert not isinstance(told.value, StoreDamaged)
    subprocess.run(["mount", "-o", "remount,size=9m", str(small_disk)], check=True)
    asyncio.run(run(range(1000, 1010)))  # finds what was stored before, and goes on


def test_a_disk_without_room_for_a_store(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes((1 << 20) - 8192))
    with pytest.raises(StoreError, match=r"full|No space"):
        Store.open(small_disk / "run")
    assert not list((small_disk / "run").glob("*.sqlite*"))


def test_a_folder_that_cannot_be_written(small_disk: Path) -> None:
    Store.open(small_disk / "run").close("finished")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match="cannot be written"):
        Store.open(small_disk / "run")
    assert read_status(small_disk / "run").ended == "finished"
    with pytest.raises(StoreError, match="cannot be made"):
        Store.open(small_disk / "another")


def test_a_folder_below_a_file_and_a_folder_in_the_stores_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        Store.open(tmp_path / "file" / "run")
    (tmp_path / "run.sqlite").mkdir()
    with pytest.raises(StoreError, match=r"run.sqlite: cannot be opened .*not a file"):
        Store.open(tmp_path)
    with pytest.raises(StoreError, match="cannot be opened"):
        read_status(tmp_path)


def test_closing_twice_is_safe_and_the_first_counts(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.close("accepted")
    store.close("failed")
    assert read_status(tmp_path).ended == "accepted"


def test_statuses_are_those_of_rows() -> None:
    known: set[Status] = {"pending", "accepted", "rejected", "failed"}
    with Store.open(None) as store:
        assert [list(store.rows(status)) for status in known] == [[]] * 4


def test_what_a_killed_process_has_left_unfinished_is_taken_away(tmp_path: Path) -> None:
    unfinished = ("owner.json.7.part", "run.sqlite.7.part", "run.sqlite.7.part-wal", ".a.part")
    for name in (*unfinished, "mine.part"):
        (tmp_path / name).touch()
    with Store.open(tmp_path):
        pass
    left = {path.name for path in tmp_path.iterdir()}
    assert not left & set(unfinished)
    assert "mine.part" in left


def test_a_message_of_sqlite_that_is_no_text_is_damage_too(tmp_path: Path) -> None:
    """Python's sqlite3 raises it where a damaged definition of a table is quoted."""
    with pytest.raises(StoreDamaged, match="definitions are no text"), told(tmp_path / STORE):
        b"\xa4".decode()


def test_a_run_on_a_disk_that_fills_up_says_so_and_goes_on_when_there_is_room(
    small_disk: Path,
) -> None:
    from evolsynth import Scripted
    from evolsynth.pipeline import load, respond
    from evolsynth.pipeline.run.run import RunOptions, run

    llm = Scripted(lambda request: f"{request.seed} " * 300)
    data = [{"instruction": f"Where does river {n} begin?"} for n in range(400)]
    options = RunOptions(llm=llm, embedder=None, report=False)
    with pytest.raises(StoreError, match="full"):
        asyncio.run(run(load(data) >> respond(), small_disk / "run", options))
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    asked = len(llm.requests)
    result = asyncio.run(run(load(data) >> respond(), small_disk / "run", options))
    assert result.accepted == 400
    assert len(llm.requests) - asked < 400  # what was answered before is found
