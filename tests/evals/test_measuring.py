"""The arms of ours and the endurance run, for a handful of tokens on the real model."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from evals.endurance import endure
from evals.throughput import arm
from evals.throughput.command import resolve
from evals.throughput.jobs import Arrangement, Job, Reading, Row
from evals.throughput.rounds import run_job
from evals.throughput.workloads import WORKLOADS, Sizes, Workload, build, text_of
from evolsynth.errors import InputError
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.model import Model

pytestmark = pytest.mark.real

ONE = Arrangement(label="small", contexts=1, threads=1, slots=4)
SIZES = Sizes(batch=4, batches=1, rows=4, alone=2, length=20)


@pytest.fixture(scope="module")
def path() -> Path:
    return resolve("SmolLM2-135M-Instruct")


@pytest.fixture(scope="module")
def workloads(loaded_model: Model) -> dict[str, Workload]:
    return {w.name: w for w in build(loaded_model, list(WORKLOADS), SIZES)}


def job_for(work: Workload, name: str, path: Path, rows: tuple[Row, ...] | None = None) -> Job:
    return Job(
        arm=name,
        model=str(path),
        kind=work.kind,
        arrangement=ONE,
        rows=rows or work.rows,
        warmup=work.warmup[:2],
    )


def test_a_name_gives_the_requantised_file_and_a_path_itself(path: Path) -> None:
    assert path.name.endswith("-Q4_0_I.gguf")
    assert resolve(str(path)) == path


def test_prompts_have_exact_lengths(workloads: dict[str, Workload], loaded_model: Model) -> None:
    def lengths(rows: tuple[Row, ...]) -> set[tuple[int, int]]:
        read = [loaded_model.tokenise(row.prompt) for row in rows]
        assert [(*r.shared, *r.own) for r in read] == [row.tokens for row in rows]
        return {(len(r.shared), len(r.own)) for r in read}

    assert lengths(workloads["evolve"].rows) == {(150, 30)}
    assert lengths(workloads["k4"].rows) == {(150, 30)}
    assert lengths(workloads["k4-long"].rows) == {(0, 200)}
    assert lengths(workloads["k4-long"].apart) == {(0, 200)}
    assert lengths(workloads["score"].rows) == {(0, 40)}
    assert {len(r.continuation_tokens) for r in workloads["score"].rows} == {60}
    assert len({row.tokens for row in workloads["k4"].rows}) == 1
    assert len({row.seed for row in workloads["k4"].rows}) == 4
    assert len({row.tokens for row in workloads["k4-long"].apart}) == 4
    shared = {row.tokens[:150] for row in workloads["evolve"].rows + workloads["evolve"].warmup}
    assert len(shared) == 1
    warm = {row.tokens for row in workloads["evolve"].warmup}
    assert not warm & {row.tokens for row in workloads["evolve"].rows}


def test_text_of_an_exact_length() -> None:
    def count(text: str) -> int:
        return sum(len(word) for word in text.split())  # a token a letter

    chance = random.Random(1)
    assert count(text_of(10, count, ("ab", "abc"), chance)) == 10
    with pytest.raises(InputError, match="exactly 7 tokens"):
        text_of(7, count, ("ab", "abcd"), chance)


@pytest.mark.parametrize("name", sorted(arm.OURS))
def test_an_arm_makes_exactly_what_was_asked(
    name: str, workloads: dict[str, Workload], path: Path
) -> None:
    work = workloads["decode"]
    reading = arm.OURS[name](job_for(work, name, path))
    assert reading.tokens == sum(row.max_tokens for row in work.rows) == 16
    assert reading.rows == 4
    assert reading.seconds > 0
    if name == "engine":
        assert 0 < float(reading.details["compute_seconds"]) < float(reading.details["seconds"])
        assert reading.details["contexts"] == 1


@pytest.mark.parametrize("name", ["engine", "llama-class"])
def test_an_arm_scores_exactly_what_was_given(
    name: str, workloads: dict[str, Workload], path: Path
) -> None:
    work = workloads["score"]
    reading = arm.OURS[name](job_for(work, name, path, work.rows[:1]))
    assert (reading.tokens, reading.rows) == (60, 1)


def test_two_lanes_of_the_ceiling_wait_for_each_other(
    workloads: dict[str, Workload], path: Path
) -> None:
    job = job_for(workloads["decode"], "ceiling", path)
    two = msgspec.structs.replace(ONE, contexts=2, slots=1)
    reading = arm.OURS["ceiling"](msgspec.structs.replace(job, arrangement=two))
    assert (reading.tokens, reading.details["waves"]) == (16, 2)


def test_an_arm_runs_in_a_process_of_its_own(workloads: dict[str, Workload], path: Path) -> None:
    work = workloads["decode"]
    reading = run_job(job_for(work, "engine", path))
    assert isinstance(reading, Reading), reading
    assert reading.tokens == 16
    lost = msgspec.structs.replace(job_for(work, "engine", path), model="/nowhere/x.gguf")
    assert "No model '/nowhere/x.gguf' was found" in str(run_job(lost))


@pytest.mark.slow
async def test_endurance_counts_every_sort(path: Path) -> None:
    async with LlamaCpp(path, quantisation=None, slots=4, contexts=1, threads=1) as llm:
        found = await endure(llm, 40, warmup=20)
    assert (found.requests, found.scored) == (40, 4)
    assert 0 <= found.cancelled <= 2
    assert found.first_rate > 0
    assert found.last_rate > 0
    assert found.threads[1] == found.threads[2]
    assert abs(found.growth) < 100
