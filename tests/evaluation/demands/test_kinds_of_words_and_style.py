"""What holds for every kind on letters, marks, numbers, words, language, style and plans."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.demands import KINDS, Demand, Kind
from evolsynth.evaluation.demands.demand import Asked

_MODULES = ("letters", "marks", "numerals", "words", "language", "style", "voice", "combined")
_ROOM = "evolsynth.evaluation.demands.kinds."
NAMES = sorted(n for n, k in KINDS.items() if k.function.__module__.removeprefix(_ROOM) in _MODULES)
#: What the kinds on form are about, and some of them by name, which are in other modules.
_FORMS = (
    *("beginning", "characters", "data", "emphasis", "ending", "headings", "item_beginning"),
    *("item_length", "labels", "lines", "list", "list_order", "opening", "paragraphs", "parts"),
    *("placeholders", "postscript", "questions", "quotes", "request", "sentences", "summary"),
    *("table", "thesis", "title", "versions", "words"),
    *("bullet_mark", "comma_list", "first_sentence_question", "first_word_of_paragraph"),
    "numbered_exactly",
)
_INSTRUCTIONS = {
    "explanation": "Why do leaves change color in the autumn?",
    "advice": "How can I prepare for my first marathon, and is it worth it?",
    "howto": "How many eggs do I need for a cake, and how do I bake it?",
    "creative": "Write a story about a keeper who finds a bottle.",
    "letter": "Write an invitation to the birthday party of a friend.",
    "opinion": "Should cities ban cars from their centers?",
    "ideas": "Suggest slogans for a birthday card.",
    "fact": "Is the Nile longer than the Amazon?",
    "calculation": "How much is a third of a dozen?",
    "conversation": "Hi, how was your day?",
}
_TEXTS = (
    "It's late, isn't it? We'll take 3 cups (hot) of tea, 1,200 nuts, and – if you like – milk!",
    "# Tea\n\n- **Boil** 2 cups; wait.\n- Drink.\n\nFor example, at five o'clock… “Now!”",
    "Tea is **hot** and *sweet*. I drink it.",
    "Yes, I agree.",
    "True: it is so. I disagree, though.",
    "I think you can't go, so stay: it's 5 p.m.\n\nIn short, no.",
)


def _drawn(kind: Kind, number: int = 40) -> list[Demand]:
    chance = random.Random(kind.name)
    found = []
    for task, instruction in _INSTRUCTIONS.items():
        for count in range(number):
            words = chance.choice((15, 40, 80, 160))
            asked = Asked(instruction, task, 1 + count % 4, words)  # type: ignore[arg-type]
            demand = kind.draw(chance, asked)
            if demand is not None:
                found.append(demand)
    return found


def test_there_are_many() -> None:
    assert len(NAMES) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_says_itself_in_many_ways_with_all_its_values(name: str) -> None:
    demands = _drawn(KINDS[name])
    assert demands, "it is never drawn"
    for demand in demands[:10]:
        said = [demand.worded(number) for number in range(len(KINDS[name].wordings))]
        assert len(set(said)) >= 8
        for sentence in said:
            assert not re.search(r"[{}|]|\b1 (?:times|words|points)\b", sentence), sentence
            assert sentence[0].isupper() or sentence[0] in "\"'", sentence
            assert sentence[-1] in ".!?" or sentence[-2:] == '."', sentence
            for value in demand.values.values():
                if isinstance(value, str):
                    assert value in sentence, sentence


@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_can_be_read_again(name: str) -> None:
    for demand in _drawn(KINDS[name]):
        assert Demand.read(demand.to_dict()) == demand


@pytest.mark.parametrize("name", NAMES)
def test_clashes_name_what_there_is(name: str) -> None:
    known = {*KINDS, *_FORMS, *(kind.about for kind in KINDS.values())}
    assert KINDS[name].clashes <= known


@pytest.mark.parametrize("name", NAMES)
def test_a_miss_has_a_sentence_and_a_place_within_the_text(name: str) -> None:
    for demand in _drawn(KINDS[name], 8):
        for text in (*_TEXTS, "x", "...", "?\n\n?", "\u200b"):
            miss = demand.check(text)
            if miss is not None:
                assert miss.why.endswith(".")
                start, end = miss.place or (0, 1)
                assert 0 <= start < end <= len(text)


@pytest.mark.parametrize("name", [name for name in NAMES if KINDS[name].rule])
def test_a_rule_makes_some_answer_meet_the_demand(name: str) -> None:
    made = [
        demand.apply(text)
        for demand in _drawn(KINDS[name], 8)
        for text in _TEXTS
        if demand.check(text) is not None
    ]
    assert any(made)


_PIECES = st.lists(
    st.sampled_from(
        (
            *("it's", "Tea", ",", ", ", "!", " — ", "; ", "12", "3.5", "three", "\n\n", "\n- "),
            *("**", "(", ")", "`x`", "“", "”", ". ", "? ", " and ", " or ", "can’t", "1. ", "#"),
            *(" ", "É", "I'd", "go", "ß", "_", "*", ": "),
        )
    )
    | st.text(max_size=3),
    max_size=30,
).map("".join)


@given(text=_PIECES, number=st.integers(0, 10_000))
def test_a_rule_gives_nothing_or_what_passes_and_stays(text: str, number: int) -> None:
    rules = [name for name in NAMES if KINDS[name].rule]
    demands = _drawn(KINDS[rules[number % len(rules)]], 4)
    demand = demands[number % len(demands)]
    made = demand.apply(text)
    if made is not None:
        assert demand.check(made) is None
        assert demand.apply(made) == made


@pytest.mark.parametrize("name", NAMES)
def test_no_check_or_rule_takes_long_for_a_long_text(name: str) -> None:
    demand = _drawn(KINDS[name], 20)[0]
    for piece in (
        "a, b ",
        "!",
        ".",
        "[",
        "*a ",
        "- x\n",
        "It's so. ",
        "(",
        "—",
        "\n \n",
        "1",
        "'",
        "_a",
    ):
        text = piece * (20_000 // len(piece))
        began = time.process_time()
        demand.check(text)
        demand.apply(text)
        assert time.process_time() - began < 1, piece
