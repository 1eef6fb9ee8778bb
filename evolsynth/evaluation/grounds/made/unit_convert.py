"""A measure of a text is converted again."""

from __future__ import annotations

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, stands_in
from evolsynth.evaluation.text.stated.units import converted, measured
from evolsynth.rows import Row

__all__ = ["conversions", "unit_convert"]


def conversions(sentence: str) -> list[dict[str, str]]:
    """The slots of a wording and its answer for each measure of a sentence and each other unit."""
    return [
        {
            "measure": measure.text,
            "unit": unit,
            "sentence": sentence,
            "result": result,
            "sum": sums,
            "rewritten": sentence[: measure.start]
            + result
            + sentence[measure.start + len(measure.text) :],
        }
        for measure in measured(sentence)
        for unit, result, sums in converted(measure)
    ]


@ground("unit_convert")
def unit_convert(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    sentence: str,
    measure: str,
    unit: str,
    title: str = "",
) -> str | None:
    """The sentence of the row's text has the measure, and this is it in the other unit."""
    if not stands_in(row.input, sentence):
        return "The sentence does not stand in the text."
    for values in conversions(sentence):
        if (values["measure"], values["unit"]) == (measure, unit):
            if answer not in (values["result"], values["rewritten"]):
                return "The conversion gives something else."
            return differs(row, wording, form, answer, {**values, "title": title})
    return "The sentence has no such measure."
