"""Clauses that are gone, words taken out of those that stay, and the pieces a request is cut in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.clauses import clauses_lost, replaced
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.information_loss.score import word_vectors


def lost(original: str, evolved: str, embedder: MiniLM | None = None) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    made = align(old.tokens, new.tokens, word_vectors(embedder))
    return clauses_lost(old, new, made, embedder)[0]


def weightiest(losses: list[Loss]) -> Loss:
    return max(losses, key=lambda x: x.weight)


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in Reading(text).segments]


# Pieces -------------------------------------------------------------------------------------------


def test_a_request_is_cut_at_sentences_and_joining_words_where_both_sides_say_something() -> None:
    assert pieces("Describe the old harbour and explain why it silted up. Add two dates.") == [
        "Describe the old harbour",
        "and explain why it silted up.",
        "Add two dates.",
    ]


def test_no_cut_leaves_a_side_with_one_word() -> None:
    assert pieces("Sweep it, then mop all the floors.") == ["Sweep it, then mop all the floors."]


def test_data_after_a_colon_is_a_piece() -> None:
    assert pieces("Translate this: rain is coming") == ["Translate this", "rain is coming"]


@given(st.text(max_size=150))
def test_pieces_lie_in_the_text_in_order(text: str) -> None:
    found = Reading(text).segments
    assert all(0 <= start <= end <= len(text) for start, end in found)
    assert all(a[1] <= b[0] for a, b in pairwise(found))


# Clauses ------------------------------------------------------------------------------------------

LOST = [
    ("Describe how barges climb a hill. Who paid for the locks?",
     "Describe how barges climb a hill.", "sub-question", "Who paid for the locks?"),
    ("Tell a tale of a lazy otter. Make sure the final line rhymes.",
     "Tell a tale of a lazy otter.", "constraint", "Make sure the final line rhymes."),
    ("Plan a picnic for the choir. The tenors hate cucumber sandwiches.",
     "Plan a picnic for the choir.", "topic", "The tenors hate cucumber sandwiches."),
    ("Rank these bridges by age and describe their builders.", "Rank these bridges by age.",
     "topic", "and describe their builders."),
]  # fmt: skip


@pytest.mark.parametrize(("original", "evolved", "kind", "text"), LOST)
def test_a_clause_that_is_gone_is_shown_whole(
    original: str, evolved: str, kind: str, text: str
) -> None:
    loss = weightiest(lost(original, evolved))
    assert (loss.span.kind, loss.span.text) == (kind, text)
    assert loss.weight > 0.5


KEPT = [
    ("Describe how barges climb a hill. Who paid for the locks?",
     "Who paid for the locks? Before you say so, describe how barges climb a hill."),
    ("Tell a tale of a lazy otter. Make sure the final line rhymes.",
     "Tell a tale of a lazy otter and a proud swan, set in winter. Make sure the final line "
     "rhymes."),
    ("Rank these bridges by age and describe their builders.",
     "Describe the builders of these bridges, which you rank by age."),
    ("Please read the text below carefully. Plan a picnic for the choir.",
     "Plan a picnic for the choir."),
]  # fmt: skip


@pytest.mark.parametrize(("original", "evolved"), KEPT)
def test_clauses_that_moved_or_grew_or_only_lead_over_are_no_loss(
    original: str, evolved: str
) -> None:
    assert max((x.weight for x in lost(original, evolved)), default=0.0) < 0.3


def test_two_conditions_that_share_their_words_do_not_vouch_for_each_other() -> None:
    original = "Write a blurb. Use the word lantern once. Use the word harvest once."
    losses = lost(original, "Write a blurb. Use the word lantern once.")
    assert weightiest(losses).span.text in ("Use the word harvest once.", "word harvest")
    assert not any("lantern" in loss.span.text for loss in losses if loss.weight > 0.2)


def test_a_word_taken_out_of_a_copied_sentence_is_shown() -> None:
    loss = weightiest(
        lost(
            "Explain to a class of sleepy beekeepers how the wooden frames are cleaned in spring.",
            "Explain to a class of sleepy beekeepers how the frames are cleaned in spring.",
        )
    )
    assert (loss.span.text, loss.span.became) == ("wooden", None)


def test_a_word_replaced_by_one_that_excludes_it_is_shown_with_what_it_became() -> None:
    loss = weightiest(
        lost(
            "The bakery at the corner of our street is shut on Monday and opens again at noon.",
            "The bakery at the corner of our street is shut on Friday and opens again at noon.",
        )
    )
    assert (loss.span.text, loss.span.became) == ("Monday", "Friday")
    assert loss.weight > 0.5


@pytest.mark.parametrize(
    ("amount", "restated"),
    [
        ("for 45 minutes", "for three quarters of an hour"),
        ("for three quarters of an hour", "for 45 minutes"),
        ("a quarter of a century ago", "25 years ago"),
    ],
)
def test_a_unit_restated_with_its_number_is_left_to_the_quantities(
    amount: str, restated: str
) -> None:
    original = f"The stew stood on the stove {amount} and then they called the children in."
    losses = lost(original, original.replace(amount, restated))
    assert max((x.weight for x in losses), default=0.0) < 0.3


@pytest.mark.real
def test_an_embedder_sees_a_clause_in_other_words_but_not_in_place_of_one_that_is_gone(
    embedder: MiniLM,
) -> None:
    original = "Our cellar floods whenever it rains. How can we keep the water out?"
    other_words = "What stops rain from getting into a basement that is often under water?"
    other_matter = "Our cellar floods whenever it rains. Who was the first pope?"
    without = weightiest(lost(original, other_words)).weight
    assert weightiest(lost(original, other_words, embedder)).weight < 0.8 * without
    gone = weightiest(lost(original, other_matter, embedder))
    assert gone.span.text == "How can we keep the water out?"
    assert gone.weight > 0.5


# Any language -------------------------------------------------------------------------------------


def neutral(original: str, evolved: str) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    return replaced(old, new, align(old.tokens, new.tokens))


def test_a_replaced_word_is_seen_in_any_language() -> None:
    (loss,) = neutral(
        "Schreibe der Nachbarin einen freundlichen Brief über den lauten Hahn im Garten.",
        "Schreibe der Nachbarin einen freundlichen Brief über den lauten Hund im Garten.",
    )
    assert (loss.span.text, loss.span.became) == ("Hahn", "Hund")


def test_another_order_of_words_is_no_loss_in_any_language() -> None:
    original = "Nenne drei Pilze, die im Herbst im Wald wachsen, und beschreibe ihren Geruch."
    assert (
        neutral(original, "Beschreibe den Geruch von drei Pilzen, die im Herbst im Wald wachsen.")
        == []
    )
