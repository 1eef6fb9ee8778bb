"""The gate: what becomes of a row, and why.

It answers with a `Verdict` and refuses nothing silently: a rejected row flows on, marked, to
where it is written down with its reasons and the values that led to them. Which checks there are
is told by `CHECKS`, what they ask for by `settings`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from contextvars import copy_context
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.index import Search
from evolsynth.evaluation.embed.base import Embedder, HasStatic, rough
from evolsynth.evaluation.gate.check import Case, Check, Part, tiers
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.gate.verdict import WRITTEN, Given, Memory, Read, look, rejected, waits
from evolsynth.findings import Finding
from evolsynth.foreign import failure, of_all
from evolsynth.rows import Row
from evolsynth.streams import Rows, ordered_map, ready

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.gate.apart import Apart
    from evolsynth.evaluation.gate.check import BatchCheck
    from evolsynth.evaluation.gate.own import OwnCheck

__all__ = ["Gate", "part_findings"]

T = TypeVar("T")
_READ = 64  # rows that are read together: so few that what is known of their texts is kept


class Gate:
    """Checks rows one after the other, in plan order.

    A duplicate is what equals an earlier row of the same stream: of what this call of `check` has
    let through. One instruction for two inputs is two tasks, and so are two about one input.

    A verdict is made once: an instruction that was let through, with what it was made from, is not
    read again by the same gate, only compared with the rows of its stream.

    Cheap checks come first, and what they refuse is not embedded. Without an ``embedder``
    near-duplicates are not looked for, only exact ones, and information loss is judged by facts
    and words alone.

    Args:
        settings: the thresholds, what to skip, and which optional checks to make.
        checks: checks of your own, made by `check` on rows that ours let through.
        apart: a second process for what is asked of each row by itself.
        memory: where what it has seen is remembered; by default in this process.

    A row for which a check or the embedder raises anything has failed, with the error, and the
    others go on; a `SetupError` ends the stream.

    Checks run in a thread of the gate's own, and few of them embed: candidates for duplicates are
    found by static vectors, and only the clauses that an evolution seems to have dropped are
    compared by meaning. So a back end that is generating beside it keeps the processors.

    Rows that have come already are checked together, up to ``at_once``; none waits for those that
    have not. More at once are embedded quicker, and more are under way when a run is stopped: give
    512 or so for rows of a file, where nothing is lost. From 65 on a second thread compares rows
    while the next are read. What is kept of a row that was let through is its text, its input
    once, its static vector and its id.
    """

    def __init__(
        self,
        embedder: Embedder | None = None,
        *,
        settings: GateSettings = GateSettings(),  # noqa: B008 - it cannot be changed
        checks: Sequence[OwnCheck] = (),
        at_once: int = 8,
        apart: Apart | None = None,
        memory: Memory | None = None,
    ) -> None:
        if at_once < 1:
            raise InputError(f"Gate(at_once={at_once}): give a number of rows, 1 or more.")
        self._at_once, self._apart = at_once, apart
        self._embedder = embedder
        self._settings = settings
        self._own = _ours(checks) if checks else ()
        self._memory = Memory() if memory is None else memory
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="evolsynth-gate")
        self._comparer = self._thread
        if at_once > _READ:  # rows of a file: nothing that generates wants the processors
            self._comparer = ThreadPoolExecutor(1, thread_name_prefix="evolsynth-compare")

    @property
    def settings(self) -> GateSettings:
        """Its thresholds, and which checks it makes."""
        return self._settings

    def close(self) -> None:
        """End the gate's threads; it cannot be used any more. Otherwise they end with the gate."""
        self._memory.close()  # first: somebody may wait for it
        self._thread.shutdown(wait=True)
        self._comparer.shutdown(wait=True)

    async def check(self, rows: Rows, *, instructions_only: bool = False) -> AsyncGenerator[Row]:
        """Check whole rows: their instructions, unless they were let through before, and responses.

        Yields every row with its verdict.

        Args:
            instructions_only: look at instructions alone, before anything is spent on them. Rows
                that are let through stay undecided, and those without an instruction as they are.
        """
        async with aclosing(self._stream(rows, whole=not instructions_only)) as checked:
            async for row in checked:
                yield row

    async def check_candidates(self, rows: Sequence[Row]) -> list[Row]:
        """The rows by themselves, without looking for duplicates: rejected, failed, or undecided.

        For a method that chooses among candidates.
        """
        stream = _Stream(self._settings, self._embedder, self._memory, whole=True)
        read = await _aside(self._thread, self._read, rows, stream)
        done = [one.row for one in read]
        self._memory.add_passed(_fingerprint(row) for row in done if not row.settled)
        return done

    async def _stream(self, rows: Rows, *, whole: bool) -> AsyncGenerator[Row]:
        # An index for each stream: one for all would be filled in the order of who is first.
        stream = _Stream(self._settings, self._embedder, self._memory, whole=whole)
        groups = ready(rows, most=self._at_once)

        async def read(some: Sequence[Row]) -> list[Read]:
            return await _aside(self._thread, self._read, some, stream)

        async def one_by_one() -> AsyncGenerator[list[Read]]:
            async with aclosing(groups):
                async for some in groups:
                    yield await read(some)

        # The next ones are read while these are compared, where much of the time is the embedder's;
        # but of a plain iterator, whose next row may block, none is taken before it is wanted.
        ahead = isinstance(rows, Sequence | AsyncIterable) and self._comparer is not self._thread
        groups_read = (
            ordered_map(groups, read, concurrency=2, name="gate") if ahead else one_by_one()
        )
        async with aclosing(groups_read) as source:
            async for some in source:
                for row in await _aside(self._comparer, self._judge, some, stream):
                    yield row

    def _read(self, rows: Sequence[Row], stream: _Stream) -> list[Read]:
        """Make the checks that look at a row by itself; runs in the gate's thread."""

        def here(part: Sequence[Given]) -> list[Read]:
            return [Read(row) for row in look(part, stream.alone, self._settings, self._embedder)]

        some = (self._given(rows[k : k + _READ], stream) for k in range(0, len(rows), _READ))
        parts = [part for part in some if part]  # of an empty one nobody would take the answer
        apart = self._apart if stream.whole else None
        each = chain.from_iterable(map(here, parts) if apart is None else apart.look(parts, here))
        return [next(each) if stream.concerns(row) else Read(row) for row in rows]

    def _given(self, rows: Sequence[Row], stream: _Stream) -> list[Given]:
        """Those rows that there is something to look at in, with what is known of them."""
        memory = self._memory
        memory.add_inputs({row.id: text for row in rows if (text := row.input) is not None})
        return [
            Given(
                row,
                memory.input_of(row.parents[0]) if row.parents else None,
                memory.has_passed(_fingerprint(row)),
            )
            for row in rows
            if stream.concerns(row)
        ]

    def _judge(self, read: Sequence[Read], stream: _Stream) -> list[Row]:
        """Rows that were read, compared with those before and with each other, and decided on.

        Runs in the thread that compares.
        """
        done = [one.row for one in read]
        live = [i for i, row in enumerate(done) if stream.concerns(row)]
        try:
            search = stream.search([done[i] for i in live])
        except BaseException as error:
            if of_all(error):
                raise
            if len(done) == 1:
                return [done[0].replace(failure=failure("gate", error))]
            return [row for one in read for row in self._judge([one], stream)]
        for place, i in enumerate(live):
            done[i] = self._compare(done[i], stream, search, place)
        if not stream.whole:
            return done
        if self._own:
            from evolsynth.evaluation.gate.own import judged_by
        for check in self._own:
            live = [i for i, row in enumerate(done) if not row.settled]
            judged = judged_by(check, [done[i] for i in live], self._settings)
            for i, row in zip(live, judged, strict=True):
                done[i] = row
        pairs = zip(read, done, strict=True)
        return [row if row.settled else one.decided(row, self._settings) for one, row in pairs]

    def _compare(self, row: Row, stream: _Stream, search: Search | None, place: int) -> Row:
        """Look for the row among those let through, and let it through if it is not there."""
        family = self._memory.family(row)
        if search is not None:
            try:
                case = Case(
                    row, self._settings, twin=cache(lambda: search.find(place, ignore=family))
                )
                found = [f for check in stream.among if (f := check.find(case)) is not None]
                if found:
                    return rejected(row, case.scores, found)
                if not waits(row, self._settings.least_tier):  # else it is no twin of a later row
                    search.add(place, row.id)
            except BaseException as error:  # noqa: BLE001 - a check or embedder of somebody else's
                return row.replace(failure=failure("gate", error))
        if not stream.whole:
            self._memory.add_passed([_fingerprint(row)])
        return row


