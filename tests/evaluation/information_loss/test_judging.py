"""The score: each kind of loss is flagged, and its harmless twin is not.

Every original stands twice: once with something lost, once with all of it said in another way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.reading import InformationLoss, Reading
from evolsynth.evaluation.information_loss.score import (
    THRESHOLD,
    WEIGHTS,
    evidence,
    information_loss,
    word_vectors,
)

information_loss("Feed the old hens.", "Feed the young ones.")  # which reads the lists of words


class Twins(NamedTuple):
    """An original, an evolution that lost ``text`` (of a ``kind``), and one that lost nothing."""

    original: str
    lossy: str
    kind: str
    text: str
    harmless: str


TWINS = {
    "number changed / number words, reordering": Twins(
        "My sister bakes 14 plum cakes for the school fair. How many slices does she get if each "
        "cake gives 8?",
        "My sister bakes 17 plum cakes for the school fair. How many slices does she get if each "
        "cake gives 8?",
        "quantity",
        "14",
        "For the school fair my sister bakes fourteen plum cakes, and each cake gives eight "
        "slices. How many slices does she get?",
    ),
    "number gone / specialisation": Twins(
        "The night ferry carried 62 sleepy passengers to the island. Describe its arrival.",
        "The night ferry carried sleepy passengers to the island. Describe its arrival.",
        "quantity",
        "62",
        "The night ferry carried 62 sleepy passengers to the island of Gotland. Describe its "
        "arrival in fog.",
    ),
    "unit changed / unit restated": Twins(
        "Keep the soup warm for 45 minutes before you serve it to the guests.",
        "Keep the soup warm for 45 hours before you serve it to the guests.",
        "quantity",
        "45 minutes",
        "Keep the soup warm for three quarters of an hour before you serve it to the guests.",
    ),
    "another thing counted / reordering": Twins(
        "The barn holds 30 hens and 12 geese; how many birds live there?",
        "The barn holds 30 hens and 12 goats; how many birds live there?",
        "quantity",
        "geese",
        "How many birds live in the barn that holds 12 geese and 30 hens?",
    ),
    "name changed / names in another order": Twins(
        "Write a toast for the wedding of Ingrid and Tomasz at the lake house.",
        "Write a toast for the wedding of Ingrid and Pavel at the lake house.",
        "name",
        "Tomasz",
        "Compose a toast for the wedding of Tomasz and Ingrid at the lake house, and end it with "
        "a joke.",
    ),
    "quotation gone / other quotation marks": Twins(
        'Explain what the sign "mind the step" means to a tourist.',
        "Explain what the sign means to a tourist.",
        "quotation",
        "mind the step",
        "Explain what the sign ‘Mind the step’ means to a tourist who is in a hurry.",
    ),
    "code changed / code kept": Twins(
        'Say what `df.groupby("city")` returns and when it is slow.',
        'Say what `df.merge("city")` returns and when it is slow.',
        "code",
        "groupby",
        'Say when `df.groupby("city")` is slow and what it returns.',
    ),
    "option gone / options in another order": Twins(
        "Label the review as happy, angry or bored.",
        "Label the review as happy or angry.",
        "option",
        "bored",
        "Label the review as bored, happy or angry, and say why.",
    ),
    "denial gone / contraction": Twins(
        "Describe the old mill, but do not mention the river that drives it.",
        "Describe the old mill, and mention the river that drives it.",
        "negation",
        "not mention",
        "Describe the old mill, but don’t mention the river that drives it.",
    ),
    "bound turned round / bound in other words": Twins(
        "Use at most 40 words to say why the moon has phases.",
        "Use at least 40 words to say why the moon has phases.",
        "constraint",
        "at most 40",
        "Say why the moon has phases in no more than forty words, and add a metaphor.",
    ),
    "condition swapped / condition moved behind new text": Twins(
        "Write a fable about a heron. Make sure that every sentence mentions a sort of cheese.",
        "Write a fable about a heron. Make sure that the fable ends on a moral in Latin.",
        "constraint",
        "mentions a sort of cheese",
        "Write a fable about a heron and a patient frog who share one pond all summer. Give both "
        "of them names. Make sure that every sentence mentions a sort of cheese.",
    ),
    "question dropped / questions in another order": Twins(
        "Describe how yeast makes dough rise. Why does salt slow it down?",
        "Describe how yeast makes dough rise in a cold kitchen.",
        "sub-question",
        "Why does salt slow it down?",
        "Why does salt slow yeast down? And before that, describe how it makes dough rise.",
    ),
    "topic changed / synonyms": Twins(
        "Explain to a gardener how compost heats up.",
        "Explain to a lawyer how trademarks expire.",
        "topic",
        "compost",
        "Clarify for a gardener how compost heats up, and illustrate it with an example.",
    ),
}


@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_a_loss_is_flagged_and_its_harmless_twin_is_not(twins: Twins) -> None:
    loss = information_loss(twins.original, twins.lossy)
    assert loss.flagged
    assert any(s.kind == twins.kind and twins.text in s.text for s in loss.lost)
    assert not information_loss(twins.original, twins.harmless).flagged


@pytest.mark.real
@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_so_it_is_with_an_embedder(twins: Twins, embedder: MiniLM) -> None:
    loss = information_loss(twins.original, twins.lossy, embedder=embedder)
    assert loss.flagged
    assert any(s.kind == twins.kind and twins.text in s.text for s in loss.lost)
    assert not information_loss(twins.original, twins.harmless, embedder=embedder).flagged


def test_an_introduction_that_is_gone_is_no_loss() -> None:
    original = "Please read the note below carefully. Translate it into Welsh and add a title."
    assert not information_loss(original, "Translate it into Welsh and add a title.").flagged


# Changes that lose nothing, whatever the text -----------------------------------------------------

NOISE: dict[str, Callable[[str], str]] = {
    "lower case": str.lower,
    "upper case": str.upper,
    "wide spaces": lambda t: t.replace(" ", "  "),
    "no-break spaces": lambda t: t.replace(" ", "\u00a0"),
    "line breaks": lambda t: re.sub(r"(?<=[.?!]) ", "\n\n", t),
    "curly quotes": lambda t: re.sub(r'"([^"]*)"', "“\\1”", t).replace("'", "’"),
    "no end": lambda t: t.rstrip(".?!"),
    "framed": lambda t: f"### {t} ###",
    "contracted": lambda t: t.replace("do not", "don't"),
}


@given(
    st.sampled_from([twins.original for twins in TWINS.values()]),
    st.lists(st.sampled_from(sorted(NOISE)), min_size=1, max_size=3),
)
def test_noise_is_never_flagged(original: str, changes: list[str]) -> None:
    noisy = original
    for change in changes:
        noisy = NOISE[change](noisy)
    assert not information_loss(original, noisy).flagged
    assert not information_loss(noisy, original).flagged


SENTENCES = st.lists(
    st.sampled_from(
        [
            "Plant 12 bulbs before Sunday.",
            "Why do geese fly in a wedge?",
            'Do not say "sorry" to Aunt Rosalind.',
            "Use at most three adjectives.",
            "It's either sour, sweet or salty.",
            "Call `len(x)` twice — no more…",
            "Schreibe einen Brief an die Nachbarin.",
            "列出3种水果。",
            "",
        ]
    ),
    max_size=5,
)


@given(SENTENCES, SENTENCES)
def test_a_verdict_holds_together(one: list[str], other: list[str]) -> None:
    original, evolved = " ".join(one), " ".join(other)
    loss = information_loss(original, evolved)
    assert 0 <= loss.score <= 1
    assert loss.flagged == (loss.score >= THRESHOLD)
    starts = [span.start for span in loss.lost]
    assert starts == sorted(starts)
    for span in loss.lost:
        assert original[span.start : span.end] == span.text != ""
        assert span.became is None or span.became in evolved
    assert information_loss(original, evolved) == loss


@given(SENTENCES, SENTENCES)
def test_what_goes_on_after_the_original_loses_nothing(one: list[str], other: list[str]) -> None:
    original = " ".join(one)
    loss = information_loss(original, " ".join([original, *other]))
    assert loss == InformationLoss(0.0, flagged=False)


@given(st.permutations(["Plant 12 bulbs.", "Why do geese fly in a wedge?", "Mow the lawn twice."]))
def test_the_order_of_sentences_does_not_matter(order: list[str]) -> None:
    original = "Plant 12 bulbs. Why do geese fly in a wedge? Mow the lawn twice."
    assert not information_loss(original, " ".join(order)).flagged


# Parts --------------------------------------------------------------------------------------------


def test_the_signals_lie_between_0_and_1_and_each_has_a_weight() -> None:
    for twins in TWINS.values():
        old, new = Reading(twins.original), Reading(twins.lossy)
        found = evidence(old, new, align(old.tokens, new.tokens), None)
        assert set(WEIGHTS) <= set(found.signals)
        assert all(0 <= value <= 1 for value in found.signals.values())
    assert all(weight >= 0 for weight in WEIGHTS.values())


def test_facts_alone_do_not_look_at_clauses() -> None:
    twins = TWINS["question dropped / questions in another order"]
    assert not information_loss(twins.original, twins.lossy, facts_only=True).flagged
    twins = TWINS["number changed / number words, reordering"]
    assert information_loss(twins.original, twins.lossy, facts_only=True).flagged


def test_several_losses_are_several_spans_in_order() -> None:
    original = "Send 12 postcards from Gdynia to my aunt, and do not mention the rain to her."
    evolved = "Send 21 postcards from Tarnow to my aunt, and mention the rain to her."
    loss = information_loss(original, evolved)
    assert [span.kind for span in loss.lost] == ["quantity", "name", "negation"]
    assert [span.became for span in loss.lost] == ["21", "Tarnow", None]


def test_word_vectors_are_made_once_for_an_embedder(embedder: MiniLM) -> None:
    assert word_vectors(None) is None
    assert word_vectors(embedder) is word_vectors(embedder)


# Other languages ----------------------------------------------------------------------------------

FOREIGN = [
    (
        "Ein Zug fährt um 8 Uhr mit 90 km/h in Köln los. Wann ist er nach 270 km am Ziel?",
        "Ein Zug fährt um 8 Uhr mit 70 km/h in Köln los. Wann ist er nach 270 km am Ziel?",
        "Um 8 Uhr fährt in Köln ein Zug mit 90 km/h los. Wann ist er nach 270 km am Ziel?",
    ),
    (
        "Напиши короткий рассказ о коте по имени Барсик в 120 слов.",
        "Напиши короткий рассказ о коте по имени Барсик в 210 слов.",
        "Напиши короткий и смешной рассказ о коте по имени Барсик в 120 слов.",
    ),
    (
        "请列出3种春天开花的植物,并说明它们的颜色。",
        "请列出5种春天开花的植物,并说明它们的颜色。",
        "请列出3种春天开花的植物,并说明它们的颜色和气味。",
    ),
]


@pytest.mark.parametrize(("original", "lossy", "harmless"), FOREIGN)
def test_in_other_languages_figures_are_compared_and_a_note_says_so(
    original: str, lossy: str, harmless: str
) -> None:
    lost, kept = information_loss(original, lossy), information_loss(original, harmless)
    assert lost.flagged
    assert not kept.flagged
    assert lost.note is not None
    assert lost.note == kept.note
    assert lost.note.startswith("not English")


def test_a_foreign_text_asks_nothing_of_the_embedder() -> None:
    class Never:
        name = "never"

        def embed(self, texts: object) -> object:
            raise AssertionError("it knows English only")

        rough = embed

    original, lossy, _ = FOREIGN[0]
    assert information_loss(original, lossy, embedder=Never()).flagged  # type: ignore[arg-type]


def test_english_has_no_note() -> None:
    assert information_loss("Name two birds.", "Draw a fish.").note is None
