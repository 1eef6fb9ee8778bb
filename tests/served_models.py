"""A real llama-server with SmolLM2, started once for all tests that import these fixtures."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.server import Server

PROGRAM = Path(__file__).with_name("llama_server_process.py")
SLOTS, CONTEXT = 4, 1024


@pytest.fixture(scope="session")
def smollm_file() -> Path:
    """SmolLM2's file as it came, which both llama.cpps load."""
    from evolsynth.llm.llamacpp.files import find_model

    return find_model("SmolLM2-135M-Instruct")[0]


@pytest.fixture(scope="session")
def llama_server_url(smollm_file: Path) -> Iterator[str]:
    """Where llama-server listens."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed: it carries llama-server")
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(smollm_file), str(SLOTS), str(CONTEXT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = next((line for line in process.stdout if line.startswith("ADDRESS ")), "")
        assert line, "llama-server did not start"
        yield line.removeprefix("ADDRESS ").strip()
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def as_it_came(smollm_file: Path) -> AsyncIterator[LlamaCpp]:
    """The same file in this process."""
    async with LlamaCpp(
        smollm_file, quantisation=None, slots=2, contexts=1, threads=1, context=CONTEXT
    ) as llm:
        yield llm


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(llama_server_url: str) -> AsyncIterator[Server]:
    """The model behind llama-server."""
    async with Server(f"llama-server:{llama_server_url}", concurrency=SLOTS) as llm:
        yield llm
