"""Verdicts on more rows than memory holds: `Gate` in shards.

Each part's rows are looked at by themselves; then rows that say the same are found, by shards of
digests, or with an embedder one group after the other at shards of texts (`RayMemory`); then each
part's rows get their verdicts, and are written. What one stage leaves for the next lies in files of
a folder for work, which all machines share. The process that directs them keeps what there is to
know of rows that have the same id as earlier ones or, without an embedder, say the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from msgspec import msgpack

from evolsynth.atomic import written
from evolsynth.cluster.bands import Rows, equal_rows, shards_of
from evolsynth.cluster.connect import LOCAL, connected, processors
from evolsynth.cluster.files import array_of, keep, room, save, work_in
from evolsynth.cluster.memory import RayMemory
from evolsynth.cluster.parts import Part, Reading, opened, parts_of, raw_records
from evolsynth.cluster.settings import Ray
from evolsynth.cluster.signing import Signing, save_digests
from evolsynth.cluster.tables import one_schema, schema_with, table_of, write_table
from evolsynth.cluster.tasks import in_tasks, shared
from evolsynth.errors import InputError, Misread
from evolsynth.evaluation.duplicates.same_request import asked_of, digest
from evolsynth.evaluation.embed.base import HasStatic, embedder_named, estimates, rough
from evolsynth.evaluation.gate.case import Case
from evolsynth.evaluation.gate.check import tiers
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.gate.verdict import Given, Read, look, rejected, waits
from evolsynth.evaluation.text import LOOKED_AT
from evolsynth.findings import Finding
from evolsynth.rows import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["gate_folder"]

T = TypeVar("T")
_AT_ONCE = 512
_ROWS = 1 << 20  # of a shard of digests
_MOST_SHARDS = 16
_READ = msgpack.Decoder(list[Read])
_TWINS = msgpack.Decoder(dict[int, Finding])


class _Judging(NamedTuple):
    work: Path
    reading: Reading
    settings: GateSettings
    embedder: str | None

    def digests(self, of: str) -> Signing:
        """Where digests of something lie."""
        return Signing(self.work / of, self.reading, of, None)

    def rows(self, number: int) -> Path:
        """Where a part's rows lie."""
        return self.work / f"rows-{number:05}.msgpack"

    def estimates(self, number: int) -> Path:
        """Where what the embedder estimates of a part's rows lies, if it does."""
        return self.work / f"estimates-{number:05}.npy"

    def twins(self, number: int) -> Path:
        """Where it lies which rows of a part say what an earlier one says."""
        return self.work / f"twins-{number:05}.msgpack"


class _Looked(NamedTuple):
    """A part: its rows, whether one says anything, the ids of rows that some were made from and
    that are not in it, and the schema."""

    rows: int
    says: bool
    open: frozenset[str]
    schema: Any


class _Known(NamedTuple):
    """A row that is the same as another in something: its number, its id, those of the rows that
    it was made from, and whether it waits, so that no later one is its twin."""

    row: int
    id: str
    parents: tuple[str, ...]
    waits: bool


