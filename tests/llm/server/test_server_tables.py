"""What the tables of docs/servers.md say of a kind of server is what is found on a recorded one."""

from __future__ import annotations

from typing import Any

import pytest
import server_shapes as shapes
from answering_server import answering

from evals.server_tables import (
    ASKED,
    NO,
    TEMPLATE,
    YES,
    abilities_of,
    server_abilities,
    server_names,
)
from evolsynth.errors import EvolsynthError
from evolsynth.llm.base import Capability
from evolsynth.llm.server import Server
from evolsynth.llm.server.address import SCHEMES, address_of
from evolsynth.llm.server.flavours import FLAVOURS

C = Capability
COLUMNS = {
    "raw prompts": C.RAW_PROMPT,
    "forced beginning": C.PREFIX,
    "log-probabilities": C.LOGPROBS,
    "grammar": C.GRAMMAR,
    "JSON schema": C.SCHEMA,
    "choices": C.CHOICES,
    "seed": C.SEED,
}


@pytest.mark.parametrize(
    ("named", "routes", "kind"),
    [
        ("openai:m", shapes.OPENAI, "compatible"),
        ("vllm:org/m", shapes.VLLM, "vllm"),
        ("ollama:smollm2:135m", shapes.OLLAMA, "ollama"),
        ("tgi:org/m", shapes.TGI, "tgi"),
        ("sglang:org/m", shapes.SGLANG, "sglang"),
        ("lmstudio:m", shapes.LM_STUDIO, "lmstudio"),
        ("openai:m", shapes.LLAMA_CPP_PYTHON, "llama-cpp-python"),
    ],
)
async def test_the_table_of_abilities_says_what_is_found(
    named: str, routes: Any, kind: str
) -> None:
    cells = abilities_of(kind, FLAVOURS[kind])
    async with answering(routes) as server:
        async with Server(f"{named}@{server.url}") as llm:
            bare = llm.capabilities
            assert llm.provenance["server"] == kind
            assert (llm.batches is not None) == (cells["batches"] == YES)
            if cells["shows its template"] == NO:
                with pytest.raises(EvolsynthError):
                    _ = llm.template
        async with Server(f"{named}@{server.url}", chat_template=shapes.TEMPLATE) as llm:
            told = llm.capabilities
    for column, capability in COLUMNS.items():
        cell = cells[column]
        if cell in (YES, NO, "schema"):
            assert (capability in told) == (capability in bare) == (cell == YES), column
        elif cell == TEMPLATE and C.RAW_PROMPT in told:
            assert capability in told, column
        else:
            assert cell in (ASKED, TEMPLATE), column


async def test_what_switches_thoughts_is_what_the_table_says() -> None:
    for routes, named in ((shapes.VLLM, "vllm:org/m"), (shapes.TGI, "tgi:org/m")):
        async with answering(routes) as server:
            llm = Server(f"{named}@{server.url}", think=False)
            kind = named.partition(":")[0]
            switched = abilities_of(kind, FLAVOURS[kind])["thoughts switched"] == YES
            try:
                async with llm:
                    assert switched
            except EvolsynthError:
                assert not switched


def test_the_tables_have_every_kind_and_every_scheme() -> None:
    assert len(server_abilities()) == 2 + len(FLAVOURS)
    names = server_names()
    for scheme in SCHEMES:
        (line,) = (line for line in names if f"| `{scheme}:" in line and "NAME@" not in line)
        address = address_of(line.split("`")[1])
        assert address.scheme == scheme
        assert line.split("`")[3] == SCHEMES[scheme].default
