"""Word problems of reasoning-gym's gsm_symbolic: those of its templates that read well, where every
sum in the steps holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from evolsynth.evaluation.problems.problem import Solution

__all__ = ["gsm", "sums_hold"]

_TAIL = "Give the result as your final answer. Do not include units."
#: Words that tell a template whose questions were read and found good.
_GOOD = (
    "bouncy balls came in the tube", "stopped being penpals", "bills. He buys",
    "she spend playing these games", "ride the biggest slide", "Snapchat friends does",
    "times as many friends on Snapchat", "one game of bowling", "won't be able to place",
    "per hour and gets a", "baking sheets worth", "total price of the", "hires the accountant",
    "juggler can juggle", "has various hobbies", "how many days will the", "dozens of eggs",
    "pages does", "How much was the total cost", "cubes are there", "average of their ages",
    "of her spools are", "landscaper works", "tickets would each graduate", "shares of a stock",
    "net proceeds from", "kids are in the playground",
    "apartment complexes", "How old is",
)  # fmt: skip
_BAD = re.compile(r"\d\.0\b|\d\.\d{3,}|[•√]|Let's|\b1 (?!and|of|each|per|to|more|in|x|is)[a-z]+s\b")
_FIGURE = r"[$€£]?\d[\d,]*+(?:\.\d++)?+"
#: A sum with its result, or figures that are none: these too are walked over once and not again
#: from each of their digits.
_SUM = re.compile(
    rf"({_FIGURE}(?:\s*+[-+*x×/÷]\s*+{_FIGURE})++)"
    rf"(?:(?:\s[a-z-]++){{0,3}}+\s*+=\s*+({_FIGURE}))?+|{_FIGURE}"
)
_TERM = re.compile(r"(?:([-+*x×/÷])\s*+)?+[$€£]?(\d[\d,]*+(?:\.\d++)?+)")


def sums_hold(text: str) -> bool:
    """Whether each sum ("3 × 4 = 12") that a text tells is right."""
    sums = [found for found in _SUM.finditer(text) if found[2]]
    return all(_value(found[1]) == _number(found[2]) for found in sums)


def _number(text: str) -> Fraction:
    return Fraction(text.strip("$€£").replace(",", ""))


def _value(sum_told: str) -> Fraction | None:
    """The value of a sum, multiplication first."""
    terms: list[Fraction] = []
    for sign, digits in _TERM.findall(sum_told):
        value = _number(digits)
        if sign in ("*", "x", "×"):
            terms[-1] *= value
        elif sign in ("/", "÷"):
            if not value:
                return None
            terms[-1] /= value
        else:
            terms.append(-value if sign == "-" else value)
    return sum(terms, Fraction(0))


def gsm(entry: Mapping[str, Any]) -> Solution | None:
    """An entry in plain words, with its own steps; None where it reads badly or a sum is wrong."""
    question = str(entry["question"]).replace(_TAIL, "").strip()
    steps = [line.strip() for line in str(entry["metadata"]["answer_cot"]).splitlines()]
    steps = [line.replace(" * ", " × ").replace(" x ", " × ") for line in steps if line]
    steps = [line for line in steps if not line.startswith("####")]
    told = "\n".join([question, *steps])
    if not any(words in question for words in _GOOD) or _BAD.search(told):
        return None
    answer = str(entry["answer"])
    if not answer.isdecimal() or not sums_hold(told) or not steps:
        return None
    return Solution("question", {"question": question}, answer, steps)
