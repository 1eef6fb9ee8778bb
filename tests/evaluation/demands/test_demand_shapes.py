"""How words, sentences, paragraphs, points and fences are counted, and how texts are cut."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.demands.demand import Asked
from evolsynth.evaluation.demands.fitting import in_verse, number, points_wanted, stepped, topic
from evolsynth.evaluation.demands.kinds.edges import request_first
from evolsynth.evaluation.demands.naming import title_of
from evolsynth.evaluation.demands.points import blocks, split_list
from evolsynth.evaluation.demands.request import request_of
from evolsynth.evaluation.demands.shape import (
    cut,
    fences,
    grouped,
    in_paragraphs,
    in_prose,
    items,
    paragraphs,
    sentence_count,
    sentences,
    unfenced,
    word_count,
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", (0, 0)),
        ("One word-pair, here.", (3, 4)),
        ("I'd say 3.50 - no more.", (5, 7)),
        ("* **bold**\n# head\n1. one", (4, 4)),
        ("naïve café 東京", (3, 3)),
    ],
)
def test_words_have_a_fewest_and_a_most(text: str, count: tuple[int, int]) -> None:
    assert word_count(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", (0, 0)),
        ("...", (0, 0)),
        ("No mark at the end", (1, 1)),
        ("One. Two! Three?", (3, 3)),
        ("It costs 3.50, see example.com/a.b or v1.2.", (1, 1)),
        ("Mr. Holm met Dr. Ray in St. Ives, i.e. by the sea.", (1, 1)),
        ("J. K. Holm wrote it.", (1, 1)),
        ("We left at 5 p.m. and slept.", (1, 1)),
        ("We left at 5 p.m. Nobody slept.", (1, 2)),  # may be one, may be two
        ('"Why?" she asked.', (1, 2)),
        ('He said: "Go!" Then he left.', (2, 2)),
        ("Wait... what? Now...", (2, 3)),
        ("So do I. You too.", (2, 2)),
        ("A heading\n\nIts text.", (1, 2)),
        ("1. Dig.\n2. Sow.", (2, 4)),
        ("Roses are red,\nviolets are blue.", (1, 2)),
        ("It is so. **This** too.", (1, 2)),
        ("It works (mostly.) Yes.", (2, 2)),
        ("What?! No!!!", (2, 2)),
        ("all is small. so is this.", (2, 2)),
        ("The end\n```", (1, 1)),
    ],
)
def test_sentences_have_a_fewest_and_a_most(text: str, count: tuple[int, int]) -> None:
    assert sentence_count(text) == count


@given(st.text(alphabet="ab .!?\n\"'1A-*", max_size=80))
def test_sentences_stand_where_they_say_and_leave_out_no_word(text: str) -> None:
    found = sentences(text)
    assert all(text[one.start : one.end] == one.text for one in found)
    assert sum(sum(map(str.isalnum, one.text)) for one in found) == sum(map(str.isalnum, text))
    fewest, most = sentence_count(text)
    assert 0 <= fewest <= most == len(found)


def test_paragraphs_are_parted_by_blank_lines_alone() -> None:
    text = "\n\nOne\nand more.\n \t\n\nTwo.\n"
    assert [one.text for one in paragraphs(text)] == ["One\nand more.", "Two."]
    assert all(text[one.start : one.end] == one.text for one in paragraphs(text))


def test_items_have_marks_and_depth() -> None:
    found = items("* a\n\t- b\n12) c\n+\n5 * 3\n**d** e\n-f\n---")
    assert [(item.mark, item.indent, item.text) for item in found] == [
        ("*", 0, "a"),
        ("-", 4, "b"),
        ("12)", 0, "c"),
        ("+", 0, ""),
    ]


def test_a_list_comes_apart_into_what_stands_before_it_its_points_and_what_stands_behind() -> None:
    text = "So:\n\n1. a\n   more of a\n\n2. b\n   - under b\n\nBye.\nBye."
    before, points, after = split_list(text)
    assert before == ["So:", ""]
    assert [point.rstrip() for point in points] == ["a\n   more of a", "b\n   - under b"]
    assert after == ["", "Bye.\nBye."]


def test_two_lists_are_no_list_to_take_apart() -> None:
    text = "* a\n\nNow the others:\n\n* b"
    assert len(blocks(text)) == 2
    assert split_list(text)[1] == []


def test_fences_are_closed_and_name_their_language() -> None:
    text = "So:\n```python\nx = 1\n```\n```\n\n```\n```sql\nopen"
    assert [(one.language, one.code) for one in fences(text)] == [("python", "x = 1"), ("", "")]
    assert unfenced(" ```json\n{}\n``` ") == "{}"
    assert unfenced("```\na\n```\nb\n```\nc\n```").startswith("```")


@pytest.mark.parametrize("text", ["a\n- b", "# a\nb", "| a |\n", "```\na\n```", "a\n---\nb"])
def test_what_has_marks_of_form_is_no_prose(text: str) -> None:
    assert not in_prose(text)
    assert cut(text, lambda _: True) == ""
    assert in_paragraphs(text, 1) == []


def test_a_cut_ends_with_a_whole_sentence_and_leaves_half() -> None:
    text = "One two three. Four five, Dr. Six. Seven."
    assert cut(text, lambda t: len(t) < 40) == "One two three. Four five, Dr. Six."
    assert cut(text, lambda t: len(t) < 20) == ""


def test_neighbours_are_joined_the_shortest_first() -> None:
    assert grouped(["aaaa", "b", "c", "dddd"], 3, " ") == ["aaaa", "b c", "dddd"]
    assert grouped(["a"], 3, " ") == ["a"]


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("How do I keep basil alive?", "How to Keep Basil Alive"),
        ("Please write me a short poem about the first snow.", "First Snow"),
        ("Explain how a lighthouse works. Use two paragraphs.", "How a Lighthouse Works"),
        ("What are some good ways to learn chess?", "Good Ways to Learn Chess"),
        ("Give me five ideas for my garden", "Ideas for Your Garden"),
        ("I lost my keys.", ""),  # speaks of somebody
        ("Rewrite the following sentence.", ""),  # names nothing
        ("Answer this: why?", ""),
        ("", ""),
    ],
)
def test_a_title_is_made_of_the_instructions_words(asked: str, title: str) -> None:
    assert title_of(asked) == title


@pytest.mark.parametrize("number_", range(len(request_first.wordings)))
def test_the_request_is_what_stands_around_our_wording(number_: int) -> None:
    wording = request_first.wordings[number_]
    asked = f"Name a fruit. {wording} Be brief."
    assert request_of(asked, request_first.wordings) == "Name a fruit. Be brief."


@pytest.mark.parametrize(
    ("asked", "request_"),
    [
        ("Name a fruit.\n\nFirst, repeat the request above. 1. No word before.", "Name a fruit."),
        ("Repeat the question before you answer.\nName a fruit.", "Name a fruit."),
        ("Name a fruit.", "Name a fruit."),
    ],
)
def test_the_request_of_others_stands_before_their_wording(asked: str, request_: str) -> None:
    assert request_of(asked, request_first.wordings) == request_


def test_numbers_are_round_and_follow_the_expected_length() -> None:
    assert [stepped(n) for n in (3, 52, 123, 333)] == [5, 50, 120, 350]
    chance = random.Random(1)
    long = Asked("Explain tides.", "explanation", 1, 200)
    assert {number(chance, long, size=50, least=2, most=6) for _ in range(50)} == {3, 4, 5}
    short = Asked("Explain tides.", "explanation", 1, 20)
    assert number(chance, short, size=50, least=2, most=6) is None


@pytest.mark.parametrize(
    ("instruction", "count"),
    [("Give me five ideas.", 5), ("List 4 cheap meals.", 4), ("Name 30 cities.", None)],
)
def test_an_instructions_own_number_is_kept(instruction: str, count: int | None) -> None:
    case = Asked(instruction, "ideas", 1, 120)
    assert points_wanted(random.Random(1), case, size=25, least=3, most=8) == count


def test_what_an_instruction_is_about_has_no_words_of_form() -> None:
    assert topic("Write a short story about a lighthouse keeper.") == ["lighthouse", "keeper"]
    assert in_verse(Asked("Write a haiku about rain."))
    assert not in_verse(Asked("Write a story about rain."))
