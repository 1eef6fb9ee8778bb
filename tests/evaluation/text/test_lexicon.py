"""Words that mean the same, exclude each other, or are kinds of one another."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.text.lexicon import kind_of, lemmas, opposite, same_meaning


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rich", "wealthy"),
        ("wealthy", "rich"),
        ("bought", "purchase"),
        ("Running", "run"),
        ("mice", "mouse"),
    ],
)
def test_the_same(one: str, other: str) -> None:
    assert same_meaning(one, other)
    assert same_meaning(other, one)
    assert not opposite(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("happy", "unhappy"),
        ("legal", "illegal"),
        ("unsafe", "safe"),
        ("careful", "careless"),
        ("rose", "fell"),
        ("calm", "rough"),
        ("presence", "absence"),
        ("Open", "closed"),
    ],
)
def test_opposites(one: str, other: str) -> None:
    assert opposite(one, other)
    assert opposite(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("under", "der"), ("unless", "less"), ("discover", "cover"), ("impress", "press"),
     ("lamp", "lamp"), ("zzz", "yyy"), ("income", "come")],
)  # fmt: skip
def test_no_opposites(one: str, other: str) -> None:
    assert not opposite(one, other)


def test_kinds() -> None:
    assert kind_of("hammer", "tool")
    assert kind_of("nurses", "person")
    assert not kind_of("tool", "hammer")
    assert not kind_of("hammer", "hammer")
    assert not kind_of("hammer", "xyzzy")
    assert not kind_of("wealthy", "rich")


def test_an_unknown_word_has_no_lemma() -> None:
    assert lemmas("xyzzy") == frozenset()
    assert "run" in lemmas("running")
