"""Counting what stands in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import counted, inside, joined, lists, text

__all__ = ["Counting"]

_CASES = ("words", "letter", "vowels", "starting", "longest", "long")


@problem("counting")
class Counting(Problem):
    """Counting words and letters of a sentence."""

    def draw(self, chance: Random, level: Level) -> Values:
        """A sentence, or the first words of one, and a letter."""
        case = chance.choice(_CASES)
        sentence = chance.choice(lists("sentences"))
        if case in ("letter", "vowels") and level == "small":
            word = chance.choice([w for w in lists("words") if len(w) > 5])
            return {"case": case, "text": word, "letter": chance.choice(word)}
        letters = [c for c in sentence.lower() if c.isalpha()]
        first = [word[0].lower() for word in sentence.split()]
        letter = chance.choice(first if case == "starting" else letters)
        while case == "longest" and _longest(sentence) is None:
            sentence = chance.choice(lists("sentences"))
        return {"case": case, "text": sentence, "letter": letter, "limit": chance.randint(4, 6)}

    def solve(self, values: Values) -> Solution:
        """Word by word."""
        case, given = inside(text(values, "case"), _CASES), text(values, "text")
        some, letter = _words(given), text(values, "letter")
        limit = values.get("limit", 5)
        shown = {
            "letter": letter,
            "limit": str(limit),
            "what": "word" if len(some) == 1 else "sentence",
        }
        if case == "words":
            numbered = ", ".join(f"{word} ({place})" for place, word in enumerate(some, 1))
            return Solution(case, shown, str(len(some)), [numbered], given)
        if case == "starting":
            found = [word for word in some if word.lower().startswith(letter)]
            return _listed(case, shown, found, given)
        if case == "long":
            found = [word for word in some if len(word) > int(limit)]
            return _listed(case, shown, found, given)
        if case == "longest":
            best = _longest(given) or ""
            shown |= {"letters": str(len(best))}
            steps = [", ".join(f"{word} ({len(word)})" for word in some)]
            return Solution(case, shown, best, steps, given)
        sought = "aeiou" if case == "vowels" else letter
        each = [(word, sum(c in sought for c in word.lower())) for word in some]
        total = sum(n for _, n in each)
        shown |= {"times": {1: "once", 2: "twice"}.get(total, f"{total} times")}
        if len(some) == 1:
            inside_word = [c for c in given.lower() if c in sought]
            spelled = " ".join(f"[{c}]" if c.lower() in sought else c for c in given)
            steps = [spelled] if inside_word else []
        else:
            there = [f"{word} ({n})" for word, n in each if n]
            steps = [", ".join(there)] if there else []
        return Solution(case, shown, str(total), steps, given)


def _listed(case: str, shown: dict[str, str], found: Sequence[str], given: str) -> Solution:
    shown |= {"are": "is" if len(found) == 1 else "are", "count": counted(len(found), "word")}
    if len(found) == 0:
        shown |= {"count": "no words"}
    return Solution(
        case, shown, str(len(found)), [f"Found: {joined(found)}"] if found else [], given
    )


def _words(given: str) -> list[str]:
    return [word.strip(".,;:!?") for word in given.split()]


def _longest(given: str) -> str | None:
    """The longest word, if one alone is."""
    some = sorted(_words(given), key=len, reverse=True)
    return some[0] if len(some) == 1 or len(some[0]) > len(some[1]) else None
