"""A real llama-server with SmolLM2, started once; and no keys of the machine's own."""

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


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says nothing of servers or keys."""
    for name in ("OPENAI_BASE_URL", "OLLAMA_HOST", "OPENAI_API_KEY", "LLAMA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture(scope="session")
def weights() -> Path:
    """SmolLM2's file as it came, which both llama.cpps load."""
    from evolsynth.llm.llamacpp.files import find_model

    return find_model("SmolLM2-135M-Instruct")[0]


@pytest.fixture(scope="session")
def llama_server_url(weights: Path) -> Iterator[str]:
    """Where llama-server listens."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed: it carries llama-server")
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(weights), str(SLOTS), str(CONTEXT)],
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
async def in_process(weights: Path) -> AsyncIterator[LlamaCpp]:
    """The same file in this process."""
    async with LlamaCpp(
        weights, quantisation=None, slots=2, contexts=1, threads=1, context=CONTEXT
    ) as llm:
        yield llm


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(llama_server_url: str) -> AsyncIterator[Server]:
    """The model behind llama-server."""
    async with Server(f"llama-server:{llama_server_url}", concurrency=SLOTS) as llm:
        yield llm
