"""All figures of diversity of a set: whole, by method and round at equal size, against a reference.

`collect` reads the texts out of a stream of rows; `diversity_report` says in its ``notes`` what was
sampled, what was left out, and why.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.clusters import (
    Centres,
    TextSet,
    ThinCluster,
    Weights,
    find_clusters,
    label_words,
    thin_clusters,
)
from evolsynth.evaluation.diversity.distances import Vectors, some
from evolsynth.evaluation.diversity.measures import (
    BLEU,
    DRAWS,
    LEVEL,
    NEAREST,
    NOVEL,
    Figure,
    Measure,
    Whole,
    figures_at,
    whole,
)
from evolsynth.evaluation.diversity.ngrams import Places
from evolsynth.evaluation.embed.base import Embedder, knows
from evolsynth.evaluation.text import told
from evolsynth.evaluation.text.language import SCRIPTS, language
from evolsynth.evaluation.text.verbs import RootVerb, verb_table
from evolsynth.rows import Row

__all__ = ["BY", "DiversityReport", "Group", "Texts", "Whole", "collect", "diversity_report"]
__all__ += ["embedded", "measured"]

#: What rows are grouped by unless asked otherwise.
BY = ("method", "round")

_CHUNK = 4096


class Texts(NamedTuple):
    """n texts, the group of each, why other rows were left out, with their number, which rows
    count, "accepted", "unchecked" or "all", and of how many the n are, if they were drawn."""

    texts: list[str]
    groups: list[str]
    left_out: dict[str, int]
    status: str = "unchecked"
    of: int | None = None

    def at(self, places: Sequence[int]) -> Texts:
        """Some of the texts."""
        return self._replace(
            texts=[self.texts[i] for i in places], groups=[self.groups[i] for i in places]
        )


def collect(
    rows: Iterable[Row],
    *,
    field: str = "instruction",
    by: Sequence[str] = BY,
    every: bool = False,
    seed: int = 0,
) -> Texts:
    """Read the texts of rows; nothing else of a row is kept.

    Where any row has a verdict (or failed), only accepted rows count, unless ``every``. Of more
    than 100,000, that many are drawn as they come (Vitter 1985, algorithm R), so that rows may be
    more than memory holds.

    Args:
        rows: in any number.
        field: of the row, or of its extra fields. An instruction is measured by its `gist`, so that
            one task for sixty texts is sixty, and ten questions about one text are ten. That of a
            conversation is its first user turn.
        by: fields that rows are grouped by, as many as you like.
        every: count rejected, failed and unchecked rows too.
        seed: of the draws.

    Raises:
        InputError: no row has a text in the field.
    """
    accepted, unchecked = _Drawn(seed), _Drawn(seed)
    left: Counter[str] = Counter()
    fields: set[str] = set()
    for row in rows:
        text = _text(row, field)
        if not text.strip():
            left[f"no {field}"] += 1
            fields.update(row.extra if len(fields) < 50 else ())
        elif every or row.status in ("accepted", "pending"):
            kind = accepted if every or row.status == "accepted" else unchecked
            kind.add(text, row, by)
        else:
            left[row.status] += 1
    judged = accepted.count or left["rejected"] or left["failed"]
    chosen = accepted if judged else unchecked
    if judged and unchecked.count:
        left["unchecked"] = unchecked.count
    if not chosen.count and not judged and left[f"no {field}"]:
        found = f" Fields found: {', '.join(sorted(fields))}." if fields else ""
        raise InputError(f"No row has a text in its field '{field}'.{found} Name another field.")
    status = "all" if every else "accepted" if judged else "unchecked"
    reasons = {why: count for why, count in sorted(left.items()) if count}
    texts, groups = chosen.in_order()
    return Texts(texts, groups, reasons, status, chosen.count if chosen.count > MOST else None)


class _Drawn:
    """Texts and their groups: all, or as many as are measured, each as likely as any other."""

    def __init__(self, seed: int) -> None:
        self.count = 0
        self._chance = random.Random(seed)  # noqa: S311 - a draw is no secret
        self._kept: list[tuple[int, str, str]] = []

    def add(self, text: str, row: Row, by: Sequence[str]) -> None:
        """One more, which may take the place of another."""
        place = self.count if self.count < MOST else self._chance.randrange(self.count + 1)
        if place < MOST:
            self._kept[place : place + 1] = [(self.count, text, _group(row, by))]
        self.count += 1

    def in_order(self) -> tuple[list[str], list[str]]:
        """Those that are kept, as they came."""
        kept = sorted(self._kept)
        return [text for _, text, _ in kept], [group for _, _, group in kept]


def embedded(texts: Texts, embedder: Embedder) -> tuple[Texts, Vectors]:
    """The texts with their vectors, shape (n, d), each different text embedded once.

    Texts in letters that the embedder has not learnt have vectors of their letters (`of_letters`).
    Texts that have no vector (static vectors of a text without a token) are left out.
    """
    places = {text: place for place, text in enumerate(dict.fromkeys(texts.texts))}
    different = list(places)
    parts = [
        np.asarray(embedder.embed(different[start : start + _CHUNK]), np.float32)
        for start in range(0, len(different), _CHUNK)
    ]
    if not parts:
        return texts, np.empty((0, 1), np.float32)
    vectors = np.concatenate(parts)
    unread = [place for text, place in places.items() if not knows(embedder, text)]
    if unread:
        from evolsynth.evaluation.diversity.letters import of_letters

        vectors[unread] = of_letters([different[place] for place in unread], vectors.shape[1])
    if len(places) < len(texts.texts):
        vectors = vectors[[places[text] for text in texts.texts]]
    good = np.linalg.norm(vectors, axis=1) > 0.5
    if good.all():
        return texts, vectors
    left = {**texts.left_out, "no vector": int((~good).sum())}
    return texts.at(np.flatnonzero(good).tolist())._replace(left_out=left), vectors[good]


def _text(row: Row, field: str) -> str:
    if field == "instruction":
        turns = (turn.content for turn in row.messages if turn.role == "user")
        if not row.around:
            return row.instruction or next(turns, "")
        from evolsynth.evaluation.text.gist import gist

        return gist(row) or next(turns, "")
    value = _value(row, field)
    return value if isinstance(value, str) else ""


def _group(row: Row, by: Sequence[str]) -> str:
    """ "evol_instruct, round 1"; round 0 goes unsaid beside a method, as in the report."""
    parts = []
    for name in by:
        value = _value(row, name)
        if name == "round" and "method" in by and not value:
            continue
        parts.append(str(value) if name == "method" else f"{name} {value}")
    return ", ".join(parts)


def _value(row: Row, field: str) -> Any:
    if field in row.extra:
        return row.extra[field]
    return getattr(row, field, None) if field in Row.__struct_fields__ else None


MOST = 100_000  # texts measured of a larger set
EQUAL_FROM, EQUAL_TO = 20, 300  # texts of a draw when groups are compared
_POOL = 5_000  # texts of a group that draws are made from
_REFERENCE = 10_000  # texts that densities and the clusters' words are taken from
_GROUPS = 20
_DIGITS = 6


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One method and round (or "all", or "reference").

    ``figures`` are at the report's ``equal_size``, so they may be compared; empty where the group
    is too small for it. ``verb_objects`` among them is the share of different roots: verb with
    object, or the first word of a question.
    """

    name: str
    rows: int
    figures: dict[str, Figure | None]
    verbs: tuple[RootVerb, ...]


