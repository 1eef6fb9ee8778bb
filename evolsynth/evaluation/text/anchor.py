"""A request, and behind it what it works on: "Classify the review. <review>" (`anchor_of`).

For English.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from evolsynth.evaluation.text.verbs import root
from evolsynth.evaluation.text.words import plain

__all__ = ["Anchor", "anchor_of"]

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
