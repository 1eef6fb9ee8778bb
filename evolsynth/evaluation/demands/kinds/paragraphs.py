"""Demands on the paragraphs and lines of an answer.

What passes here passes independent verifiers, too: `paragraphs_divided` by "***" IFEval's
length_constraints:number_paragraphs, and `first_word_of_paragraph` its
length_constraints:nth_paragraph_first_word.
"""

from __future__ import annotations

import random
import re

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import PROSE, Drawn, chosen, in_verse, number
from evolsynth.evaluation.demands.shape import (
    Span,
    in_paragraphs,
    in_prose,
    lines,
    paragraphs,
    sentence_count,
    sentences,
)
from evolsynth.evaluation.text.words import word_lists
from evolsynth.options import Count

__all__ = ["first_word_of_paragraph", "lines_exactly", "one_sentence_per_line", "paragraph_length"]
__all__ += ["paragraphs_divided", "paragraphs_exactly"]

_LISTS = word_lists(__file__, "paragraphs.txt")

_NO_PARAGRAPHS = (
    "list",
    "table",
    "headings",
    "title",
    "lines",
    "postscript",
    "parts",
    "versions",
)


_LONGEST_LINE = 20  # words


def _told(some: list[Span], what: str) -> str:
    return f"It has 1 {what}" if len(some) == 1 else f"It has {len(some)} {what}s"


def _written(some: list[Span], n: int) -> Miss | None:
    if len(some) == n:
        return None
    place = (some[n].start, some[-1].end) if len(some) > n else None
    return Miss(f"{_told(some, 'paragraph')}; {n} were asked for.", place)


@kind("paragraphs_exactly", about="paragraphs", tasks=PROSE, clashes=_NO_PARAGRAPHS)
def paragraphs_exactly(response: str, *, n: Count) -> Miss | None:
    """So many paragraphs, with blank lines between them.

    Args:
        n: The paragraphs.
    """
    return _written(paragraphs(response), n)


@paragraphs_exactly.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = None if in_verse(case) else number(chance, case, size=50, least=2, most=6)
    return {"n": n} if n else None


@paragraphs_exactly.applies
def _(response: str, *, n: int) -> str:
    return "\n\n".join(in_paragraphs(response, n))


@kind(
    "paragraphs_divided",
    about="paragraphs",
    tasks=PROSE,
    clashes=("sentences", *_NO_PARAGRAPHS, "data", "formatting"),
)
def paragraphs_divided(response: str, *, n: Count, divider: str = "***") -> Miss | None:
    """So many paragraphs, with a divider on a line of its own between them.

    Args:
        n: The paragraphs.
        divider: What stands between them.
    """
    parts = re.split(rf"^[ \t]*{re.escape(divider)}[ \t]*$", response, flags=re.M)
    for part in parts:
        if divider in part:
            at = response.index(divider)
            return Miss(
                f'"{divider}" stands elsewhere than between paragraphs.', (at, at + len(divider))
            )
    inner = parts[0 if parts[0].strip() else 1 : None if parts[-1].strip() else -1]
    if not all(part.strip() for part in inner):
        return Miss("There is nothing between two dividers.")
    if len(inner) == n:
        return None
    return Miss(f'"{divider}" makes {len(inner)} of it; {n} paragraphs were asked for.')


@paragraphs_divided.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = None if in_verse(case) else number(chance, case, size=50, least=2, most=6)
    return {"n": n, "divider": chance.choice(["***", "***", "---", "===", "~~~"])} if n else None


@paragraphs_divided.applies
def _(response: str, *, n: int, divider: str) -> str:
    return f"\n\n{divider}\n\n".join(in_paragraphs(response, n))


@kind(
    "first_word_of_paragraph",
    about="paragraphs",
    tasks=PROSE,
    clashes=(*_NO_PARAGRAPHS, "beginning", "quotes", "request", "language", "letters"),
)
def first_word_of_paragraph(response: str, *, n: Count, nth: Count, word: str) -> Miss | None:
    """So many paragraphs, with one blank line between them, one of which begins with a word.

    Args:
        n: The paragraphs.
        nth: Which of them, from 1.
        word: Its first word, in any case.
    """
    some = response.strip("\n").split("\n\n")
    if not all(part.strip() for part in some):
        return Miss("Paragraphs have more than one blank line between them.")
    missed = _written(paragraphs(response), n)
    if missed or len(some) != n or nth > n:
        return missed or Miss("The lines between paragraphs are not empty.")
    first = re.split(r"[.,?!'\"]", some[nth - 1].split()[0].lstrip("'\""))[0]
    if first.casefold() == word.casefold():
        return None
    place = response.index(some[nth - 1])
    why = f'Paragraph {nth} begins with "{first}"; "{word}" was asked for.'
    return Miss(why, (place, place + len(first)))


