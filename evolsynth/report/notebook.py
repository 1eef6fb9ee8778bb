"""Rows, findings and runs as a notebook shows them: small tables, all foreign text escaped.

What ``_repr_html_`` of these objects gives. Nothing is loaded from anywhere, and no script runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from evolsynth.findings import Finding, advise, explain
from evolsynth.report.text import cut, own_text, visible
from evolsynth.rows import Row, Verdict

__all__ = ["finding_html", "html_of", "row_html", "rows_html", "run_html", "verdict_html"]

#: Characters of a text in a table of rows, and in a row that is shown alone.
_SHORT, _LONG = 240, 4000
_ROWS = 20
_COLOURS = {"accepted": "#1a7f37", "rejected": "#9a6700", "failed": "#cf222e", "pending": "#6e7781"}
_TEXT = "text-align:left;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere"
_NUMBER = "text-align:right"


def html_of(what: Row | Verdict | Finding) -> str:
    """What shows it."""
    if isinstance(what, Row):
        return row_html(what)
    return verdict_html(what) if isinstance(what, Verdict) else finding_html(what)


def row_html(row: Row) -> str:
    """All that a person reads of a row, a line for each field."""
    lines = [("", _status(row))]
    if row.system:
        lines.append(("system", _text(row.system)))
    lines.append(("instruction", _text(row.instruction or "")))
    if row.beside is not None:
        lines.append(("input", _text(row.beside)))
    if row.response is not None:
        lines.append(("response", _text(row.response)))
    if row.messages and (not row.instruction or len(row.messages) > 2):
        lines += [(turn.role, _text(turn.content)) for turn in row.messages]
    if row.verdict is not None and row.verdict.reasons:
        lines.append(("because", verdict_html(row.verdict)))
    if row.failure is not None:
        failure = row.failure
        told = f"in {failure.step}: {failure.error}: {failure.message}"
        lines.append(("failed", _text(told)))
    told = f"{row.method}, round {row.round}" if row.round else row.method
    lines.append(("made by", _text(f"{told}; id {row.id}")))
    return _table((), [(f"<b>{_text(name)}</b>", text) for name, text in lines])


def rows_html(rows: Sequence[Row], *, most: int = _ROWS) -> str:
    """The first rows as a table, and how many there are."""
    shown = [
        (
            _status(row),
            _text(own_text(row), _SHORT),
            _text(row.response or "", _SHORT),
            _text(row.method),
            _reasons(row.verdict),
        )
        for row in rows[:most]
    ]
    more = f"<p>{most:,} of {len(rows):,} rows.</p>" if len(rows) > most else ""
    if not rows:
        return "<p>No rows.</p>"
    return _table(("", "instruction", "response", "method", "because"), shown) + more


def verdict_html(verdict: Verdict) -> str:
    """What speaks against a row, each reason with its sentence and what was found; or what an
    accepted one stands on."""
    if not verdict.reasons:
        tier = "" if verdict.tier is None else f", {verdict.tier}"
        stands = f": {', '.join(verdict.stands_on)}" if verdict.stands_on else ""
        return _text(f"{'accepted' if verdict.accepted else 'rejected'}{tier}{stands}")
    found = [Finding(code, _detail(verdict.details.get(code))) for code in verdict.reasons]
    return "<br>".join(map(_finding, found))


def finding_html(finding: Finding) -> str:
    """What a check found, what that means, and what to change where it rejects many rows."""
    return f"<p>{_finding(finding)}<br><i>{_text(advise(finding.code))}</i></p>"


def run_html(
    title: str,
    heads: Sequence[str],
    counts: Iterable[Sequence[Any]],
    notes: Iterable[str],
    files: Mapping[str, Any],
) -> str:
    """How a run stands or ended: a table of numbers, a line for each note, and its files."""
    numbers = [[_text(f"{n:,}" if isinstance(n, int) else n) for n in line] for line in counts]
    told = "".join(f"<p>{_text(note)}</p>" for note in notes if note)
    places = [(f"<b>{_text(name)}</b>", _text(place)) for name, place in files.items()]
    return (
        f"<p><b>{_text(title)}</b></p>"
        + _table(heads, numbers, numbers=True)
        + told
        + (_table((), places) if places else "")
    )


def _detail(detail: Any) -> dict[str, Any]:
    if detail is None:
        return {}
    return dict(detail) if isinstance(detail, Mapping) else {"found": detail}


def _finding(finding: Finding) -> str:
    found = ", ".join(f"{name}: {value}" for name, value in finding.detail.items())
    more = f" <span style='color:#6e7781'>({_text(found, _SHORT)})</span>" if found else ""
    return f"<b>{_text(finding.code)}</b>: {_text(explain(finding.code))}{more}"


def _reasons(verdict: Verdict | None) -> str:
    return "" if verdict is None else _text(", ".join(verdict.reasons))


def _status(row: Row) -> str:
    tier = "" if row.verdict is None or row.verdict.tier is None else f", {row.verdict.tier}"
    told = "under way" if row.status == "pending" else row.status
    return f"<span style='color:{_COLOURS[row.status]}'>{_text(told + tier)}</span>"


def _text(value: Any, most: int = _LONG) -> str:
    """Somebody's text, which neither steers the page nor hides anything."""
    return escape(str(visible(cut(str(value), most))), quote=True)


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]], *, numbers: bool = False) -> str:
    """A table of cells that are HTML already."""
    style = _NUMBER if numbers else _TEXT
    head = "".join(f"<th style='text-align:left'>{_text(name)}</th>" for name in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td style='{style if n or not numbers else _TEXT}'>{cell}</td>"
            for n, cell in enumerate(line)
        )
        + "</tr>"
        for line in lines
    )
    return (
        f"<table>{f'<thead><tr>{head}</tr></thead>' if heads else ''}<tbody>{body}</tbody></table>"
    )
