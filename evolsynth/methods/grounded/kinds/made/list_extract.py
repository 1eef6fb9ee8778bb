"""What the text enumerates, as a list: parts of a sentence, all years, all lengths or weights."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.list_extract import figures, listed
from evolsynth.evaluation.text.stated.enumerations import enumeration
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english, forms, place

__all__ = ["list_extract"]


@kind("list_extract", task="extraction", weight=1.2)
@english
def list_extract(passage: Passage, random: Random) -> Iterator[Draft]:
    """Enumerations first, and then what there is three times or more in the whole text."""
    text = passage.text
    for span in passage.sentences:
        found = enumeration(span.of(text), text)
        if found:
            yield _draft(passage, random, found.question, found.items, {"sentence": span.of(text)})
    for of in random.sample(("years", "lengths", "weights", "spans of time"), 4):
        all_of = figures(text, of)
        if all_of:
            yield _draft(passage, random, all_of.question, all_of.items, {"of": of})


def _draft(
    passage: Passage,
    random: Random,
    question: str,
    items: tuple[str, ...],
    ground: dict[str, str],
) -> Draft:
    known = [f for f in forms("list_extract") if f != "commas" or not any("," in i for i in items)]
    form = random.choice(known)
    values = {"question": question, "items": listed(items, form)}
    evidence = (
        place(passage.text, ground["sentence"])
        if "sentence" in ground
        else tuple(spot for item in items for spot in place(passage.text, item))
    )
    return draft(
        "list_extract",
        drawn("list_extract", random, {**values, "title": passage.title}, form),
        passage,
        answer=values["items"],
        values=values,
        whole="of" in ground,
        ground={**ground, "style": form},
        evidence=evidence,
    )
