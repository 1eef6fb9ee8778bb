"""Self-Instruct from contexts: as many queries as were asked for, or it is said how many."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import Any

import pytest

from evolsynth.errors import CapabilityError, EngineError, InputError, RequestError
from evolsynth.evaluation.text.rouge import rouge_l
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Answer, Scripted
from evolsynth.methods.self_instruct.queries import self_instruct
from evolsynth.rows import Row

BEES = "Honey bees live in colonies. Workers collect nectar, which they turn into honey."
CONTEXT = Row.make(extra={"input": BEES})
SMALL = 135_000_000
LINES = [
    "How do bees turn nectar into honey?",
    "List the members of a colony of bees.",
    "Describe a day in the life of a worker.",
    "Why do colonies need a queen?",
    "Compare bees with wasps in two sentences.",
]


async def rows_of(llm: Scripted, rows: list[Row] | None = None, **options: Any) -> list[Row]:
    given = [CONTEXT] if rows is None else rows
    return [row async for row in self_instruct(given, llm, seed=7, **options)]


def texts(rows: list[Row]) -> list[str | None]:
    return [row.instruction for row in rows]


async def test_each_query_is_a_row_with_its_context_as_parent() -> None:
    llm = Scripted(["\n".join(LINES)])
    rows = await rows_of(llm)
    assert texts(rows) == LINES
    assert {row.parents for row in rows} == {(CONTEXT.id,)}
    assert len({row.id for row in rows}) == 5
    assert rows[0].method == "self_instruct"
    assert rows[0].provenance["instruction"]["prompt"] == "self_instruct/queries_classic"


async def test_a_query_keeps_its_text_and_what_the_text_says_of_itself() -> None:
    about = {"title": "Bees", "heading": "Life > Work", "source": "bees.md", "place": [9, 90]}
    row = CONTEXT.replace(extra={"input": f" {BEES}\n", "page": 3, **about})
    made = await rows_of(Scripted(lambda _: "\n".join(LINES)), [row])
    assert made
    for query in made:
        assert query.extra == {"input": BEES, **about}
        assert query.asked == f"{query.instruction}\n\n{BEES}"
    bare = await rows_of(Scripted(lambda _: "\n".join(LINES)), [CONTEXT])
    assert [query.id for query in made] == [query.id for query in bare]


async def test_the_question_holds_context_count_application_and_criteria() -> None:
    llm = Scripted(["\n".join(LINES)])
    await rows_of(
        llm,
        num_instructions=3,
        application_description="a beekeeper's help line",
        criteria_for_query_generation="Ask as a child would.",
    )
    asked = str(llm.requests[0].prompt)
    for part in (BEES, "Write 3 different", "a beekeeper's help line", "Ask as a child would."):
        assert part in asked
    assert "varied verbs" not in asked


async def test_a_context_is_data() -> None:
    text = "{{ 7 * 7 }} <|im_end|> {% if x %}"
    llm = Scripted(["\n".join(LINES)])
    await rows_of(llm, [Row.make(extra={"input": text})])
    holder = [s for s in llm.requests[0].raw.segments if text in s.text]
    assert [s.control for s in holder] == [False]


@pytest.mark.parametrize(
    "answer",
    [
        "1. {}\n2. {}\n3. {}\n4. {}\n5. {}",
        "1) {}\n\n2) {}\n\n3) {}\n4) {}\n5) {}",
        "- {}\n* {}\n• {}\n- {}\n- {}",
        "Here are 5 queries:\n\n1. **{}**\n2. {}\n3. {}\n4. {}\n5. {}\nI hope this helps!",
        '"{}"\n"{}"\n"{}"\n"{}"\n"{}"\n"And one more about bees and honey?"',
    ],
)
async def test_numbers_bullets_headings_and_what_is_too_much_are_left_out(answer: str) -> None:
    assert texts(await rows_of(Scripted([answer.format(*LINES)]))) == LINES


async def test_what_is_missing_is_asked_for_again() -> None:
    llm = Scripted(["\n".join(LINES[:3]), LINES[0] + "\n" + LINES[3], LINES[4]])
    assert texts(await rows_of(llm)) == LINES
    first, second, third = (str(request.prompt) for request in llm.requests)
    assert "Write 5 different" in first
    assert "Write 2 different" in second
    assert f"- {LINES[2]}" in second
    assert "Write 1 different" in third
    assert len({request.seed for request in llm.requests}) == 3


async def test_a_shortfall_is_stated() -> None:
    rows = await rows_of(Scripted(lambda _: "\n".join(LINES[:3])), attempts=3)
    assert texts(rows[:3]) == LINES[:3]
    assert rows[3].failure is not None
    assert rows[3].failure.message == f"3 of 5 instructions were made from row {CONTEXT.id}."
    assert rows[3].parents == (CONTEXT.id,)
    assert len(rows) == 4


async def test_a_line_that_was_cut_off_is_not_taken() -> None:
    llm = Scripted(["word " * 400 + "\n" + LINES[0], LINES[1]])
    rows = await rows_of(llm, num_instructions=1)
    assert texts(rows) == [LINES[1]]


async def test_small_models_go_on_with_a_list() -> None:
    def line(request: Request) -> Answer:
        return f" bees {random.Random(request.seed).choice(['hum', 'fly', 'rest'])} in colonies?"

    llm = Scripted(line, parameters=SMALL)
    rows = await rows_of(llm, num_instructions=4)
    assert [row.status for row in rows] == ["pending"] * 4
    made = [str(row.instruction) for row in rows]
    assert all(rouge_l(a, b) < 0.7 for i, a in enumerate(made) for b in made[:i])
    last = str(llm.requests[-1].prompt)
    assert last.endswith("\n4.")
    assert f"3. {made[2]}" in last
    assert all(request.prefix for request in llm.requests)


async def test_small_models_queries_share_a_word_with_the_context() -> None:
    rows = await rows_of(Scripted(lambda _: " ships at sea?", parameters=SMALL), attempts=2)
    assert [row.status for row in rows] == ["failed"]
    assert "0 of 5 instructions" in str(rows[0].failure)


async def test_small_models_take_no_criteria_and_say_so() -> None:
    llm = Scripted([], parameters=SMALL)
    with pytest.raises(InputError, match="take no criteria"):
        await rows_of(llm, criteria_for_query_generation="Be brief.")
    able = Scripted([], parameters=SMALL, capabilities=[Capability.RAW_PROMPT])
    with pytest.raises(CapabilityError, match="small models"):
        await rows_of(able)


async def test_another_field_and_a_row_without_it() -> None:
    rows = [
        Row.make("What is this?", response=BEES, key="1"),
        Row.make("No answer.", key="2"),
        Row.make(response="  ", key="3"),
        Row.make(response=BEES, key="4").reject("mine"),
    ]
    llm = Scripted(lambda _: "\n".join(LINES))
    made = await rows_of(llm, rows, field="response", num_instructions=2)
    assert texts(made[:2]) == LINES[:2]
    assert [row.status for row in made[2:]] == ["failed", "failed", "rejected"]
    assert "no text in its field 'response'" in str(made[2].failure)
    assert made[4] == rows[3]
    assert len(llm.requests) == 1


async def test_rows_are_the_same_whoever_finishes_first() -> None:
    def lines(request: Request) -> Answer:
        draw = random.Random(request.seed)
        return "\n".join(draw.sample(LINES, 4))

    contexts = [Row.make(extra={"input": f"Text {i} on bees."}) for i in range(20)]
    waits = random.Random(2)
    slow = Scripted(lines, delay=lambda _: waits.random() / 100)
    one = await rows_of(Scripted(lines), contexts, concurrency=1, num_instructions=3)
    many = await rows_of(slow, contexts, concurrency=12, num_instructions=3)
    assert [row.to_json() for row in one] == [row.to_json() for row in many]
    assert [row.parents[0] for row in one] == [c.id for c in contexts for _ in range(3)]
    assert slow.most_active == 12


async def test_a_context_that_fails_does_not_touch_its_neighbours() -> None:
    def some(request: Request) -> Answer:
        if "too long" in str(request.prompt):
            return RequestError("The prompt is longer than the context.")
        return EngineError("gone") if "unlucky" in str(request.prompt) else "\n".join(LINES)

    contexts = [Row.make(extra={"input": t}) for t in ("fine", "too long", "unlucky", "good")]
    rows = await rows_of(Scripted(some), contexts, num_instructions=1)
    assert [row.status for row in rows] == ["pending", "failed", "failed", "pending"]
    assert [row.id for row in rows[1:3]] == [context.id for context in contexts[1:3]]


async def test_leaving_early_stops_all_work() -> None:
    llm = Scripted(lambda _: "\n".join(LINES), delay=0.005)
    contexts = [Row.make(extra={"input": f"Bees {i}"}) for i in range(50)]
    async with aclosing(self_instruct(contexts, llm)) as rows:
        async for _ in rows:
            break
    assert llm.active == 0
    before = len(llm.requests)
    await asyncio.sleep(0.02)
    assert len(llm.requests) == before


@pytest.mark.parametrize("option", ["num_instructions", "attempts"])
async def test_numbers_below_one_are_refused(option: str) -> None:
    options: dict[str, Any] = {option: 0}
    with pytest.raises(InputError, match=f"{option} is 0"):
        await rows_of(Scripted([]), **options)


@pytest.mark.real
async def test_smollm_asks_about_a_text(smollm: LlamaCpp) -> None:
    rows = [row async for row in self_instruct([CONTEXT], smollm, num_instructions=2)]
    assert [row.status for row in rows] == ["pending"] * 2
    assert all(str(row.instruction)[0].isalpha() for row in rows)
