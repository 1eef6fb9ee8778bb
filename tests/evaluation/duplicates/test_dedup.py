"""Duplicates among many texts: what goes, what stays, which of several, and what never matters."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evals.duplicate_rows import background
from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates import neighbours as search_module
from evolsynth.evaluation.duplicates.deduplicate import Deduplicated, deduplicate
from evolsynth.evaluation.duplicates.same_request import normalise
from evolsynth.evaluation.embed.minilm import MiniLM

BREAD = (
    "Explain to a beginner how a loaf of bread rises in the oven, what the yeast does meanwhile, "
    "and why it must rest before baking."
)
RIVERS = "Name some rivers that flow into the sea, and say who lives on their banks."


def near(*texts: str, **options: object) -> Deduplicated:
    return deduplicate(texts, method="minhash", **options)  # type: ignore[arg-type]


def places(found: Deduplicated) -> list[int]:
    return [int(place) for place in found.kept]


# Exact and near ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "copy",
    [
        BREAD.upper(),
        f"  {BREAD.replace(' ', '   ')}\n",
        BREAD.rstrip(".") + "!!",
    ],
)
def test_case_space_and_marks_at_the_end_make_no_other_text(copy: str) -> None:
    (one,) = deduplicate([BREAD, RIVERS, copy], method="exact").duplicates
    assert (one.place, one.of, one.winner, one.similarity, one.kind) == (2, 0, 0, 1.0, "exact")


@pytest.mark.parametrize(
    ("copy", "similarity"),
    [
        (BREAD.replace(",", ""), 1.0),
        (BREAD.replace("a beginner", "a novice"), 0.88),
        (BREAD.replace("rises in the oven", "rises in an oven"), 0.88),
    ],
)
def test_a_changed_word_or_comma_is_a_near_duplicate(copy: str, similarity: float) -> None:
    (one,) = near(BREAD, copy).duplicates
    assert one.kind == "near"
    assert one.similarity == pytest.approx(similarity, abs=0.03)


def test_sentences_in_another_order_are_a_near_duplicate() -> None:
    first, second = "Describe the old mill by the river.", "Do it in the voice of a tired miller."
    found = near(f"{first} {second}", f"{second} {first}")
    assert places(found) == [0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a beginner", "3 beginners"),
        ("must rest", "must not rest"),
        ("a beginner", "Maria"),
        ("before baking", "after baking"),
    ],
)
def test_one_word_that_is_a_fact_keeps_two_texts_apart(old: str, new: str) -> None:
    assert places(near(BREAD, BREAD.replace(old, new))) == [0, 1]


def test_words_that_change_places_ask_for_something_else() -> None:
    text = "Write a patient letter, with an example in each paragraph, from a {} to a {} on debts."
    assert places(near(text.format("mother", "son"), text.format("son", "mother"))) == [0, 1]


def test_signs_that_carry_meaning_count() -> None:
    text = "Write a short program in {} that reads a file and prints its longest line to me"
    assert places(near(text.format("C#"), text.format("C++"), text.format("C"))) == [0, 1, 2]


def test_other_languages_are_compared_by_their_words_or_characters() -> None:
    german = "Erkläre einem Anfänger, wie ein Brot im Ofen aufgeht und was die Hefe dabei macht."
    japanese = "パンがオーブンの中でどのように膨らむのかを初心者に説明してください"
    texts = [german, german.replace("Erkläre", "Schildere"), japanese, japanese[:-2] + "下さい"]
    texts += ["Расскажи о том, как печётся хлеб.", "Расскажи о том, как варится сыр."]
    assert places(near(*texts)) == [0, 2, 4, 5]


def test_texts_without_words_are_duplicates_only_of_their_equals() -> None:
    assert places(near("", "???", "", "🙂", " ", "🙂 🙂")) == [0, 1, 3, 5]


def test_half_a_surrogate_pair_is_no_error() -> None:
    assert places(near("broken \ud83d text", "broken \ud83d text")) == [0]


# Which one stays ---------------------------------------------------------------------------------


def chain() -> list[str]:
    """A like B and B like C, but A unlike C."""
    a, b, c = ([f"word{k}" for k in range(12)] for _ in range(3))
    b[0], c[0], c[11] = "omega", "omega", "omicron"
    return [" ".join(text) for text in (a, b, c)]


def test_unlike_texts_are_not_chained_by_one_between_them() -> None:
    found = near(*chain(), threshold=0.78)
    assert places(found) == [0, 2]
    assert [(one.place, one.of) for one in found.duplicates] == [(1, 0)]


def test_one_between_two_that_is_kept_first_takes_both() -> None:
    a, b, c = chain()
    found = near(b, a, c, threshold=0.78)
    assert places(found) == [0]
    assert list(found.clusters()) == [0]


def test_the_best_by_score_stays_and_equal_scores_go_by_order() -> None:
    texts = [BREAD, BREAD.lower(), BREAD.replace("beginner", "novice"), RIVERS, RIVERS]
    found = near(*texts, scores=[1, 2, 3, 5, 5])
    assert places(found) == [2, 3]
    assert {one.place: one.winner for one in found.duplicates} == {0: 2, 1: 2, 4: 3}


def test_one_whose_match_lost_in_turn_names_both() -> None:
    text = BREAD.replace("beginner", "novice")
    found = near(BREAD, text, text.upper())
    assert [(one.of, one.winner, one.kind) for one in found.duplicates] == [
        (0, 0, "near"),
        (1, 0, "exact"),
    ]


# Templates ---------------------------------------------------------------------------------------

APPLES, PEARS = "5 apples cost 2 dollars. What do 20 apples cost?", "7 pears cost 3 dollars. What do 21 pears cost?"  # fmt: skip # noqa: E501


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5 apples cost 2", "7 pears cost 3"),
        (APPLES, PEARS),
        ("Tom has 4 red pens and gives Ann 2. How many pens are left to Tom?",
         "Bob has 9 red cups and gives Eve 5. How many cups are left to Bob?"),
    ],
)  # fmt: skip
def test_a_template_with_other_data_is_a_duplicate_only_if_asked(one: str, other: str) -> None:
    assert places(near(one, other)) == [0, 1]
    found = near(one, other, same_template=True)
    assert [one.kind for one in found.duplicates] == ["template"]


def test_templates_leave_texts_without_numbers_alone() -> None:
    texts = ["What is the capital of Peru?", "What is the capital of Chad?", "12", "13", "4 cats"]
    assert places(near(*texts, same_template=True)) == [0, 1, 2, 3, 4]


# By meaning --------------------------------------------------------------------------------------


class Axes:
    """An embedder that knows each text's direction."""

    name = "axes"

    def __init__(self, **vectors: tuple[float, ...]) -> None:
        self.vectors = {text.replace("_", " "): vector for text, vector in vectors.items()}
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        found = np.array([self.vectors[t] for t in texts], dtype=np.float32)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found


