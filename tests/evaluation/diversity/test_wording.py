"""Distinct n-grams, self-BLEU and compression: by hand, and against plain definitions."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.evaluation.diversity.ngrams import Wording, compression_ratio

TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=9).map(" ".join),
    min_size=2,
    max_size=9,
)


def grams(text: str, n: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def plain_self_bleu(texts: list[str]) -> float | None:
    """Each text against all others, one by one."""
    texts = [text for text in texts if text]
    scores = []
    for place, text in enumerate(texts):
        others = texts[:place] + texts[place + 1 :]
        logs = []
        for n in range(1, 5):
            own = grams(text, n)
            if own:
                hits = sum(min(c, max(grams(o, n)[g] for o in others)) for g, c in own.items())
                logs.append(math.log((hits or 0.1) / own.total()))
        size = len(text.split())
        lengths = [len(o.split()) for o in others]
        closest = min(lengths, key=lambda length: (abs(length - size), length))
        scores.append(math.exp(sum(logs) / len(logs) + min(0, 1 - closest / size)))
    return sum(scores) / len(scores)


def test_distinct_words_by_hand() -> None:
    wording = Wording(["the cat sat", "The CAT ran"])
    assert wording.distinct(1) == pytest.approx(4 / 6)
    assert wording.distinct(2) == pytest.approx(3 / 4)
    assert wording.mean_words() == 3
    assert wording.distinct(4) is None
    assert wording.distinct(1, np.array([1])) == 1


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.integers(1, 4))
def test_distinct_is_what_counting_gives(texts: list[str], n: int) -> None:
    counted = sum((grams(text, n) for text in texts), Counter())
    got = Wording(texts).distinct(n)
    assert got == (len(counted) / counted.total() if counted else None)


@settings(deadline=None, max_examples=80)
@given(TEXTS)
def test_self_bleu_is_what_its_definition_gives(texts: list[str]) -> None:
    got = Wording(texts).self_bleu()
    if sum(bool(text) for text in texts) < 2:
        assert got is None
    else:
        assert got == pytest.approx(plain_self_bleu(texts))


@settings(deadline=None, max_examples=30)
@given(TEXTS, st.data())
def test_a_choice_of_rows_counts_as_if_they_were_alone(
    texts: list[str], data: st.DataObject
) -> None:
    some = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, unique=True))
    places = np.array(sorted(some))
    alone = Wording([texts[i] for i in places])
    assert Wording(texts).self_bleu(places) == alone.self_bleu()
    assert Wording(texts).distinct(2, places) == alone.distinct(2)


def test_copies_have_a_self_bleu_of_one_and_strangers_nearly_none() -> None:
    assert Wording(["one two three four five"] * 3).self_bleu() == pytest.approx(1)
    strangers = Wording(["a b c d e", "f g h i j", "k l m n o"]).self_bleu()
    assert strangers is not None
    assert strangers < 0.05
    assert Wording(["alone here"]).self_bleu() is None
    assert Wording([]).distinct(1) is None


def test_compression_finds_copies_that_stand_far_apart() -> None:
    """gzip's window of 32 kB would not see that the second half is the first again."""
    chance = np.random.default_rng(0)
    half = ["".join(chance.choice(list("abcdefghijklmnop"), 100)) for _ in range(600)]
    once, twice = compression_ratio(half), compression_ratio(half + half)
    assert once is not None
    assert twice is not None
    assert twice > 1.9 * once
    assert compression_ratio([]) is None


def test_half_a_surrogate_pair_does_no_harm() -> None:
    assert compression_ratio(["\ud800"]) is not None
    assert Wording(["\ud800 word"]).distinct(1) == 1
