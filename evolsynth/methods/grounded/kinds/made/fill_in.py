"""Sentences of the text with gaps: a year, a number, a name or the last word is to be filled in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from evolsynth.evaluation.grounds.made.fill_in import exercise
from evolsynth.evaluation.text.stated.gaps import Gap, gaps
from evolsynth.evaluation.text.stated.standing import stands_alone
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["fill_in"]


@kind("fill_in", task="fill_in")
@english
def fill_in(passage: Passage, random: Random) -> Iterator[Draft]:
    """One gap in one sentence, or three sentences with a gap each, with or without a word bank."""
    found: list[tuple[str, Gap]] = []
    for span in passage.sentences:
        sentence = span.of(passage.text)
        if stands_alone(sentence) and (left_out := _best(gaps(sentence), random)):
            found.append((sentence, left_out))
    random.shuffle(found)
    for start in range(0, len(found), 3):
        three = sorted(found[start : start + 3], key=lambda one: passage.text.find(one[0]))
        if len(three) == 3 and _apart(three) and random.random() < 0.5:
            yield _draft(passage, random, three, random.choice(("several", "bank")))
            continue
        for one in three:
            yield _draft(passage, random, [one], random.choice(("word", "word", "sentence")))


def _best(found: Sequence[Gap], random: Random) -> Gap | None:
    """A gap, rather of a number or a name than of a word."""
    facts = [gap for gap in found if gap.kind != "word"]
    return random.choice(facts or found) if found else None


def _apart(some: Sequence[tuple[str, Gap]]) -> bool:
    """Whether the fillings are different."""
    return len({sentence[gap.start : gap.end] for sentence, gap in some}) == len(some)


def _draft(passage: Passage, random: Random, some: Sequence[tuple[str, Gap]], form: str) -> Draft:
    sentences = [sentence for sentence, _ in some]
    values = exercise(sentences, [gap for _, gap in some])
    bank = [sentence[gap.start : gap.end] for sentence, gap in some] if form == "bank" else []
    random.shuffle(bank)
    values["bank"] = " / ".join(bank)
    wording = drawn("fill_in", random, {**values, "title": passage.title}, form)
    return draft(
        "fill_in",
        wording,
        passage,
        answer=values["sentence"] if form == "sentence" else values["missing"],
        values=values,
        ground={"sentences": sentences, "starts": [gap.start for _, gap in some], "bank": bank},
        evidence=tuple(p for sentence in sentences for p in place(passage.text, sentence)),
    )
