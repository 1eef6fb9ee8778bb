"""Information loss of many pairs: in order, the same with several processes, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from evolsynth.errors import InputError, ModelNotFound
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.score import information_loss, information_losses

COUNT = 150


def pair(k: int) -> tuple[str, str]:
    """A pair of its own for each k; every third has lost its number."""
    kept = f"Say in one line why gate {k} of the old town has been shut since the flood."
    return kept, kept if k % 3 else kept.replace(f"gate {k} ", "a gate ")


PAIRS = [pair(k) for k in range(COUNT)]


class Strange:
    """An embedder of the user's own."""

    name = "strange"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.eye(len(texts), 4, dtype=np.float32)


class Locked(Strange):
    """One that holds what no other process can be given."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def test_each_result_is_that_of_its_pair_in_order() -> None:
    found = list(information_losses(PAIRS))
    assert found == [information_loss(*p) for p in PAIRS]
    assert [loss.flagged for loss in found] == [k % 3 == 0 for k in range(COUNT)]


def test_several_processes_give_the_same_in_the_same_order() -> None:
    assert list(information_losses(PAIRS, workers=2)) == list(information_losses(PAIRS))


@pytest.mark.real
def test_so_do_they_with_an_embedder(embedder: MiniLM) -> None:
    few = [
        ("How can I sleep better at night?", "What helps against insomnia?"),
        ("Our cellar floods. How can we keep it dry?", "Who was the first pope?"),
        *PAIRS[:4],
    ]
    several = list(information_losses(few, embedder=embedder, workers=2))
    assert several == list(information_losses(few, embedder=embedder))
    assert several != list(information_losses(few))


def test_the_threshold_is_handed_on() -> None:
    for workers in (1, 2):
        found = list(information_losses(PAIRS[:4], threshold=1.0, workers=workers))
        assert found[0].score > 0.5
        assert not any(loss.flagged for loss in found)


def test_no_pairs_no_results() -> None:
    assert list(information_losses([])) == []
    assert list(information_losses([], workers=2)) == []


class Counted:
    """Pairs without end that count how many were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[tuple[str, str]]:
        while True:
            self.taken += 1
            yield pair(self.taken)


def test_one_process_takes_a_pair_when_its_result_is_asked_for() -> None:
    pairs = Counted()
    results = information_losses(pairs)
    next(results)
    next(results)
    assert pairs.taken == 2


def test_several_processes_take_a_bounded_number_ahead() -> None:
    pairs = Counted()
    results = information_losses(pairs, workers=2)
    assert pairs.taken == 0
    next(results)
    ahead = pairs.taken
    assert 1 < ahead < 1000
    for _ in range(200):
        next(results)
    assert pairs.taken <= ahead + 300
    results.close()  # type: ignore[attr-defined] # leaving early ends the processes


@pytest.mark.parametrize("workers", [0, -1])
def test_without_a_process_there_is_no_work(workers: int) -> None:
    with pytest.raises(InputError, match=f"workers is {workers}"):
        information_losses(PAIRS, workers=workers)


def test_an_embedder_of_the_users_own_works_in_any_number_of_processes() -> None:
    alone = list(information_losses(PAIRS[:9], embedder=Strange()))
    assert len(alone) == 9
    assert list(information_losses(PAIRS[:9], embedder=Strange(), workers=2)) == alone


def test_one_that_cannot_be_pickled_works_in_one_process_only() -> None:
    assert len(list(information_losses(PAIRS[:2], embedder=Locked()))) == 2
    with pytest.raises(InputError, match=r"cannot be handed to other processes.*use workers=1"):
        information_losses(PAIRS, embedder=Locked(), workers=2)


def test_a_missing_embedder_is_told_by_the_first_process() -> None:
    with pytest.raises(ModelNotFound, match="/no/such/place"):
        list(information_losses(PAIRS, embedder=MiniLM("/no/such/place"), workers=2))


def test_an_error_in_the_pairs_reaches_the_caller() -> None:
    def broken() -> Iterator[tuple[str, str]]:
        yield PAIRS[0]
        raise InputError("pairs.jsonl, line 2: not JSON.")

    for workers in (1, 2):
        with pytest.raises(InputError, match="line 2"):
            list(information_losses(broken(), workers=workers))