class DiversityReport(msgspec.Struct, frozen=True, kw_only=True):
    """How varied a set is.

    ``status`` says which rows count ("accepted", "unchecked" or "all"), ``left_out`` counts the
    others by why they do not. ``equal_size`` is the number of texts of
    each draw behind the groups' figures (None: nothing to compare), ``draws`` how many there were,
    ``level`` the share of cases in which an interval holds. ``clusters`` is how many clusters
    there are, ``thin`` those to ask more for.
    """

    embedder: str
    field: str
    by: tuple[str, ...]
    seed: int
    status: str
    left_out: dict[str, int]
    notes: tuple[str, ...]
    whole: Whole
    reference: Whole | None
    equal_size: int | None
    draws: int
    level: float
    groups: tuple[Group, ...]
    clusters: int
    thin: tuple[ThinCluster, ...]

    def to_json(self) -> str:
        """The whole report as a JSON object of many lines, numbers to six digits."""
        rounded = _rounded(msgspec.to_builtins(self))
        return msgspec.json.format(msgspec.json.encode(rounded)).decode() + "\n"


def diversity_report(
    rows: Iterable[Row],
    embedder: Embedder,
    reference: Iterable[Row] | None = None,
    seed: int = 0,
    *,
    by: Sequence[str] = BY,
    field: str = "instruction",
    every: bool = False,
) -> DiversityReport:
    """Measure how varied rows are, in groups of equal size, and where they are thin.

    The same rows, reference, embedder and seed give the same figures on one machine. Of each row
    only the text and the group are kept; of more than 100,000, that many are drawn.

    Args:
        rows: where any has a verdict, only accepted ones count (see ``every``).
        embedder: makes the vectors; `StaticVectors` for large sets.
        reference: rows of a set to compare with, from which clusters and densities are taken.
        seed: of all draws.
        by: fields that rows are grouped by.
        field: the field that is measured.
        every: count rejected, failed and unchecked rows too.

    Raises:
        InputError: no row has a text in ``field``.
        SetupError: scikit-learn, or the embedder, is missing.
    """
    how: Any = {"field": field, "by": by, "every": every, "seed": seed}
    own = collect(rows, **how)
    other = None if reference is None else collect(reference, **how)
    return measured(own, embedder, other, seed, by=by, field=field)


