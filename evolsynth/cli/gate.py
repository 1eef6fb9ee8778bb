"""``evolsynth gate``: verdicts on rows from any tool; ``evolsynth gates``: the checks there are."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, nullcontext
from functools import partial
from typing import Any

from rich.table import Table

from evolsynth.atomic import writing
from evolsynth.cli.progress.phrases import tiers_text
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.told import tell_json
from evolsynth.data.grounded import grounds_of
from evolsynth.data.open import file_origin
from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.deduplicate import processors
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.apart import Apart
from evolsynth.evaluation.gate.check import COSTS, Check, ordered
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.text import LOOKED_AT, MOST
from evolsynth.findings import explain
from evolsynth.options import FilePath, RayAddress, RowsPath
from evolsynth.rows import TIERS, Row
from evolsynth.streams import Rows

__all__ = ["gate", "gates"]


def gates(*, yaml: bool = False, json: bool = False, settings: FilePath | None = None) -> int:
    """List the checks and their thresholds.

    Args:
        yaml: as a settings file to start from.
        json: as one JSON object in a line.
        settings: show what this file makes of them.
    """
    chosen = GateSettings() if settings is None else GateSettings.read(settings)
    if yaml:
        with writing(None) as write:
            write(chosen.to_yaml())
        return 0
    if json:
        tell_json({"checks": [_facts(check, chosen) for check in ordered()]})
        return 0
    table = Table(box=None, pad_edge=False)
    table.add_column("check", no_wrap=True)
    for column in ("made", "looks at", "cost", "thresholds", "meaning"):
        table.add_column(column, overflow="fold")
    for check in ordered():
        table.add_row(check.name, *_described(check, chosen), check.sentence)
    wide = None if sys.stdout.isatty() else 120  # a pipe has no width
    console = Screen(width=wide)
    console.print(table)
    console.print("\nCosts, cheapest first; a row that one refuses is not looked at by the next:")
    for cost, meaning in COSTS.items():
        console.print(f"  {cost}: {meaning}", highlight=False)
    console.print("\nTo change something: `evolsynth gates --yaml` prints a file to start from.")
    return 0


def _facts(check: Check, settings: GateSettings) -> dict[str, Any]:
    """The same for a program."""
    return {
        "check": check.name,
        "made": _described(check, settings)[0].startswith("yes"),
        "looks_at": check.parts,
        "cost": check.cost,
        "thresholds": {field: getattr(settings, field) for field in check.thresholds},
        "meaning": check.sentence,
        "advice": check.advice,
    }


def _described(check: Check, settings: GateSettings) -> tuple[str, ...]:
    """Whether a check is made, of what, at which cost, with which thresholds."""
    made = "yes"
    if check.name in settings.skip:
        made = "no (skip)"
    elif check.optional:
        made = "yes (also)" if check.name in settings.also else "if asked for"
    shown = [f"{field}: {getattr(settings, field)}" for field in check.thresholds]
    if check.name == "wrong_language":
        shown.append(f"language: {settings.language or 'as asked in'}")
    return made, ", ".join(check.parts), check.cost, "\n".join(shown)


def gate(
    data: FilePath,
    *,
    output: RowsPath = "-",
    rejects: RowsPath | None = None,
    settings: FilePath | None = None,
    embedder: bool = True,
    grounded_in: str | None = None,
    ray: RayAddress | None = None,
    json: bool = False,
    **reading: Any,
) -> int:
    """Judge the rows of a file from any tool.

    Rows with 'instruction' and perhaps 'response', or of another form that is known; each gets a
    verdict.

    Args:
        data: the rows; - for standard input.
        output: accepted rows (default: stdout).
        rejects: the other rows, with their reasons.
        settings: thresholds, as `gates --yaml` prints them.
        embedder: without it, exact duplicates and words only.
        grounded_in: the field with each row's text, or a folder of texts; responses to questions
            about it must stand in it.
        ray: in shards on a Ray cluster, or on this machine alone. Both outputs are folders of
            Parquet files then.
        json: tell the counts as one JSON object in a line.
        reading: see `file_origin`.
    """
    chosen = GateSettings() if settings is None else GateSettings.read(settings)
    if ray is not None:
        counts = _sharded(data, output, rejects, chosen, ray, embedder, grounded_in, reading)
        _tell(counts, output, json=json)
        return 0
    source = file_origin(data, one_id=True, **reading)
    if data != "-":
        # what cannot be read is told before a model is loaded
        next(source.records(lambda _: True), None)
    stands = None if grounded_in is None else grounds_of(grounded_in, data)
    model = MiniLM(threads=processors()) if embedder else None
    if model is not None:
        model.load()  # a missing one is told before any work is done
    grounds = None if stands is None else stands(model)
    # A file is read ahead; a pipe is not, since its next row may come much later.
    came = source.heard(_asks) if grounds is None else grounds.beside(source.heard(_asks))
    rows: Rows = came if data == "-" else _ahead(came)
    two = data != "-" and processors() > 1 and Apart.can(chosen)
    with (
        Apart(chosen, model, None if model is None else "minilm")
        if two
        else nullcontext() as apart,
        writing(output) as accept,
        nullcontext[Write](len) if rejects is None else writing(rejects) as refuse,
    ):
        judge = Gate(model, settings=chosen, at_once=_AT_ONCE, apart=apart)
        back = None if grounds is None else partial(grounds.back, embedder=model)
        counts = asyncio.run(_judged(judge, rows, accept, refuse, back))
    _tell(counts, output, json=json, note="" if grounds is None or not grounds.without else
          f"{grounds.without} rows have no text in '{grounded_in}' to stand in.")  # fmt: skip
    return 0


def _sharded(
    data: str,
    output: str,
    rejects: str | None,
    settings: GateSettings,
    ray: str,
    embedder: bool,
    grounded_in: str | None,
    reading: dict[str, Any],
) -> Counter[str]:
    """Judge rows in shards, on Ray.

    Raises:
        InputError: what is asked for cannot be done in shards.
    """
    if output == "-":
        raise InputError("--ray writes a folder of Parquet files: name it with -o FOLDER.")
    if grounded_in is not None:
        raise InputError("--grounded-in does not go with --ray: leave one of them out.")
    from evolsynth.cluster.gate import gate_folder

    name = "minilm" if embedder else None
    return gate_folder(
        data, output, rejects=rejects, settings=settings, embedder=name, ray=ray, **reading
    )


def _tell(counts: Counter[str], output: str, *, json: bool, note: str = "") -> None:
    """Tell what became of the rows."""
    kinds = ("accepted", "rejected", "failed")
    if json:
        told: dict[str, Any] = {"rows": sum(counts[kind] for kind in kinds)}
        told |= {kind: counts[kind] for kind in kinds}
        told |= {f"{kind}s": _of_kind(counts, kind) for kind in ("tier", "reason")}
        tell_json({**told, "looked_at_in_part": counts[LOOKED_AT]}, output=output)
        return
    console = Screen(stderr=True, soft_wrap=True, markup=False, highlight=False)
    parts = ", ".join(f"{counts[kind]} {kind}" for kind in kinds)
    console.print(f"{sum(counts[kind] for kind in kinds)} rows = {parts}.")
    if tiers := tiers_text({tier: counts[f"tier {tier}"] for tier in TIERS}):
        console.print(f"Accepted responses: {tiers}.")
    if counts[LOOKED_AT]:
        console.print(f"{counts[LOOKED_AT]} {_IN_PART}")
    if note:
        console.print(note)
    for name, count in counts.most_common():
        reason, _, code = name.partition(" ")
        if reason == "reason":
            console.print(f"{count:8} {code}: {explain(code)}")


#: Rows that are compared with those before, and embedded, together: enough of each length.
_AT_ONCE = 1024


def _of_kind(counts: Counter[str], kind: str) -> dict[str, int]:
    """Those that are counted under this word, by their names."""
    named = ((name.partition(" "), count) for name, count in counts.most_common())
    return {name: count for (word, _, name), count in named
            if word == kind and count and name != "None"}  # fmt: skip


_IN_PART = (
    f"with texts of more than {MOST:,} characters were looked at in part; their score "
    f"'{LOOKED_AT}' is the share that was read."
)


def _asks(row: Row) -> bool:
    """Whether there is something to judge in a row, or it was judged."""
    return row.settled or bool((row.instruction or "").strip() or row.messages)


async def _ahead(rows: Iterable[Row]) -> AsyncGenerator[Row]:
    """Rows that never make anybody wait."""
    for row in rows:
        yield row


Write = Callable[[str], object]


async def _judged(
    judge: Gate,
    rows: Rows,
    accept: Write,
    refuse: Write,
    back: Callable[[Row], Row] | None = None,
) -> Counter[str]:
    """Hand each row on as it is decided, as ``back`` makes it; how many of each status, and of
    each reason."""
    counts: Counter[str] = Counter()
    async with aclosing(judge.check(rows)) as decided:
        async for row in decided:
            counts[row.status] += 1
            counts[LOOKED_AT] += row.scores.get(LOOKED_AT, 1.0) < 1
            if row.verdict is not None:
                counts.update(f"reason {code}" for code in row.verdict.reasons)
                counts[f"tier {row.verdict.tier}"] += row.verdict.accepted
            done = row if back is None else back(row)
            (accept if row.status == "accepted" else refuse)(done.to_json() + "\n")
    return counts
