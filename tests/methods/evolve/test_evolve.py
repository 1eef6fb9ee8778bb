"""Evol-Instruct: what is asked, which candidate is taken, and what each round leaves behind."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.doing import saying
from evolsynth.errors import CapabilityError, EngineError, InputError, RequestError
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.llamacpp.engine import LlamaCpp
from evolsynth.llm.scripted import Answer, Scripted
from evolsynth.methods.evolve.choosing import CLASSIC_WEIGHTS, SMALL_WEIGHTS
from evolsynth.methods.evolve.drafts import ANCHORED_SAMPLING, OPERATIONS, Anchored
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row

RIVERS = Row.make("Name three large rivers.")
POEM = Row.make("Write a poem about a river.")
GOOD = " the towns that lie on their banks."


def everything() -> Gate:
    """A gate that lets every evolution through."""
    return Gate(settings=GateSettings(skip=("no_new_demand", "unfit_demand", "cut_off")))


async def evolved(rows: list[Row], llm: Scripted, **options: Any) -> list[Row]:
    """As for a small model that writes all demands, one candidate, unless asked otherwise."""
    how = {"seed": 7, "prompts": "small", "candidates": 1, "demands": False, **options}
    return [row async for row in evolve(rows, llm, **how)]


def made_of(row: Row) -> dict[str, Any]:
    made: dict[str, Any] = row.provenance["instruction"]
    return made


def free(answers: Any, **options: Any) -> Scripted:
    """A back end that cannot choose, so that all connectors are open at their end."""
    return Scripted(answers, capabilities=set(Capability) - {Capability.CHOICES}, **options)


def hard_to_please() -> Gate:
    """A gate that refuses every evolution, so that all candidates are asked for."""
    return scored({}, otherwise=0.0)


def by_seed(request: Request) -> str:
    return f" what {request.seed} farmers and fishermen need."


# One round ----------------------------------------------------------------------------------------


async def test_the_row_is_followed_by_its_evolution_which_says_how_it_was_made() -> None:
    llm = Scripted([GOOD])
    original, evolution = await evolved([RIVERS], llm)
    assert original == RIVERS
    assert (evolution.method, evolution.round, evolution.parents) == (
        "evol_instruct",
        1,
        (RIVERS.id,),
    )
    made = made_of(evolution)
    assert made["original"] == made["root"] == RIVERS.instruction
    assert made["operation"] in SMALL_WEIGHTS
    assert made["seed"] == llm.requests[0].seed
    assert made["prompt"] == "evol_instruct/anchored/ideas"
    assert made["connector"].partition(" [")[0] in (evolution.instruction or "")
    assert made["candidates"] == []


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=1).filter(str.strip), st.text())
async def test_an_evolution_of_one_line_begins_with_its_words(text: str, answer: str) -> None:
    """That is what the anchor is for: a small model cannot drop what it did not write."""
    line = " ".join(text.split())
    _, evolution = await evolved([Row.make(line)], Scripted(lambda _: answer), gate=everything())
    kept = line.rstrip(" .?!:;,")
    assert (evolution.instruction or "").startswith(kept)


async def test_the_evolution_ends_with_its_first_sentence() -> None:
    _, evolution = await evolved([RIVERS], Scripted([GOOD + " And another thing\nmore"]))
    assert (evolution.instruction or "").endswith("banks.")
    assert made_of(evolution)["finish_reason"] == "stop"


async def test_the_demand_goes_before_the_data_that_a_request_works_on() -> None:
    row = Row.make("Sort the list by length.\n\n- pear\n- fig\n- banana")
    llm = Scripted(lambda _: " the shortest one in a sentence.")
    _, evolution = await evolved([row], llm, gate=everything())
    text = evolution.instruction or ""
    assert text.startswith("Sort the list by length")
    assert text.endswith("the shortest one in a sentence.\n\n- pear\n- fig\n- banana")
    assert "Given: - pear - fig - banana\n" in str(llm.requests[0].prompt)


async def test_without_the_originals_only_evolutions_come() -> None:
    (one,) = await evolved([RIVERS], Scripted([GOOD]), include_original_instruction=False)
    assert one.round == 1


# Candidates ---------------------------------------------------------------------------------------


async def test_candidates_are_asked_for_two_at_a_time_both_from_one_open_connector() -> None:
    """The engine reads a prompt once for all candidates that go on from it."""
    llm = free(by_seed, delay=0.01)
    await evolved([POEM], llm, candidates=8, gate=hard_to_please())
    assert llm.most_active == 2
    assert len({r.seed for r in llm.requests}) == 8
    prefixes = [r.prefix for r in llm.requests]
    assert len(set(prefixes)) == 4
    assert prefixes[::2] == prefixes[1::2]


def scored(scores: dict[str, float], *, otherwise: float | None = None) -> Gate:
    """A gate that knows how good each demand is by its last word; below 0.5 it refuses."""

    class Knowing(Gate):
        async def check_candidates(self, rows: Any) -> list[Row]:
            def one(row: Row) -> Row:
                last = (row.instruction or "").rsplit(maxsplit=1)[-1]
                score = scores[last] if otherwise is None else scores.get(last, otherwise)
                row = row.replace(scores={"good_evolution": score})
                return row if score >= 0.5 else row.reject("weak_evolution")

            return [one(row) for row in rows]

    return Knowing()


async def test_the_best_candidate_that_gets_through_is_taken_and_the_others_are_logged() -> None:
    words = {"one.": 0.2, "two.": 0.6, "three.": 0.9, "four.": 0.7}
    llm = Scripted([f" {word}" for word in words])
    _, best = await evolved([RIVERS], llm, candidates=4, gate=scored(words))
    assert (best.instruction or "").endswith("three.")
    assert best.status == "pending"
    others = made_of(best)["candidates"]
    assert [o["good_evolution"] for o in others] == [0.7, 0.6, 0.2]
    assert [o.get("reasons", []) for o in others] == [[], [], ["weak_evolution"]]


async def test_no_more_candidates_are_asked_for_than_it_takes() -> None:
    words = {"fair.": 0.6, "good.": 0.8, "weak.": 0.1, "best.": 0.9}
    answers = [" fair.", " weak.", " good.", " weak.", " best.", " best."]

    async def asked(good_enough: float) -> tuple[int, str]:
        llm = Scripted(answers)
        how = {"candidates": 6, "gate": scored(words), "good_enough": good_enough}
        _, best = await evolved([RIVERS], llm, **how)
        return len(llm.requests), (best.instruction or "").rsplit(maxsplit=1)[-1]

    assert await asked(0.5) == (2, "fair.")
    assert await asked(0.75) == (4, "good.")
    assert await asked(1) == (6, "best.")


async def test_what_got_through_is_kept_where_later_candidates_fail() -> None:
    words = {"fair.": 0.6, "weak.": 0.1}
    llm = Scripted([" fair.", " weak.", EngineError("the power went"), EngineError("still dark")])
    _, best = await evolved([RIVERS], llm, candidates=8, gate=scored(words))
    assert (best.instruction or "").endswith("fair.")
    assert len(llm.requests) == 4  # a back end that is gone is not asked again and again


@pytest.mark.parametrize("good_enough", [-0.1, 1.5, float("nan")])
async def test_good_enough_is_a_score(good_enough: float) -> None:
    with pytest.raises(InputError, match="good_enough"):
        await evolved([RIVERS], Scripted([GOOD]), good_enough=good_enough)


async def test_where_none_gets_through_the_best_is_there_rejected_with_its_reasons() -> None:
    """A row that was planned does not disappear."""
    words = {"one.": 0.2, "two.": 0.4}
    llm = Scripted([f" {word}" for word in words])
    _, best = await evolved([RIVERS], llm, candidates=2, gate=scored(words))
    assert (best.instruction or "").endswith("two.")
    assert best.verdict is not None
    assert best.verdict.reasons == ("weak_evolution",)


async def test_without_a_gate_rules_on_words_judge() -> None:
    llm = Scripted([" ", GOOD])
    _, best = await evolved([RIVERS], llm, candidates=2)
    assert (best.instruction or "").endswith(GOOD.strip())
    assert best.status == "pending"


async def test_a_copied_example_is_refused() -> None:
    file = load_prompt("evol_instruct/anchored/story")
    assert "Set it in a museum at night." in file.example_demands
    _, evolution = await evolved([POEM], free([" a museum at night."]))
    assert evolution.verdict is not None
    assert "example_leak" in evolution.verdict.reasons


# Rounds -------------------------------------------------------------------------------------------


async def test_a_round_evolves_what_the_round_before_it_made() -> None:
    llm = Scripted(by_seed)
    seed_row, *rounds = await evolved([RIVERS], llm, rounds=3)
    assert [row.round for row in rounds] == [1, 2, 3]
    assert [row.parents for row in rounds] == [
        (seed_row.id,),
        (rounds[0].id,),
        (rounds[1].id,),
    ]
    assert [made_of(row)["original"] for row in rounds] == [
        RIVERS.instruction,
        rounds[0].instruction,
        rounds[1].instruction,
    ]
    assert {made_of(row)["root"] for row in rounds} == {RIVERS.instruction}


async def test_after_a_failed_round_the_parent_is_tried_again_otherwise() -> None:
    """As in the paper: a failed evolution goes back to the pool unchanged."""
    llm = free(["", GOOD, " old castles and their owners."])
    _, first, second, third = await evolved([POEM], llm, rounds=3)
    assert (first.status, second.status, third.status) == ("rejected", "pending", "pending")
    assert second.parents == first.parents == (POEM.id,)
    assert (second.round, third.round) == (1, 2)
    assert llm.requests[0].seed != llm.requests[1].seed


async def test_of_a_closed_connector_the_model_chooses_the_rest() -> None:
    """And only once each: a second candidate would mostly be the same."""
    llm = Scripted(lambda r: r.choices[0] if r.choices else by_seed(r))
    await evolved([RIVERS], llm, candidates=16, gate=hard_to_please())
    closed = [r for r in llm.requests if r.choices]
    assert len({(r.prefix, r.choices) for r in closed}) == len(closed) > 4
    for request in closed:
        assert len(set(request.choices)) == len(request.choices) > 1
        assert all(text.startswith(" ") and text.endswith(".") for text in request.choices)
        assert not any("[" in text or "|" in text for text in request.choices)
        assert not request.prefix.endswith((".", " "))


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_the_real_model_keeps_to_the_alternatives(smollm: LlamaCpp) -> None:
    rows = [Row.make("Write a letter to a friend."), Row.make("Why is the sky blue?")]
    evolutions = evolve(rows, smollm, seed=3, gate=hard_to_please(), demands=False)
    made = [row async for row in evolutions]
    told = [made_of(row) for row in made if row.round]
    known = [load_prompt(t["prompt"]).value("connectors")[t["operation"]] for t in told]
    assert all(t["connector"] in some for t, some in zip(told, known, strict=True))
    texts = [(t["connector"], row.instruction) for t, row in zip(told, made[1::2], strict=True)]
    texts += [(c["connector"], c["instruction"]) for t in told for c in t["candidates"]]
    closed = [(c, text or "") for c, text in texts if c.endswith(".")]
    assert len(texts) == 16
    assert closed
    for connector, text in closed:
        head, _, rest = re.escape(connector).partition(r"\[")
        pattern = (head + "[" + rest).replace("\\]", "]") if rest else head
        choice = re.sub(r"\\?\[([^\]]+?)\\?\]", lambda m: f"({m[1]})", pattern)
        assert re.search(choice.replace(r"\|", "|"), text), (connector, text)


async def test_no_connector_comes_twice_in_a_chain() -> None:
    _, *rounds = await evolved([RIVERS], Scripted(by_seed), rounds=6, gate=everything())
    used = [made_of(row)["connector"] for row in rounds]
    assert len(used) == len(set(used)) == 6


async def test_one_limit_of_length_is_enough() -> None:
    row = Row.make("Explain in no more than 50 words what a tide is.")
    llm = Scripted(by_seed)
    await evolved([row], llm, candidates=24, operations={"constraints": 1}, gate=everything())
    assert llm.requests
    assert not any("no more than" in r.prefix or "Limit yourself" in r.prefix for r in llm.requests)


@pytest.mark.parametrize(
    ("text", "unwanted"),
    [
        ("Is it spam? Output yes or no.", "Answer in"),
        ("Which of these is a city? Give the names separated by commas.", "Arrange"),
        ("Identify the illness and suggest a medicine.", "Answer in"),
    ],
)
async def test_no_connector_contradicts_the_form_that_the_request_sets(
    text: str, unwanted: str
) -> None:
    llm = Scripted(by_seed)
    weights = {"constraints": 1}
    asked = {"candidates": 24, "operations": weights, "gate": hard_to_please()}
    await evolved([Row.make("Is it spam?")], llm, **asked)
    assert any(r.prefix.startswith(f" {unwanted}") for r in llm.requests)
    strict = Scripted(by_seed)
    await evolved([Row.make(text)], strict, **asked)
    assert not any(r.prefix.startswith(f" {unwanted}") for r in strict.requests)


def connectors(instruction: str, *, root: str | None = None) -> set[str]:
    """All that the small family would try."""
    drafter = Anchored(SMALL_WEIGHTS, ANCHORED_SAMPLING)
    drafts = drafter.drafts(Scripted([]), instruction, root=root or instruction, number=99, seed=1)
    return {draft.told["connector"] for draft in drafts}


@pytest.mark.parametrize(
    ("text", "longer", "unwanted"),
    [
        ("Is a bat a bird?", "Is a bat a bird? Explain it so that a child can follow.", "clear to"),
        ("Solve 2 + 30.", "Solve 2 + 30. Explain each step in plain words.", "each step"),
        ("Name three hobbies.", "Name three hobbies and give reasons.", "why each"),
        ("Rewrite the line.", "Correct the spelling in the line.", "versions"),
        ("Write a letter to Ana.", "Write a text message to Ana.", "Divide it into"),
        ("Is a bat a bird?", "Classify the note by all its categories.", "that decides it"),
        ("How do I clean a kitchen?", "Make a checklist for cleaning.", "clichés"),
    ],
)
def test_no_connector_clashes_with_what_is_asked_already(
    text: str, longer: str, unwanted: str
) -> None:
    assert not any(unwanted in connector for connector in connectors(longer))
    if unwanted != "clichés":  # which no such request is asked for anyway
        assert any(unwanted in connector for connector in connectors(text))


def test_demands_of_earlier_rounds_do_not_change_the_shape() -> None:
    root = "List five things that belong in a first-aid box."
    later = f"{root} Also give the answer as a JSON list."
    assert any("expected output" in connector for connector in connectors(later))
    assert not any("expected output" in connector for connector in connectors(later, root=root))


async def test_only_the_last_good_evolution_where_the_others_are_not_stored() -> None:
    llm = free([GOOD, "", " old castles and their owners.", ""])
    original, last = await evolved([POEM], llm, rounds=4, store_evolutions=False)
    assert original == POEM
    assert (last.round, last.status) == (2, "pending")


async def test_a_seed_without_any_good_evolution_still_has_a_row() -> None:
    llm = Scripted(lambda _: "")
    _, last = await evolved([RIVERS], llm, rounds=2, store_evolutions=False)
    assert last.status == "rejected"


async def test_a_row_that_was_evolved_before_keeps_its_root() -> None:
    _, first = await evolved([RIVERS], Scripted(by_seed))
    _, second = await evolved([first], Scripted(by_seed), seed=8)
    assert made_of(second)["root"] == RIVERS.instruction
    assert second.round == 2


# Breadth and classic prompts ----------------------------------------------------------------------


async def test_in_breadth_the_new_task_stands_alone() -> None:
    llm = Scripted([" Which lakes lie higher than 3,000 metres?"])
    _, new = await evolved([RIVERS], llm, operations={"breadth": 1})
    assert new.instruction == "Which lakes lie higher than 3,000 metres?"
    made = made_of(new)
    assert (made["operation"], made["inspiration"]) == ("breadth", RIVERS.instruction)
    assert "original" not in made
    assert new.status == "pending"


async def test_in_breadth_the_same_task_again_is_refused() -> None:
    llm = Scripted([" Name three rivers that are large."])
    _, new = await evolved([RIVERS], llm, operations={"breadth": 1})
    assert new.verdict is not None
    assert new.verdict.reasons == ("same_task",)


async def test_classic_prompts_let_the_model_rewrite_in_a_chat_turn() -> None:
    rewritten = "Name three large rivers of Asia and the seas that they flow into."
    llm = Scripted([f'New request: "{rewritten}"', "different"])
    _, evolution = await evolved([RIVERS], llm, prompts="classic", operations={"deepening": 1})
    assert evolution.instruction == rewritten
    request, equal = llm.requests
    assert str(request.prompt).endswith("<|im_start|>assistant\n")
    asked = [s.text for s in request.raw.segments if not s.control]
    assert any("Name three large rivers." in text for text in asked)
    assert request.prefix == ""
    assert rewritten in str(equal.prompt)
    assert evolution.status == "pending"


async def test_what_the_model_holds_for_equal_is_eliminated() -> None:
    rewritten = "Name three large rivers of Asia and the seas that they flow into."
    llm = Scripted([rewritten, " equal."])
    _, evolution = await evolved([RIVERS], llm, prompts="classic", operations={"deepening": 1})
    assert evolution.verdict is not None
    assert evolution.verdict.reasons == ("no_information_gain",)


async def test_a_rewrite_that_lost_something_is_refused() -> None:
    llm = Scripted(["Describe how bridges across wide straits are built and paid for."])
    _, evolution = await evolved(
        [RIVERS], llm, prompts="classic", operations={"constraints": 1}, ask_for_gain=False
    )
    assert evolution.verdict is not None
    assert "information_loss" in evolution.verdict.reasons


async def test_candidates_of_a_classic_prompt_are_answers_to_one_prompt() -> None:
    llm = Scripted(by_seed)
    await evolved([RIVERS], llm, prompts="classic", candidates=4, ask_for_gain=False)
    assert len({str(r.prompt) for r in llm.requests}) == 1
    assert len({r.seed for r in llm.requests}) == 4


async def test_the_family_is_chosen_by_the_models_size() -> None:
    llm = Scripted(by_seed)  # of unknown size
    _, one = await evolved([RIVERS], llm, prompts=None, ask_for_gain=False)
    assert made_of(one)["prompt"].startswith("evol_instruct/classic/")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_a_classic_prompt(operation: str) -> None:
    text = load_prompt(f"evol_instruct/classic/{operation}").part("question", instruction="{{ x }}")
    assert "{{ x }}" in text
    assert operation in CLASSIC_WEIGHTS


# Answers ------------------------------------------------------------------------------------------


async def test_answers_come_with_the_evolutions_if_asked_for() -> None:
    def answer(request: Request) -> str:
        return GOOD if request.prefix else "The Nile, the Amazon and the Yangtze are large rivers."

    original, evolution = await evolved([RIVERS], Scripted(answer), generate_answers=True)
    assert original.response == evolution.response
    assert evolution.status == "pending"


@pytest.mark.parametrize(
    ("response", "reason"),
    [("I'm sorry, but I cannot help with that.", "refusal"), ("... it is the. of", "says_nothing")],
)
async def test_an_evolution_whose_answer_is_none_is_eliminated(response: str, reason: str) -> None:
    """Rules 2 and 3 of the paper; the next round goes on from the parent."""

    def answer(request: Request) -> str:
        return GOOD if request.prefix else response

    rows = await evolved([RIVERS], Scripted(answer), generate_answers=True, rounds=2)
    for row in rows[1:]:
        assert row.verdict is not None
        assert reason in row.verdict.reasons
        assert row.parents == (RIVERS.id,)


# The plan -----------------------------------------------------------------------------------------


async def test_the_same_bytes_for_any_concurrency_and_any_neighbours() -> None:
    rows = [Row.make(f"Name {i} large rivers.") for i in range(20)]
    waits = random.Random(3)
    slow = Scripted(by_seed, delay=lambda _: waits.random() / 100)
    how: dict[str, Any] = {"candidates": 3, "rounds": 2}
    one = await evolved(rows, Scripted(by_seed), concurrency=1, **how)
    assert await evolved(rows, slow, concurrency=16, **how) == one
    alone = await evolved(rows[5:6], Scripted(by_seed), **how)
    assert alone == one[15:18]


async def test_operations_are_drawn_by_their_weights() -> None:
    rows = [Row.make(f"Name {i} large rivers.") for i in range(120)]
    out = await evolved(
        rows,
        Scripted(by_seed),
        operations={"constraints": 3.0, "deepening": 1.0, "concretizing": 0.0},
        include_original_instruction=False,
        gate=everything(),
    )
    drawn = [made_of(row)["operation"] for row in out]
    assert set(drawn) == {"constraints", "deepening"}
    assert 75 <= drawn.count("constraints") <= 105


async def test_all_examples_and_many_connectors_are_used() -> None:
    llm = Scripted(by_seed)
    await evolved([Row.make(f"Name {i} large rivers.") for i in range(40)], llm)
    assert len({r.raw.segments[0].text for r in llm.requests}) == 2
    assert len({r.prefix for r in llm.requests}) > 8


async def test_names_of_operations_may_be_written_as_in_distilabel_in_any_order() -> None:
    rows = [Row.make(f"Name {i} large rivers.") for i in range(8)]
    one = await evolved(rows, Scripted(by_seed), operations={"DEEPENING": 1, "CONSTRAINTS": 2})
    other = await evolved(rows, Scripted(by_seed), operations={"constraints": 2, "deepening": 1})
    assert one == other


@pytest.mark.parametrize(
    ("operations", "complaint"),
    [
        ({"deepen": 1.0}, "no operation 'deepen'.*constraints.*breadth"),
        ({"deepening": -1.0}, "weight of 'deepening' is -1"),
        ({"deepening": float("nan")}, "weight of 'deepening' is nan"),
        ({"deepening": float("inf")}, "weight of 'deepening' is inf"),
        ({"deepening": 0.0}, "All weights are 0"),
        ({}, "All weights are 0"),
    ],
)
async def test_weights_that_cannot_be_drawn_from_are_refused(
    operations: dict[str, float], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        await evolved([RIVERS], Scripted([GOOD]), operations=operations)


@pytest.mark.parametrize("name", ["rounds", "candidates"])
async def test_none_at_all_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is 0"):
        await evolved([RIVERS], Scripted([GOOD]), **{name: 0})


# Failure ------------------------------------------------------------------------------------------


async def test_a_failed_request_keeps_the_original_and_says_what_happened() -> None:
    llm = Scripted(lambda _: EngineError("The power went."))
    original, failed = await evolved([RIVERS], llm, candidates=2, rounds=3)
    assert original == RIVERS
    assert (failed.status, failed.round, failed.parents) == ("failed", 1, (RIVERS.id,))
    assert failed.failure is not None
    assert (failed.failure.step, failed.failure.message) == ("evol_instruct", "The power went.")


async def test_one_candidate_that_fails_does_not_touch_the_others() -> None:
    answers: list[Answer] = [RequestError("Too long."), GOOD]
    _, evolution = await evolved([RIVERS], Scripted(answers), candidates=2)
    assert evolution.status == "pending"


async def _said(*rows: Row, **options: Any) -> tuple[list[str], list[Row]]:
    """What is said of seeds before the model is asked, and what comes of them."""
    said: list[str] = []
    before: list[int] = []

    def answer(request: Request) -> str:
        before.append(len(said))
        return " Name its author"

    how = {"seed": 3, "prompts": "small", "candidates": 1, "demands": False, **options}
    with saying(said.append):
        made = [row async for row in evolve(rows, free(answer), **how)]
    assert not said or all(count == len(said) for count in before)
    return said, made


GERMAN = "Nenne drei Flüsse in Polen, aber nicht die Weichsel."


async def test_seeds_in_other_languages_are_told_of_before_the_first_is_evolved() -> None:
    seeds = [POEM, Row.make(GERMAN), Row.make("请解释雨是怎么形成的。")]
    said, made = await _said(*seeds)
    (sentence,) = said
    assert "2 of the first 3 seeds are in another language" in sentence
    assert [row.instruction for row in made if row.round == 0] == [r.instruction for r in seeds]


async def test_nothing_is_said_of_english_seeds_or_where_the_model_rewrites_them() -> None:
    assert (await _said(POEM, RIVERS))[0] == []
    told, _ = await _said(Row.make(GERMAN), prompts="classic", ask_for_gain=False)
    assert told == []


async def test_nobody_waits_for_seeds_that_a_model_makes() -> None:
    taken: list[int] = []

    async def seeds() -> AsyncIterator[Row]:
        for number in range(40):
            taken.append(number)
            yield Row.make(GERMAN, method="magpie", key=str(number))

    made = evolve(seeds(), free("x"), prompts="small", demands=False, concurrency=1)
    async with aclosing(made) as stream:
        async for _ in stream:
            break
    assert len(taken) < 8


async def test_settled_rows_pass_without_an_evolution() -> None:
    rows = [RIVERS.reject("exact_duplicate"), Row.make(response="no instruction")]
    llm = Scripted([])
    assert await evolved(rows, llm) == rows
    assert llm.requests == []


async def test_a_check_that_breaks_is_the_rows_failure() -> None:
    class Broken(Gate):
        async def check_candidates(self, rows: Any) -> list[Row]:
            raise RequestError("The embedder fell asleep.")

    (failed,) = await evolved([RIVERS], Scripted([GOOD]), gate=Broken())
    assert failed.status == "failed"


async def test_leaving_early_cancels_what_is_under_way() -> None:
    rows = [Row.make(f"Name {i} large rivers.") for i in range(200)]
    llm = Scripted(by_seed, delay=lambda _: 0 if len(llm.requests) <= 4 else 30, concurrency=16)
    stream = evolve(rows, llm, prompts="small", candidates=4, demands=False)
    async with aclosing(stream) as some:
        assert await anext(some) == rows[0]
        await asyncio.sleep(0.01)
        assert llm.active > 0
    assert llm.active == 0
    assert len(llm.requests) < 60
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("missing", [Capability.PREFIX, Capability.RAW_PROMPT])
async def test_a_back_end_that_cannot_anchor_is_refused_at_once(missing: Capability) -> None:
    llm = Scripted([GOOD], capabilities=set(Capability) - {missing})
    with pytest.raises(CapabilityError, match="Evol-Instruct"):
        await evolved([RIVERS], llm)
    assert llm.requests == []
