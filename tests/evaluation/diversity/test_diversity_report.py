"""The whole report: which rows count, groups at equal size, a reference, and its JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity import summary as module
from evolsynth.evaluation.diversity.distances import vendi_score
from evolsynth.evaluation.diversity.summary import collect, diversity_report, embedded
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.rows import Failure, Message, Row, Verdict

YES = Verdict(accepted=True)
THINGS = ("bread", "comets", "violins", "taxes", "roses", "chess", "volcanoes", "whales")


class Hashed:
    """An embedder for tests: the mean of a fixed random direction of each word."""

    name = "hashed"

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        rows = [sum((self._word(w) for w in text.split()), np.zeros(24)) for text in texts]
        x = np.array(rows).reshape(len(texts), 24)
        lengths = np.linalg.norm(x, axis=1, keepdims=True)
        return np.asarray(x / np.where(lengths > 0, lengths, 1), np.float32)

    @staticmethod
    def _word(word: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.random.default_rng(list(word.encode())).normal(size=24)


def rows_of(count: int, things: Sequence[str] = THINGS, **fields: Any) -> list[Row]:
    return [
        Row.make(f"Explain {things[i % len(things)]} in way {i}.", key=str(i), **fields)
        for i in range(count)
    ]


# --- which rows count ----------------------------------------------------------------------------


def test_only_accepted_rows_count_where_rows_have_verdicts() -> None:
    good, bad = Row.make("Name a river.", verdict=YES), Row.make("Name it.").reject("too_short")
    failed = Row.make("Lost", failure=Failure(step="x", error="E", message="m"))
    plain = Row.make("Never judged.")
    found = collect([good, bad, failed, plain])
    assert (found.texts, found.status) == (["Name a river."], "accepted")
    assert found.left_out == {"failed": 1, "rejected": 1, "unchecked": 1}
    assert collect([plain]).status == "unchecked"
    assert len(collect([good, bad, failed, plain], every=True).texts) == 4


def test_rejected_rows_alone_leave_nothing_to_measure() -> None:
    report = diversity_report([Row.make("Name it.").reject("too_short")], Hashed())
    assert (report.whole.rows, report.groups, report.thin) == (0, (), ())
    assert report.left_out == {"rejected": 1}


def test_any_field_can_be_measured_and_a_missing_one_is_named() -> None:
    rows = [Row.make("Ask", response="An answer.", extra={"topic": "tea", "n": 3})]
    assert collect(rows, field="response").texts == ["An answer."]
    assert collect(rows, field="topic").texts == ["tea"]
    with pytest.raises(InputError, match=r"its field 'prompt'.*Fields found: n, topic"):
        collect(rows, field="prompt")


def test_a_conversation_counts_by_its_first_user_turn() -> None:
    row = Row.make(messages=(Message("system", "Be kind."), Message("user", "Hi there")))
    assert collect([row]).texts == ["Hi there"]


def test_groups_go_by_the_fields_asked_for() -> None:
    rows = [
        Row.make("a", method="magpie"),
        Row.make("b", method="evol_instruct", round=2, extra={"tool": "x"}),
    ]
    assert collect(rows).groups == ["magpie", "evol_instruct, round 2"]
    assert collect(rows, by=["round"]).groups == ["round 0", "round 2"]
    assert collect(rows, by=["tool"]).groups == ["tool None", "tool x"]


def test_a_text_without_a_vector_is_left_out_and_counted() -> None:
    texts, vectors = embedded(collect([Row.make("a b"), Row.make(" \x00 ")]), Hashed())
    assert len(texts.texts) == len(vectors)
    kept, good = embedded(collect([Row.make("word")]), Nothing())
    assert (kept.texts, len(good), kept.left_out) == ([], 0, {"no vector": 1})


class Nothing:
    name = "nothing"

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.zeros((len(texts), 3), np.float32)


# --- groups --------------------------------------------------------------------------------------


def test_groups_of_different_size_are_compared_at_the_size_of_the_smallest() -> None:
    wide = rows_of(90, method="magpie")
    narrow = rows_of(30, THINGS[:1], method="evol_instruct", round=1)
    report = diversity_report([*wide, *narrow], Hashed())
    assert report.equal_size == 30
    groups = {group.name: group for group in report.groups}
    assert list(groups) == ["all", "evol_instruct, round 1", "magpie"]
    assert [group.rows for group in report.groups] == [120, 30, 90]
    wide_vendi = groups["magpie"].figures["vendi"]
    narrow_vendi = groups["evol_instruct, round 1"].figures["vendi"]
    assert wide_vendi is not None
    assert narrow_vendi is not None
    assert wide_vendi.low is not None
    assert narrow_vendi.high is not None
    assert narrow_vendi.high < wide_vendi.low
    vectors = Hashed().embed([row.instruction or "" for row in narrow])
    assert narrow_vendi.value == pytest.approx(vendi_score(vectors))
    assert any("at 30 texts each" in note for note in report.notes)


def test_a_group_too_small_is_said_and_not_compared() -> None:
    report = diversity_report([*rows_of(40, method="magpie"), *rows_of(3, method="x")], Hashed())
    by_name = {group.name: group for group in report.groups}
    assert by_name["x"].figures == {}
    assert by_name["magpie"].figures
    assert any("too few to compare: x." in note for note in report.notes)


def test_the_reference_gives_clusters_and_a_column_and_what_is_missing() -> None:
    own = rows_of(60, THINGS[:4])
    report = diversity_report(own, Hashed(), reference=rows_of(160))
    assert report.reference is not None
    assert report.reference.coverage == 1
    assert report.whole.coverage < 1
    assert report.groups[-1].name == "reference"
    said = " ".join(" ".join(one.words) for one in report.thin)
    assert "whales" in said
    assert all(one.reference_examples for one in report.thin)
    assert report.whole.verbs[0].verb == "explain"


def test_an_empty_reference_is_said() -> None:
    empty = [Row.make("Name it.").reject("too_short")]
    report = diversity_report(rows_of(25), Hashed(), reference=empty)
    assert report.reference is None
    assert "The reference has no texts to compare with." in report.notes


def test_a_single_row_is_measured() -> None:
    report = diversity_report([Row.make("Name a river.")], Hashed())
    assert report.whole.vendi == pytest.approx(1)
    assert report.whole.mean_distance is None
    assert report.equal_size is None


def test_what_is_sampled_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 50)
    report = diversity_report(rows_of(60), Hashed())
    assert report.whole.rows == 50
    assert report.notes[0] == "Of 60 texts 50, drawn at random, are measured."


def test_of_more_rows_than_are_measured_no_more_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is as likely as any other, they stay in order, and the seed says which."""
    monkeypatch.setattr(module, "MOST", 20)
    rows = [Row.make(f"Name {n} rivers.", key=str(n)) for n in range(100)]
    often = Counter[str]()
    for seed in range(300):
        found = module.collect(rows, seed=seed)
        assert (len(found.texts), len(set(found.texts)), found.of) == (20, 20, 100)
        assert found.texts == sorted(found.texts, key=lambda text: int(text.split()[1]))
        often.update(found.texts)
    assert len(often) == 100
    assert 30 < min(often.values()) < 60 < max(often.values()) < 95  # of a mean of 60
    assert module.collect(rows, seed=3) == module.collect(iter(rows), seed=3)
    assert module.collect(rows[:20], seed=3).of is None


