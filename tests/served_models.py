"""Real servers with SmolLM2, each started once for all tests that ask for it."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from evals import llama_servers
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.server import Server

SLOTS, CONTEXT = 4, 1024
# llama_cpp.server, which ends when we do, however that comes about.
_WITH_US = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
runpy.run_module("llama_cpp.server", run_name="__main__", alter_sys=True)
"""


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
    with llama_servers.wheels(smollm_file, slots=SLOTS, context=CONTEXT) as url:
        yield url


@pytest.fixture(scope="session")
def python_server_url(smollm_file: Path) -> Iterator[str]:
    """Where llama-cpp-python's own server listens."""
    for name in ("uvicorn", "fastapi", "sse_starlette", "starlette_context", "pydantic_settings"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: llama_cpp.server needs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "model": smollm_file,
        "model_alias": "smollm2",
        "n_ctx": 256,  # it calculates with room for all of them at each answer
        "n_threads": 1,
        "n_threads_batch": 1,
        "host": "127.0.0.1",
        "port": port,
    }
    options = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [sys.executable, "-c", _WITH_US, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        llama_servers.wait_for(f"{url}/v1/models", process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served_python(python_server_url: str, smollm_file: Path) -> AsyncIterator[Server]:
    """The model behind llama-cpp-python's server, its chat template from the model's file."""
    name = f"openai:smollm2@{python_server_url}"
    async with Server(name, chat_template=str(smollm_file)) as llm:
        yield llm
