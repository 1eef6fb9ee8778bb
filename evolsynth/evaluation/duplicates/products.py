"""Products of many vectors of length 1: which may be high enough, in bfloat16 where that is
quicker, and what some of them are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Products"]

#: By how much a product may be off in bfloat16: each number of both vectors, and the sum, by one
#: part in 256 at most (Cauchy-Schwarz), and a little for the lengths that float16 makes of 1.
_OFF_BY_HALVES = 0.0125
#: By how much in float32, whose last bits depend on what else is asked.
_OFF = 1e-4
_AT_ONCE = 256  # pairs

_Kind = TypeVar("_Kind", bound=np.generic)


class Products:
    """Room for products, which is kept: to be given new room takes longer than to multiply."""

    def __init__(self) -> None:
        self._rooms: dict[str, NDArray[np.uint8]] = {}

    def reaching(
        self, vectors: NDArray[np.float32], block: NDArray[np.floating], least: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of the rows, in ``vectors`` and in ``block``, of all pairs whose product is
        at least ``least``, in order, and perhaps of some with a product just below.

        Args:
            vectors: shape (n, d), rows of length 1 or 0.
            block: shape (m, d), likewise.
        """
        if least > _OFF_BY_HALVES and "torch" in sys.modules:  # to load it takes more than it saves
            from evolsynth.evaluation.embed.encoder import has_halves

            if has_halves():
                return self._high(*self._in_halves(vectors, block, least - _OFF_BY_HALVES))
        theirs = self._room("theirs", block.shape, np.float32)
        np.copyto(theirs, block)
        products = self._room("products", (len(vectors), len(block)), np.float32)
        np.matmul(vectors, theirs.T, out=products)
        return self._high(products, least - _OFF)

    def _high(
        self, products: NDArray[np.generic], least: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows and columns of what is so high."""
        high = self._room("high", products.shape, np.bool_)
        np.greater_equal(products, least, out=high)
        return np.divmod(np.flatnonzero(high), products.shape[1])

    def _in_halves(
        self,
        vectors: NDArray[np.float32],
        block: NDArray[np.floating],
        least: float,
    ) -> tuple[NDArray[np.int16], int]:
        """The products in bfloat16, and the least, as the integers that have the same bits: of
        numbers above zero they have the same order."""
        import torch

        from evolsynth.evaluation.embed.encoder import one_thread

        with torch.inference_mode(), one_thread():
            theirs = torch.from_numpy(self._room("theirs", block.shape, np.int16))
            theirs = theirs.view(torch.bfloat16).copy_(torch.from_numpy(block))
            products = self._room("products", (len(vectors), len(block)), np.int16)
            torch.mm(
                torch.from_numpy(vectors).bfloat16(),
                theirs.T,
                out=torch.from_numpy(products).view(torch.bfloat16),
            )
            bound = torch.tensor(least, dtype=torch.bfloat16).view(torch.int16).item()
        return products, int(bound)

    def of(
        self,
        vectors: NDArray[np.float32],
        block: NDArray[np.floating],
        rows: NDArray[np.int64],
        places: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """The products of some pairs, whose numbers `reaching` gives."""
        products = np.empty(len(rows))
        shape = (_AT_ONCE, block.shape[1])
        ours, theirs = (self._room(name, shape, np.float64) for name in ("one", "other"))
        for start in range(0, len(rows), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            count = len(rows[some])
            np.copyto(ours[:count], vectors[rows[some]])
            np.copyto(theirs[:count], block[places[some]])
            np.einsum("ij,ij->i", ours[:count], theirs[:count], out=products[some])
        return products

    def _room(self, name: str, shape: tuple[int, ...], kind: type[_Kind]) -> NDArray[_Kind]:
        """An array whose numbers are whatever was there."""
        wanted = int(np.prod(shape)) * np.dtype(kind).itemsize
        room = self._rooms.get(name)
        if room is None or len(room) < wanted:
            room = self._rooms[name] = np.empty(wanted, np.uint8)
        return room[:wanted].view(kind).reshape(shape)
