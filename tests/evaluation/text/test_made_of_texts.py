"""Gaps, enumerations, years and measures, events and steps, tables, terms and units of a text."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.text.stated.enumerations import enumeration, measures, years
from evolsynth.evaluation.text.stated.gaps import GAP, gapped, gaps
from evolsynth.evaluation.text.stated.sections import sections
from evolsynth.evaluation.text.stated.sequences import events, steps
from evolsynth.evaluation.text.stated.tables import bulleted, tables
from evolsynth.evaluation.text.stated.terms import terms
from evolsynth.evaluation.text.stated.units import converted, measured


@pytest.mark.parametrize(
    ("sentence", "missing"),
    [
        ("The bell was cast in 1612.", [("1612", "year")]),
        ("The bell weighs 840 kilograms.", [("840", "number")]),
        ("The bell was cast by Agnes Torvald.", [("Agnes Torvald", "name")]),
        ("The couple had three children.", [("three", "number"), ("children", "word")]),
        ("Two and two bells rang again.", []),
        ("The Italian founder left early.", []),
        ("The train leaves at 9:30 from platform 2-3.", []),
    ],
)
def test_gaps_are_of_a_kind(sentence: str, missing: list[tuple[str, str]]) -> None:
    found = gaps(sentence)
    assert [(sentence[g.start : g.end], g.kind) for g in found] == missing
    for gap in found:
        shown = gapped(sentence, gap.start, gap.end)
        assert shown.replace(GAP, sentence[gap.start : gap.end]) == sentence


@pytest.mark.parametrize(
    ("sentence", "question", "items"),
    [
        ("The flag has three colours: red, white and green.",
         "Which three colours does the text name?", ("red", "white", "green")),
        ("The keepers sell postcards, candles and honey.", "What do the keepers sell?",
         ("postcards", "candles", "honey")),
        ("The wall consists of clay, straw and sand.", "What does the wall consist of?",
         ("clay", "straw", "sand")),
        ("Four towns lie on the river: Ulm, Melk, Linz and Vac.",
         "Which four towns does the text name?", ("Ulm", "Melk", "Linz", "Vac")),
        ("The mill grinds grains such as wheat, barley and rye.",
         "Which grains does the text name?", ("wheat", "barley", "rye")),
    ],
)  # fmt: skip
def test_an_enumeration_is_asked_for(sentence: str, question: str, items: tuple[str, ...]) -> None:
    found = enumeration(sentence, sentence)
    assert found is not None
    assert (found.question, found.items) == (question, items)


@pytest.mark.parametrize(
    "sentence",
    [
        "The flag has four colours: red, white and green.",
        "The town invited Anna Pell, Jonas Pell and Agnes Torvald.",
        "The keepers sell postcards and candles.",
        "The bell is old, heavy and green.",
        "The keepers sell postcards, candles or honey.",
    ],
)
def test_what_is_no_list_of_things_is_not_asked_for(sentence: str) -> None:
    assert enumeration(sentence, sentence) is None


def test_years_are_all_or_none() -> None:
    assert years("Cast in 1612, it fell in 1744 and, again, in 1744.") == ("1612", "1744")
    assert years("Cast in 1612 for 1500 guilders.") == ()
    assert years("Written in binary as 1101 in 1612.") == ()


def test_measures_are_all_or_none() -> None:
    text = "It is 36 metres high and 4 metres wide, and stands 2 kilometres away."
    assert measures(text, "lengths") == ("36 metres", "4 metres", "2 kilometres")
    assert measures(text + " The nave is twelve metres wide.", "lengths") == ()
    assert measures(text + " Steps are 20 to 30 centimetres high.", "lengths") == ()
    assert measures("It took 3 hours and 20 minutes.", "spans of time") == ()
    assert measures("It rests for 16 hours and is baked for an hour.", "spans of time") == ()
    assert measures("It is paid within 10 working days, or 3 weeks.", "spans of time") == ()
    assert measures("Light goes 300,000 kilometres a second.", "lengths") == ()


def test_events_go_by_their_years() -> None:
    text = (
        "A fire destroyed the roof in 1744. Agnes Torvald made the bell in 1612. It fell in 1745. "
        "Lightning struck the tower on 3 May 1703. The town repaired the roof and the stairs."
    )
    assert [(e.year, e.told) for e in events(text)] == [
        (1612, "Agnes Torvald made the bell."),
        (1703, "Lightning struck the tower."),
        (1744, "A fire destroyed the roof."),
    ]


def test_two_events_of_one_year_are_left_out() -> None:
    text = "A fire destroyed the roof in 1744. The town opened a school in 1744."
    assert events(text) == []


def test_steps_are_a_list_of_commands_or_told_in_order() -> None:
    assert steps("1. Turn the ring.\n2. Take the cell out.\n3. Close the ring.") == [
        "Turn the ring.",
        "Take the cell out.",
        "Close the ring.",
    ]
    assert steps("1. The ring is round.\n2. The cell is old.\n3. The lamp is new.") == []
    told = "Wool is made into cloth in three steps: the wool is washed, the yarn is spun and the "
    assert steps(told + "cloth is woven.")[-1] == "The cloth is woven"
    assert steps("Wool goes through steps: it is washed, it is spun and it is woven.") == []


TABLE = "| Step | Light |\n|---|---|\n| low | 40 lumens |\n| high | 300 lumens |\n"


def test_a_part_stands_under_its_heading() -> None:
    text = "Before.\n\n# All\n\n## Parts\n\n- a strap\n- two cells\n\n## Use\n\nTurn it.\nOften."
    assert sections(text) == [("Parts", "- a strap\n- two cells"), ("Use", "Turn it.\nOften.")]


def test_a_table_is_read_as_cells() -> None:
    (table,) = tables(f"The lamp has steps.\n\n{TABLE}\nIt is green.")
    assert table.columns == ("Step", "Light")
    assert table.rows == (("low", "40 lumens"), ("high", "300 lumens"))
    assert table.ranked("Light") == ("high", "low")


@pytest.mark.parametrize(
    "cells", ["| low | 40 lumens |\n| high | 3 watts |", "| low | some |\n| high | 2 |",
              "| low | 2 |\n| high | 2 |"],
)  # fmt: skip
def test_what_cannot_be_compared_has_no_ranks(cells: str) -> None:
    (table,) = tables(f"| Step | Light |\n|---|---|\n{cells}\n")
    assert table.ranked("Light") == ()


@pytest.mark.parametrize("cell", ["`code`", "[a link](https://x.example)", "a word " * 9])
def test_a_table_of_code_or_prose_is_left_alone(cell: str) -> None:
    assert tables(TABLE.replace("300 lumens", cell)) == []
    assert bulleted(f"Parts:\n\n- {cell * 4}\n- two cells\n") == []


def test_a_table_with_a_cell_missing_is_none() -> None:
    assert tables("| Step | Light |\n|---|---|\n| low |  |\n") == []
    assert tables("| a | a |\n|---|---|\n| low | high |\n") == []


def test_bullets_have_what_stands_before_them() -> None:
    text = "## Parts\n\n- a strap\n- two cells\n\nSteps:\n\n1. Turn.\n2. Push.\n"
    assert bulleted(text) == [("Parts", ["a strap", "two cells"])]


@pytest.mark.parametrize(
    ("sentence", "form", "by", "term"),
    [
        ("The bell is called Long Agnes in the town.", "asked",
         "What is the bell called in the town?", "Long Agnes"),
        ("Small openings called stomata let the air in.", "called", "small openings", "stomata"),
        ("The Lamp Makers Union (LMU) tests each lamp.", "short", "LMU", "Lamp Makers Union"),
    ],
)  # fmt: skip
def test_a_term_is_found(sentence: str, form: str, by: str, term: str) -> None:
    assert (form, by, term) in list(terms(sentence, sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "The bell is called at noon and at night.",
        "A doctor was called for the boy.",
        "The Union of Makers (ABC) tests each lamp.",
        "The tower (36 metres) is high.",
    ],
)
def test_what_names_nothing_is_no_term(sentence: str) -> None:
    assert [term for term in terms(sentence, sentence) if term.form != "asked"] == []


def test_measures_are_converted_exactly() -> None:
    (height,) = measured("The tower is 2.4 metres wide.")
    assert converted(height) == [("centimetres", "240 centimetres", "2.4 x 100 = 240 centimetres")]
    (time,) = measured("It takes 150 minutes.")
    assert converted(time) == [("hours", "2.5 hours", "150 / 60 = 2.5 hours")]
    (thirds,) = measured("It takes 100 minutes.")
    assert converted(thirds) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "It is 10 to 12 metres wide.",
        "It takes 3 hours and 20 minutes.",
        "He runs 5 metres per second.",
        "It lasts five minutes.",
    ],
)
def test_ranges_and_rates_are_no_measures(sentence: str) -> None:
    assert all(m.text not in ("12 metres", "3 hours", "5 metres") for m in measured(sentence))


def test_signs_of_a_trade_are_no_measures_or_years_of_everyday() -> None:
    text = "The buffer has 155 mM NH4Cl and 0.1 mM EDTA. The enzyme (1500 U) is kept cold."
    assert measures(text, "lengths") == ()
    assert years(text) == ()
    assert years("The lamp was built in 1500 by Anna Berg.") == ("1500",)


@pytest.mark.parametrize(
    "text",
    [
        "The decree dates from 196 BC. Soldiers found the stone in 1799.",
        "The town was buried in AD 79 and found again in 1748.",
        "She is said to have been put to death in the year 304. The feast began in 1764.",
    ],
)
def test_where_a_year_has_fewer_digits_not_all_are_known(text: str) -> None:
    """A list of "the years" left 196 BC out."""
    assert years(text) == ()


@pytest.mark.parametrize(
    "text",
    ["In the year 1612 it was cast.", "Cast in 1612, it was for years 20 metres from here."],
)
def test_what_only_looks_like_such_a_year_hides_none(text: str) -> None:
    assert years(text) == ("1612",)
