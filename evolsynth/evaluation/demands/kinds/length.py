"""Demands on how long an answer is: words, sentences, characters.

What passes here passes independent verifiers, too: `words_*` IFEval's
length_constraints:number_words and IFBench's count:word_count_range, `sentences_*` IFEval's
length_constraints:number_sentences. Stricter on purpose: what one may count differently
(`evolsynth.evaluation.demands.shape`) has to be met either way.
"""

from __future__ import annotations

import random
import re

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import (
    PROSE,
    TOLD,
    Drawn,
    amount,
    in_verse,
    number,
    stepped,
)
from evolsynth.evaluation.demands.shape import cut, sentence_count, sentences, word_count
from evolsynth.evaluation.text.task import Task
from evolsynth.options import Count, Natural

__all__ = ["characters_at_most", "sentences_at_least", "sentences_at_most", "sentences_exactly"]
__all__ += ["words_about", "words_at_least", "words_at_most", "words_between"]

_SHORT: tuple[Task, ...] = ("fact", "classification", "extraction", "conversation")


def _told(count: tuple[int, int], what: str) -> str:
    fewest, most = count
    plural = what if (fewest, most) == (1, 1) else f"{what}s"
    return f"It has {fewest} {plural}" if fewest == most else f"It has {fewest} to {most} {plural}"


# Words --------------------------------------------------------------------------------------------


@kind(
    "words_at_most",
    about="words",
    tasks=(*TOLD, *_SHORT, "rewriting"),
    clashes=("sentences", "characters", "request"),
)
def words_at_most(response: str, *, n: Count) -> Miss | None:
    """At most so many words, as white space tells them, and as letters and digits do.

    Args:
        n: The most words.
    """
    count = word_count(response)
    if count[1] <= n:
        return None
    return Miss(f"{_told(count, 'word')}; at most {n} were asked for.", _behind(response, n))


def _behind(text: str, n: int) -> tuple[int, int]:
    """Where a text goes on behind so many words."""
    words = [match for match, _ in zip(re.finditer(r"\S+", text), range(n + 1), strict=False)]
    return (words[n].start() if len(words) > n else words[-1].start()), len(text)


@words_at_most.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"n": stepped(amount(chance, case, first=0.85, change=-0.12), least=15)}


@words_at_most.applies
def _(response: str, *, n: int) -> str:
    return cut(response, lambda text: word_count(text)[1] <= n)


@kind("words_at_least", about="words", tasks=TOLD, clashes=("sentences", "characters", "lines"))
def words_at_least(response: str, *, n: Count) -> Miss | None:
    """At least so many words.

    Args:
        n: The fewest words.
    """
    count = word_count(response)
    return None if count[0] >= n else Miss(f"{_told(count, 'word')}; at least {n} were asked for.")


@words_at_least.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"n": stepped(amount(chance, case, first=0.75, change=0.15), least=20)}


@kind(
    "words_between",
    about="words",
    tasks=TOLD,
    clashes=("sentences", "characters", "request", "lines"),
)
def words_between(response: str, *, least: Count, most: Count) -> Miss | None:
    """From so many words to so many.

    Args:
        least: The fewest words.
        most: The most words.
    """
    count = word_count(response)
    if least <= count[0] and count[1] <= most:
        return None
    why = f"{_told(count, 'word')}; {least} to {most} were asked for."
    return Miss(why, _behind(response, most) if count[1] > most else None)


@words_between.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    least = stepped(amount(chance, case, first=0.65, change=0.05), least=20)
    wide = 0.6 - 0.1 * min(case.round, 3)
    return {"least": least, "most": stepped(least * (1 + wide), least=least + 15)}


@words_between.applies
def _(response: str, *, least: int, most: int) -> str:
    return cut(response, lambda text: word_count(text)[1] <= most)


@kind("words_about", about="words", tasks=TOLD, clashes=("sentences", "characters", "request"))
def words_about(response: str, *, n: Count, off: Natural) -> Miss | None:
    """So many words, give or take a number that is said.

    Args:
        n: The words.
        off: How many more or fewer are let pass.
    """
    count = word_count(response)
    if n - off <= count[0] and count[1] <= n + off:
        return None
    return Miss(f"{_told(count, 'word')}; {n - off} to {n + off} were asked for.")


