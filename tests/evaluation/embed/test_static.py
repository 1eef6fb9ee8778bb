"""Static vectors, made from the real MiniLM: cheap, alike where texts are alike, and remembered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evolsynth.evaluation.embed import static as module
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.embed.static import StaticVectors

NEAR = (
    ("Name three rivers in Africa.", "Name 3 rivers of Africa!"),
    ("How do I bake bread without yeast?", "How can I bake a bread without any yeast?"),
    ("Write a poem about the winter sea.", "Write a short poem about the sea in winter."),
)


@pytest.fixture(scope="module")
def minilm(embedder: MiniLM) -> MiniLM:
    return embedder


@pytest.fixture(scope="module")
def rough(minilm: MiniLM) -> StaticVectors:
    return minilm.rough()


def test_rows_have_length_one_and_texts_without_tokens_none(rough: StaticVectors) -> None:
    vectors = rough.embed(["A red door.", "", "Un café, s'il vous plaît 🙂"])
    assert vectors.shape == (3, 256)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 1], abs=1e-5)


def test_a_row_depends_on_its_text_alone(rough: StaticVectors) -> None:
    texts = ["Text number one about " + "gardens and " * i for i in range(0, 300, 7)]
    together = rough.embed(texts)
    for text, row in zip(texts, together, strict=True):
        assert np.array_equal(rough.embed([text])[0], row)


@pytest.mark.parametrize(("one", "other"), NEAR)
def test_what_the_embedder_finds_near_is_a_candidate(
    one: str, other: str, rough: StaticVectors
) -> None:
    a, b = rough.embed([one, other])
    assert a @ b > 0.75


def test_unrelated_requests_that_share_their_phrasing_are_not(rough: StaticVectors) -> None:
    a, b = rough.embed(["Write a short poem about the sea.", "Write a short report about taxes."])
    assert a @ b < 0.75


def test_half_a_surrogate_pair_is_no_error(rough: StaticVectors) -> None:
    assert rough.embed(["broken \ud83d text"]).shape == (1, 256)


def _table(cache: Path) -> Path:
    (place,) = (cache / "static").glob("*.npy")
    return place


@pytest.fixture
def cache(
    tmp_path: Path, minilm: MiniLM, rough: StaticVectors, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A cache folder with the table in it."""
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(module, "_distilled", lambda _: rough._table.astype(np.float16))
    StaticVectors.of(minilm._loaded())
    return tmp_path


def test_the_table_is_made_once(
    cache: Path, minilm: MiniLM, rough: StaticVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr(module, "_distilled", made.append)
    again = StaticVectors.of(minilm._loaded())
    assert made == []
    assert np.array_equal(again.embed(["A red door."]), rough.embed(["A red door."]))


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"not an array"])
def test_a_damaged_table_is_made_anew(
    damage: bytes, cache: Path, minilm: MiniLM, rough: StaticVectors
) -> None:
    whole = _table(cache).read_bytes()
    _table(cache).write_bytes(damage)
    again = StaticVectors.of(minilm._loaded())
    assert _table(cache).read_bytes() == whole
    assert np.array_equal(again.embed(["A red door."]), rough.embed(["A red door."]))


def test_without_a_folder_to_keep_it_the_table_is_made_all_the_same(
    tmp_path: Path, minilm: MiniLM, rough: StaticVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "file")
    monkeypatch.setattr(module, "_distilled", lambda _: rough._table.astype(np.float16))
    assert StaticVectors.of(minilm._loaded()).embed(["A red door."]).shape == (1, 256)


def test_the_table_is_distilled_from_the_embedder(minilm: MiniLM, rough: StaticVectors) -> None:
    """Tokens lie to each other as the model, asked anew, puts them."""
    tokens = range(2000, 2400)
    vectors = module._token_vectors(minilm._loaded(), tokens)
    assert vectors.shape == (400, 384)
    kept = rough._table[list(tokens)]
    made, read = (v - v.mean(axis=0) for v in (vectors, kept))
    agreement = np.corrcoef((made @ made.T).ravel(), (read @ read.T).ravel())[0, 1]
    assert agreement > 0.8


def test_a_table_that_was_kept_is_read_without_the_model(
    cache: Path, minilm: MiniLM, rough: StaticVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(minilm.locate())
    assert StaticVectors.kept(folder) is None
    StaticVectors.keep(folder, minilm._loaded())
    found = MiniLM()
    monkeypatch.setattr(found, "_loaded", lambda: pytest.fail("the model was loaded"))
    texts = ["Héllo, WÖRLD: don't [MASK] 你好 naïve 🙂", "A red door."]
    assert np.array_equal(found.rough().embed(texts), rough.embed(texts))


def test_a_kept_table_that_is_gone_is_made_again(cache: Path, minilm: MiniLM) -> None:
    folder = Path(minilm.locate())
    StaticVectors.keep(folder, minilm._loaded())
    _table(cache).unlink()
    assert StaticVectors.kept(folder) is None
