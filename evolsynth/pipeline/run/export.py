"""What a run leaves: the data set's files, each whole or not there, and a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from evolsynth.atomic import check_apart, write
from evolsynth.doing import doing
from evolsynth.errors import EvolsynthError
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.gate.tier import UNVERIFIED, unanswered
from evolsynth.foreign import told, witness
from evolsynth.options import holds_path
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.run.stopping import aside
from evolsynth.pipeline.run.told import page_of
from evolsynth.pipeline.steps import maker_of
from evolsynth.rows import Row, Status
from evolsynth.store.sqlite_file import STORE
from evolsynth.store.store import Store

__all__ = ["SAMPLE", "UNANSWERED", "check_sources", "export", "remove_partial"]
__all__ += ["report_of", "report_run", "run_files", "sample_rows", "write_outputs"]

#: Rows that the report looks at; of more, as many evenly spread over the plan.
SAMPLE = 10_000
UNANSWERED = "unanswered"
_FILES: dict[str, tuple[Status, ...]] = {
    "accepted": ("accepted", "pending"),
    "rejected": ("rejected",),
    "failed": ("failed",),
    UNANSWERED: ("rejected",),
}
_ADVICE = (
    "The rows are kept in the run's store: make room, or move what is in the way, and run again."
)


@doing("writing the data set")
def export(store: Store, folder: Path, *, partial: bool = False) -> dict[str, Path]:
    """Write ``accepted.jsonl``, ``rejected.jsonl`` and, if there are such rows, ``failed.jsonl``
    and ``unanswered.jsonl``: the instructions of rows that were refused for their tier alone.

    What came out undecided, because the pipeline has no gate, is among the accepted. With
    ``partial`` the files are called ``*.partial.jsonl`` and stand beside those of the last run
    that came to its end; else such files are taken away.

    Raises:
        InputError: a file cannot be written.
    """
    files = {}
    for name, statuses in _FILES.items():
        path = folder / (f"{name}.partial.jsonl" if partial else f"{name}.jsonl")
        rows = store.rows(*statuses)
        lines = _unanswered(rows) if name == UNANSWERED else (row + b"\n" for row in rows)
        count = write(path, lines, advice=_ADVICE)
        if count or name not in ("failed", UNANSWERED):
            files[name] = path
        else:
            path.unlink(missing_ok=True)
    if not partial:
        remove_partial(folder)
    return files


def _unanswered(rows: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of instructions that wait for an answer, of rejected rows."""
    for line in rows:
        if UNVERIFIED.encode() in line:  # few are: the others need not be read
            row = unanswered(Row.from_dict(json.loads(line)))
            if row is not None:
                yield row.to_json().encode() + b"\n"


def run_files(folder: Path) -> list[Path]:
    """All files that a run writes, or takes away, in its folder."""
    data = [folder / f"{name}{part}.jsonl" for name in _FILES for part in ("", ".partial")]
    return [*data, folder / "report.html", folder / STORE]


def write_outputs(
    store: Store, folder: Path | None, outputs: Sequence[Any], embedder: Embedder | None
) -> dict[str, Path]:
    """Write the files for trainers, of the rows that the store has; where each is, by its format.

    Args:
        outputs: each an `evolsynth.export.export.Output`.
        embedder: for prompts of a benchmark in other words.

    Raises:
        InputError: one cannot be written; all that the run made is there.
    """
    files: dict[str, Path] = {}
    for output in outputs:
        from evolsynth.export.export import export_rows
        from evolsynth.export.format import EXPORTS

        known, base = EXPORTS[output.format], folder or Path()
        placed = msgspec.structs.replace(output, output=str(base / output.output))

        def rows(statuses: tuple[Status, ...] = known.of_run) -> Iterator[Row]:
            return (Row.from_dict(json.loads(line)) for line in store.rows(*statuses))

        card = partial(_card, rows, str(base), placed)

        try:
            made = export_rows(rows, placed, embedder=embedder, card=card)
        except EvolsynthError as error:
            where = "" if folder is None else f" The data set is whole, in {folder}."
            raise type(error)(f"outputs, {output.output}: {error}{where}") from None
        for name, file in made.files.items():
            told = known.name if len(made.counts) == 1 and name in made.counts else (
                f"{known.name} {name}")  # fmt: skip
            files[told if told not in files else f"{told} {len(files)}"] = file
    return files


def _card(rows: Callable[[], Iterable[Row]], folder: str, output: Any, made: Any) -> str:
    from evolsynth.export.card import card_of

    return card_of(rows, folder, made, output)


def check_sources(pipeline: Pipeline, folder: Path, outputs: Sequence[Any] = ()) -> None:
    """See that no step reads a file that a run into the folder would write.

    Raises:
        InputError: one does.
    """
    reads: list[str] = []
    for node in pipeline.nodes():
        known = maker_of(node.step).options
        for name, value in node.step.parameters.items():
            own = node.step.kind == "load" and name == "data"
            if own or (name in known and holds_path(known[name].kind)):
                values = value if isinstance(value, list | tuple) else [value]
                reads += (str(one) for one in values if isinstance(one, str | Path))
    reads += [one.decontaminate for one in outputs if one.decontaminate is not None]
    files = [("The run's own file", str(file)) for file in run_files(folder)]
    more = [(f"The output {one.output}", str(folder / one.output)) for one in outputs]
    check_apart(reads, [*files, *more])


def remove_partial(folder: Path) -> None:
    """Take away what an interrupted run has left beside its store."""
    for name in _FILES:
        with suppress(OSError):
            (folder / f"{name}.partial.jsonl").unlink(missing_ok=True)


def sample_rows(store: Store, total: int) -> list[Row]:
    """At most `SAMPLE` rows, evenly spread over the plan, whatever became of them."""
    every = max(1, -(-total // SAMPLE))
    lines = store.rows("accepted", "pending", "rejected", "failed")
    return [Row.from_dict(json.loads(line)) for n, line in enumerate(lines) if n % every == 0]


def report_run(folder: Path, rows: Sequence[Row], total: int, embedder: Embedder | None) -> Path:
    """Write ``report.html`` on a run that is at its end; its path.

    Raises:
        InputError: it cannot be written.
    """
    path = folder / "report.html"
    write(path, [page_of(folder, rows, total=total, embedder=embedder, ended=True)])
    return path


async def report_of(folder: Path, store: Store, total: int, embedder: Embedder | None) -> Path:
    """Make the report of a run that has ended, with what it has noted of itself; its path.

    Raises:
        InputError: it cannot be written.
        EvolsynthError: it could not be made.
    """
    rows = sample_rows(store, total)  # the store belongs to this thread, and is flushed
    try:
        return await aside(lambda: report_run(folder, rows, total, embedder))
    except (EvolsynthError, OSError):
        raise
    except Exception as error:
        witness("report", error)
        raise EvolsynthError(
            f"The report could not be made ({type(error).__name__}: {told(error)}). The data "
            f"set is whole, in {folder}; --no-report does without."
        ) from error
