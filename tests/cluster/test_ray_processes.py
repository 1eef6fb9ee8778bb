"""Runs on a Ray of their own, as processes: interrupted, killed, started again; nodes that come and
go; what a user mistypes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from one_ray import end_ray
from ray_lines import line
from ray_models import echo, slower_until

from evolsynth.cli.main import main
from evolsynth.cluster import Ray
from evolsynth.cluster.pool import Pool
from evolsynth.errors import InputError, StoreError
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.store.status import read_status

ray = pytest.importorskip("ray", reason="Ray is not installed")
DRIVER = Path(__file__).with_name("ray_driver.py")


@pytest.fixture(autouse=True)
def no_ray() -> None:
    """This process has none: a run would use it, whatever address it is told."""
    end_ray()
    assert not ray.is_initialized()


def begun(folder: Path, rows: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(DRIVER), str(folder), str(rows)],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def asked(folder: Path) -> int:
    if not (folder / "run.sqlite").exists():
        return 0
    try:
        return read_status(folder).completions
    except (InputError, StoreError):  # it is just being made, or begun anew
        return 0


def until_asked(folder: Path, least: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while asked(folder) < least:
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < end
        time.sleep(0.05)


def of_session(process: subprocess.Popen[bytes]) -> list[int]:
    """Ray's processes of a driver, and the workers; but for two that only watch."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--sid", str(process.pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, args in found if "Agent" not in args and int(pid) != process.pid]


def gone(processes: list[int], within: float) -> bool:
    end = time.monotonic() + within
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def rows_of(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(folder.glob("*.jsonl")))


def test_ctrl_c_ends_it_within_five_seconds_and_it_goes_on(tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "stopped"
    names = [f"thing {n}" for n in range(90)]
    options = RunOptions(llm=echo(), embedder=None, report=False, signals=False)
    asyncio.run(run(line(names), whole, options))

    process = begun(folder, 90)
    until_asked(folder, 40, process)
    assert read_status(folder).ended is None  # it can be looked at meanwhile
    others = of_session(process)
    assert len(others) > 3
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    assert process.wait(20) == 130
    assert time.monotonic() - began < 10  # 5 s of grace for what is under way, and Ray's own end
    assert gone(others, 10)
    stored = asked(folder)
    assert 40 <= stored < 180

    process = begun(folder, 90)  # the same again: killed, this time
    until_asked(folder, stored + 20, process)
    others = of_session(process)
    process.kill()
    process.wait()
    assert gone(others, 30)
    kept = asked(folder)
    assert kept >= stored + 20

    process = begun(folder, 90)
    assert process.wait(120) == 0
    assert rows_of(folder) == rows_of(whole)
    assert asked(folder) == 180  # each once: none that was stored was asked for again


@pytest.fixture
def nodes() -> Iterator[Any]:
    """A cluster of real node processes on this machine, one processor each."""
    from ray.cluster_utils import Cluster

    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    os.environ["PYTHONPATH"], before = path, os.environ.get("PYTHONPATH")
    head = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster
    cluster.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


async def test_a_node_that_comes_takes_part_and_one_that_goes_loses_nothing(
    nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[Pool] = []
    first = Pool.__init__

    def noted(self: Pool, settings: Ray) -> None:
        pools.append(self)
        first(self, settings)

    monkeypatch.setattr(Pool, "__init__", noted)
    mark = tmp_path / "mark"  # until the node has gone all answers take so long that it can come
    names = [f"thing {n}" for n in range(320)]
    on = Ray(address=nodes.address, models={"fake": partial(slower_until, str(mark))})
    options = RunOptions(llm="fake", on=on, embedder=None, report=False, signals=False)
    running = asyncio.create_task(run(line(names), tmp_path / "ray", options))
    while asked(tmp_path / "ray") < 10:
        assert not running.done()
        await asyncio.sleep(0.05)
    (pool,) = pools
    assert len(pool._ready()) == 1
    node = nodes.add_node(num_cpus=1, object_store_memory=100 << 20)
    while len(pool._ready()) < 2:
        assert not running.done()
        await asyncio.sleep(0.05)
    newer = pool._ready()[1]
    while not newer.done:
        assert not running.done()
        await asyncio.sleep(0.05)
    assert not running.done()
    nodes.remove_node(node, allow_graceful=False)
    mark.touch()
    result = await running
    assert result.ended == "finished"
    own = RunOptions(llm=echo(), embedder=None, report=False, signals=False)
    await run(line(names), tmp_path / "none", own)
    assert rows_of(tmp_path / "ray") == rows_of(tmp_path / "none")
    assert asked(tmp_path / "ray") == 640


PIPELINE = "name: small\nsteps:\n  - magpie: {n: 2}\n"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--ray", "127.0.0.1:9"], "--ray 127.0.0.1:9: no Ray can be reached there"),
        (["--ray", "--ray-workers", "0"], "--ray-workers: Expected `int` >= 1."),
        (["--ray", "--ray-patience", "0"], "--ray-patience: Expected `float` > 0.0."),
        (["--ray-served"], "--ray-served goes with --ray"),
        (["--ray-workers", "2"], "--ray-workers goes with --ray"),
    ],
)
def test_what_is_mistyped_is_one_sentence(
    flags: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "p.yaml"
    place.write_text(PIPELINE)
    assert main(["run", str(place), "-o", str(tmp_path / "out"), *flags]) in (1, 2)
    told = " ".join(capsys.readouterr().err.split())
    assert sentence in told
    assert "Traceback" not in told


@pytest.mark.real
def test_smollm_at_two_workers_gives_the_bytes_of_one_process(tmp_path: Path) -> None:
    place = tmp_path / "p.yaml"
    place.write_text(
        "name: small\nsteps:\n  - magpie: {n: 12, only_with_text: true}\n"
        "  - evolve: {demands: true, operations: {constraints: 1}}\n  - gate\n"
    )
    flags = ["run", str(place), "--embedder", "none", "--no-report"]
    assert main([*flags, "-o", str(tmp_path / "one")]) == 0
    assert main([*flags, "-o", str(tmp_path / "two"), "--ray", "--ray-workers", "2"]) == 0
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "two")
    assert read_status(tmp_path / "two").ended == "finished"
