"""Demands on an answer's parts: labels, a summary, a postscript, placeholders, dividers.

What passes here passes independent verifiers, too: `placeholders` and `postscript` IFEval's
detectable_content:number_placeholders and :postscript, `italic_thesis` IFBench's format:thesis.
"""

from __future__ import annotations

import random
import re
from typing import Annotated, Literal

import msgspec

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import LONG, PROSE, Drawn, chosen, in_verse
from evolsynth.evaluation.demands.kinds.headings import NO_HEADINGS
from evolsynth.evaluation.demands.shape import in_paragraphs, in_prose, lines, sentences
from evolsynth.evaluation.text.task import Task
from evolsynth.evaluation.text.words import word_lists
from evolsynth.options import Count

__all__ = ["italic_thesis", "key_values", "placeholders", "postscript", "summary_line", "two_parts"]

_LISTS = word_lists(__file__, "structure.txt")

#: What words that are given cannot keep to.
_NAMED = ("language", "letters")
#: Names of parts, in their order.
Names = Annotated[list[str], msgspec.Meta(min_length=1)]


# Labels -------------------------------------------------------------------------------------------

_LABELLED: tuple[Task, ...] = (
    "explanation",
    "advice",
    "opinion",
    "fact",
    "calculation",
    "classification",
    "howto",
)


@kind(
    "key_values",
    about="labels",
    tasks=_LABELLED,
    clashes=(
        "thesis",
        "parts",
        *(*NO_HEADINGS, "headings", "list", "title", "beginning", "request"),
        *_NAMED,
    ),
)
def key_values(response: str, *, keys: Names) -> Miss | None:
    """Parts that begin with given labels and a colon ("Reason: ..."), in order, and nothing before.

    Args:
        keys: The labels.
    """
    found: list[tuple[int, int]] = []
    at = 0
    for key in keys:
        label = re.compile(rf"^[*_ \t]*{re.escape(key)}[*_]*:[*_]*", re.M | re.I)
        match = label.search(response, at)
        if not match:
            return Miss(f'No line begins with "{key}:" in its place.')
        found.append((match.start(), match.end()))
        at = match.end()
    if response[: found[0][0]].strip():
        return Miss(f'Something stands before "{keys[0]}:".', (0, found[0][0]))
    ends = [*(start for start, _ in found[1:]), len(response)]
    for key, (start, begin), end in zip(keys, found, ends, strict=True):
        if not any(map(str.isalnum, response[begin:end])):
            return Miss(f'Nothing is said behind "{key}:".', (start, begin))
    return None


@key_values.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    some = chosen(_LISTS, "labels", case.task)
    return {"keys": chance.choice(some)} if some else None


@kind(
    "summary_line",
    about="summary",
    tasks=LONG,
    clashes=("ending", "postscript", "data", "lines", *_NAMED),
)
def summary_line(response: str, *, label: str) -> Miss | None:
    """A last line that begins with a label and a colon and says at least three words.

    Args:
        label: Before the colon.
    """
    last = lines(response)[-1]
    said = last.text.strip("*_# \t")
    place = (last.start, last.end)
    if last.start == 0:
        return Miss("It has but one line.", place)
    match = re.match(rf"{re.escape(label)}[*_]*:[*_]*", said, re.I)
    if not match:
        return Miss(f'The last line does not begin with "{label}:".', place)
    if len(said[match.end() :].split()) >= 3:
        return None
    return Miss(f'The line "{label}:" says hardly anything.', place)


@summary_line.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    labels = chosen(_LISTS, "summary labels", case.task)[0]
    return {"label": chance.choice(labels)} if case.words >= 50 else None


_CLOSING = re.compile(
    r"(?:in (?:conclusion|summary|short|brief)|overall|to (?:sum up|conclude|summarize)|"
    r"all in all), (?=\S)",
    re.I,
)


@summary_line.applies
def _(response: str, *, label: str) -> str:
    some = sentences(response)
    closing = _CLOSING.match(some[-1].text) if some else None
    if closing is None or not some[-1].text.endswith("."):
        return ""
    last = some[-1]
    said = last.text[closing.end() :]
    return f"{response[: last.start].rstrip()}\n\n{label}: {said[0].upper()}{said[1:]}"


