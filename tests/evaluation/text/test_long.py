"""Long texts: what is read of them, that it is said, and that no rule takes forever on one."""

from __future__ import annotations

import inspect
import itertools
import re
import time
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

import pytest

import evolsynth.evaluation
from evals.long_texts import KINDS, LOOKS, seconds
from evolsynth.evaluation.gate.check import Case
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.information_loss import reading
from evolsynth.evaluation.information_loss.score import information_loss
from evolsynth.evaluation.text import LOOKED_AT, MOST, looked_at, share, told
from evolsynth.evaluation.text.added import demand_added, unlike
from evolsynth.rows import Row

PROSE = KINDS["prose"]


def test_a_text_within_the_bound_is_read_as_it_is() -> None:
    text = PROSE(MOST)
    assert looked_at(text) is text
    assert share(text, None, "") == 1
    assert told([text]) == ()


def test_of_a_longer_one_beginning_end_and_all_between_are_read() -> None:
    text = "".join(f"{place:07}" for place in range(100_000))
    read = looked_at(text)
    assert len(read) <= MOST
    pieces = read.split("\n")
    assert text.startswith(pieces[0])
    assert text.endswith(pieces[-1])
    starts = [text.index(piece) for piece in pieces]
    gaps = {b - a for a, b in itertools.pairwise(starts)}
    assert max(gaps) - min(gaps) <= 1
    assert looked_at(text) == read


def test_how_much_was_read_is_told() -> None:
    assert share("a" * 10 * MOST) == 0.1
    assert told(["a", "b" * 30_000]) == (
        "1 text was looked at in part: 20,000 characters, taken evenly from all of it.",
    )


def test_a_row_says_how_much_of_it_was_read() -> None:
    assert LOOKED_AT not in Case(Row.make("Why is the sky blue?")).scores
    assert Case(Row.make(PROSE(2 * MOST))).scores[LOOKED_AT] == 0.5


def test_all_words_of_a_long_text_are_counted() -> None:
    settings = GateSettings(max_instruction_words=50_000)
    found = part_findings(Row.make(PROSE(500_000)), "instruction", settings)
    long = next(f for f in found if f.code == "too_long")
    assert long.detail["words"] > 80_000


def test_a_long_text_of_spaces_and_a_word_is_not_empty() -> None:
    row = Row.make(" " * 30_123 + "word" + " " * 300_000)
    assert "empty" not in [f.code for f in part_findings(row, "instruction")]


# Pairs --------------------------------------------------------------------------------------------

LINES = [f"Sentence {k} is about the river of town {k * 7}." for k in range(3000)]


def test_a_long_original_that_was_copied_lost_nothing() -> None:
    loss = information_loss("\n".join(LINES), "\n".join(["Please read this.", *LINES]))
    assert loss.score < 0.1
    assert not loss.lost


def test_what_a_long_original_lost_is_found_at_its_place() -> None:
    original = "\n".join([*LINES[:2000], "Name exactly 55 lakes of Norway.", *LINES[2000:]])
    evolved = "\n".join([*LINES[:2000], "Sing a song.", *LINES[2000:], "Be brief."])
    loss = information_loss(original, evolved)
    assert loss.flagged
    assert loss.note is not None
    assert "20,000 characters" in loss.note
    assert any("55 lakes" in span.text for span in loss.lost)
    assert all(original[s.start : s.end] == s.text for s in loss.lost)


def test_a_short_pair_has_no_note() -> None:
    assert information_loss("Name 3 rivers of Spain.", "Name some hills.").note is None


def test_what_long_texts_have_in_common_is_left_out() -> None:
    before, after = "\n".join(LINES), "\n".join([*LINES[:9], "A new line.", *LINES[9:-1], "End."])
    assert unlike(before, after) == (LINES[-1], "A new line.\nEnd.")
    assert demand_added(before, f"{before} Answer in verse.") == "Answer in verse."


def test_a_demand_among_many_alike_words_is_found_in_time() -> None:
    before = "a b " * 1500
    assert "zebra" in demand_added(before, "b a " * 1000 + "zebra " + "b b " * 500)


# Growth -------------------------------------------------------------------------------------------

#: The dearest kinds for each look; all of them are in ``python -m evals long-texts``.
DEAR = ("10%", "newlines", "open quote", "different words", "digits", "base64", "a", "spaces")


@pytest.mark.parametrize("look", [look for look in LOOKS if not look.startswith("embedder")])
@pytest.mark.parametrize(
    ("size", "limit"), [(200_000, 5), pytest.param(1_000_000, 25, marks=pytest.mark.slow)]
)
def test_a_megabyte_is_looked_at_in_seconds(look: str, size: int, limit: int) -> None:
    """As fast, that is: a fifth of one in a fifth of the time shows it sooner."""
    for kind in DEAR:
        assert seconds(look, kind, size, limit=limit) is not None, kind


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    found = {}
    for module in walk_packages(evolsynth.evaluation.__path__, "evolsynth.evaluation."):
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                found[f"{module.name}.{name}"] = value
    return found


#: What regular expressions are slow on: long runs of what could begin a match, and a last step
#: that fails.
HOSTILE = (
    "\n",
    " ",
    ". ",
    "\r\n",
    "a ",
    "1",
    "1,",
    '"',
    "'a ",
    "A ",
    "f(",
    "-",
    "<a",
    "? ",
    "http",
)


def _only_matched(name: str) -> bool:
    """Whether an expression is never looked for, but only held against a given place."""
    module, _, name = name.rpartition(".")
    uses = set(re.findall(rf"\b{name}\.(\w+)\(", inspect.getsource(import_module(module))))
    table = any(import_module(module).__dict__[name] is p for _, p in reading._PATTERNS)
    return table or (bool(uses) and uses <= {"match", "fullmatch"})


def _spent(name: str, text: str) -> float:
    pattern, began = _patterns()[name], time.thread_time()  # of no other thread
    if not _only_matched(name):
        for _ in pattern.finditer(text):
            pass
    pattern.match(text)
    pattern.fullmatch(text)
    return time.thread_time() - began


@pytest.mark.parametrize("name", _patterns())
def test_a_regular_expression_grows_with_the_text_and_not_with_its_square(name: str) -> None:
    for piece in HOSTILE:
        short, longer = (piece * (size // len(piece)) for size in (5_000, 20_000))
        spent = _spent(name, longer)
        if spent >= 0.1:  # the clock counts when a virtual machine stands still, too: of 5 ms, once
            spent = min(spent, _spent(name, longer))
        assert spent < 0.1 or spent < 10 * _spent(name, short), piece
