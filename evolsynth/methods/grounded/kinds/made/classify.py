"""Labels that the text itself decides: the paragraph or section of a sentence, the quantity that a
figure measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from evolsynth.evaluation.grounds.made.classify import (
    QUANTITIES,
    figure_of,
    grouped,
    listing,
    paragraph_of,
    section_of,
)
from evolsynth.evaluation.text.stated.standing import stands_alone
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["classify"]


@kind("classify", task="classification", weight=0.7)
@english
def classify(passage: Passage, random: Random) -> Iterator[Draft]:
    """First the figures in groups, then sentences and single figures in turn."""
    yield from _groups(passage, random)
    sentences = list(_sentences(passage, random))
    figures = list(_figures(passage, random))
    while sentences or figures:
        for some in (sentences, figures):
            if some:
                yield some.pop(0)


def _groups(passage: Passage, random: Random) -> Iterator[Draft]:
    """All figures, if there are three to eight of them that measure two things or more."""
    known = figure_of(passage.text)
    groups = sorted({label.partition(" ")[2] for label in known.values()})
    if not 3 <= len(known) <= 8 or len(groups) < 2:
        return
    figures = random.sample(list(known), len(known))
    values = {"figures": "; ".join(figures), "labels": ", ".join(groups)}
    values["lines"] = '", "'.join(f"{name}: ..." for name in groups)
    ground = {"figures": figures, "labels": groups}
    right = grouped(figures, passage.text)
    yield _draft(passage, random, "groups", values, right, ground, figures)


def _sentences(passage: Passage, random: Random) -> Iterator[Draft]:
    """Sentences to be put under a heading or, in a text without any, into a paragraph."""
    for span in random.sample(passage.sentences, len(passage.sentences)):
        sentence = span.of(passage.text)
        if not stands_alone(sentence):
            continue
        for by, where in (("heading", section_of), ("paragraph", paragraph_of)):
            found = where(passage.text, sentence)
            if found:
                labels, right = found
                values = {"sentence": sentence, "labels": listing(labels)}
                values["headings"] = listing([f'"{label}"' for label in labels])
                ground = {"sentence": sentence, "labels": labels}
                yield _draft(passage, random, by, values, right, ground, [sentence])


def _figures(passage: Passage, random: Random) -> Iterator[Draft]:
    known = figure_of(passage.text)
    for measure in random.sample(list(known), len(known)):
        right = known[measure]
        others = sorted(set(QUANTITIES.values()) - {right})
        labels = [right, *random.sample(others, 2)]
        random.shuffle(labels)
        values = {"measure": measure, "labels": listing(labels)}
        ground = {"measure": measure, "labels": labels}
        yield _draft(passage, random, "measure", values, right, ground, [measure])


def _draft(
    passage: Passage,
    random: Random,
    by: str,
    values: dict[str, str],
    answer: str,
    ground: dict[str, Any],
    shown: Sequence[str],
) -> Draft:
    values["answer"] = answer
    return draft(
        "classify",
        drawn("classify", random, {**values, "title": passage.title}, by),
        passage,
        answer=answer,
        values=values,
        ground={**ground, "by": by},
        evidence=tuple(spot for piece in shown for spot in place(passage.text, piece)),
    )
