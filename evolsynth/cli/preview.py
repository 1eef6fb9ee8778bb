"""``evolsynth preview``: a few rows of each step in full, and what a run would take."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from evolsynth.cli.progress.phrases import counted, duration, money, one_line, roughly
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.told import tell_json
from evolsynth.cli.runs import priced
from evolsynth.findings import explain
from evolsynth.options import Natural, TextOrPath
from evolsynth.pipeline.run.preview import Preview, preview
from evolsynth.pipeline.run.run import RunOptions
from evolsynth.pipeline.run.stopping import run_to_end
from evolsynth.pipeline.yaml.load import load_pipeline, set_parameters
from evolsynth.report.text import own_text, visible
from evolsynth.rows import Row

__all__ = ["changes", "preview_command", "show_preview"]

#: Bookkeeping, which no one reads a preview for.
_HIDDEN = frozenset({"id", "parents", "provenance", "verdict", "failure", "method", "round"})
_WORD = re.compile(r"\s*(?:\w+|[^\w\s])")
_STYLES = {"accepted": "green", "rejected": "yellow", "failed": "red", "pending": "dim"}


def preview_command(
    pipeline: TextOrPath, *, param: Sequence[str] = (), rows: Natural = 5, **run: Any
) -> int:
    """Make a few rows at each step, show them, and estimate the whole.

    Nothing is written.

    Args:
        pipeline: a YAML file, script.py:NAME or package.module:NAME.
        param: another value for an option of a step, as STEP.OPTION=VALUE; repeatable.
        rows: of a source.
        run: see `run_options`.
    """
    del run["log"]  # nothing is told while it works
    told = run.pop("json", False)
    options = RunOptions(**{**priced(run), "report": False})
    steps = set_parameters(load_pipeline(pipeline), param)
    made = run_to_end(preview(steps, rows=rows, options=options))
    wanted = run.get("accepted") or 100
    if told:
        tell_json(_as_json(made, wanted))
    else:
        show_preview(made, Screen(soft_wrap=True), n=wanted)
    return 0


def _as_json(made: Preview, n: int) -> dict[str, Any]:
    """All of it, the rows as files have them."""
    counts = ("made", "accepted", "rejected", "failed", "tokens", "cost", "expected", "offered")
    told: dict[str, Any] = {"seconds": round(made.seconds, 1)}
    told |= {name: getattr(made, name) for name in counts}
    told["steps"] = [
        {
            "step": node.name,
            "kind": node.step.kind,
            "rows": [json.loads(row.to_json()) for row in rows],
        }
        for node, rows in made.rows
    ]
    for step, seconds in zip(told["steps"], made.seconds_per_step, strict=False):
        step["seconds"] = round(seconds, 1)
    return told | {"wanted": n, "estimate": msgspec.to_builtins(made.estimate(n))}


def show_preview(made: Preview, console: Console, *, n: int = 100) -> None:
    """Print it.

    Args:
        made: the rows.
        console: where to.
        n: accepted rows that a run would be asked for.
    """
    seen: dict[str, Row] = {}
    for place, (node, rows) in enumerate(made.rows):
        seconds = made.seconds_per_step[place] if made.seconds_per_step else None
        took = "" if seconds is None else f", {duration(seconds)}"
        kind = "" if node.name == node.step.kind else f" ({node.step.kind})"
        title = f"{node.name}{kind}: {len(rows)} {'row' if len(rows) == 1 else 'rows'}{took}"
        _print(console, Rule(Text(one_line(title)), align="left"))
        for number, row in enumerate(rows, 1):
            before = seen.get(row.id) or next((seen[p] for p in row.parents if p in seen), None)
            _show(console, row, before, f"{number}/{len(rows)}")
        if not rows:
            _print(console, Text("  No row came out of it.", style="dim"))
        # rows of branches have the same ids, so all of a step are taken in at its end
        seen.update((row.id, row) for row in rows)
    _print(console, Rule(Text("In all"), align="left"))
    _sum(console, made, n)


def _show(console: Console, row: Row, before: Row | None, place: str) -> None:
    head = Text(f"{place}  ", style="bold")
    told = "under way" if row.status == "pending" else row.status
    head.append(told, style=_STYLES[row.status])
    same = before is not None and _content(row) == _content(before)
    if before is not None and same and row.status == before.status:
        by = ", by an earlier step" if row.settled else ", unchanged"
        head.append(f"{by}: {one_line(own_text(row), 60)}", style="dim")
        _print(console, head)
        _print(console, Text())
        return
    if before is not None and before.id != row.id:
        head.append(f"  made from: {one_line(own_text(before), 60)}", style="dim")
    _print(console, head)
    old = {} if before is None else _content(before)
    for name, value in _content(row).items():
        new = before is not None and name not in old
        _part(console, f"+ {name}" if new else name, Text(_told(value)))
    if before is not None:
        for change in changes(before, row):
            _part(console, "changed", Text(change, style="cyan"))
    _judged(console, row)
    _print(console, Text())


def _print(console: Console, what: RenderableType) -> None:
    """Broken into lines here, also on a console that leaves that to the terminal."""
    console.print(what, soft_wrap=False)


def _judged(console: Console, row: Row) -> None:
    if row.failure is not None:
        failure = row.failure
        where = f"in {failure.step}: {failure.error}: {failure.message}"
        _part(console, "failed", Text(str(visible(where)), style="red"))
    if row.verdict is None:
        return
    for reason in row.verdict.reasons:
        told = f"{one_line(reason, 60)}: {explain(reason)}"
        _part(console, "because", Text(str(visible(told)), style="yellow"))
        if detail := row.verdict.details.get(reason):
            found = json.dumps(detail, ensure_ascii=False, default=str)
            _part(console, "found", Text(str(visible(found)), style="dim"))


def changes(before: Row, row: Row) -> Iterator[str]:
    """What a step changed in the fields that the row before had."""
    old, new = _content(before), _content(row)
    for name in old:
        if name not in new:
            yield f"{name} is gone"
    for name, value in new.items():
        if name in old and value != old[name]:
            if isinstance(value, str) and isinstance(old[name], str):
                yield from (f"{name}: {change}" for change in _words(old[name], value))
            else:
                yield f"{name} was {_told(old[name])}"


def _words(old: str, new: str) -> Iterator[str]:
    """What words came and went; a text with few words in common was written anew."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    match = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if match.ratio() < 0.4:
        yield f"written anew; it was: {visible(old)}"
        return
    for kind, i, j, k, m in match.get_opcodes():
        gone, come = (str(visible("".join(part).strip())) for part in (before[i:j], after[k:m]))
        if kind == "insert":
            yield f"+ {come}"
        elif kind == "delete":
            yield f"- {gone}"
        elif kind == "replace":
            yield f"- {gone}  + {come}"


