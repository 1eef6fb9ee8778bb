"""Parts of a data set: by seed, near their shares, and no row has a relative in another part."""

from __future__ import annotations

from collections import Counter

import pytest

from evolsynth.errors import InputError
from evolsynth.export.splits import Relatives, assigned, shares_of
from evolsynth.rows import Row

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
THINGS = ("ladders", "violins", "glaciers", "lighthouses", "beavers", "sundials", "canals", "moths")


def families(*rows: Row) -> list[int]:
    relatives = Relatives()
    for row in rows:
        relatives.add(row)
    return relatives.families()


def other(number: int) -> Row:
    return Row.make(f"Tell me what {THINGS[number % 8]} have to do with the year {1700 + number}.")


def test_rows_that_have_nothing_in_common_are_families_of_their_own() -> None:
    asked = [
        "How does a canal lock work?",
        "Write a short poem about a lighthouse keeper.",
        "Which metals float on mercury?",
        "How do canals cross a valley?",
    ]
    assert families(*map(Row.make, asked)) == [0, 1, 2, 3]


def test_an_evolution_is_with_its_root_and_with_its_sisters() -> None:
    root = Row.make("How does a canal lock work?")
    first = Row.make("Explain to a child why boats can climb.", parents=(root.id,), round=1)
    second = Row.make("Compare two ways to lift ships.", parents=(root.id,), round=1)
    deeper = Row.make("Which country built the tallest?", parents=(second.id,), round=2)
    lone = Row.make("Which metals float on mercury?")
    assert families(deeper, lone, first, root, second) == [0, 1, 0, 0, 0]
    assert families(first, second) == [0, 0], "also where the root is not among them"


def test_what_an_evolution_was_made_of_is_known_by_its_words_too() -> None:
    """A root that was gated in another file has another id."""
    made = Row.make(
        "Explain to a child why boats can climb.",
        provenance={"instruction": {"root": "How does a canal lock work?"}},
    )
    assert families(Row.make("How does a canal lock work?", key="elsewhere"), made) == [0, 0]


def test_rows_about_one_text_are_relatives_and_a_word_is_no_text() -> None:
    text = "The lock at Foxton has ten chambers and was opened in 1814."
    one = Row.make("When was it opened?", extra={"input": text})
    two = Row.make("How many chambers are there?", extra={"input": text.upper()})
    assert families(one, two) == [0, 0]
    assert families(
        Row.make("Spell this word backwards.", extra={"input": "house"}),
        Row.make("Name a rhyme on it in English.", extra={"input": "house"}),
    ) == [0, 1]


def test_passages_of_one_text_are_relatives() -> None:
    def about(source: str, place: list[int], asked: str) -> Row:
        return Row.make(asked, extra={"source": source, "part": 1, "place": place})

    found = families(
        about("locks.md", [0, 80], "When was the lock at Foxton opened?"),
        about("bees.md", [0, 70], "Who lays the eggs?"),
        about("locks.md", [400, 520], "What does a keeper earn?"),
    )
    assert found == [0, 1, 0]


def test_near_duplicates_are_relatives_whatever_numbers_they_have() -> None:
    found = families(
        Row.make("A farmer has 12 apples and sells 5 of them. How many are left over?"),
        Row.make("Which metals float on mercury?"),
        Row.make("A farmer has 30 pears and sells 9 of them. How many are left over?"),
    )
    assert found == [0, 1, 0]


def test_the_parts_have_their_shares_and_each_family_one_part() -> None:
    places = [k // 3 for k in range(900)]  # families of three
    parts = assigned(places, SHARES, 7)
    assert Counter(parts) == {"train": 720, "validation": 90, "test": 90}
    for family in set(places):
        assert len({part for part, one in zip(parts, places, strict=True) if one == family}) == 1


def test_one_large_family_spoils_no_other_part() -> None:
    places = [0] * 500 + list(range(500, 1000))
    parts = assigned(places, {"train": 0.9, "test": 0.1}, 1)
    assert parts[0] == "train"
    assert Counter(parts) == {"train": 900, "test": 100}


def test_the_seed_decides() -> None:
    places = list(range(100))
    assert assigned(places, SHARES, 1) == assigned(places, SHARES, 1)
    assert assigned(places, SHARES, 1) != assigned(places, SHARES, 2)


def test_many_rows_do_not_take_long() -> None:
    rows = [other(n) for n in range(3000)]
    relatives = Relatives()
    for row in rows:
        relatives.add(row)
    assert len(set(relatives.families())) < 3000, "they differ in a number and a noun"


@pytest.mark.parametrize(
    "told", ["", "train", "train=1,test=1", "train=0.5,train=0.5", "a b=1", "train=-1,test=2"]
)
def test_what_is_no_split_is_refused(told: str) -> None:
    with pytest.raises(InputError):
        shares_of(told)


def test_shares_as_text_and_as_numbers() -> None:
    assert shares_of(" train=0.9, test=0.1") == {"train": 0.9, "test": 0.1}
    assert shares_of({"train": 0.9, "test": 0.1}) == {"train": 0.9, "test": 0.1}
    assert shares_of("a=0.333,b=0.333,c=0.334")["c"] == 0.334