class Rough(Axes):
    """An embedder with rough vectors beside its own."""

    def __init__(self, rough: Axes, **vectors: tuple[float, ...]) -> None:
        super().__init__(**vectors)
        self._rough = rough

    def rough(self) -> Axes:
        return self._rough


TALK = ("talk of big ships", "speak about large boats today", "bake some bread")


def axes(*second: float) -> dict[str, tuple[float, ...]]:
    return {t.replace(" ", "_"): (1, x) for t, x in zip(TALK, second, strict=True)}


def test_the_embedder_decides_what_rough_vectors_find() -> None:
    rough = Axes(**axes(0.0, 0.6, 9.0))
    embedder = Rough(rough, **axes(0.0, 0.1, 9.0))
    assert places(deduplicate(TALK, method="static", embedder=embedder)) == [0, 2]
    found = deduplicate(TALK, embedder=embedder)
    assert [one.kind for one in found.duplicates] == ["semantic"]
    assert "bake some bread" not in embedder.asked
    far = Rough(rough, **axes(0.0, 9.0, -9.0))
    assert places(deduplicate(TALK, embedder=far)) == [0, 1, 2]


def test_without_leave_to_ask_the_rough_vectors_decide() -> None:
    embedder = Rough(Axes(**axes(0.0, 0.3, 9.0)), **axes(0.0, 9.0, -9.0))
    found = deduplicate(TALK, embedder=embedder, decide=0)
    assert [one.kind for one in found.duplicates] == ["static"]
    assert embedder.asked == []


