"""Self-Instruct's loop: what is shown, what is kept, and that only the seed decides."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import CapabilityError, EngineError, InputError, SetupError
from evolsynth.evaluation.text.rouge import rouge_l
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Answer, Scripted
from evolsynth.methods.self_instruct.pool import SeedTask, shipped_seeds
from evolsynth.methods.self_instruct.tasks import ROUND, bootstrap_tasks
from evolsynth.methods.self_instruct.writer import bare
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row

SMALL, LARGE = 135_000_000, 8_000_000_000
WORDS = [
    "amber",
    "basil",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grape",
    "heron",
    "ivory",
    "jelly",
    "koala",
    "lemon",
    "maple",
    "north",
]
GOOD_ANSWER = "It depends on many things, and most people would begin with the simple ones first."


def small(request: Request) -> Answer:
    """A small model that keeps to its subject and answers at length."""
    prompt = str(request.prompt)
    if prompt.startswith("Tasks for an assistant"):
        subject = re.findall(r"\(([^)]*)\)", prompt)[-1]
        draw = random.Random(request.seed)
        text = " ".join(draw.sample(WORDS, 4))
        if request.prefix.endswith(" or"):
            return " dull."
        return f" {text}." if subject in request.prefix else f" {subject} and {text}."
    if prompt.startswith("Tasks, each with its right"):
        label = re.findall("Answer: (.*)", prompt)[-1]
        return f" boats, all of them {label}, came home late in the evening."
    if prompt.startswith("Short texts"):
        return " the boats came home late in the evening and were full of fish."
    if prompt.startswith("Tasks about a text"):
        return " Late boats, and what they brought."
    asked = prompt.partition("<|im_start|>user\n")[2].partition("<|im_end|>")[0]
    return f"{GOOD_ANSWER} So much for: {asked}"


def likely(before: str, continuation: str) -> float:
    """A label is likely after a text that has it."""
    return 0.0 if continuation.strip() in before else -1.0


def large(request: Request) -> Answer:
    """A large model in the paper's three steps: every third task is a classification."""
    prompt = str(request.prompt)
    draw = random.Random(request.seed)
    text = " ".join(draw.sample(WORDS, 5))
    if "Think of one more" in prompt:
        return f'9. "{"Decide whether" if request.seed % 3 == 0 else "Describe how"} {text}."'
    if "Is the last of these tasks a classification?" in prompt:
        return "Yes." if re.findall("Task: (.*)", prompt)[-1].startswith("Decide") else "no"
    if "Class label" in prompt:
        return f"Class label: fine\nInput: The {text} is here."
    return f"Input: none\nOutput: {text} is how. {GOOD_ANSWER}"


async def rows_of(llm: Scripted, **options: Any) -> list[Row]:
    return [row async for row in bootstrap_tasks(llm, **{"n": 5, "seed": 7, **options})]


def accepted(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.status == "accepted"]


async def test_a_row_has_task_input_output_and_says_how_it_was_made() -> None:
    rows = accepted(await rows_of(Scripted(small, scores=likely, parameters=SMALL), n=40))
    assert len(rows) == 40
    for row in rows:
        task, text = row.extra["task"], row.extra["input"]
        assert row.instruction == (f"{task}\n\n{text}" if text else task)
        assert row.response
        assert (row.method, row.parents) == ("self_instruct", ())
        made = row.provenance["instruction"]
        assert made["prompt"] == "self_instruct/tasks_small"
        assert len(made["shots"]) == 8
    assert {bool(row.extra["input"]) for row in rows} == {True, False}
    labelled = [row for row in rows if row.extra["is_classification"]]
    assert labelled
    assert all(str(row.response) in row.extra["input"] for row in labelled)


