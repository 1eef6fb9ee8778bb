"""Whether a request asks for what stands in a text, and whether an answer is of the kind asked for.

An answer may stand in the text and answer another question: "It reached the village in 1881" to
"When was it closed?". That is told by what such a question wants (a time, a number, a yes or no,
something new) and by whether another sentence of the text speaks of what was asked.
"""

from __future__ import annotations

import re

from evolsynth.evaluation.support.evidence import BARE
from evolsynth.evaluation.support.rates import rates
from evolsynth.evaluation.support.reading import SOFT, Sentence, claims, sentences_of
from evolsynth.evaluation.support.rules import akin
from evolsynth.evaluation.text import looked_at
from evolsynth.evaluation.text.facts import options
from evolsynth.evaluation.text.finders import alternatives
from evolsynth.evaluation.text.language import is_english
from evolsynth.evaluation.text.numbers import equal, numbers
from evolsynth.evaluation.text.task import task_of
from evolsynth.evaluation.text.words import plain, stem, word_lists, words

__all__ = ["asks_about_text", "misses", "says_that_text_does_not"]

_WORDS = alternatives(word_lists(__file__, "asked.txt"))
_ASKS = re.compile(rf"\W*(?:{_WORDS['questions']})\b", re.I)
_ELSEWHERE = re.compile(rf"\b(?:{_WORDS['not about a text']})\b", re.I)
_REFUSAL = re.compile(rf"\b(?:{_WORDS['refusals']})\b", re.I)
_TIME = re.compile(rf"\b(?:{_WORDS['time']})s?\b", re.I)
_AMOUNT = re.compile(rf"\b(?:{_WORDS['amount']})\b", re.I)
_POLAR = re.compile(rf"\b(?:{_WORDS['yes or no']})\b", re.I)
_WHEN = re.compile(
    r"\b(?:(?:since |until )?when|(?:what|which) (?:year|day|month|date|century))\b", re.I
)
_HOW_MANY = re.compile(
    r"\bhow (?:many|much|old|tall|high|long|far|fast|often|deep|heavy|big|large|wide|thick|cold|"
    r"hot)\b",
    re.I,
)
_YES_NO = re.compile(
    r"\A\W*(?:is|are|was|were|do|does|did|has|have|had|can|will)\b(?!.*\bor\b)", re.I | re.S
)
_WH = re.compile(r"\b(?:who|whom|whose|what|when|where|which|why|how)\b", re.I)
_LAST = re.compile(r"(?<![^.!?\n])[^.!?\n]*+\?")
#: Tasks whose answers a text does not hold word by word.
_OTHER_TASKS = frozenset(
    ("creative", "letter", "ideas", "conversation", "code", "rewriting", "opinion")
)
_LEAST_WORDS = 12  # of a text that answers stand in
_CODE = re.compile(
    r"[{};][^\S\n]*+$|^[^\S\n]*+(?:def|class|import|SELECT|#include)\b|=>|</\w+>", re.M
)
_LETTERED = re.compile(r"(?<!\S)\(?([a-e])\)\s", re.I)  # "(a) Sunday, (b) Monday"


def asks_about_text(instruction: str, text: str) -> str | None:
    """The question that an instruction asks about a text; None where it wants something else.

    Something else is what a text does not hold word by word: stories, rewriting, translation, a
    summary, labels, sums, code, opinions, the text's own words and style. In doubt it is None.
    """
    request = plain(instruction.replace(text, " ")).strip() if text else plain(instruction).strip()
    flat = looked_at(text)
    if not request or len(words(flat)) < _LEAST_WORDS or not is_english(request):
        return None
    if _CODE.search(flat) or not is_english(flat) or options(request):
        return None
    if len({letter.casefold() for letter in _LETTERED.findall(request)}) > 1:
        return None
    question = _question(request)
    if question is None or _ELSEWHERE.search(question):
        return None
    return None if task_of(question) in _OTHER_TASKS else question


def _question(request: str) -> str | None:
    """The question of a request that may have more sentences, on the form of the answer, and more
    questions."""
    asked = [found.group().strip() for found in _LAST.finditer(request)]
    if asked and (_ASKS.match(asked[0]) or (len(asked) == 1 and _WH.search(asked[0]))):
        more = [one for one in asked[1:] if _ASKS.match(one) and not _ELSEWHERE.search(one)]
        return " ".join([asked[0], *more])
    return request if _ASKS.match(request) and not asked else None


def says_that_text_does_not(answer: str) -> bool:
    """Whether an answer says that the text does not tell what was asked."""
    return _REFUSAL.search(plain(answer)) is not None


