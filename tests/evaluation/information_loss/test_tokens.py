"""What a text is compared by: words, numbers and bounds, with places and weights."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from evolsynth.evaluation.information_loss.reading import tokens


def test_numbers_and_bounds_are_one_token_each_and_words_have_weights() -> None:
    text = "Pack at most twenty-one warm coats, and don't fold them."
    found = tokens(text)
    assert [t.text for t in found] == [
        "Pack", "at most", "twenty-one", "warm", "coats", "and", "don't", "fold", "them",
    ]  # fmt: skip
    assert [t.key for t in found][1:3] == ["<=", "#21"]
    assert [t.weight > 0 for t in found] == [
        True, False, False, True, True, False, False, True, False,
    ]  # fmt: skip
    assert all(text[t.start : t.end] == t.text for t in found)


def test_characters_of_chinese_and_japanese_are_tokens() -> None:
    assert [t.text for t in tokens("夏の花 and 海")] == ["夏", "の", "花", "and", "海"]


def test_a_unit_after_a_number_weighs_little() -> None:
    (_, unit), (word,) = tokens("12 litres"), tokens("litres")
    assert unit.weight < word.weight


@example("A브")  # two characters that are three when taken apart
@given(st.text(max_size=150))
def test_tokens_of_any_text_are_pieces_of_it_in_order(text: str) -> None:
    found = tokens(text)
    assert all(0 <= t.start < t.end <= len(text) for t in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
