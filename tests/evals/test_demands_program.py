"""Comparing checks of demands with others': pairs, agreement, what is said of it."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main
from evals.demand_answers import ANSWERS, Answer, answered, questions, requests
from evals.demand_edits import EDITS, Pair, pairs
from evals.demand_peers import COUNTERPARTS, Counterpart, Peer, counterparts
from evals.demands import compared, measure, read_answers
from evals.verifiers import registry
from evolsynth.errors import InputError, SetupError
from evolsynth.evaluation.demands import KINDS
from evolsynth.evaluation.text.task import TASKS
from evolsynth.llm.scripted import Scripted

ANSWER = Answer(
    task="advice",
    instruction="How do I sleep better?",
    response="Go to bed early, then read.",
    greedy=True,
)


class _Loud:
    """A peer whose every check passes what has a capital letter."""

    def passes(self, one: Counterpart, response: str) -> bool:
        return response != response.lower()


def _as_peer(peer: object) -> Any:
    return peer


def test_the_answers_that_ship_can_be_read() -> None:
    answers = read_answers(ANSWERS)
    assert len(answers) == 300
    assert {one.task for one in answers} <= set(TASKS)
    assert ANSWERS.stat().st_size < 400_000


def test_what_is_no_answer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"instruction": "Hi"}\n')
    with pytest.raises(InputError, match="line 1"):
        read_answers(path)
    path.write_text("")
    with pytest.raises(InputError, match="no answers"):
        read_answers(path)


def test_rows_of_a_run_can_be_read_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": "x", "instruction": "Hi", "response": "Hello."}) + "\n")
    assert read_answers(path)[0].task == "other"


def test_requests_come_with_a_demand_each_and_the_same_each_time() -> None:
    some = list(questions(40, seed=1))
    assert some == list(questions(40, seed=1))
    for (task, text), (_, asked) in zip(requests(), some, strict=False):
        assert asked.startswith(f"{text} ")
        assert len(asked) > len(text) + 5
        assert task in TASKS


async def test_answers_come_in_the_order_of_the_requests() -> None:
    llm = Scripted(lambda request: "ONE" if "one" in repr(request.prompt) else "TWO")
    rows = await answered([("advice", "one"), ("fact", "two")], llm, 1)
    assert [row.response for row in rows] == ["ONE", "TWO"]
    assert [row.greedy for row in rows] == [True, False]


def test_pairs_are_answers_as_they_are_by_rule_and_edited() -> None:
    some = list(pairs([ANSWER], each=1, seed=1))
    assert some == list(pairs([ANSWER], each=1, seed=1))
    assert {"as it is", "by rule"} < {pair.how for pair in some}
    assert {pair.how for pair in some} <= {"as it is", "by rule", *EDITS}
    for pair in some:
        assert pair.response.strip()
        if pair.how == "by rule":
            assert pair.demand.check(pair.response, asked=pair.asked) is None


def test_edits_change_what_they_are_called_after() -> None:
    chance = random.Random(1)
    demand = KINDS["word_exactly"](word="tea", n=2)
    text = "Tea is hot, tea is sweet. We like tea."
    assert EDITS["no words named"](chance, text, demand, "").lower().count("tea") == 0
    assert 1 <= EDITS["the words so often"](chance, text, demand, "").count("tea") <= 3
    assert "," not in EDITS["no commas"](chance, text, demand, "")
    assert EDITS["the request first"](chance, text, demand, "Why?").startswith("Why?")


def test_agreement_is_counted_by_kind() -> None:
    lower = KINDS["lower_case"]()
    least = KINDS["capital_words_at_least"](n=1)  # of which theirs asks for less
    some = [
        Pair(lower, "Hi", "quiet", "as it is"),  # ours alone
        Pair(lower, "Hi", "Loud", "as it is"),  # theirs alone
        Pair(least, "Hi", "I am", "as it is"),  # theirs alone, and may be
        Pair(least, "Hi", "quiet", "as it is"),
        Pair(KINDS["no_ly_words"](), "Hi", "Hi", "as it is"),  # no check of theirs
    ]
    found, differ = measure(some, _as_peer(_Loud()))
    assert set(found) == {"lower_case", "capital_words_at_least"}
    one, other = found["lower_case"], found["capital_words_at_least"]
    assert (one.pairs, one.agreed, one.passed, one.ours_alone) == (2, 0, 0, 1)
    assert (other.pairs, other.same, other.agreed, other.share) == (2, 1, 2, 1.0)
    assert [(d.response, d.theirs) for d in differ] == [("quiet", False), ("Loud", True)]


def test_values_that_theirs_lack_are_left_out() -> None:
    demand = KINDS["choice"](answers=["a/b", "c"])
    assert counterparts(demand, "Is it?") == ()
    assert compared(Pair(demand, "Is it?", "c", "as it is"), _as_peer(_Loud())) is None


def test_bounds_of_theirs_are_one_more_than_ours() -> None:
    (most,) = counterparts(KINDS["letter_at_most"](letter="e", n=3), "")
    assert most.arguments == {"let_frequency": 4, "let_relation": "less than", "letter": "e"}
    both = counterparts(KINDS["word_exactly"](word="C++", n=2), "")
    assert [one.arguments["frequency"] for one in both] == [2, 3]
    assert {one.arguments["keyword"] for one in both} == {r"C\+\+"}


def test_without_their_checks_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nupunkt", None)
    registry.cache_clear()
    with pytest.raises(SetupError, match=r'pip install "evolsynth\[tuning\]"'):
        Peer()


def test_the_program_tells_and_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("evals.demands.Peer", _Loud)
    path = tmp_path / "found.json"
    assert main(["demands", "--each", "2", "--json", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "both pass" in shown
    assert "lower_case" in shown
    document = json.loads(path.read_text())
    assert document["whole"]["pairs"] == sum(k["pairs"] for k in document["kinds"].values())


def test_ours_imply_theirs() -> None:
    """With if-verifiable itself, where it is installed."""
    pytest.importorskip("if_verifiable")
    pytest.importorskip("nupunkt")
    found, differ = measure(pairs(read_answers(ANSWERS), each=4, seed=3), Peer())
    assert set(found) == set(COUNTERPARTS) & set(KINDS)
    guessed = ("lower_case", "upper_case", "language")  # their language is a guess
    alone = [d for d in differ if d.ours is None and d.kind not in guessed]
    assert alone == []
    assert sum(k.agreed for k in found.values()) > 0.97 * sum(k.pairs for k in found.values())
