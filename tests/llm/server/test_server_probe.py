"""Each kind of server is found out by asking it, and its gaps are said once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import server_shapes as shapes
from answering_server import answering

from evolsynth.errors import CapabilityError, InputError, SetupError, TemplateError
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.server import Server
from evolsynth.rows import Message

C = Capability


@pytest.mark.parametrize(
    ("scheme", "name", "routes", "kind", "able"),
    [
        ("openai", "m", shapes.OPENAI, "compatible", {C.CHAT, C.SCHEMA}),
        ("vllm", "", shapes.VLLM, "vllm", set(C) - {C.LOGPROBS}),
        ("openai", "org/m", shapes.VLLM, "vllm", set(C) - {C.LOGPROBS}),
        ("ollama", "smollm2:135m", shapes.OLLAMA, "ollama",
         {C.CHAT, C.RAW_PROMPT, C.PREFIX, C.SEED, C.SCHEMA, C.BANNED}),
        ("tgi", "", shapes.TGI, "tgi", {C.CHAT, C.RAW_PROMPT, C.SEED, C.SCHEMA, C.BANNED}),
        ("sglang", "", shapes.SGLANG, "sglang",
         {C.CHAT, C.RAW_PROMPT, C.PREFIX, C.SEED, C.SCHEMA, C.BANNED}),
        ("lmstudio", "m", shapes.LM_STUDIO, "lmstudio",
         {C.CHAT, C.RAW_PROMPT, C.SEED, C.SCHEMA, C.BANNED}),
        ("openai", "m", shapes.LLAMA_CPP_PYTHON, "llama-cpp-python",
         set(C) - {C.PREFIX, C.LOGPROBS}),
    ],
)  # fmt: skip
async def test_a_server_is_found_out(
    scheme: str, name: str, routes: Any, kind: str, able: set[Capability]
) -> None:
    async with answering(routes) as server:
        llm = Server(f"{scheme}:{name and f'{name}@'}{server.url}")
        async with llm:
            assert llm.provenance["server"] == kind
            assert llm.capabilities == able
            assert server.url not in str(llm.provenance)
            assert llm.name == (name or "org/m")


async def test_log_probabilities_that_belong_to_other_tokens_are_not_used(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    template = tmp_path / "chat.jinja"
    template.write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    for routes, able in ((shapes.ECHOING, True), (shapes.LLAMA_CPP_PYTHON, False)):
        caplog.clear()
        async with (
            answering(routes) as server,
            Server(f"openai:m@{server.url}", chat_template=str(template)) as llm,
        ):
            assert (C.LOGPROBS in llm.capabilities) == able
        assert ("belong to other tokens" in caplog.text) != able


async def test_gaps_are_said_once_and_methods_that_need_more_are_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with answering(shapes.OPENAI) as server, Server(f"openai:m@{server.url}") as llm:
        await llm.start()
        told = [r.getMessage() for r in caplog.records if r.name == "evolsynth.server"]
        told = [text for text in told if "no raw prompts" in text]
        assert len(told) == 1
        for gap in ("Magpie", "IFD", "reproducible", "forced beginning", "top_k, min_p"):
            assert gap in told[0]
        with pytest.raises(
            CapabilityError, match=r"It can: answer a chat.*llama-server.*llamacpp:"
        ):
            llm.require(C.RAW_PROMPT, by="Magpie")
        with pytest.raises(CapabilityError, match="shows no chat template"):
            _ = llm.template


async def test_a_model_that_is_not_named_is_asked_for() -> None:
    routes = shapes.VLLM | {"GET /v1/models": shapes.models("vllm", "a", "b")}
    async with answering(routes) as server:
        with pytest.raises(InputError, match=r"has 2 models \(a, b\).*vllm:NAME@"):
            await Server(f"vllm:{server.url}").start()
        server.routes = dict(shapes.OPENAI)
        with pytest.raises(InputError, match=r"no model 'c'.*m, other"):
            await Server(f"openai:c@{server.url}").start()
        server.routes = {}
        with pytest.raises(InputError, match="does not say which models"):
            await Server(f"vllm:{server.url}").start()
    async with answering(
        shapes.OLLAMA | {"POST /api/show": (404, {"error": "not found"})}
    ) as server:
        with pytest.raises(InputError, match="ollama pull nothing"):
            await Server(f"ollama:nothing@{server.url}").start()


async def test_a_template_that_the_server_does_not_show_is_asked_for(tmp_path: Any) -> None:
    async with answering(shapes.OLLAMA) as server:
        spec = f"ollama:smollm2:135m@{server.url}"
        async with Server(spec) as llm:
            with pytest.raises(TemplateError, match=r"does not show.*chat_template=.*\.gguf"):
                _ = llm.template
        async with Server(spec, chat_template=shapes.TEMPLATE) as llm:
            assert llm.template.turn_end() == "<|im_end|>"
            assert "template_hash" in llm.provenance
        with pytest.raises(InputError, match="There is no chat template"):
            await Server(spec, chat_template=str(tmp_path / "none.jinja")).start()
        with pytest.raises(TemplateError, match="does not parse"):
            await Server(spec, chat_template="{% if %}").start()


async def test_ollamas_template_is_learned_from_what_it_renders() -> None:
    def chat(body: Any) -> Any:
        turns = "".join(f"<{m['role']}>{m['content']}<end>" for m in body["messages"])
        opened = turns.removesuffix("<end>") + "<end><assistant>"
        if body["messages"][-1]["role"] == "assistant":
            opened = turns.removesuffix("<end>")
        return {"_debug_info": {"rendered_template": opened}}

    async with answering(shapes.OLLAMA | {"POST /api/chat": chat}) as server:
        async with Server(f"ollama:smollm2:135m@{server.url}") as llm:
            assert str(llm.template.pre_query("Be brief.")) == "<system>Be brief.<end><user>"
            assert llm.template.turn_end() == "<end>"
            await llm.complete(Request(messages=(Message("user", "Hi."),), seed=1))
            assert server.asked[-1][1]["prompt"] == "<user>Hi.<end><assistant>"
        show = shapes.OLLAMA["POST /api/show"] | {"capabilities": ["completion", "thinking"]}
        server.routes["POST /api/show"] = show  # then Ollama reads the answers
        async with Server(f"ollama:smollm2:135m@{server.url}") as llm:
            with pytest.raises(TemplateError, match="does not show"):
                _ = llm.template


async def test_vllm_may_show_its_template() -> None:
    routes = shapes.VLLM | {
        "GET /tokenizer_info": {
            "tokenizer_class": "X", "chat_template": shapes.TEMPLATE, "eos_token": "<|im_end|>",
        }
    }  # fmt: skip
    async with answering(routes) as server, Server(f"vllm:{server.url}") as llm:
        assert llm.template.turn_end() == "<|im_end|>"
        assert llm.capabilities == set(C)


async def test_thoughts_can_be_switched_only_where_there_is_a_switch() -> None:
    async with answering(shapes.OPENAI) as server:
        with pytest.raises(CapabilityError, match=r"no switch for thoughts.*extra"):
            await Server(f"openai:m@{server.url}", think=False).start()
    async with answering(shapes.VLLM) as server, Server(f"vllm:{server.url}", think=False) as llm:
        assert llm.provenance["think"] is False


async def test_a_server_that_refuses_the_key_is_told_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    refused = (401, {"error": {"message": "Incorrect API key provided: sk-very-secret"}})
    async with answering({"GET /v1/models": refused, "GET /version": refused}) as server:
        llm = Server(f"vllm:m@{server.url}", key_env="MY_KEY")
        with pytest.raises(SetupError) as caught:
            await llm.start()
        assert "sk-very-secret" not in str(caught.value) + repr(llm) + str(vars(llm))
        assert server.headers[0]["authorization"] == "Bearer sk-very-secret"
        assert not llm.running
