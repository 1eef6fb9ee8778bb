"""What evolving needs to know of a request: where its data begin, and what answer it wants.

"Classify the review. <review>" must not become "Classify the review. <review> Give a reason.": the
demand would read as part of the review. It goes before what is given (`Anchor`).

A demand that fits a poem does not fit a yes-or-no question. Evol-Instruct for small models shows
the model examples of the request's own shape, and begins its demand in words that suit it. The
words that tell a shape are data beside the prompts: ``prompts/evol_instruct/anchored/shapes.txt``.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, get_args

from evolsynth.evaluation.text.verbs import root
from evolsynth.evaluation.text.words import plain
from evolsynth.prompts import prompt_lists

__all__ = ["SHAPES", "Anchor", "Shape", "anchor_of", "shape_of"]

# Request and data ---------------------------------------------------------------------------------

_SENTENCE = re.compile(r"(?<=[.?!])\s+")
_GIVEN = re.compile(
    r"\b(?:the|this|these|those|each|following|given|below|its)\b(?: \w+){0,3}? ?"
    r"(?:sentences?|texts?|words?|paragraphs?|statements?|claims?|reviews?|passages?|lists?|"
    r"numbers?|phrases?|pairs?|questions?|messages?|e-?mails?|comments?|headlines?|code|poems?|"
    r"story|stories|stor(?:y|ies)|articles?|dialogues?|conversations?|tweets?|titles?|items?|"
    r"names?|symptoms?|ingredients?|data|date|idioms?|proverbs?|sayings?|quotes?|quotations?|facts?|"
    r"options?|events?|steps?|letters?|posts?|replies|reply|descriptions?|reports?|recipes?|lines?|"
    r"equations?|expressions?|functions?|definitions?|animals?|cit(?:y|ies)|countr(?:y|ies)|"
    r"products?|verbs?|nouns?|adjectives?|arguments?|opinions?|requests?|riddles?|jokes?|"
    r"following|given|below)\b",
    re.I,
)
_RULE = re.compile(
    r"^(?:output|return|answer|if|otherwise|use|your|do not|don't|only|the (?:answer|output|"
    r"result)|possible|options?|choose|keep|it should|they should|make sure|please|also|then"
    r"|try)\b",
    re.I,
)
#: "Claim: ...", "List: ...": what is given has a name.
_LABEL = re.compile(r"[A-Z][\w-]*(?: [\w-]+){0,2}: \S")
_SHOWN = 60  # words of the data that a small model is shown


class Anchor(NamedTuple):
    """A request, and behind it what it works on; ``gap`` is the white space between them.

    ``given`` is empty where nothing is given, or where it could not be told apart.
    """

    request: str
    gap: str = ""
    given: str = ""

    @property
    def shown(self) -> str:
        """The data in one line, cut after 60 words, for a prompt."""
        said = self.given.split()
        return " ".join(said[:_SHOWN]) + (" ..." if len(said) > _SHOWN else "")

    def before(self, connector: str) -> str:
        """The request with the end that ``connector`` can follow.

        One in lower case goes on in the request's own sentence; any other begins the next.
        """
        text = self.request.strip()
        if connector[:1].islower():
            return text.rstrip(" .?!:;,")
        if self.given and text.endswith((":", ",")):
            return f"{text[:-1].rstrip()}."
        return text if text.endswith((".", "!", "?", '"', ")", "`", ":", "”")) else f"{text}."

    def with_demand(self, before: str, demand: str) -> str:
        """The whole request again, with ``demand`` behind what `before` gave."""
        text = f"{before} {demand.strip()}"
        if demand[:1].islower() and self.request.strip().endswith("?"):
            text = f"{text.rstrip('.?!')}?"
        return f"{text}{self.gap}{self.given}" if self.given else text


def anchor_of(instruction: str) -> Anchor:
    """Take an instruction apart. All of its words are in the parts, in their order.

    In several lines: the first paragraph, or else the first line, is the request, unless the last
    line asks and the first does not. In one line: what follows a sentence that speaks of "the
    sentence", "the following list" and so on is given, unless it may be asking, and so is what has
    a name in front ("Claim: ...").
    """
    text = instruction.strip()
    lines = re.search(r"\s*\n\s*\n\s*|\s*\n\s*", text)
    if lines is None:
        return _in_line(text)
    paragraph = re.search(r"\s*\n\s*\n\s*", text)
    cut = paragraph or lines
    head, given = text[: cut.start()], text[cut.end() :]
    last = given.rstrip().rpartition("\n")[2]
    if not _orders(head) and last.endswith("?"):
        return Anchor(text)
    return Anchor(head, cut.group(), given)


def _in_line(text: str) -> Anchor:
    found = False
    for border in _SENTENCE.finditer(text):
        head, rest = text[: border.start()], text[border.end() :]
        following = _SENTENCE.split(rest, maxsplit=1)[0]
        found = found or _GIVEN.search(head) is not None
        if _LABEL.match(rest) or (found and not _RULE.search(following)):
            plainly = _LABEL.match(rest) or not (_asks(following) or _asks_at_end(rest))
            return Anchor(head, "\n\n", rest) if plainly else Anchor(text)
    return Anchor(text)


def _asks_at_end(rest: str) -> bool:
    """Whether the last of several sentences is a question or an order: the request may be there."""
    *before, last = _SENTENCE.split(rest)
    return bool(before) and _asks(last)


def _orders(text: str) -> bool:
    """Whether a text may be the request: it orders, asks, or leads on to something."""
    return _asks(text) or ":" in text


def _asks(sentence: str) -> bool:
    found = root(plain(sentence))
    return found.verb is not None or found.question is not None or "?" in sentence


# Shapes -------------------------------------------------------------------------------------------

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
