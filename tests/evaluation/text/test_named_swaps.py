"""People and towns of a text in each other's place: only where that is surely false."""

from __future__ import annotations

from random import Random

import pytest

from evolsynth.evaluation.grounds.made.true_false import verdict_on
from evolsynth.evaluation.text import MOST
from evolsynth.evaluation.text.stated.named import named_swaps
from evolsynth.evaluation.text.stated.swaps import swap_between, swaps

MINUTES = (
    "Present were Hannah Pryce, Owen Tarn and Lydia Moss. Hannah Pryce chaired the meeting. "
    "Owen Tarn and Lydia Moss painted the fence. The roof was repaired by Owen Tarn in May. "
    "A bench was built by Owen Tarn. Lydia Moss is the treasurer. Hannah Pryce went home. "
    "Owen Tarn, a joiner, designed the gate."
)
LIVES = (
    "Greta Lund was born in Wexcombe in 1822. Rufus Crane died in Helmsby, and Silas Orme was "
    "buried in Torrance. The mill at Torrance was built in 1861. The fair takes place in Helmsby. "
    "Greta Lund lived in Torrance. The school was founded in Sweden. The bank was established in "
    "Dalton in Cumbria."
)


def made(sentence: str, text: str) -> list[tuple[str, str]]:
    return [(swap.old, swap.new) for swap in named_swaps(sentence, text)]


@pytest.mark.parametrize(
    ("sentence", "old", "news"),
    [
        ("Hannah Pryce chaired the meeting.", "Hannah Pryce", {"Owen Tarn", "Lydia Moss"}),
        ("The roof was repaired by Owen Tarn in May.", "Owen Tarn", {"Hannah Pryce", "Lydia Moss"}),
        ("Lydia Moss is the treasurer.", "Lydia Moss", {"Hannah Pryce", "Owen Tarn"}),
    ],
)
def test_a_person_for_whoever_else_cannot_have_done_it(
    sentence: str, old: str, news: set[str]
) -> None:
    assert set(made(sentence, MINUTES)) == {(old, new) for new in news}
    for swap in named_swaps(sentence, MINUTES):
        statement = swap.of(sentence)
        assert swap_between(sentence, statement, MINUTES) == swap
        assert verdict_on(statement, sentence, MINUTES) is False


def test_a_town_for_another_town() -> None:
    assert set(made("Greta Lund was born in Wexcombe in 1822.", LIVES)) == {
        ("Wexcombe", "Torrance"),
        ("Wexcombe", "Helmsby"),
        ("Wexcombe", "Dalton"),
    }


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("Owen Tarn and Lydia Moss painted the fence.", MINUTES),  # two at once
        ("A bench was built by Owen Tarn.", MINUTES),  # there are many benches
        ("Hannah Pryce went home.", MINUTES),  # and the others may have, too
        ("Owen Tarn, a joiner, designed the gate.", MINUTES),  # a joiner would be somebody else
        ("Hannah Pryce chaired the meeting.", MINUTES + " He chaired the other half."),
        ("The mill at Torrance was built in 1861.", LIVES),  # another mill
        ("The fair takes place in Helmsby.", LIVES),  # it may go from town to town
        ("Greta Lund lived in Torrance.", LIVES),  # and in others before
        ("The bank was established in Dalton in Cumbria.", LIVES),  # one lies in the other
        ("Hannah Pryce chaired the meeting.", "Hannah Pryce chaired the meeting."),  # nobody else
    ],
)
def test_what_may_be_true_of_the_other_as_well_is_left_alone(sentence: str, text: str) -> None:
    assert made(sentence, text) == []


def test_who_did_the_same_another_time_is_left_alone() -> None:
    text = MINUTES + " Owen Tarn chaired the last one."
    assert made("Hannah Pryce chaired the meeting.", text) == [("Hannah Pryce", "Lydia Moss")]


def test_a_country_is_no_town() -> None:
    assert made("The school was founded in Sweden.", LIVES) == []


def test_without_the_text_and_with_another_name_it_is_no_swap() -> None:
    sentence = "Hannah Pryce chaired the meeting."
    assert swap_between(sentence, "Owen Tarn chaired the meeting.") is None
    assert swap_between(sentence, "Nobody Else chaired the meeting.", MINUTES) is None
    assert verdict_on("Nobody Else chaired the meeting.", sentence, MINUTES) is None


def test_names_are_among_all_swaps_and_not_of_a_text_beyond_measure() -> None:
    sentence = "The roof was repaired by Owen Tarn in May."
    kinds = {swap.kind for seed in range(9) for swap in swaps(sentence, MINUTES, Random(seed))}
    assert kinds == {"person", "month"}
    assert named_swaps(sentence, MINUTES + " The rain fell." * (MOST // 10)) == ()


def test_no_month_gets_a_day_that_it_has_not() -> None:
    for seed in range(60):
        for swap in swaps("The shop closed on 31 May 1990.", "", Random(seed)):
            if swap.kind == "month":
                assert swap.new not in ("February", "April", "June", "September", "November")


@pytest.mark.parametrize(
    "sentence",
    [
        "Families in Mexico remember their dead on that day.",
        "A spoon holds 5 millilitres in Britain and in Australia.",
        "The Tour de France was won by him.",
        "The town speaks Russian, Polish, German and Yiddish.",
        "Oskar translated the book into Danish.",
    ],
)
def test_a_place_that_only_says_who_is_meant_is_left_alone(sentence: str) -> None:
    found = swaps(sentence, sentence, Random(1))
    assert [swap for swap in found if swap.kind in ("place", "people")] == []
