"""The passages that ship for the demo: their form, and that no two of them are alike."""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations
from pathlib import Path

import pytest
from rapidfuzz import fuzz

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "prompts" / "passages").iterdir())
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in FILES}
PAGE = (ROOT / "docs" / "passages.md").read_text(encoding="utf-8")
INVENTED = set(re.findall(r"`([a-z-]+)`", PAGE))
SAYS_SO = re.compile(r"\b(?:is|are|an) invented\b|\bcompany invented\b")

HEADING = re.compile(r"^## \S", re.M)
ITEM = re.compile(r"^(?:- |\d\. )", re.M)
TABLE = re.compile(r"^\|(?:---\|)+$", re.M)
REASON = re.compile(r"\b(?:because|since)\b")


def title(text: str) -> str:
    """The first line without its mark."""
    return text.splitlines()[0].removeprefix("# ")


def prose(text: str) -> list[str]:
    """Paragraphs that are no heading, list or table."""
    return [part for part in text.strip().split("\n\n") if not re.match(r"#|\||- |\d\. ", part)]


def test_there_are_sixty_each_a_page_of_its_own() -> None:
    assert len(FILES) == 60
    assert {path.suffix for path in FILES} == {".md"}
    assert len({title(text).lower() for text in TEXTS.values()}) == 60


@pytest.mark.parametrize("slug", TEXTS)
def test_a_passage_has_a_title_and_some_paragraphs(slug: str) -> None:
    text = TEXTS[slug]
    assert re.match(r"# \S[^\n]*\n\n[A-Z#]", text)
    assert text.count("\n# ") == 0
    assert 100 <= len(text.split()) <= 250
    assert len(prose(text)) >= 2
    assert all(re.search(r"[.:]$", part) for part in prose(text))
    assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", slug)


@pytest.mark.parametrize("slug", TEXTS)
def test_a_passage_has_what_can_be_asked_about(slug: str) -> None:
    text = TEXTS[slug]
    assert len(set(re.findall(r"\d[\d,.:]*", text))) >= 3
    assert REASON.search(text)
    assert re.search(r"\w, [^.,:]+,? and \w", text) or ITEM.search(text) or TABLE.search(text)


@pytest.mark.parametrize("slug", TEXTS)
def test_a_passage_is_written_in_plain_characters(slug: str) -> None:
    """Straight quotes, no dashes, no tabs: what a small tokenizer has seen most."""
    text = TEXTS[slug]
    assert text == unicodedata.normalize("NFC", text)
    others = {char for char in text if not (char == "\n" or " " <= char <= "~")}
    assert all(char == "°" or unicodedata.name(char).startswith("LATIN") for char in others)
    assert not re.search(r"  |[ \t]$|\n\n\n|[<>{}\\]", text, re.M)
    assert text.endswith("\n")


@pytest.mark.parametrize("slug", TEXTS)
def test_most_sentences_of_a_passage_stand_alone(slug: str) -> None:
    """A sentence that is shown with the title alone must say what it is about."""
    found = re.split(r"(?<=[.:?])\s+(?=[A-Z0-9])", " ".join(prose(TEXTS[slug])))
    leaning = [one for one in found if re.match(r"(?:He|She|It|They|This|These|Those)\b", one)]
    assert len(leaning) <= 0.1 * len(found)
    assert all(len(one.split()) <= 40 for one in found)


def test_the_shapes_are_many() -> None:
    for shape, least in ((HEADING, 12), (ITEM, 8), (TABLE, 4)):
        assert sum(bool(shape.search(text)) for text in TEXTS.values()) >= least
    openings = [prose(text)[0].split()[0] for text in TEXTS.values()]
    assert len(set(openings)) >= 30


def test_the_invented_ones_are_told_on_the_page_and_say_so() -> None:
    assert len(INVENTED) == 10
    assert {slug for slug, text in TEXTS.items() if SAYS_SO.search(text)} == INVENTED


def test_no_two_passages_are_alike() -> None:
    for one, other in combinations(TEXTS.values(), 2):
        assert fuzz.ratio(one, other) < 60, (title(one), title(other))
        assert fuzz.token_set_ratio(one, other) < 75, (title(one), title(other))


def test_no_sentence_stands_in_two_passages() -> None:
    seen: dict[str, str] = {}
    for slug, text in TEXTS.items():
        for sentence in re.split(r"(?<=[.:?])\s+", " ".join(prose(text))):
            assert seen.setdefault(sentence, slug) == slug
