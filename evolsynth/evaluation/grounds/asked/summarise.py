"""A summary: as short as was asked for, nothing in it invented, nothing central missing."""

from __future__ import annotations

from evolsynth.evaluation.demands.reading import sentence_places, word_places
from evolsynth.evaluation.grounds.asked.told import invented
from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.support.reading import SOFT, lemma, sentences_of
from evolsynth.evaluation.support.rules import akin
from evolsynth.evaluation.text.words import words
from evolsynth.rows import Row

__all__ = ["LEAST_TOLD", "summarise", "summary_against"]

#: The share of what a text says again and again, and of its title, that a summary must say.
LEAST_TOLD = 0.4
#: The share of a sentence's own words of content (those of two sentences at most, and not of the
#: title) that a summary must have for it to have drawn on it; three of them always do.
_DRAWN = 0.3
#: Words that a summary has at least.
_FEWEST = 12


def summary_against(
    text: str, made: str, *, most: int, sentences: int | None = None, title: str = ""
) -> str | None:
    """What speaks against a summary, as a sentence; None if nothing.

    Args:
        text: what was summed up.
        made: the summary.
        most: words that it may have.
        sentences: that it may have; None for any number.
        title: of the text.
    """
    many = len(word_places(made))
    if many > most:
        return f"It has {many} words; {most} were asked for at most."
    if many < _FEWEST or not made.rstrip().endswith((".", "!", "?", '"', "”", ")")):
        return "It is no whole summary."
    if sentences is not None and len(sentence_places(made)) > sentences:
        return f"It has more than {sentences} sentences."
    return invented(made, text, title=title) or _lost(text, made, title)


def _lost(text: str, made: str, title: str) -> str | None:
    """What of the main things of a text a summary has not."""
    whole = [one for one in sentences_of(text) if one.keys - SOFT]
    there = frozenset[str]().union(*(one.keys for one in sentences_of(made)))
    named = frozenset(lemma(w.text) for w in words(title)) - SOFT
    often: dict[str, int] = {}
    for one in whole:
        for key in one.keys - SOFT:
            often[key] = often.get(key, 0) + 1
    main = {key: count for key, count in often.items() if count > 1 or key in named}
    kept = sum(count for key, count in main.items() if akin(key, there))
    if main and kept < LEAST_TOLD * sum(main.values()):
        gone = [key for key in main if not akin(key, there)]
        return f"It does not speak of {', '.join(sorted(gone, key=lambda k: -main[k])[:3])}."
    own = frozenset(key for key, count in often.items() if count <= 2) - named
    drawn = [place for place, one in enumerate(whole) if _drawn(one.keys & own, there)]
    thirds = {3 * place // len(whole) for place in drawn}
    if len(whole) > 3 and (0 not in thirds or len(thirds) < 2):
        return "It leaves out the beginning of the text, or all that follows it."
    return None


def _drawn(keys: frozenset[str], there: frozenset[str]) -> bool:
    told = sum(akin(key, there) for key in keys)
    return told >= min(3.0, max(_DRAWN * len(keys), 1.0))


@ground("summarise")
def summarise(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    most: int,
    sentences: int | None = None,
    about: str = "",
    title: str = "",
) -> str | None:
    """The summary is one of the row's text: see `summary_against`."""
    against = summary_against(row.input or "", answer, most=most, sentences=sentences, title=about)
    values = {"most": str(most), "sentences": str(sentences), "title": title, "output": answer}
    return against or differs(row, wording, form, answer, values)
