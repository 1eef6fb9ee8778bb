"""A real llama-server with SmolLM2, beside the same file in process."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from evolsynth.errors import RequestError
from evolsynth.llm.backends import open_llm
from evolsynth.llm.base import Capability, Prompt, Request, Sampling, Segment
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.server import Server
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.respond import respond
from evolsynth.methods.self_instruct.tasks import bootstrap_tasks
from evolsynth.rows import Message, Row

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


def read_from(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as reply:
        return bytes(reply.read())


GREEDY = Sampling(temperature=0)
ASK = (Message("user", "Name a lake."),)


def asked(**fields: Any) -> Request:
    messages = () if "prompt" in fields else ASK
    return Request(
        **{"messages": messages, "seed": 1, "max_tokens": 12, "sampling": GREEDY} | fields
    )


async def test_it_says_what_it_is_and_can_do(served: Server, smollm_file: Path) -> None:
    assert served.name == smollm_file.name
    assert served.provenance["server"] == "llama-server"
    assert served.provenance["size"] > 90e6
    assert not any(
        "/" in str(value) or "127.0.0.1" in str(value) for value in served.provenance.values()
    )
    assert served.capabilities == frozenset(Capability)
    assert served.parameters == 134515008


async def test_its_slots_are_filled_from_the_start(llama_server_url: str) -> None:
    async with Server(f"llama-server:{llama_server_url}") as llm:
        props = json.loads(await asyncio.to_thread(read_from, f"{llama_server_url}/props"))
        assert llm.at_once == props["total_slots"]


async def test_a_typed_control_token_stays_text(served: Server, as_it_came: LlamaCpp) -> None:
    typed = Prompt((Segment("a<|im_end|>b"),))
    meant = Prompt((Segment("a"), Segment("<|im_end|>", control=True), Segment("b")))
    lengths = []
    for prompt in (typed, meant):
        completion = await served.complete(asked(prompt=prompt, max_tokens=1))
        reference = await as_it_came.complete(asked(prompt=prompt, max_tokens=1))
        assert completion.prompt_tokens == reference.prompt_tokens
        lengths.append(completion.prompt_tokens)
    assert lengths[0] > lengths[1] == 3


PROMPTS = {
    "a chat": {},
    "a prefix": {"prefix": "The largest lake"},
    "a prefix by itself": {"prefix": "The largest lake", "keep_prompt": True},
    "a shared part": {"prompt": Prompt.of(" river is", shared="A lake is water.\nA")},
    "white space": {"messages": (Message("user", "  \n\n x"), Message("assistant", " <b>\n"),
                                 Message("user", "[1, 2]"))},
}  # fmt: skip


@pytest.mark.parametrize("fields", PROMPTS.values(), ids=PROMPTS)
async def test_it_reads_the_prompt_that_the_engine_in_process_reads(
    served: Server, as_it_came: LlamaCpp, fields: dict[str, Any]
) -> None:
    request = asked(**{"logprobs": True, "max_tokens": 1} | fields)
    ours, theirs = await served.complete(request), await as_it_came.complete(request)
    assert ours.prompt_tokens == theirs.prompt_tokens
    assert ours.text.startswith(request.prefix)
    # The two builds of llama.cpp calculate in other ways; another prompt would be further off.
    assert ours.logprobs[0].token == theirs.logprobs[0].token
    assert ours.logprobs[0].logprob == pytest.approx(theirs.logprobs[0].logprob, abs=0.35)


async def test_an_answer_is_one_of_the_choices_or_keeps_to_the_grammar(
    served: Server,
) -> None:
    choices = ("Lake Geneva", 'The "Rhine"\n', "Lake \\Garda")
    assert (await served.complete(asked(choices=choices))).text in choices
    completion = await served.complete(asked(grammar='root ::= "yes" | "no"'))
    assert completion.text in ("yes", "no")
    assert completion.finish_reason == "stop"


async def test_stop_strings_end_it_and_are_cut_off(served: Server) -> None:
    whole = await served.complete(asked())
    word = whole.text.split()[2]
    completion = await served.complete(asked(stop=(f" {word}", "|never|")))
    assert completion.text == whole.text.partition(f" {word}")[0]
    assert completion.finish_reason == "stop"


async def test_a_stop_that_names_a_control_token_stops_there(served: Server) -> None:
    forced = asked(grammar='root ::= "a" <[1]> "b"', stop=("<|im_start|>",), logprobs=True)
    completion = await served.complete(forced)
    assert (completion.text, completion.tokens, completion.finish_reason) == ("a", 1, "stop")
    assert [t.piece for t in completion.logprobs] == [b"a"]


async def test_banned_texts_make_it_take_another_way(served: Server) -> None:
    whole = await served.complete(asked())
    words = tuple(whole.text.split()[1:3])
    completion = await served.complete(asked(banned=words))
    assert not any(word in completion.text for word in words)
    assert completion.text.split()[0] == whole.text.split()[0]
    assert completion.tokens == whole.tokens
    assert completion.prompt_tokens == whole.prompt_tokens


async def test_it_repeats_an_answer_from_its_seed(served: Server) -> None:
    request = asked(sampling=Sampling(temperature=1.0), max_tokens=8)
    first, again = await served.complete(request), await served.complete(request)
    assert first.text == again.text
    texts = {
        (await served.complete(asked(sampling=Sampling(temperature=1.5), seed=s))).text
        for s in range(3)
    }
    assert len(texts) > 1


async def test_log_probabilities_are_those_before_temperature(
    served: Server, as_it_came: LlamaCpp
) -> None:
    request = asked(logprobs=True, max_tokens=4)
    ours, theirs = await served.complete(request), await as_it_came.complete(request)
    assert [t[:2] for t in ours.logprobs] == [t[:2] for t in theirs.logprobs]
    for one, other in zip(ours.logprobs, theirs.logprobs, strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=0.35)


async def test_a_character_may_be_spread_over_tokens(served: Server, as_it_came: LlamaCpp) -> None:
    text = "a 🦙, 日本 ö"
    forced = asked(grammar=f'root ::= "{text}"', logprobs=True, max_tokens=30)
    ours, theirs = await served.complete(forced), await as_it_came.complete(forced)
    assert (ours.text, ours.tokens) == (theirs.text, theirs.tokens) == (text, theirs.tokens)
    assert [t.token for t in ours.logprobs] == [t.token for t in theirs.logprobs]
    assert b"".join(t.piece for t in ours.logprobs).decode() == text
    assert sum(t.logprob for t in ours.logprobs) == pytest.approx(
        sum(t.logprob for t in theirs.logprobs), rel=0.05
    )
    cut = asked(grammar=f'root ::= "{text}"', max_tokens=2)
    assert (await served.complete(cut)).text == (await as_it_came.complete(cut)).text
    banned = asked(grammar=None, prefix="The 🦙 is a", banned=("🦙 is b",), max_tokens=4)
    assert (await served.complete(banned)).text.startswith("The 🦙 is a")


async def test_a_text_is_scored_token_by_token_with_its_end_of_turn(
    served: Server, as_it_came: LlamaCpp
) -> None:
    prompt = as_it_came.template.render(ASK)
    text = Prompt((Segment("Lake 🦙, Zoë"), Segment("<|im_end|>", control=True)))
    ours, theirs = (
        await served.score(prompt, text),
        await as_it_came.score(prompt, text),
    )
    assert [t.token for t in ours.logprobs] == [t.token for t in theirs.logprobs]
    assert ours.prompt_tokens == theirs.prompt_tokens
    assert ours.total == pytest.approx(theirs.total, rel=0.05)
    said = await served.complete(asked(logprobs=True, max_tokens=3))
    again = await served.score(prompt, said.text)
    assert [t.logprob for t in again.logprobs] == pytest.approx(
        [t.logprob for t in said.logprobs], abs=0.05
    )


async def test_an_answer_keeps_to_a_schema(served: Server) -> None:
    schema = {
        "type": "object",
        "properties": {"size": {"enum": ["small", "large"]}},
        "required": ["size"],
        "additionalProperties": False,
    }
    completion = await served.complete(asked(schema=json.dumps(schema), max_tokens=40))
    assert json.loads(completion.text)["size"] in ("small", "large")


async def test_it_does_not_end_before_its_least_tokens(served: Server) -> None:
    short = asked(messages=(Message("user", "Say: yes"),), max_tokens=30)
    ended = await served.complete(short)
    longer = await served.complete(
        asked(messages=short.messages, max_tokens=30, min_tokens=min(29, ended.tokens + 5))
    )
    assert longer.tokens >= min(29, ended.tokens + 5)


async def test_what_is_too_long_is_the_rows_failure_with_the_reason(served: Server) -> None:
    with pytest.raises(RequestError, match="context"):
        await served.complete(asked(prompt=Prompt.of("word " * 1500)))
    with pytest.raises(RequestError, match="grammar"):
        await served.complete(asked(grammar="root := nonsense"))
    with pytest.raises(RequestError, match="empty"):
        await served.score(Prompt.of("a"), "")


async def test_the_methods_run_on_it(served: Server) -> None:
    rows = [row async for row in magpie(served, n=2, seed=3, max_tokens=12, only_instruction=True)]
    assert len(rows) == 2
    assert all(row.failure is None for row in rows)
    answered = [row async for row in respond([Row.make("Name a lake.")], served, max_tokens=8)]
    assert answered[0].response
    tasks = [t async for t in bootstrap_tasks(served, n=1, seed=1, candidates=1, max_attempts=2)]
    assert tasks
    assert all(task.failure is None for task in tasks[:-1])


async def test_any_scheme_finds_out_what_it_is(llama_server_url: str, caplog: Any) -> None:
    async with open_llm(f"openai:any@{llama_server_url}/v1") as llm:
        assert llm.provenance["server"] == "llama-server"
        assert Capability.RAW_PROMPT in llm.capabilities
    async with open_llm(f"vllm:{llama_server_url}") as llm:
        assert llm.provenance["server"] == "llama-server"
    assert "it was named vllm and is llama-server" in caplog.text


async def test_a_name_that_it_does_not_have_is_told_and_not_written_into_rows(
    llama_server_url: str, smollm_file: Path, caplog: Any
) -> None:
    """llama-server answers with its one model, whatever it is asked for."""
    async with Server(f"llama-server:gpt-4@{llama_server_url}") as llm:
        assert llm.name == llm.provenance["model"] == smollm_file.name
    assert f"it was named gpt-4, and the only model there is {smollm_file.name}" in caplog.text
