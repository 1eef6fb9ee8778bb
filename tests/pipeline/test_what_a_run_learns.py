"""What a steered run learns from its rows, and the weights that follow from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evolsynth.evaluation.diversity.leaders import Leaders
from evolsynth.methods.steering import DRAWN, chosen, spread
from evolsynth.pipeline.run.knowledge import Learnt, drawn_of, evenness
from evolsynth.rows import Failure, Row, Verdict


def row(choice: str, *, task: str = "fact", accepted: bool = True, **fields: object) -> Row:
    made = {"instruction": {DRAWN: {"kinds": choice}}}
    verdict = Verdict(accepted=accepted, task=task, reasons=() if accepted else ("empty",))
    told: dict[str, object] = {"provenance": made, "verdict": verdict, **fields}
    return Row.make(f"About {choice}?", **told)  # type: ignore[arg-type]


def learnt(rows: Sequence[Row]) -> Learnt:
    made = Learnt(None)
    for one in rows:
        made.add(one)
    return made


def test_weights_are_the_usual_ones_while_nothing_is_known() -> None:
    usual = {"a": 1.0, "b": 3.0}
    assert learnt([]).known(50).weights("kinds", usual, {}) == usual


def test_what_is_always_refused_is_dropped_and_what_is_seldom_accepted_is_not() -> None:
    rows = [row("bad", accepted=False)] * 10 + [row("good")] * 8
    rows += [row("poor", accepted=False)] * 7 + [row("poor")]
    known = learnt(rows).known(50)
    assert known.dropped("kinds", {"bad": 1.0, "good": 1.0, "poor": 1.0}) == {"bad": 10}
    weights = known.weights("kinds", {"bad": 1.0, "good": 1.0, "poor": 1.0}, {})
    assert weights["bad"] == 0
    assert 0 < weights["poor"] < weights["good"]


@pytest.mark.parametrize("tries", [1, 3])
def test_a_few_refusals_may_be_chance(tries: int) -> None:
    rows = [row("new", accepted=False)] * tries + [row("good"), row("good", accepted=False)] * 6
    assert learnt(rows).known(50).dropped("kinds", {"new": 1.0, "good": 1.0}) == {}


def test_where_all_is_refused_none_is_to_blame() -> None:
    rows = [row("one", accepted=False), row("other", accepted=False)] * 30
    weights = learnt(rows).known(50).weights("kinds", {"one": 1.0, "other": 1.0}, {})
    assert weights["one"] == pytest.approx(weights["other"])


def test_the_kinds_of_task_of_which_there_are_few_share_what_is_missing() -> None:
    """The choice is known by what it gave, not by what it was held for."""
    rows = [row("many")] * 40 + [row("few", task="letter")] * 4
    kinds = {"many": "fact", "few": "fact", "new": "code"}
    weights = learnt(rows).known(46).weights("kinds", {"many": 1, "few": 1, "new": 1}, kinds)
    assert weights["new"] > weights["few"] > 3 * weights["many"] > 0


def test_a_kind_that_none_can_be_told_of_is_not_asked_for() -> None:
    rows = [row("known")] * 10 + [row("odd", task="other")] * 10
    weights = learnt(rows).known(50).weights("kinds", {"known": 1.0, "odd": 1.0}, {})
    assert weights["odd"] == pytest.approx(weights["known"])


def test_within_a_kind_what_was_drawn_seldom_comes_oftener() -> None:
    rows = [row("often")] * 12 + [row("seldom")] * 2
    weights = learnt(rows).known(50).weights("kinds", {"often": 1.0, "seldom": 1.0}, {})
    assert weights["seldom"] > 1.5 * weights["often"]


def test_within_a_kind_thin_sources_and_lengths_come_oftener() -> None:
    rows = [row("a", extra={"source": "one.md"})] * 9 + [row("c", extra={"source": "one.md"})] * 9
    rows += [row("b", extra={"source": "two.md"})] * 9
    weights = learnt(rows).known(50).weights("kinds", {"a": 1.0, "b": 1.0, "c": 1.0}, {})
    assert weights["b"] > 1.2 * weights["a"]


def test_failed_rows_say_nothing_of_what_was_drawn() -> None:
    failed = row("a").replace(failure=Failure(step="x", error="EngineError", message="off"))
    known = learnt([failed] * 50 + [row("b")] * 5).known(50)
    assert ("kinds", "a") not in known.tallies


def test_what_was_known_stays_when_more_is_learnt() -> None:
    so_far = learnt([row("a")] * 5)
    known = so_far.known(50)
    before = known.weights("kinds", {"a": 1.0, "b": 1.0}, {"a": "fact", "b": "code"})
    for _ in range(40):
        so_far.add(row("b", task="code"))
    assert known.weights("kinds", {"a": 1.0, "b": 1.0}, {"a": "fact", "b": "code"}) == before


def test_several_choices_of_one_set_each_count() -> None:
    made = {"instruction": {DRAWN: {"demands": ["table", "words"], "operations": "constraints"}}}
    assert drawn_of(Row.make("x", provenance=made)) == [
        ("demands", "table"),
        ("demands", "words"),
        ("operations", "constraints"),
    ]


@pytest.mark.parametrize(
    "told", [None, 3, [1], {"a": 3}, {"a": [None]}], ids=["none", "number", "list", "no", "inner"]
)
def test_rows_of_somebody_elses_may_say_anything(told: object) -> None:
    assert drawn_of(Row.make("x", provenance={"instruction": {DRAWN: told}})) == []
    assert drawn_of(Row.make("x", provenance={"instruction": "made by hand"})) == []


@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.sampled_from(["fact", "code"]), st.booleans()),
        max_size=60,
    ),
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0.1, 9.0), min_size=1),
)
def test_never_are_all_dropped_and_no_choice_is_lost(
    told: list[tuple[str, str, bool]], usual: dict[str, float]
) -> None:
    known = learnt([row(c, task=t, accepted=ok) for c, t, ok in told]).known(50)
    weights = known.weights("kinds", usual, {"f": "letter"})
    assert list(weights) == list(usual)
    assert all(weight >= 0 for weight in weights.values())
    assert sum(weights.values()) > 0


def test_evenness_is_one_where_all_are_alike_and_zero_for_one_kind() -> None:
    assert evenness({"a": 5, "b": 5}) == pytest.approx(1.0)
    assert evenness({"a": 5}) == 0
    assert evenness({"a": 5, "b": 5}, 4) == pytest.approx(0.5)
    assert evenness({}) == 0


@given(st.dictionaries(st.text(max_size=2), st.floats(0, 9), min_size=1), st.floats(0, 0.9999))
def test_what_is_chosen_has_a_weight(weights: dict[str, float], at: float) -> None:
    if sum(weights.values()) > 0:
        assert weights[chosen(weights, at)] > 0


def test_choices_come_as_often_as_their_weights_say_and_evenly() -> None:
    weights = {"a": 1.0, "b": 3.0}
    drawn = [chosen(weights, spread(7, "x", number)) for number in range(40)]
    assert 9 <= drawn.count("a") <= 11
    assert [spread(7, "x", n) for n in range(5)] == [spread(7, "x", n) for n in range(5)]
    assert spread(7, "x", 1) != spread(8, "x", 1)


class Planted:
    """Vectors by a text's first letter; the last ones of it are near those of the first."""

    name = "planted"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        made = np.zeros((len(texts), 4), dtype=np.float32)
        for place, text in enumerate(texts):
            made[place, "abcd".index(text[0])] = 1.0
        return made


