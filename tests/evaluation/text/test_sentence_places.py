"""Sentences and blocks with their places: what ends a sentence, and what only looks as if."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.evaluation.text.blocks import blocks
from evolsynth.evaluation.text.sentences import sentence_places, sentences_of


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_places(text)]


WHOLE = [
    "Dr. Mary Jones measured 3.5 m of snow.",
    "The bridge is 2.4 km long, i.e. longer than the old one.",
    "Use a soft brush, e.g. No. 4, for the corners.",
    "See Fig. 2 on p. 7 and ch. IV.",
    "It was built for the U.S. Navy in 1944.",
    "The works of J. R. R. Tolkien and C. S. Lewis are there.",
    "St. Ives and Mt. Etna are far apart.",
    "It weighs approx. 5 kg.",
    "The shop opens at 9 a.m. on Monday.",
    "Acme Inc. was founded in Boston.",
    "The library (est. 1887) has a reading room.",
    "Version 2.0.1 runs on Python 3.11.",
    "Visit www.example.org for more.",
    "She paused... and went on.",
    '"Stop!" he said.',
    "Apples, pears etc. are kept in the cellar.",
    "A distance of 5.5 ft. is enough.",
    "Smith et al. found the opposite.",
    "He was born on Jan. 5, 1920.",
    "The Battle of St. Albans vs. the Battle of Towton",
    "Prof. A. B. Stone, Ph.D. of Leeds, spoke.",
    "No. 10 is a house.",
    "1. It begins with a number.",
]


@pytest.mark.parametrize("text", WHOLE)
def test_what_only_looks_like_an_end_is_none(text: str) -> None:
    assert cut(f"x\n\n{text}")[1:] == [re.sub(r"^1\. ", "", text)]


CUT = [
    ("It is cold. It is wet.", 2),
    ("It closed at 5 p.m. It opened again in May.", 2),
    ("She lived in the U.S. The others went home.", 2),
    ("They eat fruit with vitamin C. It keeps them well.", 2),
    ("No. That is wrong.", 2),
    ("Is it far? Not very! We walk.", 3),
    ('He said "Go." She went.', 2),
    ("It costs 5. 3 are left.", 2),
    ("(It is old. Very old.) It stands.", 3),
    ("We sell nuts, oil etc. The shop is small.", 2),
    ("**Warning.** Do not open it.", 2),
    ("It holds 1.7 litres. In 1950 it held 2.", 2),
    ("Wait… Then go.", 2),
    ("Das Haus ist alt. Es hat ein Dach.", 2),
    ("Es grande. ¿Cuánto cuesta? «Mucho.» Sí.", 4),
    ("东京很大。人很多！是吗？", 3),
]


@pytest.mark.parametrize(("text", "count"), CUT)
def test_each_sentence_ends_where_it_does(text: str, count: int) -> None:
    found = cut(text)
    assert len(found) == count
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


def test_items_rows_headings_and_code_are_never_joined_to_what_stands_beside_them() -> None:
    text = """# Care of the fern

Water it weekly, and
never at noon. Use rain.

- a can with a long spout
- rain water. Tap water is hard.
  It leaves spots.

1. Fill it.
2. Wait

| Month | Water |
|---|---|
| May | 2 l |
| June | 3 l. A lot. |

```
do. not. read
```

> Ferns are old. So are mosses.
"""
    assert cut(text) == [
        "Water it weekly, and\nnever at noon.",
        "Use rain.",
        "a can with a long spout",
        "rain water.",
        "Tap water is hard.",
        "It leaves spots.",
        "Fill it.",
        "Wait",
        "| May | 2 l |",
        "| June | 3 l. A lot. |",
        "Ferns are old.",
        "So are mosses.",
    ]


def test_the_kinds_of_blocks_and_what_they_say() -> None:
    text = """Title
=====

Some *soft* [words](x.html "t") &amp;
`code` here.<!-- no -->
<div>html</div>

- one
  - inner **two**

    more of two
3) three

| a | b \\| c |
|:--|--:|
| 1 | ![pic](p.png)2 |

***
"""
    found = [(b.kind, b.said, b.level, b.mark) for b in blocks(text)]
    assert found == [
        ("heading", "Title", 1, ""),
        ("text", "Some soft words & code here.", 0, ""),
        ("item", "one", 1, "-"),
        ("item", "inner two", 2, "-"),
        ("item", "more of two", 2, ""),
        ("item", "three", 1, "3)"),
        ("head", "| a | b \\| c |", 0, ""),
        ("row", "| 1 | 2 |", 0, ""),
    ]
    groups = [b.group for b in blocks(text)]
    assert groups == [0, 0, 1, 1, 1, 2, 3, 3]  # another list by its marks


def test_without_marks_a_star_is_a_star() -> None:
    (block,) = blocks("2 * 3 * 4 is [24](so) <b>", marks=False)
    assert block.said == "2 * 3 * 4 is [24](so) <b>"
    assert block.kind == "text"


def test_the_ends_of_lines_do_not_move_places() -> None:
    text = "One is here.\r\nTwo is there.\r\n\r\n- three\r\n"
    assert cut(text) == ["One is here.", "Two is there.", "three"]


def test_nothing_is_in_nothing() -> None:
    assert cut("") == cut(" \n\n ") == cut("# Heading only") == cut("```\ncode\n```") == []
    assert list(sentences_of("  ")) == []


PIECES = st.sampled_from(
    [
        "Dr.", "It is.", "e.g.", "3.5", "\n", "\n\n", "- ", "1. ", "| a | b |\n", "# ", "x", "Why?",
        " ", "```\n", "> ", "U.S.", '"', "...", "是。", "*", "\t", "|---|---|\n", "\r", "\0",
        "    ",
    ]
)  # fmt: skip
WORDS = st.sampled_from(("Bees", "fly.", "Is", "it?", "Dr.", "A", "5", "e.g.", "so", "U.S.", "The"))


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_places_follow_each_other_and_have_no_space_around_them(text: str) -> None:
    at = 0
    for start, end in sentence_places(text):
        assert at <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        assert "\n\n" not in text[start:end]
        at = end
    for block in blocks(text):
        assert 0 <= block.start <= block.end <= len(text)


@settings(deadline=None)
@given(st.lists(WORDS))
def test_no_word_of_a_paragraph_is_lost(some: list[str]) -> None:
    text = " ".join(["Word", *some])
    assert " ".join(cut(text)).split() == text.split()
