"""`python -m evals question-pairs`: the pairs, and how they are counted."""

from __future__ import annotations

from collections import Counter

import pytest

from evals.question_pairs import PARTS, Pair, figures, read
from evolsynth.evaluation.duplicates.same_request import normalise


def test_the_pairs_are_many_of_both_kinds_and_none_stands_in_both_parts() -> None:
    pairs = read()
    counts = Counter((pair.part, pair.duplicate) for pair in pairs)
    assert {part for part, _ in counts} == set(PARTS)
    assert min(counts.values()) >= 50
    texts = {part: set[str]() for part in PARTS}
    for pair in pairs:
        assert normalise(pair.one) != normalise(pair.other)
        texts[pair.part] |= {normalise(pair.one), normalise(pair.other)}
    assert texts["dev"].isdisjoint(texts["held"])


def test_precision_is_of_what_is_dropped_and_recall_of_what_should_be() -> None:
    pairs = [
        Pair("dev", "other words", True, "a", "b"),
        Pair("dev", "filler", True, "c", "d"),
        Pair("dev", "roles", False, "e", "f"),
        Pair("dev", "roles", False, "g", "h"),
    ]
    found = figures(pairs, lambda pair: pair.one in "ae", 0.8)
    assert (found.precision, found.recall, found.wrong) == (0.5, 0.5, {"roles": 1})
    nothing = figures(pairs, lambda _: False, 0.8)
    assert (nothing.precision, nothing.recall) == (None, 0.0)


@pytest.mark.real
def test_of_pairs_by_the_default_few_are_dropped_wrongly() -> None:
    from evals.question_pairs import measure
    from evolsynth.evaluation.embed.minilm import MiniLM

    some = [pair for pair in read() if pair.part == "dev"][::2]
    ruled, plain, at = measure(some, MiniLM())
    default = next(one for one in at if one.threshold == 0.8)
    assert default.precision is not None
    assert default.precision >= 0.9
    assert ruled > plain + 0.1
