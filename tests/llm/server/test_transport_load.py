"""The load that a server bears is found, by its answers alone, in a time that is only counted."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable

import pytest

from evolsynth.llm.server.limits import Bucket, Limits
from evolsynth.llm.server.load import Load

#: How long an answer takes, by chance and by how many are worked on.
Draw = Callable[[random.Random, int], float]


def steady(seconds: float) -> Draw:
    return lambda chance, busy: seconds


def about(seconds: float) -> Draw:
    return lambda chance, busy: seconds * chance.lognormvariate(-0.32, 0.8)


def batching(chance: random.Random, busy: int) -> float:
    return 0.02 + 0.002 * busy


def thrashing(chance: random.Random, busy: int) -> float:
    return 0.02 * float(max(1.0, busy / 8) ** 1.3)


class World:
    """A server with slots, and a client that always has something to ask."""

    def __init__(
        self, load: Load, slots: int, draw: Draw, *, refuses_from: int = 0, seed: int = 1
    ) -> None:
        self.load, self.slots, self.draw, self.refuses_from = load, slots, draw, refuses_from
        self.chance = random.Random(seed)
        self.now = 0.0
        self.events: list[tuple[float, int, str, float]] = []
        self.order = itertools.count()
        self.line: deque[float] = deque()
        self.busy = self.under_way = self.answered = self.refused = 0

    def later(self, seconds: float, what: str, entered: float) -> None:
        heapq.heappush(self.events, (self.now + seconds, next(self.order), what, entered))

    def ask(self) -> None:
        while self.under_way < self.load.limit:
            self.under_way += 1
            self.load.entered(self.now)
            self.later(0.0005, "arrives", self.now)

    def work(self, entered: float) -> None:
        self.busy += 1
        self.later(self.draw(self.chance, self.busy), "done", entered)

    def arrives(self, entered: float) -> None:
        if self.refuses_from and self.busy + len(self.line) >= self.refuses_from:
            self.later(0.0005, "refused", entered)
        elif self.busy < self.slots:
            self.work(entered)
        else:
            self.line.append(entered)

    def until(self, answered: int) -> float:
        """Answers a second, up to so many answers from now."""
        began, aim = self.now, self.answered + answered
        first = self.answered
        while self.answered < aim:
            self.ask()
            self.now, _, what, entered = heapq.heappop(self.events)
            if what == "arrives":
                self.arrives(entered)
            elif what == "done":
                self.busy -= 1
                if self.line and self.busy < self.slots:  # there may be fewer slots by now
                    self.work(self.line.popleft())
                self.later(0.0005, "answered", entered)
            else:
                self.under_way -= 1
                self.load.left(self.now, entered=entered)
                if what == "answered":
                    self.answered += 1
                    self.load.answered(self.now, entered=entered, busy=True)
                else:
                    self.refused += 1
                    self.load.refused(self.now, entered=entered, left=self.under_way)
        return (self.answered - first) / (self.now - began)


def best_fixed(slots: int, draw: Draw, refuses_from: int = 0, many: int = 3000) -> float:
    most = refuses_from or 256
    numbers = {n for n in (1, 2, 4, 8, 12, 16, 32, 64, 128, 256, most) if n <= most}
    return max(
        World(Load(Limits(concurrency=n)), slots, draw, refuses_from=refuses_from).until(many)
        for n in numbers
    )


@pytest.mark.parametrize(
    ("slots", "draw", "refuses_from"),
    [
        pytest.param(8, steady(0.02), 0, id="8 slots"),
        pytest.param(8, about(0.02), 0, id="8 slots, answers of all lengths"),
        pytest.param(1, steady(0.02), 0, id="1 slot"),
        pytest.param(3, about(0.02), 0, id="3 slots"),
        pytest.param(40, about(0.02), 0, id="40 slots"),
        pytest.param(8, steady(0.02), 8, id="8 slots and no line"),
        pytest.param(8, about(0.02), 12, id="8 slots and a short line"),
        pytest.param(256, thrashing, 0, id="worse beyond 8"),
    ],
)
def test_the_throughput_is_that_of_the_best_fixed_load(
    slots: int, draw: Draw, refuses_from: int
) -> None:
    many = max(3000, 150 * min(slots, 64))
    best = best_fixed(slots, draw, refuses_from, many)
    worlds = [
        World(Load(Limits()), slots, draw, refuses_from=refuses_from, seed=seed)
        for seed in range(3)
    ]
    shares = sorted(world.until(many) / best for world in worlds)
    assert shares[1] >= 0.95
    assert shares[0] >= 0.9


def test_a_batching_server_gets_as_many_as_make_it_faster() -> None:
    world = World(Load(Limits()), 1000, batching)
    world.until(2000)
    assert world.load.limit > 100
    assert world.until(4000) >= 0.93 * best_fixed(1000, batching)


def test_a_slot_is_found_at_once_where_there_are_many() -> None:
    world = World(Load(Limits()), 64, steady(0.02))
    world.until(300)
    assert world.load.limit >= 64
    assert world.now < 12 * 0.02


def test_few_are_refused_while_it_is_found_out_how_many_are_borne() -> None:
    world = World(Load(Limits()), 8, steady(0.02), refuses_from=8)
    world.until(4000)
    assert world.load.limit in (8, 9)
    assert world.refused < 80
    before = world.refused
    world.until(4000)
    assert world.refused - before < 40, "it is tried more and more rarely"


def test_a_server_that_others_leave_is_used_more_after_a_while() -> None:
    world = World(Load(Limits()), 8, steady(0.02), refuses_from=8)
    world.until(1000)
    world.slots = world.refuses_from = 24
    world.until(20_000)
    assert world.load.limit >= 16


def test_a_server_that_others_use_too_gets_less() -> None:
    world = World(Load(Limits()), 64, steady(0.02))
    world.until(3000)
    high = world.load.limit
    world.slots = 8
    world.until(8000)
    assert world.load.limit <= high / 2
    assert world.until(1000) > 0.95 * 400


def test_what_no_longer_answers_in_time_gets_half_once_for_all_of_a_burst() -> None:
    load = Load(Limits(most=64))
    load.limit = 40
    for _ in range(30):
        load.slowed(10.0, entered=1.0)
    assert load.limit == 20
    load.slowed(20.0, entered=11.0)
    assert load.limit == 10


def test_a_burst_of_refusals_cuts_no_deeper_than_half() -> None:
    load = Load(Limits())
    load.limit = 40
    for left in range(39, -1, -1):  # a limit of requests a minute: none is let through
        load.refused(10.0, entered=1.0, left=left)
    assert load.limit == 20


def test_a_fixed_load_stays() -> None:
    world = World(Load(Limits(concurrency=5)), 8, steady(0.02), refuses_from=4)
    world.load.slowed(0.0, entered=0.0)
    world.until(500)
    assert world.load.limit == world.load.wanted == 5


def test_it_never_goes_beyond_the_most() -> None:
    world = World(Load(Limits(most=6)), 64, steady(0.02))
    world.until(500)
    assert world.load.limit == 6
    assert world.load.wanted == 6


@pytest.mark.parametrize("slots", [1, 8, 40])
def test_the_search_begins_at_what_the_server_says(slots: int) -> None:
    world = World(Load(Limits()), slots, about(0.02))
    world.load.begin_at(slots)
    assert world.load.limit == slots
    assert world.until(300) > 0.95 * World(
        Load(Limits(concurrency=2 * slots)), slots, about(0.02)
    ).until(300)


def test_what_the_server_says_is_no_bound() -> None:
    world = World(Load(Limits()), 64, steady(0.02))
    world.load.begin_at(4)
    world.until(3000)
    assert world.load.limit >= 56


def test_a_users_word_counts_more_than_the_servers() -> None:
    fixed, few = Load(Limits(concurrency=3)), Load(Limits(most=6))
    fixed.begin_at(16)
    few.begin_at(16)
    assert fixed.limit == 3
    assert few.limit == 6


def test_nothing_is_concluded_while_there_is_little_to_ask() -> None:
    load = Load(Limits())
    for n in range(200):
        load.entered(n)
        load.left(n + 0.5, entered=n)
        load.answered(n + 0.5, entered=n, busy=False)
    assert load.limit == 4


# --- limits of a minute --------------------------------------------------------------------------


def test_a_bucket_lets_through_what_a_minute_allows() -> None:
    bucket = Bucket(60)
    now = 100.0
    taken = []
    while now < 160:
        if bucket.wait(now) == 0:
            bucket.take(1, now)
            taken.append(now)
        now += 0.25
    assert 60 <= len(taken) <= 61
    assert min(b - a for a, b in itertools.pairwise(taken[2:])) >= 1


def test_what_is_more_than_a_minute_allows_is_paid_for_afterwards() -> None:
    bucket = Bucket(600)
    bucket.take(6000, 0.0)
    assert bucket.wait(0.0) == pytest.approx(599)
    assert bucket.wait(600.0) == 0


def test_an_allowance_that_was_not_used_is_not_saved_up() -> None:
    bucket = Bucket(60)
    assert bucket.wait(10_000.0) == 0
    bucket.take(1, 10_000.0)
    bucket.take(1, 10_000.0)
    assert bucket.wait(10_000.0) == pytest.approx(1)


def test_without_a_limit_nobody_waits() -> None:
    bucket = Bucket(None)
    bucket.take(10**9, 0.0)
    assert bucket.wait(0.0) == 0
