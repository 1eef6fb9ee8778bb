"""``python -m evals agreement``: where samples agree, is the answer right?

Questions of fact and other closed tasks with what SmolLM2-135M answers: its greedy answer, five
samples at temperature 0.8 (the first sentence of each), and a greedy answer to the question in
other words, as they were recorded once in ``evals/data/agreement.jsonl``; whether the greedy answer
is ``right``, and ``true`` from beginning to end, was read. Signals are computed anew. For each
rule: how many answers it takes of those that it was chosen on (``tune``) and of the others
(``held``), and of how many of these the answer is true, with a 95% interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import msgspec

from evals.options import add_json, check_place, save, told_on
from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.words import content, plain, sentences, words
from evolsynth.pipeline.run.preview import wilson

__all__ = ["ANSWERS", "RULES", "Answer", "Taken", "add_options", "answers", "measure", "run"]
__all__ += ["same"]

ANSWERS = Path(__file__).parent / "data" / "agreement.jsonl"
_DECIDES = frozenset(("yes", "no", "true", "false"))


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A question, what the model says to it, and what a reader says of that.

    ``least`` is the log-probability of the greedy answer's unlikeliest token, ``similar`` the mean
    cosine (MiniLM) of its first sentence with the samples, where that was taken.
    """

    question: str
    reworded: str
    kind: str
    part: str
    greedy: str
    samples: tuple[str, ...]
    again: str
    least: float
    similar: float | None
    right: bool
    true: bool

    @property
    def share(self) -> float:
        """Of the samples, the share that gives the greedy answer."""
        alike = [same(self.question, self.greedy, one) for one in self.samples]
        return sum(alike) / len(alike)

    @property
    def stays(self) -> bool:
        """Whether the question in other words gets the same answer."""
        return same(f"{self.question} {self.reworded}", self.greedy, self.again)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Of so many answers, how many a rule takes, and how many of these are right, and true."""

    rule: str
    part: str
    answers: int
    taken: int
    right: int
    true: int


def same(question: str, one: str, other: str) -> bool:
    """Whether two answers say the same: of what the first sentence of each has and the question
    has not, the one holds all that the other has. Answers in the question's own words must agree
    in these."""
    asked = _said(question)
    first, second = (_said(next(iter(sentences(plain(text))), "")) for text in (one, other))
    new, other_new = first - asked, second - asked
    if new and other_new:
        return new <= other_new or other_new <= new
    return bool(first) and not new and not other_new and first == second


def _said(text: str) -> set[str | Fraction]:
    """The words of content, the numbers, and yes or no."""
    found: set[str | Fraction] = {one.values[0] for one in numbers(text)}
    found |= {word.stem for word in content(text) if not word.text.isdigit()}
    return found | {w.text.casefold() for w in words(text) if w.text.casefold() in _DECIDES}


#: What is asked of an answer before it is taken.
RULES: Mapping[str, Callable[[Answer], bool]] = {
    "all": lambda _: True,
    "share 0.4": lambda one: one.share >= 0.4,
    "share 0.6": lambda one: one.share >= 0.6,
    "share 0.8": lambda one: one.share >= 0.8,
    "share 1": lambda one: one.share == 1,
    "similar 0.7": lambda one: (one.similar or 0) >= 0.7,
    "similar 0.8": lambda one: (one.similar or 0) >= 0.8,
    "least -1.5": lambda one: one.least >= -1.5,
    "least -1": lambda one: one.least >= -1,
    "reworded": lambda one: one.stays,
    "share 0.6, reworded": lambda one: one.share >= 0.6 and one.stays,
    "share 0.6, reworded, least -1.5": lambda one: (
        one.share >= 0.6 and one.stays and one.least >= -1.5
    ),
}


def answers(path: Path = ANSWERS) -> list[Answer]:
    """All that were recorded and read."""
    return [msgspec.json.decode(line, type=Answer) for line in path.read_bytes().splitlines()]


def measure(some: Sequence[Answer]) -> list[Taken]:
    """What each rule takes of each part."""
    found = []
    for rule, takes in RULES.items():
        for part in ("tune", "held"):
            of = [one for one in some if one.part == part]
            taken = [one for one in of if takes(one)]
            right, true = sum(one.right for one in taken), sum(one.true for one in taken)
            found.append(
                Taken(
                    rule=rule, part=part, answers=len(of), taken=len(taken), right=right, true=true
                )
            )
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    found = measure(answers())
    told = told_on(options.json)
    print(f"{'rule':32}{'part':6}{'taken':>9}{'right':>7}{'true':>6}  95% of true", file=told)
    for one in found:
        low, high = wilson(one.true, one.taken)
        taken = f"{one.taken}/{one.answers}"
        said = f"{one.rule:32}{one.part:6}{taken:>9}{one.right:7}{one.true:6}"
        print(f"{said}  {low:.0%} to {high:.0%}", file=told)
    save(options.json, {"rules": msgspec.to_builtins(found)})
    return 0
