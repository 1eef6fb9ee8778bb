"""Kinds of servers, and what each takes, by its documentation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec

__all__ = ["FLAVOURS", "Flavour", "Found"]

_COMMON = {
    "temperature": "temperature",
    "top_p": "top_p",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
_ALL = {**_COMMON, "top_k": "top_k", "min_p": "min_p"}
_VLLM = {**_ALL, "repeat_penalty": "repetition_penalty"}
_LLAMA = {**_ALL, "repeat_penalty": "repeat_penalty"}
_TGI = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "frequency_penalty": "frequency_penalty",
    "repeat_penalty": "repetition_penalty",
}
_CONTINUED = {"continue_final_message": True, "add_generation_prompt": False}

Choosing = Literal["grammar", "structured", "enum"]


class Flavour(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of server, and what its requests may hold.

    ``sampling`` gives the server's names for fields of `Sampling`, in a chat, and ``raw_sampling``
    in raw prompts where those are others; what is not there the server does not have. ``top_k_off``
    is what switches that filter off. ``prefill`` are fields with which a chat's last turn, the
    assistant's, is gone on with; None where it cannot be. ``choosing`` says how an answer is kept
    to some texts, ``grammar`` whether it takes GBNF, ``schema`` whether a JSON schema, in a chat,
    and ``raw_schema`` whether behind a raw prompt. ``thinking`` is the field that switches thoughts
    on and off. ``stops`` is how many stop strings it takes.
    """

    title: str
    chat: Literal["openai", "ollama"] = "openai"
    raw: Literal["openai", "ollama", "llama-server", "tgi"] | None = None
    sampling: Mapping[str, str] = MappingProxyType(_COMMON)
    raw_sampling: Mapping[str, str] | None = None
    top_k_off: int | None = 0
    seeded: bool = False
    min_tokens: bool = False
    prefill: Mapping[str, Any] | None = None
    choosing: Choosing | None = "enum"
    grammar: bool = False
    schema: bool = True
    raw_schema: bool = False
    thinking: Literal["template", "think", "reasoning"] | None = None
    stops: int | None = None
    max_tokens: str = "max_tokens"


#: The kinds that are told apart when a model is started; ``compatible`` is any other.
FLAVOURS: Mapping[str, Flavour] = {
    "openai": Flavour(title="OpenAI's API", stops=4, max_tokens="max_completion_tokens"),
    "openrouter": Flavour(title="OpenRouter", sampling=_VLLM, thinking="reasoning", stops=4),
    "ollama": Flavour(
        raw_schema=True,
        title="Ollama",
        chat="ollama",
        raw="ollama",
        sampling=_LLAMA,
        seeded=True,
        thinking="think",
    ),
    "llama-server": Flavour(
        raw_schema=True,
        title="llama-server",
        raw="llama-server",
        sampling=_LLAMA,
        seeded=True,
        prefill={},
        choosing="grammar",
        grammar=True,
        thinking="template",
    ),
    "vllm": Flavour(
        raw_schema=True,
        title="vLLM",
        raw="openai",
        sampling=_VLLM,
        seeded=True,
        min_tokens=True,
        prefill=_CONTINUED,
        choosing="structured",
        grammar=True,
        thinking="template",
        top_k_off=-1,
    ),
    "sglang": Flavour(
        raw_schema=True,
        title="SGLang",
        raw="openai",
        sampling=_VLLM,
        seeded=True,
        min_tokens=True,
        prefill={"continue_final_message": True},
        thinking="template",
        top_k_off=-1,
    ),
    "tgi": Flavour(
        raw_schema=True,
        title="TGI",
        raw="tgi",
        raw_sampling=_TGI,
        seeded=True,
        stops=4,
        top_k_off=None,
    ),
    "lmstudio": Flavour(title="LM Studio", sampling=_LLAMA, seeded=True),
    "llama-cpp-python": Flavour(
        title="llama-cpp-python's server",
        raw="openai",
        sampling=_LLAMA,
        seeded=True,
        min_tokens=True,
        choosing="grammar",
        grammar=True,
    ),
    "compatible": Flavour(title="this server"),
}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out of a server by asking it.

    ``model`` is the name by which the server is asked for it, ``version`` what its paths begin
    with. ``raw`` says that it goes on with raw prompts, ``prefill`` and ``choosing`` are as in
    `Flavour`, ``scoring`` is how it tells how likely a given text is. ``begins`` are the tokens
    that the model's texts begin with, ``sentencepiece`` says of what kind its tokeniser is: both
    of llama-server, to which tokens are sent. ``facts`` are what determines the answers.
    """

    kind: str
    model: str
    version: str = "/v1"
    raw: bool = False
    prefill: Mapping[str, Any] | None = None
    choosing: Choosing | None = None
    grammar: bool = False
    scoring: Literal["forced", "prompt_logprobs", "echo"] | None = None
    guided: bool = False
    begins: tuple[int, ...] = ()
    sentencepiece: bool = False
    context: int | None = None
    parameters: int | None = None
    think: bool | None = None
    extra: Mapping[str, Any] = {}
    facts: Mapping[str, Any] = {}

    @property
    def flavour(self) -> Flavour:
        """What its kind takes."""
        return FLAVOURS[self.kind]
