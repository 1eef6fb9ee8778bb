"""Medians of readings, ratios of medians, and the ratios that evolsynth promises."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

import msgspec

from evals.throughput.cells import AGAINST, APART, ENGINE
from evals.throughput.jobs import Reading
from evals.throughput.rounds import Measured
from evolsynth.llm.llamacpp import DEFAULT_SLOTS

__all__ = ["Figure", "Promise", "best", "engine_of", "figure_of", "promises", "ratio", "share"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds; ``low`` and ``high`` are the extremes of tokens a second."""

    tokens_per_second: float
    rows_per_second: float
    low: float
    high: float


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """A ratio that is wanted, and what was measured (None: it was not)."""

    name: str
    wanted: float
    measured: float | None
    at_most: bool = False
    unit: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether it is as wanted; None if it was not measured."""
        if self.measured is None:
            return None
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted


def figure_of(readings: Sequence[Reading]) -> Figure | None:
    """The medians; None without readings."""
    if not readings:
        return None
    rates = [r.tokens / r.seconds for r in readings]
    return Figure(
        tokens_per_second=statistics.median(rates),
        rows_per_second=statistics.median(r.rows / r.seconds for r in readings),
        low=min(rates),
        high=max(rates),
    )


def best(found: Iterable[Measured]) -> Measured | None:
    """Whichever makes most tokens a second, by its median."""
    fast: tuple[float, Measured] | None = None
    for measured in found:
        figure = figure_of(measured.readings)
        if figure is not None and (fast is None or figure.tokens_per_second > fast[0]):
            fast = figure.tokens_per_second, measured
    return None if fast is None else fast[1]


def ratio(above: Measured | None, below: Measured | None, *, rows: bool = False) -> float | None:
    """How many times the one is as fast as the other, by the medians; None where one is missing."""
    first = None if above is None else figure_of(above.readings)
    second = None if below is None else figure_of(below.readings)
    if first is None or second is None:
        return None
    if rows:
        return first.rows_per_second / second.rows_per_second
    return first.tokens_per_second / second.tokens_per_second


def engine_of(found: Iterable[Measured], workload: str, against: str) -> Measured | None:
    """The engine's figure that others are compared with."""
    return best(
        m for m in _those(found, workload, ENGINE, against) if m.cell.arrangement.label != APART
    )


def share(found: Iterable[Measured]) -> tuple[float, float] | None:
    """The engine's own part of a step at 16 slots in one context: percent, and milliseconds.

    Its own part is what it worked without being inside llama.cpp's decoding.
    """
    parts: list[tuple[float, float]] = []
    for measured in _those(found, "decode", ENGINE, AGAINST[1]):
        layout = measured.cell.arrangement
        if layout.contexts != 1 or not layout.slots:
            continue
        for reading in measured.readings:
            busy, inside = (float(reading.details[k]) for k in ("seconds", "compute_seconds"))
            steps = reading.tokens / layout.slots
            parts.append((100 * (1 - inside / busy), 1000 * (busy - inside) / steps))
    if not parts:
        return None
    percent, milliseconds = zip(*parts, strict=True)
    return statistics.median(percent), statistics.median(milliseconds)


def promises(found: Sequence[Measured], *, avx512: bool) -> list[Promise]:
    """All that was promised, in the order of the workloads."""

    def engine(workload: str, against: str = AGAINST[0]) -> Measured | None:
        return engine_of(found, workload, against)

    def peer(workload: str, arm: str, against: str = AGAINST[0]) -> Measured | None:
        return best(_those(found, workload, arm, against))

    own = share(found)
    return [
        Promise(
            name="decode, 16 sequences in all: engine / ceiling",
            wanted=0.95,
            measured=ratio(engine("decode", AGAINST[1]), peer("decode", "ceiling", AGAINST[1])),
        ),
        Promise(
            name="decode, as the engine comes: engine / ceiling of that arrangement",
            wanted=0.95,
            measured=ratio(engine("decode"), _same_layout(found, engine("decode"))),
        ),
        Promise(
            name="decode: engine / llama-class",
            wanted=4.5 if avx512 else 2.5,
            measured=ratio(engine("decode"), peer("decode", "llama-class")),
        ),
        Promise(
            name="decode: engine / distilabel",
            wanted=5 if avx512 else 3.5,
            measured=ratio(engine("decode"), peer("decode", "distilabel")),
        ),
        Promise(
            name="evolve, rows: engine / llama-server",
            wanted=1.3,
            measured=ratio(engine("evolve"), peer("evolve", "llama-server"), rows=True),
        ),
        Promise(
            name="evolve: engine / llama-class",
            wanted=4 if avx512 else 2.6,
            measured=ratio(engine("evolve"), peer("evolve", "llama-class")),
        ),
        Promise(
            name="k4-long, rows: 4 candidates of a prompt / 4 different prompts",
            wanted=2,
            measured=ratio(engine("k4-long"), _apart(found), rows=True),
        ),
        Promise(
            name="decode, 16 slots in one context: the engine's own part of a step",
            wanted=3,
            measured=None if own is None else own[0],
            at_most=True,
            unit="%",
        ),
    ]


def _those(found: Iterable[Measured], workload: str, arm: str, against: str) -> list[Measured]:
    key = (workload, arm, against)
    return [m for m in found if (m.cell.workload, m.cell.arm, m.cell.against) == key]


def _apart(found: Iterable[Measured]) -> Measured | None:
    cells = _those(found, "k4-long", ENGINE, AGAINST[0])
    return best(m for m in cells if m.cell.arrangement.label == APART)


def _same_layout(found: Iterable[Measured], engine: Measured | None) -> Measured | None:
    """The ceiling with as many sequences, contexts and threads as the engine chose.

    What the engine chose is in its readings.
    """
    if engine is None:
        return None
    chosen = tuple(engine.readings[-1].details.get(key) for key in ("contexts", "threads"))
    return best(
        m
        for m in found
        if m.cell.arm == "ceiling"
        and m.cell.arrangement.slots == DEFAULT_SLOTS
        and (m.cell.arrangement.contexts, m.cell.arrangement.threads) == chosen
    )
