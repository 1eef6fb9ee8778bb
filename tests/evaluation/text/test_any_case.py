"""Patterns that are looked for in letters of any case: the same is found, only sooner."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.evaluation.text.finders import AnyCase

WORDS = r"\b(?:fix|summari[sz]e|in (?:two|three) words|tools?)\b"
QUICK = AnyCase(WORDS, "fix", "summari", "words", "tool")
SLOW = re.compile(WORDS, re.I)

#: Letters of the pattern, of either case, and those beside ASCII that count as one of ASCII.
TEXTS = st.text(st.sampled_from("fixFIX sSzZ tooklOOLS\u017f\u212a\u0130\u0131é-.\n"), max_size=40)


def test_it_finds_in_any_case_what_is_written_in_small_letters() -> None:
    found = QUICK.search("Please SUMMARISE it in Two Words.")
    assert found is not None
    assert found.group() == "SUMMARISE"  # as it stands in the text
    assert QUICK.found_in("a TOOL")


def test_it_finds_no_part_of_a_word() -> None:
    assert not QUICK.found_in("toolbox, affix")


@settings(max_examples=60)
@given(TEXTS, st.sampled_from(["", "Fix", "toolſ", "IN THREE WORDS", "summarıze"]), TEXTS)
def test_it_finds_what_a_pattern_for_any_case_finds(before: str, word: str, behind: str) -> None:
    text = before + word + behind
    found, wanted = QUICK.search(text), SLOW.search(text)
    assert (found and found.span()) == (wanted and wanted.span())
    assert QUICK.found_in(text) == (wanted is not None)


def test_without_a_hint_nothing_is_looked_for_in_ascii() -> None:
    assert not QUICK.hinted("Name a river.")
    assert QUICK.hinted("Nenne einen Fluß.")  # it cannot be told


@pytest.mark.parametrize("pattern", ["[A-Z]+", "Fix", r"(?-i:fix)", "fran\u0131z"])
def test_a_pattern_that_cannot_be_looked_for_so_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="small letters"):
        AnyCase(pattern)


def test_escapes_and_names_of_groups_may_have_capitals() -> None:
    assert AnyCase(r"\A\W*(?P<verb>fix)\b").found_in("(Fix it)")
