"""What embeddings say about the rows: the map, the diversity figures, the nearest pairs.

The map and the histogram are plain data for plotly.js. Colours are left to the page, which knows
whether it is shown light or dark. Plotly reads a small HTML of its own in hover texts and legends,
so all text is escaped here as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evolsynth.evaluation.diversity.distances import Vectors, nearest_similarities, some
from evolsynth.evaluation.diversity.measures import NEAREST, Figures, diversity, rarefied
from evolsynth.evaluation.diversity.summary import DiversityReport, diversity_report
from evolsynth.evaluation.duplicates.index import nearest_pairs
from evolsynth.evaluation.embed.base import rough
from evolsynth.evaluation.text import MOST, told
from evolsynth.report.evolutions import lineage
from evolsynth.report.tallies import kind_of
from evolsynth.report.text import embedded_text, shorten, visible, wrapped
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["MAP_LIMIT", "STATUS_NAMES", "Neighbourhood", "Pair", "histogram", "hover_text"]
__all__ += ["map_places", "plotly_script", "scatter", "survey"]

_PAIRS = 10
#: Characters that an embedder reads for a report, some 20 s of MiniLM; beyond, its stand-in does.
EMBEDDED = 400_000
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
    ``embedder`` made the vectors, and ``notes`` say what was embedded roughly, or in part.
    ``varied`` is the report by method and round, None without scikit-learn.
    """

    size: int
    map: dict[str, Any]
    map_method: str
    map_size: int
    histogram: dict[str, Any]
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


