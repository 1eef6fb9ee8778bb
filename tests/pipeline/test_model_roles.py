"""Which of a run's models writes, which answers and which judges: two or three scripted back ends,
and who was asked for what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from written_rows import whole_row

from evolsynth import Row, Scripted
from evolsynth.errors import CapabilityError, InputError
from evolsynth.llm.base import LLM, Capability, Request
from evolsynth.methods.method import BESIDE, METHODS, Method, role_of
from evolsynth.pipeline import evolve, gate, generate, load, magpie, preference, respond
from evolsynth.pipeline.graph import Chainable, Pipeline
from evolsynth.pipeline.makers import step
from evolsynth.pipeline.run.context import Models
from evolsynth.pipeline.run.plan import RunOptions
from evolsynth.pipeline.run.preview import preview
from evolsynth.pipeline.run.state import RunResult
from evolsynth.pipeline.steps import STEPS
from evolsynth.pipeline.yaml.load import read_pipeline
from evolsynth.store.status import read_status

QUESTION = {"instruction": "Tell me about the rivers of the old world."}


def said(request: Request) -> str:
    asked = str(request.prompt)
    if "#Created" in asked or "rewrit" in asked.lower():
        return f"{QUESTION['instruction']} Explain why each of them mattered to trade."
    return f"{request.prefix} There is much to be said of river {request.seed % 997} here."


def model(name: str, **more: Any) -> Scripted:
    return Scripted(said, name=name, **more)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without a folder of its own goes to one under the working directory."""
    monkeypatch.chdir(tmp_path)


async def go(pipe: Chainable, **options: Any) -> RunResult:
    return await pipe.run(options.pop("folder", None), embedder=None, report=False, **options)


async def rows_of(pipe: Chainable, folder: Path, **options: Any) -> list[dict[str, Any]]:
    result = await go(pipe, folder=str(folder), **options)
    text = result.files["accepted"].read_text("utf-8")
    return [whole_row(line) for line in text.splitlines()]