@first_word_of_paragraph.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = None if in_verse(case) else number(chance, case, size=50, least=2, most=5)
    words = chosen(_LISTS, "first words", case.task)
    return {"n": n, "nth": chance.randint(1, n), "word": chance.choice(words[0])} if n else None


@kind("paragraph_length", about="paragraphs", tasks=PROSE, clashes=(*_NO_PARAGRAPHS, "sentences"))
def paragraph_length(response: str, *, n: Count, least: Count = 2) -> Miss | None:
    """No paragraph of more than so many sentences, and so many paragraphs at least.

    Args:
        n: The most sentences of a paragraph.
        least: The fewest paragraphs.
    """
    some = paragraphs(response)
    for one in some:
        count = sentence_count(one.text)
        if count[1] > n:
            return Miss(f"A paragraph has {count[1]} sentences, over {n}.", (one.start, one.end))
    if len(some) < least:
        return Miss(f"{_told(some, 'paragraph')}; at least {least} were asked for.")
    return None


@paragraph_length.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    if case.words < 70 or in_verse(case):
        return None
    return {"n": chance.choice([2, 3] if case.round > 1 else [3, 4]), "least": 2}


@paragraph_length.applies
def _(response: str, *, n: int, least: int) -> str:
    if not in_prose(response):
        return ""
    made: list[str] = []
    whole = paragraphs(response)
    for one in whole:
        some = sentences(one.text)
        parts = max(-(-len(some) // n), least if len(whole) == 1 else 1)
        size = max(-(-len(some) // parts), 1)
        starts = [0, *(some[k].start for k in range(size, len(some), size))]
        ends = [*starts[1:], len(one.text)]
        made += [one.text[a:b].strip() for a, b in zip(starts, ends, strict=True)]
    return "\n\n".join(made)


# Lines --------------------------------------------------------------------------------------------

_NO_LINES = ("paragraphs", "list", "table", "headings", "title", "data")


@kind("one_sentence_per_line", about="lines", tasks=PROSE, clashes=(*_NO_LINES, "sentences"))
def one_sentence_per_line(response: str, *, least: Count = 2) -> Miss | None:
    """Each sentence on a line of its own, so many at least.

    Args:
        least: The fewest lines.
    """
    some = lines(response)
    for line in some:
        count = sentence_count(line.text)
        if count != (1, 1):
            return Miss(f"A line has {max(count)} sentences.", (line.start, line.end))
    return None if len(some) >= least else Miss(f"It has {len(some)} of at least {least} lines.")


@one_sentence_per_line.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    fits = case.words >= 40 and not in_verse(case)
    return {"least": max(2, case.words // 40 + min(case.round, 3))} if fits else None


@one_sentence_per_line.applies
def _(response: str, *, least: int) -> str:
    return "\n".join(one.text for one in sentences(response)) if in_prose(response) else ""


@kind("lines_exactly", about="lines", tasks=("creative", "other"), clashes=_NO_LINES)
def lines_exactly(response: str, *, n: Count) -> Miss | None:
    """So many lines, blank ones not counted, and none so long that it is a paragraph.

    Args:
        n: The lines.
    """
    some = lines(response)
    for one in some:
        if len(response[one.start : one.end].split()) > _LONGEST_LINE:
            return Miss(
                f"A line has over {_LONGEST_LINE} words, which is a paragraph.",
                (one.start, one.end),
            )
    if len(some) == n:
        return None
    place = (some[n].start, some[-1].end) if len(some) > n else None
    return Miss(f"{_told(some, 'line')}; {n} were asked for.", place)


@lines_exactly.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    if case.task == "creative" and not in_verse(case):
        return None
    n = number(chance, case, size=9, least=3, most=12)
    return {"n": n} if n else None


@lines_exactly.applies
def _(response: str, *, n: int) -> str:
    some = sentences(response)
    return "\n".join(one.text for one in some) if in_prose(response) and len(some) == n else ""
