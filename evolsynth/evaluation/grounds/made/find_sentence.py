"""A sentence is the one that was looked for if no other has the words, or the time, asked for."""

from __future__ import annotations

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.classify import PLACES, paragraph_of
from evolsynth.evaluation.grounds.made.settled import differs, sentences_with, stands_in
from evolsynth.evaluation.text.blocks import blocks
from evolsynth.evaluation.text.sentences import sentences_of
from evolsynth.evaluation.text.stated.dates import dated
from evolsynth.evaluation.text.stated.inversion import clause_of
from evolsynth.rows import Row

__all__ = ["find_sentence", "position_of", "time_question"]


def position_of(sentence: str, text: str) -> dict[str, str] | None:
    """Which sentence of which paragraph a sentence is, in words; None where it is far from the
    paragraph's ends, or the text has other things than paragraphs."""
    found = paragraph_of(text, sentence)
    if found is None:
        return None
    paragraph = blocks(text)[PLACES.index(found[1])].said
    every = [paragraph[start:end] for start, end in sentences_of(paragraph)]
    if sentence not in every or len(every) < 2:
        return None
    at = every.index(sentence)
    position = "last" if at == len(every) - 1 else PLACES[at] if at < 3 else ""
    number = str(PLACES.index(found[1]) + 1)
    return {"position": position, "paragraph": found[1], "number": number} if position else None


def time_question(sentence: str, text: str) -> tuple[str, str] | None:
    """The question that asks when what a sentence says was, and its answer; None if there is none
    or the answer stands in another sentence too."""
    clause = clause_of(sentence, text)
    found = dated(clause) if clause else None
    if found is None or len(sentences_with(text, found.answer)) != 1:
        return None
    return found.question, found.answer


@ground("find_sentence")
def find_sentence(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    key: str = "",
    placed: bool = False,
    title: str = "",
) -> str | None:
    """The sentence stands in the row's text, and alone has the key, the answer or the place."""
    text = row.input or ""
    if not stands_in(text, answer):
        return "The sentence does not stand in the text."
    if key and sentences_with(text, key) != [answer]:
        return f"'{key}' does not stand in this sentence alone."
    place = position_of(answer, text) if placed is True else {}
    if place is None:
        return "The sentence stands in no place that could be told."
    asked = None if key or placed else time_question(answer, text)
    if not key and not placed and asked is None:
        return "The sentence answers no question that a rule makes of it."
    values = {"key": key, "sentence": answer, "title": title, **place}
    return differs(row, wording, form, answer, {**values, "question": asked[0] if asked else ""})
