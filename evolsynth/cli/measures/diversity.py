"""``evolsynth diversity``: how varied a data set is, and what to ask for next."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evolsynth.atomic import writing
from evolsynth.cli.progress.screen import Screen
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.measures import TITLES, Figure, Whole
from evolsynth.evaluation.diversity.summary import DiversityReport, collect, measured
from evolsynth.evaluation.embed.base import Embedder, embedders
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.options import FilePath, Natural

__all__ = ["diversity"]

_MINILM_TO = 2000  # different texts that MiniLM embeds in some 10 to 40 s
_VERBS = 12

#: A file; without one, standard output.
JsonPath = Annotated[str, msgspec.Meta(extra={"path": "PATH", "alone": "-", "writes": "file"})]


def diversity(
    data: FilePath,
    *,
    reference: FilePath | None = None,
    by: str = "method,round",
    field: str = "instruction",
    all: bool = False,
    embedder: str | None = None,
    json: JsonPath | None = None,
    seed: Natural = 0,
    **reading: Any,
) -> int:
    """Say how varied a data set is, and what to ask for next.

    Figures by method and round at equal size, with intervals; root verbs; thin clusters. Accepted
    rows only, where rows have verdicts.

    Args:
        data: rows as JSON Lines; - for standard input.
        reference: rows to compare with.
        by: fields to group by, with commas between.
        field: what is measured.
        all: rejected and failed rows too.
        embedder: by its name (default: minilm up to 2,000 rows, static vectors made from it
            beyond).
        json: write all of it as JSON there, or to standard output instead of the tables.
        seed: of the draws.
        reading: see `file_origin`.
    """
    names = tuple(name.strip() for name in by.split(",") if name.strip())
    if data == "-" and reference == "-":
        raise InputError("Both files are standard input. Give one of them by its path.")
    how: Any = {"field": field, "by": names, "every": all, "seed": seed}
    own = collect(read_rows(data, **reading), **how)
    other = None if reference is None else collect(read_rows(reference, **reading), **how)
    if not own.texts:
        left = ", ".join(f"{count} {why}" for why, count in own.left_out.items()) or "empty file"
        none = (
            "no row was accepted, so there is no row"
            if own.status == "accepted"
            else "there is no row"
        )
        raise InputError(
            f"{data}: {none} to measure ({left}). Give another file, or --all for "
            "rejected rows too."
        )
    different = len({*own.texts, *(other.texts if other else ())})
    chosen, why = _chosen(embedder, different)
    report = measured(own, chosen, other, seed, by=names, field=field)
    console = Screen(stderr=json == "-", soft_wrap=True, highlight=False)
    if json is not None:
        with writing(json) as write:
            write(report.to_json())
    if json != "-":
        _show(Screen(highlight=False), report)
    for line in (why, *report.notes):
        console.print(escape(line))
    return 0


def _chosen(name: str | None, different: int) -> tuple[Embedder, str]:
    """The embedder, and a sentence about it."""
    if name not in (None, "minilm", "static"):
        other = embedders[str(name)]()
        return other, f"Vectors: {other.name}."
    minilm = MiniLM()
    if name == "static" or (name is None and different > _MINILM_TO):
        because = "" if name else f", as there are {different:,} different texts"
        rough = "Vectors: static, made from MiniLM"
        return (
            minilm.rough(),
            f"{rough}{because} (--embedder minilm takes about {different / 100:,.0f} s).",
        )
    if sys.stderr.isatty() and different > 500:
        print(f"Embedding {different:,} texts ...", file=sys.stderr)
    return minilm, "Vectors: MiniLM."


def _show(console: Console, report: DiversityReport) -> None:
    left = "".join(f", {count} {why}" for why, count in report.left_out.items())
    shown = "" if report.status == "all" else report.status + " "
    console.print(
        f"{report.whole.rows:,} {shown}rows measured{left and ' (left out' + left[1:] + ')'}."
    )
    console.print(_wholes(report))
    if report.equal_size is not None:
        console.print(_compared(report))
    console.print(_verbs(report))
    _thin(console, report)


def _wholes(report: DiversityReport) -> Table:
    sets = [report.whole, *([report.reference] if report.reference else [])]
    title = "Whole sets: not to be compared where the number of rows differs"
    table = _table(title, "figure", ">all", *([">reference"] if report.reference else []))
    table.add_row("rows", *(f"{one.rows:,}" for one in sets))
    for name, (title, _) in TITLES.items():
        values = [_value(one, name) for one in sets]
        if any(value is not None for value in values):
            table.add_row(title, *map(_number, values))
    for low, high in (("0.05", "0.95"), ("0.25", "0.75")):
        spreads = [one.nearest.quantiles for one in sets]
        ranges = (f"{_number(each.get(low))} to {_number(each.get(high))}" for each in spreads)
        table.add_row(f"nearest other, {float(low):.0%} to {float(high):.0%}", *ranges)
    return table


def _value(whole: Whole, name: str) -> float | None:
    median = name == "nearest_median"
    value: float | None = (
        whole.nearest.quantiles.get("0.5") if median else getattr(whole, name, None)
    )
    return value


def _compared(report: DiversityReport) -> Table:
    able = [group for group in report.groups if group.figures]
    table = _table(
        f"At {report.equal_size} rows each: value ± half of its {report.level:.0%} interval",
        "figure",
        *(f">{escape(group.name)}\n({group.rows:,})" for group in able),
    )
    table.add_column("more is", style="dim")
    for name, (title, meaning) in TITLES.items():
        table.add_row(title, *(_interval(group.figures.get(name)) for group in able), meaning)
    return table


def _verbs(report: DiversityReport) -> Table:
    whole = report.whole
    asked = ", ".join(f"{word} {count:,}" for word, count in list(whole.questions.items())[:6])
    table = _table(
        f"Root verbs ({whole.verb_share:.0%} of rows have one"
        + (f"; questions: {escape(asked)})" if asked else ")"),
        "verb",
        ">rows",
        "most frequent objects",
    )
    for one in whole.verbs[:_VERBS]:
        nouns = ", ".join(f"{noun} {count:,}" for noun, count in one.objects)
        table.add_row(escape(one.verb), f"{one.count:,}", escape(nouns))
    return table


def _thin(console: Console, report: DiversityReport) -> None:
    against = "the reference" if report.reference else "an even spread"
    if not report.thin:
        console.print(f"No cluster of {report.clusters} is thin beside {against}.")
        return
    title = f"What to ask for next: thin clusters beside {against}"
    table = _table(title, "about", ">rows", ">missing", "an example")
    for one in report.thin:
        shown = (*one.reference_examples, *one.examples, "")[0]
        line = shown if len(shown) <= 90 else shown[:89] + "…"
        about = ", ".join(one.words) or f"cluster {one.cluster}"
        table.add_row(escape(about), f"{one.rows:,}", f"{one.missing:,}", escape(line))
    console.print(table)


def _table(title: str, *heads: str) -> Table:
    """With these columns; ``>`` puts what is in one to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        right = head.startswith(">")
        table.add_column(head.lstrip(">"), justify="right" if right else "left", overflow="fold")
    return table


def _interval(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    if figure.low is None:
        return _number(figure.value)
    reach = max(figure.value - figure.low, (figure.high or 0) - figure.value)
    return f"{_number(figure.value)} ± {reach:.{1 if abs(figure.value) >= 10 else 3}f}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
