"""Grammars of demands: whatever they allow meets the demand."""

from __future__ import annotations

import json
import random
import re

import pytest

from evolsynth.evaluation.demands.demand import KINDS, Demand
from evolsynth.evaluation.demands.draw import asked_of
from evolsynth.evaluation.demands.forced import FORCED, grammar_of

REQUESTS = (
    "Suggest ten names for a cat.",
    "How do I clean a carpet?",
    "Explain why leaves turn red.",
    "Write a poem about snow.",
    "Write a letter to a neighbour.",
    "What should I pack for a hike?",
)
_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{[\d,]+\}|\w+|[()*+]')
#: What a model may say for each of the parts.
SAID = {
    "sentence": ("Rain makes the roads wet.", "We go by train, as it is quicker."),
    "question": ("What makes the roads wet?", "How do we get there in time?"),
    "line": ("Snow lies on the roof,", "The lamp is lit."),
    "title": ("First things", "A good beginning"),
    "string": tuple(f'"cat {number}"' for number in range(12)),
    "para": ("Rain makes the roads wet.", "We go by train. It is quicker, and it is warm."),
}


def written(grammar: str, chance: random.Random) -> str:
    """A text that the grammar allows."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.splitlines() if line)
    unsaid = {name: list(some) for name, some in SAID.items()}

    def said(piece: str) -> str:
        if piece in rules:  # none twice, as long as there are others
            some = unsaid[piece] or list(SAID[piece])
            unsaid[piece] = some
            return some.pop(chance.randrange(len(some)))
        return json.loads(piece) if piece[0] == '"' else "w" if piece == "[a-z]" else "e go on"

    def walk(pieces: list[str]) -> str:
        done: list[str] = []
        while pieces:
            piece = pieces.pop(0)
            inner: list[str] = []
            if piece == "(":
                depth = 1
                while depth:
                    inner.append(pieces.pop(0))
                    depth += {"(": 1, ")": -1}.get(inner[-1], 0)
                inner.pop()
            times = 1
            if pieces and pieces[0][0] in "{+*":
                low, _, high = pieces.pop(0).strip("{}").partition(",")
                times = chance.randint(int(low), int(high or low)) if low.isdigit() else 1
            done += [walk(list(inner)) if inner else said(piece) for _ in range(times)]
        return "".join(done)

    return walk(_PIECE.findall(rules["root"]))


def drawn(kind: str, seed: int) -> tuple[Demand, str] | None:
    chance = random.Random(seed)
    for text in chance.sample(REQUESTS, len(REQUESTS)):
        if (demand := KINDS[kind].draw(chance, asked_of(text))) is not None:
            return demand, text
    return None


@pytest.mark.parametrize("kind", sorted(FORCED))
def test_what_a_grammar_allows_meets_the_demand(kind: str) -> None:
    made = [one for seed in range(8) if (one := drawn(kind, seed)) is not None]
    assert made
    for number, (demand, text) in enumerate(made):
        grammar = grammar_of([demand])
        assert grammar is not None
        response = written(grammar, random.Random(number))
        assert demand.check(response, asked=text) is None, response


def test_what_has_no_grammar_is_left_free() -> None:
    short = Demand.read({"kind": "words_at_most", "n": 50})
    bullets = Demand.read({"kind": "bullets_exactly", "n": 3})
    assert grammar_of([short]) is None
    assert grammar_of([short, bullets]) == grammar_of([bullets])
    assert "{2}" in str(grammar_of([bullets]))
