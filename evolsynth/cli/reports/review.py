"""``evolsynth review``: what a person marked in a report, put over the gate's verdicts."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from evolsynth.atomic import check_apart, writing
from evolsynth.cli.progress.screen import Screen
from evolsynth.data.files import read_dataset
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.options import FilePath, RowsPath
from evolsynth.report.review import Mark, agreement, hints, read_marks, reviewed
from evolsynth.rows import Row

__all__ = ["review"]


def review(
    action: Literal["apply"],
    data: FilePath,
    marks: FilePath,
    *,
    output: RowsPath = "-",
    rejects: RowsPath | None = None,
    **reading: Any,
) -> int:
    """Put a person's marks over the gate's verdicts.

    How often the two agree is told, and which thresholds would part kept rows from dropped ones.

    Args:
        action: apply: write the rows with the marks put over their verdicts.
        data: a run's folder, or a file of rows.
        marks: what a report saved of them.
        output: accepted rows; without --rejects, all rows.
        rejects: the other rows, with their reasons.
        reading: see `file_origin`.
    """
    writes = [("-o", output), *([] if rejects is None else [("--rejects", rejects)])]
    check_apart([f"{glob.escape(data)}/*.jsonl", marks], writes)
    known = _marks(marks)
    rows = read_dataset(data, **reading)
    found = {row.id for row in rows}
    strange = [name for name in known if name not in found]
    if len(strange) == len(known):
        raise InputError(
            f"{marks}: none of its {len(known)} marks is of a row of {data}. Give the rows that "
            "the report was made of."
        )
    made = list(reviewed(rows, known))
    _write(made, output, rejects)
    console = Screen(stderr=True, soft_wrap=True, markup=False, highlight=False)
    for line in _told(rows, made, known, len(strange)):
        console.print(line)
    return 0


def _marks(path: str) -> dict[str, Mark]:
    try:
        with Path(path).open(encoding="utf-8-sig") as lines:
            return read_marks(lines, path)
    except OSError as error:
        raise InputError(f"{path}: it cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: this is no text in UTF-8. Give what a report saved.") from None


def _write(rows: Sequence[Row], output: str, rejects: str | None) -> None:
    if rejects is not None:
        with writing(rejects) as refuse:
            for row in rows:
                if row.status != "accepted":
                    refuse(row.to_json() + "\n")
    with writing(output) as accept:
        for row in rows:
            if rejects is None or row.status == "accepted":
                accept(row.to_json() + "\n")


def _told(
    rows: Sequence[Row], made: Sequence[Row], marks: Mapping[str, Mark], strange: int
) -> list[str]:
    turned = Counter(
        new.status for old, new in zip(rows, made, strict=True) if old.status != new.status
    )
    lines = [
        f"{len(marks)} marks: {turned['accepted']} rows more are accepted, {turned['rejected']} "
        "more are rejected."
    ]
    if strange:
        lines.append(f"{strange} marks are of rows that are not here.")
    wanted = {name for name, mark in marks.items() if mark.mark == "keep"}
    failed = sum(row.status == "failed" for row in made if row.id in wanted)
    empty = sum(not row.response and not row.messages for row in made if row.id in wanted)
    if failed:
        lines.append(f"{failed} kept rows have failed, and stay so.")
    if empty:
        lines.append(f"{empty} kept rows have no response.")
    for one in agreement(rows, marks):
        name = {"all": "You and the gate agree", "accepted": "  on what it accepted"}
        lines.append(
            f"{name.get(one.kind, f'  on {one.kind}')}: {one.agreed} of {one.rows} "
            f"({one.agreed / one.rows:.0%}, 95% interval {one.low:.0%} to {one.high:.0%})"
        )
    settings = GateSettings()
    for hint in hints(rows, marks):
        now = getattr(settings, hint.value, None)
        side = "from" if hint.above else "below"
        lines.append(
            f"{hint.value}: refuse {side} {hint.threshold:.4g}"
            + (f" (the gate's setting is {now})" if isinstance(now, float) else "")
            + f"; right in {hint.right:.0%} of {hint.kept} kept and {hint.dropped} dropped rows, "
            "each judged by a threshold found without it."
        )
    return lines
