"""What a user of distilabel writes first, and what comes of it here."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from evolsynth import LlamaCpp, Row, Scripted, read_rows
from evolsynth.cli.main import main
from evolsynth.errors import InputError
from evolsynth.pipeline import (
    Pipeline,
    RunResult,
    evolve,
    gate,
    group,
    load,
    merge,
    preference,
    respond,
    self_instruct,
    step,
)

PAGE = (Path(__file__).parent.parent.parent / "docs" / "from-distilabel.md").read_text("utf-8")
Read = Callable[[str], dict[str, Any]]
BEES = "Honey bees live in colonies. Workers collect nectar, which they turn into honey."
QUESTIONS = [{"instruction": "Why do colonies need a queen?"}, {"instruction": "Name a lake."}]


async def go(pipe: Pipeline, folder: Path, llm: Any, **options: Any) -> RunResult:
    options = {"embedder": None, "report": False, "llm": llm, **options}
    return await pipe.run(str(folder), **options)


def rows_of(folder: Path, file: str = "accepted") -> list[Row]:
    return list(read_rows(folder / f"{file}.jsonl"))


def of_model(name: str) -> Scripted:
    return Scripted(lambda request: f"{name} says that there is much to tell.", name=name)


# The page -----------------------------------------------------------------------------------------


def test_the_page_runs_as_written(read_through: Read, capsys: pytest.CaptureFixture[str]) -> None:
    names = read_through("from-distilabel")
    runs = Path("runs")
    accepted = len(rows_of(runs / "bees"))
    assert f"finished {accepted} accepted: runs/bees/accepted.jsonl" in capsys.readouterr().out
    assert names["result"].state.total == 6  # two queries with two evolutions each
    assert accepted >= 2

    for row in rows_of(runs / "grouped"):
        assert [text for text in row.extra["responses"] if text] == row.extra["responses"]
        assert len(row.extra["responses"]) == 2
    merged = [*rows_of(runs / "merged"), *rows_of(runs / "merged", "rejected")]
    assert {row.provenance["response"]["model"] for row in merged} == set(names["models"].values())
    assert len(merged) == 4

    (named,) = rows_of(runs / "names")
    assert named.extra.keys() == {"prompt", "generation"}
    assert named.instruction is named.response is None

    own = rows_of(runs / "own")
    assert len(own) + len(rows_of(runs / "own", "rejected")) == 4
    assert all(row.extra["title"] for row in own)
    words = [row.extra["words"] for row in own]
    assert words == sorted(words, reverse=True)

    assert len(rows_of(runs / "magpie")) + len(rows_of(runs / "magpie", "rejected")) == 8
    assert len(rows_of(runs / "until")) == 5

    pairs = [json.loads(line) for line in Path("dpo.jsonl").read_text("utf-8").splitlines()]
    assert pairs
    assert all(pair["chosen"] != pair["rejected"] for pair in pairs)
    assert len(rows_of(runs / "ifd")) + len(rows_of(runs / "ifd", "rejected")) == 2


NAMES = re.findall(
    r"\w+",
    """
    Pipeline LoadDataFromDicts LoadDataFromHub LoadDataFromFileSystem LoadDataFromDisk KeepColumns
    GroupColumns CombineOutputs ExpandColumns MergeColumns SelfInstruct EvolInstruct
    EvolInstructGenerator EvolComplexity EvolQuality TextGeneration Magpie MagpieGenerator
    LlamaCppLLM MinHashDedup EmbeddingDedup UltraFeedback FormatTextGenerationDPO
    FormatTextGenerationSFT DataSampler PushToHub Distiset push_to_hub StructuredGeneration
    input_batch_size batch_size num_generations group_generations input_mappings output_mappings
    use_cache dry_run draw store_evolutions include_original_instruction mutation_templates
    num_evolutions num_instructions only_instruction magpie_pre_query_template
    generation_kwargs n_ctx num_rows load_groups replicas routing_batch_function
    """,
)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_that_users_know_is_mapped(name: str) -> None:
    assert re.search(rf"(?<!\w){name}(?!\w)", PAGE)


def test_every_command_on_the_page_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    there = set(re.findall(r"^ {4}([a-z-]+)", capsys.readouterr().out, re.M))
    named = set(re.findall(r"`evolsynth ([a-z]+)", PAGE))
    assert named >= {"run", "preview", "draw", "dedup", "score", "select"}
    assert named <= there


# A chain ------------------------------------------------------------------------------------------


@pytest.mark.real
async def test_the_chain_on_smollm(smollm: LlamaCpp, tmp_path: Path) -> None:
    pipe = (
        load([{"input": BEES}])
        >> self_instruct(num_instructions=2)
        >> evolve(rounds=1, candidates=2)
        >> respond(max_tokens=48)
        >> gate()
    )
    result = await go(pipe, tmp_path, smollm)
    state = result.state
    assert state.planned == state.accepted + state.rejected + state.failed == state.total >= 2
    kept = (tmp_path / "accepted.jsonl").read_bytes()
    again = await go(pipe, tmp_path, smollm)
    assert sum(step.asked for step in again.state.refresh()) == 0
    assert (tmp_path / "accepted.jsonl").read_bytes() == kept


# Side by side -------------------------------------------------------------------------------------


async def test_two_models_side_by_side_are_grouped_in_the_order_of_the_branches(
    tmp_path: Path,
) -> None:
    pipe = load(QUESTIONS) >> [respond(model="small"), respond(model="big")] >> group()
    models = {"small": of_model("The small one"), "big": of_model("The big one")}
    await go(pipe.using(models=models), tmp_path, None)
    assert [row.extra["responses"] for row in rows_of(tmp_path)] == [
        ["The small one says that there is much to tell.", "The big one says that there is much "
         "to tell."]
    ] * 2  # fmt: skip


async def test_a_failure_in_one_branch_does_not_shift_the_other_rows(tmp_path: Path) -> None:
    @step(gives=["response"])
    async def broken(rows: AsyncIterator[Row], word: str) -> AsyncIterator[Row]:
        async for row in rows:
            if word in (row.instruction or ""):
                raise ValueError(f"no {word}")
            yield row.replace(response=f"There is no {word} in it.")

    questions = [*QUESTIONS, {"instruction": "Name a river."}]
    pipe = load(questions) >> [respond(), broken("lake")] >> group(columns=["response"])
    result = await go(pipe, tmp_path, of_model("It"))
    assert (result.accepted, result.state.failed) == (2, 1)
    (failed,) = rows_of(tmp_path, "failed")
    assert failed.instruction == "Name a lake."
    assert failed.failure is not None
    assert (failed.failure.step, failed.failure.message) == ("broken", "no lake")
    for row in rows_of(tmp_path):
        assert row.extra["responses"] == [
            "It says that there is much to tell.",
            "There is no lake in it.",
        ]


async def test_merged_branches_give_a_row_for_each_response(tmp_path: Path) -> None:
    pipe = load(QUESTIONS) >> [respond(model="small"), respond(model="big")] >> merge
    models = {"small": of_model("S"), "big": of_model("B")}
    await go(pipe.using(models=models), tmp_path, None)
    rows = rows_of(tmp_path)
    assert [(row.response or "")[0] for row in rows] == ["S", "B", "S", "B"]
    assert len({row.id for row in rows}) == 4
    assert rows[1].parents == (rows[0].id,)


# Preference ---------------------------------------------------------------------------------------

GOOD = "Bees need a queen because she alone lays the eggs from which all workers come."
BAD = "I am sorry, but as an AI language model I cannot help with that."


def two_minds(request: Any) -> str:
    """One answer that the gate's rules let through, then one that they do not."""
    return GOOD if request.seed % 2 else BAD


