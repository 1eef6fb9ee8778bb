r"""How tasks about a text are worded, and what form of answer each wording asks for.

The wordings of a kind are ``prompts/grounded/KIND.txt``: the lines of a section ``[FORM]`` are
wordings of instructions that ask for that form, those of ``[FORM: answer]`` the answers. Slots
stand in braces, ``\n`` is a line break. A wording that names the title is for texts that have one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, NamedTuple

from evolsynth.evaluation.text.language import is_english
from evolsynth.llm.base import LLM
from evolsynth.methods.grounded.draft import Draft, Maker, Passage, Place
from evolsynth.methods.transformed.saying import first_fit
from evolsynth.prompts import filled, prompt_lists

__all__ = ["Wording", "answered", "draft", "drawn", "english", "forms", "place"]


class Wording(NamedTuple):
    """A wording of an instruction, and the form of its answer."""

    form: str
    instruction: str
    answer: str


def english(make: Maker) -> Maker:
    """Make nothing of a text that is in another language: the rules and wordings are English."""

    @functools.wraps(make)
    def made(passage: Passage, random: Random) -> Iterable[Draft]:
        return make(passage, random) if is_english(passage.text) else ()

    return made


def forms(kind: str) -> list[str]:
    """The forms of answer that a kind has wordings for, as its file has them."""
    return [name for name in prompt_lists(f"grounded/{kind}") if ":" not in name]


def drawn(kind: str, random: Random, values: Mapping[str, str], *of: str) -> Wording:
    """A wording of a kind, all being as likely, and an answer of its form.

    Args:
        kind: of task; its file has the wordings.
        random: where chance comes from.
        values: for the slots: a wording with others is left out, and so is one with an empty value.
        of: the forms to draw from; all of them if none are given.
    """
    lists = prompt_lists(f"grounded/{kind}")
    known = [
        (form, line)
        for form in (of or forms(kind))
        for line in lists[form]
        if "{title}" not in line or values.get("title")
    ]
    form, line = random.choice(known)
    return Wording(form, line, random.choice(lists[f"{form}: answer"]))


def place(text: str, piece: str) -> tuple[Place, ...]:
    """Where a piece stands in a text first; nothing if it does not."""
    start = text.find(piece)
    return (Place(start, start + len(piece)),) if start >= 0 and piece else ()


def draft(
    kind: str,
    wording: Wording,
    passage: Passage,
    *,
    answer: str,
    values: Mapping[str, str],
    ground: Mapping[str, Any],
    evidence: tuple[Place, ...] = (),
    text: str | None = None,
    whole: bool = False,
    how: Mapping[str, Any] | None = None,
) -> Draft:
    """A draft of a wording with its slots filled.

    Args:
        kind: of task, and of ground.
        wording: as it was drawn.
        passage: what it is about.
        answer: the bare answer.
        values: of the slots of the wording and of the form of the answer.
        ground: what the ground of this kind needs beside the wording, its form and the answer.
        evidence: places of the input.
        text: the input, if that is not the passage's text.
        whole: whether it is about no one fact, but about several as they stand to each other, so
            that each of them may be asked for beside it.
        how: what is to be told of the asking, where a model gave the answer.
    """
    title = {"title": passage.title} if "{title}" in wording.instruction else {}
    filling = {**values, **title}
    told = {"wording": wording.instruction, "form": wording.answer, "answer": answer, **title}
    return Draft(
        kind,
        filled(wording.instruction, filling),
        filled(wording.answer, filling),
        passage.text if text is None else text,
        evidence,
        {"kind": kind, **told, **ground},
        {
            "wording": wording.instruction,
            **({"fact": [0, 0]} if whole else {}),
            **({} if how is None else {"answered": how}),
        },
    )


async def answered(
    llm: LLM,
    kind: str,
    wording: Wording,
    values: Mapping[str, str],
    text: str,
    *,
    seed: int,
    max_tokens: int,
    against: Callable[[str], str | None],
) -> tuple[str, dict[str, Any]] | None:
    """A model's answer to a wording about a text, and how it was made; None where it gave none
    that nothing speaks against.

    Args:
        llm: a larger model is asked as a user would ask it, a small one by examples.
        kind: of task; its prompt is ``prompts/grounded/KIND.j2``.
        wording: as it was drawn.
        values: of the slots of the wording, and of the prompt's variables.
        text: that it is about.
        seed: of the requests.
        max_tokens: of an answer.
        against: what speaks against an answer, as a sentence.

    Raises:
        RequestError: the model could not be asked, as `LLM.complete`.
    """
    asked = filled(wording.instruction, values)
    said = await first_fit(
        llm,
        f"grounded/{kind}",
        {**values, "instruction": asked, "text": text, "form": wording.form},
        key="",
        seed=seed,
        max_tokens=max_tokens,
        against=against,
    )
    return None if said.text is None else (said.text, said.how)
