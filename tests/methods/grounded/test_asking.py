"""Questions made of plain clauses: each asks for one span, and none where more could be meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from grounded_passages import BARE, FERRY, MILL, passage
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.methods.grounded.asking import QUESTION_KINDS, questions_of


def asked(kind: str, text: str, title: str = "") -> list[tuple[str, str]]:
    """The first wording of each question of a kind about a text, and its answer."""
    found = passage(text, title)
    return [(q.wordings[0], q.answer.of(found.text)) for q in questions_of(kind, found)]


_FILE = Path(__file__).with_name("asked_questions.txt")
CASES = [line.split(" | ") for line in _FILE.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("kind", "sentence", "question", "answer"), CASES)
def test_a_clause_becomes_the_question_that_its_span_answers(
    kind: str, sentence: str, question: str, answer: str
) -> None:
    text = f"{sentence} Few people know of the bread, the wood, the eggs or the rest."
    assert (question, answer) in asked(kind, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("year", "It was built in 1881."),  # what was?
        ("year", "This mill was built in 1881."),
        ("year", "The mill may have been built in 1881."),
        ("year", "The mill was not used in 1881."),
        ("year", "The mill ran from 1881 to 1905."),  # two years, one sentence
        ("year", "The book from 1881 and the map of 1905 are lost."),
        ("year", "The European firm followed in 1985."),  # followed whom?
        ("year", "The mill was old in 1881 and new in 1905, people say."),
        ("how_many", "The mill has 14 or so old and new arches, doors and windows."),
        ("how_many", "The bridge is 40 metres long."),  # not counted
        ("how_many", "The other bridge has 14 arches."),  # which?
        ("who", "The bridge was designed by a firm."),
        ("who", "Anna Holm founded her own school."),  # "her" says it already
        ("where", "The piece was written in French."),
        ("where", "No piece stands between the king and the rook."),
        ("where", "The mill was built in 1881."),
        ("why", "The mill closed because of that."),
        ("what", "The mill has a long history."),
        ("what", "The article describes it."),
        ("what", "Anna Holm wrote the article."),  # which article?
        ("subject", "The committee accepted the offer of a new pump."),
        # faults that texts of others brought to light
        ("year", "The yard was roofed and an extension added in 1964."),  # somebody added it
        ("year", "A trust was formed to manage and develop the museum in 1964."),
        ("year", "The first castle was a wooden fort built for William in 1067."),
        ("what", "In May or June the female lays a single egg."),
        ("where", "Whales live in all oceans occasionally swimming in groups."),
        ("where", "The tea plants were only grown in China."),
        ("where", "Thomas Andrews died in the disaster."),
        ("who", "Emperor penguins are the largest of all penguins."),
        (
            "who",
            "The rules were devised by Ole Berg and Per Holm for use by the newly founded club.",
        ),
        ("subject", "The tallest, Mount Saint Elias, rises 18,008 feet above the park."),
        ("why", "Anna Holm was selected to be the first woman on the flight."),
        ("how_long", "The Spanish managed to do so for about 100 years."),
        ("how_many", "450 people died during its construction."),  # of what?
        ("how_much", "The tower is 324 metres tall. The tower is 330 metres tall with its mast."),
    ],
)
def test_what_is_not_plain_is_left_alone(kind: str, text: str) -> None:
    assert asked(kind, text) == []


def test_two_answers_to_one_question_leave_it_out() -> None:
    twice = "The mill was sold in 1881. The bridge was blue. The mill was sold in 1905."
    assert asked("year", twice) == []
    apart = "The mill was sold in Ost in 1881. The mill was burned in 1905."
    assert len(asked("year", apart)) == 2


def test_a_pronoun_stands_for_the_title_that_was_the_subject_before() -> None:
    assert ("Who built Hallow Mill in 1742?", "the carpenter Peter Lund") in asked(
        "who", MILL, "Hallow Mill"
    )


@pytest.mark.parametrize("title", ["", "The River Tarn"])
def test_a_pronoun_that_could_stand_for_something_else_is_left_alone(title: str) -> None:
    assert not any(answer == "1742" for _, answer in asked("year", MILL, title))


def test_a_question_keeps_what_tells_the_event_from_others() -> None:
    assert ("Why did the wheel stand still for 14 years?") in [q for q, _ in asked("why", MILL)]
    assert ("Why does the ferry rest in Sandvik in winter?") in [q for q, _ in asked("why", FERRY)]


def test_lists_are_answers_as_a_whole() -> None:
    assert ("What is the flour made from?", "rye, oats and barley") in asked("what", MILL)


def test_every_question_is_short_ends_in_a_question_mark_and_has_its_answer_in_the_text() -> None:
    for text in (MILL, FERRY):
        found = passage(text, "Hallow Mill")
        for kind in QUESTION_KINDS:
            for question in questions_of(kind, found):
                assert question.answer.of(text) in question.said.text
                assert question.answer.of(text) in question.statement
                for wording in question.wordings:
                    assert wording.endswith("?")
                    assert 4 <= len(wording.split()) <= 18


def test_a_text_that_says_nothing_plain_gives_no_questions() -> None:
    assert not any(questions_of(kind, passage(BARE)) for kind in QUESTION_KINDS)


WORDS = (*MILL.split(), *FERRY.split(), ",", ".", ";", "and", "because", "its", "there", "has", "%")


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=25))
def test_any_words_at_all_give_only_questions_that_their_text_answers(words: list[str]) -> None:
    text = " ".join(words)
    found = passage(text, "Hallow Mill")
    for kind in QUESTION_KINDS:
        for question in questions_of(kind, found):
            assert question.answer.of(text) in question.statement
            assert question.answer.of(text) in question.said.text


def test_a_sentence_of_a_whole_page_is_not_looked_at() -> None:
    text = f"The mill {'was built in 1881 and ' * 3000}burned."
    assert not any(questions_of(kind, passage(text)) for kind in QUESTION_KINDS)