def made_in(folder: Path) -> list[dict[str, Any]]:
    """How each row of a run was made, whatever became of it."""
    return [
        whole_row(line)["provenance"]
        for file in sorted(folder.glob("*ed.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]


# What each method declares ------------------------------------------------------------------------

#: Options with which a method can be a step, where it has some that must be given.
GIVEN: Mapping[str, Mapping[str, Any]] = {
    "generate": {"prompt": "Say something."},
    "generate_rows": {"prompt": "Say something.", "n": 2},
    "bootstrap_tasks": {"n": 2},
    "spread": {"n": 2},
}
#: Options with which a method asks all that it can ask.
ALL_ASKED: Mapping[str, Mapping[str, Any]] = {
    "magpie": {"only_instruction": False, "n": 2},
    "evolve": {"generate_answers": True, "ask_for_gain": True},
    "preference": {"score": "judge"},
}


def asked_of(method: Method) -> Mapping[str, str]:
    options = {**GIVEN.get(method.name, {}), **ALL_ASKED.get(method.name, {})}
    return STEPS[method.name](**options).asks()


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_whatever_gives_responses_has_them_from_the_answerer(method: Method) -> None:
    """A method that declares a response among its columns answers, or has an answerer beside it;
    one that judges says so. A new method that forgets it fails here."""
    options = {**GIVEN.get(method.name, {}), **ALL_ASKED.get(method.name, {})}
    roles = set(asked_of(method).values())
    if not roles:
        return
    made = STEPS[method.name](**options)
    gives = set(made.gives or ())
    if made.columns is not None:
        from evolsynth.columns import Columns

        gives |= set(made.columns(method.name, options, Columns({"instruction": "text"})).has)
    if "response" in gives:
        assert roles & {"answer", "judge"}, f"{method.name} gives a response and asks {roles}"
    else:
        assert "answer" not in roles


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_roles_are_none_of_a_methods_options(method: Method) -> None:
    """The run brings them, so that a flag of a command is never mistaken for an option."""
    assert not STEPS[method.name].options.keys() & {"llm", *BESIDE}
    assert role_of(method.role, {}) in ("write", "answer", "judge")


def test_what_is_asked_follows_from_the_options() -> None:
    assert magpie(n=2).asks() == {"llm": "write"}
    assert magpie(n=2, n_turns=2).asks() == {"llm": "write", "answerer": "answer"}
    assert magpie(n=2, only_instruction=False).asks()["answerer"] == "answer"
    assert evolve(prompts="small").asks() == {"llm": "write"}
    assert evolve(generate_answers=True, ask_for_gain=True).asks() == {
        "llm": "write",
        "answerer": "answer",
        "judge": "judge",
    }
    assert respond().asks() == {"llm": "answer"}
    assert generate(prompt="x").asks() == {"llm": "write"}
    assert generate(prompt="x", output="response").asks() == {"llm": "answer"}
    assert preference().asks() == {}
    assert preference(score="judge").asks() == {"llm": "judge"}
    assert gate().asks() == {}


# Who is asked in a run ----------------------------------------------------------------------------


async def test_the_small_model_writes_and_the_larger_answers(tmp_path: Path) -> None:
    small, large = model("small"), model("large")
    pipe = magpie(n=4, openings=["Tell me"]) >> evolve(prompts="small", demands=False) >> respond()
    rows = await rows_of(pipe, tmp_path, llm=small, answerer=large)
    assert rows
    assert {row["provenance"]["instruction"]["model"] for row in rows} == {"small"}
    assert {row["provenance"]["response"]["model"] for row in rows} == {"large"}
    assert len(large.requests) == len(rows)


async def test_a_conversation_is_written_by_the_one_and_answered_by_the_other(
    tmp_path: Path,
) -> None:
    small, large = model("small"), model("large")
    pipe = magpie(n=2, n_turns=2, openings=["Tell me"], candidates=1)
    await go(pipe, folder=str(tmp_path), llm=small, answerer=large)
    turns = made_in(tmp_path)
    assert turns
    for told in turns:
        assert told["response"]["model"] == "large"
        asked = [turn["model"] for turn in told.get("turns", ())]
        assert asked == ["small", "large"][: len(asked)]


async def test_evolutions_are_judged_by_the_judge_and_answered_by_the_answerer() -> None:
    small, large, judge = model("small"), model("large"), model("judge")
    pipe = load([QUESTION]) >> evolve(
        prompts="classic", candidates=1, ask_for_gain=True, generate_answers=True
    )
    result = await go(pipe, llm=small, answerer=large, judge=judge)
    assert len(judge.requests) == 1
    assert "equal" in str(judge.requests[0].prompt).lower()
    assert large.requests
    assert len(small.requests) == 1
    asked = sum(counts.asked for counts in result.state.counts)  # all of them are counted
    assert asked == len(judge.requests) + len(large.requests) + len(small.requests)


async def test_a_judge_behind_a_chat_is_asked_in_messages() -> None:
    judge = model("judge", capabilities={Capability.CHAT})
    pipe = load([QUESTION]) >> evolve(prompts="classic", candidates=1, ask_for_gain=True)
    result = await go(pipe, llm=model("small"), judge=judge)
    assert result.state.failed == 0
    assert len(judge.requests) == 1


@pytest.mark.parametrize("family", ["small", "classic"])
async def test_self_instructs_outputs_are_the_answerers(family: str, tmp_path: Path) -> None:
    small, large = model("small"), model("large", capabilities={Capability.CHAT})
    options = {"n": 2, "max_attempts": 12, "candidates": 1, "prompts": family}
    await go(STEPS["bootstrap_tasks"](**options), folder=str(tmp_path), llm=small, answerer=large)
    made = made_in(tmp_path)
    answers = [told["response"] for told in made if "model" in told.get("response", {})]
    # a task by a rule is written by a program
    tasks = [told["instruction"] for told in made if "instruction" in told]
    assert {task["model"] for task in tasks if "model" in task or "rule" not in task} == {"small"}
    assert bool(answers) == bool(large.requests)
    assert {answer["model"] for answer in answers} <= {"large"}


@pytest.mark.parametrize(
    ("given", "who"),
    [
        ({}, "small"),
        ({"answerer": "large"}, "large"),
        ({"answerer": "large", "judge": "judge"}, "judge"),
        ({"judge": "judge"}, "judge"),
    ],
)
async def test_the_answerer_judges_where_nobody_else_is_to(
    given: Mapping[str, str], who: str
) -> None:
    rows = [{**QUESTION, "responses": ["It is long.", "It is a very long river in the east."]}]
    asked: list[str] = []

    def scored(name: str) -> Scripted:
        def told(*_: str) -> float:
            asked.append(name)
            return -1.0

        return model(name, scores=told)

    made = {name: scored(name) for name in ("small", "large", "judge")}
    roles = {role: made[name] for role, name in given.items()}
    await go(load(rows) >> preference(score="judge"), llm=made["small"], **roles)
    assert set(asked) == {who}


async def test_a_step_that_names_a_model_keeps_it_for_all_it_asks(tmp_path: Path) -> None:
    own, large = model("own"), model("large")
    pipe: Chainable = load([QUESTION]) >> respond(model="mine")
    await go(pipe, llm=model("small"), answerer=large, models={"mine": own})
    assert len(own.requests) == 1
    assert not large.requests
    pipe = magpie(n=1, only_instruction=False, model="mine", openings=["Tell me"])
    await go(pipe, llm=model("small"), answerer=large, models={"mine": own})
    assert not large.requests


async def test_one_model_is_all_three_and_is_started_once() -> None:
    """With no other named, nothing is as if there were roles."""
    small = model("small")
    pipe = magpie(n=3, only_instruction=False, openings=["Tell me"]) >> evolve(prompts="small")
    result = await go(pipe >> gate(), llm=small)
    assert result.state.beside == []
    assert sum(counts.asked for counts in result.state.counts) == len(small.requests)


async def test_the_answerer_changes_no_instruction(tmp_path: Path) -> None:
    pipe = magpie(n=4, openings=["Tell me"]) >> respond()
    alone = await rows_of(pipe, tmp_path / "alone", llm=model("small"))
    both = await rows_of(pipe, tmp_path / "both", llm=model("small"), answerer=model("large"))
    assert [row["instruction"] for row in alone] == [row["instruction"] for row in both]
    assert [row["id"] for row in alone] == [row["id"] for row in both]


async def test_another_answerer_later_asks_for_no_instruction_again(tmp_path: Path) -> None:
    """The store knows answers by model and request, so only the answers are new."""
    pipe, folder = magpie(n=4, openings=["Tell me"]) >> respond(), str(tmp_path)
    await go(pipe, folder=folder, llm=model("small"))
    small, large = model("small"), model("large")
    await go(pipe, folder=folder, llm=small, answerer=large)
    assert not small.requests
    assert len(large.requests) == 4
    assert read_status(folder).ended == "finished"


async def test_an_answerer_that_cannot_chat_is_told_at_the_start() -> None:
    mute = model("mute", capabilities={Capability.GRAMMAR})
    with pytest.raises(CapabilityError, match="mute"):
        await go(load([QUESTION]) >> respond(), llm=model("small"), answerer=mute)
    with pytest.raises(CapabilityError, match="mute"):
        await go(magpie(n=1, only_instruction=False), llm=model("small"), answerer=mute)


async def test_an_answerer_that_is_not_there_is_told_before_anything_runs() -> None:
    small = model("small")
    with pytest.raises(InputError, match="no back end 'nowhere'"):
        await go(load([QUESTION]) >> respond(), llm=small, answerer="nowhere:x")
    assert not small.requests


async def test_one_that_nothing_asks_is_not_even_looked_for() -> None:
    result = await go(load([QUESTION]) >> gate(), llm=model("small"), answerer="nowhere:x")
    assert result.state.total == 1


async def test_a_preview_has_the_same_roles() -> None:
    small, large = model("small"), model("large")
    pipe = magpie(n=2, openings=["Tell me"]) >> respond()
    options = RunOptions(llm=small, answerer=large, embedder=None)
    seen = await preview(Pipeline(pipe.as_parts()), rows=2, options=options)
    assert seen.made == 2
    assert len(large.requests) == 2


# A step of one's own, YAML, names -----------------------------------------------------------------


async def test_a_step_of_ones_own_has_a_role_and_models_beside_it() -> None:
    asked: list[str] = []

    @step(role="answer")
    async def mine(row: Row, llm: LLM) -> Row:
        asked.append(llm.name)
        return row

    @step
    async def three(rows: Any, llm: LLM, answerer: LLM, judge: LLM) -> AsyncIterator[Row]:
        asked.extend((llm.name, answerer.name, judge.name))
        async for row in rows:
            yield row

    await go(
        load([QUESTION]) >> mine >> three,
        llm=model("small"),
        answerer=model("large"),
        judge=model("judge"),
    )
    assert asked == ["large", "small", "large", "judge"] or asked == [
        "small", "large", "judge", "large"]  # fmt: skip


def models_of(path: Path) -> list[tuple[str, str]]:
    """Each step's parameters with the names of the models that it would get."""
    pipeline = read_pipeline(path)
    models = Models(pipeline.models, None)
    return [
        (f"{node.name}.{parameter}", models.of(node, role).name)
        for node in pipeline.nodes()
        for parameter, role in node.step.asks().items()
    ]


def test_yaml_names_them_among_its_models(tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    path.write_text(
        "models:\n"
        "  default: small.gguf\n"
        "  answerer: large\n"
        "  large: large.gguf\n"
        "steps:\n"
        "  - magpie: {n: 3}\n"
        "  - evolve: {ask_for_gain: true}\n"
        "  - respond\n"
        "  - respond: {name: again, model: judge}\n"
        "  - respond: {name: own, model: own.gguf}\n"
    )
    assert models_of(path) == [
        ("magpie.llm", "small.gguf"),
        ("evolve.llm", "small.gguf"),
        ("evolve.judge", "large.gguf"),
        ("respond.llm", "large.gguf"),
        ("again.llm", "large.gguf"),
        ("own.llm", "own.gguf"),
    ]


def test_the_runs_own_win_over_the_pipelines() -> None:
    models = Models({"answerer": "a.gguf"}, "small.gguf", answerer="b.gguf")
    (node,) = Pipeline((magpie(n=1),)).nodes()
    assert models.of(node, "answer").name == "b.gguf"
    assert models.of(node, "judge").name == "b.gguf"
    assert models.of(node).name == "small.gguf"


def test_names_that_go_round_in_a_circle_end() -> None:
    models = Models({"answerer": "judge", "judge": "answerer"}, None)
    (node,) = Pipeline((magpie(n=1),)).nodes()
    assert models.of(node, "answer").name in ("judge", "answerer")
