"""Kinds of tasks that a program makes alone: what they make holds, and nothing else does."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_texts import NOTHING, PASSAGES, passage, row_of

from evolsynth.evaluation.grounds.ground import stands
from evolsynth.inputs import input_of
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import KINDS
from evolsynth.methods.grounded.wordings import forms
from evolsynth.prompts import prompt_lists

MADE = (
    "absent",
    "choose_heading",
    "choose_title",
    "classify",
    "correct",
    "definition",
    "event_years",
    "fill_in",
    "find_sentence",
    "list_extract",
    "order",
    "table_lookup",
    "to_json",
    "true_false",
    "true_false_list",
    "unit_convert",
    "years_between",
    "yes_no",
)
GERMAN = (
    "Die Glocke wurde im Jahr 1612 von Agnes Torvald in Merrow gegossen und wiegt 840 Kilogramm. "
    "Der Turm ist im Sommer offen, und die Stadt hat für die Arbeit nur 95 Gulden bezahlt."
)
Make = Callable[[Passage, random.Random], Iterator[Draft]]


def maker(kind: str) -> Make:
    return KINDS[kind].make  # type: ignore[return-value] # no kind here asks a model


def drafts(kind: str, seeds: int = 3) -> list[Draft]:
    """What a kind makes of all passages."""
    return [
        draft
        for seed in range(seeds)
        for text in PASSAGES
        for draft in maker(kind)(text, random.Random(seed))
    ]


ALL = {kind: drafts(kind) for kind in MADE}


@pytest.mark.parametrize("kind", MADE)
def test_what_is_made_holds(kind: str) -> None:
    assert ALL[kind]
    for draft in ALL[kind]:
        assert stands(row_of(draft)) == (kind, None)
        assert draft.kind == draft.ground["kind"] == kind


@pytest.mark.parametrize("kind", MADE)
def test_a_draft_is_whole(kind: str) -> None:
    for draft in ALL[kind]:
        assert draft.instruction.strip() == draft.instruction != ""
        assert draft.response.strip() == draft.response != ""
        assert not re.search(r"\{\w+\}|\\n", draft.instruction + draft.response)
        assert draft.told["wording"] in {w for some in lists(kind).values() for w in some}
        assert json.loads(json.dumps(dict(draft.ground))) == dict(draft.ground)
        for spot in draft.evidence:
            assert spot.of(draft.input).strip()


@pytest.mark.parametrize("kind", MADE)
def test_the_same_seed_makes_the_same(kind: str) -> None:
    for text in PASSAGES:
        once, again = (list(maker(kind)(text, random.Random(7))) for _ in range(2))
        assert once == again


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("text", [NOTHING, "", GERMAN, "# A\n\n- b\n"])
def test_a_text_that_offers_nothing_gives_nothing(kind: str, text: str) -> None:
    nothing = Passage(text, "", "", ()) if not text else passage(text)
    assert list(maker(kind)(nothing, random.Random(1))) == []


@pytest.mark.parametrize("kind", MADE)
def test_another_answer_does_not_stand(kind: str) -> None:
    for draft in ALL[kind]:
        for other in (draft.response + " And more.", "It is so.", "", draft.response[:-2]):
            assert stands(row_of(draft, response=other))[1] is not None


@given(response=st.text(max_size=40), kind=st.sampled_from(MADE), number=st.integers(0, 50))
def test_no_other_text_is_an_answer(response: str, kind: str, number: int) -> None:
    draft = ALL[kind][number % len(ALL[kind])]
    if response.strip() != draft.response:
        assert stands(row_of(draft, response=response))[1] is not None


@pytest.mark.parametrize("kind", MADE)
def test_another_task_does_not_stand(kind: str) -> None:
    for draft in ALL[kind]:
        words = draft.instruction.split()
        shorter = " ".join(words[1:])
        for other in (draft.instruction + " Say why.", shorter, draft.instruction.replace("e", "")):
            assert stands(row_of(draft, instruction=other))[1] is not None


@pytest.mark.parametrize("kind", [kind for kind in MADE if not kind.startswith("choose")])
def test_a_text_without_the_evidence_does_not_carry_the_answer(kind: str) -> None:
    tried = 0
    for draft in ALL[kind]:
        for spot in draft.evidence:
            piece = spot.of(draft.input)
            bare = draft.input.replace(piece, "Something else is said in this place.")
            assert stands(row_of(draft, extra={"input": bare}))[1] is not None
            tried += 1
    assert tried
    for draft in ALL[kind]:
        assert stands(row_of(draft, extra={}))[1] is not None


PIECES = st.sampled_from(
    [
        *("In 1612 ", "the bell ", "weighs 840 kilograms", ". ", ", ", " and ", "\n\n", "- "),
        *("| a |", "\n|---|\n", "## ", "It is called ", "(LMU)", "a-", "three ", "oak", "“", "…"),
        *("\x00", "É", "10–12 m", "1. "),
    ]
)


@given(
    text=st.lists(PIECES | st.text(max_size=8), max_size=60).map("".join), seed=st.integers(0, 9)
)
def test_any_text_is_taken(text: str, seed: int) -> None:
    """Whatever is made of it, if anything is, holds."""
    is_text = input_of({"input": text}) is not None  # as "NONE" is none
    shown = passage(text) if is_text else Passage(text, "", "", ())
    for kind in MADE:
        for draft in maker(kind)(shown, random.Random(seed)):
            assert stands(row_of(draft)) == (kind, None)


@pytest.mark.parametrize(
    "piece", ["a-", "In 1612, ", "a, ", "the bell and ", "(A) ", "1. x\n", "| a "]
)
def test_a_text_that_repeats_itself_does_not_take_for_ever(piece: str) -> None:
    """No pattern goes back and forth: a minute would be needed else."""
    shown = passage((piece * 3000).strip() + " called x (AB).")
    for kind in MADE:
        assert len(list(maker(kind)(shown, random.Random(1)))) < 20_000


@pytest.mark.parametrize("kind", MADE)
def test_an_evolved_row_may_demand_more(kind: str) -> None:
    """A demand behind the task and a form round the answer leave the ground as it is."""
    for draft in ALL[kind]:
        asked = draft.instruction + " End with the word done."
        told = f"{draft.ground['answer']}\n\ndone"
        evolved = row_of(draft, instruction=asked, response=told, round=1)
        assert stands(evolved) == (kind, None)
        other = evolved.replace(instruction="Tell a story. End with the word done.")
        assert stands(other)[1] is not None
        assert stands(evolved.replace(response="Nothing of it. done"))[1] is not None


def lists(kind: str) -> dict[str, list[str]]:
    """The wordings of a kind by their forms."""
    return {form: prompt_lists(f"grounded/{kind}")[form] for form in forms(kind)}


@pytest.mark.parametrize("kind", MADE)
def test_a_kind_has_many_wordings(kind: str) -> None:
    every = [w for form, some in lists(kind).items() if form != "refusal" for w in some]
    assert len(every) >= 12
    assert len(set(every)) == len(every)
    for form in forms(kind):
        if form != "refusal":
            assert prompt_lists(f"grounded/{kind}")[f"{form}: answer"]


def test_verdicts_are_as_often_one_as_the_other() -> None:
    said = Counter(
        draft.ground["answer"]
        for kind in ("true_false", "yes_no")
        for draft in drafts(kind, seeds=60)
    )
    for one, other in (("True", "False"), ("Yes", "No")):
        assert 0.45 < said[one] / (said[one] + said[other]) < 0.55


def test_a_refusal_is_no_giveaway() -> None:
    """The same wordings are answered and refused, about as often."""
    made = drafts("absent", seeds=60)
    refused = [draft for draft in made if draft.ground["answer"] == draft.ground["refusal"]]
    assert 0.35 < len(refused) / len(made) < 0.65
    assert {d.told["wording"] for d in refused} & {
        d.told["wording"] for d in made if d not in refused
    }
