"""Demands on an answer's title, headings and sections.

What passes here passes independent verifiers, too: `title` in "<<title>>" IFEval's
detectable_format:title, `sections_exactly` its detectable_format:multiple_sections.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import LONG, Drawn, chosen, number
from evolsynth.evaluation.demands.points import split_list, terms
from evolsynth.evaluation.demands.shape import Span, in_paragraphs, lines
from evolsynth.evaluation.text.words import word_lists
from evolsynth.options import Count

__all__ = ["headings", "headings_exactly", "sections_exactly", "title"]

_LISTS = word_lists(__file__, "headings.txt")

#: Names of headings, in their order.
Names = Annotated[list[str], msgspec.Meta(min_length=1)]

#: What has no headings, or counts what they are.
NO_HEADINGS = ("paragraphs", "sentences", "lines", "data", "table", "versions", "characters")


def _bare(line: str) -> str:
    """A line without the marks of headings and bold."""
    return line.strip().strip("#*_ \t").strip()


@kind(
    "title",
    about="title",
    tasks=(*LONG, "creative"),
    clashes=("data", "beginning", "sentences", "paragraphs", "lines", "request", "versions"),
)
def title(
    response: str,
    *,
    form: Literal["<<title>>", "[[title]]", "{{title}}", "==title=="] = "<<title>>",
) -> Miss | None:
    """A title in marks, on one line.

    Args:
        form: The marks, around the word "title".
    """
    left, right = form.split("title")
    found = re.findall(rf"{re.escape(left)}([^<>\[\]{{}}=\n]+){re.escape(right)}", response)
    said = [one.strip() for one in found if any(map(str.isalnum, one))]
    if not said:
        return Miss(f"It has no title in {left}{right}.")
    return Miss("The title is no title.") if said[0].casefold() in ("title", "your title") else None


@title.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    forms = ["<<title>>", "<<title>>", "<<title>>", "[[title]]", "{{title}}", "==title=="]
    return {"form": chance.choice(forms)} if case.words >= 30 else None


@title.applies
def _(response: str, *, asked: str, form: str) -> str:
    first, _, rest = response.strip().partition("\n")
    left, right = form.split("title")
    named = re.fullmatch(
        r"#{1,6} +(.+)|\*\*([^*]+)\*\*|(?:\*\*)?Title:(?:\*\*)? *(.+)", first.strip()
    )
    said = _bare(next(filter(None, named.groups()))).strip('"“”') if named else _title_of(asked)
    body = rest.lstrip("\n") if named else response.strip()
    return f"{left}{said}{right}\n\n{body}" if said and body else ""


def _title_of(asked: str) -> str:
    from evolsynth.evaluation.demands.naming import title_of

    return title_of(asked)


_HEADING = re.compile(r"#{1,6}[ \t]+(?=\S)")


def _headings(response: str) -> list[Span]:
    return [line for line in lines(response) if _HEADING.match(line.text)]


def _empty(response: str, found: Sequence[Span]) -> Miss | None:
    """Whether something stands below each heading."""
    ends = [*(one.start for one in found[1:]), len(response)]
    for one, end in zip(found, ends, strict=True):
        if not any(map(str.isalnum, response[one.end : end])):
            return Miss(f'There is nothing below "{_bare(one.text)}".', (one.start, one.end))
    return None


@kind("headings", about="headings", tasks=LONG, clashes=(*NO_HEADINGS, "language"))
def headings(response: str, *, names: Names) -> Miss | None:
    """Markdown headings with given names, in their order, and a text below each.

    Args:
        names: Of the headings.
    """
    found = _headings(response)
    said = [_bare(one.text).rstrip(":").casefold() for one in found]
    for name in names:
        if name.casefold() not in said:
            return Miss(f'It has no heading "{name}".')
    if said != [name.casefold() for name in names]:
        return Miss("It has other headings, or in another order.")
    return _empty(response, found)


@headings.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    some = chosen(_LISTS, "heading names", case.task)
    fit = [names for names in some if 30 * len(names) <= max(case.words, 60)]
    return {"names": chance.choice(fit)} if fit and case.words >= 50 else None


@headings.applies
def _(response: str, *, names: list[str]) -> str:
    made = []
    wanted = {name.casefold(): name for name in names}
    for line in response.split("\n"):
        name = wanted.get(_bare(line).rstrip(":").casefold())
        made.append(f"## {name}" if name else line)
    return "\n".join(made)


@kind("headings_exactly", about="headings", tasks=LONG, clashes=NO_HEADINGS)
def headings_exactly(response: str, *, n: Count) -> Miss | None:
    """So many markdown headings, and a text below each.

    Args:
        n: The headings.
    """
    found = _headings(response)
    if len(found) != n:
        return Miss(f"It has {len(found)} headings; {n} were asked for.")
    return _empty(response, found)


@headings_exactly.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = number(chance, case, size=45, least=2, most=5)
    return {"n": n} if n else None


@headings_exactly.applies
def _(response: str, *, n: int) -> str:
    before, points, after = split_list(response)
    named = terms(points)
    if len(named) == n:
        body = "\n\n".join(f"## {name}\n\n{said}" for name, said in named)
        return "\n".join([*before, body, *after])
    return re.sub(r"^[ \t]*\*\*([^*\n]{1,80})\*\*:?[ \t]*$", r"## \1", response, flags=re.M)


@kind("sections_exactly", about="headings", tasks=LONG, clashes=NO_HEADINGS)
def sections_exactly(
    response: str,
    *,
    n: Count,
    word: str = "Section",
) -> Miss | None:
    """So many sections, each begun by a line with a word and its number from 1 ("Section 1").

    Args:
        n: The sections.
        word: Before the number.
    """
    begins = re.compile(rf"[#*_ \t]*{re.escape(word)} (\d+)\b")
    found = [line for line in lines(response) if begins.match(line.text)]
    for place, one in enumerate(found, 1):
        match = begins.match(one.text)
        if match and int(match[1]) != place:
            return Miss(f'"{word} {match[1]}" stands in place {place}.', (one.start, one.end))
    if len(found) != n:
        return Miss(f'It has {len(found)} lines with "{word}"; {n} were asked for.')
    short = [Span(one.start, one.start + len(word) + 4, one.text) for one in found]
    return _empty(response, short)


@sections_exactly.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = number(chance, case, size=45, least=2, most=5)
    words = ["Section", "Section", "SECTION", "Part", "PART"]
    return {"n": n, "word": chance.choice(words)} if n else None


@sections_exactly.applies
def _(response: str, *, n: int, word: str) -> str:
    found = _headings(response)
    if len(found) == n:
        made = response
        for place in range(n, 0, -1):
            one = found[place - 1]
            name = f"## {word} {place}: {_bare(one.text)}"
            made = made[: one.start] + name + made[one.end :]
        return made
    parts = in_paragraphs(response, n)
    return "\n\n".join(f"{word} {place}\n{part}" for place, part in enumerate(parts, 1))