@pytest.mark.real
def test_paraphrases_go_and_other_requests_stay(embedder: MiniLM) -> None:
    texts = [
        "How do I bake bread without yeast?",
        "How can I bake a bread without any yeast?",
        "How do I bake bread with yeast?",
        "How do I care for a cactus?",
        "How do I care for an orchid?",
        "How do I turn a list into a string?",
        "How do I turn a string into a list?",
        "Should I buy a house this year?",
        "Should I sell a house this year?",
    ]
    found = deduplicate(texts, embedder=embedder)
    assert places(found) == [0, 2, 3, 4, 5, 6, 7, 8]
    assert found.duplicates[0].winner == 0


@pytest.mark.real
def test_the_script_of_the_page_runs_as_written(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[3] / "docs" / "duplicates.md"
    (script,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    exec(script, {})
    said = capsys.readouterr().out
    assert "{'exact': 1, 'static': 1}" in said
    assert "name a river! -> Name a river. exact 1.0" in said


@pytest.mark.real
def test_lists_find_what_a_full_comparison_finds(
    embedder: MiniLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_ = random.Random(3)
    texts = [background(random_) for _ in range(1500)]
    texts += [text.replace(" the ", " this ") + " Please." for text in texts[:200]]
    whole = deduplicate(texts, method="static", embedder=embedder)
    monkeypatch.setattr(search_module, "_EXHAUSTIVE", 500)
    monkeypatch.setattr(search_module, "_LIST_SIZE", 100)
    listed = deduplicate(texts, method="static", embedder=embedder)
    assert len(whole.duplicates) >= 200
    assert len(listed.duplicates) >= 0.97 * len(whole.duplicates)


# What never matters ------------------------------------------------------------------------------


@pytest.mark.real
def test_the_number_of_workers_changes_nothing(embedder: MiniLM) -> None:
    random_ = random.Random(5)
    texts = [background(random_) for _ in range(700)]
    texts += [text.replace("a", "the", 1) for text in texts[::3]]
    one, three = (deduplicate(texts, method="static", embedder=embedder, workers=k) for k in (1, 3))
    assert one.duplicates == three.duplicates
    assert len(one.duplicates) > 100


WORDS = st.sampled_from(("river", "stone", "3", "5", "not", "fox", "the", "a", "red", "to", "from"))
TEXTS = st.lists(st.lists(WORDS, max_size=9).map(" ".join), max_size=25)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_a_second_time_nothing_more_goes(texts: list[str]) -> None:
    kept = [texts[place] for place in near(*texts, threshold=0.6).kept]
    assert not near(*kept, threshold=0.6).duplicates


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=8), max_size=25))
def test_exact_duplicates_are_always_found(texts: list[str]) -> None:
    kept = deduplicate(texts, method="exact").kept
    assert [normalise(texts[place]) for place in kept] == list(dict.fromkeys(map(normalise, texts)))


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.randoms())
def test_the_order_of_rows_does_not_change_how_many_exact_ones_go(
    texts: list[str], random_: random.Random
) -> None:
    shuffled = list(texts)
    random_.shuffle(shuffled)
    counts = [len(deduplicate(some, method="exact").kept) for some in (texts, shuffled)]
    assert counts[0] == counts[1]


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_every_text_stays_or_goes_to_one_that_stays(texts: list[str]) -> None:
    found = near(*texts, threshold=0.6)
    kept = set(places(found))
    assert kept.isdisjoint(one.place for one in found.duplicates)
    assert len(kept) + len(found.duplicates) == len(texts)
    assert all(one.winner in kept and one.of < one.place for one in found.duplicates)


# Wrong input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "magic"}, "There is no method 'magic'"),
        ({"method": "minhash", "threshold": 0}, "The threshold is 0"),
        ({"method": "exact", "scores": [1.0]}, "2 texts and 1 scores"),
        ({"method": "static"}, "needs an embedder"),
        ({"method": "exact", "workers": 0}, "at least one worker"),
    ],
)
def test_what_cannot_be_is_one_sentence(options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        deduplicate(["a", "b"], **options)  # type: ignore[arg-type]


def test_one_string_is_no_list_of_texts() -> None:
    with pytest.raises(InputError, match="put it in a list"):
        deduplicate("abc", method="exact")


def test_no_texts_have_no_duplicates() -> None:
    assert places(near()) == []
    assert near().clusters() == {}
