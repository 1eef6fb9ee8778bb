"""What embeddings say about the rows: the map, the diversity figures, the nearest pairs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evolsynth.evaluation.diversity.distances import (
    Diversity,
    Vectors,
    diversity,
    nearest_similarities,
    rarefied,
)
from evolsynth.evaluation.diversity.summary import DiversityReport, diversity_report
from evolsynth.evaluation.duplicates.index import nearest_pairs
from evolsynth.report.evolutions import lineage
from evolsynth.report.figures import STATUS_NAMES, histogram, map_places, map_sample, scatter
from evolsynth.report.text import own_text
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.minilm import Embedder

__all__ = ["Neighbourhood", "Pair", "survey"]

_PAIRS = 10
_EQUAL_FROM, _EQUAL_TO = 5, 500  # rows of a draw when sets of different size are compared


class Pair(NamedTuple):
    """Two rows and their cosine similarity."""

    similarity: float
    one: Row
    other: Row


class Neighbourhood(NamedTuple):
    """Everything the page shows that needs embeddings.

    ``map_method`` is how the map was laid out, of ``map_size`` of ``size`` rows. ``measured``
    and ``equal`` are (name, figures): of whole groups, and of draws of equal size from them.
    ``varied`` is the report by method and round, None without scikit-learn.
    """

    size: int
    map: dict[str, Any]
    map_method: str
    map_size: int
    histogram: dict[str, Any]
    pairs: list[Pair]
    measured: list[tuple[str, Diversity]]
    equal: list[tuple[str, Diversity]]
    varied: DiversityReport | None


class _Known:
    """An embedder that has the vectors already."""

    def __init__(self, name: str, texts: Sequence[str], vectors: Vectors) -> None:
        self.name = name
        self._places = {text: place for place, text in enumerate(texts)}
        self._vectors = vectors

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Their vectors, shape (n, d)."""
        return self._vectors[[self._places[text] for text in texts]]


def survey(rows: Sequence[Row], embedder: Embedder) -> Neighbourhood:
    """Embed the rows' own texts, each different text once, and measure.

    Args:
        rows: at least one, each with some text.
    """
    texts = [own_text(row) for row in rows]
    vectors = _embed(texts, embedder)
    links = lineage(rows)
    shown = map_sample(len(rows))
    places, method = map_places(vectors[shown])
    measured, equal = _diversities(rows, texts, vectors)
    return Neighbourhood(
        size=len(rows),
        map=scatter([rows[i] for i in shown], places, _direct_links(rows, shown.tolist())),
        map_method=method,
        map_size=len(shown),
        histogram=_histogram(rows, vectors, links),
        pairs=_pairs(rows, vectors, links),
        measured=measured,
        equal=equal,
        varied=_varied(rows, _Known(embedder.name, texts, vectors)),
    )


def _varied(rows: Sequence[Row], embedder: Embedder) -> DiversityReport | None:
    with_text = [row.replace(instruction=own_text(row)) for row in rows]
    return diversity_report(with_text, embedder) if find_spec("sklearn") else None


def _embed(texts: Sequence[str], embedder: Embedder) -> Vectors:
    different = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    vectors = np.asarray(embedder.embed(list(different)), dtype=np.float32)
    return vectors[[different[text] for text in texts]]


def _direct_links(rows: Sequence[Row], shown: list[int]) -> list[tuple[int, int]]:
    """Evolution and original, as places among the rows shown."""
    places = {rows[i].id: place for place, i in enumerate(shown)}
    return [
        (place, places[rows[i].parents[0]])
        for place, i in enumerate(shown)
        if rows[i].round and rows[i].parents and rows[i].parents[0] in places
    ]


def _histogram(
    rows: Sequence[Row], vectors: Vectors, links: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    nearest = nearest_similarities(vectors, apart_from=links)
    groups = {}
    for status, name in STATUS_NAMES.items():
        here = [i for i, row in enumerate(rows) if row.status == status]
        if here and len(nearest):
            values = nearest[here]
            groups[name] = values[~np.isnan(values)]
    return histogram(groups)


def _pairs(rows: Sequence[Row], vectors: Vectors, links: Sequence[tuple[int, int]]) -> list[Pair]:
    """The nearest pairs, without those of a row and its ancestor, which are near by design."""
    if len(rows) < 2:
        return []
    related = {frozenset(link) for link in links}
    found = nearest_pairs(vectors, _PAIRS + len(related))
    strangers = [(i, j, s) for i, j, s in found if frozenset((i, j)) not in related]
    return [Pair(float(s), rows[i], rows[j]) for i, j, s in strangers[:_PAIRS]]


def _diversities(
    rows: Sequence[Row], texts: Sequence[str], vectors: Vectors
) -> tuple[list[tuple[str, Diversity]], list[tuple[str, Diversity]]]:
    groups = {"all": list(range(len(rows)))}
    for status, name in STATUS_NAMES.items():
        groups[name] = [i for i, row in enumerate(rows) if row.status == status]
    groups = {
        name: here
        for name, here in groups.items()
        if here and (name == "all" or here != groups["all"])
    }
    sets = {name: ([texts[i] for i in here], vectors[here]) for name, here in groups.items()}
    measured = [(name, diversity(*one)) for name, one in sets.items()]
    size = min(_EQUAL_TO, *(len(here) for here in groups.values()), len(rows))
    if len(sets) < 2 or size < _EQUAL_FROM:
        return measured, []
    return measured, [(name, rarefied(*one, size)) for name, one in sets.items()]
