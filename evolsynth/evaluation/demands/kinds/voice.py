"""Demands on who speaks, to whom, and how: persons, contractions, questions, examples, emoji; and
the choice among given answers.

`choice` is IFBench's options, and with sentences for answers IFEval's constrained_response;
`pronouns_at_least` is IFBench's count:pronouns. What passes here passes there.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from evolsynth.evaluation.demands.demand import GIVEN, LISTS, SHAPES, Asked, Miss, kind
from evolsynth.evaluation.demands.reading import has_code, sentence_places
from evolsynth.evaluation.text.task import Task
from evolsynth.evaluation.text.words import plain, vocabularies, word_lists
from evolsynth.options import Count

__all__ = ["addresses_you", "asks_questions", "choice", "gives_examples", "no_contractions"]
__all__ += ["no_first_person", "pronouns_at_least", "uses_contractions", "uses_emoji"]

_LISTS, _LINES = vocabularies(__file__, "voice.txt"), word_lists(__file__, "voice.txt")
_PROSE: tuple[Task, ...] = ("explanation", "advice", "creative", "letter", "opinion")
_CLASHES = ("data", "language", "choice")
_NO_MARKS = str.maketrans("", "", string.punctuation)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")

# Contractions -------------------------------------------------------------------------------------

_CONTRACTION = re.compile(
    r"\b(?:[a-z]{1,12}n't|(?:i|you|we|they|he|she|it|that|there|who|what|this|these|those)'(?:re|ll|ve|d)|"
    r"i'm|(?:he|she|it|that|there|here|what|who|where|when|how|let)'s|"
    r"(?:would|could|should|might|must)'ve|y'all)(?!\w)",
    re.I,
)
_UNDONE = dict(line.split(None, 1) for line in _LINES["written out"])
_HAD = re.compile(r"\s{1,3}(?:better|been)\b", re.I)
_WOULD = re.compile(rf"\s{{1,3}}(?:{'|'.join(sorted(_LISTS['behind would']))})\b", re.I)
_HAS = re.compile(r"\s{1,3}(?:already |always |never |just |also )?(?:been|got|become|had)\b", re.I)


def _contractions(response: str) -> list[re.Match[str]]:
    return list(_CONTRACTION.finditer(plain(response)))


@kind(
    "no_contractions",
    about="contractions",
    tasks=(*_PROSE, "conversation", "howto"),
    clashes=(*_CLASHES, "beginning", "ending", "request"),
)
def no_contractions(response: str) -> Miss | None:
    """No "don't", "it's" or "we'll"; possessives are none ("Anna's", "the dog's")."""
    for match in _contractions(response):
        return Miss(f'"{match.group()}" is a contraction.', match.span())
    return None


@no_contractions.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {}


@no_contractions.applies
def _(response: str) -> str:
    if has_code(response):
        return ""
    made, since = [], 0
    for match in _contractions(response):
        long = _written_out(match)
        if not long:
            return ""
        made += [response[since : match.start()], long]
        since = match.end()
    return "".join([*made, response[since:]])


def _written_out(match: re.Match[str]) -> str:
    """A contraction in full, in the case of its first letter; empty where two could be meant."""
    short = match.group().lower()
    base, _, ending = short.partition("'")
    if short in _UNDONE:
        long = _UNDONE[short]
    elif short.endswith("n't"):
        long = f"{short[:-3]} not"
    elif ending == "s":
        long = f"{base} {'has' if _HAS.match(match.string, match.end()) else 'is'}"
    elif ending == "d":
        had, would = (p.match(match.string, match.end()) for p in (_HAD, _WOULD))
        long = f"{base} {'had' if had else 'would'}" if had or would else ""
    else:
        long = f"{base} {_LONG[ending]}" if ending in _LONG else ""
    if not long:
        return ""
    if match.group().isupper() and len(base) > 1:
        return long.upper()
    long = f"I{long[1:]}" if base == "i" else long
    return long[0].upper() + long[1:] if match.group()[0].isupper() else long


_LONG = {"re": "are", "ll": "will", "ve": "have", "m": "am"}


@kind(
    "uses_contractions",
    about="contractions",
    tasks=("advice", "letter", "conversation", "opinion", "creative"),
    clashes=_CLASHES,
)
def uses_contractions(response: str, *, n: Count) -> Miss | None:
    """So many contractions.

    Args:
        n: The fewest.
    """
    found = len(_contractions(response))
    return None if found >= n else Miss(f"It has {found} contractions; {n} were asked for.")


@uses_contractions.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": chance.randint(2, 2 + asked.round)} if asked.words >= 40 else None


# Persons ------------------------------------------------------------------------------------------


@kind(
    "no_first_person",
    about="person",
    tasks=("explanation", "advice", "howto", "opinion", "fact"),
    clashes=(*_CLASHES, *GIVEN, "keywords"),
)
def no_first_person(response: str) -> Miss | None:
    """No "I", "me", "my", "we", "us", "our" and the like; "I." may be a number."""
    for match in _WORD.finditer(plain(response)):
        word = match.group().partition("'")[0]
        is_person = word.lower() in _LISTS["first person"] and word != "US"
        if is_person and not _NUMERAL.match(response, match.start()):
            return Miss(f'"{match.group()}" is of the first person.', match.span())
    return None


#: "I." of a list, "i.e.", "World War I", "Type I".
_NUMERAL = re.compile(
    r"^I[.)]\s|(?<=\n)I[.)]\s|i(?=[.)])|"
    r"(?:(?<=War )|(?<=Part )|(?<=Type )|(?<=Act )|(?<=Phase )|(?<=Class )|(?<=Level ))I\b"
)


@no_first_person.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {}


@kind(
    "addresses_you",
    about="person",
    tasks=("advice", "howto", "letter", "explanation"),
    clashes=_CLASHES,
)
def addresses_you(response: str, *, n: Count) -> Miss | None:
    """ "You" or "your" and their forms so often.

    Args:
        n: The fewest times.
    """
    words = (m.group().partition("'")[0].lower() for m in _WORD.finditer(plain(response)))
    found = sum(word in _LISTS["second person"] for word in words)
    return None if found >= n else Miss(f'It says "you" or "your" {found} times, not {n}.')


@addresses_you.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": chance.randint(2, 2 + asked.round)} if asked.words >= 40 else None


@kind(
    "pronouns_at_least",
    about="person",
    tasks=("letter", "creative", "conversation", "opinion", "advice"),
    clashes=_CLASHES,
)
def pronouns_at_least(response: str, *, n: Count) -> Miss | None:
    """So many personal and possessive pronouns, those in contractions ("we'll") not counted.

    Args:
        n: The fewest.
    """
    words = response.lower().replace("/", " ").translate(_NO_MARKS).split()
    found = sum(word in _LISTS["pronouns"] for word in words)
    return None if found >= n else Miss(f"It has {found} pronouns; {n} were asked for.")


@pronouns_at_least.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    n = asked.words // 15 + chance.randint(0, 2 * asked.round)
    return {"n": n} if n > 2 else None


# Questions, examples, emoji -----------------------------------------------------------------------


@kind(
    "asks_questions",
    about="questions",
    tasks=("advice", "letter", "conversation", "creative", "opinion"),
    clashes=("data", "choice", "marks", "plan", "request", "ending"),
)
def asks_questions(response: str, *, n: Count) -> Miss | None:
    """So many sentences that end with a question mark.

    Args:
        n: How many, exactly.
    """
    found = [
        p for p in sentence_places(response) if re.search(r"[?？][^\w?？]*$", response[slice(*p)])
    ]
    if len(found) == n:
        return None
    place = found[n] if len(found) > n else None
    return Miss(f"It asks {len(found)} questions; {n} were asked for.", place)


@asks_questions.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": chance.randint(1, min(1 + asked.round, 3))} if asked.words >= 30 else None


_EXAMPLE = re.compile(r"\b(?:for\s+example|for\s+instance)\b", re.I)


@kind(
    "gives_examples", about="example", tasks=("explanation", "advice", "opinion"), clashes=_CLASHES
)
def gives_examples(response: str, *, n: Count) -> Miss | None:
    """So many examples that "for example" or "for instance" begins, with something behind it.

    Args:
        n: The fewest.
    """
    found = [m for m in _EXAMPLE.finditer(response) if any(map(str.isalnum, response[m.end() :]))]
    if len(found) >= n:
        return None
    return Miss(f'It has "for example" or "for instance" {len(found)} times, not {n}.')


@gives_examples.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    if asked.words < 40 or "example" in asked.instruction.lower():
        return None
    return {"n": chance.randint(1, min(asked.round, 2))}


#: Emoji; modifiers and joiners count as none, nor do signs that are letters to most ("★", "✓").
_EMOJI = re.compile(
    "[\U0001f300-\U0001f3fa\U0001f400-\U0001faff☀☁☂☃☄☎☑☔☕☘☝☠☢☣☪☮☯☸☹☺♀♂♈-♓♟♠♣♥♦♨♻♾♿⚒⚓⚔⚕⚖⚗⚙⚛⚜⚠⚡⚪⚫"
    "⚰⚱⚽⚾⛄⛅⛈⛎⛏⛑⛓⛔⛩⛪⛰-⛵⛷-⛺⛽✂✅✈-✍✏✒✔✖✝✡✨✳✴❄❇❌❎❓-❕❗❣❤➕-➗➡➰➿⌚⌛⏩-⏳⭐⭕]"
)


@kind(
    "uses_emoji",
    about="emoji",
    tasks=("letter", "conversation", "creative", "ideas"),
    clashes=("data", "choice", "formatting"),
)
def uses_emoji(response: str, *, n: Count) -> Miss | None:
    """So many emoji.

    Args:
        n: The fewest.
    """
    found = len(_EMOJI.findall(response))
    return None if found >= n else Miss(f"It has {found} emoji; {n} were asked for.")


@uses_emoji.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    fits = _CASUAL.search(asked.instruction)
    return {"n": chance.randint(1, 2 + asked.round)} if fits else None


_CASUAL = re.compile(
    r"\b(?:post|tweet|caption|text|message|invit\w*|birthday|party|picnic|friends?|chat|slogan|fun|"
    r"kids|children|holidays?|puppy|kitten|congratulat\w*)\b",
    re.I,
)


# A choice -----------------------------------------------------------------------------------------

_YES_NO = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have|may|must)\s+"
    r"(?!you\b)(?!(?:\S+\s+){0,40}or\b)[^?.!\n]{5,300}\?\s*",
    re.I,
)
_CHOICES = [line.split(" | ") for line in _LINES["answers"]]
#: A choice leaves room for nothing else.
_EVERYTHING = (
    *(*SHAPES, *GIVEN, *LISTS, "words", "sentences", "characters", "opening", "emphasis"),
    *("placeholders", "questions", "case", "letters", "numbers", "keywords", "forbidden"),
    *("frequency", "variety", "conjunctions", "language", "sentence length", "openings"),
    *("word length", "adverbs", "readability", "contractions", "person", "example", "emoji"),
    *("commas", "marks", "exclamation marks", "parentheses", "formatting"),
)


@kind(
    "choice",
    about="choice",
    tasks=("fact", "opinion", "classification", "advice"),
    clashes=_EVERYTHING,
)
def choice(
    response: str, *, answers: Annotated[list[str], msgspec.Meta(min_length=2)]
) -> Miss | None:
    """One of some given answers, and nothing else. Quotation marks may stand round it; one of plain
    words may have other capitals and a full stop; one that ends in a full stop needs it.

    Args:
        answers: What can be answered.
    """
    said = response.strip()
    bare = said.strip(string.punctuation + "“” ").lower()
    for answer in answers:
        words = answer.removesuffix(".")
        plain_words = words.replace(" ", "").replace("'", "").isalpha()
        stops = words == answer or answer in said
        if said == answer or (plain_words and stops and bare == words.lower()):
            return None
    return Miss(f"It is none of the {len(answers)} answers, alone.")


@choice.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    if not _YES_NO.fullmatch(asked.instruction.strip()):
        return None
    return {"answers": chance.choice(_CHOICES)}


@choice.applies
def _(response: str, *, answers: list[str]) -> str:
    """The answer that it begins with, a mark behind it; "Yes, ..." is "My answer is yes.", too."""
    said = plain(response.strip().strip(string.punctuation + " ")).lower()
    found = []
    for answer in answers:
        words = answer.strip(string.punctuation + " ").lower()
        last = words.split()[-1] if words else ""
        heads = {words, last} if last in ("yes", "no") else {words}
        if any(re.match(rf"{re.escape(head)}\s*(?:[.,;:!-]|$)", said) for head in heads if head):
            found.append(answer)
    return found[0] if len(found) == 1 else ""