def gate_folder(
    data: str,
    output: str,
    *,
    rejects: str | None = None,
    settings: GateSettings | None = None,
    embedder: str | None = None,
    tell: Callable[[str], object] = lambda _: None,
    ray: str | None = None,
    workers: int | None = None,
    **reading: Any,
) -> Counter[str]:
    """Write accepted rows, and others, as Parquet files, one for each part of the input, in order.

    All machines of Ray must see the folders under these paths.

    Args:
        data: a file, a folder of files of rows, or a pattern.
        output: a folder for accepted rows, which is made or empty.
        rejects: the same for the other rows; they are not written if None.
        settings: of the gate.
        embedder: its name among `embedders`, which all machines must have; None for none. What
            rows are compared with lies at as many processes as there are processors, 16 at most.
        tell: is told what is being done.
        ray: where Ray is, unless there is a connection; see `connected`.
        workers: processes at once, on a Ray that is begun here.
        reading: how rows are to be understood; see `file_origin`.

    Returns:
        How many rows of each status, ``reason CODE`` and ``tier NAME``, and of `LOOKED_AT`.

    Raises:
        InputError: the folders, a file or a row cannot be used, or an id comes twice.
        Misread: there is no row, or none that says anything.
        SetupError: what is needed is not installed, or tasks were lost again and again.
    """
    init = {"num_cpus": workers} if workers and ray in (None, LOCAL) else {}
    parts = parts_of(data, {**reading, "one_id": True})
    place = room(output, "-o", data)
    others = None if rejects is None else room(rejects, "--rejects", data)
    counts = Counter[str]()
    # what is under way ends with the connection, and what it has written goes after that
    with work_in(place) as work, connected(ray, **init):
        for name in ("asked", "ids", "accepted", "others"):
            (work / name).mkdir()
        how = _Judging(work, {**reading, "one_id": True}, settings or GateSettings(), embedder)
        tell(f"looking at {len(parts):,} parts")
        looked = _looked(parts, how, data)
        begins = np.cumsum([0, *(one.rows for one in looked)])
        schemas = [one.schema for one in looked if one.schema is not None]
        tell(f"comparing {begins[-1]:,} rows")
        names = _names(how, begins, data)
        if embedder is None:
            twins = _twins(how, begins, names)
        else:
            twins = {}
            on = Ray(shards=max(1, min(_MOST_SHARDS, int(processors()))))
            _compare(how, _by_part(names, begins), embedder, on)
        tell("writing the rows")
        given = shared(one_schema(schemas, data))
        told = zip(parts, _by_part(names, begins), _by_part(twins, begins), strict=True)
        calls = (
            (k, part.path, how, given, rejects is not None, *of_part)
            for k, (part, *of_part) in enumerate(told)
        )
        for one in in_tasks(_settled, calls):
            counts.update(one)
        keep(work / "accepted", place)
        if others is not None:
            keep(work / "others", others)
    return counts


# Each row by itself -------------------------------------------------------------------------------


def _by_part(told: Mapping[int, T], begins: NDArray[np.int64]) -> list[dict[int, T]]:
    """What is told of rows by their numbers, for each part by their places in it."""
    found: list[dict[int, T]] = [{} for _ in begins[1:]]
    for row, what in told.items():
        part = int(np.searchsorted(begins, row, "right")) - 1
        found[part][row - int(begins[part])] = what
    return found


def _looked(parts: Sequence[Part], how: _Judging, label: str) -> list[_Looked]:
    """Look at all rows, and again at those that were made from a row of an earlier part."""
    looked = list(in_tasks(_look_at, ((k, part, how, {}) for k, part in enumerate(parts))))
    if not sum(one.rows for one in looked):
        raise Misread(f"{label}: there is no row in it. Give a file or a folder with rows.")
    if not any(one.says for one in looked):
        raise Misread(
            f"{label}: no row says what is asked. Name the column that does, --field NAME, or the "
            "form that the rows have, --format NAME."
        )
    wanted = frozenset[str]().union(*(one.open for one in looked))
    if not wanted:
        return looked
    given = shared(wanted)
    known: dict[str, str] = {}
    again: list[tuple[int, Part, _Judging, dict[str, str]]] = []
    found = in_tasks(_inputs_in, ((part, how, given) for part in parts))
    for k, (part, inputs) in enumerate(zip(parts, found, strict=True)):
        mine = {name: known[name] for name in looked[k].open if name in known}
        if mine:
            again.append((k, part, how, mine))
        known |= inputs
    for (k, *_), one in zip(again, in_tasks(_look_at, iter(again)), strict=True):
        looked[k] = one
    return looked


def _rows_in(part: Part, how: _Judging) -> Iterator[tuple[Row, bool]]:
    """The rows of a part, and whether each has an id of its own."""
    reader, taker = opened(part, how.reading)
    for record in raw_records(part, reader):
        own = isinstance(record[1], Mapping) and record[1].get("id") is not None
        yield taker.row(record), own


