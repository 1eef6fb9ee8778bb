"""The program that counts preference pairs of seeds: what it draws, makes, writes and reads."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.preference import READINGS, SETS, drawn, evolved, paired, readings, write_pairs
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted
from evolsynth.rows import Row, Verdict

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(SETS))
def test_seeds_are_drawn_by_a_number(name: str) -> None:
    some = drawn(name, 10, 7)
    assert len({row.instruction for row in some}) == 10
    assert [row.id for row in drawn(name, 10, 7)] == [row.id for row in some]
    assert [row.id for row in drawn(name, 10, 8)] != [row.id for row in some]


def test_rows_of_a_file_are_drawn_without_their_verdicts(tmp_path: Path) -> None:
    good = Verdict(accepted=True)
    some = [Row.make(f"Name {n} stars.", response="Vega.", verdict=good) for n in range(12)]
    file = tmp_path / "accepted.jsonl"
    whole = [*some, Row.make("Say nothing.", verdict=good)]
    file.write_text("".join(f"{row.to_json()}\n" for row in whole))
    rows = drawn("tasks", 12, 7, file)
    assert {row.instruction for row in rows} == {row.instruction for row in some}
    assert not any(row.settled for row in rows)
    assert [row.id for row in drawn("tasks", 5, 8, file)] != [row.id for row in rows[:5]]


async def test_seeds_are_given_a_demand() -> None:
    some = [Row.make("How do I clean a carpet?"), Row.make("Describe a lake in spring.")]
    rows = await evolved(Scripted(lambda _: "Briefly."), some, seed=3)
    assert [row.provenance["instruction"]["root"] for row in rows] == [
        row.instruction for row in some
    ]
    assert all(row.provenance["instruction"]["demands"] for row in rows)


async def test_pairs_are_written_without_telling_which_was_chosen(tmp_path: Path) -> None:
    sorry = "I'm sorry, but I cannot help with that."

    def answer(request: Request) -> str:
        return sorry if request.sampling.temperature > 1 else "Reeds stand at the lake."

    llm = Scripted(answer)
    some = [Row.make(f"Say what grows at lake {number}.") for number in range(8)]
    rows = await paired(llm, some, samples=4, seed=3)
    assert {row.status for row in rows} == {"accepted"}
    place = tmp_path / "pairs.jsonl"
    write_pairs(place, rows)
    shown = [json.loads(line) for line in place.read_text().splitlines()]
    key = [json.loads(line) for line in place.with_suffix(".key.jsonl").read_text().splitlines()]
    assert [pair[one["chosen"]] for pair, one in zip(shown, key, strict=True)] == [
        row.extra["chosen"] for row in rows
    ]
    assert {one["chosen"] for one in key} == {"first", "second"}
    assert not any({"chosen", "rejected", "scores"} & pair.keys() for pair in shown)


def test_readings_are_counted_by_sets(tmp_path: Path) -> None:
    lines = [
        {"set": "a", "chosen": "x", "rejected": "y", "prefers": "chosen"},
        {"set": "a", "chosen": "x", "rejected": "y", "prefers": "neither"},
        {"set": "a", "reason": "tie"},
        {"set": "b", "chosen": "x", "rejected": "y", "prefers": "rejected"},
    ]
    file = tmp_path / "read.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    one, two = readings(file)
    assert (one.seeds, one.pairs, one.chosen, one.neither, one.rejected) == (3, 2, 1, 1, 0)
    assert (two.seeds, two.pairs, two.chosen, two.rejected) == (1, 1, 0, 1)


def test_what_was_read_is_whole_and_is_what_the_page_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [json.loads(line) for line in READINGS.read_text("utf-8").splitlines()]
    assert len({line["id"] for line in lines}) == len(lines)
    for line in lines:
        if "chosen" in line:
            assert line["chosen"] != line["rejected"]
            assert line["prefers"] in ("chosen", "neither", "rejected")
            assert line["why"]
        else:
            assert line["reason"] in ("tie", "no_good_response", "same_response")
    page = (ROOT / "docs/responses.md").read_text("utf-8")
    for one in readings(READINGS):
        read = f"{one.chosen} | {one.neither} | {one.rejected}"
        told = f"| {one.set} | {one.pairs} of {one.seeds} | {read} |"
        assert told in page, told
    assert main(["preference", "--readings"]) == 0
    assert "a reader prefers the chosen side" in capsys.readouterr().out


def test_chosen_sides_still_pass_the_gates_checks() -> None:
    """All but a few: rules that came after the reading may find more."""
    lines = [json.loads(line) for line in READINGS.read_text("utf-8").splitlines()]
    sides: Counter[tuple[str, bool]] = Counter()
    for line in lines:
        for side in ("chosen", "rejected"):
            if side in line:
                row = Row.make(line["instruction"], response=line[side])
                sides[side, not part_findings(row, "response")] += 1
    assert sides["chosen", True] >= 0.9 * (sides["chosen", True] + sides["chosen", False])
    assert sides["rejected", True] < sides["rejected", False]
