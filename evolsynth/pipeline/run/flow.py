"""How rows flow: each step as a stream of rows, one behind the other, none lost between them."""

from __future__ import annotations

import inspect
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from evolsynth.errors import BrokenStep, EvolsynthError, LostRows
from evolsynth.foreign import failure
from evolsynth.pipeline.graph import Node
from evolsynth.pipeline.run.context import Context
from evolsynth.pipeline.run.given import (
    as_row,
    closing,
    ended,
    given,
    mapped,
    mapped_back,
    unread,
)
from evolsynth.pipeline.run.plan import Observe, looks
from evolsynth.pipeline.run.state import BUG
from evolsynth.pipeline.run.tracking import Tracker
from evolsynth.pipeline.steps import is_ours
from evolsynth.rows import Row
from evolsynth.streams import map_rows

if TYPE_CHECKING:
    from evolsynth.pipeline.run.tee import Tee

__all__ = ["Flow"]


class Flow:
    """The streams of a pipeline's steps.

    Args:
        contexts: one for each node, in their order.
        breaker: so many rows in a row that failed at one step end the run.
        limit: rows that each source makes at most.
        observe: is told each row that a step hands on.
    """

    def __init__(
        self,
        contexts: Sequence[Context],
        *,
        breaker: int | None = None,
        limit: int | None = None,
        observe: Observe | None = None,
    ) -> None:
        self.contexts = contexts
        self.entered: Counter[int] = Counter()
        self.gone: Counter[int] = Counter()
        self.copies: Counter[int] = Counter()
        self.ways: Counter[tuple[int, int]] = Counter()
        self._breaker, self._limit, self._observe = breaker, limit, observe

    @property
    def copied(self) -> int:
        """Rows that branches made of others."""
        return self.copies.total()

    def check(self) -> None:
        """See that each row which entered a step, or was made there, left it, and came on.

        For a flow that came to its end.

        Raises:
            LostRows: the sums do not add up; with the step and the numbers.
        """
        taken: Counter[int] = Counter()
        for context in self.contexts:
            node, counts = context.node, context.counts
            place, came, gone = node.index, self.entered[node.index], self.gone[node.index]
            if came + counts.made - counts.used != gone or counts.running:
                raise LostRows(
                    f"The rows do not add up at '{node.name}': {came} came, {counts.made} were "
                    f"made, {counts.used} became others and {counts.running} are under way, but "
                    f"{gone} left. {BUG}"
                )
            taken.update(dict.fromkeys(node.inputs, 0))
            if len(node.inputs) == 1:
                taken[node.inputs[0]] += came
            else:
                for above in node.inputs:
                    taken[above] += self.ways[place, above]
        for above, rows in taken.items():
            left = self.gone[above] + self.copies[above]
            if rows != left:
                raise LostRows(
                    f"The rows do not add up behind '{self.contexts[above].node.name}': {left} "
                    f"left it, but {rows} came to the next step. {BUG}"
                )

    async def rows(self) -> AsyncGenerator[Row]:
        """What comes out of the last step; settled rows among it, in their places."""
        tees: list[Tee] = []
        try:
            async with aclosing(self._last(tees)) as rows:
                async for row in rows:
                    yield row
        finally:
            for tee in reversed(tees):  # a way that nobody began to read cannot close it
                await tee.aclose()

    def _last(self, tees: list[Tee]) -> AsyncGenerator[Row]:
        """The stream of the last step; the tees between are put into the list."""
        readers: Counter[int] = Counter(i for c in self.contexts for i in c.node.inputs)
        ways: dict[int, list[AsyncGenerator[Row]]] = {}
        looked = looks([context.node for context in self.contexts])
        for context in self.contexts:
            node = context.node
            inputs = [ways[i].pop(0) for i in node.inputs]
            stream = self._node(context, inputs)
            if node.index in looked:
                stream = self._looked(context, stream, self.contexts[looked[node.index]])
            if self._observe is not None:
                stream = _observed(context.node, stream, self._observe)
            if readers[node.index] > 1:
                from evolsynth.pipeline.run.tee import Tee

                copied = partial(self.copies.update, (node.index,))
                tee = Tee(stream, readers[node.index], copied, context.shared.aside)
                tees.append(tee)
                ways[node.index] = tee.streams()
            else:
                ways[node.index] = [stream]
        return ways[len(self.contexts) - 1][0]

    async def _node(
        self, context: Context, inputs: Sequence[AsyncGenerator[Row]]
    ) -> AsyncGenerator[Row]:
        step = context.node.step
        around = not step.settled and not step.each and step.shape in ("map", "expand")
        tracker = Tracker(context.counts, around=around)
        if step.shape == "source":
            stream = self._source(context, tracker)
        elif step.shape == "join":
            stream = self._joined(context, inputs)
        elif around:
            stream = self._guarded(context, inputs[0], tracker)
        else:
            stream = self._plain(context, inputs[0], tracker)
        moved = step.output_mappings or step.input_mappings
        async with aclosing(stream) as rows:
            async for made in rows:
                row = made
                if moved:
                    before = made.settled and (step.shape == "join" or tracker.passes(made))
                    row = mapped_back(context.node, made, settled_before=before)
                if step.shape == "join":
                    self.gone[context.node.index] += 1
                    yield row
                    continue
                for out in tracker.leave(row):
                    self.gone[context.node.index] += 1
                    if context.shared.steerer is not None:
                        context.shared.steerer.left(out)
                    yield out
                broken = self._breaker and tracker.streak >= self._breaker
                if broken and step.kind not in ("load", "texts"):
                    raise BrokenStep(_told_broken(context, row, tracker.streak))
        for out in tracker.rest():
            self.gone[context.node.index] += 1
            yield out
        context.shared.tell("step", step=context.node.name)

    async def _looked(
        self, context: Context, rows: AsyncGenerator[Row], gate: Context
    ) -> AsyncGenerator[Row]:
        """The step's rows after a look at their instructions, with the gate that stands below.

        What is refused counts as rejected at this step, which made it.
        """
        counts, live, streak = context.counts, deque[bool](), 0

        async def leaving() -> AsyncGenerator[Row]:
            async with aclosing(rows) as source:
                async for row in source:
                    live.append(not row.settled)
                    yield row

        judge = gate.gate(gate.node.step.parameters.get("settings"))
        async with aclosing(judge.check(leaving(), instructions_only=True)) as looked:
            async for row in looked:
                if live.popleft():
                    streak = streak + 1 if row.failure is not None else 0
                    if row.settled:
                        counts.left -= 1
                        counts.failed += row.failure is not None
                        counts.rejected += row.failure is None
                yield row
                if self._breaker and streak >= self._breaker:
                    raise BrokenStep(_told_broken(context, row, streak))

    async def _source(self, context: Context, tracker: Tracker) -> AsyncGenerator[Row]:
        """A source's rows; an exception of a user's function is told with the step's name."""
        node, made = context.node, 0
        ours = is_ours(node.step)
        first = next(iter(inspect.signature(node.step.function).parameters), "")
        stream = _called(context, *((None,) if first == "rows" else ()))  # it makes rows of none
        async with closing(context, stream) as rows:
            while self._limit is None or made < self._limit:
                row, error = await given(rows)
                if error is not None:
                    raise ended(node, error, f"The source '{node.name}' failed after {made} rows")
                if row is None:
                    return
                made += 1
                row = row if ours else as_row(node, row, made)
                steerer = context.shared.steerer
                yield row if steerer is None else steerer.made(node, row)

    async def _joined(
        self, context: Context, inputs: Sequence[AsyncGenerator[Row]]
    ) -> AsyncGenerator[Row]:
        node, counts, gone = context.node, context.counts, 0
        ours = is_ours(node.step)

        async def counted(above: int, stream: AsyncGenerator[Row]) -> AsyncGenerator[Row]:
            async with aclosing(stream) as rows:
                async for row in rows:
                    self.entered[node.index] += 1
                    self.ways[node.index, above] += 1
                    counts.came += not row.settled
                    # settled rows too, which change back on their way out: nobody knows any more
                    # by then which of them were settled here
                    yield mapped(node, row)

        async with AsyncExitStack() as stack:
            ways = [
                await stack.enter_async_context(aclosing(counted(above, stream)))
                for above, stream in zip(node.inputs, inputs, strict=True)
            ]
            rows = await stack.enter_async_context(closing(context, _called(context, ways)))
            while True:
                row, error = await given(rows)
                if error is not None:
                    raise ended(node, error, f"The step '{node.name}' failed")
                if row is None:
                    break
                gone += 1
                counts.left += not row.settled
                yield row if ours else as_row(node, row, gone)
            for way in ways:
                if await anext(way, None) is not None:
                    raise unread(node)
        counts.used = self.entered[node.index] - gone

    async def _plain(
        self, context: Context, rows: AsyncGenerator[Row], tracker: Tracker
    ) -> AsyncGenerator[Row]:
        """A step of ours, which hands on settled rows by itself, or a function of one row."""
        node = context.node

        async def entering() -> AsyncGenerator[Row]:
            async with aclosing(rows) as source:
                async for row in source:
                    self.entered[node.index] += 1
                    tracker.enter(row)
                    yield row if row.settled else mapped(node, row)
            tracker.ended = True

        async with aclosing(entering()) as entered:
            stream = _each(context, entered) if node.step.each else _called(context, entered)
            async with closing(context, stream) as made:
                while True:
                    row, error = await given(made)
                    if error is not None:
                        raise ended(node, error, f"The step '{node.name}' failed, and not at a row")
                    if row is None:
                        break
                    yield row if isinstance(row, Row) else as_row(node, row, 0)
            if not tracker.ended and await anext(entered, None) is not None:
                raise unread(node)

    async def _guarded(
        self, context: Context, rows: AsyncGenerator[Row], tracker: Tracker
    ) -> AsyncGenerator[Row]:
        """A generator of a user's own: started anew behind a row for which it raises."""
        from evolsynth.pipeline.run.tee import Feed

        node, last = context.node, list[Row]()
        async with aclosing(Feed(rows)) as feed:

            async def entering() -> AsyncGenerator[Row]:
                while (row := await feed.next()) is not None:
                    self.entered[node.index] += 1
                    got = row if row.settled else mapped(node, row)
                    if got.failure is not None and row.failure is None:
                        tracker.counts.came += 1
                        tracker.counts.failed += 1
                    if tracker.enter(got, as_it_was=row):
                        last[:] = [got]
                        yield got
                tracker.ended = True  # it may give back what it holds in any order from now on

            while True:
                last.clear()
                error: BaseException | None = None
                async with closing(context, _called(context, entering())) as made:
                    while True:
                        row, error = await given(made, lambda one: as_row(node, one, 0))
                        if row is None:
                            break
                        yield row
                if feed.error is not None:
                    raise feed.error
                if error is None:
                    break
                if not last or (feed.ended and not tracker.inside()):
                    raise ended(node, error, f"The step '{node.name}' failed, and not at a row")
                async for row in self._blamed(context, tracker, last[0], error):
                    yield row
            async for _ in entering():  # settled rows behind the last that it took pass around
                raise unread(node)

    async def _blamed(
        self, context: Context, tracker: Tracker, last: Row, error: BaseException
    ) -> AsyncGenerator[Row]:
        """What becomes of the rows that a generator held when it raised."""
        node = context.node
        held = tracker.inside()
        if not held:  # it gave the row back, or made others of it, and raised then
            yield Row.make(
                key=f"{node.name}/{last.id}",
                method=node.step.kind,
                parents=(last.id,),
                failure=failure(node.name, error),
            )
        for row in held:
            if len(held) == 1:
                yield row.replace(failure=failure(node.name, error))
                continue
            made: list[Row] = []
            async with closing(context, _called(context, _only(row))) as stream:
                while True:
                    one, wrong = await given(stream, lambda one: as_row(node, one, 0))
                    if one is None:
                        break
                    made.append(one)
            if wrong is not None:
                made = [row.replace(failure=failure(node.name, wrong))]
            for one in made:
                yield one


