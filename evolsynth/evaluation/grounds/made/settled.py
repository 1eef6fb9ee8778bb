"""What grounds of tasks that a program made have in common: the row says what was made, still.

Such a task is a wording with its slots filled, and its answer another. A ground fills both again
with what it found out itself and compares; where the row was evolved since, the task has only to
stand in the instruction, and the bare answer in the response.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from evolsynth.evaluation.text.sentences import sentence_places
from evolsynth.prompts import filled
from evolsynth.rows import Row

__all__ = ["differs", "says", "sentences_with", "stands_in"]


def differs(
    row: Row, wording: str, form: str, answer: str, values: Mapping[str, str]
) -> str | None:
    """What speaks against a row's instruction being this wording, filled, and its response this
    form; None if nothing.

    Args:
        row: as it stands.
        wording: of the instruction, with slots.
        form: of the response, with slots.
        answer: the bare answer, which the response of an evolved row has to hold.
        values: what the slots stand for.
    """
    asked, told = filled(wording, values), filled(form, values)
    instruction, response = (row.instruction or "").strip(), (row.response or "").strip()
    if instruction != asked if not row.round else not says(instruction, asked):
        return "The instruction asks for something else than was answered."
    if response != told if not row.round else not says(response, answer):
        return "The response is not the answer that follows from the text."
    return None


def says(text: str, piece: str) -> bool:
    """Whether a piece stands in a text with no word running on at either end."""
    found = text.find(piece)
    while found >= 0 and piece:
        end = found + len(piece)
        before, after = text[max(found - 1, 0) : found], text[end : end + 1]
        if not (_on(before) and _on(piece[0])) and not (_on(piece[-1]) and _on(after)):
            return True
        found = text.find(piece, found + 1)
    return False


def _on(character: str) -> bool:
    return character.isalnum()


def stands_in(text: str | None, sentence: str) -> bool:
    """Whether a sentence stands in a text as one."""
    return bool(text) and sentence in _sentences(text or "")


def sentences_with(text: str, piece: str) -> list[str]:
    """The sentences and lines of a text that hold a piece, as whole words."""
    return [sentence for sentence in _sentences(text) if says(sentence, piece)]


@lru_cache(maxsize=256)
def _sentences(text: str) -> tuple[str, ...]:
    return tuple(text[start:end] for start, end in sentence_places(text))