def _inputs_in(part: Part, how: _Judging, wanted: frozenset[str]) -> dict[str, str]:
    """The inputs of some rows, by their ids, where they are in a part."""
    some = (row for row, _ in _rows_in(part, how) if row.id in wanted)
    return {row.id: row.input for row in some if row.input is not None}


def _look_at(number: int, part: Part, how: _Judging, inputs: Mapping[str, str]) -> _Looked:
    """Look at a part's rows by themselves, and write them, and digests of what they ask and of
    their ids."""
    alone = [tier for tier in tiers(how.settings) if tier[1] != "stream"]
    known, missing, says, count, schema = dict(inputs), set[str](), False, 0, None
    asked, ids, owns = list[bytes](), list[bytes](), list[bool]()
    estimated: list[NDArray[np.float16]] = []
    rows = _rows_in(part, how)
    with written(how.rows(number)) as place, place.open("xb") as file:
        while some := list(islice(rows, _AT_ONCE)):
            given: list[Given] = []
            for row, own in some:
                says = says or row.settled or bool((row.instruction or "").strip() or row.messages)
                if row.input is not None:
                    known[row.id] = row.input
                parent = row.parents[0] if row.parents else None
                if parent is not None and parent not in known:
                    missing.add(parent)
                given.append(Given(row, None if parent is None else known.get(parent)))
                ids.append(_digest(row.id if own else _base(row.id)))
                owns.append(own)
            read = _read(given, alone, how)
            asked += [_asked(one.row) for one in read]
            estimated += _estimated([one.row for one in read], how)
            schema = schema_with(schema, [one.row.to_flat() for one in read], part.path)
            packed = msgpack.encode(read)
            file.write(len(packed).to_bytes(8, "little") + packed)
            count += len(read)
    if count:
        for name, found in (("asked", asked), ("ids", ids)):
            digests = np.frombuffer(b"".join(found), "<u8").reshape(-1, 2)
            save_digests(number, how.digests(name), digests)
        save(how.digests("ids").place("own", number), np.array(owns))
        if estimated:
            save(how.estimates(number), np.concatenate(estimated))
    return _Looked(count, says, frozenset(missing), schema)


def _read(given: Sequence[Given], alone: Any, how: _Judging) -> list[Read]:
    """Rows that were looked at; settled ones are as they were."""
    live = [one for one in given if not one.row.settled]
    after = iter(look(live, alone, how.settings, _embedder(how.embedder)))
    return [Read(one.row if one.row.settled else next(after)) for one in given]


@cache
def _embedder(name: str | None) -> Embedder | None:
    """The embedder of this process."""
    return embedder_named(name)


def _estimated(rows: Sequence[Row], how: _Judging) -> list[NDArray[np.float16]]:
    """What the embedder estimates of rows' instructions, zeros for those that are settled: an array
    of shape (n, d). None where it does not estimate."""
    embedder = _embedder(how.embedder)
    sooner = None if embedder is None else estimates(embedder)
    live = [k for k, row in enumerate(rows) if not row.settled]
    if sooner is None:
        return []
    found = sooner.estimate([rows[k].instruction or "" for k in live] or [""]).astype(np.float16)
    array = np.zeros((len(rows), found.shape[1]), dtype=np.float16)
    array[live] = found[: len(live)]
    return [array]


def _digest(text: str) -> bytes:
    return digest(text, 16)


_NONE = bytes(16)


def _asked(row: Row) -> bytes:
    """What tells whether a later row says the same; nothing for one that is settled."""
    return _NONE if row.settled else _digest(asked_of(row.instruction or "", row.around))


def _waits(row: Row, settings: GateSettings) -> bool:
    """Whether no later row is its twin, as it is refused at the end."""
    with suppress(InputError):  # of its demands, which is told where it is decided
        return waits(row, settings.least_tier)
    return True


