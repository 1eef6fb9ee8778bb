"""The notation of wordings, turned round into patterns."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.demands import KINDS
from evolsynth.evaluation.demands.asking import lowered
from evolsynth.evaluation.demands.found import _indexes
from evolsynth.evaluation.demands.notation import Group, Pieces, Slot, Text, Unless, read
from evolsynth.evaluation.demands.phrases import Phrase, items_of, number_of

PIECES = Pieces({"<most>": ["at most", "(no|not) more than"], "<politely>": ["(please|kindly|)"]})


def values(template: str, text: str, kind: str = "words_at_most", own: bool = False) -> object:
    phrase = Phrase(template, KINDS[kind], None if own else PIECES)
    match = phrase.pattern.search(lowered(text))
    return None if match is None else phrase.read(match, text)


def test_brackets_of_our_own_wordings_stand_for_themselves() -> None:
    assert read("Use (at most) {n}") == (Text("Use (at most) "), Slot("n", "bare"))
    assert read("{n?point|points}") == (Group(((Text("point"),), (Text("points"),))),)


def test_a_group_is_either_and_may_be_nothing() -> None:
    assert read("(a|b|)", PIECES) == (Group(((Text("a"),), (Text("b"),)), True),)
    assert values("use (only|) {n} words", "Use 5 words") == {"n": 5}
    assert values("use (only|) {n} words", "Use only 5 words") == {"n": 5}
    assert values("use (only|) {n} words", "Use just 5 words") is None


def test_a_piece_is_any_of_its_lines_or_nothing_where_it_may_be() -> None:
    assert values("use <most> {n} words", "use not more than 5 words") == {"n": 5}
    assert values("<politely> use {n} words", "use 5 words") == {"n": 5}
    with pytest.raises(KeyError):
        read("<nobody>", PIECES)


def test_what_may_not_follow() -> None:
    assert read("words(!of)", PIECES) == (Text("words"), Unless(((Text("of"),),)))
    assert values("{n} words(!of|in all)", "5 words in all, or so") is None
    assert values("{n} words(!of|in all)", "5 words in prose") == {"n": 5}


def test_values_that_are_not_said_or_said_otherwise() -> None:
    assert values("in a {n=1}single word", "in a single word") == {"n": 1}
    assert values("under {n-1} words", "under 50 words") == {"n": 49}
    assert values("over {n+1} words", "over fifty words") == {"n": 51}


def test_a_gap_is_up_to_six_words() -> None:
    assert values("a text ... of {n} words", "a text about old things of 5 words") == {"n": 5}
    assert values("a text ... of {n} words", "a text of 5 words") == {"n": 5}
    assert values("a text ... of {n} words", "a text, it is long, of 5 words") is None


@pytest.mark.parametrize(
    ("said", "number"),
    [
        *(("5", 5), ("1,200", 1200), ("twelve", 12), ("twenty-five", 25), ("thirty two", 32)),
        *(("a hundred", 100), ("two hundred and ten", 210), ("one thousand", 1000)),
        *(("a dozen", 12), ("3rd", 3), ("third", 3)),
    ],
)
def test_numbers(said: str, number: int) -> None:
    assert number_of(said) == number
    if said not in ("3rd", "third"):
        assert values("in {n} words", f"in {said} words") == {"n": number}


@pytest.mark.parametrize("said", ["2.5", "3-5", "two or three", "$5", "x5"])
def test_what_is_no_whole_number_is_none(said: str) -> None:
    assert values("in {n} words", f"in {said} words") is None


@pytest.mark.parametrize(
    "said",
    ['"a" and "b"', '"a", "b"', "'a', and 'b'", "“a,” “b”", "['a', 'b']", "`a` & `b`", "a and b"],
)
def test_lists(said: str) -> None:
    assert items_of(said, bare=True) == ["a", "b"]


def test_each_pattern_has_keys_that_stand_in_whatever_it_matches() -> None:
    single, several = _indexes()
    every = {one for index in (single, several) for some in index.values() for one in some}
    assert all(one.keys and all(one.keys) for one in every)
    for one in every:
        assert one.pattern.search("") is None, "it matches nothing at all"


def test_letters_keep_their_places_in_lower_case() -> None:
    assert lowered("İstanbul A") == "İstanbul a"
    assert len(lowered("ẞ İ Ω")) == 5