def _ours(checks: Sequence[OwnCheck]) -> tuple[Check | BatchCheck, ...]:
    from evolsynth.evaluation.gate.own import own_check

    return tuple(own_check(check) for check in checks)


async def _aside(thread: ThreadPoolExecutor, work: Callable[..., list[T]], *given: Any) -> list[T]:
    """What a function gives, in a thread of the gate."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(thread, copy_context().run, work, *given)


class _Stream:
    """One call of `Gate.check`: its checks in order, and what it let through."""

    def __init__(
        self, settings: GateSettings, embedder: Embedder | None, memory: Memory, *, whole: bool
    ) -> None:
        self.whole = whole
        chosen = tiers(settings) if whole else tiers(settings, parts=(*WRITTEN, "row"))
        self.alone = [
            tier for tier in chosen if tier[1] != "stream" and (whole or tier[0] != "row")
        ]
        self.among = [check for _, cost, checks in chosen if cost == "stream" for check in checks]
        self._embedder = embedder
        decides = embedder if isinstance(embedder, HasStatic) else None
        self._seen = memory.index(settings.near_duplicate, decides, self._vectors)

    def concerns(self, row: Row) -> bool:
        """Whether there is something to look at in the row."""
        return not row.settled and (self.whole or row.instruction is not None)

    def search(self, rows: Sequence[Row]) -> Search | None:
        """Where these rows' tasks, in order, can be looked for; None where no check asks for it."""
        if not self.among:
            return None
        texts = [row.instruction or "" for row in rows]
        return self._seen.search(texts, self._vectors(texts), [row.around for row in rows])

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """What the texts are found by in the index, of shape (n, d)."""
        if self._embedder is None:  # nothing is near, only equal
            return np.zeros((len(texts), 1), dtype=np.float32)
        if not texts:
            return np.zeros((0, 1), dtype=np.float32)
        return rough(self._embedder).embed(texts)


def part_findings(row: Row, part: Part, settings: GateSettings | None = None) -> list[Finding]:
    """What can be said against a row's instruction or response by itself, without an embedder.

    A response is seen in view of what was asked.
    """
    case = Case(row, settings or GateSettings())
    for _, _, checks in tiers(settings or GateSettings(), parts=(part,)):
        found = [f for check in checks if (f := check.find(case, part)) is not None]
        if found:
            return found
    return []


def _fingerprint(row: Row) -> int:
    """A row by its id, instruction and input, in eight bytes."""
    about = "" if row.input is None else f"\0{row.input}"
    text = f"{row.id}\0{row.instruction}{about}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