def _base(name: str) -> str:
    """An id that was made of what a row says, without the number of its kind."""
    return re.sub(r"-\d+\Z", "", name)


def _packed(place: Path) -> Iterator[list[Read]]:
    with place.open("rb") as file:
        while length := file.read(8):
            yield _READ.decode(file.read(int.from_bytes(length, "little")))


# Rows among each other ----------------------------------------------------------------------------


def _groups(how: _Judging, begins: NDArray[np.int64], of: str) -> list[list[int]]:
    """The rows that have the same digest of something, in order, where there are several."""
    rows = shared(Rows(begins, None))
    shards = shards_of(-(-int(begins[-1]) // _ROWS))
    groups: dict[int, list[int]] = {}
    for pairs in in_tasks(equal_rows, ((how.digests(of), rows, shard) for shard in shards)):
        for row, first in pairs.tolist():
            groups.setdefault(first, [first]).append(row)
    return [sorted(group) for group in groups.values()]


def _names(how: _Judging, begins: NDArray[np.int64], label: str) -> dict[int, int]:
    """Which rows' ids have a number behind them, and which: of rows without one of their own that
    say the same.

    Raises:
        InputError: two rows have one id of their own.
    """
    names: dict[int, int] = {}
    own = how.digests("ids")
    for group in _groups(how, begins, "ids"):
        for k, row in enumerate(group, 1):
            part = int(np.searchsorted(begins, row, "right")) - 1
            if k > 1 and array_of(own.place("own", part))[row - begins[part]]:
                raise InputError(
                    f"{label}: rows {group[0] + 1:,} and {row + 1:,} of all have one id. Change "
                    "one, or give the column another name (--rename id=key)."
                )
            names[row] = k
    return names


def _twins(
    how: _Judging, begins: NDArray[np.int64], names: Mapping[int, int]
) -> dict[int, Finding]:
    """Which rows say what an earlier one says that was let through."""
    if not any(check.name == "exact_duplicate" for *_, some in tiers(how.settings)
               for check in some):  # fmt: skip
        return {}
    groups = _groups(how, begins, "asked")
    wanted = np.array(sorted(row for group in groups for row in group), dtype=np.int64)
    cuts = np.searchsorted(wanted, begins)
    calls = [
        (k, how, int(low), wanted[cuts[k] : cuts[k + 1]])
        for k, low in enumerate(begins[:-1])
        if cuts[k] < cuts[k + 1]
    ]
    known = {one.row: one for some in in_tasks(_known, calls) for one in some}
    elders: dict[str, tuple[str, ...]] = {}
    if any(one.parents for one in known.values()):
        for some in in_tasks(_parents, ((k, how) for k in range(len(begins) - 1))):
            elders |= some
    twins: dict[int, Finding] = {}
    for group in groups:
        there: list[str] = []
        for row in group:
            one = known[row]
            family = _family(one.parents, elders)
            twin = next((name for name in there if name not in family), None)
            if twin is not None:
                twins[row] = Finding("exact_duplicate", {"of": twin, "similarity": 1.0})
            elif not one.waits:
                there.append(_named(one.id, names.get(row)))
    return twins


def _family(parents: Sequence[str], elders: Mapping[str, tuple[str, ...]]) -> set[str]:
    found, left = set[str](), list(parents)
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += elders.get(one, ())
    return found


def _named(name: str, number: int | None) -> str:
    """A row's id, with its number among those that say the same."""
    if number is None:
        return name
    return _base(name) if number == 1 else f"{_base(name)}-{number}"


def _known(number: int, how: _Judging, begin: int, wanted: NDArray[np.int64]) -> list[_Known]:
    rows, found = set((wanted - begin).tolist()), []
    place = 0
    for some in _packed(how.rows(number)):
        found += [
            _Known(begin + k, one.row.id, one.row.parents, _waits(one.row, how.settings))
            for k, one in enumerate(some, place)
            if k in rows
        ]
        place += len(some)
    return found


def _parents(number: int, how: _Judging) -> dict[str, tuple[str, ...]]:
    """The parents of a part's rows that have some and were not refused by themselves."""
    return {
        one.row.id: one.row.parents
        for some in _packed(how.rows(number))
        for one in some
        if one.row.parents and not one.row.settled
    }


def _compare(how: _Judging, names: Sequence[Mapping[int, int]], embedder: str, on: Ray) -> None:
    """Write for each part which of its rows say or mean what an earlier one says that was let
    through; see `Gate`.

    Args:
        names: of each part, by the places of rows in it.
    """
    model = embedder_named(embedder)
    if model is None:
        return
    among = [check for _, cost, some in tiers(how.settings) for check in some if cost == "stream"]
    memory = RayMemory(on)
    vectors = rough(model).embed
    index = memory.index(
        how.settings.near_duplicate, model if isinstance(model, HasStatic) else None, vectors
    )
    with closing(memory):
        for number, named in enumerate(names):
            twins: dict[int, Finding] = {}
            estimated = array_of(place) if (place := how.estimates(number)).is_file() else None
            at = 0
            for some in _packed(how.rows(number)):
                live = [k for k, one in enumerate(some, at) if not one.row.settled and among]
                rows = [some[k - at].row for k in live]
                texts = [row.instruction or "" for row in rows]
                search = index.search(
                    texts,
                    vectors(texts),
                    [row.around for row in rows],
                    () if estimated is None else [estimated[k] for k in live],
                )
                for i, (k, row) in enumerate(zip(live, rows, strict=True)):
                    family = memory.family(row)
                    twin = cache(partial(search.find, i, ignore=family))
                    case = Case(row, how.settings, twin=twin)
                    if any(check.find(case) is not None for check in among):
                        found = twin()
                        assert found is not None  # noqa: S101 - it is what they look at
                        twins[k] = found
                    elif not _waits(row, how.settings):
                        search.add(i, _named(row.id, named.get(k)))
                at += len(some)
            with written(how.twins(number)) as path:
                path.write_bytes(msgpack.encode(twins))


# The end ------------------------------------------------------------------------------------------


def _settled(
    number: int,
    label: str,
    how: _Judging,
    schema: Any,
    others: bool,
    names: Mapping[int, int],
    twins: Mapping[int, Finding],
) -> Counter[str]:
    """Give a part's rows their verdicts and write them; how many of each status and reason."""
    if how.twins(number).is_file():
        twins = _TWINS.decode(how.twins(number).read_bytes())
    among = [check for _, cost, some in tiers(how.settings) for check in some if cost == "stream"]
    counts = Counter[str]()
    parted: dict[str, list[dict[str, Any]]] = {"accepted": [], "others": []}
    place = 0
    for some in _packed(how.rows(number)):
        for k, one in enumerate(some, place):
            row = one.row
            if k in names:
                row = row.replace(id=_named(row.id, names[k]))
            if k in twins:
                row = _refused(row, twins[k], among, how.settings)
            if not row.settled:
                row = one.decided(row, how.settings)
            counts[row.status] += 1
            counts[LOOKED_AT] += row.scores.get(LOOKED_AT, 1.0) < 1
            if row.verdict is not None:
                counts.update(f"reason {code}" for code in row.verdict.reasons)
                counts[f"tier {row.verdict.tier}"] += row.verdict.accepted
            kind = "accepted" if row.status == "accepted" else "others"
            parted[kind].append(row.to_flat())
        place += len(some)
    for kind in parted if others else ("accepted",):
        table = table_of(parted[kind], label, schema)
        write_table(how.work / kind / f"part-{number:05}.parquet", table)
    return counts


def _refused(row: Row, twin: Finding, among: Sequence[Any], settings: GateSettings) -> Row:
    """The row as one that says what another says."""
    case = Case(row, settings, twin=lambda: twin)
    found = [f for check in among if (f := check.find(case)) is not None]
    return rejected(row, case.scores, found)
