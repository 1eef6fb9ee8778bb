"""Information loss of many pairs, in order, by several processes where there are many."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.judging import THRESHOLD
from evolsynth.evaluation.information_loss.reading import InformationLoss
from evolsynth.evaluation.information_loss.score import information_loss

if TYPE_CHECKING:
    from multiprocessing.pool import AsyncResult

    from evolsynth.evaluation.embed.minilm import Embedder

__all__ = ["information_losses"]

#: Pairs that a process takes at once, and batches of them that wait for each process.
_BATCH, _WAITING = 64, 3

_Pair = tuple[str, str]
_Task = tuple[list[_Pair], float]


def information_losses(
    pairs: Iterable[_Pair],
    *,
    embedder: Embedder | None = None,
    threshold: float = THRESHOLD,
    workers: int = 1,
) -> Iterator[InformationLoss]:
    """`information_loss` of each (original, evolved), in order, in bounded memory.

    The results do not depend on ``workers``. Each process loads an embedder of its own, which
    takes some seconds and 0.4 GB, so several pay from some thousand pairs on.

    Raises:
        InputError: ``workers`` is below 1, or several were asked to work with an embedder other
            than `MiniLM`.
    """
    if workers < 1:
        raise InputError(f"workers is {workers}: give the number of processes, from 1.")
    if workers == 1:
        return (information_loss(a, b, embedder=embedder, threshold=threshold) for a, b in pairs)
    if embedder is not None and not isinstance(embedder, MiniLM):
        raise InputError(
            "Several processes can only work with MiniLM or without an embedder: use workers=1."
        )
    return _by_several(pairs, embedder, threshold, workers)


def _by_several(
    pairs: Iterable[_Pair], embedder: MiniLM | None, threshold: float, workers: int
) -> Iterator[InformationLoss]:
    if embedder is not None:
        embedder.load()  # what is missing is told here; and the static vectors are made once
    place = None if embedder is None else embedder.path
    source = iter(pairs)
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _begin, (embedder is not None, place)) as pool:
        waiting: deque[AsyncResult[list[InformationLoss]]] = deque()
        while True:
            while len(waiting) < _WAITING * workers:
                batch = list(islice(source, _BATCH))
                if not batch:
                    break
                waiting.append(pool.apply_async(_work, ((batch, threshold),)))
            if not waiting:
                return
            yield from waiting.popleft().get()


_EMBEDDER: list[Embedder | None] = [None]


def _begin(embed: bool, place: str | None) -> None:
    """Runs first in each process."""
    _EMBEDDER[0] = MiniLM(place) if embed else None


def _work(task: _Task) -> list[InformationLoss]:
    pairs, threshold = task
    return [information_loss(a, b, embedder=_EMBEDDER[0], threshold=threshold) for a, b in pairs]