async def _observed(node: Node, rows: AsyncGenerator[Row], observe: Observe) -> AsyncGenerator[Row]:
    async with aclosing(rows) as source:
        async for row in source:
            try:
                observe(node, row)
            except (EvolsynthError, OSError):  # such as a pipe whose reader has gone
                raise
            except Exception as error:
                raise ended(node, error, f"The observer failed at '{node.name}'") from error
            yield row


def _called(context: Context, *inputs: Any) -> AsyncGenerator[Any]:
    stream: AsyncGenerator[Any] = context.node.step.function(*inputs, **context.arguments())
    return stream


def _each(context: Context, rows: AsyncGenerator[Row]) -> AsyncGenerator[Row]:
    """A function of one row, several rows at a time; one for which it raises has failed."""
    node, options = context.node, context.arguments()

    async def work(row: Row) -> Row | tuple[Row, ...]:
        made = await node.step.function(row, **options)
        if made is None:
            return ()
        several = made if isinstance(made, list | tuple | Iterator) else (made,)
        return tuple(as_row(node, one, 0) for one in several)

    width = context.concurrency or (context.llm.concurrency if context.llm is not None else 16)
    return map_rows(rows, work, step=node.name, concurrency=width)


async def _only(row: Row) -> AsyncGenerator[Row]:
    yield row


def _told_broken(context: Context, row: Row, streak: int) -> str:
    name = context.node.name
    why = row.failure
    what = "" if why is None else f"{why.error}: {why.message}".rstrip(" :.")
    told = f" The last error: {what}." if what else ""
    return (
        f"{streak} rows in a row failed at '{name}', so the run was stopped.{told} Mend the cause "
        "and run again: what was made is kept, and failed rows are tried again."
    )