def survey(rows: Sequence[Row], embedder: Embedder) -> Neighbourhood | None:
    """Embed the rows' own texts, each different text once, and measure.

    What would take an embedder too long is embedded by its fast stand-in; ``notes`` say so.
    None where that knows no word of any row.

    Args:
        rows: at least one, each with some text.
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
    shown = some(len(rows), MAP_LIMIT, 0)
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
        varied=_varied(rows, known),
        embedder=known.name,
        notes=notes,
    )


def _varied(rows: Sequence[Row], embedder: Embedder) -> DiversityReport | None:
    with_text = [row.replace(instruction=embedded_text(row), extra={}) for row in rows]
    return diversity_report(with_text, embedder) if find_spec("sklearn") else None


def _by_status(rows: Sequence[Row]) -> dict[str, list[int]]:
    """The places of the rows of each status that has any, by its name."""
    found = {
        name: [i for i, row in enumerate(rows) if row.status == status]
        for status, name in STATUS_NAMES.items()
    }
    return {name: here for name, here in found.items() if here}


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
    nearest = nearest_similarities(vectors, apart_from=links, sample=NEAREST)
    if not len(nearest):
        return histogram({})
    places = some(len(rows), NEAREST, 0)
    values = {name: nearest[np.isin(places, here)] for name, here in _by_status(rows).items()}
    return histogram({name: each[~np.isnan(each)] for name, each in values.items()})


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
) -> tuple[list[tuple[str, Figures]], list[tuple[str, Figures]]]:
    groups = {"all": list(range(len(rows)))}
    groups |= {name: here for name, here in _by_status(rows).items() if len(here) < len(rows)}
    sets = {name: ([texts[i] for i in here], vectors[here]) for name, here in groups.items()}
    measured = [(name, diversity(*one)) for name, one in sets.items()]
    size = min(_EQUAL_TO, *map(len, groups.values()))
    if len(sets) < 2 or size < _EQUAL_FROM:
        return measured, []
    return measured, [(name, rarefied(*one, size)) for name, one in sets.items()]


Points = npt.NDArray[np.float64]

MAP_LIMIT = 3000
_TSNE_FROM = 30
_BINS = 40
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "pentagon", "star", "cross", "hexagram")
STATUS_NAMES = {"accepted": "accepted", "rejected": "rejected", "pending": "unchecked"}


def plotly_script() -> str | None:
    """plotly.js as the installed plotly package carries it; ``None`` where it is not installed."""
    if find_spec("plotly") is None:
        return None
    from plotly.offline import get_plotlyjs

    # Inside a <script> these two would end it or change how it is read; in the source they can
    # only stand in string literals, where a backslash changes nothing.
    return str(get_plotlyjs()).replace("</script", "<\\/script").replace("<!--", "<\\!--")


def map_places(vectors: Vectors) -> tuple[Points, str]:
    """Lay texts out in the plane so that similar ones lie close.

    t-SNE (van der Maaten and Hinton, 2008), started from the first two principal components,
    with a fixed seed and one thread, so the same rows give the same map. Sets of fewer than 30
    different texts, and machines without scikit-learn, get the principal components themselves.

    Args:
        vectors: shape (n, d).

    Returns:
        Places, shape (n, 2), and the name of the method that made them.
    """
    different = len(np.unique(vectors, axis=0))
    if different < _TSNE_FROM or find_spec("sklearn") is None:
        return _principal(vectors), "principal components"
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


def scatter(
    rows: Sequence[Row], places: Points, links: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """The map: one trace per status and kind, and one of lines from evolutions to originals.

    Args:
        rows: n rows.
        places: shape (n, 2).
        links: pairs of indices into ``rows``.
    """
    xy = np.round(places, 3).tolist()
    kinds = list(dict.fromkeys(kind_of(row) for row in rows))
    traces = [_lines(xy, links)] if links else []
    for status, name in STATUS_NAMES.items():
        for number, kind in enumerate(kinds):
            here = [i for i, r in enumerate(rows) if r.status == status and kind_of(r) == kind]
            if here:
                symbol = _SYMBOLS[number % len(_SYMBOLS)]
                traces.append(_points(rows, xy, here, name, symbol))
    return {"data": traces, "layout": {"xaxis": _BARE_AXIS, "yaxis": _BARE_AXIS}}


#: The map's axes mean nothing: only nearness does.
_BARE_AXIS = {
    **dict.fromkeys(("showgrid", "zeroline", "showline", "showticklabels"), False),
    "ticks": "",
}


def _points(
    rows: Sequence[Row], xy: list[list[float]], here: list[int], status: str, symbol: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": _plain(f"{status} · {shorten(kind_of(rows[here[0]]), 40)}"),
        "x": [xy[i][0] for i in here],
        "y": [xy[i][1] for i in here],
        "text": [hover_text(rows[i]) for i in here],
        "customdata": [visible(rows[i].id) for i in here],
        "hoverinfo": "text",
        "meta": {"status": status},
        # Hollow marks tell the rejected rows apart without their colour.
        "marker": {"symbol": symbol + ("-open" if status == "rejected" else ""), "size": 9},
    }


def _lines(xy: list[list[float]], links: Sequence[tuple[int, int]]) -> dict[str, Any]:
    ends = [end for child, parent in links for end in (xy[child], xy[parent], (None, None))]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "evolved from",
        "x": [end[0] for end in ends],
        "y": [end[1] for end in ends],
        "hoverinfo": "skip",
        "meta": {"status": "line"},
        "line": {"width": 1},
    }


def hover_text(row: Row) -> str:
    """What the map says about a row, in plotly's HTML, all of the row's own text escaped."""
    reasons = ", ".join(row.verdict.reasons) if row.verdict else ""
    status = STATUS_NAMES.get(row.status, row.status)
    facts = f"{status} · {kind_of(row)}" + (f" · {reasons}" if reasons else "")
    lines = [_plain(line) for line in wrapped(embedded_text(row))]
    return "<br>".join([f"<b>{_plain(shorten(facts, 90))}</b>", *lines])


def _plain(text: str) -> str:
    """Text that plotly shows as it is: neither its HTML nor its ``%{...}`` templates work in it."""
    return escape(visible(text), quote=False).replace("%{", "&#37;{")


def histogram(groups: Mapping[str, npt.NDArray[np.float32]]) -> dict[str, Any]:
    """Stacked bars: how many rows of each status have their nearest other row how near.

    Args:
        groups: status name -> similarities, each in [-1, 1].
    """
    every = np.concatenate([*groups.values(), np.empty(0, np.float32)])
    low = min(0.0, np.floor(float(every.min()) * 10) / 10) if len(every) else 0.0
    edges = np.linspace(low, 1.0, _BINS + 1)
    centres = np.round((edges[:-1] + edges[1:]) / 2, 4).tolist()
    parts = [f"{left:.3f} to {right:.3f}" for left, right in pairwise(edges)]
    traces = []
    for status, values in groups.items():
        counts = np.histogram(values, edges)[0].tolist()
        traces.append(
            {
                "type": "bar",
                "name": status,
                "x": centres,
                "y": counts,
                "text": [f"{n} {status}, {part}" for n, part in zip(counts, parts, strict=True)],
                "textposition": "none",
                "hoverinfo": "text",
                "meta": {"status": status},
            }
        )
    layout = {
        "barmode": "stack",
        "bargap": 0.08,
        "xaxis": {"title": {"text": "similarity to the nearest other row"}, "range": [low, 1.0]},
        "yaxis": {"title": {"text": "rows"}, "rangemode": "tozero"},
    }
    return {"data": traces, "layout": layout}
