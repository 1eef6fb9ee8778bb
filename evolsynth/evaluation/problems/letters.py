"""Words taken apart: backwards, initials, capitals, replaced letters."""

from __future__ import annotations

from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import inside, lists, pick, text

__all__ = ["Letters"]

_CASES = ("reverse", "initials", "upper", "title", "swap", "alphabet", "reorder", "every")


@problem("letters")
class Letters(Problem):
    """Strings: a word backwards, initials, capitals, replaced letters, words in reverse."""

    def draw(self, chance: Random, level: Level) -> Values:
        """A word, a phrase or a sentence."""
        case = chance.choice(_CASES)
        if case in ("initials", "upper", "title"):
            return {"case": case, "text": chance.choice(lists("phrases"))}
        if case in ("reorder", "every"):
            n = chance.randint(4, 5) if level == "small" else chance.randint(6, 9)
            return {"case": case, "text": ", ".join(pick(chance, "words", n))}
        if case == "swap":
            pairs = [pair.split("/") for pair in lists("swaps")]
            fitting = [
                (sentence, old, new)
                for old, new in pairs
                for sentence in lists("sentences")
                if old in sentence.rstrip(".").split() and new not in sentence.split()
            ]
            sentence, old, new = chance.choice(fitting)
            return {"case": case, "text": sentence, "old": old, "new": new}
        size = (4, 6) if level == "small" else (7, 9)
        some = [w for w in lists("words") if size[0] <= len(w) <= size[1]]
        return {"case": case, "text": chance.choice(some)}

    def solve(self, values: Values) -> Solution:
        """Letter by letter, or word by word."""
        case, given = inside(text(values, "case"), _CASES), text(values, "text")
        some = given.split(", ")
        shown = {"text": given}
        if case == "reverse":
            answer = given[::-1]
            steps = [f"The letters are {', '.join(given)}.", f"Backwards: {', '.join(answer)}."]
            return Solution(case, shown, answer, steps)
        if case == "alphabet":
            answer = "".join(sorted(given))
            steps = [f"The letters are {', '.join(given)}.", f"From a to z: {', '.join(answer)}."]
            return Solution(case, shown, answer, steps)
        if case == "initials":
            words = given.split()
            answer = "".join(word[0].upper() for word in words)
            steps = [", ".join(f"{word} → {word[0].upper()}" for word in words)]
            return Solution(case, shown, answer, steps)
        if case == "swap":
            old, new = text(values, "old"), text(values, "new")
            shown |= {"old": old, "new": new}
            changed = [_replaced(word, old, new) for word in given.split()]
            return Solution(case, shown, " ".join(changed), [], given)
        answer = {
            "upper": given.upper(),
            "title": " ".join(word[:1].upper() + word[1:] for word in given.split()),
            "reorder": ", ".join(reversed(some)),
            "every": ", ".join(some[1::2]),
        }[case]
        about = given if case in ("reorder", "every") else ""
        return Solution(case, shown, answer, [], about)


def _replaced(word: str, old: str, new: str) -> str:
    bare = word.strip(".,")
    return word.replace(old, new) if bare == old else word
