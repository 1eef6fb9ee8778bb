"""Changed data: the sentence, list or text that a request works on must stand there as it was.

"Correct the grammar. Her and me goes to town." may say "correct" in other words, but not "her and
me goes".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolsynth.evaluation.information_loss.alignment import Alignment
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.information_loss.tokens import Token
from evolsynth.evaluation.text.verbs import VERB, asks

__all__ = ["data_changed"]

#: A request that works on something: "correct the grammar in this sentence", "sort the words".
_WORKS_ON = re.compile(
    r"\b(?:this|these|the|that|following|given|below)\b(?: [\w'-]+){0,3}? (?:sentences?|texts?|"
    r"paragraphs?|passages?|words?|strings?|phrases?|lines?|messages?|lists?|numbers|steps|events|"
    r"items|e-?mails?|notes?|tweets?|reviews?|titles?|headlines?|names|verbs?|statements?|"
    r"requests?|questions?|commands?|instructions?)\b",
    re.I,
)
#: What may itself ask for something: "make this request more polite: turn down your music".
_ORDER = re.compile(
    r"\b(?:this|following)\b.*\b(?:sentence|request|question|command|instruction|message)$", re.I
)
_ENDS = re.compile(r"[.:?!]\s+")
_MOST = 60
#: What changed data says: a word of content is another or gone; only small words are.
_CHANGED, _TOUCHED = 0.7, 0.4


def data_changed(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """The data of a request, where some of it is in the evolution, but not as it was."""
    border = _ENDS.search(old.text)
    if border is None or not VERB.match(old.text):
        return []
    data = old.text[border.end() :]
    works = _WORKS_ON.search(old.text, 0, border.start())
    said = works is not None and _ORDER.search(works.group())
    if works is None or (not said and (VERB.match(data) or asks(data))):
        return []
    own = old.inside(border.end(), len(old.text))
    if not 0 < len(own) <= _MOST or _said([old.tokens[i] for i in own]) in _said(new.tokens):
        return []
    gone = [i for i in own if not _stands(made, i)]
    if not gone or len(gone) == len(own):
        return []
    heavy = [i for i in gone if old.tokens[i].weight >= 0.3 or old.tokens[i].number >= 0]
    if not heavy and len(gone) < 2:
        return []
    first, last = (heavy or gone)[0], (heavy or gone)[-1]
    weight = _CHANGED if heavy else _TOUCHED
    return [old.lose(old.tokens[first].start, old.tokens[last].end, "topic", weight)]


def _said(tokens: Sequence[Token]) -> str:
    return f" {' '.join(token.text.casefold() for token in tokens)} "


def _stands(made: Alignment, i: int) -> bool:
    j = made.place[i]
    return j >= 0 and made.evolved[j].text.casefold() == made.original[i].text.casefold()
