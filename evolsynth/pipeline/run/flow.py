"""How rows flow: each step as a stream of rows, one behind the other, none lost between them."""

from __future__ import annotations

import inspect
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from evolsynth.errors import BrokenStep, EvolsynthError, InputError, SetupError, StepError
from evolsynth.pipeline.graph import Node
from evolsynth.pipeline.run.context import Context
from evolsynth.pipeline.run.looks import looks
from evolsynth.pipeline.run.tee import Feed, Tee
from evolsynth.pipeline.run.tracking import Tracker
from evolsynth.pipeline.values import renamed, swapped
from evolsynth.rows import Failure, Row
from evolsynth.streams import failure, map_rows

__all__ = ["Flow", "Observe"]

Observe = Callable[[Node, Row], None]


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
        self.copied = 0
        self.cut_short = False
        self._breaker, self._limit, self._observe = breaker, limit, observe

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
                tee = Tee(stream, readers[node.index], self._copied, context.shared.aside)
                tees.append(tee)
                ways[node.index] = tee.streams()
            else:
                ways[node.index] = [stream]
        return ways[len(self.contexts) - 1][0]

    def _copied(self) -> None:
        self.copied += 1

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
        mapped = step.output_mappings or step.input_mappings
        async with aclosing(stream) as rows:
            async for made in rows:
                row = made
                if mapped:
                    before = made.settled and (step.shape == "join" or tracker.passes(made))
                    row = _mapped_back(context.node, made, settled_before=before)
                if step.shape == "join":
                    yield row
                    continue
                for out in tracker.leave(row):
                    yield out
                if self._breaker and tracker.streak >= self._breaker and step.kind != "load":
                    raise BrokenStep(_told_broken(context, row, tracker.streak))
        for out in tracker.rest():
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
        made = 0
        first = next(iter(inspect.signature(context.node.step.function).parameters), "")
        stream = _called(context, *((None,) if first == "rows" else ()))  # it makes rows of none
        async with aclosing(stream) as rows:
            while self._limit is None or made < self._limit:
                try:
                    row = await anext(rows, None)
                except EvolsynthError:
                    raise
                except Exception as error:
                    raise StepError(
                        f"The source '{context.node.name}' failed after {made} rows: "
                        f"{type(error).__name__}: {error}. Mend it and run again: what was made "
                        "is kept."
                    ) from error
                if row is None:
                    return
                made += 1
                yield _as_row(context.node, row, made)

    async def _joined(
        self, context: Context, inputs: Sequence[AsyncGenerator[Row]]
    ) -> AsyncGenerator[Row]:
        counts, entered, gone = context.counts, 0, 0
        names = context.node.step.input_mappings

        async def counted(stream: AsyncGenerator[Row]) -> AsyncGenerator[Row]:
            nonlocal entered
            async with aclosing(stream) as rows:
                async for row in rows:
                    entered += 1
                    counts.came += not row.settled
                    # settled rows too, which change back on their way out: nobody knows any more
                    # by then which of them were settled here
                    yield _mapped(context.node, row, names) if names else row

        async with aclosing(_called(context, [counted(stream) for stream in inputs])) as rows:
            async for row in rows:
                gone += 1
                counts.left += not row.settled
                yield _as_row(context.node, row, gone)
        counts.used = entered - gone

    async def _plain(
        self, context: Context, rows: AsyncGenerator[Row], tracker: Tracker
    ) -> AsyncGenerator[Row]:
        """A step of ours, which hands on settled rows by itself, or a function of one row."""
        names = context.node.step.input_mappings

        async def entering() -> AsyncGenerator[Row]:
            async with aclosing(rows) as source:
                async for row in source:
                    tracker.enter(row)
                    yield row if not names or row.settled else _mapped(context.node, row, names)
            tracker.ended = True

        async with aclosing(entering()) as entered:
            stream = _each(context, entered) if context.node.step.each else None
            async with aclosing(stream or _called(context, entered)) as made:
                async for row in made:
                    yield row
            if not tracker.ended:
                self.cut_short = True

    async def _guarded(
        self, context: Context, rows: AsyncGenerator[Row], tracker: Tracker
    ) -> AsyncGenerator[Row]:
        """A generator of a user's own: started anew behind a row for which it raises."""
        node, names = context.node, context.node.step.input_mappings
        async with aclosing(Feed(rows)) as feed:
            last: list[Row] = []

            async def entering() -> AsyncGenerator[Row]:
                while (row := await feed.next()) is not None:
                    got = row if not names or row.settled else _mapped(node, row, names)
                    if got.failure is not None and row.failure is None:
                        tracker.counts.came += 1
                        tracker.counts.failed += 1
                    if tracker.enter(got, as_it_was=row):
                        last[:] = [got]
                        yield got
                tracker.ended = True  # it may give back what it holds in any order from now on

            while True:
                last.clear()
                try:
                    async with aclosing(_called(context, entering())) as made:
                        async for row in made:
                            yield _as_row(node, row, tracker.counts.made)
                except (SetupError, StepError):
                    raise
                except Exception as error:
                    if feed.error is not None:
                        raise
                    if not last or (feed.ended and not tracker.inside()):
                        raise StepError(
                            f"The step '{node.name}' failed, and not at a row: "
                            f"{type(error).__name__}: {error}. Mend it and run again: what was "
                            "made is kept."
                        ) from error
                    async for row in self._blamed(context, tracker, last[0], error):
                        yield row
                    continue
                self.cut_short |= not feed.ended
                return

    async def _blamed(
        self, context: Context, tracker: Tracker, last: Row, error: Exception
    ) -> AsyncGenerator[Row]:
        """What becomes of the rows that a generator held when it raised."""
        node = context.node
        held = tracker.inside()
        if not held:  # it gave the row back, or made others of it, and raised then
            yield Row.make(
                key=f"{node.name}/{last.id}",
                method=node.step.kind,
                parents=(last.id,),
                failure=_failure(node, error),
            )
        for row in held:
            if len(held) == 1:
                yield row.replace(failure=_failure(node, error))
                continue
            made: list[Row] = []
            try:
                async with aclosing(_called(context, _only(row))) as stream:
                    made.extend([_as_row(node, one, 0) async for one in stream])
            except SetupError:
                raise
            except Exception as wrong:  # noqa: BLE001 - a user's code may raise anything
                made = [row.replace(failure=_failure(node, wrong))]
            for one in made:
                yield one


