"""A run's workers: who does what, and what becomes of it when one of them goes.

Jobs go to the worker with the most room, those of one prompt to the same where it has room, as it
has read that. What was under way at a worker that ends is done by another: all of it together, by
one that has nothing else to do. If that ends too, each half goes by itself, and so on; a job that
has ended its worker with nothing beside it is what ends them, and fails. So one bad request costs
some seconds of a few workers and no other row.

What takes much longer than others, while somebody has nothing to do, is given to that one, too; the
first answer counts, and they are the same.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from statistics import median
from typing import Any

import msgspec

from evolsynth.cluster.connect import connected, nodes, processors
from evolsynth.cluster.messages import Answer, Hello, Job, Wanted, answer_of, decoded, encoded
from evolsynth.cluster.placing import parts_of
from evolsynth.cluster.settings import Ray
from evolsynth.doing import say
from evolsynth.errors import EngineError, EvolsynthError, LLMError, SetupError
from evolsynth.foreign import told
from evolsynth.llm.base import LLM, Completion, Score
from evolsynth.llm.llamacpp.files import find_model, sha256_of
from evolsynth.store.status import WorkerCounts
from evolsynth.streams import end

__all__ = ["Pool", "wanted"]

_LOOK = 1.0  # seconds from look to look: at new nodes, and at what takes long
_SLOW, _LEAST = 4.0, 10.0  # times the median, and seconds, from which on a job takes long
_RECENT = 64  # durations that the median is of
_FAILED = 5  # workers in a row that end before they have done anything: then nothing will come
_TO_END = 4.0  # seconds that Ray has to end: it waits long for what has gone
_AHEAD = 1.25  # jobs at a worker, for each that it works on at once


class _Task:
    """A job on its way: who waits for it, and at which workers it is."""

    __slots__ = ("at", "began", "future", "job", "prompt", "twice")

    def __init__(self, job: Job, prompt: int, future: asyncio.Future[Completion | Score]) -> None:
        self.job, self.prompt, self.future = job, prompt, future
        self.at: set[_Worker] = set()
        self.began = 0.0
        self.twice = False


class _Worker:
    """A worker as the run sees it; ``place`` is the node that it was meant for, if any."""

    def __init__(self, actor: Any, place: str | None) -> None:
        self.actor, self.place = actor, place
        self.tasks: dict[int, _Task] = {}
        self.room = 0
        self.has: set[int] = set()  # models that run there, in their order
        self.beginning = asyncio.Lock()
        self.alone = self.left = False
        self.node, self.done = "", 0
        self.tending: asyncio.Task[None] | None = None


class Pool:
    """The workers of one or several models; begun with the first, ended with the last. ``tell`` is
    told of each that comes or goes, as `Store.event` is.

    Args:
        settings: where they are to be, and how many.
    """

    def __init__(self, settings: Ray) -> None:
        self._settings = settings
        self._stack = ExitStack()
        self._ray: Any = None
        self._models: list[Wanted] = []
        self._hellos: dict[int, Hello] = {}
        self._tasks: dict[int, _Task] = {}
        self._workers: list[_Worker] = []
        self._waiting: deque[_Task] = deque()
        self._groups: deque[list[_Task]] = deque()
        self._lasted: deque[float] = deque(maxlen=_RECENT)
        self._numbers = itertools.count()
        self._looking: asyncio.Task[None] | None = None
        self._giving = False
        self._learning: list[asyncio.Task[None]] = []
        self._failed: list[str] = []
        self._broken: EvolsynthError | None = None
        self._begun = asyncio.Condition()
        self._measuring = asyncio.Lock()
        self._users = 0
        self._alone_since: float | None = None
        self._all: list[_Worker] = []
        self.tell: Callable[..., None] = lambda *_, **__: None
        self._kept: dict[int, list[Any]] = {}
        self._served: list[bool] = []  # for each of its models

    # Models ---------------------------------------------------------------------------------------

    async def add(self, want: Wanted) -> tuple[int, Hello]:
        """Have the workers begin a model, and wait until the first has; its number, and what it is.

        Raises:
            EvolsynthError: it cannot be begun, or there is no Ray.
        """
        number = len(self._models)
        self._models.append(want)
        self._users += 1
        if self._ray is None:
            await asyncio.to_thread(self._connect)
            self._looking = asyncio.create_task(self._look(), name="evolsynth-ray")
        else:
            self._learning += [
                asyncio.create_task(self._learn(one)) for one in self._workers if one.has
            ]
        async with self._begun:
            await self._begun.wait_for(lambda: number in self._hellos or self._broken is not None)
        if self._broken is not None:
            raise self._broken
        return number, self._hellos[number]

    def _connect(self) -> None:
        self._stack.enter_context(connected(self._settings.address))
        import ray

        self._ray = ray

    def engines(self, told: Mapping[str, Any], own: LLM, *, served: bool = False) -> LLM:
        """A model at the workers, behind a server that they ask if it is ``served``; see
        `RayEngines`."""
        self._served.append(served)
        from evolsynth.cluster.engines import RayEngines

        return RayEngines(self, told, own)

    async def leave(self) -> None:
        """One of its models is not wanted any more; with the last one the workers end."""
        self._users -= 1
        if self._users <= 0:
            await self.aclose()

    async def aclose(self) -> None:
        """End the workers, and the connection. Safe to call twice."""
        ray, self._ray = self._ray, None
        if ray is None:
            return
        tending = (one.tending for one in self._workers)
        await end(*filter(None, [self._looking, *self._learning, *tending]))
        actors = [one.actor for one in self._workers]
        self._workers.clear()
        self._fail(EngineError("The run's workers were ended."))

        def close() -> None:
            for actor in actors:
                with suppress(Exception):  # it has ended by itself
                    ray.kill(actor)
            self._stack.close()

        await _within(_TO_END, close)

    def _fail(self, error: EvolsynthError) -> None:
        for task in self._tasks.values():
            if not task.future.done():
                task.future.set_exception(error)
        self._tasks.clear()
        self._waiting.clear()
        self._groups.clear()

    # Jobs -----------------------------------------------------------------------------------------

    @property
    def _one_each(self) -> bool:
        """Whether there is one on each node, as all they do is to ask servers."""
        return bool(self._served) and all(self._served)

    @property
    def expected(self) -> int:
        """Workers that there are to be, of the processors that there are now."""
        free = (processors() - self._settings.spare) // self._settings.cpus
        there = max(1, len(nodes()) if self._one_each else int(free))
        return there if self._settings.workers is None else min(there, self._settings.workers)

    def _ready(self) -> list[_Worker]:
        """Workers that all models run at."""
        return [one for one in self._workers if len(one.has) == len(self._models) and not one.left]

    async def ask(self, job: Callable[[int], Job], prompt: int) -> Completion | Score:
        """Have a job done.

        Args:
            job: makes it of its number.
            prompt: equal for jobs that begin with the same.

        Raises:
            EvolsynthError: as the back end; or it has ended its workers; or there are none left.
        """
        if self._broken is not None:
            raise self._broken
        number = next(self._numbers)
        task = _Task(job(number), prompt, asyncio.get_running_loop().create_future())
        self._tasks[number] = task
        self._waiting.append(task)
        self._soon()
        try:
            return await task.future
        except asyncio.CancelledError:
            self._drop(task)
            raise

    def _drop(self, task: _Task) -> None:
        """Nobody waits for it any more."""
        number = task.job.number
        self._tasks.pop(number, None)
        for one in tuple(task.at):
            self._gone(one, task)
            one.actor.drop.remote([number])
        self._soon()

    def _gone(self, one: _Worker, task: _Task) -> None:
        """It is not at that worker any more."""
        one.tasks.pop(task.job.number, None)
        task.at.discard(one)
        if not one.tasks:
            one.alone = False

    def _soon(self) -> None:
        """Give out what waits, once all that is ready now has been said."""
        if not self._giving:
            self._giving = True
            asyncio.get_running_loop().call_soon(self._give)

    def _give(self) -> None:
        self._giving = False
        given: dict[_Worker, list[_Task]] = {}
        for one in self._idle():
            group = self._next_group()
            if group is None:
                break
            one.alone = True
            given[one] = group
        ready = [one for one in self._ready() if not one.alone]
        if self._groups and ready:  # the one with least to do takes no more, and then the group
            ready.remove(min(ready, key=lambda one: len(one.tasks)))
        load = {one: len(one.tasks) for one in ready}
        while self._waiting and load:
            task = self._waiting[0]
            one = self._best(load, task)
            if load[one] >= one.room * _AHEAD:
                break
            self._waiting.popleft()
            if not task.future.done():
                load[one] += 1
                given.setdefault(one, []).append(task)
        for one, tasks in given.items():
            self._put(one, tasks)

    def _idle(self) -> list[_Worker]:
        return [one for one in self._ready() if not one.tasks]

    def _next_group(self) -> list[_Task] | None:
        while self._groups:
            group = [task for task in self._groups.popleft() if not task.future.done()]
            if group:
                return group
        return None

    @staticmethod
    def _best(load: Mapping[_Worker, int], task: _Task) -> _Worker:
        """Who has read the prompt, if there is room for it to be worked on at once; else who has
        the most room."""
        own = list(load)[task.prompt % len(load)]
        if load[own] < own.room:
            return own
        return min(load, key=lambda one: load[one] / max(one.room, 1))

    def _put(self, one: _Worker, tasks: Sequence[_Task]) -> None:
        now = time.monotonic()
        for task in tasks:
            one.tasks[task.job.number] = task
            task.at.add(one)
            task.began = now
        one.actor.put.remote(encoded([task.job for task in tasks]))

    def _done(self, one: _Worker, answer: Answer) -> None:
        task = one.tasks.get(answer.number)
        if task is None:
            return
        one.done += 1
        self._lasted.append(time.monotonic() - task.began)
        self._tasks.pop(answer.number, None)
        for other in tuple(task.at):
            self._gone(other, task)
            if other is not one:
                other.actor.drop.remote([answer.number])
        if task.future.done():
            return
        try:
            task.future.set_result(answer_of(answer))
        except EvolsynthError as error:
            task.future.set_exception(error)

    # Workers --------------------------------------------------------------------------------------

    def _more(self) -> None:
        """Ask Ray for the workers that are wanted and not there: it begins them where there is
        room, or once there is."""
        settings = self._settings
        if len(self._failed) >= _FAILED:
            return
        taken = {one.place for one in self._workers}
        free = (one for one in nodes() if one not in taken)
        places: Iterable[str | None] = free if self._one_each else itertools.repeat(None)
        for place in itertools.islice(places, max(self.expected - len(self._workers), 0)):
            from evolsynth.cluster.worker import Worker

            made = self._ray.remote(Worker).options(
                num_cpus=settings.cpus if place is None else 0,
                max_restarts=0,
                max_concurrency=100_000,
                scheduling_strategy=_on(place),
            )
            one = _Worker(made.remote(settings.cpus, dict(settings.models)), place)
            self._workers.append(one)
            self._all.append(one)
            one.tending = asyncio.create_task(self._tend(one))

    async def _tend(self, one: _Worker) -> None:
        """Begin the models at a worker, and take its answers, until it ends."""
        try:
            await self._begin(one)
            while not one.left:
                self._soon()
                back = await asyncio.wait_for(_of(one.actor.take.remote()), self._settings.patience)
                for answer in decoded(back, list[Answer]):
                    self._done(one, answer)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - ours, or Ray's many ways to say it is gone
            await self._lost(one, error)

    async def _learn(self, one: _Worker) -> None:
        """Begin another model at a worker that is at work."""
        try:
            await self._begin(one)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            await self._lost(one, error)

    async def _begin(self, one: _Worker) -> None:
        """Begin the models that do not run at a worker yet, also those that come meanwhile."""
        await _of(one.actor.pid.remote())  # there is room for it
        async with one.beginning:
            while len(one.has) < len(self._models):
                number = len(one.has)
                hello = await self._hello(one, number)
                if not self._is_alike(number, hello):
                    self._leave(one, for_good=True)
                    return
                one.room = max(one.room, hello.at_once)
                if not one.has:
                    self.tell("worker", node=hello.node)
                one.node = hello.node
                one.has.add(number)
        self._failed.clear()
        async with self._begun:
            self._begun.notify_all()

    async def _hello(self, one: _Worker, number: int) -> Hello:
        """What a worker says of a model that it has begun. The first one is waited for: what it
        measures, the others are told."""
        if number in self._hellos:
            return await self._started(one, number)
        async with self._measuring:
            hello = await self._started(one, number)
            self._hellos.setdefault(number, hello)
            return hello

    async def _started(self, one: _Worker, number: int) -> Hello:
        want = self._models[number]
        known = self._hellos.get(number)
        if known is not None and "attention" in known.provenance:  # measured once, for all
            flash = known.provenance["attention"] == "flash"
            want = want._replace(told={**want.told, "flash_attention": flash})
        told_to = encoded(want)
        said = await _of(one.actor.start.remote(number, told_to))
        if said is None:
            parts = await asyncio.to_thread(self._parts, number)
            await _of(one.actor.place.remote(told_to, parts))
            said = await _of(one.actor.start.remote(number, told_to))
        if said is None:
            raise SetupError(f"The model {want.told['model']} cannot be put on a worker's node.")
        return decoded(said, Hello)

    def _parts(self, number: int) -> list[Any]:
        """The model's file in Ray's store, from where each node takes it once."""
        if number not in self._kept:
            path, _ = find_model(str(self._models[number].told["model"]))
            self._kept[number] = [self._ray.put(part) for part in parts_of(path)]
        return self._kept[number]

    def _is_alike(self, number: int, hello: Hello) -> bool:
        """Whether a worker's answers are those of the first, which says what the model is."""
        first = self._hellos[number]
        same = (first.name, first.provenance, first.same)
        if same == (hello.name, hello.provenance, hello.same):
            return True
        if self._settings.mixed and (first.name, first.provenance) == same[:2]:
            return True
        say(
            f"A worker on {hello.node} is left out: its processor, or its build of llama.cpp, "
            f"computes other last bits of {hello.name} than that of {first.node}, so rows would "
            "depend on who answers. To take it all the same: Ray(mixed=True)."
        )
        return False

    def _leave(self, one: _Worker, *, for_good: bool) -> None:
        """Do without a worker; what it had under way is done elsewhere. Another takes its place,
        unless it is ``for_good``."""
        one.left = True
        if not for_good and one in self._workers:
            self._workers.remove(one)
        with suppress(Exception):
            self._ray.kill(one.actor)
        tasks = list(one.tasks.values())
        was_alone = one.alone
        for task in tasks:
            self._gone(one, task)
        left = [task for task in tasks if not task.at and not task.future.done()]
        if was_alone and len(left) == 1:
            (task,) = left
            self._tasks.pop(task.job.number, None)
            task.future.set_exception(
                LLMError(
                    "The worker that had this request, and nothing else, ended, as one had before: "
                    "it is what ends them. The others go on without it."
                )
            )
        elif left:
            half = -(-len(left) // 2) if was_alone else len(left)
            self._groups.extend(part for part in (left[:half], left[half:]) if part)

    async def _lost(self, one: _Worker, error: Exception) -> None:
        if self._ray is None or one.left:
            return
        cause: Any = getattr(error, "cause", None) or error
        silent = isinstance(error, TimeoutError)
        why = f"silent for {self._settings.patience:g} s" if silent else type(cause).__name__
        ours = isinstance(cause, EvolsynthError)
        if one.has:
            self.tell("worker_lost", node=one.node, why=why, answers=one.done)
            say(
                f"A worker on {one.node} has ended ({why}). What it had under way, "
                f"{len(one.tasks)} answers, others make{'' if ours else '; another is begun'}."
            )
        else:
            self._failed.append(_first_line(cause))
        self._leave(one, for_good=ours)
        if ours and (all(one.left for one in self._workers) or not (self._ready() or self._hellos)):
            await self._break(cause)
        elif not self._ready() and len(self._failed) >= _FAILED:
            why = self._failed[-1]
            await self._break(SetupError(f"{_FAILED} workers in a row did not begin: {why}"))
        elif ours:
            say(f"A worker is left out: {_first_line(cause)}")
        self._soon()

    async def _break(self, error: EvolsynthError) -> None:
        """Nothing will come of it any more."""
        self._broken = error
        self._fail(error)
        async with self._begun:
            self._begun.notify_all()

    async def _look(self) -> None:
        """Now and then: are there new nodes, and does something take too long?"""
        while self._broken is None:
            try:
                await asyncio.to_thread(processors)
                self._more()
            except EvolsynthError as error:
                await self._break(error)
            except Exception as error:  # noqa: BLE001 - Ray's own, which has ended
                await self._break(SetupError(f"Ray does not answer any more: {told(error)[:200]}"))
            self._hurry()
            self._tell()
            await asyncio.sleep(_LOOK)

    def _tell(self) -> None:
        """Say it, once, where there is something to do and nobody to do it."""
        if self._ready() or not self._tasks:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > _LEAST:
            self._alone_since = float("inf")
            say(
                f"No worker is there, and {len(self._tasks)} answers are waited for: they come "
                "once Ray has room for workers again."
            )

    def _hurry(self) -> None:
        """Give what takes long to somebody who has nothing to do as well."""
        if self._waiting or self._groups or len(self._lasted) < _RECENT // 4:
            return
        limit = max(_LEAST, _SLOW * median(self._lasted))
        now = time.monotonic()
        slow = [
            task
            for task in self._tasks.values()
            if task.at and not task.twice and now - task.began > limit
        ]
        slow.sort(key=lambda task: task.began)
        for one in self._idle():
            some, slow = slow[: one.room], slow[one.room :]
            some = [task for task in some if one not in task.at]
            for task in some:
                task.twice = True
            if some:
                began = [task.began for task in some]
                self._put(one, some)
                for task, since in zip(some, began, strict=True):
                    task.began = since

    async def begun(self, workers: int) -> None:
        """Wait until so many workers are there. A run need not: it begins with the first.

        Raises:
            EvolsynthError: none will come.
        """
        async with self._begun:
            await self._begun.wait_for(lambda: len(self._ready()) >= workers or self._broken)
        if self._broken is not None:
            raise self._broken

    def standing(self) -> list[WorkerCounts]:
        """Of each worker that there is or was, what it does and has done."""
        return [
            WorkerCounts(
                node=one.node,
                answers=one.done,
                under_way=len(one.tasks),
                there=self._ray is not None and one in self._workers and not one.left,
            )
            for one in self._all
            if one.has
        ]


def _on(place: str | None) -> Any:
    """Where Ray is to begin a worker."""
    if place is None:
        return "DEFAULT"
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(place, soft=False)


async def _of(reference: Any) -> Any:
    """What a call gives, as something that can be waited for with a limit."""
    return await reference


async def _within(seconds: float, work: Callable[[], None]) -> None:
    """Do something in a thread, and leave it behind where it takes longer."""
    done, loop = asyncio.Event(), asyncio.get_running_loop()

    def do() -> None:
        with suppress(Exception):  # there is nobody to tell
            work()
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=do, name="evolsynth-ray-end", daemon=True).start()
    with suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), seconds)


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "cause", None) or error
    return (told(cause).strip().splitlines() or [type(cause).__name__])[-1][:300]


def wanted(given: Mapping[str, Any], *, file: bool) -> Wanted:
    """What workers are to be told of a model.

    Args:
        given: what its back end was told, ``model`` among it.
        file: whether it is a file that this machine has.
    """
    told_of = msgspec.to_builtins(dict(given))
    if not file:
        return Wanted(told_of)
    path, entry = find_model(str(given["model"]))
    return Wanted(told_of, path.name, sha256_of(path), entry is not None)
