"""Running a pipeline into a folder, so that a killed run goes on where it was.

The plan is replayed each time and every answer of a model that is in the store is taken from
there, so resuming, caching and editing a step are one thing: what is asked again is what was not
asked like that before.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

import msgspec

from evolsynth.errors import (
    EvolsynthError,
    InputError,
    RunStopped,
    StepError,
    StoreError,
)
from evolsynth.evaluation.embed.base import Embedder, embedder_named
from evolsynth.foreign import failure, witnessed
from evolsynth.llm.prices import Spending
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.run.context import Asking, Context, Shared
from evolsynth.pipeline.run.export import check_sources, export, report_of, write_outputs
from evolsynth.pipeline.run.flow import Flow
from evolsynth.pipeline.run.plan import Plan, RunOptions
from evolsynth.pipeline.run.state import (
    BY_CLOCK,
    End,
    Guarded,
    RunResult,
    RunState,
    check_kept,
    check_planned,
    ended_by,
    how_ended,
    stopped_text,
)
from evolsynth.pipeline.run.stopping import Control, signals_to
from evolsynth.pipeline.run.told import note_facts, note_pipeline
from evolsynth.rows import Row
from evolsynth.store.store import Store
from evolsynth.streams import end

__all__ = ["RunOptions", "run"]

_STATUS_EVERY = 1.0
_QUIET = 0.3


async def run(pipeline: Pipeline, folder: str | Path | None, options: RunOptions) -> RunResult:
    """Run a pipeline; see `Pipeline.run`. Without a folder nothing is kept but the counts.

    Raises:
        InputError: the pipeline does not fit together, the folder is in use, or data is bad.
        SetupError: a model is missing, the disk is full, or everything fails.
        StepError: a step's own function raised, and not because of one row.
        LostRows: the rows do not add up.
        RunStopped: by a signal.
    """
    plan = Plan(pipeline, options)
    if folder is not None:
        check_sources(pipeline, Path(folder), plan.outputs)
    with Store.open(
        folder, fresh=options.fresh, use_cache=options.use_cache, cache=options.cache
    ) as store:
        running = _Run(plan, store, Path(folder) if folder is not None else None, options)
        try:
            with witnessed(running.tell):
                result = await running.go()
        except BaseException as error:
            try:
                store.close(how_ended(error))
            except StoreError as other:  # so nothing is kept, whatever the error said
                if not isinstance(error, EvolsynthError):
                    raise
                other.add_note(str(error))
                raise other from error
            raise
        store.close(result.ended)
        return result


class _Run:
    def __init__(self, plan: Plan, store: Store, folder: Path | None, options: RunOptions) -> None:
        self.plan, self.store, self.folder, self.options = plan, store, folder, options
        self.state = RunState(plan.pipeline.name, folder, plan.nodes, plan.budget)
        self.state.width = options.concurrency
        self.state.pool = plan.models.pool
        if plan.models.pool is not None:
            plan.models.pool.tell = self.tell
        self.state.expected, self.state.offered = plan.expected, plan.offered
        self.state.spending = Spending(store.get("spending"))
        self.control = Control()
        self.ended: End = "finished"
        self.stopped: str | None = None
        self.shared = Shared(None, plan.settings, self.store.event, options.on)
        self.flow = Flow(())
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()

    async def go(self) -> RunResult:
        """From the models' start to the data set."""
        store, state = self.store, self.state
        note_pipeline(store, self.plan.pipeline)
        if self.options.command is not None:
            store.set("command", dict(self.options.command))
        async with AsyncExitStack() as stack:
            await self._load(stack)
            state.begin()
            if self.options.watch is not None:
                watch = Guarded(self.options.watch)
                watch.begin(state)
                store.listener = watch.event
                stack.callback(watch.end)
            stack.callback(state.end)
            with signals_to(self._signalled, wanted=self.options.signals):
                try:
                    await self._rows()
                except StoreError:
                    raise
                except EvolsynthError:  # what came out before it is looked at with less patience
                    self._export(partial=True)
                    raise
            how = "stopped" if self.stopped else "finished"
            store.event(how, reason=self.stopped or self.ended)
        self._note(self.stopped or self.ended)
        store.check()
        check_kept(state, store.count())
        if self.stopped is not None:
            self._export(partial=True)
            known = "spec" in (self.options.command or {})  # else its folder alone does not do
            raise RunStopped(stopped_text(state, self.stopped, remembered=known), self.stopped)
        files = self._export(partial=False)
        if self.folder is not None and self.options.report:
            embedder = self.shared.embedder
            files["report"] = await report_of(self.folder, store, state.total, embedder)
        files |= write_outputs(store, self.folder, self.plan.outputs, self.shared.embedder)
        return RunResult(folder=self.folder, ended=self.ended, state=state, files=files)

    def tell(self, kind: str, **data: Any) -> None:
        """Put an event into the store, from whatever thread."""
        if threading.get_ident() == self._thread:
            self.store.event(kind, **data)
        else:
            self._loop.call_soon_threadsafe(lambda: self.store.event(kind, **data))

    async def _load(self, stack: AsyncExitStack) -> None:
        """Start the models and the embedder; what is missing is told before any work is done."""
        plan, options = self.plan, self.options
        await stack.enter_async_context(plan.models.started())
        if plan.wants_embedder:
            self.shared.embedder = await _embedder(plan.embedder)
        stack.callback(self.shared.close)
        if plan.steer is not None:
            from evolsynth.pipeline.run.steer import Steerer  # few runs steer themselves

            steerer = Steerer(plan.steer, plan.nodes, self.store.event, self.shared.embedder)
            self.shared.steerer = self.state.steerer = steerer
        asking = Asking(plan, options, self.store, self.control, self.state, self._affords, stack)
        contexts = []
        for node in plan.nodes:
            given = asking.of(node)
            llm = given.pop("llm", None)
            counts, seed = self.state.counts[node.index], plan.seed_of(node)
            width = node.step.concurrency or options.concurrency
            contexts.append(Context(node, counts, self.shared, seed, llm, width, given))
        asking.check()
        self.flow = Flow(
            contexts, breaker=options.breaker or None, limit=options.limit, observe=options.observe
        )

    async def _rows(self) -> None:
        """Take rows out until the end, a budget's end, or a signal."""
        consumer = asyncio.create_task(self._consume(), name="the run")
        told = asyncio.create_task(self.control.stopping.wait())
        look = asyncio.create_task(self._look())
        try:
            await asyncio.wait({consumer, told, look}, return_when=asyncio.FIRST_COMPLETED)
            if not consumer.done():
                if look.done():
                    look.result()  # the store's own error
                await self._finish(consumer)
            if not self.state.cut and consumer.cancelled():
                raise StepError(
                    "The run was cancelled from inside: a step's own code cancelled the task that "
                    "it runs in. See what the steps cancel."
                )
            if consumer.done() and not consumer.cancelled():
                consumer.result()
        finally:
            await end(consumer, told, look, levels=2)

    async def _consume(self) -> None:
        state, budget, store, flow = self.state, self.plan.budget, self.store, self.flow
        async with aclosing(flow.rows()) as rows:
            async for made in rows:
                row = self._put(made)
                state.add(row)
                if state.steerer is not None:
                    state.steerer.came(row)
                if row.failure is not None:
                    store.event("failed_row", row=row.id, **msgspec.structs.asdict(row.failure))
                self.ended = ended_by(state, budget) or self.ended
                if self.ended != "finished":
                    break
        state.copied = flow.copied
        state.cut = self.ended != "finished"
        if state.cut:
            return
        flow.check()
        check_planned(state)

    def _put(self, row: Row) -> Row:
        """Keep a row; one that cannot be written has failed."""
        step = row.failure.step if row.failure else None
        try:
            self.store.put_row(self.state.total, row, step=step)
        except EvolsynthError:
            raise
        except Exception as error:  # noqa: BLE001 - values of somebody else's
            broken = failure(self.plan.nodes[-1].name, error)
            row = Row.make(key=str(row.id), method=str(row.method), failure=broken)
            self.store.put_row(self.state.total, row, step=broken.step)
        return row

    async def _finish(self, consumer: asyncio.Task[None]) -> None:
        """The run is stopping: leave what is under way its time, then end it."""
        self.store.event("stopping", reason=self.control.reason, under_way=self.control.under_way)
        idle = asyncio.create_task(self._idle())
        hurry = asyncio.create_task(self.control.at_once.wait())
        await asyncio.wait(
            {consumer, idle, hurry},
            timeout=None if self.control.reason == "max_cost" else self.options.grace,
            return_when=asyncio.FIRST_COMPLETED,
        )
        by_itself = consumer.done()
        await end(idle, hurry, consumer, levels=2)
        reason = self.control.reason or ""  # a signal may have come since
        if not by_itself and (not consumer.done() or consumer.cancelled()):
            self.state.cut = True
            self.stopped = reason if reason.startswith("SIG") else None
            self.ended = BY_CLOCK.get(reason, self.ended)

    async def _idle(self) -> None:
        """Wait until no model is at work and no row has come out for a moment."""
        quiet, before = 0.0, -1
        while quiet < _QUIET:
            await asyncio.sleep(0.05)
            now = self.state.total
            busy = self.control.under_way or now != before
            quiet, before = 0.0 if busy else quiet + 0.05, now

    async def _look(self) -> None:
        """Each second: write down how the run stands, and see to the budgets that need a clock."""
        budget, state = self.plan.budget, self.state
        while True:
            state.copied = self.flow.copied
            self._note()
            self.store.flush()
            left = _STATUS_EVERY
            if budget.minutes is not None:
                left = min(left, budget.minutes * 60 - state.seconds)
            written = state.tokens + state.tokens_found
            if budget.max_tokens is not None and written >= budget.max_tokens:
                self._stop("max_tokens")
            if left <= 0:
                self._stop("minutes")
                left = _STATUS_EVERY
            await asyncio.sleep(min(left, 0.1 if budget.max_tokens else left))

    def _note(self, ended: str | None = None) -> None:
        """Write down how the run stands, for `read_status` and its report."""
        note_facts(self.store, self.state, self.plan.seed, ended)

    def _affords(self) -> bool:
        """Whether there is money for another question; if not, the run is told to stop."""
        limit = self.plan.budget.max_cost
        if limit is None or self.state.spending.cost() < limit:
            return True
        self._stop("max_cost")
        return False

    def _stop(self, reason: str) -> None:
        if self.control.reason is None:
            self._signalled(reason)

    def _signalled(self, name: str) -> None:
        if self.control.reason is None:
            self.store.event("stopping", reason=name)
        elif not self.control.reason.startswith("SIG"):
            self.control.reason = name  # it ends as if the signal had come first
        self.control.stop(name)

    def _export(self, *, partial: bool) -> dict[str, Path]:
        if self.folder is None:
            return {}
        try:
            return export(self.store, self.folder, partial=partial)
        except InputError:
            self.store.check()  # where it is gone too, nothing is kept
            raise


async def _embedder(chosen: Any) -> Embedder | None:
    if isinstance(chosen, str):
        return await asyncio.to_thread(embedder_named, chosen)
    embedder: Embedder | None = None if chosen is False else chosen
    return embedder
