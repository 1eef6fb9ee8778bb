"""Vectors of texts that an embedder has not learnt to read: of the pairs of characters in them.

To a model of English, requests in Thai are runs of one unknown token, and so all alike. What is
written in the same characters lies near here, and what shares none at right angles; of meaning such
vectors say nothing.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from evolsynth.evaluation.text import looked_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["of_letters"]


def of_letters(texts: Sequence[str], size: int) -> NDArray[np.float32]:
    """Vectors of n texts, shape (n, size), rows of length 1.

    Pairs of characters are hashed to a place and a sign (Weinberger et al. 2009, "Feature hashing
    for large scale multitask learning", arXiv 0902.2206) and count with the root of how often they
    stand there. Case, width and white space do not count. Of a long text what `looked_at` leaves.
    """
    rows = np.zeros((len(texts), size), np.float32)
    for row, text in zip(rows, texts, strict=True):
        flat = unicodedata.normalize("NFKC", looked_at(text)).casefold()
        counts = Counter(pairwise(f" {' '.join(flat.split())} "))
        for (one, other), count in counts.items():
            number = _hashed(one + other)
            row[number // 2 % size] += count**0.5 * (1 if number % 2 else -1)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, 1)
    return rows


@lru_cache(maxsize=1 << 16)
def _hashed(pair: str) -> int:
    digest = hashlib.blake2b(pair.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")