# --- the file ------------------------------------------------------------------------------------


def test_the_same_rows_give_the_same_json_and_the_seed_is_in_it() -> None:
    rows = rows_of(50)
    one = diversity_report(iter(rows), Hashed(), seed=4).to_json()
    assert one == diversity_report(rows, Hashed(), seed=4).to_json()
    assert one != diversity_report(rows, Hashed(), seed=5).to_json()
    read = json.loads(one)
    assert read["seed"] == 4
    assert set(read["groups"][0]["figures"]["vendi"]) == {"value", "low", "high"}


@pytest.mark.real
def test_minilm_and_its_static_vectors_see_that_one_subject_is_less_than_many(
    embedder: MiniLM,
) -> None:
    frames = (
        "Explain {}.",
        "Write a poem about {}.",
        "Give me a fact about {}.",
        "Why is {} liked?",
    )
    many = [Row.make(f.format(t), method="many") for t in THINGS for f in frames]
    one = [
        Row.make(f.format(f"{n} loaves of bread"), method="one") for n in range(8) for f in frames
    ]
    for vectors in (embedder, embedder.rough()):
        report = diversity_report([*many, *one], vectors)
        figures = {group.name: group.figures["vendi"] for group in report.groups}
        wide, narrow = figures["many"], figures["one"]
        assert wide is not None
        assert narrow is not None
        assert wide.low is not None
        assert narrow.high is not None
        assert wide.low > narrow.high


@pytest.mark.real
def test_the_script_of_the_diversity_page_runs_as_written(
    page_blocks: Callable[[str], list[str]], shown_by: Callable[[str], str]
) -> None:
    said = shown_by(page_blocks("diversity")[0])
    assert said.splitlines() == ["25 25 0.12", "['all', 'reference'] explain"]
