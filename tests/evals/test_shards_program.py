"""`python -m evals shards`: its rows, what is known of them, and how they are counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from evals import shards
from evals.__main__ import main
from evals.duplicate_rows import KINDS
from evals.shard_rows import row, truth_of, write
from evolsynth.evaluation.duplicates.same_request import normalise


def test_a_row_is_made_of_its_place_alone() -> None:
    made = [row(1, place) for place in range(2000)]
    assert [row(1, place) for place in (1999, 5, 700)] == [made[1999], made[5], made[700]]
    assert row(2, 5) != made[5]
    copies = [(text, truth) for text, truth in made if truth is not None]
    assert 150 < len(copies) < 250
    assert {KINDS[truth[2]] for _, truth in copies} == set(KINDS)
    for text, (place, source, kind) in copies:
        assert source < place
        assert made[source][1] is None
        if KINDS[kind] in ("case", "space"):
            assert normalise(text) == normalise(made[source][0])


def test_files_hold_the_rows_and_the_truth_whatever_their_size(tmp_path: Path) -> None:
    write(tmp_path / "a", 250, each=100)
    write(tmp_path / "b", 250, each=60, workers=1)
    texts = {}
    for name in "ab":
        files = sorted((tmp_path / name / "rows").iterdir())
        tables = [parquet.read_table(place).to_pylist() for place in files]
        texts[name] = [one["instruction"] for table in tables for one in table]
    assert texts["a"] == texts["b"] == [row(1, place)[0] for place in range(250)]
    wanted = [truth for place in range(250) if (truth := row(1, place)[1]) is not None]
    assert list(truth_of(tmp_path / "a")) == list(truth_of(tmp_path / "b")) == wanted


def test_copies_that_went_are_found_and_others_are_wrong(tmp_path: Path) -> None:
    write(tmp_path, 400)
    copies = [place for place, _, _ in truth_of(tmp_path)]
    figures = {"seconds": 1.0, "peak_mib": 2.0, "processor_seconds": 3.0}
    one = shards._score("Ray", tmp_path, 400, {*copies[1:], 0}, figures)
    assert one.kept == 400 - len(copies)
    assert one.recall_of_all == (len(copies) - 1) / len(copies)
    assert one.wrong == 1


def test_memory_is_that_of_all_processes_below(tmp_path: Path) -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("the kernel does not tell")
    before = sum(map(shards.memory_of, shards.below(os.getpid())))
    hold = "held = bytearray(b'x') * (80 << 20); sum(range(10**7)); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.pid in shards.below(os.getpid())
        during = sum(map(shards.memory_of, shards.below(os.getpid())))
        assert shards.seconds_of(process.pid) > 0.05
        process.communicate(b"\n")
    assert 70 < during - before < 200
    assert shards.memory_of(2**22 + 1) == shards.seconds_of(2**22 + 1) == 0


@pytest.mark.slow
def test_both_ways_keep_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    place = tmp_path / "found.json"
    command = ["shards", "--rows", "5000", "--one-process", "--json", str(place)]
    assert main(command) == 0
    one, many = json.loads(place.read_text())["found"]
    assert many["same_as_one_process"] is True
    assert one["recall_of_all"] == many["recall_of_all"] > 0.99
    assert many["peak_mib"] > 100
