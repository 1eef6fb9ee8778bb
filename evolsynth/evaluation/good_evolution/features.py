"""What an evolution is scored by: signals that two texts give by themselves.

Evol-Instruct's ways of adding (Xu et al. 2023, arXiv:2304.12244, section 3) show in the first words
of a demand: a limit, a ban, a second question, an audience. Most of what makes a demand useless
depends on its kind (a limit must leave room, a ban must bite, a comparison needs something alike)
and on the room that the answer has: a label, a sentence or two, or a whole text. "In 100 words" is
empty where a word is the answer.

No one signal is enough; `score` weighs them. Similarities are of MiniLM vectors for texts and of
its static vectors (Tulkens and van Dongen 2024, model2vec) for words.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evolsynth.evaluation.text.added import demand_added
from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.words import (
    FORM_WORDS,
    Word,
    content,
    plain,
    stem,
    stems,
    vocabulary,
    words,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Contextual, Embedder

__all__ = ["EXPLAINED", "KINDS", "ROOMS", "Addition", "Limit", "Room", "RoomModel", "addition"]
__all__ += ["kinship_texts", "room_features", "room_texts", "signals"]

# How long an answer is ----------------------------------------------------------------------------

#: The rooms, in the order of the weights.
ROOMS = ("label", "sentence", "text")
_BORDER = re.compile(r"(?<=[.?!:])\s+")
_CUES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"\b(?:yes or no|true or false|true, false)\b",
        r"^(?:what|which|who|when|how many|how much|how old)\b",
        r"\b(?:classify|label|tag|detect|identify|decide|determine|find|select|choose|pick|extract"
        r"|return|output|calculate|solve|convert|translate|count|sort|rank|name|evaluate|given"
        r"|correct|replace|fill|is|are|does|tell me (?:if|whether|which)|tell if|answer)\b",
        r"^(?:explain|describe|discuss|plan|create|design|make|how|why|tell me about|compare"
        r"|outline|prepare|develop|draft|compose|give me (?:tips|advice|a recipe|ideas|a plan)"
        r"|write an? (?:short )?(?:story|essay|letter|poem|email|article|review|speech|song|blog"
        r"|script|program|dialogue|conversation|cover|report|persuasive|message))\b",
        r"\b(?:a|one) (?:sentence|word|phrase|title|name|slogan|headline|question|quote|joke"
        r"|caption|synonym)\b",
        r"\b(?:two|three|four|five|some|list|things|ways|tips|examples)\b",
        r"\b(?:rewrite|rephrase|paraphrase|summari[sz]e|sentence)\b",
        r"\b(?:code|program|script|function|sql|python|java|javascript)\b",
        r"\d",
        r":\s",
    )
)


class Room(NamedTuple):
    """The probability of each room; they add up to 1."""

    label: float
    sentence: float
    text: float

    @property
    def words(self) -> float:
        """About how many words an answer has: a geometric mean."""
        logs = self.label * np.log(4) + self.sentence * np.log(25) + self.text * np.log(250)
        return float(np.exp(logs))


class RoomModel(NamedTuple):
    """Weights of shape (3, features) and an intercept of shape (3,)."""

    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def room(self, request: str, embedder: Embedder) -> Room:
        """The room of the answer to ``request``."""
        logits = self.weights @ room_features(request, embedder) + self.intercept
        odds = np.exp(logits - logits.max())
        label, sentence, text = (odds / odds.sum()).tolist()
        return Room(label, sentence, text)


def room_texts(request: str) -> list[str]:
    """The texts whose vectors tell the room: the request and its first sentence."""
    return [request, _BORDER.split(request.strip())[0]]


def room_features(request: str, embedder: Embedder) -> NDArray[np.float64]:
    """What the room is told from: two vectors, cues in the whole and in the first sentence, and
    lengths; of shape (2 d + 22,) for vectors of d dimensions."""
    parts = _BORDER.split(request.strip())
    whole, first = embedder.embed(room_texts(request)).astype(np.float64)
    cues = [float(bool(cue.search(text))) for text in (request, parts[0]) for cue in _CUES]
    lengths = [min(len(request.split()), 60) / 30, len(parts) / 4]
    return np.concatenate([whole, 1.5 * first, 0.3 * np.array(cues + lengths)])


# The demand ---------------------------------------------------------------------------------------

_AND = r"^\W*(?:(?:and|then|also|but) )*"
_PATTERNS = {
    "limit": _AND + r"limit (?:your|the) (?:answer|response)\b(?: to)?",
    "avoid": _AND + r"(?:do not|don't|without|avoid(?:ing)?|never|not)\b"
    r"(?: (?:use|using|mention(?:ing)?|suggest|include|write))?",
    "compare": _AND + r"compar(?:e|ing)\b(?: (?:it|them|this|that))?(?: (?:with|to))?",
    "audience": _AND + r"(?:(?:explain|write|describe) (?:it|them|this) )?for (?!each|every)",
    "include": _AND + r"includ(?:e|ing)\b",
    "format": _AND + r"write (?:the|your) answer as",
    "example": _AND + r"give an example(?: of)?",
    "first": r"^\W*before you answer,?",
    "also": r"^\W*(?:also (?:explain|describe|say|tell|name|give)|(?:and|then)(?: (?:then|also))? "
    r"(?:explain(?:ing)?|describe|say|tell|suggest|show|give|discuss|name)\b"
    r"|(?:and )?(?:for each|why|how|what)\b)",
    "using": _AND + r"us(?:e|ing)\b",
    "in": _AND + r"(?:in|as|at|on|by) ",
}
#: All kinds, ``other`` for what begins in none of the known ways.
KINDS = (*_PATTERNS, "other")
_BEGINS = {kind: re.compile(pattern, re.I) for kind, pattern in _PATTERNS.items()}

_NUMBERS = {**COUNTS, "a": 1, "an": 1, "single": 1, "hundred": 100}
#: How many words an answer of one such unit has, roughly.
_UNITS = {
    "letter": 0.2, "word": 1, "phrase": 4, "thing": 6, "item": 6, "line": 10, "verse": 10,
    "sentence": 15, "point": 15, "bullet": 15, "example": 15, "tip": 20, "step": 20,
    "paragraph": 70, "page": 300,
}  # fmt: skip
_LIMIT = re.compile(
    rf"\b(?P<count>\d{{1,4}}|{'|'.join(_NUMBERS)}) (?:[\w-]+ ){{0,2}}?"
    rf"(?P<unit>{'|'.join(_UNITS)})s?\b",
    re.I,
)
#: Words that fit any request: that they are new says nothing about the subject.
FORM = FORM_WORDS | stems(
    vocabulary(
        """page beginner child person somebody someone people language term follow following same
        only tip detail anything something thing two three four five six seven eight nine ten
        twelve"""
    )
)


class Limit(NamedTuple):
    """A stated length: ``words`` is about how many words an answer of it has, ``rest`` how many
    words follow it in the demand."""

    number: int
    unit: str
    words: float
    rest: int


class Addition(NamedTuple):
    """The demand that an evolution adds.

    ``text`` is all of it, ``body`` without the words that tell its ``kind`` (one of `KINDS`).
    ``new`` are its words of content that the original lacks and that do not fit any request.
    """

    text: str
    kind: str
    body: str
    new: tuple[Word, ...]
    limit: Limit | None


def addition(original: str, evolved: str) -> Addition:
    """The demand that ``evolved`` adds to ``original``; its text is empty where there is none."""
    text = demand_added(original, evolved)
    kind, body = _kind(text)
    known = {word.stem for word in content(original)}
    new = tuple(
        word
        for word in content(body)
        if word.stem not in known and word.stem not in FORM and not word.text.isdigit()
    )
    return Addition(text, kind, body, new, _limit(plain(text)))


def _kind(text: str) -> tuple[str, str]:
    flat = plain(text)
    for kind, begins in _BEGINS.items():
        match = begins.search(flat)
        if match is not None:
            return kind, text[match.end() :].strip() or text
    return "other", text


def _limit(text: str) -> Limit | None:
    match = _LIMIT.search(text)
    if match is None:
        return None
    said, unit = match["count"].lower(), match["unit"].lower()
    count = int(said) if said.isdecimal() else _NUMBERS[said]
    return Limit(count, unit, max(count * _UNITS[unit], 0.2), len(words(text[match.end() :])))


# Signals ------------------------------------------------------------------------------------------

#: What it means where a signal speaks against an evolution, for people.
EXPLAINED = {
    "room": "the demand does not fit the kind of answer that the request has",
    "tight": "the limit leaves too little room for an answer",
    "loose": "the limit is longer than the answer would be anyway",
    "unrelated": "the demand has little to do with the request",
    "repeats": "the demand asks for what the request asks already",
    "rambling": "the demand is long-winded, loops or is not well formed",
    "unclear": "the demand speaks of somebody or something that is not there",
    "impossible": "the demand asks for what a text cannot give or contradicts the request",
    "kind": "few demands of this kind turn out well",
    "wording": "few demands in such words, or for such requests, turn out well",
    "examples": "the evolutions most like it, of requests like this, turned out worse",
}

#: Signals that are set where a pattern is found, in all of the demand or in its body.
_IN_TEXT, _IN_BODY = (
    {name: re.compile(pattern, re.I) for name, pattern in patterns.items()}
    for patterns in (
        {
            "unclear.me": r"\b(?:i|my|me|we|our|us)\b",
            "unclear.who": r"\bwho\b",
            "impossible.any": r"\bany\b",
            "tight.only": r"\bonly\b",
        },
        {
            "unclear.they": r"\b(?:they|them|their)\b",
            "unclear.it": r"\bit\b",
            "unclear.you": r"\b(?:you|your|yourself)\b",
            "unclear.that": r"\bthat\b",
            "unclear.digits": r"\d",
            "unclear.whim": r"\bwho (?:loves?|likes?|wants?|is (?:fascinated|interested|afraid))",
            "repeats.form": r"^(?:words?|phrases?|logic|words and phrases|sentences?|language"
            r"|information|details?)\W*$",
            "repeats.meaning": r"what (?:is|it) (?:is )?mean[ts]?|\bthe topic\b",
            "rambling.cut": r"(?:^|\b(?:to|the|a|of|with|and|or|for|by|in))\W*$",
        },
    )
)
_MALE = re.compile(r"\b(?:he|she|his|him|her|hers)\b", re.I)
_PERSON = re.compile(
    r"\b(?:he|she|his|him|her|man|woman|boy|girl|father|mother|sister|brother|friend|grand\w+|son"
    r"|daughter|uncle|aunt|husband|wife|king|queen|mr|mrs)\b|\bName:",
    re.I,
)
_GENERIC = re.compile(
    r"\b(?:child(?:ren)?|kids?|beginners?|\d+-year-olds?|\w+-year-olds?|teenagers?|students?"
    r"|non-technical|general audience|no (?:prior )?experience|knows? nothing|never (?:heard|seen)"
    r"|grand\w+|adults?|novice|new to)\b",
    re.I,
)
_PICTURE = re.compile(
    r"\b(?:picture|photo|photograph|image|video|map|drawing|link|song recording)s?\b", re.I
)
_EMPTY_BAN = re.compile(
    r"^\W*(?:it|any|any (?:words?|language|sentences?|information|numbers? or words?|characters?)"
    r"|the (?:word|sentence)s?|words?|food|your answer)\b(?: at all| in (?:it|your answer))?\W*$",
    re.I,
)
_PROCEDURE = re.compile(
    r"\b(?:how (?:to|do|can|should)|recipe|instructions?|steps?|teach|plan|routine|guide|fix|"
    r"tips|ways|process|prepare|checklist)\b",
    re.I,
)
_FORM_BAN = re.compile(
    r"^(?:(?:a|any|the|single|more than) )*(?:sentences?|words?|bullet points?|language)"
    r"(?: or [\w ]+)?(?: in .*)?\W*$",
    re.I,
)
_QUOTED = re.compile(r"\"([^\"]+)\"|'([^']+)'")


def signals(original: str, evolved: str, embedder: Contextual, room: Room) -> dict[str, float]:
    """All signals by name, in a fixed order.

    Args:
        room: of the answer to ``original``, see `RoomModel`.
    """
    added = addition(original, evolved)
    known = {word.stem for word in content(original)}
    found = _form(original, evolved, added, known) | _fit(original, added, room, known)
    found |= _kinship(original, evolved, added, embedder)
    for kind in KINDS:
        here = float(added.kind == kind)
        found[f"kind.{kind}"] = here
        found[f"room.label*{kind}"] = here * room.label
        found[f"room.text*{kind}"] = here * room.text
        found[f"unrelated.cosine*{kind}"] = here * (found["unrelated.cosine"] - 0.2)
    found |= {"room.label": room.label, "room.text": room.text}
    return {name: float(value) for name, value in found.items()}


def _form(original: str, evolved: str, added: Addition, known: set[str]) -> dict[str, float]:
    """What the demand says, and how."""
    text, body = plain(added.text), plain(added.body)
    said = words(text)
    about = content(body)
    pairs = [(a.stem, b.stem) for a, b in pairwise(said)]
    shared = [word for word in about if word.stem in known]
    definite = [m[1] for m in re.finditer(r"\bthe ([a-z]+)", body.lower())]
    count = len(words(body))
    names = sum(word[:1].isupper() for word in text.split()[1:])
    found = {name: bool(pattern.search(text)) for name, pattern in _IN_TEXT.items()}
    found |= {name: bool(pattern.search(body)) for name, pattern in _IN_BODY.items()}
    return found | {
        "rambling.words": min(count, 40),
        "rambling.log": math.log1p(count),
        "rambling.long": min(max(0, count - 14), 20),
        "rambling.nothing": len(said) < 2,
        "rambling.open": not re.search(r"[.!?]['\")]*$", evolved.strip()),
        "rambling.sentences": min(len(re.findall(r"[.!?](?=\s|$)", text)), 3),
        "rambling.pairs": (len(pairs) - len(set(pairs))) / max(1, len(pairs)),
        "rambling.twice": (len(about) - len({w.stem for w in about})) / max(1, len(about)),
        "rambling.question": "?" in text and "?" not in original,
        "repeats.share": len(shared) / max(1, len(about)),
        "repeats.original": len(known & {w.stem for w in about}) / max(1, len(known)),
        "repeats.all": bool(shared) and not added.new and added.limit is None,
        "unclear.person": bool(_MALE.search(text)) and not _PERSON.search(original),
        "unclear.the": min(sum(stem(w) not in known | FORM for w in definite), 3),
        "unrelated.names": min(names, 4),
        "impossible.picture": bool(_PICTURE.search(text)) and not _PICTURE.search(original),
        "impossible.joke": "joke" in text.lower() and "joke" not in original.lower(),
    }


def _fit(original: str, added: Addition, room: Room, known: set[str]) -> dict[str, float]:
    """How the demand's own measure fits: its limit, its ban, its audience."""
    body = plain(added.body)
    quoted = " ".join(a or b for a, b in _QUOTED.findall(plain(original)))
    wanted = {word.stem for word in words(quoted)}
    banned = {word.stem for word in content(body)} - FORM
    ban, audience = added.kind == "avoid", added.kind == "audience"
    # what a demand without a limit has: none that is tight or loose
    number, unit, size, rest = added.limit or Limit(0, "", room.words, 0)
    gap = math.log(size / room.words)
    limited = added.limit is not None
    return {
        "tight.gap": max(0.0, -gap - 1),
        "tight.far": gap < -3,
        "tight.one": number == 1 and unit in _SMALL,
        "tight.words": limited and size < 4,
        "tight.room": min(math.log(size) - 3, 0.0) if limited else 0.0,
        "loose.gap": max(0.0, gap),
        "loose.much": gap > 0.7,
        "loose.more": min(rest, 10),
        "loose.steps": unit == "step" and not _PROCEDURE.search(original),
        "rambling.no_limit": added.kind == "limit" and not limited,
        "impossible.wanted": ban and bool(wanted & banned),
        "impossible.ban": ban and bool(_EMPTY_BAN.search(added.body)),
        "impossible.form": ban and bool(_FORM_BAN.search(body)),
        "impossible.other": ban and bool(re.search(r"\b(?:other than|except)\b", body, re.I)),
        "repeats.ban": ban and bool(known & banned),
        "unclear.reader": audience and not _GENERIC.search(added.body),
        "unclear.wordy_reader": audience * min(len(added.new), 6),
    }


