"""How many and how far, in what words: see quantifiers.py and focus.py; and what a word may be now.

"Red" became "red or green", "a hammer" became "a tool". For English.
"""

from __future__ import annotations

from evolsynth.evaluation.information_loss.alignment import Alignment, copying, gap, together
from evolsynth.evaluation.information_loss.focus import Agreed, focused
from evolsynth.evaluation.information_loss.polarity import Side
from evolsynth.evaluation.information_loss.quantifiers import Phrases, quantified
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.text.lexicon import kind_of
from evolsynth.evaluation.text.words import NEGATORS, vocabulary

__all__ = ["alternatives", "scopes", "widened"]

#: What an "or" says that came.
_OR = 0.85
#: What a word says that became a wider one.
_WIDER = 0.75
#: The share around a word that was copied in a text that was edited rather than rewritten.
_EDITED = 0.7


#: Words behind a denial that are looked at.
_NEARBY = 8


def scopes(
    old: Reading, new: Reading, made: Alignment, sides: tuple[Side, Side] | None = None
) -> Agreed:
    """Quantifiers, exceptions and conditions that became others, and the tokens of those that say
    the same in other words.

    Args:
        sides: both texts with their signs, where they are known already.
    """
    mine, theirs = sides or (Side(old), Side(new))
    found = focused(mine, theirs, made)
    quantified(Phrases.of(mine), Phrases.of(theirs), made, found)
    return found


def widened(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Words in whose place a wider one stands: "write about a hammer", "about a tool"."""
    losses: list[Loss] = []
    for i, token in enumerate(old.tokens):
        if token.weight < 0.4 or made.same[i]:
            continue
        hole = gap(made, i)
        if not hole.tight or hole.end - hole.start > 4 or hole.stop - hole.begin > 4:
            continue
        if copying(made, [i], around=i) < _EDITED:
            continue  # where much was rewritten, a wider word is mostly a synonym
        for j in range(hole.begin, hole.stop):
            wider = new.tokens[j]
            if made.of[j] in (-1, i) and wider.weight > 0 and kind_of(token.text, wider.text):
                losses.append(old.lose(token.start, token.end, "topic", _WIDER, wider.text))
                break
    return losses


_OPEN = vocabulary("or")
#: "Yes or no" asks for an answer.
_CLOSED = vocabulary("not no so less fewer false")


def alternatives(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """An "or" that came behind or before a word that was copied, and lets one take another."""
    losses: list[Loss] = []
    for j, token in enumerate(new.tokens):
        if token.text.casefold() not in _OPEN or made.of[j] >= 0:
            continue
        if (
            j < 1
            or j > len(new.tokens) - 2
            or _under_denial(new, j)
            or new.apart(j - 1, j + 1, ".;:!?,\n()")
        ):
            continue
        left = _copied(new, made, range(j - 1, max(-1, j - 4), -1))
        right = _copied(new, made, range(j + 1, min(len(new.tokens), j + 4)))
        if (left is None) != (right is None) and _was_open(old, left, right):
            continue  # it was there before
        joined = left is not None and right is not None and _and_between(old, left, right)
        if left is not None and right is not None and not joined:
            continue  # both were there before, in other words
        if new.tokens[j + 1].text.casefold() in _CLOSED and not joined:
            continue
        i = left if left is not None else right
        if i is None or not together(old, new, made, i, j):
            continue
        word = old.tokens[i]
        near = (k for k in range(j + 1, min(len(new.tokens), j + 4)) if new.tokens[k].weight > 0)
        last = next(near, j + 1)
        first = j - 1
        became = new.text[new.tokens[first].start : new.tokens[last].end]
        losses.append(old.lose(word.start, word.end, "option", _OR, became))
    return losses


def _was_open(old: Reading, left: int | None, right: int | None) -> bool:
    """Whether an "or" stood already behind the one word, or before the other."""
    if left is not None:
        near = range(left + 1, min(len(old.tokens), left + 4))
    else:
        near = range((right or 0) - 1, max(-1, (right or 0) - 4), -1)
    for k in near:
        if old.apart(min(k, left or k), max(k, right or k), ".;:!?\n()"):
            return False
        if old.tokens[k].text.casefold() in _OPEN:
            return True
        if old.tokens[k].weight > 0:
            return False
    return False


def _under_denial(new: Reading, j: int) -> bool:
    """Whether an "or" stands behind a denial, where it says the same as "and"."""
    for k in range(j - 1, max(-1, j - _NEARBY - 1), -1):
        if new.apart(k, k + 1):
            return False
        if new.tokens[k].key in NEGATORS or new.tokens[k].text.casefold() == "whether":
            return True
    return False


def _and_between(old: Reading, i: int, k: int) -> bool:
    """Whether two words near one another were joined by "and"."""
    between = old.tokens[i + 1 : k] if i < k <= i + 6 else []
    return any(token.text.casefold() == "and" for token in between)


def _copied(new: Reading, made: Alignment, near: range) -> int | None:
    """What the nearest word with content stands for, if it was copied."""
    for j in near:
        if new.tokens[j].weight > 0 or new.tokens[j].number >= 0:
            i = made.of[j]
            return i if i >= 0 and made.same[i] else None
        if new.tokens[j].text.casefold() in ("and", "or"):
            return None
    return None