async def test_pairs_by_rules_need_no_model(tmp_path: Path) -> None:
    rows = [{**QUESTIONS[0], "responses": [BAD, GOOD]}]
    result = await go(load(rows) >> preference(), tmp_path, "no-such-model.gguf")
    assert result.accepted == 1
    (pair,) = rows_of(tmp_path)
    assert (pair.extra["chosen"], pair.extra["rejected"]) == (GOOD, BAD)
    assert pair.scores["chosen"] == 0.0
    assert pair.provenance["preference"] == {"score": "rules", "margin": 1.0, "least": 0.0}


async def test_pairs_by_rules_go_by_the_thresholds_of_the_pipelines_gate(tmp_path: Path) -> None:
    rows = [{**QUESTIONS[0], "responses": [GOOD, GOOD + " " + GOOD.replace("eggs", "many eggs")]}]
    strict = {"max_response_words": 20}
    lenient = await go(load(rows) >> preference() >> gate(), tmp_path / "a", None)
    assert lenient.state.reasons == {"tie": 1}
    await go(load(rows) >> preference() >> gate(settings=strict), tmp_path / "b", None)
    (pair,) = rows_of(tmp_path / "b")
    assert pair.extra["chosen"] == GOOD


async def test_pairs_by_ifd_and_by_a_judge_ask_the_steps_model(tmp_path: Path) -> None:
    rows = [{**QUESTIONS[0], "responses": [GOOD, "Honey."]}]
    scorer = Scripted(
        lambda _: "5", scores=lambda before, text: -0.5 if "queen" in before + text else -2.0
    )
    for score in ("ifd", "judge"):
        folder = tmp_path / score
        result = await go(load(rows) >> preference(score=score, margin=0.0), folder, scorer)
        assert result.state.total == 1
        assert result.state.failed == 0
        (counts,) = (c for c in result.state.refresh() if c.kind == "preference")
        assert counts.asked > 0


async def test_pairs_by_a_function_of_ones_own(tmp_path: Path) -> None:
    def brevity(row: Row) -> float:
        return -float(len(row.response or ""))

    rows = [{**QUESTIONS[0], "responses": [GOOD, BAD]}]
    await go(load(rows) >> preference(score=brevity), tmp_path, None)
    (pair,) = rows_of(tmp_path)
    assert pair.extra["chosen"] == min(GOOD, BAD, key=len)
    assert pair.provenance["preference"]["score"] == "brevity"


async def test_a_score_that_is_not_there_is_told_before_a_model_is_asked(tmp_path: Path) -> None:
    llm = Scripted(two_minds)
    pipe = load(QUESTIONS) >> respond(samples=2) >> preference(score="beauty")
    with pytest.raises(InputError, match=r"no score 'beauty'. Take ifd, judge, rules"):
        await go(pipe, tmp_path, llm)
    assert not llm.requests