def measured(
    own: Texts,
    embedder: Embedder,
    other: Texts | None = None,
    seed: int = 0,
    *,
    by: Sequence[str] = BY,
    field: str = "instruction",
) -> DiversityReport:
    """`diversity_report` of texts that were collected before; ``other`` are the reference's."""
    notes: list[str] = []
    own, vectors = _embedded(own, embedder, notes)
    their_vectors = vectors
    if other is not None:
        other, their_vectors = _embedded(other, embedder, notes)
        if not other.texts:
            notes.append("The reference has no texts to compare with.")
            other = None
    dense, fitted = (vectors, own) if other is None else (their_vectors, other)
    centres = find_clusters(dense, seed=seed) if fitted.texts else np.zeros((1, 1), np.float32)
    mine = TextSet.of(own.texts, own.groups, vectors, centres)
    theirs = (
        None if other is None else TextSet.of(other.texts, other.groups, their_vectors, centres)
    )
    reached = np.bincount((theirs or mine).labels, minlength=len(centres))
    weights = reached / max(1, len(fitted.texts))
    around = dense[some(len(dense), _REFERENCE, seed)]
    _say_languages([*mine.texts, *(theirs.texts if theirs else ())], embedder, notes)
    size, groups = _groups(mine, theirs, around, weights, seed, notes)
    _say_samples(mine, theirs, notes)
    return DiversityReport(
        embedder=embedder.name,
        field=field,
        by=tuple(by),
        seed=seed,
        status=own.status,
        left_out=own.left_out,
        notes=tuple(notes),
        whole=whole(mine, around, weights, seed),
        reference=None if theirs is None else whole(theirs, around, weights, seed),
        equal_size=size,
        draws=DRAWS,
        level=LEVEL,
        groups=groups,
        clusters=len(centres),
        thin=_thin(mine, theirs, centres, seed),
    )


def _embedded(found: Texts, embedder: Embedder, notes: list[str]) -> tuple[Texts, Vectors]:
    if found.of is not None:
        drawn = len(found.texts)
        notes.append(f"Of {found.of:,} texts {drawn:,}, drawn at random, are measured.")
    notes += told(set(found.texts))
    return embedded(found, embedder)


