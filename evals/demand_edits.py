"""Pairs of an answer and a demand: answers as they are, made to meet it by rule, and spoiled."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from evals.demand_answers import Answer
from evals.demand_forms import in_form
from evals.demand_peers import COUNTERPARTS
from evolsynth.evaluation.demands import KINDS, Demand
from evolsynth.evaluation.demands.demand import Asked
from evolsynth.evaluation.text.words import word_lists

__all__ = ["EDITS", "Pair", "pairs"]


class Pair(NamedTuple):
    """A response to the request ``asked`` (without the demand), and a demand; ``how`` it was
    made: "as it is", "by rule", or the edit's name."""

    demand: Demand
    asked: str
    response: str
    how: str


Edit = Callable[[random.Random, str, Demand, str], str]


def _named(demand: Demand) -> list[str]:
    """The words that a demand names."""
    values = [demand.values.get(name) for name in ("word", "words", "answers", "text")]
    return [word for v in values for word in (v if isinstance(v, list) else [v]) if word]


def _with_words(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    """The named words, in other cases and forms, somewhere in the text, some times each."""
    for word in _named(demand):
        for _ in range(chance.randint(1, 3)):
            form = chance.choice((word, word, word.upper(), word.capitalize(), f"{word}s"))
            places = [m.end() for m in re.finditer(r"\w(?=\s)", text)] or [len(text)]
            place = chance.choice(places)
            text = f"{text[:place]} {form}{text[place:]}"
    return text


def _so_often(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    """The words named about as often as is asked for, and nowhere else."""
    number = int(demand.values.get("n", 1)) + chance.randint(-1, 1)
    text = _without_words(chance, text, demand, asked)
    for word in _named(demand):
        for _ in range(number):
            places = [m.end() for m in re.finditer(r"\w(?=\s)", text)] or [len(text)]
            place = chance.choice(places)
            text = f"{text[:place]} {word}{text[place:]}"
    return text


def _without_words(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    for word in _named(demand):
        text = re.sub(re.escape(word), "", text, flags=re.I)
    return text


def _shouted(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    """Some words in capitals."""
    return re.sub(r"\w+", lambda m: m[0].upper() if chance.random() < 0.1 else m[0], text)


def _cut(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    """No more than some sentences."""
    some = re.split(r"(?<=[.!?])\s+", text)
    return " ".join(some[: chance.randint(1, max(1, len(some) - 1))])


def _doubled(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    """A piece of it twice."""
    some = re.split(r"(?<=[.!?])\s+", text)
    return f"{text} {chance.choice(some)}"


def _without_a_letter(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    letter = demand.values.get("letter") or chance.choice("aeilnrst")
    return re.sub(str(letter), "", text, flags=re.I)


def _with_numbers(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    some = ("7", "1,200", "3.5", "2020", "15%", "10-12", "the 2nd")
    return f"{text} It was {', then '.join(chance.sample(some, chance.randint(1, 3)))}."


def _answered(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    """One of the answers that a demand names, perhaps with something around it."""
    word = chance.choice(_named(demand) or ["Yes"])
    return chance.choice(("{}", "{}.", '"{}"', "{}, I think.", "Well, {}")).format(word)


_FOREIGN = word_lists(__file__, "demand_edits.txt")


def _foreign(chance: random.Random, text: str, demand: Demand, asked: str) -> str:
    """A text in the language that is asked for, or in another."""
    named = str(demand.values.get("language"))
    name = named if named in _FOREIGN and chance.random() < 0.7 else chance.choice([*_FOREIGN])
    return " ".join(chance.sample(_FOREIGN[name], 2))


#: Edits by name; each is tried on each demand, as what spoils one makes another.
EDITS: dict[str, Edit] = {
    "small letters": lambda c, text, d, a: text.lower(),
    "capitals": lambda c, text, d, a: text.upper(),
    "each word with a capital": lambda c, text, d, a: re.sub(
        r"(?<![\w'’])[a-z]", lambda m: m[0].upper(), text
    ),
    "some capitals": _shouted,
    "no commas": lambda c, text, d, a: text.replace(",", ""),
    "more commas": lambda c, text, d, a: text.replace(" and ", ", and "),
    "the words named": _with_words,
    "no words named": _without_words,
    "the words so often": _so_often,
    "cut short": _cut,
    "a piece twice": _doubled,
    "without a letter": _without_a_letter,
    "with numbers": _with_numbers,
    "an answer named": _answered,
    "another language": _foreign,
    "hyphens for points": lambda c, text, d, a: re.sub(
        r"^\s*(?:\d+[.)]|\*)\s+", "- ", text, flags=re.M
    ),
    "stars for points": lambda c, text, d, a: re.sub(
        r"^\s*(?:\d+[.)]|-)\s+", "* ", text, flags=re.M
    ),
    "in bold": lambda c, text, d, a: re.sub(
        r"\w{5,}", lambda m: f"**{m[0]}**" if c.random() < 0.1 else m[0], text
    ),
    "in quotes": lambda c, text, d, a: f'"{text}"',
    "a title": lambda c, text, d, a: f"<<{text[:20].strip()}>>\n\n{text}",
    "a postscript": lambda c, text, d, a: f"{text}\n\nP.S. {text[:40]}",
    "divided": lambda c, text, d, a: text.replace("\n\n", "\n\n***\n\n"),
    "the request first": lambda c, text, d, a: f"{a}\n\n{text}",
    "placeholders": lambda c, text, d, a: re.sub(
        r"\w{6,}", lambda m: f"[{m[0]}]" if c.random() < 0.1 else m[0], text
    ),
    "one sentence a paragraph": lambda c, text, d, a: re.sub(r"(?<=[.!?])\s+", "\n\n", text),
    "in its form": in_form,
    "on one line": lambda c, text, d, a: " ".join(text.split()),
}
#: Edits that say most about a kind, tried each time; of the others some.
_OWN: dict[str, Sequence[str]] = {
    "choice": ("an answer named", "an answer named"),
    "language": ("another language", "another language"),
    "numbers_exactly": ("with numbers",),
    "title_case": ("each word with a capital",),
    "capital_words_at_least": ("some capitals",),
    "includes": ("the words named",),
    "word_at_least": ("the words named",),
    "word_exactly": ("the words so often", "the words so often"),
    "word_in_sentence": ("the words named", "the words named"),
    "title": ("a title",),
    "postscript": ("a postscript",),
    "request_first": ("the request first",),
}


def pairs(answers: Sequence[Answer], *, each: int, seed: int) -> Iterator[Pair]:
    """For every kind that has a counterpart, of so many answers each what can be made of it."""
    for name in COUNTERPARTS:
        if name not in KINDS:
            continue
        chance = random.Random(f"{seed} {name}")  # noqa: S311 - reproducible on purpose
        for answer in chance.sample(answers, min(each, len(answers))):
            yield from _of(chance, name, answer)


def _of(chance: random.Random, name: str, answer: Answer) -> Iterator[Pair]:
    demand = _drawn(chance, name, answer)
    if demand is None:
        return
    asked, text = answer.instruction, answer.response
    yield Pair(demand, asked, text, "as it is")
    made = demand.apply(text, asked=f"{asked} {demand.worded(0)}")
    if made is not None and made != text:
        yield Pair(demand, asked, made, "by rule")
    for edit in ("in its form", *_OWN.get(name, ()), *chance.sample([*EDITS], 3)):
        for base in (text, made):  # both, where a rule has made something
            changed = EDITS[edit](chance, base, demand, asked) if base else ""
            if changed.strip() and changed not in (text, made):
                yield Pair(demand, asked, changed, edit)


def _drawn(chance: random.Random, name: str, answer: Answer) -> Demand | None:
    """A demand whose numbers are near what the answer has; of another task where it fits none."""
    kind = KINDS[name]
    near = max(1, round(len(answer.response.split()) * chance.uniform(0.7, 1.5)))
    tasks = [answer.task, *sorted(kind.tasks)]
    for words in (near, 60, 120, 30):
        for task in tasks:
            asked = Asked(answer.instruction, task, chance.randint(1, 3), words)
            demand = kind.draw(chance, asked)
            if demand is not None:
                return demand
    question = Asked("Is it so?" if name == "choice" else "Write about rain.", tasks[-1], 1, 60)
    return kind.draw(chance, question)