@words_about.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = stepped(amount(chance, case, first=0.8, change=0.08), least=30)
    return {"n": n, "off": stepped(n * (0.3 - 0.05 * min(case.round, 3)))}


@words_about.applies
def _(response: str, *, n: int, off: int) -> str:
    return cut(response, lambda text: word_count(text)[1] <= n + off)


# Sentences ----------------------------------------------------------------------------------------

_NO_SENTENCES = (
    "postscript",
    "words",
    "characters",
    "list",
    "table",
    "headings",
    "title",
    "request",
    "lines",
)


def _extra(text: str, n: int) -> tuple[int, int] | None:
    """Where the sentences behind the n-th stand."""
    some = sentences(text)[n:]
    return (some[0].start, some[-1].end) if some else None


@kind(
    "sentences_exactly",
    about="sentences",
    tasks=(*PROSE, *_SHORT),
    clashes=(*_NO_SENTENCES, "different_words_at_least"),
)
def sentences_exactly(response: str, *, n: Count) -> Miss | None:
    """So many sentences, and no lines that are none.

    Args:
        n: The sentences.
    """
    count = sentence_count(response)
    if count == (n, n):
        return None
    return Miss(f"{_told(count, 'sentence')}; {n} were asked for.", _extra(response, n))


@sentences_exactly.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = number(chance, case, size=20, least=2, most=9)
    fits = (n or case.task in _SHORT) and not in_verse(case)
    return {"n": n or 1} if fits else None


@sentences_exactly.applies
def _(response: str, *, n: int) -> str:
    return cut(response, lambda text: sentence_count(text)[1] <= n)


@kind(
    "sentences_at_most",
    about="sentences",
    tasks=(*PROSE, "fact", "rewriting"),
    clashes=_NO_SENTENCES,
)
def sentences_at_most(response: str, *, n: Count) -> Miss | None:
    """At most so many sentences; lines that are none count.

    Args:
        n: The most sentences.
    """
    count = sentence_count(response)
    if count[1] <= n:
        return None
    return Miss(f"{_told(count, 'sentence')}; at most {n} were asked for.", _extra(response, n))


@sentences_at_most.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    most = round(amount(chance, case, first=0.8, change=-0.1) / 18)
    return {"n": max(most, 2)} if case.words >= 30 and not in_verse(case) else None


@sentences_at_most.applies
def _(response: str, *, n: int) -> str:
    return cut(response, lambda text: sentence_count(text)[1] <= n)


@kind("sentences_at_least", about="sentences", tasks=PROSE, clashes=_NO_SENTENCES)
def sentences_at_least(response: str, *, n: Count) -> Miss | None:
    """At least so many sentences, that surely are some.

    Args:
        n: The fewest sentences.
    """
    count = sentence_count(response)
    if count[0] >= n:
        return None
    return Miss(f"{_told(count, 'sentence')}; at least {n} were asked for.")


@sentences_at_least.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    least = round(amount(chance, case, first=0.8, change=0.15) / 18)
    return {"n": max(3, least)} if not in_verse(case) else None


# Characters -----------------------------------------------------------------------------


@kind(
    "characters_at_most",
    about="characters",
    tasks=(*PROSE, *_SHORT, "letter", "rewriting"),
    clashes=("words", "sentences", "data", "request"),
)
def characters_at_most(response: str, *, n: Count) -> Miss | None:
    """At most so many characters, spaces and line breaks among them.

    Args:
        n: The most characters.
    """
    found = len(response.strip())
    if found <= n:
        return None
    return Miss(f"It has {found} characters; at most {n} were asked for.", (n, len(response)))


@characters_at_most.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    wanted = 6 * amount(chance, case, first=0.85, change=-0.12)
    return {"n": chance.choice([140, 160, 200]) if wanted < 200 else 50 * round(wanted / 50)}


@characters_at_most.applies
def _(response: str, *, n: int) -> str:
    return cut(response.strip(), lambda text: len(text) <= n)
