"""What the page measures by embeddings, of rows of every form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from evolsynth.report.neighbourhood import survey
from evolsynth.rows import Message, Row

TEXT = "The towers rise 227 metres above the water. Construction began in 1933."


class Letters:
    """Vectors by a text's letters, enough to tell texts apart."""

    name = "letters"

    def __init__(self) -> None:
        self.read: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `Embedder`."""
        self.read += texts
        found = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in zip(found, texts, strict=True):
            for letter in text:
                row[ord(letter) % 64] += 1
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found


def talk(*turns: str) -> tuple[Message, ...]:
    return tuple(Message("assistant" if k % 2 else "user", text) for k, text in enumerate(turns))


FORMS = {
    "plain": Row.make("Name a river.", response="The Elbe."),
    "with an input": Row.make(
        "Give the passage a title.", extra={"input": TEXT}, response="Towers"
    ),
    "its input named": Row.make(
        "How high are the towers?", extra={"input": TEXT}, response="227 metres"
    ),
    "a conversation": Row.make(
        "How high are the towers?", messages=talk("How high are they?", "227 metres", "And when?")
    ),
    "a conversation about an input": Row.make(
        "How high are the towers?",
        extra={"input": TEXT},
        messages=talk(f"How high are the towers?\n\n{TEXT}", "227 metres", "When was it begun?"),
        response="1933",
    ),
    "turns alone": Row.make(None, messages=talk("Hello there.", "Hello.", "Name a lake.")),
    "a response alone": Row.make(None, response="A sentence by itself."),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_row_has_its_place(form: str) -> None:
    """A conversation about a text had ended the report of a whole run with a KeyError."""
    embedder = Letters()
    rows = [FORMS[form], *(Row.make(f"Tell me about lake number {n}.") for n in range(8))]

    found = survey(rows, embedder)

    assert found is not None
    assert found.size == len(found.map.rows) == 9
    assert len(embedder.read) == len(set(embedder.read))  # each different text once


def test_two_conversations_that_go_on_otherwise_are_told_apart() -> None:
    first = talk("Give it a title.", "Towers", "Now one about their height.")
    second = talk("Give it a title.", "Towers", "Now translate this title.")
    embedder = Letters()
    survey([Row.make("Give it a title.", messages=turns) for turns in (first, second)], embedder)
    assert len(set(embedder.read)) == 2
