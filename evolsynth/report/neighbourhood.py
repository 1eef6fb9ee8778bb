"""What embeddings say about the rows: the map, the diversity figures, the nearest pairs.

The map is plain data that the page draws on a canvas, the histogram what its template draws as SVG.
Colours are left to the page, which knows whether it is shown light or dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from evolsynth.evaluation.diversity.clusters import find_clusters, label_words, nearest
from evolsynth.evaluation.diversity.distances import (
    Vectors,
    nearest_pairs,
    nearest_similarities,
    one_thread,
    some,
)
from evolsynth.evaluation.diversity.measures import NEAREST, Figures, diversity, rarefied
from evolsynth.evaluation.diversity.summary import DiversityReport, diversity_report
from evolsynth.evaluation.embed.base import rough
from evolsynth.evaluation.text import MOST, told
from evolsynth.report.tallies import STATUS_NAMES
from evolsynth.report.text import embedded_text
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["MAP_LIMIT", "Bar", "Map", "Neighbourhood", "Pair", "Region"]
__all__ += ["histogram", "lineage", "map_places", "regions", "survey"]

_PAIRS = 10
#: Characters that an embedder reads for a report, some 20 s of MiniLM; beyond, its stand-in does.
EMBEDDED = 400_000
_EQUAL_FROM, _EQUAL_TO = 5, 500  # rows of a draw when sets of different size are compared


class Pair(NamedTuple):
    """Two rows and their cosine similarity."""

    similarity: float
    one: Row
    other: Row


class Region(NamedTuple):
    """A part of the map: the words that tell it from the others, how many rows lie there, and
    whether they are "thin" (below half of an even spread), "crowded" (above twice), or neither."""

    words: str
    rows: int
    how: str


class Map(NamedTuple):
    """Rows in the plane: where each lies, in which region (none without scikit-learn), and pairs of
    places in ``rows``, an evolution and its original."""

    rows: list[Row]
    places: list[list[float]]
    links: list[tuple[int, int]]
    labels: list[int]
    regions: list[Region]
    method: str


class Bar(NamedTuple):
    """How many rows of each status have a similarity from ``low`` to ``high``."""

    low: float
    high: float
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())


class Neighbourhood(NamedTuple):
    """Everything the page shows that needs embeddings, of ``size`` rows.

    The ``histogram`` has a bar for each part of the range of similarities. ``measured``
    and ``equal`` are (name, figures): of whole groups, and of draws of equal size from them.
    ``embedder`` made the vectors, and ``notes`` say what was embedded roughly, or in part.
    ``varied`` is the report by method and round, None without scikit-learn.
    """

    size: int
    map: Map
    histogram: list[Bar]
    pairs: list[Pair]
    measured: list[tuple[str, Figures]]
    equal: list[tuple[str, Figures]]
    varied: DiversityReport | None
    embedder: str
    notes: tuple[str, ...]


class _Known:
    """An embedder that embeds each different text once, before."""

    def __init__(self, texts: Sequence[str], embedder: Embedder) -> None:
        self.name = embedder.name
        self._places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        self._vectors = np.asarray(embedder.embed(list(self._places)), dtype=np.float32)

    def has_vector(self, text: str) -> bool:
        """Whether a text has a vector; by static ones, one without a token has none."""
        return bool(self._vectors[self._places[text]].any())

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Their vectors, shape (n, d)."""
        return self._vectors[[self._places[text] for text in texts]]


