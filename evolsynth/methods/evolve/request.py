"""What evolving needs to know of a request: where its data begin, and what answer it wants.

"Classify the review. <review>" must not become "Classify the review. <review> Give a reason.": the
demand would read as part of the review. It goes before what is given (`Anchor`).

A demand that fits a poem does not fit a yes-or-no question. Evol-Instruct for small models shows
the model examples of the request's own shape, and begins its demand in words that suit it. The
words that tell a shape are data beside the prompts: ``prompts/evol_instruct/anchored/shapes.txt``.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from evolsynth.evaluation.text.anchor import Anchor, anchor_of
from evolsynth.evaluation.text.finders import PLACES, POLITE, alternatives, finder
from evolsynth.evaluation.text.words import plain
from evolsynth.prompts import prompt_lists

__all__ = ["SHAPES", "Anchor", "Shape", "anchor_of", "shape_of"]

# Shapes -------------------------------------------------------------------------------------------

Shape = Literal[
    "code", "solve", "label", "rewrite", "story", "letter", "ideas", "idea", "howto", "explain"
]
#: All shapes; each has a prompt file of its own.
SHAPES: tuple[Shape, ...] = get_args(Shape)

_WORDS = alternatives(prompt_lists("evol_instruct/anchored/shapes"))


def _found(shape: Shape, *places: str) -> re.Pattern[str]:
    """What finds the words of a shape at any of the places; nothing where it has none."""
    return finder(_WORDS, shape, *places)


_FOUND = {shape: _found(shape, "anywhere", "first", "asked", "made") for shape in SHAPES}
#: What a first word tells where nothing else does.
_AT_LAST = {shape: _found(shape, "at last") for shape in SHAPES}
#: What tells several suggestions from one.
_SEVERAL = re.compile(PLACES["anywhere"] % _WORDS["several"], re.I)
_HOWTO_FIRST = re.compile(r"^\W*(?:how (?:do|can|should|to|would)|what is the best way)\b", re.I)
_RECIPE = re.compile(POLITE + r"(?:give me|write|make|suggest)\b.*\brecipe\b", re.I)
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
