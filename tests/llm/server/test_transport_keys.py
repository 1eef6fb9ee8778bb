"""A key comes from the environment or the keyring, and goes to no host but its own."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from evolsynth.errors import SetupError
from evolsynth.llm.server.keys import find_key, variable_of


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "VLLM_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    keyring(monkeypatch, {})


def keyring(monkeypatch: pytest.MonkeyPatch, kept: dict[tuple[str, str], Any]) -> None:
    def get_password(service: str, host: str) -> Any:
        found = kept.get((service, host))
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=get_password))


def test_a_host_has_a_variable_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_key("openai", "api.openai.com") is None
    monkeypatch.setenv("OPENAI_API_KEY", " sk-1\n")
    assert find_key("openai", "api.openai.com") == "sk-1"
    assert find_key("openai", "API.OpenAI.com:443") == "sk-1"


def test_a_key_is_not_shown_to_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert find_key("openai", "example.org") is None
    assert find_key("openai", "api.openai.com.example.org") is None
    assert find_key("vllm", "localhost:8000") is None
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.org/v1")
    assert find_key("openai", "example.org:443") == "sk-1"
    assert find_key("openai", "localhost:8000") is None


def test_servers_of_ones_own_have_one_by_their_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "v-1")
    assert find_key("vllm", "gpu-box:8000") == "v-1"
    assert variable_of("ollama", "localhost:11434") is None


def test_the_user_may_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "m-1")
    assert find_key("openai", "example.org", "MY_KEY") == "m-1"
    with pytest.raises(SetupError, match="OTHER_KEY is not set, or is empty"):
        find_key("openai", "example.org", "OTHER_KEY")


def test_the_keyring_is_asked_after_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring(monkeypatch, {("evolsynth", "example.org:8000"): "k-1"})
    assert find_key("openai", "example.org:8000") == "k-1"
    assert find_key("openai", "example.org:8000", "OTHER_KEY") == "k-1"
    monkeypatch.setenv("MY_KEY", "m-1")
    assert find_key("openai", "example.org:8000", "MY_KEY") == "m-1"


def test_a_keyring_that_fails_or_is_not_there_holds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring(monkeypatch, {("evolsynth", "example.org"): RuntimeError("locked")})
    assert find_key("openai", "example.org") is None
    monkeypatch.setitem(sys.modules, "keyring", None)  # import fails
    assert find_key("openai", "example.org") is None


@pytest.mark.parametrize(
    "bad", ["two words", "line\nbreak", "sk-é", "tab\there", "zero\u200bwidth"]
)
def test_what_cannot_be_a_key_is_refused_and_not_shown(
    bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", bad)
    with pytest.raises(SetupError, match="MY_KEY holds characters that no key has") as error:
        find_key("openai", "example.org", "MY_KEY")
    assert bad not in str(error.value)
