"""Columns and their types are known before anything runs, and what does not fit is told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import Any

import pytest

from evolsynth import Scripted
from evolsynth.data.kinds import columns_of
from evolsynth.errors import InputError
from evolsynth.llm.base import Request
from evolsynth.pipeline import (
    bootstrap_tasks,
    evolve,
    gate,
    generate,
    generate_rows,
    group,
    keep_columns,
    load,
    magpie,
    merge,
    preference,
    rename,
    respond,
    self_instruct,
)
from evolsynth.pipeline.columns import check_columns, columns_at
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.makers import StepMaker, step
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.rows import Row

CONTEXT: list[dict[str, Any]] = [{"input": "About bees.", "source": "a book", "page": 3}]
TASK: list[dict[str, Any]] = [{"instruction": "Name a bee.", "topic": "bees"}]


def told(pipe: Pipeline) -> str:
    with pytest.raises(InputError) as caught:
        check_columns(pipe)
    return str(caught.value)


def last(pipe: Pipeline) -> Any:
    check_columns(pipe)
    return columns_at(pipe)[-1]


@step
async def mine(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
    async for row in rows:
        yield row


def test_the_columns_at_each_step_of_a_pipeline_that_fits() -> None:
    pipe = load(CONTEXT) >> self_instruct() >> evolve() >> respond() >> gate()
    check_columns(pipe)
    assert columns_at(pipe) == [
        {"input": "text", "source": "text", "page": "number"},
        {"instruction": "text", "input": "text", "source": "text"},
        {"instruction": "text", "input": "text", "source": "text"},
        {"instruction": "text", "input": "text", "source": "text", "response": "text"},
        {"instruction": "text", "input": "text", "source": "text", "response": "text"},
    ]


def test_a_column_that_is_not_there_is_told_with_the_neighbours_and_a_way_out() -> None:
    assert told(load(CONTEXT) >> respond() >> gate()) == (
        "Step 'respond' (after 'load', before 'gate') needs the column 'instruction', and its rows "
        "have: input, source, page. Put a step before it that makes one, or map it: "
        "respond(input_mappings={'instruction': 'input'})."
    )


@pytest.mark.parametrize(
    ("columns", "suggested"),
    [
        ({"instructions": "a", "prompt": "b"}, "instructions"),  # a slip of the pen first
        ({"id_of": "a", "prompt": "b"}, "prompt"),  # then what others call it
        ({"page": 1, "words": "b"}, "words"),  # then any text
        ({"page": 1}, "..."),
    ],
)
def test_the_column_that_is_probably_meant_is_suggested(
    columns: dict[str, Any], suggested: str
) -> None:
    assert f"{{'instruction': '{suggested}'}}" in told(load([columns]) >> respond())


def test_a_number_is_no_text() -> None:
    pipe = load(CONTEXT) >> respond(input_mappings={"instruction": "page"})
    assert told(pipe).startswith(
        "Step 'respond' (after 'load') needs a text in the column 'page', and its rows have a "
        "number there."
    )


def test_any_fits_every_type() -> None:
    assert last(load(CONTEXT, columns=["instruction"]) >> respond()) == {
        "instruction": "any",
        "response": "text",
    }


@pytest.mark.parametrize("name", ["id", "scores", "parents", "provenance", "round"])
def test_what_every_row_has_can_be_needed(name: str) -> None:
    @step(needs=[name])
    async def asking(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            yield row

    check_columns(load(TASK) >> asking)


class TestMappings:
    def test_what_a_step_calls_instruction_has_another_name_outside(self) -> None:
        pipe = load([{"prompt": "Name a bee."}]) >> respond(
            input_mappings={"instruction": "prompt"}, output_mappings={"response": "answer"}
        )
        assert last(pipe) == {"prompt": "text", "answer": "text"}

    def test_what_a_step_gives_under_a_mapped_name_lands_there(self) -> None:
        pipe = load([{"context": "Bees."}]) >> self_instruct(
            input_mappings={"input": "context", "instruction": "question"}
        )
        assert last(pipe) == {"question": "text", "context": "text"}

    def test_a_step_maps_its_output_to_keep_what_stood_there(self) -> None:
        """The two names are changed about, so that the older response stays where it is."""
        pipe = magpie(n=1) >> respond() >> respond(input_mappings={"response": "second"})
        assert last(pipe) == {"instruction": "text", "response": "text", "second": "text"}

    def test_an_input_mapping_from_a_column_that_is_not_there(self) -> None:
        pipe = load(CONTEXT) >> respond(input_mappings={"instruction": "inptu"})
        assert told(pipe) == (
            "Step 'respond' (after 'load') is to take 'instruction' from the column 'inptu', and "
            "its rows have: input, source, page. Correct input_mappings: perhaps 'input' is meant."
        )

    def test_an_input_mapping_of_something_that_the_step_does_not_read(self) -> None:
        pipe = load(CONTEXT) >> respond(input_mappings={"instrction": "input"})
        assert "which respond does not read" in told(pipe)
        assert "perhaps 'instruction' is meant" in told(pipe)

    def test_an_output_mapping_of_something_that_does_not_come_out(self) -> None:
        pipe = load(TASK) >> respond(output_mappings={"respnse": "answer"})
        assert "is to call its column 'respnse' 'answer'" in told(pipe)
        assert "perhaps 'response' is meant" in told(pipe)

    @pytest.mark.parametrize("mapping", [{"scores": "topic"}, {"instruction": "id"}])
    def test_what_the_run_keeps_cannot_be_mapped(self, mapping: dict[str, str]) -> None:
        assert "a column that the run keeps" in told(load(TASK) >> respond(input_mappings=mapping))

    def test_a_list_cannot_be_put_where_a_text_must_stand(self) -> None:
        two = [respond(), respond()]
        pipe = load(TASK) >> two >> group(output_mappings={"responses": "response"})
        assert "into 'response', which holds a text, and it is a list of texts" in told(pipe)


class TestJoins:
    def test_merged_rows_have_the_columns_of_all_branches(self) -> None:
        assert last(magpie(n=1) >> [respond(), respond(model="big")] >> merge) == {
            "instruction": "text",
            "response": "text",
        }

    def test_a_step_that_needs_what_one_branch_lacks_is_told_which(self) -> None:
        other = respond(name="others", output_mappings={"response": "answer"})
        pipe = magpie(n=1) >> [respond(), other] >> merge >> generate(prompt="Judge {{ response }}")
        assert told(pipe) == (
            "Step 'generate' (after 'merge') needs the column 'response', and not all of its rows "
            "have it: branch 2, which ends in 'others', gives none. Give them one by a step "
            "before, or leave it out of the prompt."
        )

    def test_types_that_differ_are_any(self) -> None:
        ways = [load([{"instruction": "a", "x": 1}]), load([{"instruction": "b", "x": "one"}])]
        assert last(ways >> merge()) == {"instruction": "text", "x": "any"}

    def test_a_group_has_lists_and_the_columns_of_the_first_branch(self) -> None:
        pipe = load(TASK) >> [respond(), respond()] >> group(output_columns=["answers"])
        assert last(pipe) == {
            "instruction": "text",
            "topic": "text",
            "response": "text",
            "answers": "texts",
        }

    def test_a_group_of_a_column_that_a_branch_lacks_is_told_which(self) -> None:
        other = respond(output_mappings={"response": "answer"})
        message = told(load(TASK) >> [respond(), other] >> group)
        assert "Step 'group' (after 'respond' and 'respond_2') needs the column" in message
        assert "its rows of branch 2 ('respond_2') have: instruction, topic, answer." in message

    def test_a_group_maps_columns_in_all_branches(self) -> None:
        ways = [respond(output_mappings={"response": "answer"}) for _ in range(2)]
        pipe = load(TASK) >> ways >> group(input_mappings={"response": "answer"})
        assert last(pipe) == {
            "instruction": "text",
            "topic": "text",
            "answer": "text",
            "responses": "texts",
        }

    @pytest.mark.parametrize("options", [{"columns": "response"}, {"output_columns": [1]}])
    def test_the_columns_of_a_group_are_a_list_of_names(self, options: dict[str, Any]) -> None:
        two = [respond(), respond()]
        assert "must be a list of names" in told(load(TASK) >> two >> group(**options))


class TestOurSteps:
    @pytest.mark.parametrize(
        ("source", "columns"),
        [
            (magpie(n=1), {"instruction"}),
            (magpie(n=1, only_instruction=False), {"instruction", "response"}),
            (magpie(n=1, n_turns=2), {"instruction", "response", "messages"}),
            (magpie(n=1, system_prompt="Be brief."), {"instruction", "system"}),
            (bootstrap_tasks(n=1), {"instruction", "response", "task", "input"}),
            (generate_rows(prompt="Say a word.", n=1, output="word"), {"word"}),
        ],
    )
    def test_what_sources_give(self, source: Any, columns: set[str]) -> None:
        assert set(last(Pipeline(source.as_parts()))) == columns

    def test_evolutions_have_nothing_of_their_seeds_but_the_system_prompt(self) -> None:
        seeds = [{**TASK[0], "system": "Be brief."}]
        assert last(load(seeds) >> evolve()) == {"instruction": "text", "system": "text"}
        pipe = load(seeds) >> evolve(name="deepen") >> generate(prompt="{{ topic }}", output="x")
        assert "those that 'deepen' makes have none" in told(pipe)

    def test_the_context_of_self_instruct_can_be_any_column(self) -> None:
        made = {"instruction": "text", "input": "text"}
        assert last(load(CONTEXT) >> self_instruct(field="source")) == made
        assert "self_instruct(field='source')" in told(
            load([{"source": "x"}]) >> self_instruct(field="sources")
        )

    def test_several_samples_can_be_preferred_among(self) -> None:
        def score(row: Row) -> float:
            return 0.0

        pipe = load(TASK) >> respond(samples=2) >> preference(score=score)
        assert {"chosen", "rejected", "responses"} <= set(last(pipe))
        assert "needs the column 'responses'" in told(
            load(TASK) >> respond() >> preference(score=score)
        )

    def test_a_prompt_asks_for_columns(self) -> None:
        good = generate(prompt="{{ instruction }}, {{ topic }}", output="told")
        assert last(load(TASK) >> good)["told"] == "text"
        bad = generate(prompt="{{ instruction }}, {{ tpic }}", output="told")
        assert "write {{ topic }} in its prompt" in told(load(TASK) >> bad)

    def test_a_prompt_may_ask_whether_a_column_is_there(self) -> None:
        prompt = "{% if hint is defined %}{{ hint }}{% endif %} {{ instruction }}"
        check_columns(load(TASK) >> generate(prompt=prompt, output="told"))

    def test_renamed_columns_move(self) -> None:
        pipe = load([{"prompt": "x", "page": 1}]) >> rename({"prompt": "instruction"}) >> respond
        assert last(pipe) == {"page": "number", "instruction": "text", "response": "text"}

    def test_kept_columns_are_all_that_is_left(self) -> None:
        pipe = load(CONTEXT) >> keep_columns(["source"]) >> self_instruct()
        assert "its rows have: source." in told(pipe)

    @pytest.mark.parametrize("maker", [rename({"sorce": "x"}), keep_columns(["sorce"])])
    def test_a_column_to_move_or_keep_must_be_there(self, maker: Any) -> None:
        assert "perhaps 'source' is meant" in told(load(CONTEXT) >> maker)

    def test_a_number_cannot_be_renamed_to_a_text(self) -> None:
        assert "which holds a text" in told(load(CONTEXT) >> rename({"page": "instruction"}))


class TestNotKnown:
    def test_a_step_that_does_not_say_what_it_gives_may_give_anything(self) -> None:
        pipe = load(CONTEXT) >> mine >> respond()
        check_columns(pipe)
        assert columns_at(pipe)[1:] == [None, None]

    def test_what_is_known_is_still_checked(self) -> None:
        pipe = load(CONTEXT) >> mine >> respond(input_mappings={"instruction": "page"})
        assert "needs a text in the column 'page'" in told(pipe)

    def test_whoever_keeps_columns_knows_that_they_are_there(self) -> None:
        pipe = load(CONTEXT) >> mine >> keep_columns(["instruction", "hint"])
        assert last(pipe >> respond()) == {"instruction": "text", "hint": "any", "response": "text"}
        assert "needs the column 'input'" in told(pipe >> self_instruct())

    def test_a_step_that_says_what_it_gives_is_taken_by_its_word(self) -> None:
        words = StepMaker(mine.function, kind="words", gives={"words": "number"})
        assert last(load(TASK) >> words) == {
            "instruction": "text",
            "topic": "text",
            "words": "number",
        }

    def test_an_asynchronous_generator_of_the_users_own(self) -> None:
        async def rows() -> AsyncIterator[dict[str, Any]]:
            yield TASK[0]

        pipe = load(rows) >> respond()
        check_columns(pipe)
        assert columns_at(pipe) == [None, None]

    def test_a_source_that_is_not_there_is_not_known_and_is_no_pipeline_to_run(self) -> None:
        pipe = load("nowhere.jsonl") >> respond()
        assert columns_at(pipe) == [None, None]
        assert "nowhere.jsonl" in told(pipe)


async def test_looking_at_a_generators_columns_takes_no_row_from_the_run() -> None:
    """A generator can be read once: what was looked at is still the run's."""
    from evolsynth.pipeline.steps import origin_of

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(3):
            yield {"instruction": f"Task {number}"}

    source = load(rows())
    pipe = source >> respond()
    check_columns(pipe)
    check_columns(pipe)
    origin = origin_of(source)
    assert origin is not None
    assert [row.instruction async for row in origin.rows()] == ["Task 0", "Task 1", "Task 2"]


