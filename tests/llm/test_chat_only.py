"""A back end that takes messages and nothing else, as a chat API does: no template, no prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evolsynth.data.files import read_rows
from evolsynth.errors import CapabilityError, InputError
from evolsynth.evaluation.scores.judge import judge
from evolsynth.llm.base import LLM, Capability, Completion, Prompt, Request, Usage
from evolsynth.llm.scripted import CHATML, Scripted
from evolsynth.llm.template import ChatTemplate
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.methods.generate import generate
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.respond import respond
from evolsynth.methods.self_instruct.queries import self_instruct
from evolsynth.pipeline import generate as generating
from evolsynth.pipeline import load
from evolsynth.pipeline import respond as responding
from evolsynth.pipeline.graph import Pipeline
from evolsynth.rows import Message, Row, write_rows


class Chat(LLM):
    """Says how many turns it was shown, and a number for a judge."""

    capabilities = frozenset({Capability.CHAT})
    name = "chat"

    def __init__(self) -> None:
        self.provenance = {"model": self.name}
        self.asked: list[Request] = []

    @property
    def usage(self) -> Usage:
        return Usage(requests=len(self.asked))

    async def complete(self, request: Request) -> Completion:
        assert request.prompt is None
        self.asked.append(request)
        text = f"There are 4 of them in {len(request.messages)} turns."
        return Completion(text=text, tokens=8, prompt_tokens=8, finish_reason="stop")


async def test_it_responds_and_its_rows_name_no_template() -> None:
    llm = Chat()
    rows = [row async for row in respond([Row.make("Name a lake.")], llm)]
    assert rows[0].response == "There are 4 of them in 2 turns."
    assert [m.role for m in llm.asked[0].messages] == ["system", "user"]
    assert llm.asked[0].stop == ()
    assert "template_sha256" not in rows[0].provenance["response"]


async def test_it_generates_in_a_chat_and_not_from_a_raw_prompt() -> None:
    llm = Chat()
    rows = [row async for row in generate(None, llm, prompt="Name a lake.", n=2, stop=["."])]
    assert [row.instruction for row in rows] == ["There are 4 of them in 1 turns."] * 2
    assert llm.asked[0].stop == (".",)
    with pytest.raises(CapabilityError, match=r"continue a raw prompt.*llamacpp:"):
        _ = [row async for row in generate(None, llm, prompt="A lake:", n=1, chat=False)]


async def test_it_judges_by_the_number_that_it_says() -> None:
    rows = [r async for r in judge([Row.make("Name a lake.", response="The Lake.")], Chat())]
    assert rows[0].scores == {"complexity": 4.0, "quality": 4.0}


async def test_a_pipeline_runs_on_it_and_finds_its_answers_again(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", [Row.make("Name a lake.")])

    async def answers(llm: LLM, place: str) -> list[Any]:
        steps = (
            load(str(tmp_path / "rows.jsonl")),
            responding(),
            generating(prompt="Sum up: {{ response }}", output="sum"),
        )
        result = await Pipeline(steps).run(str(tmp_path / place), llm=llm, report=False)
        return [(row.response, row.extra["sum"]) for row in read_rows(result.files["accepted"])]

    llm = Chat()
    first = await answers(llm, "run")
    assert first == [("There are 4 of them in 2 turns.", "There are 4 of them in 1 turns.")]
    assert await answers(llm, "run") == first
    assert len(llm.asked) == 2


async def test_magpie_on_it_is_refused_at_the_start_with_the_way_out() -> None:
    llm = Chat()
    with pytest.raises(CapabilityError) as caught:
        _ = [row async for row in magpie(llm, n=1)]
    assert "raw prompt" in str(caught.value)
    assert 'model="llamacpp:NAME"' in str(caught.value)
    assert llm.asked == []


def test_it_has_no_template_and_leaves_requests_as_they_are() -> None:
    request = Request(messages=(Message("user", "Hi."),), seed=1)
    assert Chat().prepared(request) is request
    with pytest.raises(CapabilityError, match="shows no chat template"):
        _ = Chat().template


def test_a_request_has_either_messages_or_a_prompt() -> None:
    hi = (Message("user", "Hi."),)
    for wrong in ({}, {"messages": hi, "prompt": Prompt.of("Hi.")}):
        with pytest.raises(InputError, match="either messages or a prompt"):
            Request(seed=1, **wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="shared goes with messages"):
        Request(seed=1, prompt=Prompt.of("Hi."), shared="H")
    with pytest.raises(InputError, match="messages and no prompt"):
        _ = Request(seed=1, messages=hi).raw


def test_a_template_gives_the_prompt_its_shared_part_and_the_stop() -> None:
    request = Request(messages=(Message("user", "Answer: what?"),), shared="Answer:", seed=1)
    filled = Scripted([]).prepared(request)
    template = ChatTemplate(CHATML)
    assert filled.prompt == template.render(request.messages).shared_to("Answer:")
    assert filled.stop == ("<|im_end|>",)
    assert Scripted([]).prepared(filled) is filled


def test_the_key_of_a_raw_prompts_answer_is_what_it_always_was() -> None:
    assert Request(prompt=Prompt.of("Hi."), seed=1).key("m").hex() == KEY


def test_messages_and_what_they_share_are_in_the_key() -> None:
    hi, bye = (Message("user", "Hi."),), (Message("user", "Bye."),)
    keys = {
        Request(messages=hi, seed=1).key("m"),
        Request(messages=bye, seed=1).key("m"),
        Request(messages=hi, shared="H", seed=1).key("m"),
    }
    assert len(keys) == 3


KEY = "0d026dde900184051f2d2f0cabe4c3c4"


async def test_evol_instruct_asks_in_chats() -> None:
    llm = Chat()
    seeds = [Row.make("Name a lake of the north and say how deep it is.")]
    rows = [row async for row in evolve(seeds, llm, candidates=2)]
    assert [row.method for row in rows] == ["input", "evol_instruct"]
    assert all(request.messages[0].role == "user" for request in llm.asked)
    assert "Name a lake of the north" in llm.asked[0].messages[0].content
    with pytest.raises(CapabilityError, match="Evol-Instruct with small prompts"):
        await anext(aiter(evolve(seeds, llm, prompts="small")))


async def test_self_instruct_asks_in_chats() -> None:
    llm = Chat()
    contexts = [Row.make("?", extra={"input": "Lakes of the north are deep and cold."})]
    rows = [row async for row in self_instruct(contexts, llm, num_instructions=1, attempts=1)]
    assert "Lakes of the north" in llm.asked[0].messages[0].content
    assert rows[-1].status in ("pending", "failed")
    with pytest.raises(CapabilityError, match="prompts for small models"):
        await anext(aiter(self_instruct(contexts, llm, prompts="small")))
