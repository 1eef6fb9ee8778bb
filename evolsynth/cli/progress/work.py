"""The work that is left of a run, in seconds.

Rows leave a pipeline in order, so in bursts, and the first of them late; but the work goes on all
the while. So it is reckoned in answers: for each step, those that its rows will still want, by what
became of rows so far, times the seconds that an answer takes. What an answer takes is found out by
comparing the seconds that went by with what each step got done in them, since a short answer is not
cheap where its prompt is long; until that is known, by its tokens. Answers under way count by the
tokens that are written of them, else only the short ones would be known for a long time.
"""

from __future__ import annotations

import inspect
import math
from collections import deque
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from evolsynth.cli.progress.flow import COUNTED_BY_ACCEPTED, Flow
from evolsynth.pipeline.graph import Node
from evolsynth.pipeline.run.state import RunState

__all__ = ["Work"]

_BETWEEN = 1.0  # seconds between two marks
_MARKS = 90
_RECENT = 50.0  # seconds after which a measurement counts a third
_TRUST = 100.0  # square seconds of measurement that what is supposed of costs counts as much as
_LONGEST = 2.0  # times the mean, that the longest answer has
_PROMPT, _ANSWER = 0.6, 20.0  # what a token read and an answer cost, in tokens written
_SCORED = 120.0  # what an answer costs that is a text's score, in tokens written
_GATE = 0.01  # seconds that a row takes where no model is asked, until that is measured
_SURE_ANSWERS, _SURE_ROWS = 10.0, 3.0  # answers, rows, that what is supposed counts as much as
_TRIED = {"respond": 0.25}  # of its further candidates; half of them in other steps
_LATE = 0.25  # of the answers of rows that are not out: wanted at least, where nobody knows
_LENGTH = 0.35  # of the tokens that an answer may have, that it is supposed to have
_TAIL = 0.1  # of the time that the longest answer takes among many, that it takes alone


class _Supposed(NamedTuple):
    """What is supposed of a step before it has done anything."""

    answers: float  # for each row
    certain: bool  # whether that is so, but for failures
    tokens: float  # of an answer
    most: float
    growth: float  # rows of one that comes
    beside: float  # answers of a row that are asked for side by side

    @classmethod
    def of(cls, node: Node) -> _Supposed:
        known = inspect.signature(node.step.function).parameters

        def told(name: str) -> float | None:
            default = known[name].default if name in known else None
            value = node.step.parameters.get(name, default)
            good = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
            return float(value) if good else None

        rounds, samples = told("rounds") or 1.0, told("samples") or 1.0
        candidates = told("candidates")
        source = node.step.shape == "source"
        most = told("max_tokens") or (120.0 if "max_tokens" in known or source else 0.0)
        if source:
            answers = 1.0 if candidates is None else 2 * candidates
        else:
            answers = (
                rounds * samples * (1 + ((candidates or 1) - 1) * _TRIED.get(node.step.kind, 0.5))
            )
        return cls(
            answers=answers,
            certain=not source and (candidates or 1) == 1 and "max_tokens" in known,
            tokens=_LENGTH * most,
            most=most,
            growth=_growth(node, rounds),
            beside=samples,
        )


def _growth(node: Node, rounds: float) -> float:
    if node.step.shape == "join":
        return 1.0 if node.step.kind == "merge" else 1 / len(node.inputs)
    return 1 + rounds if node.step.shape == "expand" else 1.0


class _Mark(NamedTuple):
    at: float
    done: tuple[float, ...]  # answers of each step; rows, where it asks no model
    tokens: tuple[float, ...]  # of each step, those of answers under way counted
    read: float  # tokens of prompts


class _Costs(NamedTuple):
    answer: list[float]  # seconds for one, of each step; for a row, where it asks no model
    besides: float  # its tokens, in tokens


class _Last(NamedTuple):
    """The step whose last row is waited for longest."""

    place: int
    wanted: float  # rows that are not done
    before: float  # rows that are begun before the last of these
    takes: float  # seconds that the longest takes
    row: float  # seconds for one, with all others beside it
    rows: float  # that are worked on at once
    work: float  # done by all of them in that time


