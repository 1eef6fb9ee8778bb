"""Texts that name a model behind a server."""

from __future__ import annotations

import pytest

from evolsynth.errors import InputError
from evolsynth.llm.server.address import Where, address_of, endpoints_of

LOCAL = "http://127.0.0.1"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says nothing of servers."""
    for name in ("OPENAI_BASE_URL", "OLLAMA_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "model", "url", "version"),
    [
        ("openai:gpt-x", "gpt-x", "https://api.openai.com", "/v1"),
        ("openai:org/m@http://h:8000/v1/", "org/m", "http://h:8000", "/v1"),
        ("openai:m@http://h:8000", "m", "http://h:8000", "/v1"),
        ("openai:a@b@http://h", "a@b", "http://h", "/v1"),
        ("openai:m@https://h/v1beta/openai", "m", "https://h/v1beta/openai", ""),
        ("openai:m@https://h/v1/chat/completions", "m", "https://h", "/v1"),
        ("ollama:smollm2:1.7b", "smollm2:1.7b", f"{LOCAL}:11434", "/v1"),
        ("ollama:hf.co/a/b:Q4_0@http://h:1", "hf.co/a/b:Q4_0", "http://h:1", "/v1"),
        ("ollama:qwen:14", "qwen:14", f"{LOCAL}:11434", "/v1"),
        ("llama-server:http://h:8080", None, "http://h:8080", "/v1"),
        ("llama-server:http://h/behind/proxy", None, "http://h/behind/proxy", "/v1"),
        ("vllm:http://[::1]:8000/v1", None, "http://[::1]:8000", "/v1"),
        ("vllm:org/m@http://h", "org/m", "http://h", "/v1"),
        ("vllm:org/m", "org/m", f"{LOCAL}:8000", "/v1"),
        ("sglang:http://h", None, "http://h", "/v1"),
        ("tgi:http://h", None, "http://h", "/v1"),
        ("lmstudio:m", "m", f"{LOCAL}:1234", "/v1"),
        ("openrouter:a/b:free", "a/b:free", "https://openrouter.ai/api", "/v1"),
    ],
)
def test_a_text_names_a_model_and_its_server(
    text: str, model: str | None, url: str, version: str
) -> None:
    address = address_of(text)
    assert (address.model, address.where) == (model, Where(url, version))
    assert str(address) == (model or text.removesuffix("/v1"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("openai:", "names no model. Write openai:NAME or"),
        ("vllm:", "vllm:URL"),
        ("opnai:m", "Did you mean 'openai'"),
        ("m", "names no model behind a server"),
        ("openai:m@localhost:8000", "http://"),
        ("vllm:localhost:8000", "without http://.*http://localhost:8000"),
        ("ollama:127.0.0.1:11434", "without http://"),
        ("vllm:ftp://h", "begins with http://"),
        ("vllm:http://", "no address"),
        ("vllm:http://h:port", "no address"),
        ("vllm:m@http://h?key=x", "query"),
        ("ollama:a b", "white space"),
        ("openai:@http://h", "model|address"),
    ],
)
def test_a_bad_text_is_told_in_a_sentence(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        address_of(text)


def test_the_environment_says_where_ollama_and_openai_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for told, url in (
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("box:1", "http://box:1"),
        ("https://box/x", "https://box/x"),
    ):
        monkeypatch.setenv("OLLAMA_HOST", told)
        assert address_of("ollama:m").where.url == url
    monkeypatch.setenv("OPENAI_BASE_URL", "http://proxy:9/v1")
    assert address_of("openai:m").where == Where("http://proxy:9")
    monkeypatch.setenv("OPENAI_BASE_URL", "ftp://nothing")
    with pytest.raises(InputError, match="OPENAI_BASE_URL"):
        address_of("openai:m")


def test_further_addresses_have_weights() -> None:
    found = endpoints_of(["http://a/v1", "http://b/v1=3", "http://c:1/x=0.5"], "vllm")
    assert found == [
        (Where("http://a"), 1.0),
        (Where("http://b"), 3.0),
        (Where("http://c:1/x"), 0.5),
    ]
    for wrong, told in (("http://a=0", "weight"), ("http://a=nan", "weight"), ("a", "address")):
        with pytest.raises(InputError, match=told):
            endpoints_of([wrong], "vllm")
