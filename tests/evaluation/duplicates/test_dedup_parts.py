"""The parts of deduplication: tokens and facts, MinHash, neighbours, and what keeps texts apart."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.evaluation.duplicates import minhash
from evolsynth.evaluation.duplicates import neighbours as search
from evolsynth.evaluation.duplicates.deduplicate import Stars
from evolsynth.evaluation.duplicates.minhash import Signatures, bands_for
from evolsynth.evaluation.duplicates.neighbours import Vectors, neighbours
from evolsynth.evaluation.duplicates.same_request import (
    only_difference,
    same_request,
    swapped_roles,
)
from evolsynth.evaluation.duplicates.tokens import Lexicon, fact_key, shingles, template, tokens
from evolsynth.evaluation.text.numbers import numbers

# Tokens and facts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, Anna!", ["don't", "stop", "anna"]),
        ("C# costs 5 €", ["c", "#", "costs", "5", "€"]),
        ("パン屋 is 面白い", ["パ", "ン", "屋", "is", "面", "白", "い"]),
        ("Ｗｉｄｅ ＴＥＸＴ", ["wide", "text"]),
        ("...", []),
    ],
)
def test_tokens_are_words_signs_and_characters(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("a dozen eggs", "12 eggs"), ("Don't go", "Do not go"), ("half of it", "50% or 1/2 of it")],
)
def test_a_fact_key_is_of_values_not_of_ways_to_write(one: str, other: str) -> None:
    same = numbers(one)[:1] == [] or fact_key(one) != 0
    assert same
    if len(numbers(one)) == len(numbers(other)):
        assert fact_key(one) == fact_key(other)


def test_texts_without_facts_have_no_key() -> None:
    assert fact_key("Tell me about the sea.") == 0
    assert fact_key("Tell me of 3 seas.") != fact_key("Tell me of 4 seas.")
    assert fact_key("Tell me of 3 seas.", numbers=False) == 0
    assert fact_key("Do not tell me.", numbers=False) != 0


_FACT_WORDS = (
    "zero",
    "two",
    "nine",
    "eleven",
    "nineteen",
    "twenty",
    "ninety",
    "hundred",
    "thousand",
    "million",
    "billion",
    "dozen",
    "twice",
    "double",
    "couple",
    "pair",
    "thrice",
    "triple",
    "quadruple",
    "decade",
    "century",
    "half",
    "third",
    "quarters",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "first",
    "eleventh",
    "twentieth",
    "7",
    "3.5",
    "½",
    "1,000",
    "4th",
    "10k",
    "50%",
)


@pytest.mark.parametrize("word", _FACT_WORDS)
def test_every_word_of_a_number_is_looked_at(word: str) -> None:
    text = f"Give me a {word} of it"
    assert Lexicon().read([text]).keys[0] == fact_key(text)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_a_chunk_has_the_key_and_the_shingles_of_each_text(texts: list[str]) -> None:
    chunk = Lexicon().read(texts)
    assert [int(key) for key in chunk.keys] == [fact_key(text) for text in texts]
    ends = [*chunk.starts[1:], len(chunk.features)][: len(chunk.rows)]
    for row, start, end in zip(chunk.rows, chunk.starts, ends, strict=True):
        assert len(set(chunk.features[start:end].tolist())) == len(shingles(texts[row]))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("5 apples cost 2", "# @ cost #"),
        ("7 pears cost 3", "# @ cost #"),
        ("Give 12 big red buses to Ann.", "Give # @ @ @ to &."),
        ("Name the capital of Peru.", "Name the capital of Peru."),
        ("12 eggs", "12 eggs"),
    ],
)
def test_a_template_is_what_is_left_without_data(text: str, masked: str) -> None:
    assert template(text) == masked


# MinHash -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_bands_miss_next_to_nothing_at_the_threshold(threshold: float) -> None:
    bands, rows = bands_for(threshold)
    assert bands * rows <= 126
    assert (1 - threshold**rows) ** bands <= 0.0125


def test_a_higher_threshold_needs_longer_bands() -> None:
    assert bands_for(0.5)[1] < bands_for(0.8)[1] < bands_for(0.95)[1]


def signed(texts: list[str], threshold: float = 0.8) -> Signatures:
    signatures = Signatures(len(texts), threshold)
    signatures.add(np.arange(len(texts)), Lexicon().read(texts))
    return signatures


def test_like_texts_are_candidates_and_unlike_ones_are_not() -> None:
    random_ = random.Random(1)
    words = [f"word{k}" for k in range(3000)]
    texts = [" ".join(random_.sample(words, 20)) for _ in range(300)]
    texts += [" ".join([*text.split()[:-1], "other"]) for text in texts[:50]]
    pairs, _ = signed(texts).pairs(np.ones(len(texts), dtype=bool), workers=1)
    assert sorted(map(tuple, pairs.tolist())) == [(k, 300 + k) for k in range(50)]


def test_texts_with_other_numbers_never_meet() -> None:
    texts = ["the same long text about 5 old and quiet lakes", "the same long text about 6 old and quiet lakes"]  # fmt: skip # noqa: E501
    pairs, _ = signed(texts, 0.3).pairs(np.ones(2, dtype=bool), workers=1)
    assert len(pairs) == 0


def test_a_large_bucket_is_compared_in_part_and_says_so() -> None:
    texts = [f"one text and {'very ' * 3} the same" for _ in range(500)]
    pairs, left = signed(texts).pairs(np.ones(500, dtype=bool), workers=1)
    assert left
    assert len(pairs) < 500 * 20
    assert set(pairs[:, 1].tolist()) == set(range(1, 500))


def test_only_active_texts_are_paired() -> None:
    texts = ["one text and the same again"] * 4
    active = np.array([True, False, True, False])
    pairs, _ = signed(texts).pairs(active, workers=2)
    assert pairs.tolist() == [[0, 2]]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(1, 5), st.randoms())
def test_small_buckets_are_compared_in_full(n: int, groups: int, random_: random.Random) -> None:
    sizes = [random_.randrange(groups) for _ in range(min(n, minhash._NEAR))]
    texts = [f"group number {'abcdef'[k]} of some" for k in sizes]
    pairs, _ = signed(texts).pairs(np.ones(len(texts), dtype=bool), workers=1)
    equal = {(i, j) for j, b in enumerate(texts) for i, a in enumerate(texts[:j]) if a == b}
    assert equal <= set(map(tuple, pairs.tolist()))


# Neighbours --------------------------------------------------------------------------------------


def cloud(n: int, seed: int) -> tuple[Vectors, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=(n, 16)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    vectors = Vectors(n, 16)
    vectors.put(np.arange(n), values)
    return vectors, values


def test_cosines_of_rounded_vectors_are_close() -> None:
    vectors, values = cloud(200, 1)
    found = vectors.cosines(np.arange(200), np.arange(200))
    assert np.abs(found - values @ values.T).max() < 0.01


def test_neighbours_are_the_most_alike_of_those_before_with_the_same_key() -> None:
    vectors, _ = cloud(300, 2)
    keys = (np.arange(300) % 3).astype(np.uint64)
    found = neighbours(vectors, np.arange(300), keys, 0.5, workers=2)
    exact = vectors.cosines(np.arange(300), np.arange(300))
    for j in range(300):
        wanted = [i for i in range(j) if i % 3 == j % 3 and exact[i, j] >= 0.5]
        wanted = sorted(wanted, key=lambda i: (-exact[i, j], i))[: search._BEST]
        assert found.pairs[found.pairs[:, 1] == j, 0].tolist() == sorted(wanted)


def test_a_vector_of_zeros_is_like_nothing() -> None:
    vectors = Vectors(2, 4)
    vectors.put(np.arange(2), np.zeros((2, 4), dtype=np.float32))
    found = neighbours(vectors, np.arange(2), np.zeros(2, dtype=np.uint64), 0.1, workers=1)
    assert len(found.pairs) == 0


def test_candidates_are_cut_to_the_best_while_they_are_gathered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors, _ = cloud(400, 3)
    keys, ranks = np.zeros(400, dtype=np.uint64), np.arange(400)
    whole = neighbours(vectors, ranks, keys, 0.2, workers=1)
    monkeypatch.setattr(search, "_MOST", 50)
    monkeypatch.setattr(search, "_BLOCK", 64)
    cut = neighbours(vectors, ranks, keys, 0.2, workers=1)
    assert np.array_equal(whole.pairs, cut.pairs)
    assert np.array_equal(whole.cosines, cut.cosines)


# Stars and guards --------------------------------------------------------------------------------


def test_a_text_loses_to_the_most_alike_that_is_still_there() -> None:
    stars = Stars(4)
    pairs = np.array([[0, 1], [0, 3], [1, 3], [2, 3]])
    alike = {(0, 1): 0.9, (0, 3): 0.81, (1, 3): 0.99, (2, 3): 0.85}
    lost = stars.decide(
        pairs, lambda _, i, j: alike[i, j], lambda i, j: (i, j) != (2, 3), lambda i, j: "near"
    )
    assert lost == 2
    assert stars.of.tolist() == [-1, 0, -1, 0]
    assert stars.similarity[3] == pytest.approx(0.81)


@pytest.mark.parametrize(
    ("one", "other", "swapped"),
    [
        ("Translate it from French into German.", "Translate it from German into French.", True),
        ("Why are dogs better than cats?", "Why are cats better than dogs?", True),
        ("How does heat become light?", "How does light become heat?", True),
        ("In Python, write a parser.", "Write a parser in Python.", False),
        ("Compare tea and coffee.", "Compare coffee and tea.", False),
        ("Describe a fox. Draw it in ink.", "Draw it in ink. Describe a fox.", False),
        ("Sort pear, fig and apple.", "Sort apple, fig and pear.", False),
    ],
)
def test_words_that_change_places(one: str, other: str, swapped: bool) -> None:
    assert swapped_roles(one, other) is swapped
    assert swapped_roles(other, one) is swapped


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("When should I sell a house?", "When should I buy a house?"),
        ("Is it legal to fish here?", "Is it illegal to fish here?"),
        ("Work out 2 + 3 * 4 for me", "Work out 2 * 3 + 4 * 1 for me"),
        ("Teach me C++ today", "Teach me C# today"),
        ("Turn the light on", "Turn the light off"),
        ("Explain `map` to me", "Explain `zip` to me"),
    ],
)
def test_what_keeps_like_requests_apart(one: str, other: str) -> None:
    assert not same_request(one, other)
    assert not same_request(other, one)
    assert same_request(one, one)


def test_the_only_difference_is_a_word_of_content() -> None:
    assert only_difference("Care for a cactus.", "Care for an orchid!") == ("cactus", "orchid")
    assert only_difference("How do I knit a sock?", "How can I knit a sock?") is None
    assert only_difference("Knit a sock.", "Knit a warm sock.") is None
    assert only_difference("Knit a sock.", "Knit the socks.") is None
