"""The shape of a request: what kind of answer it wants, told from its words alone.

A demand that fits a poem does not fit a yes-or-no question. Evol-Instruct for small models shows
the model examples of the request's own shape, and begins its demand in words that suit it. The
words that tell are data beside the prompts: ``prompts/evol_instruct/anchored/shapes.txt``.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from evolsynth.evaluation.text.words import plain
from evolsynth.prompts import prompt_lists

__all__ = ["SHAPES", "Shape", "shape_of"]

Shape = Literal[
    "code", "solve", "label", "rewrite", "story", "letter", "ideas", "idea", "howto", "explain"
]
#: All shapes; each has a prompt file of its own.
SHAPES: tuple[Shape, ...] = get_args(Shape)

_POLITE = r"^\W*(?:please |can you |could you )?"
_MAKE = r"(?:write|create|compose|generate|draft|make|produce|give me|come up with|tell)"
_THE = (
    r"(?!(?:me |us )?(?:why|if|whether|about|how|what)\b)(?:me |us )?"
    r"(?:an? |the |some |one |two |three |\d+ )?(?:[\w'-]+ ){0,3}?"
)
#: Where the words of a list stand: see the file.
_PLACES = {
    "anywhere": r"\b(?:%s)\b",
    "first": r"^\W*(?:%s)\b",
    "asked": rf"{_POLITE}(?:%s)\b",
    "made": rf"\b{_MAKE} {_THE}(?:%s)s?\b",
    "at last": rf"{_POLITE}(?:%s)\b",
}
_WORDS = {
    name: "|".join(word for line in lines for word in line.split(" | "))
    for name, lines in prompt_lists("evol_instruct/anchored/shapes").items()
}


def _found(shape: Shape, *places: str) -> re.Pattern[str]:
    """What finds the words of a shape at any of the places; nothing where it has none."""
    parts = [_PLACES[p] % words for p in places if (words := _WORDS.get(f"{shape}: {p}"))]
    if not parts:
        return re.compile("(?!)")
    behind = _WORDS.get(f"{shape}: not before")
    return re.compile("|".join(parts) + (f"(?! (?:{behind}))" if behind else ""), re.I)


_FOUND = {shape: _found(shape, "anywhere", "first", "asked", "made") for shape in SHAPES}
#: What a first word tells where nothing else does.
_AT_LAST = {shape: _found(shape, "at last") for shape in SHAPES}
#: What tells several suggestions from one.
_SEVERAL = re.compile(_PLACES["anywhere"] % _WORDS["several"], re.I)
_HOWTO_FIRST = re.compile(r"^\W*(?:how (?:do|can|should|to|would)|what is the best way)\b", re.I)
_RECIPE = re.compile(_POLITE + r"(?:give me|write|make|suggest)\b.*\brecipe\b", re.I)
#: A question that is answered by a label though it begins as if it wanted an explanation.
_WANTS_LABEL = re.compile(
    r"\b(?:following|given|this|the) (?:\w+ )?(?:sentence|text|word|pair|paragraph|statement"
    r"|list|passage|review)s?\b|^\W*what (?:is|was|are) the (?:name|capital|colou?r|date|year"
    r"|number|opposite|plural|past|author|largest|smallest|longest|highest|first|last|chemical"
    r"|currency|main)\b",
    re.I,
)


def shape_of(request: str) -> Shape:
    """The shape of a request, which is best given without the data that it works on.

    By rules, the more telling first; English. What nothing tells of is to be explained.
    """
    text = plain(request).strip()
    if _FOUND["code"].search(text):
        return "code"
    if _HOWTO_FIRST.search(text):
        return "howto"
    if _RECIPE.search(text) or re.search(r"\bchecklists?\b", text, re.I):
        return "howto"
    if re.search(r"^\W*(?:which|what) \w+ (?:should|can|could) (?:i|we|you)\b", text, re.I):
        return "ideas"
    if re.search(r"\b(?:definition|meaning) of\b", text, re.I):
        return "explain"
    for shape in ("solve", "story", "letter", "rewrite"):
        if _FOUND[shape].search(text):
            return shape
    if _FOUND["explain"].search(text) and not _WANTS_LABEL.search(text):
        return "explain"
    for shape, found in _FOUND.items():
        if shape != "explain" and found.search(text):
            return _counted(shape, text)
    found_first = (shape for shape, begins in _AT_LAST.items() if begins.search(text))
    return _counted(next(found_first, "explain"), text)


def _counted(shape: Shape, text: str) -> Shape:
    """One suggestion or several; what is written in several pieces is a list too."""
    several = _SEVERAL.search(text) is not None
    if shape in ("ideas", "idea"):
        return "ideas" if several else "idea"
    return "ideas" if shape == "letter" and several and not _FOUND["letter"].search(text) else shape
