"""Two sets side by side: shares with intervals, variety at equal size, what only one has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evolsynth.cli.main import main
from evolsynth.evaluation.diversity.measures import Figure
from evolsynth.report.build import comparison_page
from evolsynth.report.comparison import Comparison, Line, compare_sets, told
from evolsynth.rows import Failure, Row, Verdict, write_rows

HOSTILE = "</title><script>alert(1)</script>"


class Letters:
    """An embedder for tests: how often each of eight letters stands in a text."""

    name = "letters"

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        rows = np.array([[t.count(c) + 0.01 for c in "abcdeorn"] for t in texts], np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def accepted(text: str, task: str = "fact", **more: Any) -> Row:
    return Row.make(text, verdict=Verdict(accepted=True, task=task, tier="verified"), **more)


ONE = [accepted(f"Name river {n}.", method="magpie", response="Po " * 5) for n in range(60)]
ONE += [Row.make(f"bad {n}", method="magpie").reject("too_short") for n in range(20)]
OTHER = [accepted(f"Sort these letters: {'ab' * n}", "ordering", response="Po") for n in range(40)]
OTHER += [Row.make(f"worse {n}").reject("repetition", "too_short") for n in range(59)]
OTHER += [Row.make("lost", failure=Failure(step="respond", error="EngineError", message="x"))]
OTHER += ONE[:5]


def found(**options: Any) -> Comparison:
    given: dict[str, Any] = {"names": ("a", "b"), "embedder": None, **options}
    return compare_sets(ONE, OTHER, **given)


def lines(title: str, comparison: Comparison) -> dict[str, Line]:
    (table,) = (table for table in comparison.tables if table.title.startswith(title))
    return {line.name: line for line in table.lines}


def test_the_yield_and_its_reasons_have_intervals_and_tell_what_is_apart() -> None:
    shown = lines("Why rows were rejected", found())
    assert list(shown) == ["accepted", "repetition", "too_short", "failed: EngineError"]
    both = shown["accepted"]
    assert (told(both.one, share=True), told(both.other, share=True)) == (
        "75.0% (64.5–83.2)",
        "42.9% (33.8–52.4)",
    )
    assert both.apart
    assert not shown["failed: EngineError"].apart
    counts = lines("Rows", found())
    assert [(n, told(i.one, share=False), told(i.other, share=False)) for n, i in counts.items()] \
        == [("rows", "80", "105"), ("accepted", "60", "45"),
            ("rejected", "20", "59"), ("failed", "0", "1")]  # fmt: skip


def test_kinds_and_lengths_are_of_accepted_rows() -> None:
    assert lines("Kinds of task", found())["fact"].apart
    assert lines("Methods", found())["input"].other == lines("Kinds", found())["ordering"].other
    response = lines("Mean words", found())["response"]
    assert response.one == Figure(5.0, 5.0, 5.0)
    assert response.apart


def test_variety_is_told_at_equal_size_and_of_each_set_what_is_least_like_the_other() -> None:
    comparison = found(embedder=Letters())
    (variety,) = (t for t in comparison.tables if t.title.startswith("Variety"))
    assert variety.title == "Variety, at 45 rows each"
    vendi = variety.lines[0]
    assert vendi.one is not None
    assert vendi.one.low is not None
    assert vendi.one.low <= vendi.one.value
    (only_one, far), (only_other, other_far) = comparison.only
    assert (only_one, only_other) == (55, 40)
    assert all(text.startswith("Name river") for text in far)
    assert all(text.startswith("Sort these letters") for text in other_far)
    assert "without an embedder" in found().notes[0]


def test_rows_that_nobody_judged_are_compared_as_they_are() -> None:
    plain = [Row.make(f"Question {n}?") for n in range(3)]
    comparison = compare_sets(plain, plain, names=("a", "b"), embedder=None)
    assert [count for count, _ in comparison.only] == [0, 0]
    assert lines("Rows", comparison)["unchecked"].one == Figure(3.0)
    assert not any(line.apart for table in comparison.tables for line in table.lines)


def test_a_set_without_a_text_or_a_row_is_survived() -> None:
    empty = compare_sets([Row.make(None)], [], names=("a", "b"), embedder=Letters())
    assert not any(table.title.startswith("Variety") for table in empty.tables)
    assert told(None, share=True) == "–"


def test_the_page_has_no_script_and_takes_no_text_for_markup() -> None:
    rows = [accepted(HOSTILE, HOSTILE, method=HOSTILE), Row.make("x").reject(HOSTILE)]
    page = comparison_page(compare_sets(rows, ONE, names=(HOSTILE, "b"), embedder=None))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def test_the_command_shows_both_and_writes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other, out = (str(tmp_path / name) for name in ("one.jsonl", "two.jsonl", "page.html"))
    write_rows(one, ONE)
    write_rows(other, OTHER)
    assert main(["compare", one, other, "--no-embedder", "-o", out]) == 0
    shown = capsys.readouterr().out
    assert "75.0% (64.5–83.2)" in shown
    assert "55 texts only in one.jsonl, such as" in shown
    assert "two.jsonl" in Path(out).read_text(encoding="utf-8")


def test_nothing_to_compare_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, empty = str(tmp_path / "one.jsonl"), str(tmp_path / "empty.jsonl")
    write_rows(one, ONE[:1])
    Path(empty).touch()
    assert main(["compare", one, empty, "--no-embedder"]) == 1
    assert "nothing can be compared" in capsys.readouterr().err
    assert main(["compare", one, one, "--no-embedder", "-o", one]) != 0