async def _observed(node: Node, rows: AsyncGenerator[Row], observe: Observe) -> AsyncGenerator[Row]:
    async with aclosing(rows) as source:
        async for row in source:
            observe(node, row)
            yield row


def _called(context: Context, *inputs: Any) -> AsyncGenerator[Any]:
    stream: AsyncGenerator[Any] = context.node.step.function(*inputs, **context.arguments())
    return stream


def _each(context: Context, rows: AsyncGenerator[Row]) -> AsyncGenerator[Row]:
    """A function of one row, several rows at a time; one for which it raises has failed."""
    node, options = context.node, context.arguments()

    async def work(row: Row) -> Row | tuple[Row, ...]:
        try:
            made = await node.step.function(row, **options)
        except SetupError:
            raise
        except Exception as error:  # noqa: BLE001 - a user's code may raise anything
            return row.replace(failure=_failure(node, error))
        if made is None:
            return ()
        if isinstance(made, Row):
            return made
        return tuple(_as_row(node, one, 0) for one in made)

    width = context.concurrency or (context.llm.concurrency if context.llm is not None else 16)
    return map_rows(rows, work, step=node.name, concurrency=width)


async def _only(row: Row) -> AsyncGenerator[Row]:
    yield row


def _as_row(node: Node, item: Any, number: int) -> Row:
    if isinstance(item, Row):
        return item
    if isinstance(item, dict) and node.step.shape == "source":
        return Row.make(**_read(node, item, number))
    raise StepError(
        f"The step '{node.name}' yielded {item!r:.60}, which is no Row but "
        f"{type(item).__name__}. Yield rows: row.replace(...), or Row.make(...)."
    )


def _read(node: Node, item: dict[str, Any], number: int) -> dict[str, Any]:
    try:
        row = Row.from_dict(item)
    except InputError as error:
        raise StepError(f"The source '{node.name}', row {number}: {error}") from None
    fields = {name: getattr(row, name) for name in Row.__struct_fields__}
    if item.get("id") is None:
        del fields["id"]
        fields["key"] = f"{node.name}/{number}"
    return fields


def _mapped(node: Node, row: Row, names: Mapping[str, str]) -> Row:
    """The row as the step is to see it; one whose values do not fit there has failed."""
    try:
        return swapped(row, names)
    except InputError as error:
        return row if row.settled else row.replace(failure=failure(node.name, error))


def _mapped_back(node: Node, row: Row, *, settled_before: bool) -> Row:
    """The row as the steps behind it are to see it.

    A row that was settled before the step keeps its columns, which only a join has changed about.
    """
    step = node.step
    try:
        if step.input_mappings and (step.shape == "join" or not settled_before):
            row = swapped(row, step.input_mappings)
        return row if settled_before else renamed(row, step.output_mappings)
    except InputError as error:
        return row if row.settled else row.replace(failure=failure(node.name, error))


def _failure(node: Node, error: Exception) -> Failure:
    if isinstance(error, EvolsynthError):
        return failure(node.name, error)
    return Failure(step=node.name, error=type(error).__name__, message=str(error))


def _told_broken(context: Context, row: Row, streak: int) -> str:
    name = context.node.name
    why = row.failure
    told = "" if why is None else f" The last error: {why.error}: {why.message.rstrip('.')}."
    return (
        f"{streak} rows in a row failed at '{name}', so the run was stopped.{told} Mend the cause "
        "and run again: what was made is kept, and failed rows are tried again."
    )