def _groups(
    mine: TextSet,
    theirs: TextSet | None,
    around: Vectors,
    weights: Weights,
    seed: int,
    notes: list[str],
) -> tuple[int | None, tuple[Group, ...]]:
    counts = Counter(mine.groups)
    named: list[tuple[str, TextSet, Places]] = []
    if mine.texts:
        named.append(("all", mine, np.arange(len(mine.texts))))
    chosen = sorted(counts, key=lambda name: (-counts[name], name))[:_GROUPS]
    if len(counts) > _GROUPS:
        notes.append(f"Of {len(counts)} groups the {_GROUPS} largest are shown.")
    if len(counts) > 1:
        everyone = np.array(mine.groups)
        named += [(n, mine, np.flatnonzero(everyone == n)) for n in sorted(chosen)]
    if theirs is not None:
        named.append(("reference", theirs, np.arange(len(theirs.texts))))
    small = [name for name, _, places in named if len(places) < EQUAL_FROM]
    able = [len(places) for _, _, places in named if len(places) >= EQUAL_FROM]
    if small:
        notes.append(f"Fewer than {EQUAL_FROM} texts, too few to compare: {', '.join(small)}.")
    size = min([EQUAL_TO, *able]) if able else None
    if size is not None:
        notes.append(
            f"Groups are compared at {size} texts each: means of {DRAWS} draws without "
            f"replacement, with {LEVEL:.0%} intervals from the spread of such draws."
        )
    groups = []
    for name, side, places in named:
        roots = [side.roots[i] for i in places.tolist()]
        figures: dict[str, Figure | None] = {}
        if size is not None and len(places) >= EQUAL_FROM:
            pool = places[some(len(places), _POOL, seed)]
            measure = Measure(side, pool, around, weights)
            figures = figures_at(measure, len(pool), size, seed)
        groups.append(
            Group(name=name, rows=len(places), figures=figures, verbs=verb_table(roots, verbs=5))
        )
    return size, tuple(groups)


def _thin(
    mine: TextSet, theirs: TextSet | None, centres: Centres, seed: int
) -> tuple[ThinCluster, ...]:
    if not mine.texts:
        return ()
    texts: list[str] = []
    labels: list[int] = []
    for side in (mine, theirs) if theirs else (mine,):
        for place in some(len(side.texts), _REFERENCE, seed).tolist():
            texts.append(side.texts[place])
            labels.append(int(side.labels[place]))
    words = label_words(texts, np.array(labels, np.intp), len(centres))
    return thin_clusters(mine, theirs, centres, words)


def _say_languages(texts: Sequence[str], embedder: Embedder, notes: list[str]) -> None:
    """How many texts are in a language that root verbs and perhaps the vectors know nothing of."""
    found = [language(text) for text in texts if not text.isascii()]
    others = sum(code not in (None, "en") for code in found)
    unread = sum(not knows(embedder, text) for text in texts)
    strange = sum(code in SCRIPTS for code in found) if not unread else 0
    if others:
        notes.append(f"Root verbs are told of English alone: {others:,} texts are not in it.")
    if unread:
        notes.append(
            f"{unread:,} texts are in letters that {embedder.name} has not learnt: their vectors "
            "are of pairs of characters, so figures from vectors (Vendi, NovelSum, distances, "
            "clusters) tell how alike they are written, not what they mean."
        )
    if strange:
        notes.append(
            f"{strange:,} texts are in other letters than Latin ones: figures from vectors (Vendi, "
            f"NovelSum, distances, clusters) say as much of them as {embedder.name} knows of their "
            "languages; those from words hold for all."
        )


def _say_samples(mine: TextSet, theirs: TextSet | None, notes: list[str]) -> None:
    largest = max(len(mine.texts), len(theirs.texts) if theirs else 0)
    if largest > NEAREST:
        notes.append(
            f"Nearest distances of whole sets are those of {NEAREST:,} of the texts, drawn at "
            "random, each to its nearest among all."
        )
    if largest > NOVEL:
        notes.append(
            f"NovelSum of whole sets is the mean over {NOVEL:,} of the texts, each against all."
        )
    if largest > BLEU:
        notes.append(f"Self-BLEU of whole sets is that of {BLEU:,} of the texts.")
    if largest > _POOL:
        notes.append(f"The draws of a group are made from at most {_POOL:,} of its texts.")
    fitted = len(theirs.texts) if theirs else len(mine.texts)
    if fitted > _REFERENCE:
        notes.append(
            f"Clusters, their words and densities are taken from {_REFERENCE:,} of the texts."
        )


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