async def test_eight_seeds_are_shown_first_and_later_two_that_were_made() -> None:
    rows = await rows_of(Scripted(small, parameters=SMALL), n=3 * ROUND)
    known = {row.id for row in rows}
    for number, row in enumerate(rows):
        shots = row.provenance["instruction"]["shots"]
        made = [shot for shot in shots if shot in known]
        assert len(made) == (0 if number < 2 * ROUND else 2)
        assert len(set(shots)) == 8
        earlier = {r.id for r in rows[: max(0, (number // ROUND - 1) * ROUND)]}
        assert set(made) <= earlier


async def test_the_same_seed_gives_the_same_bytes_whoever_finishes_first() -> None:
    waits = random.Random(3)
    slow = Scripted(small, parameters=SMALL, delay=lambda _: waits.random() / 200)
    one = await rows_of(Scripted(small, parameters=SMALL), n=70, concurrency=1)
    many = await rows_of(slow, n=70, concurrency=50)
    assert [row.to_json() for row in one] == [row.to_json() for row in many]
    assert slow.most_active > 10


async def test_a_longer_run_begins_with_the_rows_of_a_shorter_one() -> None:
    short = await rows_of(Scripted(small, parameters=SMALL), n=20)
    long = await rows_of(Scripted(small, parameters=SMALL), n=45)
    assert long[: len(short)] == short
    other = await rows_of(Scripted(small, parameters=SMALL), n=20, seed=8)
    assert not {row.id for row in short} & {row.id for row in other}


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_no_accepted_task_is_worded_like_another_or_a_seed(seed: int, n: int) -> None:
    """Whatever the model writes, here many tasks that are nearly the same."""

    def alike(request: Request) -> Answer:
        if not str(request.prompt).startswith("Tasks for an assistant"):
            return small(request)
        subject = re.findall(r"\(([^)]*)\)", str(request.prompt))[-1]
        return f" {subject} and {WORDS[request.seed % 3]}."

    llm = Scripted(alike, parameters=SMALL)
    rows = asyncio.run(rows_of(llm, n=n, seed=seed, max_attempts=80))
    tasks = [row.extra["task"] for row in accepted(rows)]
    pool = [s.instruction for s in shipped_seeds()]
    for task in tasks:
        assert all(rouge_l(task, other) < 0.7 for other in pool)
        pool.append(task)
    assert len(tasks) <= n
    counts = Counter(row.status for row in rows)
    if len(tasks) < n:
        assert counts["failed"] == 1
        assert sum(counts.values()) == 81
        assert f"{len(tasks)} of {n} tasks were accepted in 80 attempts" in str(rows[-1].failure)


async def test_a_task_that_was_there_names_its_twin() -> None:
    def copies(request: Request) -> Answer:
        if "Think of one more" in str(request.prompt):
            return shipped_seeds()[3].instruction
        return large(request)

    rows = await rows_of(Scripted(copies), n=1, max_attempts=3)
    assert [row.status for row in rows] == ["rejected"] * 3 + ["failed"]
    assert rows[0].verdict is not None
    assert rows[0].verdict.reasons == ("same_wording",)
    assert rows[0].verdict.details["same_wording"]["twin"] == "seed 4"
    assert rows[0].verdict.details["same_wording"]["rouge_l"] == 1.0


async def test_rejected_attempts_are_rows_with_reasons() -> None:
    def strays(request: Request) -> Answer:
        if str(request.prompt).startswith("Tasks for an assistant"):
            return " and so on, a zebra."
        return small(request)

    rows = await rows_of(Scripted(strays, parameters=SMALL), max_attempts=20)
    reasons = Counter(row.verdict.reasons[0] for row in rows if row.verdict and row.settled)
    assert reasons["off_subject"] > 5
    asked = [row for row in rows[:-1] if "rule" not in row.provenance["instruction"]]
    assert all(row.extra["task"].endswith("zebra.") for row in asked if row.settled)


async def test_an_input_without_its_label_is_told() -> None:
    """Here both labels are always as likely as each other."""
    rows = await rows_of(Scripted(small, parameters=SMALL), n=40)
    wrong = [row for row in rows if row.verdict and "wrong_label" in row.verdict.reasons]
    assert wrong
    assert all(row.extra["is_classification"] for row in wrong)
    assert not any(row.extra["is_classification"] for row in accepted(rows))


async def test_a_model_without_log_probabilities_is_asked_until_a_task_is_good() -> None:
    asked: Counter[str] = Counter()

    def third(request: Request) -> Answer:
        if not str(request.prompt).startswith("Tasks for an assistant"):
            return small(request)
        about = str(request.prompt).rpartition("(")[2] + request.prefix
        asked[about] += 1
        return small(request) if asked[about] == 3 else " nothing of the kind."

    able = [Capability.RAW_PROMPT, Capability.PREFIX]
    llm = Scripted(third, parameters=SMALL, capabilities=able)
    rows = accepted(await rows_of(llm, n=4, max_attempts=12))
    plain = [row.provenance["instruction"] for row in rows if not row.extra["input"]]
    assert plain
    assert {made["attempt"] for made in plain} == {2}


async def test_classic_prompts_ask_in_three_steps_and_take_the_answers_apart() -> None:
    llm = Scripted(large, parameters=LARGE)
    rows = accepted(await rows_of(llm, n=12))
    assert len(rows) == 12
    labelled = [row for row in rows if row.extra["is_classification"]]
    assert 0 < len(labelled) < 12
    for row in labelled:
        assert row.response == "fine"
        assert row.extra["input"].endswith("is here.")
    for row in rows:
        assert not row.extra["task"].startswith(("9", '"'))
        if not row.extra["is_classification"]:
            assert row.extra["input"] == ""
    assert all(request.prefix == "" for request in llm.requests)


async def test_several_instances_are_rows_of_one_task() -> None:
    def with_input(request: Request) -> Answer:
        if "Is the last of these" in str(request.prompt):
            return "no"
        if "Give one example of this task" in str(request.prompt):
            word = WORDS[request.seed % len(WORDS)]
            return f"Input: The {word} is here.\nOutput: A {word} was what they saw. {GOOD_ANSWER}"
        return large(request)

    rows = await rows_of(Scripted(with_input), n=2, instances=3)
    tasks = Counter(row.extra["task"] for row in accepted(rows))
    assert len(tasks) == 2
    assert max(tasks.values()) == 3
    assert len({row.id for row in rows}) == len(rows)


async def test_one_input_with_different_outputs_drops_the_task() -> None:
    def torn(request: Request) -> Answer:
        if "Is the last of these" in str(request.prompt):
            return "no"
        if "Give one example of this task" in str(request.prompt):
            return f"Input: The sea.\nOutput: {request.seed} is what I saw. {GOOD_ANSWER}"
        return large(request)

    rows = await rows_of(Scripted(torn), n=1, instances=3, max_attempts=2)
    assert accepted(rows) == []
    assert all("conflicting_outputs" in str(row.verdict) for row in rows[:-1])


async def test_an_attempt_that_fails_is_a_row_and_the_others_go_on() -> None:
    def flaky(request: Request) -> Answer:
        return EngineError("the power went") if request.seed % 11 == 0 else large(request)

    rows = await rows_of(Scripted(flaky), n=30)
    assert len(accepted(rows)) == 30
    failed = [row for row in rows if row.failure is not None]
    assert failed
    assert all(row.failure and row.failure.message == "the power went" for row in failed)


async def test_what_is_missing_for_all_ends_the_run() -> None:
    with pytest.raises(SetupError):
        await rows_of(Scripted(lambda _: SetupError("no model")))


async def test_leaving_early_stops_all_work() -> None:
    llm = Scripted(large, delay=0.005)
    async with aclosing(bootstrap_tasks(llm, n=100)) as rows:
        async for _ in rows:
            break
    assert llm.active == 0
    before = len(llm.requests)
    await asyncio.sleep(0.02)
    assert len(llm.requests) == before


async def test_cancelling_stops_all_work() -> None:
    llm = Scripted(large, delay=30)
    task = asyncio.create_task(rows_of(llm))
    await asyncio.sleep(0.02)
    assert llm.active > 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert llm.active == 0


async def test_none_asked_for_none_made() -> None:
    llm = Scripted(large)
    assert await rows_of(llm, n=0) == []
    assert llm.requests == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": -1}, "n is -1"),
        ({"candidates": 0}, "candidates is 0"),
        ({"instances": 0}, "instances is 0"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"most_similar": 0.0}, "most_similar is 0"),
        ({"most_similar": 1.5}, "most_similar is 1.5"),
        ({"seeds": [SeedTask("Name a river.")]}, "There are 1 seed tasks"),
        ({"prompts": "tiny"}, "no prompts 'tiny'"),
    ],
)
async def test_what_cannot_be_is_refused_at_the_start(options: Any, message: str) -> None:
    llm = Scripted(large)
    with pytest.raises(InputError, match=message):
        await rows_of(llm, **options)
    assert llm.requests == []


async def test_small_prompts_need_a_back_end_that_can_be_given_first_words() -> None:
    llm = Scripted(small, capabilities=[Capability.RAW_PROMPT])
    with pytest.raises(CapabilityError, match="small models"):
        await rows_of(llm, prompts="small")


async def test_subjects_of_ones_own() -> None:
    llm = Scripted(small, parameters=SMALL)
    rows = await rows_of(llm, n=6, subjects=["tax returns"])
    made = [row.provenance["instruction"]["subject"] for row in rows]
    assert set(made) == {"tax returns"}


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("9. Name a river.", "Name a river."),
        ("\n - **Name a river.**\nOr a lake.", "Name a river."),
        ('Task 9: "Name a river."', "Name a river."),
        ('"Sea" and "lake": which is larger?', '"Sea" and "lake": which is larger?'),
        ("3 rivers are where?", "3 rivers are where?"),
        ("", ""),
    ],
)
def test_numbers_bullets_and_quotation_marks_are_taken_off(text: str, task: str) -> None:
    assert bare(text) == task


@pytest.mark.real
async def test_smollm_makes_new_tasks(smollm: LlamaCpp) -> None:
    tries = bootstrap_tasks(smollm, n=1, seed=2, candidates=2, concurrency=1)
    rows = [row async for row in tries]
    good = accepted(rows)
    assert len(good) == 1
    assert len(rows) <= 6
    assert all(row.response and row.extra["task"] for row in good)


def test_every_kind_of_text_has_first_words_and_no_list_has_one_entry_twice() -> None:
    tasks, inputs = (
        load_prompt("self_instruct/tasks_small"),
        load_prompt("self_instruct/input_small"),
    )
    for name in (
        "subjects",
        "openings",
        "text_openings",
        "label_openings",
        "first_labels",
        "texts",
    ):
        entries = tasks.value(name)
        assert len(set(entries)) == len(entries) >= 6
    assert set(tasks.value("texts")) == set(inputs.value("starts"))
    assert all(opening.count("KIND") == 1 for opening in tasks.value("text_openings"))
    assert all(opening.endswith("LABEL or") for opening in tasks.value("label_openings"))
