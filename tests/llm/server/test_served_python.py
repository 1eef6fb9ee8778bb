"""A real `llama_cpp.server`, which speaks OpenAI's forms, with SmolLM2, beside the same file in
process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evolsynth.errors import CapabilityError, RequestError
from evolsynth.llm.base import Capability, Prompt, Request, Sampling
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.server import Server
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.rows import Message

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

GREEDY = Sampling(temperature=0)
ASK = (Message("user", "Name a lake."),)


def asked(**fields: Any) -> Request:
    messages = () if "prompt" in fields else ASK
    return Request(
        **{"messages": messages, "seed": 1, "max_tokens": 8, "sampling": GREEDY} | fields
    )


async def test_it_says_what_it_is_and_its_gaps_once(
    python_server_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Server(f"openai:smollm2@{python_server_url}") as llm:
        await llm.start()
        assert llm.provenance == {"model": "smollm2", "server": "llama-cpp-python"}
        missing = frozenset(Capability) - llm.capabilities
        assert missing == {Capability.PREFIX, Capability.LOGPROBS}
    told = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert sum("no forced beginning of an answer" in text for text in told) == 1
    # It tells of each of the prompt's tokens how likely it would be once more.
    assert sum("belong to other tokens" in text for text in told) == 1
    assert len(told) == 2


async def test_a_chat_without_a_template_goes_to_it_as_messages(
    python_server_url: str, served_python: Server
) -> None:
    async with Server(f"openai:smollm2@{python_server_url}") as plain:
        told = await plain.complete(asked(logprobs=True))
        rendered = await served_python.complete(asked(logprobs=True))
        assert (told.text, told.prompt_tokens) == (rendered.text, rendered.prompt_tokens)
        assert [t.logprob for t in told.logprobs] == pytest.approx(
            [t.logprob for t in rendered.logprobs], abs=0.05
        )
        with pytest.raises(CapabilityError, match="chat_template="):
            [row async for row in magpie(plain, n=1, only_instruction=True)]


@pytest.mark.parametrize(
    "fields",
    [{}, {"prefix": "The largest lake"}, {"prompt": Prompt.of("A river is")}],
    ids=["a chat", "a prefix", "a raw prompt"],
)
async def test_it_reads_and_writes_what_the_engine_in_process_does(
    served_python: Server, as_it_came: LlamaCpp, fields: dict[str, Any]
) -> None:
    request = asked(logprobs=True, max_tokens=3, **fields)
    theirs, ours = await served_python.complete(request), await as_it_came.complete(request)
    assert (theirs.text, theirs.tokens) == (ours.text, ours.tokens)
    assert theirs.prompt_tokens == ours.prompt_tokens
    assert [t.piece for t in theirs.logprobs] == [t.piece for t in ours.logprobs]
    # The same library, which computes attention in another way there.
    assert [t.logprob for t in theirs.logprobs] == pytest.approx(
        [t.logprob for t in ours.logprobs], abs=0.4
    )


async def test_an_answer_keeps_to_what_is_asked_for(served_python: Server) -> None:
    assert (await served_python.complete(asked(choices=("yes", "no")))).text in ("yes", "no")
    grammar = asked(grammar='root ::= "one" | "two"')
    assert (await served_python.complete(grammar)).text in ("one", "two")
    schema = {
        "type": "object",
        "properties": {"size": {"enum": ["small", "large"]}},
        "required": ["size"],
        "additionalProperties": False,
    }
    completion = await served_python.complete(asked(schema=json.dumps(schema), max_tokens=40))
    assert json.loads(completion.text)["size"] in ("small", "large")


async def test_stop_strings_end_it_and_are_cut_off(served_python: Server) -> None:
    whole = await served_python.complete(asked())
    word = whole.text.split()[2]
    completion = await served_python.complete(asked(stop=(f" {word}",)))
    assert completion.text == whole.text.partition(f" {word}")[0]
    assert completion.finish_reason == "stop"


async def test_it_repeats_an_answer_from_its_seed(served_python: Server) -> None:
    drawn = [
        await served_python.complete(asked(sampling=Sampling(temperature=1.5), seed=seed))
        for seed in (1, 2, 1)
    ]
    assert drawn[0].text == drawn[2].text != drawn[1].text


async def test_a_text_cannot_be_scored_on_it(served_python: Server) -> None:
    with pytest.raises(CapabilityError, match="llama-server, vLLM"):
        await served_python.score(Prompt.of("A river is"), " a body of water.")


async def test_what_is_too_long_is_the_rows_failure_with_the_reason(served_python: Server) -> None:
    with pytest.raises(RequestError, match="context"):
        await served_python.complete(asked(prompt=Prompt.of("word " * 1500)))


async def test_magpie_writes_rows_with_it(served_python: Server) -> None:
    made = magpie(served_python, n=2, seed=3, max_tokens=8, only_instruction=True)
    rows = [row async for row in made]
    assert len(rows) == 2
    assert all(row.failure is None and row.instruction for row in rows)
    assert rows[0].provenance["instruction"]["server"] == "llama-cpp-python"
