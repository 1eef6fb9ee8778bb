"""Medians, ratios, promises and the order of rounds, on readings made up here."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.throughput import cells, rounds
from evals.throughput.cells import AGAINST, APART, Cell, plan
from evals.throughput.figures import best, engine_of, figure_of, promises, ratio, share
from evals.throughput.jobs import Arrangement, Job, Reading, Row
from evals.throughput.rounds import Measured, in_order, measure, quietest, shortfall
from evals.throughput.workloads import Workload
from evolsynth.llm.base import Prompt


def reading(rate: float, rows: int = 10, **details: float | int | str) -> Reading:
    return Reading(tokens=round(rate * 10), rows=rows, seconds=10.0, details=details)


def measured(
    workload: str,
    arm: str,
    *readings: Reading,
    against: str = AGAINST[0],
    problem: str = "",
    **layout: int,
) -> Measured:
    label = "apart" if not layout else " x ".join(map(str, layout.values()))
    arrangement = Arrangement(label=label, **layout)
    cell = Cell(workload=workload, arm=arm, arrangement=arrangement, against=against)
    return Measured(cell=cell, readings=list(readings), problem=problem)


def workload(name: str = "decode", **fields: object) -> Workload:
    row = Row(prompt=Prompt.of("a"), tokens=(1, 2), message="a", seed=0, max_tokens=5)
    given = {"rows": (row,) * 40, "warmup": (row,) * 10, "alone": 3, **fields}
    return Workload(name=name, about="", **given)  # type: ignore[arg-type]


def test_a_figure_is_the_median_and_keeps_the_extremes() -> None:
    found = figure_of([reading(100, 5), reading(900, 30), reading(200, 10)])
    assert found is not None
    assert (found.tokens_per_second, found.rows_per_second) == (200, 1.0)
    assert (found.low, found.high) == (100, 900)
    assert figure_of([]) is None


def test_the_best_is_so_by_its_median_not_by_its_luckiest_round() -> None:
    lucky = measured("decode", "ceiling", reading(10), reading(900), reading(20))
    steady = measured("decode", "ceiling", reading(50), reading(60), reading(70))
    never = measured("decode", "ceiling", problem="failed: x")
    assert best([lucky, never, steady]) is steady
    assert best([never]) is None


def test_ratios_are_of_tokens_or_of_rows() -> None:
    first, second = measured("x", "engine", reading(100, 30)), measured("x", "b", reading(50, 10))
    assert ratio(first, second) == 2
    assert ratio(first, second, rows=True) == 3
    assert ratio(first, None) is ratio(None, second) is None
    assert ratio(first, measured("x", "b", problem="not installed")) is None


def test_the_engine_is_compared_as_candidates_never_as_separate_prompts() -> None:
    apart = measured("k4-long", "engine", reading(900))
    apart.cell = Cell(workload="k4-long", arm="engine", arrangement=Arrangement(label=APART))
    forks = measured("k4-long", "engine", reading(100))
    assert engine_of([apart, forks], "k4-long", AGAINST[0]) is forks


def test_the_engines_own_part_is_of_one_context_with_16_slots() -> None:
    one = measured(
        "decode",
        "engine",
        reading(160, seconds=10.0, compute_seconds=9.5),
        against=AGAINST[1],
        contexts=1,
        slots=16,
    )
    two = measured(
        "decode",
        "engine",
        reading(160, seconds=10.0, compute_seconds=1.0),
        against=AGAINST[1],
        contexts=2,
        slots=8,
    )
    assert share([two]) is None
    found = share([two, one])
    assert found is not None
    assert found == pytest.approx((5.0, 5.0))  # 0.5 s of 100 steps


def test_promises_ask_more_where_there_is_avx512() -> None:
    found = [
        measured("decode", "engine", reading(400, contexts=2, threads=1)),
        measured("decode", "llama-class", reading(100)),
        measured("decode", "ceiling", reading(410), contexts=2, threads=1, slots=32),
        measured("decode", "ceiling", reading(999), contexts=1, threads=2, slots=32),
    ]
    plain = {p.name: p for p in promises(found, avx512=False)}
    wide = {p.name: p for p in promises(found, avx512=True)}
    name = "decode: engine / llama-class"
    assert (plain[name].measured, plain[name].kept, wide[name].kept) == (4, True, False)
    own_layout = plain["decode, as the engine comes: engine / ceiling of that arrangement"]
    assert own_layout.measured == pytest.approx(400 / 410)
    assert plain["evolve, rows: engine / llama-server"].kept is None
    assert len(plain) == 8


def test_the_own_part_of_a_step_must_be_small() -> None:
    one = measured(
        "decode",
        "engine",
        reading(160, seconds=10.0, compute_seconds=9.9),
        against=AGAINST[1],
        contexts=1,
        slots=16,
    )
    last = promises([one], avx512=True)[-1]
    assert (round(last.measured or 0, 6), last.kept) == (1, True)


# The plan and its rounds -------------------------------------------------------------------------


def test_every_arm_asked_for_is_in_the_plan_even_if_not_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cells, "missing", lambda arm: cells.PEERS.get(arm) is not None)
    found = {c.arm: c.problem for c in plan(workload(), cells.ARMS, 2, quick=False)}
    assert set(found) == set(cells.ARMS)
    assert found["distilabel"] == found["llama-server"] == "not installed: make peers"
    assert found["engine"] == ""
    assert cells.command_of("llama-server", "python")[0].endswith(".venv-peers/bin/python")


def test_a_venv_that_is_not_whole_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / ".venv-peers").mkdir()
    assert cells.missing("distilabel", tmp_path)
    (tmp_path / ".venv-peers" / ".evolsynth-peers").touch()
    assert not cells.missing("distilabel", tmp_path)
    assert not cells.missing("engine", tmp_path / "nowhere")


def test_what_peers_cannot_do_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "missing", lambda _: False)
    found = {c.arm: c for c in plan(workload("score", kind="score"), cells.ARMS, 2, quick=False)}
    assert found["llama-server"].problem == found["distilabel"].problem == "not offered"
    assert "ceiling" not in found


@pytest.mark.parametrize(
    ("threads", "layouts"),
    [
        (1, {(1, 1, 16)}),
        (2, {(1, 2, 16), (2, 1, 8)}),
        (6, {(1, 6, 16), (4, 1, 4)}),
        (64, {(1, 64, 16), (16, 4, 1)}),
    ],
)
def test_sixteen_sequences_are_sixteen_in_every_layout(
    threads: int, layouts: set[tuple[int, int, int]]
) -> None:
    found = [
        c.arrangement
        for c in plan(workload(), ["ceiling", "engine"], threads, quick=False)
        if c.against == AGAINST[1]
    ]
    assert {(a.contexts, a.threads, a.slots) for a in found} == layouts
    assert len(found) == 2 * len(layouts)  # the ceiling and the engine in each


def test_arms_that_answer_one_by_one_get_fewer_rows() -> None:
    alone = Cell(workload="decode", arm="llama-class", arrangement=Arrangement(label=""))
    many = Cell(workload="decode", arm="engine", arrangement=Arrangement(label=""))
    assert len(cells.job_of(alone, workload(), Path("m")).rows) == 3
    assert len(cells.job_of(many, workload(), Path("m")).rows) == 40


def test_every_second_round_goes_backwards() -> None:
    asked: list[str] = []

    def run(job: Job) -> Reading | str:
        asked.append(job.arm)
        return "failed: no luck" if job.arm == "b" and len(asked) == 2 else reading(1)

    plain = [
        Cell(workload="x", arm=arm, arrangement=Arrangement(label="")) for arm in ("a", "b", "c")
    ]
    plain.append(
        Cell(workload="x", arm="d", arrangement=Arrangement(label=""), problem="not offered")
    )
    said: list[str] = []
    found = measure(workload("x"), plain, Path("m"), rounds=3, say=said.append, run=run)
    assert asked == ["a", "b", "c", "c", "a", "a", "c"]  # b failed in its first round
    assert [len(m.readings) for m in found] == [3, 0, 3, 0]
    assert [m.problem for m in found] == ["", "failed: no luck", "", "not offered"]
    assert "round 1 of 3: x, b: failed: no luck" in said
    assert in_order("abc", 1) == ["c", "b", "a"]


def test_an_arm_that_made_fewer_tokens_than_asked_is_no_figure() -> None:
    cell = Cell(workload="decode", arm="engine", arrangement=Arrangement(label=""))
    job = cells.job_of(cell, workload(), Path("m"))
    assert shortfall(job, Reading(tokens=200, rows=40, seconds=1.0)) == ""
    assert "199 tokens of 200" in shortfall(job, Reading(tokens=199, rows=40, seconds=1.0))


def test_a_disturbed_reading_is_taken_again() -> None:
    job = cells.job_of(
        Cell(workload="decode", arm="engine", arrangement=Arrangement(label="")),
        workload(),
        Path("m"),
    )
    noise = iter([0.5, 0.2, 0.01, 0.0])
    found = quietest(job, lambda _: reading(1, others=next(noise)))
    assert isinstance(found, Reading)
    assert (found.details["others"], found.details["tries"]) == (0.01, 3)
    loud = iter([0.5, 0.2, 0.3])
    least = quietest(job, lambda _: reading(1, others=next(loud)))
    assert isinstance(least, Reading)
    assert least.details["others"] == 0.2
    assert quietest(job, lambda _: "failed: x") == "failed: x"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import sys; print('first'); sys.exit('the reason')", "failed: the reason"),
        ("print('no reading')", "failed: it printed no reading but b'no reading'"),
        ("import time; time.sleep(20)", "failed: not done after 0 s"),
    ],
)
def test_an_arm_that_fails_says_why(
    program: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "command_of", lambda _, python: [python, "-c", program])
    cell = Cell(workload="decode", arm="engine", arrangement=Arrangement(label=""))
    job = cells.job_of(cell, workload(), Path("m"))
    limit = 0.3 if "sleep" in program else 60
    assert rounds.run_job(job, limit=limit) == reason