class Work:
    """Reckons what is left, from marks of how the run stood."""

    def __init__(self, state: RunState, at: float) -> None:
        self._state = state
        self._supposed = [_Supposed.of(node) for node in state.nodes]
        self._flow = Flow(state, [supposed.growth for supposed in self._supposed])
        self._asks = [bool(node.step.asks()) for node in state.nodes]
        self._marks: deque[_Mark] = deque(maxlen=_MARKS)
        self._first = state.usage
        self._begun: float | None = None
        self._priced: _Mark | None = None
        self._prices: _Costs | None = None
        self.restart(at)

    def restart(self, at: float) -> None:
        """Forget how fast it went: answers came out of the store."""
        self._marks.clear()
        self._marks.append(self._mark(at))

    def look(self, at: float) -> None:
        """Take note of how the run stands."""
        if at - self._marks[-1].at >= _BETWEEN:
            self._marks.append(self._mark(at))

    def _width(self, place: int) -> int:
        """Rows that a step works on at once, at most."""
        told = self._state.nodes[place].step.concurrency or self._state.width
        return min(self._state.at_once, told or self._state.at_once)

    def _begun_at_once(self, source: int) -> float:
        """Answers of a source that a model is supposed to work on at once."""
        return min(self._state.at_once / 4, self._width(source))

    # --- what rows become

    def grown(self, start: float) -> float:
        """Rows that come out at the end, of so many that sources make; by what became of the rows
        that each step has had so far."""
        return self._flow.grown(start)[0]

    def expected(self) -> float | None:
        """Rows that the sources will make, where that is known."""
        state = self._state
        if state.expected is None:
            return None
        total = float(state.expected)
        for place, node in enumerate(state.nodes):
            if node.step.kind in COUNTED_BY_ACCEPTED and not node.inputs:
                total += self._flow.limit(place) - float(node.step.parameters.get("n", 0))
        return total

    @property
    def ends(self) -> bool:
        """Whether sources make no more rows than those that come out."""
        return not any(node.step.kind in COUNTED_BY_ACCEPTED for node in self._state.nodes)

    # --- what it takes

    def seconds(
        self, rows: float, at: float, *, ends: bool, accepted: float | None = None
    ) -> float | None:
        """Until so many rows have come out; None where nothing was measured.

        Args:
            rows: in all.
            at: the time now.
            accepted: how many of them are to be accepted, where that is what ends the run.
            ends: whether there is no more work then, so that all slots become free.
        """
        if self._priced is not self._marks[-1]:
            self._prices, self._priced = self._costs(), self._marks[-1]
        costs = self._prices
        came = self._flow.coming(rows, accepted)
        if costs is None or came is None:
            return None
        left, last = 0.0, _Last(0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
        for place, coming in enumerate(came):
            step = self._state.counts[place]
            if self._asks[place]:
                wanted = max(0.0, self._wanted(place, coming))
                left -= min(wanted, self._under_way(place)) * self._gone(place, costs)
                one = self._last(place, coming, wanted, costs, ends=ends)
                last = max(last, one, key=lambda one: one.takes)
            elif self._state.nodes[place].inputs:
                wanted = coming - step.left - step.rejected - step.failed
            else:
                continue
            left += max(0.0, wanted) * costs.answer[place]
        if ends:
            alone = min(1.0, math.log1p(last.wanted) / math.log1p(last.rows))
            return left + _TAIL * last.takes * alone
        straggling = self._straggles(last, costs.besides)
        return max(left, last.before * last.row + straggling)

    def _last(
        self, place: int, coming: float, wanted: float, costs: _Costs, *, ends: bool
    ) -> _Last:
        """What is known of the row of a step that takes longest, from its beginning to its end."""
        supposed, step = self._supposed[place], self._state.counts[place]
        rows, each = float(self._width(place)) / supposed.beside, self._answers(place)
        if self._flow.in_turn:
            rows = min(rows, max(1.0, coming))
        if self._state.nodes[place].inputs and (ends or not supposed.certain):
            rows = min(rows, max(1.0, step.running))  # else more will come, and have their share
        mean = max(1.0, self._mean(place))
        longest = min(supposed.most, _LONGEST * mean) / mean
        several = max(1.0, each / supposed.beside)  # one behind the other, not all of them long
        spread = 1 + max(0.0, longest - 1) / math.sqrt(several)
        takes = spread * rows * each * costs.answer[place]
        work = spread * rows * each * (mean + costs.besides)
        before = max(0.0, coming - (step.asked + step.found) / each - rows)
        return _Last(place, wanted / each, before, takes, each * costs.answer[place], rows, work)

    def _straggles(self, last: _Last, besides: float) -> float:
        """Seconds until the last rows are there, once they have been begun.

        What is done meanwhile of rows that came later is for nothing.
        """
        mark = self._marks[-1]
        done = mark.tokens[last.place] + besides * mark.done[last.place]
        if last.before > last.rows / 4:
            self._begun = None
        elif self._begun is None:
            self._begun = done
        gone = 0.0 if self._begun is None else (done - self._begun) / last.work
        return last.takes * max(0.0, 1 - gone) * min(1.0, last.wanted / 4)

    def _mean(self, place: int) -> float:
        """Tokens of an answer; of those under way all count, or they would seem short."""
        step, tokens = self._state.counts[place], self._marks[-1].tokens[place]
        supposed = self._supposed[place].tokens
        known = tokens + _SURE_ANSWERS * supposed, step.asked + _SURE_ANSWERS
        most, begun = self._supposed[place].most, self._under_way(place)
        whole = step.tokens + _SURE_ANSWERS * supposed + begun * most
        return min(known[0] / known[1], whole / (known[1] + begun))

    def _under_way(self, place: int) -> float:
        """Answers of the step that a model works on now."""
        state = self._state
        waiting = [
            (
                (step.running * supposed.beside if node.inputs else self._begun_at_once(k))
                - self.answered(k) * supposed.beside
            )
            * min(1.0, self._answers(k))
            if self._asks[k]
            else 0.0
            for k, (step, supposed, node) in enumerate(
                zip(state.counts, self._supposed, state.nodes, strict=True)
            )
        ]
        return waiting[place] * min(1.0, state.at_once / max(1.0, sum(waiting)))

    def _gone(self, place: int, costs: _Costs) -> float:
        """Seconds that an answer under way takes less than one that is not begun.

        An answer that may end at any token has as many before it however many it has, but none
        is longer than it may be.
        """
        mean, begun = self._mean(place), self._under_way(place)
        if mean <= 0 or begun <= 0:
            return 0.0
        has = (self._marks[-1].tokens[place] - self._state.counts[place].tokens) / begun
        rest = min(mean, max(0.0, self._supposed[place].most - has))
        return costs.answer[place] * (mean - rest) / (mean + costs.besides)

    def _wanted(self, place: int, coming: float) -> float:
        """Answers that so many rows of the step, the first of them, still want.

        Rows are answered in any order and go on in theirs: of those that wait, some are answered,
        and so are some that came after the ones that are counted.
        """
        step, each = self._state.counts[place], self._answers(place)
        done = (step.asked + step.found) / each
        if not self._state.nodes[place].inputs:
            return max(coming - done, _LATE * (coming - step.made), 0.0) * each
        gone = float(step.came - step.running)
        most = 1.0 if self._supposed[place].certain else 1 - _LATE
        answered = min(most, max(0.0, (done - gone) / max(1.0, step.running)))
        waiting = max(0.0, min(coming, step.came) - gone) * (1 - answered)
        return (waiting + max(0.0, coming - step.came)) * each

    def answered(self, place: int) -> int:
        """Rows that have their answers and wait for those before them; 0 where a row may want any
        number of answers."""
        step, supposed = self._state.counts[place], self._supposed[place]
        if not (self._asks[place] and supposed.certain):
            return 0
        gone = step.came - step.running
        done = int((step.asked + step.found) / supposed.answers) - gone
        return max(0, min(done, step.running))

    def _answers(self, place: int) -> float:
        """That a row of the step wants."""
        step, supposed = self._state.counts[place], self._supposed[place]
        done, gone = step.asked + step.found, max(0.0, float(step.came - step.running))
        if supposed.certain:  # but for rows that have an answer already, and are let through
            passed = done < supposed.answers * gone
            seen = (done + _SURE_ROWS * supposed.answers) / (gone + _SURE_ROWS)
            return seen if passed else supposed.answers
        if self._state.nodes[place].inputs:
            came = float(step.came)
        else:
            gone, came = float(step.made), step.made + 2.0 * self._width(place)
        each = self._alike(place)
        # how far the rows under way are: half, or as far as it is if the answers are as supposed
        fitting = min(came, max(gone, done / each))
        had = (fitting + (gone + came) / 2) / 2 if self._state.nodes[place].inputs else fitting
        return (done + _SURE_ROWS * each) / (had + _SURE_ROWS)

    def _alike(self, place: int) -> float:
        """Answers that a row of the step is supposed to want, by what others of its kind had."""
        counts, nodes, supposed = self._state.counts, self._state.nodes, self._supposed[place]
        done, rows = 0.0, 0.0
        for other, node in enumerate(nodes):
            if (
                other != place
                and node.inputs
                and node.step.kind == nodes[place].step.kind
                and self._supposed[other].answers == supposed.answers
            ):
                step = counts[other]
                done += step.asked + step.found
                rows += max(0.0, float(step.came - step.running))
        return (done + _SURE_ROWS * supposed.answers) / (rows + _SURE_ROWS)

    def _done(self, place: int) -> int:
        """Answers; rows, where no model is asked; nothing of what only reads rows."""
        step = self._state.counts[place]
        if self._asks[place]:
            return step.asked
        source = not self._state.nodes[place].inputs
        return 0 if source else step.left + step.rejected + step.failed

    def _written(self) -> float:
        """Tokens, those of answers under way counted."""
        return float(self._state.usage.completion_tokens - self._first.completion_tokens)

    def _mark(self, at: float) -> _Mark:
        state = self._state
        counts = state.refresh()
        over = max(0.0, self._written() - sum(step.tokens for step in counts))
        weights = [self._weight(place) for place in range(len(counts))]
        total = sum(weights) or 1.0
        return _Mark(
            at,
            tuple(float(self._done(place)) for place in range(len(counts))),
            tuple(
                step.tokens + over * weight / total
                for step, weight in zip(counts, weights, strict=True)
            ),
            float(state.usage.prompt_tokens - self._first.prompt_tokens),
        )

    def _weight(self, place: int) -> float:
        """How much of the tokens under way are the step's, by its rows and their answers."""
        if not self._asks[place]:
            return 0.0
        step, supposed = self._state.counts[place], self._supposed[place]
        running = step.running if self._state.nodes[place].inputs else self._begun_at_once(place)
        mean = (step.tokens + _SURE_ANSWERS * supposed.tokens) / (step.asked + _SURE_ANSWERS)
        return running * mean * min(1.0, self._answers(place))

    def _costs(self) -> _Costs | None:
        first, last = self._marks[0], self._marks[-1]
        if last.at - first.at < _BETWEEN:
            return None
        every = range(len(self._asks))
        asked = sum(last.done[k] + self._under_way(k) for k in every if self._asks[k])
        besides = _ANSWER + _PROMPT * last.read / max(1.0, asked)
        means = [self._mean(place) for place in every]
        units = [
            besides + (mean if supposed.most else _SCORED)
            for mean, supposed in zip(means, self._supposed, strict=True)
        ]
        steps = list(pairwise(self._marks))
        times = np.array([b.at - a.at for a, b in steps])
        gone = np.array(
            [
                [
                    b.tokens[k] - a.tokens[k] + (units[k] - means[k]) * (b.done[k] - a.done[k])
                    if self._asks[k]
                    else b.done[k] - a.done[k]
                    for k in every
                ]
                for a, b in steps
            ]
        )
        recent = np.exp((times.cumsum() - times.sum()) / _RECENT)
        seconds, totals = float(recent @ times), recent @ gone
        read = np.array([b.read - a.read for a, b in steps])
        asked = sum(float(totals[k]) for k in every if self._asks[k])
        asked = max(asked, _PROMPT * float(recent @ read))
        rows = sum(float(totals[k]) for k in every if not self._asks[k])
        if asked <= 0 and rows <= 0:
            return None
        unit = seconds / asked if asked > 0 else 0.0
        row = _GATE if asked > 0 else seconds / rows
        supposed = np.array([unit if asks else row for asks in self._asks])
        root = np.sqrt(recent)
        design, times = gone * supposed * root[:, None], times * root
        fitted = np.linalg.solve(
            design.T @ design + _TRUST * np.eye(len(units)),
            design.T @ times + _TRUST * np.ones(len(units)),
        )
        costs = supposed * np.clip(fitted, 0.2, 5.0)
        answers = [float(costs[k]) * (units[k] if self._asks[k] else 1.0) for k in every]
        return _Costs(answers, besides)
