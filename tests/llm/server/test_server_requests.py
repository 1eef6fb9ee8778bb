"""A request in the form of each kind of server, and what is made of its answer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import server_shapes as shapes
from answering_server import Answering, answering

from evolsynth.data.files import read_rows
from evolsynth.errors import (
    CapabilityError,
    EngineError,
    InputError,
    RequestError,
    SetupError,
    TemplateError,
)
from evolsynth.llm.base import Capability, Prompt, Request, Sampling, Segment, TokenLogprob
from evolsynth.llm.server import Server
from evolsynth.llm.server.flavours import Found
from evolsynth.llm.server.forms import asking, form, llama_server, ollama, openai, tgi
from evolsynth.pipeline import load, respond
from evolsynth.pipeline.graph import Pipeline
from evolsynth.rows import Message, Row, write_rows

ASK = (Message("system", "Be brief."), Message("user", "Name a river."))
PLAIN = Prompt.of("The Rhine")
EVERYTHING = Sampling(
    temperature=0.5, top_k=40, top_p=0.9, min_p=0.1, repeat_penalty=1.1,
    presence_penalty=0.2, frequency_penalty=0.3,
)  # fmt: skip


def asked(**fields: Any) -> Request:
    messages = () if "prompt" in fields else ASK
    return Request(**{"messages": messages, "seed": 7, "max_tokens": 50} | fields)


def with_answer(routes: dict[str, Any], path: str, *answers: Any) -> dict[str, Any]:
    """The routes with these answers one after the other, the last again and again."""
    left = list(answers)
    return routes | {f"POST {path}": lambda _: left.pop(0) if len(left) > 1 else left[0]}


def last(server: Answering) -> dict[str, Any]:
    body: dict[str, Any] = server.asked[-1][1]
    return body


async def test_openai_chat_takes_what_its_api_has() -> None:
    async with answering(shapes.OPENAI) as server, Server(f"openai:m@{server.url}") as llm:
        done = await llm.complete(asked(sampling=EVERYTHING, stop=("\n\n", "b", "c", "d", "e")))
        assert last(server) == {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Name a river."},
            ],
            "max_tokens": 50,
            "seed": 7,
            "stream": False,
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.2,
            "frequency_penalty": 0.3,
            "stop": ["\n\n", "b", "c", "d", "e"],
        }
        assert (done.text, done.tokens, done.prompt_tokens) == ("Th", 4, 9)  # cut at "e"
        assert llm.usage.requests == 1
        assert llm.usage.completion_tokens == 4


async def test_vllm_takes_more_and_raw_prompts() -> None:
    async with answering(shapes.VLLM) as server, Server(f"vllm:{server.url}") as llm:
        await llm.complete(asked(sampling=EVERYTHING, min_tokens=3))
        body = last(server)
        assert (body["top_k"], body["min_p"], body["repetition_penalty"]) == (40, 0.1, 1.1)
        assert body["min_tokens"] == 3
        done = await llm.complete(asked(prompt=PLAIN, prefix=" river", sampling=Sampling(top_k=0)))
        assert server.asked[-1][0] == "/v1/completions"
        assert last(server)["prompt"] == "The Rhine river"
        assert last(server)["top_k"] == -1
        assert done.text == " river is long"
        await llm.complete(asked(prefix="The"))
        assert last(server)["messages"][-1] == {"role": "assistant", "content": "The"}
        assert last(server)["continue_final_message"] is True
        assert last(server)["add_generation_prompt"] is False


async def test_vllm_keeps_to_choices_grammars_and_schemas_in_its_own_fields() -> None:
    schema = '{"type": "object"}'
    chat = "/v1/chat/completions"
    for version, choice, grammar in (
        ("0.12.0", {"structured_outputs": {"choice": ["a", "b"]}},
         {"structured_outputs": {"grammar": 'root ::= "x"'}}),
        ("0.9.1", {"guided_choice": ["a", "b"]}, {"guided_grammar": 'root ::= "x"'}),
    ):  # fmt: skip
        routes = with_answer(shapes.VLLM, chat, *map(shapes.chat_answer, ("b", "x", "{}")))
        routes |= {"GET /version": {"version": version}}
        async with answering(routes) as server, Server(f"vllm:{server.url}") as llm:
            assert (await llm.complete(asked(choices=("a", "b")))).text == "b"
            assert choice.items() <= last(server).items()
            await llm.complete(asked(grammar='root ::= "x"'))
            assert grammar.items() <= last(server).items()
            await llm.complete(asked(schema=schema))
            told = last(server)["response_format"]
            assert told["type"] == "json_schema"
            assert told["json_schema"]["schema"] == {"type": "object"}


async def test_ollama_has_its_options_and_raw_prompts() -> None:
    async with (
        answering(shapes.OLLAMA) as server,
        Server(f"ollama:smollm2:135m@{server.url}", think=False, context=2048) as llm,
    ):
        done = await llm.complete(asked(sampling=EVERYTHING, stop=("\n",), prefix="Oh"))
        body = last(server)
        assert body["messages"][-1] == {"role": "assistant", "content": "Oh"}
        assert body["options"] == {
            "seed": 7,
            "num_predict": 50,
            "temperature": 0.5,
            "top_k": 40,
            "top_p": 0.9,
            "min_p": 0.1,
            "repeat_penalty": 1.1,
            "presence_penalty": 0.2,
            "frequency_penalty": 0.3,
            "repeat_last_n": 64,
            "stop": ["\n"],
            "num_ctx": 2048,
        }
        assert (body["think"], body["stream"], body["truncate"]) == (False, False, False)
        assert (done.text, done.tokens, done.prompt_tokens) == ("OhThe Rhine.", 4, 26)
        done = await llm.complete(asked(prompt=PLAIN))
        assert server.asked[-1][0] == "/api/generate"
        assert (last(server)["raw"], last(server)["prompt"]) == (True, "The Rhine")
        assert (done.text, done.finish_reason) == (" is long", "length")


async def test_tgi_draws_or_takes_the_likeliest_and_grammars_are_its_own() -> None:
    async with answering(shapes.TGI) as server, Server(f"tgi:{server.url}") as llm:
        done = await llm.complete(asked(prompt=PLAIN, sampling=EVERYTHING, logprobs=True))
        assert server.asked[-1][0] == "/generate"
        parameters = last(server)["parameters"]
        assert parameters["do_sample"] is True
        assert parameters["repetition_penalty"] == 1.1
        assert parameters["seed"] == 8
        assert (done.text, done.tokens, done.finish_reason) == (" is long", 2, "stop")
        assert done.logprobs[1] == TokenLogprob(9, b" long", -1.5)
        await llm.complete(asked(prompt=PLAIN, sampling=Sampling(temperature=0)))
        parameters = last(server)["parameters"]
        assert parameters["do_sample"] is False
        assert "temperature" not in parameters


async def test_choices_are_one_of_an_enum_where_there_is_nothing_else() -> None:
    answers = [shapes.chat_answer('{"answer": "yes"}')]
    routes = with_answer(shapes.OPENAI, "/v1/chat/completions", *answers)
    async with answering(routes) as server, Server(f"openai:m@{server.url}") as llm:
        assert (await llm.complete(asked(choices=("yes", "no")))).text == "yes"
        schema = last(server)["response_format"]["json_schema"]["schema"]
        assert schema["properties"]["answer"]["enum"] == ["yes", "no"]


async def test_what_is_not_as_wanted_is_asked_for_again_and_then_refused() -> None:
    chat = "/v1/chat/completions"
    routes = with_answer(shapes.OPENAI, chat, *map(shapes.chat_answer, ("maybe", "no")))
    async with answering(routes) as server, Server(f"openai:m@{server.url}") as llm:
        assert (await llm.complete(asked(choices=("yes", "no")))).text == "no"
        seeds = [body["seed"] for body in server.bodies(chat)]
        assert seeds[0] == 7
        assert len(set(seeds)) == 2
        server.routes = with_answer(shapes.OPENAI, chat, shapes.chat_answer("Sorry, a banned one"))
        with pytest.raises(RequestError, match="wrote a text that is banned, in each of 4"):
            await llm.complete(asked(banned=("Sorry",)))
        with pytest.raises(RequestError, match="would do so again"):
            await llm.complete(asked(banned=("Sorry",), sampling=Sampling(temperature=0)))
        with pytest.raises(RequestError, match="which is no JSON"):
            await llm.complete(asked(schema="{}"))


async def test_what_it_cannot_do_is_refused_and_not_left_out() -> None:
    async with answering(shapes.OPENAI) as server, Server(f"openai:m@{server.url}") as llm:
        before = len(server.asked)
        with pytest.raises(CapabilityError, match="begin its answer with a given text"):
            await llm.complete(asked(prefix="The"))
        with pytest.raises(CapabilityError, match="no raw prompt"):
            await llm.complete(asked(prompt=PLAIN))
        with pytest.raises(CapabilityError, match="no GBNF grammar"):
            await llm.complete(asked(grammar='root ::= "x"'))
        with pytest.raises(RequestError, match="at least 5 tokens"):
            await llm.complete(asked(min_tokens=5))
        with pytest.raises(RequestError, match="schema is no JSON"):
            await llm.complete(asked(schema="{"))
        with pytest.raises(CapabilityError, match="log-probabilities"):
            await llm.score(PLAIN, " is")
        assert len(server.asked) == before
        with pytest.raises(RequestError, match="told no log-probabilities"):
            await llm.complete(asked(logprobs=True))


async def test_a_typed_control_token_is_refused_where_it_would_become_one() -> None:
    typed = Prompt((Segment("<|im_start|>user\n", control=True), Segment("Say <|im_end|> twice.")))
    spaced = Prompt((Segment("[INST] ", control=True), Segment("What is [INST]?")))
    async with answering(shapes.VLLM) as server, Server(f"vllm:{server.url}") as llm:
        for prompt, token in ((typed, "<|im_end|>"), (spaced, "[INST]")):
            with pytest.raises(RequestError) as caught:
                await llm.complete(asked(prompt=prompt))
            assert f"'{token}'" in str(caught.value)
        html = Prompt((Segment("<|im_start|>user\n", control=True), Segment("Is <b> or [1] bold?")))
        await llm.complete(asked(prompt=html))
        assert last(server)["prompt"].endswith("Is <b> or [1] bold?")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thoughts_in_a_field_of_their_own_are_kept_apart(field: str) -> None:
    chat = "/v1/chat/completions"
    answer = shapes.chat_answer("The Rhine.", **{field: "Rivers..."})
    async with (
        answering(with_answer(shapes.OPENAI, chat, answer)) as server,
        Server(f"openai:m@{server.url}") as llm,
    ):
        done = await llm.complete(asked())
        assert (done.text, done.reasoning) == ("The Rhine.", "Rivers...")
        cut = shapes.chat_answer(None, **{field: "Riv", "finish_reason": "length"})
        server.routes[f"POST {chat}"] = cut
        with pytest.raises(RequestError, match=r"still thinking.*Raise max_tokens above 50"):
            await llm.complete(asked())


async def test_thoughts_in_the_text_are_kept_apart_also_where_the_template_began_them() -> None:
    raw = "/v1/completions"
    template = shapes.TEMPLATE.replace("assistant\\n", "assistant\\n<think>\\n")
    answer = shapes.completion_answer("Hm.\n</think>\n\nThe Rhine.")
    async with (
        answering(with_answer(shapes.VLLM, raw, answer)) as server,
        Server(f"vllm:{server.url}", chat_template=template, think=True) as llm,
    ):
        done = await llm.complete(asked())
        assert last(server)["prompt"].endswith("<|im_start|>assistant\n<think>\n")
        assert (done.text, done.reasoning) == ("The Rhine.", "Hm.")
        server.routes[f"POST {raw}"] = shapes.completion_answer("Hm, but", "length")
        with pytest.raises(RequestError, match="still thinking"):
            await llm.complete(asked())


async def test_ollama_keeps_thoughts_apart_itself() -> None:
    answer = {"message": {"content": "Hi.", "thinking": "Hm."}, "done": True}
    async with (
        answering(shapes.OLLAMA) as server,
        Server(f"ollama:smollm2:135m@{server.url}") as llm,
    ):
        server.routes["POST /api/chat"] = answer
        done = await llm.complete(asked())
        assert (done.text, done.reasoning) == ("Hi.", "Hm.")


async def test_the_template_is_switched_for_thoughts_on_vllm() -> None:
    async with answering(shapes.VLLM) as server, Server(f"vllm:{server.url}", think=False) as llm:
        await llm.complete(asked())
        assert last(server)["chat_template_kwargs"]["enable_thinking"] is False
        assert llm.provenance["think"] is False


async def test_further_fields_are_the_users_and_determine_the_answers() -> None:
    extra = {"reasoning_effort": "low", "seed": None}
    async with (
        answering(shapes.OPENAI) as server,
        Server(f"openai:m@{server.url}", extra=extra) as llm,
    ):
        await llm.complete(asked())
        assert last(server)["reasoning_effort"] == "low"
        assert "seed" not in last(server)
        assert llm.provenance["extra"] == extra


async def test_a_refusal_of_the_model_is_the_rows_failure() -> None:
    chat = "/v1/chat/completions"
    refusals = (
        (shapes.chat_answer(None, refusal="I cannot."), "I cannot"),
        (shapes.chat_answer("", finish_reason="content_filter"), "content filter"),
    )
    async with answering(shapes.OPENAI) as server, Server(f"openai:m@{server.url}") as llm:
        for answer, told in refusals:
            server.routes[f"POST {chat}"] = answer
            with pytest.raises(RequestError, match=told):
                await llm.complete(asked())


NONSENSE: list[Any] = [
    None, [], {}, "x", 5, True, {"error": "no"}, {"choices": []}, {"choices": None},
    {"choices": [{}]}, {"choices": ["x"]}, {"choices": [{"message": "x", "text": 5}]},
    {"choices": [{"message": {"content": 5}, "text": None}]},
    {"choices": [{"message": {"content": "x"}, "text": "x"}], "usage": {"prompt_tokens": "many"}},
    {"choices": [{"message": {"content": "x"}, "text": "x"}], "usage": [1]},
    {"choices": [{"message": {"content": "x"}, "text": "x", "logprobs": {"content": [None],
     "tokens": ["x"], "token_logprobs": [float("nan")]}}]},
    {"message": "x", "response": 5, "content": 7}, {"message": {}}, [{"generated_text": "x"}],
    {"message": {"content": "x"}, "response": "x", "content": "x", "done": True,
     "eval_count": float("inf"), "tokens_predicted": float("inf"), "generated_text": "x",
     "details": {"generated_tokens": float("inf")}},
]  # fmt: skip


@pytest.mark.parametrize(
    "read", [openai.read_chat, openai.read_completion, ollama.read, llama_server.read, tgi.read]
)
def test_nonsense_is_told_from_an_answer(read: Any) -> None:
    for told in NONSENSE:
        with pytest.raises((ValueError, LookupError, TypeError)):
            form.readable(read)(told)


async def test_log_probabilities_come_with_the_tokens() -> None:
    entries = [
        {"token": "Th", "bytes": [84, 104], "logprob": -0.5, "top_logprobs": []},
        {"token": "\\xc3", "bytes": [195], "logprob": -9999.0, "top_logprobs": []},
    ]
    answer = shapes.chat_answer("Th\u00e3", logprobs={"content": entries})
    routes = with_answer(shapes.OPENAI, "/v1/chat/completions", answer)
    async with answering(routes) as server, Server(f"openai:m@{server.url}") as llm:
        done = await llm.complete(asked(logprobs=True))
        assert last(server)["logprobs"] is True
        assert done.logprobs == (TokenLogprob(-1, b"Th", -0.5), TokenLogprob(-1, b"\xc3", -9999.0))


async def test_vllm_scores_a_text_by_the_log_probabilities_of_a_prompt() -> None:
    def tokens(body: Any) -> Any:
        found = [ord(c) for c in body["prompt"]]
        return {"tokens": [1, *found] if body["add_special_tokens"] else found}

    def scored(body: Any) -> Any:
        entries = [None] + [
            {
                str(t): {"logprob": -0.25 * i, "rank": 1, "decoded_token": chr(t)},
                "9": {"logprob": 0},
            }
            for i, t in enumerate(body["prompt"][1:], 1)
        ]
        return shapes.completion_answer("x", prompt_logprobs=entries)

    routes = shapes.VLLM | {"POST /tokenize": tokens, "POST /v1/completions": scored}
    async with answering(routes) as server, Server(f"vllm:{server.url}") as llm:
        score = await llm.score(Prompt.of("ab"), "cd")
        assert last(server)["prompt"] == [1, 97, 98, 99, 100]
        assert score.prompt_tokens == 3
        assert score.logprobs[0] == TokenLogprob(99, b"c", -0.75)
        assert score.total == -1.75
        with pytest.raises(RequestError, match="continuation is empty"):
            await llm.score(PLAIN, "")


async def test_an_echo_scores_a_text_whose_tokens_begin_where_it_does() -> None:
    async with (
        answering(shapes.ECHOING) as server,
        Server(f"openai:m@{server.url}") as llm,
    ):
        score = await llm.score(Prompt.of("a b"), " c d")
        assert [t.logprob for t in score.logprobs] == [-2.0, -3.0]
        assert score.prompt_tokens == 2
        with pytest.raises(RequestError, match="reaches over the end of the prompt"):
            await llm.score(Prompt.of("a b"), "c d")


async def test_several_addresses_share_the_work_and_name_nothing_in_its_origin() -> None:
    async with answering(shapes.VLLM) as one, answering(shapes.VLLM) as other:
        llm = Server(f"vllm:{one.url}", endpoints=[f"{other.url}=2"], concurrency=6)
        async with llm:
            assert llm.concurrency == 6
            await asyncio.gather(*(llm.complete(asked(seed=i)) for i in range(12)))
            assert len(other.bodies("/v1/chat/completions")) > 0
            assert len(one.bodies("/v1/chat/completions")) > 0
        async with Server(f"vllm:{one.url}") as alone:
            assert alone.provenance == llm.provenance


async def test_addresses_with_different_keys_are_not_shown_each_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    llm = Server("openai:m", endpoints=["http://127.0.0.1:9/v1"])
    with pytest.raises(SetupError, match=r"different keys.*key_env"):
        await llm.start()
    with pytest.raises(InputError, match="form of the model's own"):
        Server("openai:m", endpoints=["http://127.0.0.1:9/other"])


def test_openais_own_api_has_another_name_for_the_most_tokens_and_four_stops() -> None:
    found = Found(kind="openai", model="m")
    path, body = openai.chat(asked(stop=("a", "b", "c", "d", "e")), found)
    assert path == "/v1/chat/completions"
    assert body["max_completion_tokens"] == 50
    assert "max_tokens" not in body
    assert body["stop"] == ["a", "b", "c", "d"]
    assert not {"top_k", "min_p", "repeat_penalty"} & body.keys()


def test_thoughts_are_switched_at_openrouter_by_a_field_of_its_own() -> None:
    _, body = openai.chat(asked(), Found(kind="openrouter", model="m", think=False))
    assert body["reasoning"] == {"enabled": False}


async def test_an_older_llama_server_scores_nothing_and_chats_where_its_template_is_broken() -> (
    None
):
    routes = {
        "GET /props": {
            "default_generation_settings": {"n_ctx": 512},
            "model_path": "C:\\models\\m.gguf",
            "chat_template": "{% if %}",
        },
        "GET /v1/models": shapes.models("llamacpp", "/models/m.gguf", meta={"vocab_type": 1}),
        "POST /tokenize": lambda body: {"tokens": [1] * body.get("add_special", False) + [5, 6]},
        "POST /completion": (400, {"error": {"message": "failed to parse grammar"}}),
        "POST /v1/chat/completions": shapes.chat_answer("Oh, the Rhine."),
    }
    async with answering(routes) as server, Server(f"llama-server:{server.url}") as llm:
        assert llm.name == "m.gguf"
        assert llm.provenance["file"] == "m.gguf"
        assert Capability.LOGPROBS not in llm.capabilities
        assert (await llm.complete(asked(prefix="Oh,"))).text == "Oh, the Rhine."
        with pytest.raises(TemplateError, match="does not parse"):
            _ = llm.template


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("meta-llama/Llama-3.2-3B-Instruct", 3e9),
        ("smollm2:135m", 135e6),
        ("qwen2.5-0.5b-instruct-q4_k_m", 0.5e9),
        ("Mixtral-8x7B-v0.1", 56e9),
        ("Qwen3-30B-A3B", 30e9),
        ("gpt-4o-mini", None),
        ("phi-3-mini-4k-4bit", None),
    ],
)
def test_a_models_name_may_tell_its_size(name: str, size: float | None) -> None:
    assert asking.size_in(name) == size


async def test_models_that_write_into_channels_are_asked_by_messages() -> None:
    template = shapes.TEMPLATE + "{# <|channel|>final #}"
    async with (
        answering(shapes.VLLM) as server,
        Server(f"vllm:{server.url}", chat_template=template) as llm,
    ):
        await llm.complete(asked())
        assert server.asked[-1][0] == "/v1/chat/completions"


async def test_it_has_to_be_started_and_can_be_closed_twice() -> None:
    async with answering(shapes.OPENAI) as server:
        llm = Server(f"openai:m@{server.url}")
        with pytest.raises(EngineError, match="not running"):
            await llm.complete(asked())
        await llm.start()
        await llm.start()
        assert llm.running
        await llm.aclose()
        await llm.aclose()
        with pytest.raises(EngineError, match="not running"):
            await llm.complete(asked())


async def test_cancelling_the_call_ends_it() -> None:
    async with answering(shapes.OPENAI) as server, Server(f"openai:m@{server.url}") as llm:
        task = asyncio.create_task(llm.complete(asked()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await llm.complete(asked())).text == "The Rhine."
        assert llm.usage.requests == 1


async def test_without_httpx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    with pytest.raises(SetupError, match=r"pip install .evolsynth\[server\]"):
        await Server("ollama:m").start()


async def test_a_template_of_a_file_is_used(tmp_path: Path) -> None:
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps({"chat_template": shapes.TEMPLATE, "eos_token": {"content": "E"}}))
    async with (
        answering(shapes.OLLAMA) as server,
        Server(f"ollama:smollm2:135m@{server.url}", chat_template=str(config)) as llm,
    ):
        await llm.complete(asked())
        body = last(server)
        assert body["raw"] is True
        assert body["prompt"].startswith("<|im_start|>system\nBe brief.<|im_end|>\n")
        assert "<|im_end|>" in body["options"]["stop"]
        filled = llm.prepared(asked())
        assert msgspec.structs.replace(filled, seed=7) == llm.prepared(filled)


async def test_a_run_finds_its_answers_again_and_asks_nothing_twice(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", [Row.make(f"Name {n} lakes.") for n in range(5)])
    async with answering(shapes.OPENAI) as server, answering(shapes.OPENAI) as elsewhere:

        async def run(url: str, **options: Any) -> list[str]:
            llm = Server(f"openai:m@{url}", **options)
            pipeline = Pipeline((load(str(tmp_path / "rows.jsonl")), respond()))
            result = await pipeline.run(str(tmp_path / "run"), llm=llm, report=False)
            return [row.response or "" for row in read_rows(result.files["accepted"])]

        assert await run(server.url) == ["The Rhine."] * 5
        chat = "/v1/chat/completions"
        assert len(server.bodies(chat)) == 5
        await run(server.url, concurrency=2)  # neither that nor the address determines answers
        await run(elsewhere.url)
        assert len(server.bodies(chat)) == 5
        assert elsewhere.bodies(chat) == []
