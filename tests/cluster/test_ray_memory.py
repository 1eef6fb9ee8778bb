"""A gate whose memory lies on a real Ray: the verdicts of one process, whatever is lost of it."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from evolsynth.cluster import Ray
from evolsynth.cluster.memory import RayMemory, _ShardedIndex
from evolsynth.errors import EngineError, SetupError
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.rows import Row

ray = pytest.importorskip("ray", reason="Ray is not installed")

SKIPPED = GateSettings(skip=("too_short", "thin_answer", "broken_off"))


@pytest.fixture(scope="module", autouse=True)
def begun(cluster: Any) -> None:
    """The Ray of all these files."""


def _rows(n: int, seed: int) -> list[Row]:
    """Requests of few words, so that many are like earlier ones, some about an input, some made
    from earlier ones, some with half a surrogate pair."""
    draw = random.Random(seed)
    things = ("a loaf of bread", "the bread", "an old bicycle", "two bicycles", "a wooden door")
    ways = (
        "Describe",
        "Please describe",
        "Describe in short",
        "Tell me about",
        "Tell me all about",
    )
    ends = (".", "!", " for a child.", " for children.", " to a friend \ud800.")
    rows: list[Row] = []
    for k in range(n):
        asked = f"{draw.choice(ways)} {draw.choice(things)}{draw.choice(ends)}"
        parents = (draw.choice(rows).id,) if rows and draw.random() < 0.3 else ()
        about = draw.choice(("", "", "A note about bread.", "A note of another kind."))
        rows.append(
            Row.make(
                key=f"r{k}",
                instruction=asked,
                extra={"input": about} if about else {},
                parents=parents,
                method="mine",
            )
        )
    return rows


def _verdicts(
    rows: Sequence[Row], memory: RayMemory | None, embedder: Embedder | None, at_once: int = 8
) -> list[Any]:
    gate = Gate(embedder, settings=SKIPPED, at_once=at_once, memory=memory)

    async def judged() -> list[Row]:
        return [row async for row in gate.check(rows, instructions_only=True)]

    try:
        return [row.to_dict() for row in asyncio.run(judged())]
    finally:
        gate.close()


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    found = MiniLM()
    found.load()
    return found


@pytest.mark.real
def test_the_verdicts_are_those_of_one_process(minilm: MiniLM) -> None:
    rows = _rows(120, seed=3)
    wanted = _verdicts(rows, None, minilm)
    assert _verdicts(rows, RayMemory(Ray(shards=2)), minilm) == wanted
    reasons = [reason for row in wanted for reason in (row["verdict"] or {}).get("reasons", ())]
    assert {"exact_duplicate", "near_duplicate"} <= set(reasons)
    assert sum(row["verdict"] is None for row in wanted) > 20


class Letters:
    """An embedder whose vectors are counts of letters: it decides by itself."""

    name = "letters"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counts = [[text.count(chr(97 + k)) + 1e-3 for k in range(26)] for text in texts]
        array = np.array(counts, dtype=np.float32).reshape(-1, 26)
        array /= np.linalg.norm(array, axis=1, keepdims=True)
        return array


@pytest.mark.parametrize("embedder", [None, Letters()])
@pytest.mark.parametrize("at_once", [1, 100])
def test_so_they_are_with_another_embedder_or_none(embedder: Any, at_once: int) -> None:
    rows = _rows(300, seed=at_once)
    wanted = _verdicts(rows, None, embedder, at_once)
    assert _verdicts(rows, RayMemory(Ray(shards=2)), embedder, at_once) == wanted
    assert sum(row["verdict"] is None for row in wanted) > 40


def test_nothing_of_the_rows_stays_in_this_process() -> None:
    memory = RayMemory(Ray(shards=2))
    index = memory.index(0.9, None, Letters().embed)
    assert isinstance(index, _ShardedIndex)
    texts = [f"Describe {k} doors." for k in range(40)]
    vectors = np.zeros((40, 1), np.float32)
    for k in range(0, 40, 8):
        search = index.search(texts[k : k + 8], vectors[k : k + 8])
        for i in range(8):
            assert search.find(i) is None
            search.add(i, f"r{k + i}")
    assert len(index) == 40
    assert not index.texts, "they are at the shards"
    memory.add_inputs({"r1": "A note.", "r2": "half a pair: \ud800"})
    memory.add_elders("r2", ("r1", "r0"))
    memory.add_passed([0, 7, (1 << 64) - 1])
    assert (memory.input_of("r1"), memory.input_of("r2")) == ("A note.", "half a pair: \ud800")
    assert memory.input_of("r3") is None
    assert (memory.elders_of("r2"), memory.elders_of("r1")) == (("r1", "r0"), ())
    assert [memory.has_passed(k) for k in (0, 7, 8, (1 << 64) - 1)] == [True, True, False, True]
    assert not any((memory._inputs, memory._elders, memory._passed))
    found = index.search(["describe 33 doors"], vectors[:1]).find(0)
    assert found is not None
    assert found.detail["of"] == "r33"
    memory.close()
    memory.close()
    with pytest.raises(EngineError, match="was closed"):
        memory.has_passed(7)


def test_a_shard_that_is_lost_is_filled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two questions, again and again: no duplicate is overlooked."""
    rows = _rows(160, seed=5)
    wanted = _verdicts(rows, None, Letters())
    ask, asked = _ShardedIndex.ask, itertools.count()

    def dangerous(self: _ShardedIndex, method: str, bodies: Any) -> Any:
        number = next(asked)
        if number in (2, 3, 9, 14):
            ray.kill(self.shards[number % 2])
        return ask(self, method, bodies)

    monkeypatch.setattr(_ShardedIndex, "ask", dangerous)
    assert _verdicts(rows, RayMemory(Ray(shards=2)), Letters()) == wanted
    assert next(asked) > 14