def survey(
    rows: Sequence[Row], embedder: Embedder, listed: Sequence[Row] | None = None
) -> Neighbourhood | None:
    """Embed the rows' own texts, each different text once, and measure.

    What would take an embedder too long is embedded by its fast stand-in; ``notes`` say so.
    None where that knows no word of any row.

    Args:
        rows: at least one, each with some text.
        listed: those of the rows that the page lists; only they are on its map. By default all.
    """
    texts = [embedded_text(row) for row in rows]
    different = set(texts)
    notes = told(different)
    if sum(min(len(text), MOST) for text in different) > EMBEDDED and rough(embedder) != embedder:
        whole, embedder = embedder.name, rough(embedder)
        notes = (
            f"The {len(different):,} different texts are embedded by '{embedder.name}', the fast "
            f"stand-in of '{whole}': they have more than {EMBEDDED:,} characters together.",
            *notes,
        )
    known = _Known(texts, embedder)
    rows = [row for row, text in zip(rows, texts, strict=True) if known.has_vector(text)]
    if not rows:
        return None
    if len(rows) < len(texts):
        notes = (*notes, f"{len(texts) - len(rows):,} rows without a word are left out.")
        texts = [embedded_text(row) for row in rows]
    if len(rows) > NEAREST:
        notes = (
            *notes,
            f"The similarity to the nearest other row is that of {NEAREST:,} of the rows, drawn at "
            "random, each to its nearest among all.",
        )
    vectors = known.embed(texts)
    links = lineage(rows)
    measured, equal = _diversities(rows, texts, vectors)
    return Neighbourhood(
        size=len(rows),
        map=_map(rows, texts, vectors, rows if listed is None else listed),
        histogram=_histogram(rows, vectors, links),
        pairs=_pairs(rows, vectors, links),
        measured=measured,
        equal=equal,
        varied=_varied(rows, known),
        embedder=known.name,
        notes=notes,
    )


def _varied(rows: Sequence[Row], embedder: Embedder) -> DiversityReport | None:
    with_text = [row.replace(instruction=embedded_text(row), messages=(), extra={}) for row in rows]
    return diversity_report(with_text, embedder) if find_spec("sklearn") else None


def _by_status(rows: Sequence[Row]) -> dict[str, list[int]]:
    """The places of the rows of each status that has any, by its name."""
    found = {
        name: [i for i, row in enumerate(rows) if row.status == status]
        for status, name in STATUS_NAMES.items()
    }
    return {name: here for name, here in found.items() if here}


@one_thread()
def _map(rows: Sequence[Row], texts: Sequence[str], vectors: Vectors, listed: Sequence[Row]) -> Map:
    # two rows of a file may have one id: objects are told apart
    known = {id(row) for row in listed}
    able = np.array([i for i, row in enumerate(rows) if id(row) in known], np.intp)
    shown = able[some(len(able), MAP_LIMIT, 0)]
    here = [rows[i] for i in shown]
    places, method = map_places(vectors[shown])
    labels, found = regions([texts[i] for i in shown], vectors[shown])
    spread = np.round(places, 3).tolist()
    return Map(here, spread, _direct_links(here), labels, found, method)


