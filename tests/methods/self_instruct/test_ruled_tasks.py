"""Tasks of Self-Instruct that bring a text, and whose answer a program makes from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evolsynth.evaluation.grounds.ground import stands
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.self_instruct.pool import shipped_seeds
from evolsynth.methods.self_instruct.small import SMALL_TASK_SAMPLING, SmallWriter
from evolsynth.methods.self_instruct.tasks import bootstrap_tasks
from evolsynth.methods.self_instruct.writer import Plan
from evolsynth.rows import Row


def said(request: Request) -> str:
    if '"' in request.stop:
        return " near the old harbour in the rain."
    if "." in request.stop:
        return " 31, 17, 52, 44." if request.prefix.rstrip(",")[-1].isdigit() else " pan, jug, cup."
    return " Tell me about the boats of the old harbour in the north."


def writer(subjects: tuple[str, ...] = ()) -> SmallWriter:
    return SmallWriter(Scripted(said), seed=4, sampling=SMALL_TASK_SAMPLING, subjects=subjects)


def plans() -> Iterator[Plan]:
    shots = tuple(task.instruction for task in shipped_seeds()[:8])
    return (Plan(number, shots, shots, with_input=True) for number in range(40))


async def test_about_half_of_the_tasks_on_an_input_are_such_and_the_answer_is_right() -> None:
    made, one = 0, writer()
    for plan in plans():
        draft = await one.propose(plan, 0)
        if "rule" not in draft.made:
            continue
        label = await one.is_classification(plan, draft)
        instance = await one.instance(plan, draft, classification=label, candidate=0)
        if instance.findings:  # the text does not decide its answer
            assert instance.findings[0].code == "no_text"
            continue
        made += 1
        row = Row.make(
            f"{draft.text}\n\n{instance.input}",
            response=instance.output,
            provenance={"instruction": draft.made, **instance.made},
            extra={"input": instance.input},
        )
        assert stands(row) == ("rule", None)
        assert stands(row.replace(response=f"{instance.output}!"))[1] is not None
        apart = row.replace(instruction=draft.text)  # with its input beside it
        assert stands(apart) == ("rule", None)
        assert stands(apart.replace(extra={"input": "Is it"}))[1] is not None
    assert 8 < made < 30


async def test_there_are_none_where_subjects_are_given_or_no_input_is_wanted() -> None:
    for plan in plans():
        assert "rule" not in (await writer(("rivers",)).propose(plan, 0)).made
        assert "rule" not in (await writer().propose(plan._replace(with_input=False), 0)).made


@pytest.mark.parametrize("width", [1, 16])
async def test_they_come_out_of_the_loop_with_their_ground(width: int) -> None:
    llm = Scripted(said, parameters=135_000_000)
    rows = [
        row async for row in bootstrap_tasks(llm, n=3, seed=5, max_attempts=120, concurrency=width)
    ]
    ruled = [row for row in rows if row.status == "accepted"]
    assert ruled
    assert all(stands(row) == ("rule", None) for row in ruled)
    assert all(row.instruction == f"{row.extra['task']}\n\n{row.extra['input']}" for row in ruled)
