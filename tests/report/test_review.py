"""Marks of a person: read, put over verdicts, held against the gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.cli.main import main
from evolsynth.data.files import read_dataset
from evolsynth.errors import InputError
from evolsynth.report.review import Mark, agreement, hints, interval, read_marks, reviewed
from evolsynth.rows import Failure, Row, Verdict, write_rows

KEEP, DROP = Mark(mark="keep"), Mark(mark="drop", note="dull")
YES = Verdict(accepted=True, tier="verified")


def test_a_kept_row_is_accepted_and_says_what_was_overruled() -> None:
    row = Row.make("a").reject("too_short", "repetition")
    (made,) = reviewed([row], {row.id: KEEP})
    assert made.verdict is not None
    assert (made.status, made.verdict.reasons, made.id) == ("accepted", (), row.id)
    told = {"mark": "keep", "overruled": ["too_short", "repetition"]}
    assert made.verdict.details["reviewed"] == told


def test_a_dropped_row_is_rejected_and_carries_the_note() -> None:
    row = Row.make("a", verdict=YES)
    (made,) = reviewed([row], {row.id: DROP})
    assert made.verdict is not None
    assert (made.status, made.verdict.reasons) == ("rejected", ("reviewed",))
    told = {"mark": "drop", "note": "dull", "overruled": ["accepted"]}
    assert made.verdict.details["reviewed"] == told
    (again,) = reviewed([made], {row.id: DROP})
    assert again.verdict is not None
    assert again.verdict.reasons == ("reviewed",)


def test_agreeing_overrules_nothing_and_a_note_alone_changes_no_verdict() -> None:
    yes, no, bare = Row.make("a", verdict=YES), Row.make("b").reject("too_short"), Row.make("c")
    marks = {yes.id: KEEP, no.id: Mark(note="why?"), bare.id: Mark(note="hm")}
    made = list(reviewed([yes, no, bare], marks))
    assert [row.status for row in made] == ["accepted", "rejected", "pending"]
    assert made[0].verdict is not None
    assert made[0].verdict.details["reviewed"] == {"mark": "keep"}
    assert made[1].verdict is not None
    assert made[1].verdict.reasons == ("too_short",)
    assert made[2] == bare


def test_a_row_that_failed_stays_failed_and_an_unchecked_one_gets_a_verdict() -> None:
    failed = Row.make("a", failure=Failure(step="respond", error="EngineError", message="x"))
    bare = Row.make("b")
    made = list(reviewed([failed, bare], {failed.id: KEEP, bare.id: KEEP}))
    assert [row.status for row in made] == ["failed", "accepted"]


def test_agreement_is_counted_in_all_and_by_reason() -> None:
    rows = [Row.make(f"y{n}", verdict=YES) for n in range(4)]
    rows += [Row.make(f"n{n}").reject("too_short") for n in range(3)]
    rows += [Row.make("p"), Row.make("q").reject()]
    marks = {row.id: KEEP for row in rows[:3]} | {rows[3].id: DROP, rows[4].id: KEEP}
    marks |= {rows[5].id: DROP, rows[6].id: Mark(note="x"), rows[7].id: KEEP, rows[8].id: DROP}
    found = [(one.kind, one.rows, one.agreed) for one in agreement(rows, marks)]
    assert found == [("all", 7, 5), ("accepted", 4, 3), ("too_short", 2, 1), ("no reason", 1, 1)]
    assert agreement(rows, {}) == []


@given(st.integers(0, 200), st.integers(1, 200))
def test_an_interval_holds_its_share(part: int, whole: int) -> None:
    part = min(part, whole)
    low, high = interval(part, whole)
    assert 0 <= low <= part / whole + 1e-9
    assert part / whole - 1e-9 <= high <= 1


def scored(values: list[float], name: str, mark: Mark) -> tuple[list[Row], dict[str, Mark]]:
    rows = [Row.make(f"{mark.mark} {v}", scores={name: v}, verdict=YES) for v in values]
    return rows, {row.id: mark for row in rows}


def test_a_threshold_is_suggested_where_a_score_tells_the_two_apart() -> None:
    good, kept = scored([n / 100 for n in range(10)], "information_loss", KEEP)
    bad, dropped = scored([0.3 + n / 100 for n in range(9)], "information_loss", DROP)
    (hint,) = hints([*good, *bad], {**kept, **dropped})
    assert (hint.value, hint.above, hint.kept, hint.dropped) == ("information_loss", True, 10, 9)
    assert hint.threshold == pytest.approx(0.195)
    assert hint.right == 1


def test_none_is_suggested_of_few_marks_or_of_a_score_that_tells_nothing() -> None:
    good, kept = scored([n / 100 for n in range(10)], "ifd", KEEP)
    bad, dropped = scored([0.3 + n / 100 for n in range(7)], "ifd", DROP)
    assert hints([*good, *bad], {**kept, **dropped}) == []
    mixed, marks = scored([n / 100 + 0.005 for n in range(10)], "ifd", DROP)
    assert hints([*good, *mixed], {**kept, **marks}) == []


def test_what_checks_measured_counts_by_the_name_of_the_check() -> None:
    def row(n: int, mark: Mark) -> tuple[Row, Mark]:
        near = 0.9 + n / 1000
        return Row.make(f"{n}").reject("near_duplicate", near_duplicate={"similarity": near}), mark

    pairs = [row(n, KEEP) for n in range(9)] + [row(n, DROP) for n in range(50, 59)]
    (hint,) = hints([one for one, _ in pairs], {one.id: mark for one, mark in pairs})
    assert (hint.value, hint.above) == ("near_duplicate", True)
    assert 0.908 < hint.threshold < 0.95


BAD = {
    "{": "this is no JSON",
    "[1]": "a mark is an object with an 'id'",
    '{"mark": "keep"}': "the mark has no 'id'",
    '{"id": 7, "mark": "keep"}': "the mark has no 'id'",
    '{"id": "a", "mark": "maybe"}': '\'mark\' is "maybe". Give "keep" or "drop"',
    '{"id": "a", "mark": ["keep"]}': 'Give "keep" or "drop"',
    '{"id": "a", "note": 3}': "'note' is no text",
    '{"id": "a"}': "neither a 'mark' nor a 'note'",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_told_with_its_number(line: str) -> None:
    with pytest.raises(InputError) as told:
        read_marks(['{"id": "a", "note": "x"}\n', "\n", line], "marks.jsonl")
    assert str(told.value).startswith("marks.jsonl, line 3: ")
    assert BAD[line] in str(told.value)
    with pytest.raises(InputError, match=r"m: there is no mark in it"):
        read_marks(["\n"], "m")


def test_the_last_mark_of_a_row_counts() -> None:
    lines = ['{"id": "a", "mark": "keep"}', '{"id": "a", "mark": "drop", "note": "no"}']
    assert read_marks(lines, "m") == {"a": Mark(mark="drop", note="no")}


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def marked(tmp_path: Path) -> tuple[Path, Path, list[Row]]:
    rows = [Row.make("a", response="x", verdict=YES), Row.make("b", response="y").reject("empty")]
    write_rows(tmp_path / "rows.jsonl", rows)
    told: list[dict[str, Any]] = [{"id": rows[0].id, "mark": "drop", "note": "dull"},
                                  {"id": rows[1].id, "mark": "keep"}]  # fmt: skip
    marks = tmp_path / "marks.jsonl"
    marks.write_text("".join(json.dumps(one) + "\n" for one in told), encoding="utf-8")
    return tmp_path / "rows.jsonl", marks, rows


def test_the_command_writes_who_is_accepted_now_and_tells_how_far_both_agree(
    marked: tuple[Path, Path, list[Row]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, marks, rows = marked
    yes, no = tmp_path / "yes.jsonl", tmp_path / "no.jsonl"
    given = ["review", "apply", str(data), str(marks), "-o", str(yes), "--rejects", str(no)]
    assert main(given) == 0
    assert [row.id for row in read_dataset(yes)] == [rows[1].id]
    (dropped,) = read_dataset(no)
    assert dropped.verdict is not None
    assert dropped.verdict.details["reviewed"]["note"] == "dull"
    told = capsys.readouterr().err
    assert "2 marks: 1 rows more are accepted, 1 more are rejected." in told
    assert "You and the gate agree: 0 of 2 (0%, 95% interval 0% to 66%)" in told
    assert "on empty: 0 of 1" in told


def test_marks_of_other_rows_are_refused_and_none_may_be_written_over(
    marked: tuple[Path, Path, list[Row]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, marks, _ = marked
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "nobody", "mark": "keep"}\n', encoding="utf-8")
    out = str(tmp_path / "out.jsonl")
    assert main(["review", "apply", str(data), str(other), "-o", out]) == 1
    assert "none of its 1 marks is of a row of" in capsys.readouterr().err
    assert main(["review", "apply", str(data), str(marks), "-o", str(marks)]) != 0
    assert main(["review", "apply", str(data), str(tmp_path / "none"), "-o", out]) == 1
    assert not Path(out).exists()
