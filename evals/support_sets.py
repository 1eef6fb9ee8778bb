"""The sets that `evals support` measures on: answers that were read, and statements made false.

``evals/data/support_answers.jsonl`` holds 400 free answers of SmolLM2-135M to questions about the
passages of ``support_passages.jsonl``, labelled by one reader who saw no scores; and
``support_roles.jsonl`` statements that say who does what to whom, each in other words and turned
round. `swapped` makes false statements of the passages' own sentences by program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from evolsynth.evaluation.support.reading import sentences_of
from evolsynth.evaluation.text.facts import names
from evolsynth.rows import derive_seed

__all__ = ["KINDS", "Item", "Passage", "answers", "passages", "swapped"]

DATA = Path(__file__).with_name("data")
#: Of false statements.
KINDS = ("names", "numbers", "negations", "roles", "amounts", "words")
#: What statements are shown to a model as an answer to.
ASKED = "What does the text say?"


class Passage(msgspec.Struct, frozen=True):
    """A short text; ``part`` is "dev" or "held"."""

    id: str
    part: str
    title: str
    text: str


class Item(msgspec.Struct, frozen=True):
    """A question with an answer, or a statement, about a passage.

    ``claims`` is False where it says nothing of the subject, and ``answers`` whether it answers
    the question rightly.
    """

    passage: Passage
    kind: str
    question: str
    answer: str
    supported: bool
    claims: bool = True
    answers: bool = True


def passages() -> dict[str, Passage]:
    """All passages by their ids."""
    found = (msgspec.convert(row, Passage) for row in _rows("support_passages.jsonl"))
    return {one.id: one for one in found}


def answers(part: str, reader: int = 1) -> list[Item]:
    """The answers that were read, as the first or the second reader labelled them."""
    known = passages()
    found: list[Item] = []
    for row in _rows("support_answers.jsonl"):
        if known[row["passage"]].part != part:
            continue
        told = row if reader == 1 else row["second"]
        labels = (bool(told[name]) for name in ("supported", "claims", "answers"))
        asked = (row["asked"], row["question"], row["answer"])
        found.append(Item(known[row["passage"]], *asked, *labels))
    return found


def swapped(part: str) -> list[Item]:
    """True sentences, and the same with one thing made false; each kind beside its own truths."""
    known = passages()
    some = [one for one in known.values() if one.part == part]
    found: list[Item] = []
    for place, passage in enumerate(some):
        other = some[(place + 7) % len(some)]
        for one in sentences_of(passage.text):
            seed = derive_seed(0, "support", f"{passage.id} {one.start}")
            random = Random(seed)  # noqa: S311 - not for secrets
            found.append(Item(passage, "true", ASKED, one.text, True))
            rest = passage.text[: one.start] + passage.text[one.end :]
            made = (
                ("names", _name(one.text, rest, other.text, random)),
                ("numbers", _number(one.text, rest, random)),
                ("negations", _negation(one.text)),
                ("amounts", _amount(one.text)),
                ("words", _word(one.text, other.text, random)),
            )
            found += [
                Item(passage, kind, ASKED, false, False)
                for kind, false in made
                if false is not None and false != one.text
            ]
    for row in _rows("support_roles.jsonl"):
        passage = known[row["passage"]]
        if passage.part == part:
            found.append(Item(passage, "true", ASKED, row["true"], True))
            found.append(Item(passage, "roles", ASKED, row["false"], False))
    return found


def _rows(name: str) -> Iterator[dict[str, Any]]:
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _name(sentence: str, rest: str, other: str, random: Random) -> str | None:
    """With another name, of the same passage where there is one."""
    own = [place.text for place in names(sentence)]
    if not own:
        return None
    out = random.choice(own)
    words = set(re.findall(r"[A-Z]\w+", sentence))
    for text in (rest, other):
        some = [p.text for p in names(text) if words.isdisjoint(re.findall(r"[A-Z]\w+", p.text))]
        if some:
            return sentence.replace(out, random.choice(some), 1)
    return None


_FIGURE = re.compile(r"(?<![\w.,])\d[\d,.]*\d|(?<![\w.,])\d")
_SPELLED = ("two", "three", "four", "five", "six", "eight", "nine", "eleven", "fifteen", "thirty")
_WORDS = re.compile(rf"\b(?:{'|'.join(_SPELLED)})\b")


def _number(sentence: str, rest: str, random: Random) -> str | None:
    """With another number: one of the passage, or one that is a little off."""
    for form in (_FIGURE, _WORDS):
        found = list(form.finditer(sentence))
        if not found:
            continue
        out = random.choice(found)
        others = [m.group() for m in form.finditer(rest) if m.group() not in sentence]
        if form is _WORDS:
            others = others or [word for word in _SPELLED if word not in sentence]
        if others and (form is _WORDS or random.random() < 0.5):
            into = random.choice(others)
        else:
            last = out.group()[-1]
            into = out.group()[:-1] + random.choice([d for d in "1234567890" if d != last])
        return sentence[: out.start()] + into + sentence[out.end() :]
    return None


_DENIED = re.compile(r"\b(?:(?:do|does|did) not |not |never )")
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|has|have|had|can|must|should|will)\b(?! not)")


def _negation(sentence: str) -> str | None:
    """With a denial taken out, or put in behind the first auxiliary."""
    if _DENIED.search(sentence):
        return _DENIED.sub("", sentence, count=1)
    return _AUXILIARY.sub(lambda m: f"{m.group()} not", sentence, count=1)


_AMOUNTS = {
    "most": "all", "some": "all", "all": "some", "every": "no", "only": "hardly", "both": "neither",
    "each": "no", "more": "less", "fewer": "more", "many": "few", "few": "many", "no": "every",
}  # fmt: skip
_AMOUNT = re.compile(rf"\b(?:{'|'.join(_AMOUNTS)})\b")


def _amount(sentence: str) -> str | None:
    """With another amount: "all" for "most"."""
    return _AMOUNT.sub(lambda m: _AMOUNTS[m.group()], sentence, count=1)


def _word(sentence: str, other: str, random: Random) -> str | None:
    """With a common word of another passage behind "the", "a" or "of" in the place of one."""
    common = re.compile(r"\b(?:the|an?|of|with) ([a-z]{4,})\b")
    out, into = (list(common.finditer(text)) for text in (sentence, other))
    if not out:
        return None
    some = [m[1] for m in into if m[1] not in sentence]
    place = random.choice(out)
    return sentence[: place.start(1)] + random.choice(some) + sentence[place.end(1) :]


def by_kind(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Each kind of false statement with all of the true ones."""
    true = [one for one in items if one.supported]
    return {kind: [*true, *(one for one in items if one.kind == kind)] for kind in KINDS}
