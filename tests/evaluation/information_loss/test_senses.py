"""Small words that turn the sense round, and rewrites in which they live on."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.polarity import polarity
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.information_loss.senses import senses


def lost(original: str, evolved: str) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    made = align(old.tokens, new.tokens)
    return [*polarity(old, new, made), *senses(old, new, made)]


LOST = [
    # a denial that is gone, and one that came
    ("Paint the fence, but do not paint the gate.", "Paint the fence, and paint the gate.",
     "negation", "do not paint"),
    ("List fruits without stones.", "List fruits with stones.", "negation", "without stones"),
    ("I enjoy cold soup in July.", "I do not enjoy cold soup in July.", "negation", "enjoy"),
    # bounds, order and scope
    ("Use at most 40 words.", "Use at least 40 words.", "constraint", "at most 40"),
    ("Name poets born before 1850, please.", "Name poets born after 1850, please.",
     "constraint", "before"),
    ("Sort the towns in ascending order of height.",
     "Sort the towns in descending order of height.", "constraint", "ascending"),
    ("She earns more money than her brother.", "She earns less money than her brother.",
     "constraint", "more"),
    ("Cook it using only what grows in the garden.", "Cook it using what grows in the garden.",
     "constraint", "only"),
    # who does what to whom, and where to
    ("The tailor owes the baker money.", "The baker owes the tailor money.", "topic", "tailor"),
    ("Plan a trip from Oslo to Bergen.", "Plan a trip from Bergen to Oslo.", "topic",
     "from Oslo to Bergen"),
    # an answer in place of the question
    ("Why do cats purr at night?", "The cats purr at night because they are calm.",
     "sub-question", "cats purr"),
]  # fmt: skip


@pytest.mark.parametrize(("original", "evolved", "kind", "text"), LOST)
def test_a_sense_that_was_turned_round_is_told(
    original: str, evolved: str, kind: str, text: str
) -> None:
    found = lost(original, evolved)
    assert any(x.span.kind == kind and text in x.span.text and x.weight > 0.3 for x in found)
    assert lost(original, original) == []


KEPT = [
    ("Paint the fence, but do not paint the gate.", "Paint the fence, but don't paint the gate."),
    ("Paint the fence, but do not paint the gate.", "Avoid painting the gate; paint the fence."),
    ("List fruits without stones.", "List fruits that have no stones."),
    ("List fruits without stones.", "List stone-free fruits."),
    ("Use at most 40 words.", "Use no more than 40 words."),
    ("Use at most 40 words.", "Limit yourself to 40 words."),
    ("Name poets born before 1850.", "Before 1850, which poets were born? Name them after lunch."),
    ("She earns more than her brother.", "Her brother earns less than she does."),
    ("The shop isn't closed on Mondays.", "The shop is open on Mondays."),
    ("The tailor owes the baker money.", "Money is owed to the baker by the tailor."),
    ("Compare the owl and the lark.", "Compare the lark and the owl."),
    ("Why do cats purr at night?", "What makes cats purr at night?"),
    ("I enjoy cold soup in July.", "I enjoy cold soup in July, but not in May."),
]


@pytest.mark.parametrize(("original", "evolved"), KEPT)
def test_a_sense_that_lives_on_in_other_words_is_not(original: str, evolved: str) -> None:
    assert lost(original, evolved) == []


def test_a_denial_taken_out_of_copied_text_says_more_than_one_in_a_rewrite() -> None:
    original = "When you write the note for the tenants, do not mention the broken lift."
    (out,) = lost(original, "When you write the note for the tenants, mention the broken lift.")
    (rewritten,) = lost(original, "Inform tenants by note. A line may mention the broken lift.")
    assert out.weight > rewritten.weight


def test_a_turned_word_says_what_it_became() -> None:
    (loss,) = lost("Name poets born before 1850.", "Name poets born after 1850.")
    assert (loss.span.text, loss.span.became) == ("before", "after")
