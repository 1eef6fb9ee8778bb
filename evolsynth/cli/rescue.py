"""``evolsynth rescue``: save what can be read of a damaged run."""

from __future__ import annotations

from evolsynth.cli.progress.screen import shown
from evolsynth.options import FolderPath
from evolsynth.store.rescue import Rescued
from evolsynth.store.rescue import rescue as save

__all__ = ["rescue"]


def rescue(folder: FolderPath) -> int:
    """Save what can be read of a run whose store is damaged.

    Rows and answers go to rescued/ in its folder as JSON Lines, and into a new store, so that the
    run can go on. The exit status is 1 where nothing could be saved.

    Args:
        folder: the run's.
    """
    saved = save(folder)
    if saved.sound:
        print(f"{shown(folder)}: the run's store is sound. It stays as it is.")
    kinds = ", ".join(f"{saved.rows[name]:,} {name}" for name in ("accepted", "rejected", "failed"))
    print(
        f"Saved {saved.rows.total():,} rows ({kinds}) and {saved.completions:,} completions "
        f"in {shown(saved.files[0].parent)}."
    )
    lost = _lost(saved)
    if lost:
        print(f"Could not be read: {lost}.")
    if saved.aside is not None:
        print(
            f"The damaged store is kept as {shown(saved.aside)}. A new one with all that was saved "
            "is in its place: run the same command as before, and it asks again only for what was "
            "lost."
        )
    return int(not saved.sound and not saved.rows.total() and not saved.completions)


def _lost(saved: Rescued) -> str:
    pages, records = saved.unread + saved.torn, saved.changed
    parts = []
    if pages:
        parts.append(f"all of {pages:,} of {saved.pages:,} pages")
    if records:
        parts.append(f"{records:,} {'record' if records == 1 else 'records'}")
    return " and ".join(parts)
