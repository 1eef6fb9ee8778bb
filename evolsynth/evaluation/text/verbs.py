"""What requests ask for: the root verb and its object, "write · poem", and a table of them.

Self-Instruct (Wang et al. 2023, arXiv 2212.10560, figure 3) shows a data set as its most common
root verbs with their direct objects, from a parser. Here a rule finds them, without a model: the
first verb of a lexicon that stands where an imperative stands, and the head of the noun phrase
behind it. It is for English; `python -m evals diversity` measures it on labelled requests. A text
it finds no verb in (a question, a statement, another language) has none; a question is told apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import dropwhile, takewhile

import msgspec

from evolsynth.evaluation.text.finders import AnyCase
from evolsynth.evaluation.text.words import plain, vocabularies, vocabulary, word_lists

__all__ = ["COMMANDS", "SPELLINGS", "VERB", "VERBS", "Root", "RootVerb", "asks", "root", "states"]
__all__ += ["verb_table"]

_WORD_LISTS = word_lists(__file__, "verbs.txt")
_LISTS = vocabularies(__file__, "verbs.txt")
#: British spellings; each -ise that ends a verb of `VERBS` in -ize is found without.
SPELLINGS = dict(pair.split() for pair in _WORD_LISTS["british"])
#: Verbs that requests begin with, in their base form and American spelling.
VERBS = _LISTS["commands"] | _LISTS["openings"]
_DETERMINERS, _PREPOSITIONS = _LISTS["determiners"], _LISTS["prepositions"]
_BOUNDARIES = _PREPOSITIONS | _LISTS["boundaries"]

_LOOKED_AT = 2000  # characters; a request's verb stands near its beginning
_SENTENCE = re.compile(r"(?<=[.!?:;])\s+|\n+")
_TOKEN = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*|\S")
_BULLET = re.compile(r"^\s*(?:[-*•#>]+|\(?\d{1,2}[.)])\s+")
#: Frames that a verb in its base form follows, whatever verb it is.
_FRAME = re.compile(
    r"""(?:(?:can|could|would|will)\ you(?:\ please|\ kindly|\ help\ me(?:\ to)?)?
      | would\ you\ (?:be\ able|be\ so\ kind\ as)\ to
      | how\ (?:do|can|should|would|could|might)\ (?:i|you|we|one|someone|people)(?:\ best)?
      | how\ to
      | i(?:\ want|\ need|\ would\ like|'d\ like)\ (?:you\ )?to
      | i(?:\ would|'d)\ like\ you\ to
      | (?:please\ )?help\ me(?:\ to)?
      | (?:your|the)\ (?:task|job|goal|assignment|aim)\ is\ to
      | you\ (?:must|should|need\ to|have\ to|are\ to|will|are\ asked\ to)
      | (?:be\ sure|make\ sure|try|remember)\ to
      | let's | let\ us)\ """,
    re.VERBOSE,
)
_LEADING = _LISTS["leading"].union(",")
_PRONOUNS = vocabulary("me us him them you")
_ADJECTIVES = vocabulary("past above below inside outside like")
_AFTER_NOUN = re.compile(r"^(is|are|was|were|of|has|:)$")


#: A verb that tells somebody what to do, in American or British spelling.
COMMANDS = (
    _LISTS["commands"]
    | _LISTS["only commands"]
    | {verb[:-3] + "ise" for verb in _LISTS["commands"] if verb.endswith("ize")}
    | {british for british, verb in SPELLINGS.items() if verb in _LISTS["commands"]}
)
_ANY_COMMAND = "|".join(sorted(COMMANDS))
VERB = re.compile(_ANY_COMMAND, re.I)
_ASKS = AnyCase(
    r"\?|\b(?:please|can you|could you|would you|will you|help me|tell me|give me|show me|"
    r"i(?:'d| would) like|i (?:\w+ )?(?:need|want|wish)|need (?:some|help|ideas|advice|to)|"
    r"looking for|searching for|trying to|wondering|curious|how to|your task|you (?:are|will be|"
    r"need|should|must|have)|let's)\b"
)
_COMMANDED = re.compile(
    r"(?:\A|[.!?:,]['\"]?\s+|\n[^\w\n]*|\b(?:then|and|now|briefly|also) )" rf"(?:{_ANY_COMMAND})\b",
    re.I,
)
_STATES = re.compile(
    r"\A(?:the|this|that|these|those|it|he|she|they|we|there|an?|i|i'm|i've|my) ", re.I
)


def asks(text: str) -> bool:
    """Whether a text asks or tells somebody to do something, anywhere in it."""
    return "?" in text or _ASKS.found_in(text) or _COMMANDED.search(text) is not None


def states(text: str) -> bool:
    """Whether a text begins as a statement does ("The", "It", "I")."""
    return bool(_STATES.search(text))


class Root(msgspec.Struct, frozen=True):
    """The verb of a request in its base form, and the singular noun that is its direct object.

    ``verb`` is None where none was found, ``object`` where there is no noun ("Explain why ...").
    ``question`` is the first word of a text that asks without such a verb ("what", "is").
    """

    verb: str | None = None
    object: str | None = None
    question: str | None = None


class RootVerb(msgspec.Struct, frozen=True):
    """A verb, how many texts ask with it, and its most frequent objects, each with its count."""

    verb: str
    count: int
    objects: tuple[tuple[str, int], ...]


def root(text: str) -> Root:
    """The root verb and object of one request.

    >>> root("Could you please write a short poem about rain?")
    Root(verb='write', object='poem', question=None)
    """
    asked: str | None = None
    scene = Root()
    for sentence in _SENTENCE.split(plain(text[:_LOOKED_AT])):
        lower = _BULLET.sub("", sentence).strip().casefold()
        words = _TOKEN.findall(lower)
        words = list(dropwhile(_LEADING.__contains__, words))
        place = _verb_place(words)
        if place is not None:
            found = Root(_base(words[place]), _object(words[place + 1 :]))
            if found.verb not in _LISTS["scenes"]:
                return found
            scene = scene if scene.verb else found
            behind = words.index("and") + 1 if "and" in words else len(words)
            if _is_verb(words, behind):
                return Root(_base(words[behind]), _object(words[behind + 1 :]))
        elif words and words[0] in _LISTS["questions"]:
            asked = words[0].partition("'")[0]
            break
    return scene if scene.verb else Root(question=asked)


def verb_table(roots: Iterable[Root], *, verbs: int = 20, objects: int = 4) -> tuple[RootVerb, ...]:
    """The most frequent verbs, each with its most frequent objects; ties by the alphabet."""
    with_verb = [one for one in roots if one.verb is not None]
    of: dict[str, Counter[str]] = {one.verb: Counter() for one in with_verb if one.verb}
    for one in with_verb:
        if one.verb and one.object:
            of[one.verb][one.object] += 1
    top = _top(Counter(one.verb for one in with_verb if one.verb), verbs)
    return tuple(RootVerb(verb, count, tuple(_top(of[verb], objects))) for verb, count in top)


def _top(counts: Counter[str], limit: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]


def _verb_place(words: Sequence[str]) -> int | None:
    """Where the imperative stands in a sentence."""
    if not words:
        return None
    if words[:3] == ["would", "you", "mind"] and len(words) > 3 and _base(words[3]) in VERBS:
        return 3
    framed = _FRAME.match(" ".join(words) + " ")
    if framed:
        place = _behind_adverbs(words, len(framed.group().split()))
        return place if place < len(words) and words[place].isalpha() else None
    place = _behind_adverbs(words, 0)
    if _is_verb(words, place):
        return place
    if words[0] not in _LISTS["openers"]:
        return None
    for start in (comma + 1 for comma, word in enumerate(words) if word == ","):
        rest = words[start:]
        if _FRAME.match(" ".join(rest) + " ") and rest[0] not in _LISTS["questions"]:
            behind = _verb_place(rest)
            return None if behind is None else start + behind
        place = _behind_adverbs(words, start)
        if _is_verb(words, place):
            return place
    return None


def _behind_adverbs(words: Sequence[str], place: int) -> int:
    """The first place from this one on of a word that does not only say how."""
    while place < len(words) and (
        words[place] in _LISTS["leading"]
        or (words[place].endswith("ly") and words[place] not in ("reply", "apply", "supply"))
    ):
        place += 1
    return place


def _is_verb(words: Sequence[str], place: int) -> bool:
    """Whether a verb in its base form stands there, and not the noun that is spelled alike."""
    if place >= len(words) or _spelled(words[place]) not in VERBS:
        return False
    return place + 1 == len(words) or not _AFTER_NOUN.match(words[place + 1])


def _base(word: str) -> str:
    """The verb in its base form ("explaining": explain)."""
    if word.endswith("ing") and word not in VERBS:
        word = next((w for w in (word[:-3], word[:-3] + "e", word[:-4]) if w in VERBS), word)
    return _spelled(word)


def _spelled(word: str) -> str:
    """American spelling, so that "summarise" and "summarize" are one verb."""
    if word.endswith("ise") and word[:-3] + "ize" in VERBS:
        return word[:-3] + "ize"
    return SPELLINGS.get(word, word)


def _object(words: Sequence[str]) -> str | None:
    """The head of the noun phrase that stands right behind a verb: its last word, mostly."""
    if words and words[0] == "," and "," in words[1:]:  # "Describe, in your own words, ..."
        words = words[words.index(",", 1) + 1 :]
    words = _behind_particles(words)
    if words and words[0] in _PRONOUNS:
        words = words[1:]
    if words[:1] == ["that"] and len(words) > 1 and words[1] in _DETERMINERS:
        return None  # "Prove that the ..."
    phrase: list[str] = []
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else "."
        if word in _DETERMINERS and not phrase:
            if following in _BOUNDARIES - _ADJECTIVES or not following[0].isalnum():
                return None  # "this" by itself
            continue
        if word in _ADJECTIVES and not phrase and place and words[place - 1] in _DETERMINERS:
            continue  # "the past tense"
        if word in _BOUNDARIES or not word[0].isalnum() or _participle(word, following, phrase):
            break
        if word in _DETERMINERS:
            break
        phrase.append(word)
    while phrase and (phrase[-1] in _LISTS["not objects"] or phrase[-1][0].isdigit()):
        phrase.pop()
    if not phrase or (phrase == [words[0]] and phrase[0].endswith("ing")):
        return None
    return _singular(phrase[-1])


def _behind_particles(words: Sequence[str]) -> Sequence[str]:
    """ "up with a name" is "a name"; "in the blank" too, but "in French" stays a place."""
    start = sum(1 for _ in takewhile(_LISTS["particles"].__contains__, words))
    if not start or start == len(words):
        return words
    single = start == 1 and words[0] in ("in", "on", "with", "over", "along")
    if single and not (words[0] == "in" and words[1] in _DETERMINERS):
        return words
    return words[start:]


def _participle(word: str, following: str, phrase: Sequence[str]) -> bool:
    """A word that begins what is said about the noun: "email asking for", "number found in"."""
    if not phrase:
        return False
    if word.endswith("ing"):
        opens = _PREPOSITIONS | _DETERMINERS | {"that", "how", "what", "why", "whether"}
        return following in opens
    past = word.endswith("ed") or word in ("written", "found", "made", "given", "set", "taken")
    return past and (following in _PREPOSITIONS or following == ".")


_IRREGULAR = dict(pair.split() for pair in _WORD_LISTS["plurals"])


def _singular(word: str) -> str:
    word = word.removesuffix("'s").removesuffix("'")
    last = word.rpartition("-")[2]
    if last in _IRREGULAR:
        return word[: len(word) - len(last)] + _IRREGULAR[last]
    if len(last) < 4 or word.endswith(("ss", "us", "is", "ics")) or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes", "oes")):
        return word[:-2]
    return word[:-1]