@kind(
    "postscript",
    about="postscript",
    tasks=("letter", "advice", "opinion"),
    clashes=("data", "ending", "summary", "versions", "table"),
)
def postscript(response: str, *, marker: Literal["P.S.", "P.P.S."] = "P.S.") -> Miss | None:
    """A last part that begins with "P.S." or "P.P.S.".

    Args:
        marker: How it begins.
    """
    some = lines(response)
    pattern = re.compile(r"[*_]*" + r"\s?".join(map(re.escape, re.findall(r"\w\.", marker))))
    places = [k for k, line in enumerate(some) if pattern.match(line.text)]
    if not places or not places[-1]:
        return Miss(f'No line behind the first begins with "{marker}".')
    last = some[places[-1]]
    said = (pattern.sub("", last.text, count=1), *(line.text for line in some[places[-1] + 1 :]))
    if len(said) > 4:
        return Miss(f'Too much stands behind "{marker}".', (last.start, len(response)))
    if any(map(str.isalnum, " ".join(said))):
        return None
    return Miss(f'Nothing is said behind "{marker}".', (last.start, last.end))


@postscript.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"marker": chance.choice(["P.S.", "P.S.", "P.P.S."])} if case.words >= 30 else None


_PLACEHOLDER = re.compile(r"\[(?=[^\[\]\n]*[A-Za-z])[^\[\]\n]{2,60}\](?!\()")


@kind("placeholders", about="placeholders", tasks=("letter",), clashes=("data", "table"))
def placeholders(response: str, *, n: Count) -> Miss | None:
    """At least so many placeholders in square brackets ("[name]").

    Args:
        n: The fewest placeholders.
    """
    found = len(_PLACEHOLDER.findall(response))
    if found >= n:
        return None
    return Miss(f"It has {found} placeholders; at least {n} were asked for.")


@placeholders.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"n": chance.randint(1, 3) + min(case.round, 3)}


# Parts --------------------------------------------------------------------------------------------


@kind(
    "two_parts",
    about="parts",
    tasks=PROSE,
    clashes=("sentences", "data", "paragraphs", "lines", "versions", "formatting"),
)
def two_parts(
    response: str, *, divider: Literal["---", "===", "~~~", "+++", "* * *"] = "---"
) -> Miss | None:
    """Two parts with one line between them that holds a divider.

    Args:
        divider: What stands on the line.
    """
    parts = re.split(rf"^[ \t]*{re.escape(divider)}[ \t]*$", response, flags=re.M)
    if len(parts) != 2:
        return Miss(f'"{divider}" stands on {len(parts) - 1} lines, not on one.')
    if all(any(map(str.isalnum, part)) for part in parts):
        return None
    return Miss(f'On one side of "{divider}" stands nothing.')


@two_parts.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    dividers = ["---", "===", "~~~", "+++", "* * *"]
    fits = case.words >= 60 and not in_verse(case)
    return {"divider": chance.choice(dividers)} if fits else None


@two_parts.applies
def _(response: str, *, divider: str) -> str:
    return f"\n\n{divider}\n\n".join(in_paragraphs(response, 2))


@kind(
    "italic_thesis",
    about="thesis",
    tasks=("opinion", "explanation", "advice"),
    clashes=("sentences", "lines", "beginning", "data", "request", "title", "quotes", "formatting"),
)
def italic_thesis(response: str) -> Miss | None:
    """A thesis first, in HTML italics (<i>...</i>), and then plain text."""
    match = re.match(r"\s*<(i|em)>([^<]*)</\1>(.*)", response, re.S)
    if not match:
        return Miss("It does not begin with a thesis in <i> and </i>.")
    if len(match[2].split()) < 3:
        return Miss("The thesis is no sentence.", match.span(2))
    if any(map(str.isalnum, match[3])) and not re.search(r"</?(?:i|em)>", match[3]):
        return None
    return Miss("Behind the thesis stands nothing, or more in italics.", match.span(3))


@italic_thesis.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {} if case.words >= 40 else None


@italic_thesis.applies
def _(response: str) -> str:
    some = sentences(response)
    if not in_prose(response) or len(some) < 2 or not some[0].sure or "<" in response:
        return ""
    return f"<i>{some[0].text}</i>{response.lstrip()[len(some[0].text) :]}"
