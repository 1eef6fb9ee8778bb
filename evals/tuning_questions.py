"""Questions about texts that no arm was taught, and how near a model's answers come to theirs."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evals.verifiers import Asked
from evolsynth.rows import Row

__all__ = ["Found", "Question", "f1", "found", "prompts", "questions"]

_DATA = Path(__file__).parent / "data"
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question, the text that answers it, and right answers, any of which will do."""

    question: str
    text: str
    answers: tuple[str, ...]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Of a model's answers to all questions: the mean F1, and the share that hold a right answer
    word for word, whatever stands around it."""

    f1: float
    holds: float


class _Passage(msgspec.Struct):
    id: str
    text: str


class _Line(msgspec.Struct):
    passage: str
    question: str
    answers: tuple[str, ...]


def questions() -> list[Question]:
    """Those that ship: 202 about 40 short texts, all of which their texts answer."""
    lines = (_DATA / "support_passages.jsonl").read_bytes().splitlines()
    texts = {one.id: one.text for one in (msgspec.json.decode(x, type=_Passage) for x in lines)}
    asked = (_DATA / "questions.jsonl").read_bytes().splitlines()
    return [
        Question(question=one.question, text=texts[one.passage], answers=one.answers)
        for one in (msgspec.json.decode(line, type=_Line) for line in asked)
    ]


def prompts(some: Sequence[Question]) -> list[Asked]:
    """What a model is asked: the question, and behind it the text."""
    rows = (Row.make(one.question, extra={"input": one.text}) for one in some)
    return [
        Asked(key=i, prompt=row.asked or "", instruction_id_list=(), kwargs=())
        for i, row in enumerate(rows)
    ]


def found(some: Sequence[Question], answers: Sequence[str]) -> Found:
    """How near the answers come."""
    pairs = list(zip(some, answers, strict=True))
    return Found(
        f1=sum(max(f1(answer, right) for right in one.answers) for one, answer in pairs)
        / len(pairs),
        holds=sum(any(_holds(answer, right) for right in one.answers) for one, answer in pairs)
        / len(pairs),
    )


def f1(answer: str, right: str) -> float:
    """The F1 of the words that two texts share, without case, articles and punctuation (Rajpurkar
    et al. 2016, SQuAD, section 6.1)."""
    one, other = _words(answer), _words(right)
    shared = (Counter(one) & Counter(other)).total()
    return 2 * shared / (len(one) + len(other)) if shared else 0.0


def _holds(answer: str, right: str) -> bool:
    return f" {' '.join(_words(right))} " in f" {' '.join(_words(answer))} "


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()
