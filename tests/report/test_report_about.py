"""A row's input on the page: under its instruction, evidence marked, source told; bad values do
nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.report.about import about, evidence_of
from evolsynth.report.cells import cells
from evolsynth.rows import Row, Verdict

TEXT = "The clock was built in 1764. In 1881 it was moved. It is made of copper."
EVIDENCE = "In 1881 it was moved."
PLACE = {"start": TEXT.index(EVIDENCE), "end": TEXT.index(EVIDENCE) + len(EVIDENCE)}


def row(**extra: Any) -> Row:
    verdict = Verdict(accepted=True, tier="verified", stands_on=("ground:span", "demand:words"))
    return Row.make(
        "When was it moved?", response="1881.", extra={"input": TEXT, **extra}, verdict=verdict
    )


def cells_of(*rows: Row) -> list[dict[str, Any]]:
    return cells(rows, rows)


def test_the_input_stands_under_the_instruction_with_its_evidence_marked() -> None:
    (cell,) = cells_of(row(evidence=[PLACE]))
    mark = [EVIDENCE, "evidence: the answer stands on it"]
    assert cell["input"] == ["The clock was built in 1764. ", mark, " It is made of copper."]
    assert (cell["tier"], cell["stands_on"]) == ("verified", ["ground:span", "demand:words"])


def test_where_it_comes_from_is_told_and_nothing_twice() -> None:
    (cell,) = cells_of(
        row(title="Harlow", heading="Town > Clock", source="harlow.md", place=[1200, 1272], own=7)
    )
    assert cell["from"] == "Harlow · Town > Clock · harlow.md, characters 1,200 to 1,272"
    assert cell["extra"] == {"own": "7"}
    assert about(row(source="harlow.md"), 99).origin == "harlow.md"
    assert about(row(source="harlow.md", part=3), 99).origin == "harlow.md, part 3"
    assert about(row(part="x", place=[0, 72]), 99).origin == "characters 0 to 72"
    assert about(row(title=3, heading=" ", source=[], place=["a", 2]), 99).origin == ""


def test_a_row_without_an_input_shows_its_other_fields_as_before() -> None:
    plain = Row.make("Name a river.", extra={"title": "a", "input": "", "evidence": [PLACE]})
    (cell,) = cells_of(plain)
    assert not {"input", "from"} & set(cell)
    assert about(plain, 99) == ([], "", plain.extra)
    assert cell["extra"]["title"] == "a"


def test_a_text_that_the_instruction_shows_is_shown_again_only_for_its_evidence() -> None:
    whole = row().replace(instruction=f"When was it moved?\n\n{TEXT}")
    assert about(whole, 99) == ([], "", whole.extra)
    assert about(whole.replace(extra={**whole.extra, "evidence": [PLACE]}), 99).passages


def test_a_context_is_shown_as_the_input_and_an_empty_input_stays_a_field() -> None:
    shown = about(Row.make("When?", extra={"context": TEXT, "input": ""}), 99)
    assert "".join(one.text for one in shown.passages) == TEXT
    assert shown.others == {"input": ""}


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        7,
        "0 to 3",
        {"start": 0, "end": 3},
        [None, 3, "x", [0, 3], {}],
        [{"start": "0", "end": 3}, {"start": 0}, {"end": 3}, {"start": 0.0, "end": 3.0}],
        [{"start": -4, "end": 3}, {"start": 3, "end": 3}, {"start": 5, "end": 3}],
        [{"start": 0, "end": len(TEXT) + 1}, {"start": True, "end": 3}],
    ],
)
def test_what_is_no_place_in_the_text_marks_nothing(evidence: Any) -> None:
    assert evidence_of(row(evidence=evidence)) == []
    assert cells_of(row(evidence=evidence))[0]["input"] == [TEXT]


def test_places_that_touch_are_one_mark() -> None:
    some = [{"start": 4, "end": 9}, {"start": 0, "end": 5}, {"start": 9, "end": 12}]
    assert evidence_of(row(evidence=some)) == [(0, 12)]


@given(
    st.lists(st.tuples(st.integers(-2, 75), st.integers(-2, 75))),
    st.integers(1, 200),
)
def test_passages_join_to_the_text_and_marks_are_the_evidence(
    places: list[tuple[int, int]], limit: int
) -> None:
    one = row(evidence=[{"start": start, "end": end} for start, end in places])
    passages = about(one, limit).passages
    if limit >= len(TEXT):
        assert "".join(passage.text for passage in passages) == TEXT
    marked = sum(len(passage.text) for passage in passages if passage.note)
    spans = evidence_of(one)
    assert marked <= sum(end - start for start, end in spans)
    if all(end - start <= limit for start, end in spans):
        assert marked == sum(end - start for start, end in spans)


def test_evidence_deep_in_a_long_text_is_shown_with_what_stands_around_it() -> None:
    long = f"{'Nothing here. ' * 3000}{EVIDENCE}{' Nor here.' * 3000}"
    at = long.index(EVIDENCE)
    one = row(input=long, evidence=[{"start": at, "end": at + len(EVIDENCE)}])
    pieces = cells_of(one)[0]["input"]
    marked = next(place for place, piece in enumerate(pieces) if not isinstance(piece, str))
    assert pieces[marked][0] == EVIDENCE
    assert pieces[marked + 1].startswith(" Nor here.")
    assert "more characters]" in pieces[-1]
    assert sum(len(p if isinstance(p, str) else p[0]) for p in pieces) < 21_000


def test_an_evolution_shows_the_text_that_it_is_about() -> None:
    parent = row()
    child = row(evidence=[PLACE]).replace(
        id="child", instruction="When was it moved? Say why.", round=1, parents=(parent.id,)
    )
    _, cell = cells_of(parent, child)
    assert cell["original"] == [parent.instruction]
    assert [EVIDENCE, "evidence: the answer stands on it"] in cell["input"]


def test_one_task_for_two_texts_is_told_apart_in_the_table() -> None:
    texts = (TEXT, "Tea is a plant.")
    rows = [Row.make("Give the passage a title.", extra={"input": text}) for text in texts]
    heads = [cell["head"] for cell in cells_of(*rows)]
    for head, begins in zip(heads, ("The clock was built", "Tea is a plant."), strict=True):
        assert head.startswith(f"Give the passage a title. {begins}")
