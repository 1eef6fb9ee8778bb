"""Duplicates among more rows than memory holds: `deduplicate`, in shards.

Its stages are `signing`, `bands` and `verifying`; what one leaves for the next lies in files of a
folder for work, which all machines share. The process that directs them keeps a byte for each row,
and 24 for each that goes. Which rows stay does not depend on how many tasks run at once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np

from evolsynth.cluster.bands import Rows, band_pairs, borders, equal_rows, merged, shards_of
from evolsynth.cluster.connect import LOCAL, connected
from evolsynth.cluster.files import keep, room, work_in
from evolsynth.cluster.parts import Part, parts_of, schema_of
from evolsynth.cluster.signing import Signed, Signing, regroup, sign
from evolsynth.cluster.tables import as_it_stands, chosen, one_schema, write_table
from evolsynth.cluster.tasks import in_tasks, shared
from evolsynth.cluster.verifying import LOST, decided, fetched, verified
from evolsynth.doing import say
from evolsynth.errors import InputError, Misread
from evolsynth.evaluation.duplicates.deduplicate import THRESHOLDS
from evolsynth.evaluation.duplicates.inputs import NEARLY
from evolsynth.evaluation.duplicates.minhash import bands_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Counts", "dedup_folder"]

#: As in `deduplicate`: how often near texts are looked for, and the share that must go for once
#: more to be worth its time.
_ROUNDS, _WORTHWHILE = 8, 0.002
#: Rows of a shard of digests or of a band's keys; pairs of a shard, of all bands.
_ROWS, _PAIRS = 1 << 20, 1 << 18
_TELL = 30.0  # seconds between two words on how far it is
T = TypeVar("T")


class Counts(NamedTuple):
    """How many rows there were, and how many of them went, by kind."""

    rows: int
    gone: dict[str, int]


class _Lost(NamedTuple):
    """The rows that went in one way."""

    kind: str
    rows: NDArray[Any]  # of `LOST`


def dedup_folder(
    data: str,
    output: str,
    *,
    duplicates: str | None = None,
    field: str = "instruction",
    method: Literal["exact", "minhash"] = "minhash",
    threshold: float | None = None,
    tell: Callable[[str], object] = lambda _: None,
    ray: str | None = None,
    workers: int | None = None,
    **reading: Any,
) -> Counts:
    """Write the rows that stay as Parquet files, one for each part of the input, in order.

    All machines of Ray must see both folders under these paths.

    Args:
        data: a file, a folder of files of rows, or a pattern.
        output: a folder, which is made or empty.
        duplicates: the same for the other rows: each under ``row``, with its number in the input
            from 1, that of the row that stays and of the one that it matches itself.
        field, method, threshold: see `deduplicate`.
        tell: is told what is being done.
        ray: where Ray is, unless there is a connection; see `connected`.
        workers: processes at once, on a Ray that is begun here.
        reading: how rows are to be understood; see `file_origin`.

    Raises:
        InputError: the folders, a file or a row cannot be used.
        Misread: there is no row, or no text in any.
        SetupError: what is needed is not installed, or tasks were lost again and again.
    """
    jaccard = THRESHOLDS["minhash"] if threshold is None else threshold
    if not 0 < jaccard <= 1:
        raise InputError(f"The threshold is {jaccard}: give one above 0 and up to 1.")
    init = {"num_cpus": workers} if workers and ray in (None, LOCAL) else {}
    parts = parts_of(data, reading)
    place = room(output, "-o", data)
    gone = None if duplicates is None else room(duplicates, "--duplicates", data)
    # what is under way ends with the connection, and what it has written goes after that
    with work_in(place) as work, connected(ray, **init):
        how = Signing(work, reading, field, None if method == "exact" else jaccard)
        run = _Run(parts, how, tell)
        run.sign(data)
        lost = run.lost()
        schema = run.schema(data)
        (work / "kept").mkdir()
        (work / "gone").mkdir()
        tell("writing the rows")
        run.write(lost, schema, gone is not None)
        keep(work / "kept", place)
        if gone is not None:
            keep(work / "gone", gone)
    counts = Counter({one.kind: len(one.rows) for one in lost if len(one.rows)})
    return Counts(int(run.begins[-1]), dict(counts))


class _Run:
    def __init__(self, parts: Sequence[Part], how: Signing, tell: Callable[[str], object]) -> None:
        self._parts, self._how, self._tell = parts, how, tell
        self._signed: list[Signed] = []
        self.begins = np.zeros(len(parts) + 1, dtype=np.int64)

    def sign(self, label: str) -> None:
        """Read all parts once."""
        self._tell(f"reading {len(self._parts):,} parts")
        calls = ((k, part, self._how) for k, part in enumerate(self._parts))
        self._signed = list(self._slowly(in_tasks(sign, calls), len(self._parts), "read"))
        bad = [what for one in self._signed for what in one.bad]
        if bad and not self._how.inputs:
            them = "1 row is" if len(bad) == 1 else f"{len(bad):,} rows are"
            say(f"{label}: {them} bad and passed by. The first: {bad[0]}")
        self.begins[1:] = np.cumsum([one.rows for one in self._signed])
        if not self.begins[-1]:
            raise Misread(f"{label}: there is no row in it. Give a file or a folder with rows.")
        if self.begins[-1] >> 32:
            raise InputError(f"{label}: more than {1 << 32:,} rows. Give them in several folders.")
        if not self._how.inputs and not any(one.says for one in self._signed):
            raise Misread(
                f"{label}: '{self._how.field}' is empty in all rows. Name with --field another."
            )

    def _slowly(self, results: Iterator[T], count: int, what: str) -> Iterator[T]:
        """The results of so many tasks, and now and then a word on how many there are."""
        told = time.monotonic()
        for k, one in enumerate(results, 1):
            if time.monotonic() - told > _TELL:
                told = time.monotonic()
                self._tell(f"{what} {k:,} of {count:,}")
            yield one

    def schema(self, label: str) -> Any:
        """Of all rows, as they go out."""
        how, parts = self._how, zip(self._parts, self._signed, strict=True)
        seen = {
            part.path if as_it_stands(part, how.reading) else (part.path, k):
            schema_of(part) if as_it_stands(part, how.reading) else one.schema
            for k, (part, one) in enumerate(parts)
        }  # fmt: skip
        return one_schema([schema for schema in seen.values() if schema is not None], label)

    def lost(self) -> list[_Lost]:
        """The rows that go: exact duplicates, then near ones."""
        n = int(self.begins[-1])
        stays = np.ones(n, dtype=bool)
        self._tell(f"comparing {n:,} digests")
        equal = np.concatenate(list(self._equal()))
        exact = np.ones(len(equal), dtype=LOST)
        exact["row"], exact["of"] = equal.T
        stays[equal[:, 0]] = False
        found = [_Lost("exact", np.sort(exact, order="row"))]
        if self._how.jaccard is not None:
            found.append(_Lost("near", np.sort(np.concatenate(self._near(stays)), order="row")))
        return found

    def _equal(self) -> Iterator[NDArray[np.int64]]:
        rows = shared(Rows(self.begins, None))
        shards = shards_of(-(-int(self.begins[-1]) // _ROWS))
        yield from in_tasks(equal_rows, ((self._how, rows, shard) for shard in shards))

    def _near(self, stays: NDArray[np.bool_]) -> list[NDArray[Any]]:
        kind = self._grouped()
        if self._how.inputs:  # rows without one are none
            stays &= self._about()
        found = [np.empty(0, dtype=LOST)]
        for _ in range(_ROUNDS):
            left = int(stays.sum())
            lost, more = self._round(stays, kind)
            found += lost
            if not more or sum(map(len, lost)) < _WORTHWHILE * left:
                break
        return found

    def _about(self) -> NDArray[np.bool_]:
        return np.concatenate([one.texts for one in self._signed if one.texts is not None])

    def _round(self, stays: NDArray[np.bool_], kind: str) -> tuple[list[NDArray[Any]], bool]:
        """Near texts looked for once: those that lose, and whether some pairs were left out."""
        how, n = self._how, len(stays)
        rows = Rows(self.begins, np.packbits(stays))
        given = shared(rows)
        some = shards_of(-(-n // _ROWS))
        bands, _ = bands_for(how.jaccard or 1.0)
        jobs = [(band, shard) for band in range(bands) for shard in some]
        self._tell(f"looking for pairs in {bands} bands of {len(some)} shards")
        calls = ((k, how, given, kind, *job) for k, job in enumerate(jobs))
        counted = list(self._slowly(in_tasks(band_pairs, calls), len(jobs), "shards of bands"))
        shards = -(-sum(count for count, _ in counted) // _PAIRS)
        if not shards:
            return [], False
        cuts = borders(how, len(jobs), shards)
        shards = len(cuts) - 1
        later, pairs = np.zeros(n, dtype=bool), 0
        ranges = enumerate(pairwise(cuts))
        calls_of = ((k, how, len(jobs), low, high) for k, (low, high) in ranges)
        for count, losing in in_tasks(merged, calls_of):
            later[losing] = True
            pairs += count
        self._tell(f"comparing {pairs:,} pairs of near texts")
        numbered = enumerate(zip(self._parts, self._signed, strict=True))
        fetch = ((k, part, how, given, one.places, shards) for k, (part, one) in numbered)
        there = [k for k, any_ in enumerate(in_tasks(fetched, fetch)) if any_]
        losing_bits = shared(np.packbits(later))
        compare = ((k, how, there, losing_bits) for k in range(shards))
        for _ in self._slowly(in_tasks(verified, compare), shards, "shards of pairs"):
            pass
        return list(decided(how, shards, stays)), any(left for _, left in counted)

    def _grouped(self) -> str:
        """Have the keys tell apart what rows are about, where any is about something; the kind of
        their files."""
        if not any(one.about for one in self._signed):
            return "keys"
        about = _Run(self._parts, self._how._replace(inputs=True, jaccard=NEARLY), self._tell)
        about.sign("inputs")
        there = about._about()
        number = np.arange(len(there))
        lost = np.concatenate([one.rows for one in about.lost()])
        number[lost["row"]] = winners(lost)
        calls = []
        for k, (low, high) in enumerate(pairwise(self.begins)):
            rows = np.flatnonzero(there[low:high])
            if high > low:
                calls.append((k, self._how, rows, number[low:high][rows]))
        for _ in in_tasks(regroup, calls):
            pass
        return "grouped"

    def write(self, lost: Sequence[_Lost], schema: Any, others: bool) -> None:
        """Write the rows that stay, and the others if they are wanted."""
        gone = np.concatenate([one.rows for one in lost])
        kinds = np.repeat([one.kind for one in lost], [len(one.rows) for one in lost])
        order = np.argsort(gone["row"], kind="stable")
        final = winners(gone)[order]
        gone, kinds = gone[order], kinds[order]
        cuts = np.searchsorted(gone["row"], self.begins)
        calls = (
            (k, part, self._how, int(self.begins[k]), one.rows, one.places, schema, others,
             *(those[cuts[k] : cuts[k + 1]] for those in (gone, kinds, final)))
            for k, (part, one) in enumerate(zip(self._parts, self._signed, strict=True))
        )  # fmt: skip
        for _ in self._slowly(in_tasks(_write, calls), len(self._parts), "written"):
            pass


def winners(lost: NDArray[Any]) -> NDArray[np.int64]:
    """For each row that goes, which stays: what it matches, or what that lost to in turn."""
    order = np.argsort(lost["row"], kind="stable")
    rows, of = lost["row"][order], lost["of"][order]
    winner: NDArray[np.int64] = lost["of"].copy()
    while len(rows):
        at = np.minimum(np.searchsorted(rows, winner), len(rows) - 1)
        on = rows[at] == winner
        if not on.any():
            break
        winner[on] = of[at[on]]
    return winner


def _write(
    number: int,
    part: Part,
    how: Signing,
    begin: int,
    rows: int,
    places: NDArray[np.int64] | None,
    schema: Any,
    others: bool,
    gone: NDArray[Any],
    kinds: NDArray[Any],
    final: NDArray[np.int64],
) -> None:
    """Write a part's rows that stay, and the others."""
    import pyarrow as pa

    at = np.arange(rows) if places is None else places
    stays = np.ones(rows, dtype=bool)
    stays[gone["row"] - begin] = False
    name = f"part-{number:05}.parquet"
    write_table(how.work / "kept" / name, chosen(part, how.reading, at[stays], schema))
    if not others:
        return
    told = {
        "number": gone["row"] + 1,
        "kind": pa.array(kinds.tolist(), pa.string()),
        "similarity": np.round(gone["similarity"].astype(np.float64), 4),
        "kept_number": final + 1,
        "matched_number": gone["of"] + 1,
    }
    them = chosen(part, how.reading, at[~stays], schema).combine_chunks()
    told["row"] = pa.concat_arrays(them.to_struct_array().chunks) if len(them) else pa.array(
        [], pa.struct(list(schema)))  # fmt: skip
    write_table(how.work / "gone" / name, pa.table(told))
