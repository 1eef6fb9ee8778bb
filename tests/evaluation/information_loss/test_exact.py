"""Names, quotations, code and options: gone, changed, or there in another dress."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.exact import exact
from evolsynth.evaluation.information_loss.reading import Loss, Reading


def lost(original: str, evolved: str) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    return exact(old, new, align(old.tokens, new.tokens))


LOST = [
    ("Write a card to Aunt Rosalind.", "Write a card to an aunt.", "name", "Rosalind"),
    ("Ask the mayor of Gdynia.", "Ask the mayor of Tarnow.", "name", "Gdynia"),
    ('What does "break a leg" mean?', "What does that phrase mean?", "quotation", "break a leg"),
    ("Define « chez nous » for me.", "Define « chez vous » for me.", "quotation", "chez nous"),
    ("Explain `git rebase` to me.", "Explain git to me.", "code", "`git rebase`"),
    ("Sum up https://example.org/tea.", "Sum up a page on tea.", "code", "https://example.org/tea"),
    ("Rename max_depth in it.", "Rename the limit in it.", "code", "max_depth"),
    ("Is it sour, bitter or salty?", "Is it sour or salty?", "option", "bitter"),
]


@pytest.mark.parametrize(("original", "evolved", "kind", "text"), LOST)
def test_what_must_stand_word_for_word_is_missed(
    original: str, evolved: str, kind: str, text: str
) -> None:
    assert any(x.span.kind == kind and text in x.span.text for x in lost(original, evolved))
    assert lost(original, original) == []


KEPT = [
    ("Write a card to Aunt Rosalind.", "Aunt Rosalind gets a card: write it."),
    ("Meet me on Tuesday.", "Meet me on Tue."),
    ("Is the European Union old?", "Is the EU old?"),
    ("Where is TV made?", "Where is television made?"),
    ("Ask someone from Hungary.", "Ask someone Hungarian."),
    ('What does "break a leg" mean?', "Say what ‘Break a leg’ means."),
    ('What does "break a leg" mean?', "What does break a leg mean to an actor?"),
    ("Explain `git rebase` to me.", "Explain git rebase to me, slowly."),
    ("Is it sour, bitter or salty?", "Is it salty, sour or bitter, or none of these?"),
    ("Answer yes/no.", "Answer with no or with yes."),
]


@pytest.mark.parametrize(("original", "evolved"), KEPT)
def test_another_dress_is_no_loss(original: str, evolved: str) -> None:
    assert lost(original, evolved) == []


def test_a_name_taken_out_of_copied_text_says_more_than_one_gone_in_a_rewrite() -> None:
    original = "Tell the children of the village why old Barnabas never left his tower."
    (out,) = lost(original, "Tell the children of the village why he never left his tower.")
    (rewritten,) = lost(original, "Why did the hermit stay up there? Let every child know.")
    assert out.weight > rewritten.weight


def test_a_replaced_name_says_what_stands_for_it() -> None:
    (loss,) = lost("Walk with us from the gate to Linden Hill today.",
                   "Walk with us from the gate to Castle Rock today.")  # fmt: skip
    assert (loss.span.text, loss.span.became) == ("Linden Hill", "Castle Rock")


def test_one_word_gone_from_a_long_quotation_is_shown_alone() -> None:
    original = 'Explain "a stitch in time saves nine" to me.'
    (loss,) = lost(original, 'Explain "a stitch in time saves" to me.')
    assert loss.span.text == "nine"
    assert original[loss.span.start : loss.span.end] == "nine"


def test_one_option_of_several_says_more_than_all_of_them() -> None:
    """All of them may have been said in other words; one that is missing was left out."""
    original = "Is the tea sour, bitter or salty?"
    one = lost(original, "Is the tea sour or salty?")
    everything = lost(original, "Of what taste is the tea?")
    assert [x.span.text for x in one] == ["bitter"]
    assert one[0].weight > max(x.weight for x in everything)
    assert {x.span.text for x in everything} == {"sour", "bitter", "salty"}
