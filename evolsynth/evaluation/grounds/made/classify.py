"""A label is right by where a sentence stands in a text, or by the unit of a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, says
from evolsynth.evaluation.text.blocks import blocks
from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.stated.enumerations import RATE
from evolsynth.rows import Row

__all__ = ["PLACES", "QUANTITIES", "classify", "figure_of", "grouped", "listing", "paragraph_of"]
__all__ += ["section_of"]

PLACES = ("first", "second", "third", "fourth", "fifth")
#: Labels of figures, by the dimension of their units.
QUANTITIES: Mapping[str, str] = {
    "length": "a length",
    "feet": "a length",
    "mass": "a weight",
    "time": "a span of time",
    "calendar": "a span of time",
    "volume": "a volume",
}


def listing(labels: Sequence[str]) -> str:
    """Labels as "a, b or c"."""
    return f"{', '.join(labels[:-1])} or {labels[-1]}" if len(labels) > 1 else labels[0]


def paragraph_of(text: str, sentence: str) -> tuple[list[str], str] | None:
    """The places of a text's paragraphs, and that of the one that alone has a sentence; None if the
    text has other things than two to five paragraphs."""
    found = blocks(text)
    if any(block.kind != "text" for block in found) or not 2 <= len(found) <= len(PLACES):
        return None
    if not all(block.said.endswith((".", "!", "?", '"', "”", ")")) for block in found):
        return None  # a heading without a mark: who would count it?
    having = [i for i, block in enumerate(found) if sentence in block.said]
    if len(having) != 1:
        return None
    return list(PLACES[: len(found)]), PLACES[having[0]]


def section_of(text: str, sentence: str) -> tuple[list[str], str] | None:
    """The headings of a text, and the one that a sentence alone stands under; None if it stands
    under none, or there are not two to six different ones."""
    headings: list[str] = []
    having: list[str] = []
    for block in blocks(text):
        if block.kind == "heading":
            headings.append(block.said)
        elif sentence in block.said:
            having.append(headings[-1] if headings else "")
    good = 2 <= len(headings) <= 6 and len(set(headings)) == len(headings)
    return (headings, having[0]) if good and len(having) == 1 and having[0] else None


def figure_of(text: str) -> dict[str, str]:
    """The figures with units of a text and their labels, in its order."""
    found: dict[str, str] = {}
    for number in numbers(text):
        unit = text[number.end :].split(maxsplit=1)
        label = QUANTITIES.get(number.unit)
        ranged = text[: number.start].endswith(("-", "–", "/", "x ", "by ", "to "))
        if label and unit and number.text[0].isdigit() and not ranged and text[number.end] == " ":
            name = unit[0].rstrip(".,;:)")
            rate = RATE.match(text, number.end + 1 + len(name))
            apart = number.start == 0 or text[number.start - 1] in " (\n"
            if name.isalpha() and len(name) > 3 and apart and not rate:
                found.setdefault(f"{number.text} {name}", label)
    return found


def grouped(figures: Sequence[str], text: str) -> str:
    """Figures by their labels, one line a group in the order of the labels."""
    labels = figure_of(text)
    lines: dict[str, list[str]] = {}
    for figure in figures:
        lines.setdefault(labels[figure].partition(" ")[2], []).append(figure)
    return "\n".join(f"{name}: {', '.join(lines[name])}" for name in sorted(lines))


@ground("classify")
def classify(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    by: str,
    sentence: str = "",
    measure: str = "",
    labels: Sequence[str] = (),
    figures: Sequence[str] = (),
    title: str = "",
) -> str | None:
    """The label is found in the row's text again."""
    text = row.input or ""
    values = {"sentence": sentence, "measure": measure, "labels": listing(labels), "title": title}
    if by == "measure":
        right = figure_of(text).get(measure)
        if right not in labels or not says(text, measure):
            return "The text has no such figure."
    elif by == "groups":
        known = figure_of(text)
        if not set(figures) <= set(known) or len(set(figures)) < 3:
            return "The text has other figures."
        groups = sorted({known[figure].partition(" ")[2] for figure in figures})
        if list(labels) != groups or len(groups) < 2:
            return "The figures belong to other groups."
        values |= {"figures": "; ".join(figures), "labels": ", ".join(groups)}
        values["lines"] = '", "'.join(f"{name}: ..." for name in groups)
        right = grouped(figures, text)
    else:
        found = (paragraph_of if by == "paragraph" else section_of)(text, sentence)
        if found is None or list(labels) != found[0]:
            return "The text does not have the sentence in just one such place."
        right = found[1]
        values["headings"] = listing([f'"{label}"' for label in labels])
    if answer != right:
        return "Another label is right."
    return differs(row, wording, form, answer, {**values, "answer": answer})
