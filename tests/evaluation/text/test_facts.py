"""Names, quotations, code and options, and the words and clauses that all facts are found in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.text.facts import code, names, options, quotations
from evolsynth.evaluation.text.words import clauses, stem, words


def test_names_are_found_except_at_the_start_or_in_capitals() -> None:
    assert [n.text for n in names("Visit New York with Aunt Berta.")] == ["New York", "Aunt Berta"]
    assert names("Where do I start? Describe it.") == []
    assert names("READ THIS NOTICE BEFORE YOU ENTER") == []


def test_quotations_are_what_stands_between_any_quotation_marks() -> None:
    text = "Say “well done”, then « bon vent », then 'so long' and the neighbour's \"'\"."
    found = quotations(text)
    assert [q.text for q in found] == ["well done", "bon vent", "so long"]
    assert [text[q.start : q.end] for q in found] == [q.text for q in found]


@pytest.mark.parametrize("text", ["the boys' boots and the girls' caps", "5'10\" tall", '""'])
def test_apostrophes_and_inches_quote_nothing(text: str) -> None:
    assert quotations(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Run `make all` first.", ["`make all`"]),
        ("Read https://example.org/a?b=1, please.", ["https://example.org/a?b=1,"]),
        ("Write to ada@example.org today.", ["ada@example.org"]),
        ("Wrap it in <em> and </em>.", ["<em>", "</em>"]),
        ("Call open_gate(now) or max_depth.", ["open_gate(now)", "max_depth"]),
        ("Nothing of the sort (none at all).", []),
    ],
)
def test_code_is_links_tags_calls_and_names_with_underscores(text: str, found: list[str]) -> None:
    assert [c.text for c in code(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Is it sour, sweet or salty?", {"sour", "sweet", "salty"}),
        ("Answer yes/no.", {"yes", "no"}),
        ("Tea or coffee?", set()),
    ],
)
def test_options_are_the_items_of_an_enumeration(text: str, found: set[str]) -> None:
    assert {o.text for o in options(text)} == found


def test_contractions_are_undone() -> None:
    assert [w.stem for w in words("Don’t, can't, cannot")] == ["not", "not", "not"]
    assert [w.stem for w in words("It's fine")] == ["it", "fin"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("study", "studies"), ("plan", "planning"), ("describe", "describing"), ("city", "cities")],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_clauses_end_at_sentences_and_lines_but_not_at_abbreviations() -> None:
    text = "Ask Dr. Lee, e.g. today. Then go!\nParis"
    assert [text[s:e] for s, e in clauses(text)] == [
        "Ask Dr. Lee, e.g. today.",
        "Then go!",
        "Paris",
    ]


@given(st.text())
def test_places_point_into_the_text(text: str) -> None:
    for word in words(text):
        assert len(text[word.start : word.end]) == len(word.text)
    for start, end in clauses(text):
        assert 0 <= start < end <= len(text)