@step(needs=["instruction"], gives={"words": "number"})
async def counted(row: Row) -> Row:
    words = len((row.instruction or "").split())
    return row.replace(extra={**row.extra, "words": words})


@pytest.mark.parametrize(
    "pipe",
    [
        load(TASK) >> respond(),
        load(CONTEXT)
        >> respond(
            input_mappings={"instruction": "input"}, output_mappings={"response": "summary"}
        ),
        load(CONTEXT) >> generate(prompt="Sum up: {{ input }}", output="summary"),
        load(CONTEXT) >> rename({"input": "instruction", "page": "number"}) >> counted,
        load(CONTEXT) >> keep_columns(["input", "page"]),
        load(CONTEXT) >> self_instruct(num_instructions=1) >> counted,
        load(TASK) >> evolve() >> respond(),
        load(TASK) >> [respond(), respond()] >> group(output_columns=["answers"]),
        load(TASK) >> [respond(), counted >> respond(input_mappings={"response": "x"})] >> merge,
        load(TASK) >> respond(samples=2),
        generate_rows(prompt="Name a bee.", n=2, output="bee") >> keep_columns(["bee"]),
    ],
)
async def test_what_is_foretold_is_what_the_rows_have(pipe: Pipeline) -> None:
    """All the columns that rows are to have, and no others but those that some have."""
    came: list[Row] = []

    @step
    async def seen(streams: Sequence[AsyncGenerator[Row]]) -> AsyncIterator[Row]:
        async for row in streams[0]:
            came.append(row)
            yield row

    def answer(request: Request) -> str:
        return "How do bees turn nectar into honey?"

    options = RunOptions(llm=Scripted(answer), embedder=None, report=False)
    await run(pipe >> seen, None, options)
    foretold = last(pipe)
    live = [row for row in came if not row.settled]
    assert live
    some = {"merge", "evolve"} & {node.name for node in pipe.nodes()}
    for row in live:
        assert foretold.keys() <= columns_of([row]).keys()
    for name, kind in columns_of(live).items():
        assert name in foretold or some
        assert foretold.get(name, kind) in (kind, "any")
