"""How varied the words of a set are: distinct n-grams, self-BLEU, compression.

A `Wording` reads the texts once; the figures of any choice of rows are then quick to get. n-grams
are held as 64-bit hashes, so that 100,000 texts of 20 words take about 100 MB; two different
n-grams of them share a hash with a chance below one in a million.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evolsynth.evaluation.text.words import MARKS, UNSPACED

__all__ = ["Places", "Wording", "compression_ratio"]

Places = npt.NDArray[np.intp]
_Numbers = npt.NDArray[np.int64]

_WORD = re.compile(r"\w+")
_ANY_WORD = re.compile(rf"[{UNSPACED}][{MARKS}]*|(?:(?![{UNSPACED}])\w[{MARKS}]*)+")
_ORDERS = 4
_SMOOTHING = 0.1  # matches that an order without any counts as: NLTK's method 1, as in Texygen
_WINDOW = 1 << 23


class Wording:
    """The words of n texts (runs of letters, digits and underscores, case ignored; in scripts that
    put no space between words, each letter)."""

    def __init__(self, texts: Sequence[str]) -> None:
        known: dict[str, int] = {}
        ids: list[int] = []
        sizes = np.zeros(len(texts), np.int64)
        for row, text in enumerate(texts):
            found = (_WORD if text.isascii() else _ANY_WORD).findall(text.casefold())
            sizes[row] = len(found)
            ids += [known.setdefault(word, len(known)) for word in found]
        self._sizes = sizes
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._grams = _hashes(np.array(ids, np.uint64))

    def distinct(self, n: int, places: Places | None = None) -> float | None:
        """The share of different n-grams among all (Li et al. 2016, arXiv 1510.03055).

        Args:
            n: 1 to 4.
            places: the rows to count, all by default.

        Returns:
            In (0, 1]; ``None`` where no text has n words.
        """
        grams, _ = self._of(n, places)
        return len(np.unique(grams)) / len(grams) if len(grams) else None

    def mean_words(self, places: Places | None = None) -> float | None:
        """Mean number of words a text; ``None`` without texts."""
        sizes = self._sizes if places is None else self._sizes[places]
        return float(sizes.mean()) if len(sizes) else None

    def self_bleu(self, places: Places | None = None) -> float | None:
        """The mean BLEU of each text with all others as its references: high where they are alike.

        Zhu et al. 2018 (Texygen, arXiv 1802.01886). Up to 4-grams, equal weights over the orders
        that the text is long enough for; an order without a match counts 0.1 matches; brevity
        penalty by the reference of the closest length. It grows with the number of texts.

        Returns:
            In [0, 1]; ``None`` with fewer than two texts that have words.
        """
        rows = np.arange(len(self._sizes)) if places is None else places
        rows = rows[self._sizes[rows] > 0]
        if len(rows) < 2:
            return None
        logs, orders = np.zeros(len(rows)), np.zeros(len(rows))
        for n in range(1, _ORDERS + 1):
            grams, owner = self._of(n, rows)
            matched, total = _clipped(grams, owner, len(rows))
            has = total > 0
            precision = np.where(matched > 0, matched, _SMOOTHING)[has] / total[has]
            logs[has] += np.log(precision)
            orders[has] += 1
        return float(np.mean(np.exp(logs / orders) * _brevity(self._sizes[rows])))

    def _of(self, n: int, places: Places | None) -> tuple[npt.NDArray[np.uint64], _Numbers]:
        """The n-grams of the rows, one after another, and which of the rows each belongs to."""
        rows = np.arange(len(self._sizes)) if places is None else places
        counts = np.maximum(self._sizes[rows] - n + 1, 0)
        owner = np.repeat(np.arange(len(rows)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._grams[n - 1][self._starts[rows][owner] + within], owner


def compression_ratio(texts: Sequence[str]) -> float | None:
    """Bytes of the texts, joined by line breaks, over their bytes when compressed.

    High where they repeat each other (Shaib et al. 2024, arXiv 2403.00553). That paper uses gzip,
    which sees no more than 32 kB back; LZMA, with a window of 8 MB, also finds copies that stand
    farther apart. It grows with the number of texts. ``None`` where there is no text.
    """
    body = "\n".join(texts).encode("utf-8", "replace")
    if not body:
        return None
    window = min(_WINDOW, max(4096, 1 << len(body).bit_length()))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": window}]
    return len(body) / len(lzma.compress(body, format=lzma.FORMAT_RAW, filters=filters))


def _hashes(ids: npt.NDArray[np.uint64]) -> list[npt.NDArray[np.uint64]]:
    """For n from 1 to 4, the hash of the n words from each place on (those past a text's end are
    never read)."""
    mixed = _mix(ids + np.uint64(1))
    grams = [mixed]
    for n in range(1, _ORDERS):
        longer = grams[-1].copy()
        longer[: max(0, len(ids) - n)] = _mix(
            longer[: max(0, len(ids) - n)] * np.uint64(0x9E3779B97F4A7C15) + mixed[n:]
        )
        grams.append(longer)
    return grams


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread neighbouring numbers over all 64 bits (the finaliser of SplitMix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _clipped(
    grams: npt.NDArray[np.uint64], owner: _Numbers, rows: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(matches, n-grams) of each row. An n-gram matches as often as it is in the one other row
    that has it most often, so the two highest counts of each n-gram are all that is needed."""
    order = np.lexsort((owner, grams))
    grams, owner = grams[order], owner[order]
    first = np.flatnonzero(_changes(grams) | _changes(owner))  # of each (n-gram, row)
    counts = np.diff(np.append(first, len(grams)))
    kinds, who = np.cumsum(_changes(grams))[first] - 1, owner[first]
    best = np.zeros(kinds[-1] + 1 if len(kinds) else 0, np.int64)
    np.maximum.at(best, kinds, counts)
    is_best = counts == best[kinds]
    shared = np.bincount(kinds, weights=is_best, minlength=len(best)) > 1
    second = np.zeros_like(best)
    np.maximum.at(second, kinds[~is_best], counts[~is_best])
    others = np.where(is_best & ~shared[kinds], second[kinds], best[kinds])
    matched = np.bincount(who, weights=np.minimum(counts, others), minlength=rows)
    total = np.bincount(who, weights=counts, minlength=rows)
    return matched.astype(np.float64), total.astype(np.float64)


def _changes(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    return np.concatenate([np.ones(min(1, len(values)), bool), values[1:] != values[:-1]])


def _brevity(sizes: _Numbers) -> npt.NDArray[np.float64]:
    """exp(1 - r / c) where the closest length r among the other rows is above the own c."""
    ordered = np.sort(sizes)
    left = np.searchsorted(ordered, sizes, "left")
    right = np.searchsorted(ordered, sizes, "right")
    below = np.where(left > 0, ordered[np.maximum(left - 1, 0)], -(1 << 40))
    above = np.where(right < len(ordered), ordered[np.minimum(right, len(ordered) - 1)], 1 << 40)
    closest = np.where(above - sizes < sizes - below, above, below)
    closest = np.where(right - left > 1, sizes, closest)
    return np.exp(np.minimum(0, 1 - closest / sizes))