_SMALL = {"word", "step", "item", "point", "bullet", "thing", "line"}


def kinship_texts(original: str, evolved: str, added: Addition) -> list[str]:
    """The texts that are compared: request, evolution, demand, its body, the request's parts."""
    parts = [p for p in _BORDER.split(original.strip()) if p] or [original]
    return [original, evolved, added.text or " ", added.body or " ", *parts]


def _kinship(
    original: str, evolved: str, added: Addition, embedder: Contextual
) -> dict[str, float]:
    """How near the demand is to the request: whole texts by MiniLM, words by static vectors."""
    whole, longer, text, body, *rest = embedder.embed(kinship_texts(original, evolved, added))
    pieces = np.stack(rest)
    found = {
        "unrelated.text": float(whole @ text),
        "unrelated.cosine": float(whole @ body),
        "unrelated.moved": float(whole @ longer),
        "unrelated.part": float((pieces @ text).max()),
        "unrelated.body_part": float((pieces @ body).max()),
        "unrelated.back": float(longer @ text),
        "unrelated.none_new": float(not added.new),
    }
    old = [word.text.lower() for word in content(original)]
    near = np.full(1, 0.35)
    if added.new and old:
        rough = embedder.rough()
        fresh = rough.embed([word.text.lower() for word in added.new])
        near = (fresh @ rough.embed(old).T).max(axis=1)
    return found | {
        "unrelated.nearest": float(near.max()),
        "unrelated.farthest": float(near.min()),
        "unrelated.mean": float(near.mean()),
    }