def test_an_embedder_that_raises_ends_the_clusters_and_nothing_else() -> None:
    class Broken(Planted):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise RuntimeError("no vectors")

    made = Learnt(Broken())
    for _ in range(3):
        made.add(row("a"))
    assert made.tasks["fact"] == 3
    assert made.known(50).tallies[("kinds", "a")].accepted == 3


def test_texts_that_are_near_a_leader_are_in_its_cluster() -> None:
    leaders = Leaders(Planted())
    assert [leaders.cluster(text) for text in ("a1", "b1", "a2", "c1", "b2")] == [0, 1, 0, 2, 1]


def test_beyond_the_most_clusters_a_text_goes_to_the_nearest() -> None:
    leaders = Leaders(Planted(), most=2)
    assert [leaders.cluster(text) for text in ("a", "b", "c", "d")] == [0, 1, 0, 0]


def test_a_thin_cluster_is_asked_for() -> None:
    made = Learnt(Planted())
    for text, choice in [("a one", "x")] * 8 + [("a two", "z")] * 8 + [("b one", "y")] * 8:
        made.add(row(choice).replace(instruction=text))
    weights = made.known(50).weights("kinds", {"x": 1.0, "y": 1.0, "z": 1.0}, {})
    assert weights["y"] > 1.2 * weights["x"]
