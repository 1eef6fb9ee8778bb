"""ROUGE-L: the package's figures, and the nearest of many without comparing with all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.text.rouge import Nearest, RougeIndex, rouge_l, rouge_tokens

#: Pairs and the F1 that rouge-score 0.1.2 gives for them, ``RougeScorer(["rougeL"])``.
GOLDEN = [
    json.loads(line)
    for line in Path(__file__).with_name("rouge_golden.jsonl").read_text("utf-8").splitlines()
]


def test_figures_are_those_of_the_package_to_the_last_bit() -> None:
    assert len(GOLDEN) > 150
    assert [rouge_l(pair["one"], pair["other"]) for pair in GOLDEN] == [p["f1"] for p in GOLDEN]


def test_the_golden_pairs_lie_on_both_sides_of_the_threshold_and_on_it() -> None:
    scores = [pair["f1"] for pair in GOLDEN]
    assert sum(score > 0.7 for score in scores) > 20
    assert sum(score < 0.7 for score in scores) > 20
    assert any(abs(score - 0.7) < 1e-12 for score in scores)


def test_an_f1_by_hand() -> None:
    # "the cat sat" is common: 3 of 6 and 3 of 4 words; 2 * 0.5 * 0.75 / 1.25
    assert rouge_l("the cat sat on a mat", "The cat, sat down") == pytest.approx(0.6)


def test_words_are_runs_of_letters_and_digits() -> None:
    assert rouge_tokens("Don't re-read 3.5 Füße!") == ["don", "t", "re", "read", "3", "5", "f", "e"]
    assert rouge_l("", "a") == rouge_l("?!", "?!") == 0.0


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "the", "of"]), max_size=9).map(" ".join)


@given(st.lists(WORDS, max_size=12), WORDS, st.sampled_from([0.3, 0.5, 0.7, 1.0]))
def test_the_index_finds_what_comparing_with_all_finds(
    texts: list[str], asked: str, least: float
) -> None:
    index = RougeIndex()
    for number, text in enumerate(texts):
        index.add(text, name=str(number))
    scores = [rouge_l(asked, text) for text in texts]
    good = [i for i, score in enumerate(scores) if score >= least]
    found = index.nearest(asked, least=least)
    if not good:
        assert found is None
        return
    best = min(good, key=lambda i: (-scores[i], i))
    assert found == Nearest(str(best), texts[best], scores[best])


@given(st.lists(WORDS, min_size=1, max_size=9), WORDS, st.data())
def test_only_the_first_ones_are_looked_at(
    texts: list[str], asked: str, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(texts)))
    whole, part = RougeIndex(), RougeIndex()
    for text in texts:
        whole.add(text)
    for text in texts[:first]:
        part.add(text)
    assert whole.nearest(asked, least=0.4, first=first) == part.nearest(asked, least=0.4)


def test_a_text_can_be_looked_up_and_added_in_turn() -> None:
    index = RougeIndex()
    assert index.nearest("name three rivers", least=0.7) is None
    index.add("Name three rivers.", name="r1")
    assert index.nearest("Name three large rivers", least=0.7) is not None
    index.add("Name three large rivers.", name="r2")
    found = index.nearest("name three large rivers", least=0.7)
    assert found is not None
    assert (found.name, found.score) == ("r2", 1.0)
    assert (len(index), index[1].text) == (2, "Name three large rivers.")


def test_other_scripts_have_words_and_those_without_spaces_letters() -> None:
    assert rouge_tokens("Привет, мир!") == ["привет", "мир"]
    assert rouge_tokens("हिन्दी में") == ["हिन्दी", "में"]
    assert rouge_tokens("Pythonで書く。") == ["python", "で", "書", "く"]
    assert rouge_l("東京の天気を教えて", "東京の地図を教えて") == pytest.approx(7 / 9)
    assert rouge_l("東京", "大阪") == 0.0
