"""Where a run stands, as its store tells it; also while another process runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from evolsynth.errors import InputError, StoreDamaged
from evolsynth.llm.prices import Spending
from evolsynth.rows import Row, Status, Tier
from evolsynth.store.lock import held
from evolsynth.store.sqlite_file import STORE, damaged, readable, row_key, sound, told

__all__ = ["RunStatus", "StepCounts", "StoredEvent", "read_status", "stored_rows", "stored_value"]
__all__ += ["AGAIN", "stored_values"]

#: What the command that makes a run again is called among its facts.
AGAIN = "made again by"


class StepCounts(msgspec.Struct, kw_only=True):
    """How a step stands.

    ``came`` rows came in, ``made`` were made, ``used`` came in and became others, ``left`` went on,
    ``rejected`` and ``failed`` were settled here, ``running`` are under way: came + made - used =
    left + rejected + failed + running. ``asked``
    completions were asked for, with ``tokens``; ``found`` were stored before. ``cost`` is what the
    step's answers cost in all attempts, in the user's currency; 0 without prices.
    """

    name: str
    kind: str
    came: int = 0
    made: int = 0
    used: int = 0
    left: int = 0
    rejected: int = 0
    failed: int = 0
    running: int = 0
    tokens: int = 0
    asked: int = 0
    found: int = 0
    cost: float = 0.0


class StoredEvent(msgspec.Struct, frozen=True):
    """Something that happened in a run; ``at`` in seconds since 1970."""

    at: float
    kind: str
    step: str | None
    data: dict[str, Any]


class WorkerCounts(msgspec.Struct, frozen=True, kw_only=True):
    """A worker of a run on Ray: on which node, how many answers it has made and has under way, and
    whether it is still there."""

    node: str
    answers: int
    under_way: int = 0
    there: bool = True


class RunStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run stands. Times are seconds since 1970.

    ``pipeline`` is its name. ``attempt`` is the latest, of process ``pid``; ``seen`` is when it
    last wrote; ``running`` whether it works now; ``ended`` how it ended, None where it has not, or
    was killed. ``rows`` are the latest attempt's by status. ``completions`` are stored; ``asked``
    of them were asked for, over all attempts, with ``tokens`` written and ``prompt_tokens`` read.
    ``cost`` is that of all attempts, None where no model has a price. ``tiers`` counts accepted
    rows by what their responses stand on, ``workers`` are those of a run on Ray. ``events`` are the
    last ten.
    """

    folder: str
    pipeline: str | None
    attempt: int
    pid: int
    host: str
    started: float
    seen: float
    running: bool
    ended: str | None
    steps: tuple[StepCounts, ...]
    rows: dict[Status, int]
    completions: int
    asked: int
    tokens: int
    prompt_tokens: int
    cost: float | None = None
    tiers: dict[Tier, int] = {}
    workers: tuple[WorkerCounts, ...] = ()
    events: tuple[StoredEvent, ...]


def read_status(folder: Path | str) -> RunStatus:
    """How the run in a folder stands. Nothing is locked or written.

    Raises:
        InputError: there is no run in the folder.
        StoreError: its store cannot be read.
    """
    place = Path(folder)
    path = place / STORE
    if not path.exists():
        raise InputError(
            f"{place}: there is no run here (no {STORE}). Give the folder that -o named."
        )
    running = held(place)
    with told(path), closing(readable(path)) as db:
        db.execute("BEGIN")  # all that follows is of one moment
        return _status(db, place, running)


def stored_value(folder: Path | str, name: str) -> Any:
    """What a run has remembered under a name; None where there is no run, or no such name."""
    path = Path(folder) / STORE
    if not path.exists():
        return None
    with told(path), closing(readable(path)) as db:
        return _meta(db, name, Any)


def stored_values(folder: Path | str, *names: str) -> dict[str, Any]:
    """What a run has remembered under some names, all of one moment; None for a name that is not
    there, and for all where there is no run."""
    path = Path(folder) / STORE
    if not path.exists():
        return dict.fromkeys(names)
    with told(path), closing(readable(path)) as db:
        db.execute("BEGIN")
        return {name: _meta(db, name, Any) for name in names}


def stored_rows(folder: Path | str, most: int) -> tuple[list[Row], int]:
    """Rows of a run's latest attempt as they are now, also while another process runs: at most
    ``most``, evenly spread over the plan, and how many there are. Nothing is locked or written.

    Raises:
        StoreError: the store cannot be read.
        StoreDamaged: one of the rows is not as it was written.
    """
    path = Path(folder) / STORE
    if not path.exists():
        return [], 0
    rows: list[Row] = []
    with told(path), closing(readable(path)) as db:
        db.execute("BEGIN")
        (attempt,) = db.execute("SELECT max(number) FROM attempts").fetchone()
        (total,) = db.execute("SELECT count(*) FROM rows WHERE attempt=?", (attempt,)).fetchone()
        # the places of an attempt's rows are 0, 1, 2, ...; by the table, and not by its index
        sql = """SELECT seq, status, body, crc FROM rows NOT INDEXED
                 WHERE attempt=? AND seq % ? = 0 ORDER BY seq"""
        for seq, status, body, crc in db.execute(sql, (attempt, max(1, -(-total // most)))):
            if not sound(body, row_key(seq, attempt, status), crc):
                raise StoreDamaged(damaged(path, f"row {seq} is not as it was written"))
            rows.append(Row.from_dict(msgspec.json.decode(body)))
    return rows, total


def _status(db: sqlite3.Connection, place: Path, running: bool) -> RunStatus:
    names = ("attempt", "pid", "host", "started", "seen", "ended")
    latest = db.execute(
        "SELECT number, pid, host, started, seen, ended FROM attempts ORDER BY number DESC"
    ).fetchone()
    if latest is None:
        raise InputError(f"{place}: no run was begun here. Begin one with `evolsynth run`.")
    counts = db.execute(
        "SELECT status, count(*) FROM rows WHERE attempt=? GROUP BY status", latest[:1]
    )
    asked, tokens, prompt_tokens = db.execute(
        "SELECT sum(asked), sum(tokens), sum(prompt_tokens) FROM attempts"
    ).fetchone()
    events = db.execute("SELECT at, kind, step, data FROM events ORDER BY id DESC LIMIT 10")
    return RunStatus(
        folder=str(place),
        pipeline=_meta(db, "pipeline", str | None),
        running=running,
        steps=_meta(db, "steps", tuple[StepCounts, ...] | None) or (),
        rows=dict(counts.fetchall()),
        completions=db.execute("SELECT max(id) FROM completions").fetchone()[0] or 0,
        asked=asked,
        tokens=tokens,
        prompt_tokens=prompt_tokens,
        cost=_cost(db),
        tiers=_meta(db, "tiers", dict[Tier, int] | None) or {},
        workers=_meta(db, "workers", tuple[WorkerCounts, ...] | None) or (),
        events=tuple(
            StoredEvent(at, kind, step, _decoded(data, dict[str, Any]) or {})
            for at, kind, step, data in reversed(events.fetchall())
        ),
        **dict(zip(names, latest, strict=True)),
    )


def _cost(db: sqlite3.Connection) -> float | None:
    spending = Spending(_meta(db, "spending", Any))
    return spending.cost() if spending.priced else None


def _meta(db: sqlite3.Connection, name: str, kind: Any) -> Any:
    found = db.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
    return None if found is None else _decoded(found[0], kind)


def _decoded(value: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.DecodeError:  # damaged: the rest can be told all the same
        return None
