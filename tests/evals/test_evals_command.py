"""``python -m evals``: its list, bad input, tables and files; and the machine it describes."""

from __future__ import annotations

import io
import json
import re
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from evals.__main__ import PROGRAMS, main
from evals.endurance import endure, rate_of_parts
from evals.machine import Machine, Watch, describe
from evals.options import save
from evals.throughput.cells import NOT_INSTALLED, Cell
from evals.throughput.jobs import Arrangement, Reading
from evals.throughput.report import document, notes, print_report
from evals.throughput.rounds import Measured

MACHINE = Machine(
    cpu="A processor",
    threads=2,
    vectors=("avx2", "fma"),
    compiled="CPU : AVX2 = 1 | AVX512 = 1 | ",
    python="3.11",
    llama_cpp_python="0.3.36",
    evolsynth="0",
)


def found() -> list[Measured]:
    def one(arm: str, *rates: float, problem: str = "", **details: float | str) -> Measured:
        cell = Cell(workload="decode", arm=arm, arrangement=Arrangement(label="some layout"))
        readings = [
            Reading(tokens=round(r), rows=1, seconds=1.0, details=dict(details)) for r in rates
        ]
        return Measured(cell=cell, readings=readings, problem=problem)

    return [
        one("engine", 400, 300, contexts=2, threads=1, others=0.4),
        one("llama-class", 100, 100),
        one("distilabel", problem=NOT_INSTALLED),
    ]


def test_without_a_name_the_programs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(PROGRAMS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["thruput"], "no program 'thruput'"),
        (["throughput", "--rounds", "0"], "'0' is not a whole number from 1"),
        (["throughput", "--only", "engine,mystery"], "'mystery' is unknown"),
        (["throughput", "--workloads", ""], "no name is given"),
        (["throughput", "--model", "no-such.gguf"], "No model 'no-such.gguf' was found"),
        (["throughput", "--json", "."], "that is a folder"),
        (["throughput", "--fast"], "Unrecognized arguments: --fast"),
        (["endurance", "-n", "3"], "at least 20"),
        (["endurance", "-n", "-1"], "'-1' is not a whole number"),
        (["endurance", "--json", "/proc/none/x"], "no file can be written there"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("evals: ")
    assert words in said.err
    assert len(said.err.splitlines()) == 1


def test_the_table_has_every_arm_its_ratio_and_what_is_missing() -> None:
    console = Console(width=120, file=io.StringIO(), record=True)
    print_report(console, MACHINE, "model.gguf", found(), rounds=2)
    text = console.export_text()
    assert "A processor, 2 used; avx2 fma" in text
    assert re.search(r"engine .* 350\.0 .* 300\.0 .* 400\.0 .* 1\.00", text)
    assert re.search(r"llama-class .* 3\.50 ", text)
    assert re.search(rf"distilabel .* {NOT_INSTALLED} .* - ", text)
    assert re.search(r"decode: engine / llama-class .* at least 4\.5 .* 3\.50 .* no", text)
    assert "not measured" in text
    assert "NOT A QUIET MACHINE: others used up to 40%" in text
    assert "2 contexts with 1 thread each" in text


def test_nothing_is_noted_of_arms_that_were_not_measured() -> None:
    assert notes([]) == []


def test_the_document_has_every_round(tmp_path: Path) -> None:
    content = document(MACHINE, Path("/a/b/model.gguf"), [], found(), rounds=2, quick=True)
    save(tmp_path / "out.json", content)
    read = json.loads((tmp_path / "out.json").read_text())
    assert read["model"] == "model.gguf"
    assert read["machine"]["avx512"] is True
    engine, _, missing = read["measured"]
    assert [r["tokens"] for r in engine["rounds"]] == [400, 300]
    assert engine["median"]["tokens_per_second"] == 350
    assert (missing["problem"], missing["rounds"], missing["median"]) == (NOT_INSTALLED, [], None)
    assert [p["kept"] for p in read["promises"]].count(False) == 1
    assert not list(tmp_path.glob("*.partial"))


def test_the_machine_is_named(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "processor\t: 0\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Some CPU\n"
        "flags\t\t: fpu avx2 fma amx_int8\n\nprocessor\t: 1\nmodel name\t: Other\n"
    )
    machine = describe(cpuinfo)
    assert machine.cpu == "Some CPU (family 6, model 85)"
    assert machine.vectors == ("avx2", "fma", "amx_int8")
    assert describe(tmp_path / "none").vectors == ()


def test_what_others_use_is_seen(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 100 9000 0 0 0 0 0 0\n")
    watch = Watch(stat)
    stat.write_text("cpu  90000 0 100 9000 0 0 0 0 0 0\n")
    assert watch.others() == 1.0
    stat.write_text("cpu  100 0 100 99000 99000 0 0 0 0 0\n")  # idle and waiting is not work
    assert watch.others() == 0.0
    assert Watch(tmp_path / "none").others() is None


def test_a_run_that_slows_down_shows_in_its_last_tenth() -> None:
    even = [i * 0.1 for i in range(1, 101)]
    assert rate_of_parts(0.0, even) == pytest.approx((10, 10))
    slower = [*even[:90], *(9 + i * 0.2 for i in range(1, 11))]
    assert rate_of_parts(0.0, slower) == pytest.approx((10, 5))


@pytest.mark.real
def test_json_without_a_path_goes_to_standard_output_and_the_table_does_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.endurance.endure", partial(endure, warmup=2))
    assert main(["endurance", "-n", "20", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["endurance"]["requests"] == 20
    assert "of the first" in said.err


def test_json_of_a_run_is_one_document(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of several workloads: a file is written after each, standard output once."""
    monkeypatch.setattr("evals.throughput.command.measure", lambda *_, **__: [])
    workloads = ["--workloads", "decode,score"]
    assert main(["throughput", "--quick", "--json", *workloads]) == 0
    said = capsys.readouterr()
    names = [workload["name"] for workload in json.loads(said.out)["workloads"]]
    assert names == ["decode", "score"]
    assert "Wanted and measured" in said.err
