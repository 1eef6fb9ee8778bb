"""Demands on the plan of a whole answer: what comes first, what next, what last."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from evolsynth.evaluation.demands.demand import LISTS, SHAPES, Asked, Miss, kind
from evolsynth.evaluation.demands.reading import sentence_places
from evolsynth.evaluation.demands.shape import paragraphs
from evolsynth.evaluation.text.words import word_lists
from evolsynth.options import Count

__all__ = ["answer_first", "example_paragraph", "intro_list_close", "questions_and_answers"]
__all__ += ["sums_up", "title_words", "two_sides"]

_LISTS = word_lists(__file__, "combined.txt")
_POINT = re.compile(r"[^\S\n]*(?:[-*+•]|\d{1,3}[.)])[^\S\n]+\S")


def _bare(line: str) -> str:
    """A line without what makes it a heading or bold, and without a colon at its end."""
    return line.lstrip("#*_> \t").rstrip("*_: \t")


@kind(
    "answer_first",
    about="plan",
    tasks=("explanation", "opinion", "advice", "fact"),
    clashes=(*SHAPES, "sentences", "first_sentence_question"),
)
def answer_first(response: str) -> Miss | None:
    """A first paragraph of one sentence, and at least one paragraph behind it."""
    first, *rest = paragraphs(response)
    found = len(sentence_places(first.text))
    if found != 1:
        return Miss(f"Its first paragraph has {found} sentences, not 1.", first[:2])
    return None if rest else Miss("Nothing follows behind the first paragraph.", first[:2])


@answer_first.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {} if asked.words >= 30 else None


@answer_first.applies
def _(response: str) -> str:
    """The first sentence becomes a paragraph; of a list, a heading or code nothing does."""
    found = sentence_places(response)
    if not found or found[0][0] > 0 or re.match(r"[#>|`*\d-]", response):
        return ""
    text, behind = response[: found[0][1]], response[found[0][1] :].strip()
    return f"{text}\n\n{behind}" if text[-1] in ".!?" and behind else ""


@kind(
    "example_paragraph",
    about="plan",
    tasks=("explanation", "advice"),
    clashes=(*SHAPES, "sentences", "language", *LISTS),
)
def example_paragraph(response: str) -> Miss | None:
    """Two paragraphs, the second of which begins with "For example" or "For instance"."""
    found = paragraphs(response)
    if len(found) != 2:
        return Miss(f"It has {len(found)} paragraphs, not 2.")
    second = found[1].text.lstrip("*_\"“'")
    if re.match(r"for (?:example|instance)\b", second, re.I):
        return None
    return Miss('Its second paragraph does not begin with "For example".', found[1][:2])


@example_paragraph.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    fits = asked.words >= 40 and "example" not in asked.instruction.lower()
    return {} if fits else None


@kind(
    "sums_up",
    about="ending",
    tasks=("explanation", "opinion", "advice"),
    clashes=(*SHAPES, "sentences", "summary", "language"),
)
def sums_up(response: str, *, phrase: Annotated[str, msgspec.Meta(pattern=r"\w")]) -> Miss | None:
    """A last paragraph of one sentence that begins with a phrase, behind other paragraphs.

    Args:
        phrase: What it begins with, whatever the case.
    """
    *rest, last = paragraphs(response)
    text = last.text
    if not rest:
        return Miss("It has one paragraph only.")
    if not re.match(rf"[*_]*{re.escape(phrase)}(?!\w)", text, re.I):
        return Miss(f'Its last paragraph does not begin with "{phrase}".', last[:2])
    found = len(sentence_places(text))
    return None if found == 1 else Miss(f"Its last paragraph has {found} sentences.", last[:2])


@sums_up.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"phrase": chance.choice(_LISTS["phrases"])} if asked.words >= 50 else None


@kind(
    "title_words",
    about="title",
    tasks=("explanation", "creative", "opinion", "howto"),
    clashes=(*SHAPES, "beginning"),
)
def title_words(response: str, *, n: Count) -> Miss | None:
    """A first line of so many words, an empty line, and the rest.

    Args:
        n: How many words, as white space tells them.
    """
    first, *rest = paragraphs(response)
    line = first.text
    if "\n" in line or not rest:
        return Miss("It has no title line with an empty line below.", first[:2])
    found = len(_bare(line).removeprefix("Title:").split())
    return None if found == n else Miss(f"Its title has {found} words, not {n}.", first[:2])


@title_words.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": chance.randint(3, 4 + asked.round)} if asked.words >= 50 else None


@kind(
    "intro_list_close",
    about="list",
    tasks=("advice", "ideas", "explanation", "howto"),
    clashes=(*SHAPES, "sentences", "formatting", "ending", "summary"),
)
def intro_list_close(response: str, *, n: Annotated[int, msgspec.Meta(ge=2)]) -> Miss | None:
    """One sentence, a list of so many points, one sentence.

    Args:
        n: How many points, from 2.
    """
    lines = [line for line in response.splitlines() if line.strip()]
    points = [number for number, line in enumerate(lines) if _POINT.match(line)]
    if len(points) != n:
        return Miss(f"It has {len(points)} points; {n} were asked for.")
    first, last = points[0], points[-1]
    if last - first + 1 != n:
        return Miss("Its points are no single list of one line each.")
    for what, part in (("above", lines[:first]), ("below", lines[last + 1 :])):
        found = len(sentence_places("\n".join(part)))
        if found != 1:
            return Miss(f"There are {found} sentences {what} the list, not 1.")
    return None


@intro_list_close.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    if asked.words < 40 or re.search(r"\d|\bone\b", asked.instruction):
        return None
    return {"n": chance.randint(3, 4 + min(asked.round, 3))}


_QUESTION = re.compile(
    r"^[^\S\n]*[*_]*Q(?:\d{0,2}[:.)]|uestion(?: \d{1,2})?:)[*_]*[^\S\n]*\S.*$", re.M
)
_ANSWER = re.compile(r"^[^\S\n]*[*_]*A(?:\d{0,2}[:.)]|nswer(?: \d{1,2})?:)[*_]*[^\S\n]*\S", re.M)


@kind(
    "questions_and_answers",
    about="plan",
    tasks=("explanation", "advice", "howto"),
    clashes=(
        *(*SHAPES, *LISTS, "sentences", "beginning", "ending", "summary"),
        *("questions", "marks", "language", "formatting"),
    ),
)
def questions_and_answers(response: str, *, n: Annotated[int, msgspec.Meta(ge=2)]) -> Miss | None:
    """So many pairs of a line that begins with "Q:" and asks, and one that begins with "A:".

    Args:
        n: How many pairs, from 2.
    """
    asks, answers = list(_QUESTION.finditer(response)), list(_ANSWER.finditer(response))
    if len(asks) != n or len(answers) != n:
        return Miss(f'It has {len(asks)} lines with "Q:" and {len(answers)} with "A:", not {n}.')
    if response[: asks[0].start()].strip():
        return Miss("Something stands above the first question.", (0, asks[0].start()))
    ends = [*(ask.start() for ask in asks[1:]), len(response)]
    for ask, answer, end in zip(asks, answers, ends, strict=True):
        if not ask.group().rstrip("*_ \t\r").endswith("?"):
            return Miss('A line with "Q:" asks nothing.', ask.span())
        if not ask.end() < answer.start() < end:
            return Miss("A question is not followed by its answer.", ask.span())
    return None


@questions_and_answers.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": chance.randint(2, 3 + (asked.round > 2))} if asked.words >= 60 else None


@kind(
    "two_sides",
    about="headings",
    tasks=("opinion", "advice"),
    clashes=(*SHAPES, *LISTS, "sentences", "ending", "summary", "formatting", "language"),
)
def two_sides(response: str, *, n: Count) -> Miss | None:
    """A line "Advantages:", a list of so many points, a line "Disadvantages:", as many points.

    Args:
        n: How many points on each side.
    """
    counts: dict[str, int] = {}
    side = ""
    for line in response.splitlines():
        name = _bare(line).lower()
        if name in ("advantages", "disadvantages"):
            if name in counts:
                return Miss(f'It has two lines "{name.capitalize()}".')
            side, counts[name] = name, 0
        elif _POINT.match(line) and line[:1].strip() and side:
            counts[side] += 1
        elif line[:1].strip() and side == "advantages" and counts[side]:
            return Miss(f'"{line[:30]}" stands between its two lists.')
    if list(counts) != ["advantages", "disadvantages"]:
        return Miss('It lacks a line "Advantages:" and, below, one "Disadvantages:".')
    wrong = next((name for name, count in counts.items() if count != n), None)
    return Miss(f"It has {counts[wrong]} {wrong}, not {n}.") if wrong else None


@two_sides.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    weighs = asked.task == "opinion" or _WEIGHS.search(asked.instruction)
    fits = weighs and asked.words >= 40
    return {"n": chance.randint(2, 2 + min(asked.round, 2))} if fits else None


#: Asks whether to do something, not what.
_WEIGHS = re.compile(r"^(?:should|is|are|would)\b|\b(?:whether|worth|good idea)\b", re.I)
