"""Fixtures: the real model and embedder, loaded once for all tests that ask for them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from docs_pages import page_blocks, read_through  # noqa: F401 - fixtures

from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.model import Model
from evolsynth.rows import Row

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with real models come first, so that two processes end at about the same time."""
    real = {item.path for item in items if item.get_closest_marker("real")}
    items.sort(key=lambda item: item.path not in real)


@pytest.fixture(scope="session")
def embedder() -> MiniLM:
    """The real MiniLM."""
    return MiniLM()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def smollm() -> AsyncIterator[LlamaCpp]:
    """The real SmolLM2, running, with its default settings but smaller slots."""
    async with LlamaCpp(context=512) as llm:
        yield llm


@pytest.fixture(scope="session")
def loaded_model() -> Iterator[Model]:
    """The real SmolLM2's weights and vocabulary, without a context."""
    from evolsynth.llm.llamacpp.files import find_model

    model = Model(find_model("SmolLM2-135M-Instruct")[0])
    yield model
    model.close()


@pytest.fixture
def make_row() -> Callable[..., Row]:
    """Rows with an instruction each."""
    return lambda text, **fields: Row.make(text, **fields)
