"""Estimates come before the embedder, save most of its work, and change no verdict."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evolsynth.evaluation.duplicates.index import DuplicateIndex
from evolsynth.evaluation.embed.base import Estimates, estimates
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.findings import Finding

Vectors = NDArray[np.float32]
#: Each an eighth of a radian further than the one before: two neighbours are near, by 0.992, and
#: those three apart are just not.
_IN_ORDER = "boats ships barges ferries rafts canoes yachts tugs dinghies kayaks sloops"
_NOUNS = _IN_ORDER.split()


def turned(angle: float, by: float = 0.0) -> Vectors:
    """A vector of length 1 in the plane, and perhaps off by an angle."""
    return np.array([np.cos(angle + by), np.sin(angle + by)], dtype=np.float32)


class Exact:
    """Each text's vector has the angle that its words say; the rough vectors are all alike."""

    name = "exact"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def angle(self, text: str) -> float:
        return _NOUNS.index(text.split()[-1]) / 8 + text.count("please") / 50

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        self.asked += texts
        return np.stack([turned(self.angle(text)) for text in texts])


class Sooner(Exact):
    """The same with estimates, as far off as it says: each to a side of its own."""

    off = 0.05

    def estimate(self, texts: Sequence[str]) -> Vectors:
        """See `Estimates`."""
        sides = [random.Random(text).uniform(-0.025, 0.025) for text in texts]
        pairs = zip(texts, sides, strict=True)
        return np.stack([turned(self.angle(text), by=side) for text, side in pairs])


def findings(embedder: Exact, texts: Sequence[str], at_once: int) -> list[Finding | None]:
    index = DuplicateIndex(0.9, embedder=embedder)
    found: list[Finding | None] = []
    for start in range(0, len(texts), at_once):
        some = texts[start : start + at_once]
        search = index.search(some, np.full((len(some), 4), 0.5, dtype=np.float32))
        for i in range(len(some)):
            found.append(search.find(i))
            if found[-1] is None:
                search.add(i, str(start + i))
    return found


TOLD = "Explain how to paint old boats in a northern harbour before winter comes"
TEXTS = st.lists(
    st.builds(
        lambda please, noun: f"Describe {'please ' * please}some {noun}",
        st.integers(0, 6),
        st.sampled_from(_NOUNS),
    ),
    max_size=25,
)


@given(TEXTS, st.sampled_from([1, 2, 7, 30]))
def test_verdicts_and_similarities_are_those_without_estimates(
    texts: list[str], at_once: int
) -> None:
    assert findings(Sooner(), texts, at_once) == findings(Exact(), texts, 30)


def test_the_embedder_is_asked_only_about_what_may_be_near() -> None:
    texts = [f"Describe some {noun}" for noun in _NOUNS[::5]]  # with cosines of 0.81
    texts.append("Describe please some boats")
    sooner, exact = Sooner(), Exact()
    for embedder in (sooner, exact):
        found = [f and (f.code, f.detail["of"]) for f in findings(embedder, texts, 9)]
        assert found == [None, None, None, ("near_duplicate", "0")]
    assert set(sooner.asked) == {texts[0], texts[-1]}
    assert set(exact.asked) == set(texts)


def test_one_whose_estimates_save_nothing_is_asked_at_once() -> None:
    class Same(Sooner):
        off = 0.0

    assert isinstance(Same(), Estimates)
    assert estimates(Same()) is None
    assert estimates(Exact()) is None
    sooner = Sooner()
    assert estimates(sooner) is sooner


@pytest.mark.real
def test_minilm_estimates_within_what_it_says(
    embedder: MiniLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bfloat16 as any processor calculates it, if some only slowly."""
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    halved = MiniLM(cached=0)
    halved._model = embedder._model
    words = TOLD.split()
    draw = random.Random(3)
    texts = [" ".join(draw.sample(words, draw.randint(2, 13))) for _ in range(120)]
    exact, about = halved.embed(texts), halved.estimate(texts)
    assert halved.off > 0
    apart = np.abs(exact @ exact.T - about @ about.T).max()
    assert 0 < apart < halved.off
    assert np.abs(exact @ exact.T - exact @ about.T).max() < halved.off


@pytest.mark.real
def test_where_the_processor_has_no_bfloat16_minilm_gives_its_vectors(
    embedder: MiniLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    plain = MiniLM(cached=0)
    plain._model = embedder._model
    texts = ["A red door.", "Why is the sea salty?"]
    assert plain.off == 0
    assert plain.estimate(texts).tobytes() == plain.embed(texts).tobytes()
    assert plain.estimate([]).shape == (0, 384)