def test_one_that_is_lost_each_time_ends_the_run_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost(self: _ShardedIndex, number: int) -> None:
        again(self, number)
        ray.kill(self.shards[number])

    again = _ShardedIndex._again
    monkeypatch.setattr(_ShardedIndex, "_again", lost)
    memory = RayMemory(Ray(shards=1))
    index = memory.index(0.9, None, Letters().embed)
    assert isinstance(index, _ShardedIndex)
    vectors = np.zeros((1, 1), np.float32)
    index.search(["A door."], vectors).add(0, "r0")
    ray.kill(index.shards[0])
    with pytest.raises(SetupError, match=r"was lost 5 times .*run again"):
        index.search(["A door."], vectors)
    memory.close()


def test_whoever_waits_for_a_shard_that_says_nothing_can_be_ended() -> None:
    class Silent(Letters):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            time.sleep(60)
            return super().embed(texts)

        def rough(self) -> Embedder:
            return Letters()

    memory = RayMemory(Ray(shards=1))
    index = memory.index(0.9, Silent(), Letters().embed)
    texts = ["Describe a door to me.", "Describe the door to me."]
    vectors = Letters().embed(texts)
    index.search(texts[:1], vectors[:1]).add(0, "r0")
    threading.Timer(1.0, memory.close).start()
    began = time.monotonic()
    with pytest.raises(EngineError, match="was closed"):
        index.search(texts[1:], vectors[1:]).find(0)
    assert time.monotonic() - began < 10


def test_an_embedder_that_cannot_be_carried_there_is_told() -> None:
    class Bound(Letters):
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def rough(self) -> Embedder:
            return self

    memory = RayMemory(Ray(shards=1))
    index = memory.index(0.9, Bound(), Letters().embed)
    with pytest.raises(SetupError, match=r"letters cannot be carried to Ray's nodes .*shards 0"):
        index.search(["A door."], Letters().embed(["A door."]))
    memory.close()


@pytest.mark.parametrize("address", ["local", "auto"])
def test_one_node_keeps_all_in_the_run_s_process_unless_it_is_told(address: str) -> None:
    memory = RayMemory(Ray(address=address))
    assert memory.shards() == 0
    assert memory._connected is (address == "auto"), "a Ray of this machine's own is not begun"
    index = memory.index(0.9, None, Letters().embed)
    index.search(["A door."], np.zeros((1, 1), np.float32)).add(0, "r0")
    assert len(index) == 1 == len(index.texts)
    memory.close()