def misses(question: str, answer: str, text: str, *, title: str = "") -> dict[str, str] | None:
    """What a question wants and an answer has not; None where nothing is missed.

    ``wants`` is "a time", "a number", "yes or no", "something new" or "another sentence"; of the
    last ``instead`` is the sentence of the text that speaks of what was asked.
    """
    said = plain(answer)
    if says_that_text_does_not(said):
        return None
    told = claims(answer)
    if _YES_NO.search(question):
        if _POLAR.search(said) or _shares(question, told):
            return None
        return {"wants": "yes or no"}
    if not told:
        return None if _answers_barely(question, said, text) else {"wants": "an answer"}
    here = " ".join(one.plain for one in told)
    if _WHEN.search(question) and not (_TIME.search(here) or numbers(here)):
        return {"wants": "a time"}
    if _HOW_MANY.search(question) and not (numbers(here) or _AMOUNT.search(here)):
        return {"wants": "a number"}
    if other := _counts_other(question, told, text):
        return {"wants": other}
    asked = Sentence(question, 0, len(question)).keys
    new = [one for one in told if one.keys - asked or one.numbers or _names_letter(one)]
    if _WH.search(question) and " or " not in question and not new:
        return {"wants": "something new"}
    return _other_sentence(question, told, text, title)


def _answers_barely(question: str, said: str, text: str) -> bool:
    """Whether an answer without a claim is one: "Once" to "How often", a question of the text."""
    few = len(words(said)) <= BARE
    if not words(said) or not _WH.search(question):
        return bool(words(said))
    if few and _HOW_MANY.search(question) and _AMOUNT.search(said):
        return True
    quoted = said.strip(" \"'\n").casefold()
    return not few and quoted in plain(text).casefold() and quoted not in question.casefold()


_COUNTED = re.compile(r"\bhow many (\w+)", re.I)


def _counts_other(question: str, told: list[Sentence], text: str) -> str | None:
    """What was to be counted, where all numbers of an answer count something else and the text
    counts it."""
    found = _COUNTED.search(question)
    said = [n for one in told for n in one.numbers]
    if found is None or not said:
        return None
    key = stem(found[1])
    if any(n.counted in ("", key) or n.unit for n in said):
        return None
    counts = any(n.counted == key for one in sentences_of(looked_at(text)) for n in one.numbers)
    return f"a number of {found[1]}" if counts else None


def _names_letter(one: Sentence) -> bool:
    """Whether a sentence names something by a letter: "the note A"."""
    return any(len(w.text) == 1 and w.text.isupper() and w.start for w in one.words)


def _shares(question: str, told: list[Sentence]) -> bool:
    asked = Sentence(question, 0, len(question)).keys
    return any(2 * len(asked & one.keys) >= len(asked) for one in told)


def _other_sentence(
    question: str, told: list[Sentence], text: str, title: str
) -> dict[str, str] | None:
    """Found where no word of the question but those of the title, or that several sentences have,
    is in the answer or in the sentences that it comes from, and another sentence has them."""
    subject = Sentence(title, 0, len(title)).keys
    keys = Sentence(question, 0, len(question)).keys - subject
    whole = [one for one in sentences_of(looked_at(text)) if one.plain[-1:] not in (",", ":")]
    often = {key for key in keys if sum(key in one.keys for one in whole) > 1}
    asked = frozenset(key for key in keys - often if key not in SOFT)
    if not asked:
        return None
    if any(akin(key, one.keys) for key in asked for one in told):
        return None
    scores = [sum(akin(key, one.keys) for key in asked) for one in whole]
    best = max(scores, default=0)
    if best < max(1, len(asked) / 2):
        return None
    if any(_comes_from(claim, one) for claim in told for one in whole if _speaks_of(asked, one)):
        return None
    return {"wants": "another sentence", "instead": whole[scores.index(best)].text}


def _speaks_of(keys: frozenset[str], one: Sentence) -> bool:
    """Whether a sentence has one of some words, or one of their families."""
    return any(akin(key, one.keys) for key in keys)


def _comes_from(claim: Sentence, one: Sentence) -> bool:
    """Whether a sentence of a text has half of the words and numbers of one of an answer, or a
    figure of it, or lists out how often it says."""
    figures = sum(any(equal(n, m) for m in one.numbers) for n in claim.numbers)
    if figures or rates(claim, [one]):
        return True
    words_of = len(claim.keys - {n.text for n in claim.numbers}) + len(claim.numbers)
    return 2 * len(claim.keys & one.keys) >= max(words_of, 1) or (
        len(claim.keys) <= BARE and bool(claim.keys & one.keys)
    )
