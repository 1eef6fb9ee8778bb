"""The best n of many rows: good ones first, and none too much like one that was taken.

Score-first, diversity-aware selection of Deita (Liu et al. 2023, arXiv:2312.15685, section 2.4):
sort by complexity x quality, then go down the list and pass over what is nearer than a threshold
to any row taken before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.inputs import Inputs
from evolsynth.findings import reason
from evolsynth.rows import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["Choice", "Selection", "best_first", "choose", "product_of", "row_text", "select"]

reason(
    "not_selected",
    "Enough rows with better scores were selected.",
    "Ask for more rows: better ones took all the places.",
)
reason(
    "too_similar",
    "A row with better scores that was selected says nearly the same.",
    "Give more varied seeds, or raise the cosine from which rows count as alike.",
)

_BLOCK = 256  # rows embedded and compared at once
#: Cosines are compared to so many places, so that the order of a sum's terms decides nothing.
_PLACES = 5


class Selection(NamedTuple):
    """``chosen`` rows, best first, and ``left`` ones in the order of the input.

    Every row is in one of them. Those chosen, and those that were looked at and passed over, have
    ``scores["selection"]``, the product they were sorted by. A row left is rejected
    (``too_similar``, with the id of the row it is like and the cosine, or ``not_selected``, with
    its place in the sorted list), unless it was settled before.
    """

    chosen: list[Row]
    left: list[Row]


def row_text(row: Row) -> str:
    """What two rows are compared by: the instruction, and below it the response if there is one.

    Their inputs are compared by themselves: rows about two texts are not alike.
    """
    return "\n".join(filter(None, (row.instruction, row.response)))


def select(
    rows: Iterable[Row],
    n: int,
    *,
    embedder: Embedder,
    by: Sequence[str] = ("complexity", "quality"),
    most_similar: float = 0.9,
    text: Callable[[Row], str] = row_text,
) -> Selection:
    """Choose the best ``n`` rows by the product of the scores ``by``, and unlike each other.

    Fewer are chosen where fewer are unlike enough. The same rows in the same order give the same
    choice; of rows with equal scores the earlier is taken. Embeddings are made in blocks, best
    rows first, and no more than are needed. Rows that were rejected or failed are left as they
    are.

    Args:
        most_similar: a row is passed over where its cosine to one chosen about nearly the same
            input, if it has one, is above this.

    Raises:
        InputError: ``n`` below 1, a threshold outside [-1, 1], or a row without one of the scores.
    """
    everything = list(rows)
    products = [None if row.settled else product_of(row, by) for row in everything]
    order = best_first(math.nan if p is None else p for p in products)
    choice = choose(
        order,
        n,
        embedder=embedder,
        text=lambda i: text(everything[i]),
        about=lambda i: everything[i].around,
        most_similar=most_similar,
    )
    ranks = {i: rank for rank, i in enumerate(order, 1)}
    scored = [_scored(row, p) for row, p in zip(everything, products, strict=True)]
    taken = set(choice.chosen)
    left = [
        row if row.settled else _left(row, ranks.get(i), choice.refused.get(i), everything)
        for i, row in enumerate(scored)
        if i not in taken
    ]
    return Selection([scored[i] for i in choice.chosen], left)


class Choice(NamedTuple):
    """Rows by their places: those chosen, best first, and those passed over, each with the place
    of the chosen row that it is like and the cosine."""

    chosen: list[int]
    refused: dict[int, tuple[int, float]]


def choose(
    order: Sequence[int],
    n: int,
    *,
    embedder: Embedder,
    text: Callable[[int], str],
    about: Callable[[int], str] = lambda _: "",
    most_similar: float = 0.9,
) -> Choice:
    """Go down ``order``, places of rows from the best on, until ``n`` are chosen.

    Only the texts of those looked at are asked for, in blocks, and their inputs: only rows about
    nearly the same input are alike.

    Raises:
        InputError: ``n`` below 1, or a threshold outside [-1, 1].
    """
    if n < 1:
        raise InputError(f"n is {n}: choose at least 1 row.")
    if not -1 <= most_similar <= 1:
        raise InputError(f"most_similar is {most_similar}: it is a cosine, from -1 to 1.")
    chosen: list[int] = []
    refused: dict[int, tuple[int, float]] = {}
    taken: NDArray[np.float32] | None = None  # vectors of the rows chosen, shape (most, d)
    inputs, numbers = Inputs(), np.empty(min(n, len(order)), dtype=np.int64)
    for start in range(0, len(order), _BLOCK):
        if len(chosen) >= n:
            break
        block = order[start : start + _BLOCK]
        vectors = embedder.embed([text(i) for i in block])
        if taken is None:
            taken = np.empty((min(n, len(order)), vectors.shape[1]), dtype=np.float32)
        for i, vector in zip(block, vectors, strict=True):
            if len(chosen) >= n:
                break
            given = about(i)
            apart = ~np.isin(numbers[: len(chosen)], list(inputs.near(given)))
            cosines = np.round(taken[: len(chosen)] @ vector, _PLACES)
            cosines[apart] = -1.0
            place = int(cosines.argmax()) if chosen else 0
            cosine = round(float(cosines[place]), _PLACES) if chosen else -1.0
            if chosen and cosine > most_similar:
                refused[i] = chosen[place], cosine
            else:
                taken[len(chosen)] = vector
                numbers[len(chosen)] = inputs.add(given)
                chosen.append(i)
    return Choice(chosen, refused)


def best_first(products: Iterable[float]) -> list[int]:
    """The places of the products, the highest first, of equal ones the earlier; without NaN."""
    known = list(products)
    places = (i for i, product in enumerate(known) if not math.isnan(product))
    return sorted(places, key=lambda i: (-known[i], i))


def product_of(row: Row, by: Sequence[str]) -> float | None:
    """The product of a row's scores ``by``; None where one is beyond what is to be kept: where
    ``ifd`` is 1 or more, instruction and response do not belong together (Li et al. 2023).

    Raises:
        InputError: the row has no such score.
    """
    for name in by:
        value = row.scores.get(name)
        if value is None or not math.isfinite(value):
            raise InputError(
                f"Row {row.id} has no score '{name}' to be chosen by. Run the step that gives it "
                "(judge for complexity and quality, ifd for ifd), or name other scores with by=."
            )
    if "ifd" in by and row.scores["ifd"] >= 1:
        return None
    return math.prod(row.scores[name] for name in by)


def _scored(row: Row, product: float | None) -> Row:
    if product is None:
        return row
    return row.replace(scores={**row.scores, "selection": round(product, 4)})


def _left(row: Row, rank: int | None, twin: tuple[int, float] | None, rows: Sequence[Row]) -> Row:
    if rank is None:
        return row.reject("high_ifd", high_ifd={"ifd": row.scores["ifd"], "most": 1.0})
    if twin is None:
        return row.reject("not_selected", not_selected={"rank": rank})
    place, cosine = twin
    return row.reject("too_similar", too_similar={"id": rows[place].id, "cosine": cosine})
