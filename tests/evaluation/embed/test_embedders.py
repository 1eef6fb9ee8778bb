"""Embedders by name and by what they can do."""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Sequence
from importlib import metadata
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.embed import base
from evolsynth.evaluation.embed.base import (
    Contextual,
    Embedder,
    HasStatic,
    contextual,
    embedder_named,
    embedders,
    rough,
)
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.embed.static import StaticVectors
from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.good_evolution.score import EvolutionScore, good_evolution
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.run.run import _embedder
from evolsynth.registry import Registry
from evolsynth.rows import Row


class Toy:
    """An embedder as another package brings it: letters counted, and nothing beside the vectors."""

    name = "toy"

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        counts = [[1.0, *(text.lower().count(c) for c in "aeinorst")] for text in texts]
        rows = np.array(counts, np.float32).reshape(len(texts), 9)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


class Able(Toy):
    """One that can do all."""

    name = "able"

    def rough(self) -> Embedder:
        return Toy()

    def in_context(self, text: str, start: int, layer: int) -> np.ndarray[Any, np.dtype[Any]]:
        return np.asarray(self.embed([text[start:]])[0], np.float64)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> str:
    """Another package with an entry point."""
    module = ModuleType("toy_package")
    monkeypatch.setitem(sys.modules, "toy_package", module)
    found: Registry[Any] = Registry("embedder", "evolsynth.evaluation.embed", "evolsynth.embedders")
    for name, thing in embedders.items():
        found.register(name, thing, f"evolsynth.evaluation.embed.{name}")

    class Point:
        name, value = "toy", "toy_package"

        def load(self) -> None:
            found.register("toy", Toy, "toy_package")

    monkeypatch.setattr(metadata, "entry_points", lambda group: [Point()])
    monkeypatch.setattr(base, "embedders", found)
    return "toy"


def test_ours_are_found_by_name() -> None:
    assert list(embedders)[:2] == ["minilm", "static"]
    assert isinstance(embedders["minilm"](), MiniLM)


def test_none_is_none_and_an_unknown_name_is_told_with_those_there_are() -> None:
    assert embedder_named(None) is None
    assert embedder_named("none") is None
    with pytest.raises(InputError, match=r"no embedder 'minlm'.*'minilm'"):
        embedder_named("minlm")


def test_another_process_gets_one_of_its_own_from_the_same_place() -> None:
    sent = pickle.loads(pickle.dumps(MiniLM("some/folder", cached=0)))
    assert sent.path == "some/folder"
    assert sent._model is None


@pytest.mark.real
def test_static_vectors_by_name() -> None:
    assert isinstance(embedder_named("static"), StaticVectors)


async def test_another_package_s_is_found_by_name(toy: str) -> None:
    assert isinstance(embedder_named(toy), Toy)
    assert isinstance(await _embedder(toy), Toy)
    assert Pipeline(embedder=toy).embedder == toy


def test_what_an_embedder_can_do_is_asked_by_protocol() -> None:
    minilm = MiniLM()
    assert isinstance(minilm, Contextual)
    assert isinstance(Toy(), Embedder)
    assert not isinstance(Toy(), HasStatic)
    assert isinstance(Able(), HasStatic)
    toy, able = Toy(), Able()
    assert rough(toy) is toy
    assert rough(able).name == "toy"
    assert contextual(able, "something") is able
    assert contextual(None, "something") is None


def test_what_one_that_cannot_leaves_out_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    base._say_once.cache_clear()
    with caplog.at_level(logging.WARNING, "evolsynth.embed"):
        assert contextual(Toy(), "'weak_evolution'") is None
        assert contextual(Toy(), "'weak_evolution'") is None
    (told,) = caplog.messages
    assert "'toy' cannot read a text in context, so 'weak_evolution' is left out" in told


@pytest.mark.real
def test_any_embedder_that_can_is_asked_for_weak_evolutions(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def judge(original: str, evolved: str, embedder: Embedder, **_: object) -> EvolutionScore:
        asked.append(embedder.name)
        return good_evolution(original, evolved, MiniLM())

    monkeypatch.setattr("evolsynth.evaluation.gate.checks.evolution._good_evolution", judge)
    made = {"instruction": {"original": "Write a poem about the sea."}}
    row = Row.make("Write a poem about the sea and its birds.", provenance=made)
    check = CHECKS["weak_evolution"]
    base._say_once.cache_clear()
    for embedder in (Toy(), None):
        assert check.find(Case(row, GateSettings(), embedder=embedder)) is None
    assert asked == []
    assert len(caplog.messages) == 1
    case = Case(row, GateSettings(), embedder=Able())
    check.find(case)
    assert asked == ["able"]
    assert "good_evolution" in case.scores