def _direct_links(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Evolution and original, as places among the rows."""
    places = {row.id: place for place, row in enumerate(rows)}
    return [
        (place, places[row.parents[0]])
        for place, row in enumerate(rows)
        if row.round and row.parents and row.parents[0] in places
    ]


def regions(texts: Sequence[str], vectors: Vectors) -> tuple[list[int], list[Region]]:
    """The region of each text, and what each region is; none of few texts or without scikit-learn.

    Args:
        texts: n of them.
        vectors: shape (n, d).
    """
    if len(texts) < _REGIONS_FROM or find_spec("sklearn") is None:
        return [], []
    centres = find_clusters(vectors, k=min(_REGIONS, round(len(texts) ** 0.5 / 2)))
    labels, k = nearest(vectors, centres), len(centres)
    counts, even = np.bincount(labels, minlength=k).tolist(), len(texts) / k
    told = [
        Region(
            ", ".join(words),
            count,
            "thin" if count < even / 2 else "crowded" if count > even * 2 else "",
        )
        for words, count in zip(label_words(texts, labels, k, most=3), counts, strict=True)
    ]
    order = sorted(range(k), key=lambda c: (-counts[c], c))  # the largest have the first colours
    new = {old: place for place, old in enumerate(order)}
    return [new[label] for label in labels.tolist()], [told[c] for c in order]


@one_thread()
def _histogram(
    rows: Sequence[Row], vectors: Vectors, links: Sequence[tuple[int, int]]
) -> list[Bar]:
    near = nearest_similarities(vectors, apart_from=links, sample=NEAREST)
    if not len(near):
        return histogram({})
    places = some(len(rows), NEAREST, 0)
    values = {name: near[np.isin(places, here)] for name, here in _by_status(rows).items()}
    return histogram({name: each[~np.isnan(each)] for name, each in values.items()})


@one_thread()
def _pairs(rows: Sequence[Row], vectors: Vectors, links: Sequence[tuple[int, int]]) -> list[Pair]:
    """The nearest pairs, without those of a row and its ancestor, which are near by design."""
    if len(rows) < 2:
        return []
    found = nearest_pairs(vectors, _PAIRS, apart_from=links)
    return [Pair(s, rows[i], rows[j]) for i, j, s in found]


@one_thread()
def _diversities(
    rows: Sequence[Row], texts: Sequence[str], vectors: Vectors
) -> tuple[list[tuple[str, Figures]], list[tuple[str, Figures]]]:
    groups = {"all": list(range(len(rows)))}
    groups |= {name: here for name, here in _by_status(rows).items() if len(here) < len(rows)}
    sets = {name: ([texts[i] for i in here], vectors[here]) for name, here in groups.items()}
    measured = [(name, diversity(*one)) for name, one in sets.items()]
    size = min(_EQUAL_TO, *map(len, groups.values()))
    if len(sets) < 2 or size < _EQUAL_FROM:
        return measured, []
    return measured, [(name, rarefied(*one, size)) for name, one in sets.items()]


def lineage(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """(place of a row, place of one of its ancestors), all the way up; cycles are survived."""
    places = {row.id: place for place, row in enumerate(rows)}
    links = []
    for place, row in enumerate(rows):
        seen = {row.id}
        above = list(row.parents)
        while above:
            name = above.pop()
            if name in seen or name not in places:
                continue
            seen.add(name)
            links.append((place, places[name]))
            above += rows[places[name]].parents
    return links


Points = npt.NDArray[np.float64]

MAP_LIMIT = 3000
_TSNE_FROM = 30
_REGIONS_FROM = 20
_REGIONS = 24
_BINS = 40


def map_places(vectors: Vectors) -> tuple[Points, str]:
    """Lay texts out in the plane so that similar ones lie close.

    UMAP (McInnes, Healy and Melville, 2018) where it is installed, else t-SNE (van der Maaten and
    Hinton, 2008), started from the first two principal components, with a fixed seed and one
    thread, so the same rows give the same map. Sets of fewer than 30 different texts, and machines
    without either, get the principal components themselves.

    Args:
        vectors: shape (n, d).

    Returns:
        Places, shape (n, 2), and the name of the method that made them.
    """
    different = len(np.unique(vectors, axis=0))
    if different < _TSNE_FROM or find_spec("sklearn") is None:
        return _principal(vectors), "principal components"
    if find_spec("umap") is not None:
        from umap import UMAP

        placed = UMAP(random_state=0, init="pca", metric="cosine", n_jobs=1).fit_transform(vectors)
        return np.asarray(placed, dtype=np.float64), "UMAP"
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

    layout = TSNE(
        random_state=0,
        init="pca",
        metric="euclidean",
        perplexity=min(30.0, (len(vectors) - 1) / 3),
        # Large maps settle well enough in half of the usual steps, which are most of the time.
        max_iter=1000 if len(vectors) <= 1000 else 500,
        n_jobs=1,
    )
    with threadpool_limits(limits=1):
        return np.asarray(layout.fit_transform(vectors), dtype=np.float64), "t-SNE"


def _principal(vectors: Vectors) -> Points:
    places = np.zeros((len(vectors), 2))
    if len(vectors) < 2:
        return places
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    for column, axis in enumerate(axes[:2]):
        # An axis has no sign of its own: point it where its largest component is positive.
        places[:, column] = centred @ (axis * np.sign(axis[np.argmax(np.abs(axis))] or 1.0))
    return places


def histogram(groups: Mapping[str, npt.NDArray[np.float32]]) -> list[Bar]:
    """How many rows of each status have their nearest other row how near.

    Args:
        groups: status name -> similarities, each in [-1, 1].
    """
    every = np.concatenate([*groups.values(), np.empty(0, np.float32)])
    if not len(every):
        return []
    low = min(0.0, np.floor(float(every.min()) * 10) / 10)
    edges = np.linspace(low, 1.0, _BINS + 1)
    counts = {name: np.histogram(values, edges)[0].tolist() for name, values in groups.items()}
    return [
        Bar(float(left), float(right), {name: each[place] for name, each in counts.items()})
        for place, (left, right) in enumerate(pairwise(edges))
    ]
