"""Texts cut into passages: where, under which headings, and with which places."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.data.documents.document import Document, made_of
from evolsynth.data.passages import boilerplate, passages_of, text_of
from evolsynth.evaluation.text.sentences import sentence_places
from evolsynth.methods.grounded.passages import passage_of
from evolsynth.rows import Row

SENTENCE = "The heron stands in the shallow water and waits for a fish. "  # 12 words


def cut(text: str, most: int = 200, *, kind: str = "md") -> list[dict[str, Any]]:
    return passages_of(text_of(made_of(text.encode(), kind, "a"), f"a.{kind}"), most)


def words(text: str) -> int:
    return len(text.split())


GUIDE = f"""# A guide to ferns

{SENTENCE * 6}

## Care

{SENTENCE * 6}

### Watering

{SENTENCE * 6}

### Light

{SENTENCE * 6}

## Kinds

{SENTENCE * 6}
"""


def test_a_passage_for_each_heading_with_those_above_it() -> None:
    found = cut(GUIDE, 100)
    assert [p["heading"] for p in found] == [
        "", "Care", "Care > Watering", "Care > Light", "Kinds",
    ]  # fmt: skip
    assert {p["title"] for p in found} == {"A guide to ferns"}
    assert [p["part"] for p in found] == [1, 2, 3, 4, 5]
    assert {p["source"] for p in found} == {"a.md"}
    assert {p["input"] for p in found} == {(SENTENCE * 6).strip()}


def test_a_place_is_where_it_stands() -> None:
    for passage in cut(GUIDE, 100):
        start, end = passage["place"]
        assert GUIDE[start:end] == passage["input"]


def test_marks_and_ends_of_lines_go_and_the_place_stays() -> None:
    text = (
        "Ferns\n=====\n\nWater *it* [once a\nweek](https://example.org/week), no more. "
        "It   likes &amp; needs <b>rain</b> water more than water of the tap.\n"
    )
    (passage,) = cut(text)
    assert passage["input"] == (
        "Water it once a week, no more. It likes & needs rain water more than water of the tap."
    )
    start, end = passage["place"]
    assert text[start:end].startswith("Water *it*")
    assert text[start:end].endswith("of the tap.")


def test_a_long_section_is_cut_to_even_parts_at_paragraphs() -> None:
    paragraphs = [f"Number {n}. {SENTENCE * 4}".strip() for n in range(9)]
    found = cut("\n\n".join(paragraphs), 200)
    assert [words(p["input"]) for p in found] == [150, 150, 150]
    assert "\n\n".join(p["input"] for p in found) == "\n\n".join(paragraphs)


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    found = cut(SENTENCE * 40, 200)
    assert [words(p["input"]) for p in found] == [156, 156, 168]
    assert all(p["input"].endswith("for a fish.") for p in found)
    assert all(p["input"].startswith("The heron") for p in found)


def test_small_sections_stand_together_under_what_they_share() -> None:
    parts = "".join(f"### Question {n}?\n\n{SENTENCE}\n\n" for n in range(5))
    found = cut(f"# Help\n\n## Herons\n\n{parts}## Ferns\n\n{SENTENCE * 9}")
    assert [p["heading"] for p in found] == ["Herons", "Ferns"]
    assert found[0]["input"] == "\n\n".join(
        f"## Question {n}?\n\n{SENTENCE.strip()}" for n in range(5)
    )
    assert len(sentence_places(found[0]["input"])) == 5  # a heading is no sentence


def test_sections_of_different_chapters_stand_apart() -> None:
    text = f"# Birds\n\n## One\n\n### A\n\n{SENTENCE * 2}\n\n## Two\n\n### B\n\n{SENTENCE * 2}"
    assert [p["heading"] for p in cut(text)] == ["One > A", "Two > B"]


def test_lists_and_tables_stay_with_what_introduces_them() -> None:
    items = "\n".join(f"- item {n} of the list" for n in range(8))
    rows = "\n".join(f"| {n} | a cell |" for n in range(8))
    table = f"| n | what |\n| --- | --- |\n{rows}"
    text = f"{SENTENCE * 3}\n\nYou need:\n\n{items}\n\n{SENTENCE * 3}\n\nThe sizes:\n\n{table}\n"
    first, second = cut(text, 90)
    assert first["input"].endswith(f"You need:\n\n{items}")
    assert second["input"].endswith(f"The sizes:\n\n{table}")


def test_a_table_that_is_too_long_is_cut_between_rows_under_its_head_again() -> None:
    rows = [f"| Town {n} | {n}00 people live in it |" for n in range(60)]
    text = "| Town | People |\n|---|---|\n" + "\n".join(rows)
    found = cut(text, 100)
    assert len(found) > 2
    assert all(p["input"].startswith("| Town | People |\n| --- | --- |\n| Town") for p in found)
    assert [line for p in found for line in p["input"].split("\n")[2:]] == rows
    assert max(words(p["input"].replace("|", "")) for p in found) <= 110


def test_what_is_longer_than_two_passages_without_an_end_is_left_out() -> None:
    endless = "heron " * 500
    assert cut(endless, 200) == []
    found = cut(f"{SENTENCE * 5}\n\n| a | b |\n|---|---|\n| {endless} | x |\n\n{SENTENCE * 5}")
    assert all("heron heron" not in p["input"] for p in found)
    assert sum(words(p["input"]) for p in found) >= 120


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Ferns\n\nThey grow.", "Ferns"),
        ("Ferns\n=====\n\nThey grow.", "Ferns"),
        ("---\ntitle: Of ferns\n---\nThey grow.", "Of ferns"),
        ("## Ferns\n\nThey grow.\n\n## Moss\n\nIt grows.", "Ferns"),
        ("# One\n\nIt.\n\n# Two\n\nIt.", "One"),
        ("They grow in the shade.", "my ferns"),
    ],
)
def test_the_title_of_a_text(text: str, title: str) -> None:
    assert text_of(made_of(text.encode(), "md", "x"), "garden/my-ferns.md").title == title


def test_a_plain_text_has_headings_too() -> None:
    body = SENTENCE * 8
    text = f"Herons and ferns\n\n{body}\n\nWHERE THEY LIVE\n\n{body}\n\n2.1 In winter\n\n{body}\n"
    found = cut(text, kind="txt")
    assert [p["heading"] for p in found] == [
        "", "WHERE THEY LIVE", "WHERE THEY LIVE > 2.1 In winter",
    ]  # fmt: skip
    assert found[0]["title"] == "Herons and ferns"


@pytest.mark.parametrize("heads", [("PURPOSE", "SAMPLES"), ("Purpose", "The samples")])
def test_numbered_headings_of_a_plain_text_with_an_empty_line_below(heads: tuple[str, str]) -> None:
    first, second = heads
    text = f"The water\n\n1. {first}\n\n{SENTENCE * 3}\n\n2. {second}\n\n{SENTENCE * 4}\n"
    found = text_of(Document(text, marks=False), "water.txt").blocks
    assert [b.said for b in found if b.kind == "heading"] == [first, second]


@pytest.mark.parametrize(
    "text",
    [
        f"What to do\n\n1. Fill the kettle\n2. Boil it\n\n{SENTENCE}\n",  # a list
        f"What to do\n\n1. Fill the kettle.\n\n{SENTENCE}\n\n2. Boil it.\n\n{SENTENCE}\n",
        f"What to do\n\n1. Fill the kettle\n\n{SENTENCE}\n",  # one alone may be a step
    ],
)
def test_steps_with_numbers_are_no_headings(text: str) -> None:
    found = text_of(Document(text, marks=False), "tea.txt").blocks
    assert [b for b in found if b.kind == "heading"] == []


def test_questions_and_numbered_lines_of_a_plain_text_are_headings() -> None:
    body = (SENTENCE * 6).strip()
    text = (
        f"Help\n\nWhere does it stand?\n\n{body}\n\n1. Opening hours\n{body}\n\n"
        f"IN WINTER\n{body}\n\n1. Fill it.\n2. Wait for\n   the water.\n"
    )
    found = cut(text, 80, kind="txt")
    assert [p["heading"] for p in found] == ["Where does it stand?", "Opening hours", "IN WINTER"]
    assert [p["input"] for p in found[:2]] == [body] * 2
    assert found[2]["input"] == f"{body}\n\n1. Fill it.\n2. Wait for the water."
    for passage in found:
        start, end = passage["place"]
        assert " ".join(text[start:end].split()) == " ".join(passage["input"].split())


def test_an_address_or_a_poem_is_no_row_of_headings() -> None:
    lines = "Acme Kettles\n\n4 Mill Lane\n\nLeeds\n\n"
    found = cut(f"{SENTENCE * 6}\n\n{lines}{SENTENCE * 6}", kind="txt")
    assert "4 Mill Lane" in found[0]["input"]


def test_a_line_in_bold_is_a_heading_and_a_table_of_contents_is_nothing() -> None:
    text = f"# Ferns\n\n- [Care](#care)\n- [Kinds](#kinds)\n\n**Care**\n\n{SENTENCE * 6}"
    (found,) = cut(text)
    assert found["heading"] == "Care"
    assert found["input"] == (SENTENCE * 6).strip()
    (note,) = cut(f"**Note:**\n\n{SENTENCE * 6}")
    assert note["input"].startswith("Note:")


def test_what_half_of_the_texts_say_is_none_of_theirs() -> None:
    notice = "All rights are reserved by the Heron Society of the North."
    texts = [
        text_of(Document(f"# Page {n}\n\n{SENTENCE * 3}{n}\n\n{notice}\n"), f"{n}.md")
        for n in range(4)
    ]
    without = boilerplate(texts)
    assert without == {notice.casefold()}
    assert boilerplate(texts[:2]) == frozenset()  # two may say the same
    (passage,) = passages_of(texts[0], 200, without)
    assert notice not in passage["input"]


def test_a_scrap_is_no_passage() -> None:
    assert cut("# Kettle\n\nBuy it now.") == []
    for kind in ("md", "txt"):
        assert cut("." * 999, kind=kind) == cut("[" * 9999, kind=kind) == []


def test_a_row_as_the_passage_that_it_holds() -> None:
    fields = cut(GUIDE, 100)[2]
    found = passage_of(Row.from_dict(fields))
    assert (found.text, found.title) == (fields["input"], "A guide to ferns")
    assert found.heading == "Care > Watering"
    assert [place.of(found.text) for place in found.sentences] == [SENTENCE.strip()] * 6
    bare = passage_of(Row.make(extra={"context": "Bees fly. They do.", "title": 3}))
    assert (bare.title, bare.heading, len(bare.sentences)) == ("", "", 2)


PARTS = st.sampled_from(
    [
        "# One\n\n", "## Two *b*\n\n", SENTENCE, f"{SENTENCE * 9}\n\n", "- an item\n", "1. Do.\n",
        "\n\n", "| a | b |\n|---|---|\n| c | d |\n\n", "```\nx = 1\n```\n\n", "> He said so. \n",
        "You need:\n",
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PARTS, max_size=25).map("".join), st.integers(20, 120))
def test_passages_follow_each_other_and_are_not_too_long(text: str, most: int) -> None:
    if not text.strip():
        return
    at = 0
    for number, passage in enumerate(cut(text, most), 1):
        start, end = passage["place"]
        assert at <= start < end <= len(text)
        at = start
        assert passage["part"] == number
        assert passage["input"] == passage["input"].strip()
        plain = "".join(c if c.isalnum() else " " for c in passage["input"])
        assert words(plain) <= 2 * most + 60
        assert passage["input"].count("The heron") == passage["input"].count("for a fish.")
