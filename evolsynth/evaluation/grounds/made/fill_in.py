"""Gaps are filled by what the sentences of the text have in their place."""

from __future__ import annotations

from collections.abc import Sequence

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, stands_in
from evolsynth.evaluation.text.stated.gaps import Gap, gapped, gaps
from evolsynth.rows import Row

__all__ = ["exercise", "fill_in"]


def exercise(sentences: Sequence[str], left_out: Sequence[Gap]) -> dict[str, str]:
    """The slots of a wording: the sentences with their gaps, what is missing, and of what kind.

    Several sentences are numbered lines, and so are their fillings.
    """
    lines = [gapped(s, g.start, g.end) for s, g in zip(sentences, left_out, strict=True)]
    missing = [s[g.start : g.end] for s, g in zip(sentences, left_out, strict=True)]
    if len(lines) == 1:
        return {
            "gapped": lines[0],
            "missing": missing[0],
            "sentence": sentences[0],
            "kind": left_out[0].kind,
        }
    return {"gapped": _numbered(lines), "missing": _numbered(missing)}


def _numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


@ground("fill_in")
def fill_in(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    sentences: Sequence[str],
    starts: Sequence[int],
    bank: Sequence[str] = (),
    title: str = "",
) -> str | None:
    """All sentences stand in the row's text, and the answer is what stands in their gaps."""
    left_out: list[Gap] = []
    for sentence, start in zip(sentences, starts, strict=True):
        if not stands_in(row.input, sentence):
            return "A sentence of the exercise is not one of the text."
        left_out += [gap for gap in gaps(sentence) if gap.start == start]
    if len(left_out) != len(sentences):
        return "There is a gap in another place."
    values = exercise(sentences, left_out)
    missing = [s[g.start : g.end] for s, g in zip(sentences, left_out, strict=True)]
    if bank and sorted(bank) != sorted(missing):
        return "The word bank is not what is missing."
    if answer not in (values["missing"], values.get("sentence")):
        return "Something else is missing."
    return differs(row, wording, form, answer, {**values, "bank": " / ".join(bank), "title": title})
