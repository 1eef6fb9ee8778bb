"""What is looked at first: rows of many kinds, rounds, duplicates, what a person said."""

from __future__ import annotations

import re
from typing import Any

import pytest

from evolsynth.report.build import build_report
from evolsynth.report.cells import cells
from evolsynth.report.review import Mark, reviewed
from evolsynth.report.tallies import rejected_rows, rounds_of, twins_of, worth_reading
from evolsynth.rows import Row, Verdict
from evolsynth.store.store import StepCounts


def accepted(text: str, task: str = "fact", tier: Any = "verified", **more: Any) -> Row:
    return Row.make(text, verdict=Verdict(accepted=True, task=task, tier=tier), **more)


def test_rows_worth_reading_differ_in_kind_and_are_the_best_of_it() -> None:
    rows = [accepted("a" * n, method="magpie") for n in range(1, 8)]
    rows += [accepted("b" * 90, method="computed"), accepted("c", "ordering", "unverified")]
    rows += [accepted("d", "ordering"), Row.make("e").reject("too_short"), accepted("")]
    found = worth_reading(rows)
    assert [row.instruction for row in found] == ["a" * 4, "d", "b" * 90]
    assert worth_reading([]) == []
    many = [accepted(f"{n}", f"task {n}") for n in range(9)]
    assert len(worth_reading(many)) == 5


def test_rejected_rows_have_different_reasons_the_most_frequent_first() -> None:
    rows = [Row.make(f"a {n}").reject("too_short", "repetition") for n in range(3)]
    rows += [Row.make("b").reject("repetition"), Row.make("c").reject(), Row.make("").reject("x")]
    assert [row.instruction for row in rejected_rows(rows)] == ["a 1", "b", "c"]
    html = build_report(rows, embedder=None)
    assert re.findall(r'<a href="#row=(\w+)"><bdi>(?:a 1|b|c)</bdi>', html) == [
        row.id for row in rejected_rows(rows)
    ]


def test_each_round_tells_what_it_kept_and_how_many_passed() -> None:
    rows = [accepted("Name a river."), Row.make("x").reject("too_short")]
    for number, losses in ((1, (0.0, 0.2)), (2, (0.4, 0.8))):
        for loss in losses:
            made = accepted(
                f"Name a river. {loss}", round=number, scores={"information_loss": loss}
            )
            rows.append(made if loss < 0.5 else made.reject("information_loss"))
    originals, first, second = rounds_of(rows)
    assert (originals.rows, originals.accepted, originals.kept) == (2, 1, None)
    assert (first.rows, first.accepted, first.words) == (2, 2, 4)
    assert first.kept == pytest.approx(0.9)
    assert (second.accepted, second.measured) == (1, 2)
    assert second.kept == pytest.approx(0.4)
    assert rounds_of(rows[:2]) == []
    assert "another round still pay" in build_report(rows, embedder=None)
    assert "another round still pay" not in build_report(rows[:2], embedder=None)


def test_duplicates_stand_under_the_row_that_was_kept() -> None:
    kept, other = accepted("Name a river."), accepted("Sort this.")
    told = {"of": kept.id, "similarity": 0.97}
    copies = [Row.make(f"Name a river {n}").reject("near_duplicate", near_duplicate=told)
              for n in range(2)]  # fmt: skip
    exact = Row.make("Sort this", key="2").reject(
        "exact_duplicate", exact_duplicate={"of": other.id}
    )
    odd = [Row.make(f"odd {n}").reject("near_duplicate", near_duplicate=d)
           for n, d in enumerate(({"of": "nobody"}, {"of": 7}, "text"))]  # fmt: skip
    first, second = twins_of([kept, other, exact, *copies, *odd])
    assert first == (kept, [(copy, 0.97) for copy in copies])
    assert second == (other, [(exact, None)])
    html = build_report([kept, other, exact, *copies], embedder=None)
    assert html.index('id="duplicates"') < html.index("similarity 0.970")
    assert 'id="duplicates"' not in build_report([kept, *odd], embedder=None)


def test_a_row_that_a_person_judged_says_so() -> None:
    rows = [Row.make("a").reject("too_short"), accepted("b"), accepted("c"), accepted("d")]
    marks = [
        Mark(mark="keep", note="fine <b>"),
        Mark(mark="drop"),
        Mark(mark="keep"),
        Mark(note="hm"),
    ]
    made = list(reviewed(rows, {r.id: m for r, m in zip(rows, marks, strict=True)}))
    assert [cell.get("reviewed") for cell in cells(made, made)] == [
        "A person kept it, against the gate (too_short): fine <b>",
        "A person dropped it, against the gate (accepted).",
        "A person kept it.",
        "A person said of it: hm",
    ]
    assert "judged 3 of these rows, 2 of them against the gate" in build_report(made, embedder=None)
    strange: list[Any] = [7, [], {"mark": ["x"], "overruled": 3, "note": 4}]
    odd = [Row.make("x", verdict=Verdict(accepted=True, details={"reviewed": t})) for t in strange]
    assert [cell.get("reviewed") for cell in cells(odd, odd)] == [
        None,
        None,
        "A person said of it.",
    ]


def test_what_made_the_rows_stands_at_the_top_and_the_steps_as_a_funnel() -> None:
    steps = [StepCounts(name="magpie", kind="magpie", made=10, left=8, rejected=1, failed=1)]
    run = {"model": "<b>small</b>", "seed": 7, "tokens written": 1200}
    html = build_report([accepted("a")], embedder=None, run=run, steps=steps)
    made = html.split('id="made">')[1].split("</p>")[0]
    assert "model <b><bdi>&lt;b&gt;small&lt;/b&gt;</bdi></b>" in made
    assert "seed <b><bdi>7</bdi></b>" in made
    assert 'aria-label="8 went on, 1 rejected, 1 failed"' in html
    assert 'id="made"' not in build_report([accepted("a")], embedder=None)


def test_no_bar_of_the_funnel_is_wider_than_its_box() -> None:
    """More rows than came or were made go on where both stay, as evolutions do beside originals."""
    both = StepCounts(name="evolve", kind="evolve", came=10, made=10, left=18, failed=2)
    html = build_report([accepted("a")], embedder=None, steps=[both])
    funnel = html.split('class="funnel"')[1].split("</ol>")[0]
    assert 'viewBox="0 0 20 1"' in funnel
    assert '<rect class="failed" x="18" width="2"' in funnel
