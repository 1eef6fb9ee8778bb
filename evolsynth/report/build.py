"""Builds the report: gathers the figures, fills the page's template, writes one file."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
import markupsafe

from evolsynth.atomic import write
from evolsynth.doing import doing
from evolsynth.evaluation.diversity.measures import TITLES, Figure
from evolsynth.findings import meaning
from evolsynth.flat import dump
from evolsynth.report.cells import cells, codes_of, evolutions_of, shown
from evolsynth.report.neighbourhood import Neighbourhood, survey
from evolsynth.report.tallies import (
    STATUS_NAMES,
    by_method,
    by_tier,
    count,
    fair_sample,
    kind_of,
    reasons_of,
    rejected_rows,
    rounds_of,
    score_distributions,
    sentence_of,
    twins_of,
    worth_reading,
)
from evolsynth.report.text import cut, embedded_text, headline, shorten, visible
from evolsynth.rows import Row
from evolsynth.store.status import AGAIN

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder
    from evolsynth.report.comparison import Comparison
    from evolsynth.store.store import StepCounts

__all__ = ["Live", "build_report", "comparison_page", "write_report"]

TABLE_LIMIT = 10_000
#: Facts of a run that stand at the top.
_MADE = ("model", "seed", "seconds", "seconds of this attempt", "tokens written", "ended")
_SCRIPTS = ("page.js", "rows.js", "reader.js", "marks.js", "map.js")


class Live(NamedTuple):
    """What a page that keeps itself up to date has beside a report.

    ``key`` names the run, for the marks that a browser keeps; ``tag`` the state that is shown;
    ``told`` says how the run stands; ``news`` is where the page asks for a newer state, and ``why``
    says why there is no map.
    """

    key: str
    tag: str
    told: str
    news: str
    why: str = ""


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
    live: Live | None = None,
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
        live: of a page that asks for newer states of itself.

    Returns:
        HTML. All text of rows is escaped, and a content security policy forbids the page every
        request, but those for a newer state to where it came from.
    """
    rows = list(rows)
    listed = fair_sample(rows, TABLE_LIMIT)
    around, why_not = _look_around(rows, listed, embedder)
    context = {
        **_outcome(rows, run or {}),
        "title": title,
        "pipeline": pipeline,
        "steps": list(steps or ()),
        "steered": list(steered),
        "paid": sum(step.cost for step in steps or ()),
        "scores": score_distributions(rows),
        "around": around,
        "why_not": live.why if live and live.why else why_not,
        "live": live,
        "listed": len(listed),
        "rounds": rounds_of(rows),
        "evolved": bool(evolutions_of(rows)) or any(row.round for row in rows),
        "twins": twins_of(rows),
        "worth": worth_reading(listed),
        "refused": rejected_rows(listed),
        "data": _data(rows, listed, around, live),
        **_assets(live is not None),
    }
    return _environment().get_template("page.html.j2").render(context)


def comparison_page(found: Comparison) -> str:
    """Two sets side by side, as one HTML file that loads nothing else and has no script."""
    from evolsynth.report.comparison import told

    title = " and ".join(found.names)
    context = {**_assets(), "title": f"{title}, compared", "found": found, "told": told}
    return _environment().get_template("compare.html.j2").render(context)


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


def _data(
    rows: Sequence[Row],
    listed: Sequence[Row],
    around: Neighbourhood | None,
    live: Live | None = None,
) -> markupsafe.Markup:
    """The rows as the page's script reads them, in JSON that ends no element of HTML."""
    known = {code: meaning(code) for row in listed for code in codes_of(row)}
    places = {id(row): place for place, row in enumerate(listed)}
    key = hashlib.blake2b("\n".join(row.id for row in rows).encode("utf-8", "replace"))
    data = {
        "key": key.hexdigest()[:16] if live is None else live.key,
        "rows": cells(rows, listed),
        "reasons": shown({c: [m.sentence, m.advice] for c, m in known.items() if m is not None}),
        "map": None
        if around is None
        else {
            "rows": [places[id(row)] for row in around.map.rows],
            "places": around.map.places,
            "links": around.map.links,
            "labels": around.map.labels,
            "regions": [[visible(r.words), r.rows, r.how] for r in around.map.regions],
        },
    }
    if live is not None:
        data["live"] = {"tag": live.tag, "news": live.news}
    text = dump(data)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return markupsafe.Markup(text)  # noqa: S704 (in JSON nothing is left that ends its element)


def _assets(live: bool = False) -> dict[str, Any]:
    """The style and the script of the page, and the policy that lets these alone be used."""
    style = _resource("page.css")
    parts = (*_SCRIPTS, "live.js") if live else _SCRIPTS
    script = "\n".join(['(() => {\n"use strict";', *map(_resource, parts), "})();"])
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    if live:
        policy += "; connect-src 'self'"
    return {"style": style, "behaviour": script, "policy": policy}


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


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
        "made": [(name, _fact(run[name])) for name in _MADE if run.get(name) is not None],
        "reviewed": _reviewed(rows),
        "again": run.get(AGAIN),
        "run": {str(name): _fact(value) for name, value in run.items() if name != AGAIN},
    }


def _reviewed(rows: Sequence[Row]) -> dict[str, int]:
    """How many rows a person has judged, and how many of them against the gate."""
    told = [row.verdict.details.get("reviewed") for row in rows if row.verdict]
    judged = [one for one in told if isinstance(one, Mapping) and one.get("mark")]
    return {"judged": len(judged), "overruled": sum("overruled" in one for one in judged)}


def _look_around(
    rows: Sequence[Row], listed: Sequence[Row], embedder: Embedder | None
) -> tuple[Neighbourhood | None, str]:
    if embedder is None:
        return None, (
            "The map, the diversity figures and the nearest pairs are left out, because this "
            "report was made without an embedding model."
        )
    known = [row for row in rows if row.status != "failed" and embedded_text(row).strip()]
    around = survey(known, embedder, listed) if known else None
    if around is None:
        return None, "There is no text to embed: the map and what belongs to it are left out."
    return around, ""


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
        codes=codes_of,
        kind=kind_of,
        short=shorten,
        visible=visible,
        trusted=markupsafe.Markup,  # for what this package made only
    )
    environment.globals.update(
        sentence_of=sentence_of,
        status_name=STATUS_NAMES,
        figure_titles=TITLES,
    )
    return environment
