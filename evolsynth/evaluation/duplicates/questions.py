"""Whether two alike questions ask the same: by their question word, and by what one of them adds.

"How do I lose weight?" and "How do I lose weight without exercise?" have nearly one meaning to an
embedder, and so have "What is a black hole?" and "Who discovered black holes?". Rules for English.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.text.language import is_english
from evolsynth.evaluation.text.words import content, plain, sentences, stems, vocabulary

__all__ = ["adds_to", "asks_otherwise", "kind_of_question"]

#: What people say before they ask.
_LEADING = re.compile(
    r"\A(?:\W|(?:please|hello|hi|hey|so|ok|okay|well|and|but|also|now|help)\b"
    r"|(?:can|could|would|will|does|do) (?:any|some)(?:one|body)(?: here)?(?: please)? "
    r"(?:tell me|explain(?: to me)?|know|say|help me (?:with|understand))\b"
    r"|(?:(?:can|could|would|will) you )?(?:please )?(?:tell|explain to|give|show)(?: me)?\b"
    r"|i (?:want|would like|need) to know\b|i wonder\b)+",
    re.I,
)
#: Quantities by the words that ask for them; those in one line are one.
_AMOUNTS = {
    word: line.split()[0]
    for line in (
        "much cost price sum amount money expensive",
        "many number population",
        "long length lifespan duration",
        "old age",
        "far distance",
        "big size large area",
        "tall height high",
        "heavy weight",
        "fast speed",
        "often frequency",
        "deep depth",
        "hard difficult easy",
    )
    for word in line.split()
}
_QUANTITIES = stems(_AMOUNTS)
_AMOUNT = re.compile(
    rf"(?:how|what(?:'s| is| was| are)? (?:the )?)\s*({'|'.join(_AMOUNTS)})\b", re.I
)
_OF_TIME = re.compile(r"how many (?:years|months|weeks|days|hours|minutes)\b", re.I)
#: The first that matches tells. Nothing is said of "What makes ..." and the like, which ask for a
#: reason or a way.
_KINDS = tuple(
    (name, re.compile(f"(?:{pattern})\\b", re.I))
    for name, pattern in (
        (
            "way",
            r"what(?:'s| is| are| would be)(?: (?:the|a|an|some|any))?(?: \w+){0,2}? "
            r"(?:ways?|methods?|steps?|procedure|technique)"
            r"|(?:is|are) there (?:an?|any|some)(?: \w+)? ways?"
            r"|what (?:can|should|could|must|do) (?:i|you|we|one|people) (?:have to )?do"
            r"|what helps",
        ),
        (
            "reason",
            r"why|how come|for (?:what|which) (?:reason|purpose)"
            r"|what(?:'s| is| are| was| were) the(?: \w+){0,2}? (?:reason|cause|purpose)s?",
        ),
        ("when", r"when|(?:(?:in|on|at|by) )?(?:which|what) (?:year|day|time|month|age|century)"),
        (
            "where",
            r"where|(?:in|on|at|from|to) (?:which|what) "
            r"(?:place|country|city|town|website|site|shop)",
        ),
        ("who", r"who|whom|whose"),
        ("?", r"what (?:makes?|made|causes?|caused|keeps?|kept|leads?|led)|what is it"),
        ("way", r"how"),
        ("what", r"what"),
        ("which", r"which"),
        (
            "yes or no",
            r"is|are|am|was|were|do|does|did|can|could|should|would|will|has|have|had|may|must",
        ),
    )
)
#: Kinds that may ask for the same in other words; all other pairs do not.
_MAY_BE_ONE = {
    frozenset(pair.split(", "))
    for pair in (
        "what, which",
        "what, way",
        "which, way",
        "what, where",
        "which, where",
        "which, who",
        "which, when",
        "which, yes or no",
    )
}
#: Words of content that a question may have or lack and ask the same.
_FRAME = stems(
    vocabulary(
        """best good better great right proper perfect perfectly nice way ways method step thing
        things stuff people person man someone somebody anyone anybody help please tell explain know
        say get go make made do does use need want would like reason cause purpose kind type sort
        really truly actually exactly ever just also possible able okay advice question answer word
        different exist off out up away"""
    )
)
#: The part of its words that a question adds at least: of a long one, one word more is none.
_A_PART = 0.1


class _Question(NamedTuple):
    """What is asked for, empty where it cannot be told, and the words of content around that."""

    kind: str
    meant: frozenset[str]


def kind_of_question(text: str) -> str:
    """What the question of a text asks for ("why" and "what is the reason": a reason).

    Empty where it cannot be told: there is no question, or there are several.
    """
    return _read(text).kind


@lru_cache(maxsize=4096)
def _read(text: str) -> _Question:
    flat = plain(text)
    asked = [s for s in sentences(flat) if s.rstrip().endswith("?")]
    if len(asked) != 1 or not is_english(text):
        return _Question("", frozenset())
    question = asked[0].strip()
    led = _LEADING.match(question)
    question = question[led.end() :] if led else question
    kind, opening = _opened(question)
    rest = flat.replace(question, question[len(opening) :])
    meant = frozenset(word.stem for word in content(rest)) - _FRAME
    # "Is it hard ...?" says a word that is part of "How hard is it ...?"
    return _Question(kind, meant - _QUANTITIES if kind == "yes or no" else meant)


def _opened(question: str) -> tuple[str, str]:
    """What a question asks for, and the words that say so."""
    if (time := _OF_TIME.match(question)) is not None:
        return "amount: long", time.group()
    if (amount := _AMOUNT.match(question)) is not None:
        return f"amount: {_AMOUNTS[amount[1].lower()]}", amount.group()
    found = ((name, pattern.match(question)) for name, pattern in _KINDS)
    name, match = next(((name, match) for name, match in found if match), ("?", None))
    return ("" if name == "?" else name), match.group() if match else ""


def asks_otherwise(one: str, other: str) -> bool:
    """Whether two questions ask for different things: a reason and a way, a place and a time."""
    a, b = kind_of_question(one), kind_of_question(other)
    if not a or not b or a == b or frozenset((a, b)) in _MAY_BE_ONE:
        return False
    amounts = [kind for kind in (a, b) if kind.startswith("amount")]
    # "What does it cost?" and "How much is it?"; "Is it hard?" and "How hard is it?"
    return len(amounts) != 1 or not {a, b} & {"what", "yes or no"}


def adds_to(one: str, other: str) -> bool:
    """Whether one of two questions says all that the other does, and more: a qualifier.

    "... without exercise", "... in a car". What questions may have or lack ("the best way",
    "please") is none.
    """
    a, b = _read(one), _read(other)
    if not a.kind or not b.kind:
        return False
    less, more = sorted((a.meant, b.meant), key=len)
    return less < more and len(more - less) >= _A_PART * len(more)
