"""Duplicates, with vectors made by hand: what is found, what is not, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.distances import nearest_pairs
from evolsynth.evaluation.duplicates import same_request
from evolsynth.evaluation.duplicates.index import DuplicateIndex
from evolsynth.evaluation.duplicates.same_request import (
    Worded,
    in_words_only,
    normalise,
    same_facts,
    same_words,
)
from evolsynth.evaluation.text.facts import code, quotations
from evolsynth.evaluation.text.words import words


def unit(*values: float) -> NDArray[np.float32]:
    vector = np.array(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)


EAST, NORTH = unit(1, 0), unit(0, 1)
OPPOSITES = ("hot", "cold", "first", "last", "do", "undo", "formal", "informal", "to", "unto", "un")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Name three rivers.", "  name THREE\trivers  "),
        ("What’s “déjà vu”?", 'What\'s "déjà vu"'),
        ("Ｗｒｉｔｅ a poem", "Write a poem!"),
    ],
)
def test_exact_duplicates_ignore_how_a_text_is_set(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


def test_punctuation_that_carries_meaning_stays() -> None:
    assert normalise("Teach me C#") != normalise("Teach me C")
    assert normalise("???") == "???"


@given(st.text())
def test_normalise_is_idempotent(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_an_exact_duplicate_is_found_whatever_its_vector() -> None:
    index = DuplicateIndex()
    index.add("a", "Name three rivers.", EAST)
    found = index.find("name three rivers", NORTH)
    assert found is not None
    assert (found.code, found.detail["of"]) == ("exact_duplicate", "a")


def test_the_most_similar_wins_and_then_the_earliest() -> None:
    index = DuplicateIndex(0.9)
    index.add("far", "Tell me about ships", unit(1, 0.4))
    index.add("first", "Tell me about boats", unit(1, 0.1))
    index.add("second", "Tell me of boats", unit(1, 0.1))
    found = index.find("Talk about boats", EAST)
    assert found is not None
    assert found.code == "near_duplicate"
    assert found.detail == {"of": "first", "similarity": 0.995}


def test_ignored_ids_are_passed_over() -> None:
    index = DuplicateIndex()
    index.add("parent", "Describe a fox", EAST)
    index.add("stranger", "Describe the fox", EAST)
    found = index.find("Describe a fox!", EAST, ignore={"parent"})
    assert found is not None
    assert found.detail["of"] == "stranger"
    assert index.find("Describe a fox!", EAST, ignore=["parent", "stranger"]) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("List 5 rivers of the region.", "List 7 rivers of the region."),
        ("Name foods that contain nuts.", "Name foods that do not contain nuts."),
        ("What is the capital of Peru?", "What is the capital of Chad?"),
        ('Use "brave" in a sentence.', 'Use "timid" in a sentence.'),
        ("Sort it in ascending order.", "Sort it in descending order."),
        ("Write a formal letter.", "Write an informal letter."),
        ("Explain `os.walk` to me.", "Explain `os.scandir` to me."),
    ],
)
def test_texts_that_differ_in_a_fact_are_not_duplicates(one: str, other: str) -> None:
    index = DuplicateIndex()
    index.add("a", one, EAST)
    assert index.find(other, EAST) is None
    assert not same_facts(one, other)


def test_the_same_fact_in_other_words_is_no_difference() -> None:
    assert same_facts("List a dozen uses of salt.", "Give 12 uses for salt.")
    assert same_facts("List rivers in Europe.", "Name the rivers that are European.")
    assert same_facts("Don't use jargon.", "Do not use jargon.")


def test_a_growing_index_keeps_every_vector() -> None:
    index = DuplicateIndex(0.999)
    angles = np.linspace(0, np.pi / 2, 200)
    for k, angle in enumerate(angles):
        index.add(
            f"row-{k}", f"word{chr(97 + k % 26)} {'x' * k}", unit(np.cos(angle), np.sin(angle))
        )
    for k in (0, 63, 64, 128, 199):
        found = index.find("something else", unit(np.cos(angles[k]), np.sin(angles[k])))
        assert found is not None
        assert found.detail["of"] == f"row-{k}"


def test_vectors_of_two_embedders_are_refused() -> None:
    index = DuplicateIndex()
    index.add("a", "one text", EAST)
    with pytest.raises(InputError, match="same embedder"):
        index.find("another", unit(1, 0, 0))


@pytest.mark.parametrize("threshold", [0, -1, 1.5])
def test_a_threshold_must_be_a_cosine(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        DuplicateIndex(threshold)


@given(st.integers(0, 40), st.integers(0, 12), st.integers(0, 9))
def test_nearest_pairs_agree_with_the_whole_matrix(n: int, count: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).integers(-2, 3, (n, 3)).astype(np.float32) + 0.25
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = np.round(vectors @ vectors.T, 5)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    wanted = sorted((float(-cosines[i, j]) for i, j in pairs))[:count]
    found = nearest_pairs(vectors, count)
    assert [round(-c, 4) for _, _, c in found] == pytest.approx(wanted, abs=2e-4)
    assert all(i < j for i, j, _ in found)
    assert len({(i, j) for i, j, _ in found}) == len(found)


def test_nearest_pairs_cross_the_borders_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolsynth.evaluation.diversity.distances._BLOCK", 2)
    vectors = np.stack([EAST, NORTH, unit(-1, 0.5), EAST, unit(1, 0.1)])
    assert [(i, j) for i, j, _ in nearest_pairs(vectors, 2)] == [(0, 3), (0, 4)]


class Deciding:
    """An embedder that knows its texts by heart, and counts those it is asked for."""

    name = "deciding"

    def __init__(self, vectors: dict[str, NDArray[np.float32]]) -> None:
        self.vectors = vectors
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.stack([self.vectors[text] for text in texts])


def test_the_embedder_decides_among_rough_candidates() -> None:
    texts = {"Talk of ships": unit(1, 0.3), "Talk of boats": EAST, "Bake it": NORTH}
    embedder = Deciding({**texts, "Speak of ships": EAST})
    index = DuplicateIndex(0.9, embedder=embedder)
    for name, vector in zip(texts, (unit(1, 0.1), unit(1, 0.5), NORTH), strict=True):
        index.add(name, name, vector)
    found = index.find("Speak of ships", EAST)
    assert found is not None
    assert found.detail == {"of": "Talk of boats", "similarity": 1.0}
    assert "Bake it" not in embedder.asked


def test_without_candidates_nothing_is_embedded() -> None:
    embedder = Deciding({})
    index = DuplicateIndex(0.9, embedder=embedder)
    index.add("a", "Name 5 rivers", EAST)
    assert index.find("Name 7 rivers", EAST) is None  # another fact
    assert index.find("Bake bread", NORTH) is None
    assert embedder.asked == []


def test_a_rough_candidate_that_the_embedder_finds_far_is_none() -> None:
    embedder = Deciding({"Talk of ships": NORTH, "Speak of ships": EAST})
    index = DuplicateIndex(0.9, embedder=embedder)
    index.add("a", "Talk of ships", EAST)
    assert index.find("Speak of ships", EAST) is None


# Several at once ----------------------------------------------------------------------------------

LETTERS = st.lists(st.integers(0, 5), min_size=1, max_size=3)


@given(st.lists(LETTERS, max_size=30), st.integers(1, 7), st.booleans())
def test_several_at_once_are_found_as_one_by_one(
    rows: list[list[int]], size: int, rough: bool
) -> None:
    words = ("ships", "boats", "rafts", "5", "not", "Peru")
    texts = [" ".join(["see", *(words[i] for i in row)]) for row in rows]
    vectors = np.zeros((len(rows), 6), dtype=np.float32)
    for vector, row in zip(vectors, rows, strict=True):
        np.add.at(vector, row, 1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) if len(rows) else 1
    known = dict(zip(texts, vectors, strict=True))
    alone = DuplicateIndex(0.8, embedder=Deciding(known) if rough else None)
    expected = []
    for i, text in enumerate(texts):
        expected.append(alone.find(text, known[text]))
        if expected[-1] is None:
            alone.add(str(i), text, known[text])
    together = DuplicateIndex(0.8, embedder=Deciding(known) if rough else None)
    found = []
    for start in range(0, len(texts), size):
        part = texts[start : start + size]
        search = together.search(part, np.stack([known[text] for text in part]))
        for place in range(len(part)):
            found.append(search.find(place))
            if found[-1] is None:
                search.add(place, str(start + place))
    assert found == expected


def test_the_embedder_is_asked_about_a_text_in_the_index_once() -> None:
    texts = {"Talk of ships": unit(1, 1), "Speak of ships": EAST, "Say it of ships": NORTH}
    embedder = Deciding(texts)
    index = DuplicateIndex(0.9, embedder=embedder)
    for name in texts:
        assert index.find(name, EAST) is None
        index.add(name, name, EAST)
    assert embedder.asked.count("Talk of ships") == 1


def test_an_index_that_grows_past_a_block_finds_in_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolsynth.evaluation.duplicates.index._ROOM", 3)
    index = DuplicateIndex(0.99)
    for k in range(8):
        index.add(str(k), f"a {'b' * k} c", unit(1, k))
    for k in range(8):
        found = index.find("something else", unit(1, k))
        assert found is not None
        assert found.detail["of"] == str(k)


def test_a_text_without_a_direction_is_near_nothing_whoever_comes_with_it() -> None:
    """Or a low threshold would make the verdict depend on its neighbours."""
    index = DuplicateIndex(0.05, embedder=Deciding({}))
    index.add("a", "one", EAST)
    nothing = np.zeros(2, dtype=np.float32)
    assert index.search(["..", "two"], np.stack([nothing, -EAST])).find(0) is None
    assert index.find("..", nothing) is None


def test_candidates_behind_many_that_differ_in_facts_are_found() -> None:
    """Facts are compared from the nearest candidate on, and of as many as it takes."""
    index = DuplicateIndex(0.5, embedder=Deciding({"see it": EAST, "look at it": EAST}))
    for k in range(40):
        index.add(f"named {k}", f"see Peru{'x' * k}", unit(1, 0.001 * k))
    index.add("twin", "look at it", unit(1, 0.2))
    found = index.find("see it", EAST)
    assert found is not None
    assert found.detail["of"] == "twin"


@given(*[st.frozensets(st.sampled_from(OPPOSITES), max_size=6)] * 2)
def test_opposites_are_those_that_each_pair_of_words_gives(
    one: frozenset[str], other: frozenset[str]
) -> None:
    pairs = [(x, y) for x in one - other for y in other - one]
    prefixes = ("un", "in", "im", "ir", "dis", "non", "de")
    expected = any({x, y} in ({"hot", "cold"}, {"first", "last"}) for x, y in pairs) or any(
        x == p + y or y == p + x for x, y in pairs for p in prefixes
    )
    mine, theirs = Worded.of(one), Worded.of(other)
    assert same_words(mine, theirs) is not expected


def test_what_is_known_of_words_alone_is_what_is_known_of_facts() -> None:
    texts = ["Is it cold?", "Is it hot", "Is it old", "Undo the knot", "Do the knot", "Tell me"]
    known = [in_words_only(text) for text in texts]
    for one, mine in zip(texts, known, strict=True):
        for other, theirs in zip(texts, known, strict=True):
            assert mine is not None
            assert theirs is not None
            assert same_words(mine, theirs) is same_facts(one, other)


@pytest.mark.parametrize(
    "text", ["Name 5 rivers", "Do not run", 'Say "tea"', "See Peru", "Use C#", "Call `f(x)`"]
)
def test_a_text_with_a_fact_is_not_its_words_alone(text: str) -> None:
    assert in_words_only(text) is None
    only = in_words_only("Tell me, of the sea?")
    assert only is not None
    assert tuple(only.words) == ("tell", "me", "of", "the", "sea")


@given(st.text("abXI ,.?!'#+-\"`5½\n(x", max_size=24))
def test_prose_has_no_quotation_code_or_sign(text: str) -> None:
    """It is not looked for there, since most texts are prose."""
    if same_request._PROSE.fullmatch(text) is None:
        return
    assert not quotations(text)
    assert not code(text)
    assert not any(same_request._signs(text))
    assert same_request._LETTERS.findall(text.lower()) == [word.lower for word in words(text)]


def test_what_asks_for_nothing_else_is_prose() -> None:
    assert same_request._PROSE.fullmatch("Why, of all things, do boats float?") is not None
    assert same_request._PROSE.fullmatch("word, " * 20_000) is None  # and soon so


@pytest.mark.parametrize("count", [1, 5, 60])
def test_of_many_equal_pairs_the_first_are_given(count: int) -> None:
    vectors = np.tile(np.stack([EAST, NORTH]), (9, 1))
    pairs = [(i, j) for i in range(18) for j in range(i + 2, 18, 2)]
    assert [(i, j) for i, j, _ in nearest_pairs(vectors, count)] == sorted(pairs)[:count]
