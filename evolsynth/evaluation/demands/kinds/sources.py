"""Demands on answers that stand on a text: its sentence quoted, how sure it makes them, a second
question about it."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Annotated

import msgspec

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import Drawn
from evolsynth.evaluation.text.task import Task
from evolsynth.evaluation.text.words import plain, word_lists

__all__ = ["lists_changes", "quotes_text", "result_line", "second_question", "tells_certainty"]

_LISTS = word_lists(__file__, "sources.txt")
_ALONE = ("data", "table", "list", "versions", "request", "quotes", "marks", "case", "tags")
_SHORT = ("words", "sentences", "characters", "lines", "paragraphs")
#: Tasks whose answers a text can bear out.
_BORNE: tuple[Task, ...] = (
    "fact",
    "extraction",
    "classification",
    "calculation",
    "explanation",
    "other",
)

#: Two answers or more to choose from.
Answers = Annotated[list[str], msgspec.Meta(min_length=2)]


_QUOTED = re.compile(r'"([^"\n]{1,600})"')
_LEAST = 3  # words of a quotation: fewer are a name


@kind("quotes_text", about="evidence", tasks=_BORNE, clashes=(*_ALONE, *_SHORT))
def quotes_text(response: str, *, source: str = "") -> Miss | None:
    """A sentence of the text, or a piece of three words and more, in double quotation marks.

    Without a text nobody can tell where the quotation is from: any will do.
    """
    found = [m[1].strip() for m in _QUOTED.finditer(plain(response))]
    if not any(len(one.split()) >= _LEAST for one in found):
        return Miss("It quotes no sentence.")
    there = _even(source)
    if not there or any(len(q.split()) >= _LEAST and _even(q) in there for q in found):
        return None
    return Miss("What it quotes does not stand in the text.")


def _even(text: str) -> str:
    """The text as it is compared: plain marks, one space, small letters, no mark at its end."""
    return " ".join(plain(text).casefold().split()).rstrip(".")


@quotes_text.draws
def _(_: random.Random, case: Asked) -> Drawn:
    return {} if case.given else None


@kind("tells_certainty", about="certainty", tasks=_BORNE, clashes=(*_ALONE, *_SHORT, "ending"))
def tells_certainty(response: str, *, label: str, answers: Answers) -> Miss | None:
    """A last line with a label, a colon, and one of some answers.

    Args:
        label: Before the colon.
        answers: Of which one stands there.
    """
    *_, last = response.strip().splitlines()
    before, colon, behind = last.partition(":")
    start = len(response.rstrip()) - len(last)
    place = (max(start, 0), len(response.rstrip()))
    if not colon or before.strip(" *_").casefold() != label.casefold():
        return Miss(f'The last line does not begin with "{label}:".', place)
    said = behind.strip(" *_.").casefold()
    if said not in (one.casefold() for one in answers):
        return Miss(f'Behind "{label}:" stands none of the answers to choose from.', place)
    return None


@tells_certainty.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    if not case.given:
        return None
    label, *answers = chance.choice(_LISTS["certainties"]).split(" | ")
    return {"label": label, "answers": answers}


@kind("result_line", about="summary", tasks=("calculation",), clashes=(*_ALONE, *_SHORT, "ending"))
def result_line(response: str, *, label: str) -> Miss | None:
    """A last line with a label, a colon, and something behind it.

    Args:
        label: Before the colon.
    """
    *above, last = response.strip().splitlines()
    before, colon, behind = last.partition(":")
    if not above:
        return Miss("It has but one line.")
    if not colon or before.strip(" *_").casefold() != label.casefold():
        return Miss(f'The last line does not begin with "{label}:".')
    return None if any(map(str.isalnum, behind)) else Miss(f'Nothing stands behind "{label}:".')


@result_line.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"label": chance.choice(_LISTS["result labels"])}


@kind("lists_changes", about="changes", tasks=("rewriting",), clashes=(*_ALONE, *_SHORT, "ending"))
def lists_changes(response: str, *, arrow: str, source: str = "") -> Miss | None:
    """Last lines that name each word that was changed, the sign, and what it is now.

    Args:
        arrow: The sign between the two.
    """
    lines = [line.strip() for line in response.strip().splitlines()]
    told = [line.split(f" {arrow} ") for line in lines if f" {arrow} " in line]
    if not told or f" {arrow} " not in lines[-1]:
        return Miss(f'No last line has "{arrow}" between two words.')
    said = "\n".join(line for line in lines if f" {arrow} " not in line)
    for before, after in (pair for pair in told if len(pair) == 2):
        if after.strip() not in said or (source and before.strip(" -*") not in source):
            return Miss(f'"{before} {arrow} {after}" is no change that was made.')
    return None


@lists_changes.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"arrow": chance.choice(_LISTS["arrows"])} if case.given else None


_ITEM = re.compile(r"^[ \t]{0,8}\(?([12])[.):][ \t]+\S", re.M)


@kind("second_question", about="second question", tasks=_BORNE, clashes=(*_ALONE, *_SHORT))
def second_question(response: str, *, question: str) -> Miss | None:
    """Two answers, numbered 1 and 2.

    Args:
        question: The second of them. What it asks is not looked at here.
    """
    numbers: Sequence[str] = _ITEM.findall(response)
    return None if list(numbers) == ["1", "2"] else Miss("It has no two answers, 1 and 2.")


@second_question.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"question": chance.choice(case.others)} if case.others else None
