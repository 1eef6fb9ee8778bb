"""The whole line on the real SmolLM2 and MiniLM."""

from __future__ import annotations

import asyncio
import filecmp
import re
import subprocess
import sys
import threading
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.respond import respond
from evolsynth.rows import Row

pytestmark = [pytest.mark.real]
on_one_loop = pytest.mark.asyncio(loop_scope="session")


async def make(llm: LlamaCpp, embedder: MiniLM, *, n: int, concurrency: int) -> list[Row]:
    gate = Gate(embedder)
    rows = gate.check(magpie(llm, n=n, seed=3, concurrency=concurrency), instructions_only=True)
    rows = evolve(rows, llm, seed=3, candidates=3, concurrency=concurrency)
    rows = gate.check(rows, instructions_only=True)
    rows = respond(rows, llm, seed=3, max_tokens=40, concurrency=concurrency)
    return [row async for row in gate.check(rows)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rows(smollm: LlamaCpp, embedder: MiniLM) -> list[Row]:
    return await make(smollm, embedder, n=3, concurrency=16)


@on_one_loop
async def test_concurrency_changes_no_byte(
    rows: list[Row], smollm: LlamaCpp, embedder: MiniLM
) -> None:
    one = await make(smollm, embedder, n=3, concurrency=1)
    assert [row.to_json() for row in one] == [row.to_json() for row in rows]
    assert {row.method for row in one} == {"magpie", "evol_instruct"}
    assert all(row.status in ("accepted", "rejected") for row in one)


def test_every_row_says_how_to_make_it_again(rows: list[Row]) -> None:
    for row in rows:
        made = row.provenance["instruction"]
        if made.get("demands"):  # drawn by rule: no model wrote it
            assert {"original", "root", "operation", "attempt"} <= made.keys()
            continue
        assert re.fullmatch(r"[0-9a-f]{64}", made["model_sha256"])
        assert re.fullmatch(r"[0-9a-f]{16}", made["prompt_sha256"])
        assert made["quantisation"] == "Q4_0_I"
        assert {"sampling", "seed", "attempt", "max_tokens"} <= made.keys()


@on_one_loop
async def test_leaving_early_leaves_no_task_and_frees_the_engine(
    smollm: LlamaCpp, embedder: MiniLM
) -> None:
    tasks, threads = asyncio.all_tasks(), threading.active_count()
    gate = Gate(embedder)
    source = magpie(smollm, n=500, seed=1, max_tokens=16)
    async with aclosing(gate.check(source, instructions_only=True)) as rows:
        async for _ in rows:
            break
    assert asyncio.all_tasks() == tasks
    assert threading.active_count() <= threads + 1  # the gate's own, which ends with the gate
    before = smollm.usage.requests
    row = [row async for row in magpie(smollm, n=1, seed=2, max_tokens=16)]
    assert row[0].instruction
    assert smollm.usage.requests - before <= smollm.concurrency


def test_two_runs_of_the_demo_give_the_same_bytes(tmp_path: Path) -> None:
    """As a user would run it, in a process of its own; and in this one, which has done more."""
    words = ["demo", "-n", "2", "-o"]
    done = subprocess.run(
        [sys.executable, "-m", "evolsynth", *words, str(tmp_path / "a")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "planned = accepted + rejected + failed" in done.stdout
    assert main([*words, str(tmp_path / "b")]) == 0
    files = ["accepted.jsonl", "rejected.jsonl"]
    same, _, _ = filecmp.cmpfiles(tmp_path / "a", tmp_path / "b", files, shallow=False)
    assert same == files
    page = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    assert all(row.id in page for row in read_rows(tmp_path / "a" / "accepted.jsonl"))
    rejected = list(read_rows(tmp_path / "a" / "rejected.jsonl"))
    assert all(row.verdict and row.verdict.reasons for row in rejected)
