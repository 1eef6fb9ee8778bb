"""The data set's files out of the run's store, each whole or not there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from evolsynth.atomic import write
from evolsynth.rows import Status
from evolsynth.store.store import Store

__all__ = ["export", "remove_partial"]

_FILES: dict[str, tuple[Status, ...]] = {
    "accepted": ("accepted", "pending"),
    "rejected": ("rejected",),
    "failed": ("failed",),
}
_ADVICE = (
    "The rows are kept in the run's store: make room, or move what is in the way, and run again."
)


def export(store: Store, folder: Path, *, partial: bool = False) -> dict[str, Path]:
    """Write ``accepted.jsonl``, ``rejected.jsonl`` and, if there are such rows, ``failed.jsonl``.

    What came out undecided, because the pipeline has no gate, is among the accepted. With
    ``partial`` the files are called ``*.partial.jsonl`` and stand beside those of the last run
    that came to its end.

    Raises:
        InputError: a file cannot be written.
    """
    files = {}
    for name, statuses in _FILES.items():
        path = folder / (f"{name}.partial.jsonl" if partial else f"{name}.jsonl")
        count = write(path, (row + b"\n" for row in store.rows(*statuses)), advice=_ADVICE)
        if count or name != "failed":
            files[name] = path
        else:
            path.unlink(missing_ok=True)
    return files


def remove_partial(folder: Path) -> None:
    """Take away what an interrupted run has left beside its store."""
    for name in _FILES:
        with suppress(OSError):
            (folder / f"{name}.partial.jsonl").unlink(missing_ok=True)
