"""Builds the report: gathers the figures, fills the page's template, writes one file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jinja2
import markupsafe

from evolsynth.atomic import write
from evolsynth.doing import doing
from evolsynth.evaluation.diversity.measures import TITLES, Figure
from evolsynth.report.evolutions import compare, evolutions_of
from evolsynth.report.neighbourhood import STATUS_NAMES, Neighbourhood, plotly_script, survey
from evolsynth.report.tallies import (
    by_method,
    by_tier,
    count,
    fair_sample,
    kind_of,
    reasons_of,
    score_distributions,
    sentence_of,
)
from evolsynth.report.text import cut, embedded_text, headline, shorten, visible
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder
    from evolsynth.store.store import StepCounts

__all__ = ["build_report", "write_report"]

TABLE_LIMIT = 2000
EVOLUTION_LIMIT = 300
_FIELD_LIMIT = 20_000  # characters of one field shown in the table


@doing("making the report")
def build_report(
    rows: Sequence[Row],
    *,
    embedder: Embedder | None,
    title: str = "evolsynth report",
    run: Mapping[str, Any] | None = None,
    pipeline: Sequence[Any] = (),
    steps: Sequence[StepCounts] | None = None,
    steered: Sequence[str] = (),
) -> str:
    """Make the report on a run, or on any data set, as one HTML file that loads nothing else.

    The same rows, title, run facts and embedder give the same text on one machine.

    Args:
        rows: all planned rows, whatever became of them; rows without a verdict are "unchecked".
        embedder: makes the map, the diversity figures and the nearest pairs; without one they are
            left out, and the page says so.
        title: the page's heading.
        run: facts about the run, shown as a table in their order. From ``"seconds"`` (a number)
            the accepted rows per minute are worked out.
        pipeline: its boxes and branches, by `pipeline.labels.outline`.
        steps: what became of the rows at each step of the pipeline.
        steered: of a run that steered itself: what that gave, then what each look changed.

    Returns:
        HTML. All text of rows is escaped, and a content security policy forbids the page every
        request.
    """
    rows = list(rows)
    around, why_not = _look_around(rows, embedder)
    script = plotly_script() if around else None
    context = {
        **_outcome(rows, run or {}),
        **_evolved(rows),
        "title": title,
        "pipeline": pipeline,
        "steps": list(steps or ()),
        "steered": list(steered),
        "paid": sum(step.cost for step in steps or ()),
        "scores": score_distributions(rows),
        "around": around,
        "why_not": why_not,
        "figures": {"map": around.map, "nearest": around.histogram} if around and script else {},
        "plotly": script,
        "table": fair_sample(rows, TABLE_LIMIT),
        "statuses": _present(row.status for row in rows),
        "methods": _present(kind_of(row) for row in rows),
        "codes": _present(code for row in rows for code in codes_of(row)),
        "style": _resource("page.css"),
        "behaviour": _resource("page.js"),
    }
    return _environment().get_template("page.html.j2").render(context)


def write_report(
    path: str | os.PathLike[str],
    rows: Sequence[Row],
    *,
    embedder: Embedder | None,
    title: str = "evolsynth report",
    run: Mapping[str, Any] | None = None,
    pipeline: Sequence[Any] = (),
    steps: Sequence[StepCounts] | None = None,
    steered: Sequence[str] = (),
) -> Path:
    """Write `build_report`'s page and return its path. The file appears whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    page = build_report(
        rows,
        embedder=embedder,
        title=title,
        run=run,
        pipeline=pipeline,
        steps=steps,
        steered=steered,
    )
    write(path, [page])
    return Path(path)


def codes_of(row: Row) -> list[str]:
    """Why a row was rejected, or the error it failed with."""
    codes = list(row.verdict.reasons) if row.verdict else []
    return list(dict.fromkeys([*codes, *([row.failure.error] if row.failure else [])]))


def _outcome(rows: Sequence[Row], run: Mapping[str, Any]) -> dict[str, Any]:
    counts = count(rows)
    rejections, failures = reasons_of(rows)
    seconds = run.get("seconds")
    timed = isinstance(seconds, int | float) and seconds > 0
    return {
        "counts": counts,
        "groups": by_method(rows),
        "tiers": by_tier(rows),
        "rejections": rejections,
        "failures": failures,
        "pace": counts.accepted * 60 / seconds if timed and seconds else None,
        "run": {str(name): _fact(value) for name, value in run.items()},
    }


def _evolved(rows: Sequence[Row]) -> dict[str, Any]:
    pairs = evolutions_of(rows)
    parents = {row.id: parent for row, parent in pairs}
    shown = fair_sample([row for row, _ in pairs], EVOLUTION_LIMIT)
    return {
        "evolutions": [compare(row, parents[row.id]) for row in shown],
        "evolution_count": len(pairs),
    }


def _look_around(
    rows: Sequence[Row], embedder: Embedder | None
) -> tuple[Neighbourhood | None, str]:
    if embedder is None:
        return None, (
            "The map, the diversity figures and the nearest pairs are left out, because this "
            "report was made without an embedding model."
        )
    known = [row for row in rows if row.status != "failed" and embedded_text(row).strip()]
    around = survey(known, embedder) if known else None
    if around is None:
        return None, "There is no text to embed: the map and what belongs to it are left out."
    return around, ""


def _present(values: Any) -> list[str]:
    return list(dict.fromkeys(values))


def _fact(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_fact(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_fact(item) for item in value)
    return cut(str(value), 2000)


def _as_json(value: Any) -> str:
    return cut(json.dumps(value, ensure_ascii=False, default=str), 2000)


def _figure(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _interval(figure: Figure) -> str:
    digits = 1 if abs(figure.value) >= 10 else 3
    value = _figure(figure.value, digits)
    if figure.low is None or figure.high is None:
        return value
    return f"{value} ({_figure(figure.low, digits)}–{_figure(figure.high, digits)})"


def _thousands(value: int) -> str:
    return f"{value:,}" if value else "–"


def _money(amount: float) -> str:
    """As much of it as says something: to a hundredth, or four digits of what is less than one."""
    return "–" if not amount else f"{amount:,.2f}" if amount >= 1 else f"{amount:.4g}"


def _percent(part: float | None) -> str:
    return "–" if part is None else f"{part:.1%}"


def _resource(name: str) -> str:
    return files("evolsynth.report").joinpath(name).read_text("utf-8")


def _environment() -> jinja2.Environment:
    """All that is printed passes through `visible` and is then escaped, unless marked trusted."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource),
        autoescape=True,
        finalize=visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        figure=_figure,
        percent=_percent,
        money=_money,
        thousands=_thousands,
        interval=_interval,
        headline=headline,
        about=_about,
        cut=lambda text: cut(text, _FIELD_LIMIT),
        readable_json=_as_json,
        codes=codes_of,
        kind=kind_of,
        short=shorten,
        trusted=markupsafe.Markup,  # for what this package and plotly made only
    )
    environment.globals.update(
        sentence_of=sentence_of,
        status_name={**STATUS_NAMES, "failed": "failed"},
        figure_titles=TITLES,
    )
    return environment


def _about(row: Row) -> Any:
    """What to show of a row's text; what cuts it is loaded where a row has one."""
    if row.input is None:
        return SimpleNamespace(passages=[], origin="", others=row.extra)
    from evolsynth.report.about import about

    return about(row, _FIELD_LIMIT)