def _content(row: Row) -> Mapping[str, Any]:
    """The fields that people read, without empty ones."""
    fields = row.to_dict()
    return {
        name: value
        for name, value in fields.items()
        if name not in _HIDDEN and value not in (None, "", [], {}, ())
    }


def _told(value: Any) -> str:
    if isinstance(value, str):
        return str(visible(value))
    if isinstance(value, list | tuple) and value:
        if all(isinstance(turn, Mapping) and {"role", "content"} <= turn.keys() for turn in value):
            return str(visible("\n".join(f"{turn['role']}: {turn['content']}" for turn in value)))
        if all(isinstance(item, str) or _is_response(item) for item in value):
            texts = [item if isinstance(item, str) else item["response"] for item in value]
            return str(visible("\n".join(f"{n}. {text}" for n, text in enumerate(texts, 1))))
    return str(visible(json.dumps(value, ensure_ascii=False, default=str)))


def _is_response(item: Any) -> bool:
    """One of several, as `respond` writes them."""
    return isinstance(item, Mapping) and isinstance(item.get("response"), str)


def _part(console: Console, name: str, text: Text) -> None:
    """A field with its name in front, and its lines below one another."""
    wide = console.width >= 80
    line = Text.assemble((f"{one_line(name, 24)}: ", "bold"), text)
    _print(console, Padding(line, (0, 0, 0, 4 if wide else 2), expand=False))


def _sum(console: Console, preview: Preview, n: int) -> None:
    parts = [
        f"{counted(preview.made)} rows = {preview.accepted} accepted + {preview.rejected} rejected"
        f" + {preview.failed} failed, in {duration(preview.seconds)}",
        f"{counted(preview.tokens)} tokens" if preview.tokens else "",
        "" if preview.cost is None else f"a cost of {money(preview.cost)}",
    ]
    _print(console, Text(", ".join(part for part in parts if part) + "."))
    if not preview.made:
        _print(console, Text("No row came to the end, so nothing can be said about a run."))
        return
    for line in (*_foretold(preview, n), *_costs(preview, n)):
        _print(console, Text(line))
    few = f"{counted(preview.made)} {'row says' if preview.made == 1 else 'rows say'} little"
    told = f"({few}: these are 95% intervals. A run fills the model better and is usually faster.)"
    _print(console, Text(told, style="dim"))


def _costs(preview: Preview, n: int) -> Iterator[str]:
    """What a run would cost, where models have prices."""
    told = preview.estimate(n)
    if told.cost_low is not None:
        least, most = money(told.cost_low), told.cost_high
        span = f"{least} at the least" if most is None else f"{least} to {money(most)}"
        yield f"Cost of {counted(n)} accepted rows: {span}."
    if preview.cost_of_all is not None:
        rows = counted(preview.offered or 0)
        yield f"Cost of all {rows} rows of the sources: about {money(preview.cost_of_all)}."


def _foretold(preview: Preview, n: int) -> Iterator[str]:
    told = preview.estimate(n)
    yield f"Yield: {told.yield_low:.0%} to {told.yield_high:.0%} of the rows accepted."
    least = roughly(told.minutes_low * 60)
    if told.minutes_high is None:
        yield (
            f"For {counted(n)} accepted rows: {least} at the least. No row was accepted, so "
            "there is no upper bound: change what rejects them first."
        )
        return
    most = roughly(told.minutes_high * 60)
    span = least if least == most else f"{least} to {most.removeprefix('about ')}"
    yield f"For {counted(n)} accepted rows: {span}, some {counted(told.attempts)} attempts."
