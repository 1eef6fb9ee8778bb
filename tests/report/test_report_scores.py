"""Scores in the report: shown where rows carry them, and only there."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evolsynth.report.build import build_report
from evolsynth.report.tallies import score_distributions
from evolsynth.rows import Row, Verdict

YES = Verdict(accepted=True)


def row(number: int, **scores: float) -> Row:
    return Row.make(f"Name {number} rivers.", scores=scores)


ROWS = [
    row(1, ifd=0.2).replace(verdict=YES),
    row(2, ifd=0.4, quality=5).replace(verdict=YES),
    row(3, ifd=1.4).reject("high_ifd"),
    row(4),
]


def test_each_score_is_shown_by_what_became_of_the_rows() -> None:
    found = score_distributions(ROWS)
    assert [(d.name, d.group, d.number) for d in found] == [
        ("ifd", "accepted", 2),
        ("ifd", "rejected", 1),
        ("quality", "accepted", 1),
    ]
    first, second, _ = found
    assert (first.mean, first.quartiles[1]) == pytest.approx((0.3, 0.3))
    assert (first.low, first.high) == (0.2, 1.4)
    assert first.bars.strip("\N{FIGURE SPACE}") == first.bars.rstrip("\N{FIGURE SPACE}")
    assert second.bars.endswith("█")


def test_the_page_has_a_table_of_them() -> None:
    page = build_report(ROWS, embedder=None)
    assert 'href="#scores"' in page
    assert 'id="score-table"' in page


def test_rows_without_scores_have_no_such_section() -> None:
    assert 'id="scores"' not in build_report([row(1)], embedder=None)


def test_the_name_of_a_score_is_no_markup() -> None:
    page = build_report([row(1, **{"<img src=x>": 1.0})], embedder=None)
    assert "<img src=x>" not in page


@given(st.lists(st.floats(), max_size=30))
@example([1.7e308, -1.7e308, 1.7e308])
@example([5e-324, 0.0])
def test_any_numbers_have_a_distribution(values: list[float]) -> None:
    found = score_distributions([row(i, s=value) for i, value in enumerate(values)])
    assert len(found) <= 1
    for one in found:
        assert one.low <= one.quartiles[1] <= one.high
        assert 1 <= len(one.bars) <= 24
