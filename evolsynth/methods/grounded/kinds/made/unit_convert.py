"""A measure of the text in another unit: the result, the calculation, or the sentence with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.settled import sentences_with
from evolsynth.evaluation.grounds.made.unit_convert import conversions
from evolsynth.evaluation.text.stated.standing import stands_alone
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english

__all__ = ["unit_convert"]

_FIGURE = re.compile(r"\d[\d.,]*\d|\d")


@kind("unit_convert", task="calculation")
@english
def unit_convert(passage: Passage, random: Random) -> Iterator[Draft]:
    """Each measure that stands in one sentence alone."""
    for span in random.sample(passage.sentences, len(passage.sentences)):
        sentence = span.of(passage.text)
        known = conversions(sentence)
        if not known:
            continue
        values = random.choice(known)
        if sentences_with(passage.text, values["measure"]) != [sentence]:
            continue
        whole = stands_alone(sentence) and len(_FIGURE.findall(sentence)) == 1
        allowed = ("result", "sum", "rewritten") if whole else ("result", "sum")
        wording = drawn(
            "unit_convert", random, {**values, "title": passage.title}, random.choice(allowed)
        )
        if "{sentence}" in wording.instruction and not whole:
            continue
        yield draft(
            "unit_convert",
            wording,
            passage,
            answer=values["rewritten" if wording.form == "rewritten" else "result"],
            values=values,
            ground={name: values[name] for name in ("sentence", "measure", "unit")},
            evidence=(span,),
        )
