"""What a run that steers itself has learnt from the rows that came out, and what follows from it.

A choice (first words, an operation, a kind) is asked for by ``usual weight x acceptance x need``:

* *acceptance*: the share of its rows that were accepted, smoothed by that of its kind and of its
  set; one that was refused each time, so often that chance would seldom do that (`_SELDOM`), is
  dropped;
* *need*: choices whose kind of task has few accepted rows share what an even spread over the kinds
  would still need; within a kind, those come oftener whose accepted rows lie in thin clusters of
  meaning, sources, demands or lengths, and those that were drawn seldom.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.evaluation.demands.found import carried
from evolsynth.evaluation.text.gist import gist
from evolsynth.evaluation.text.task import task_of
from evolsynth.foreign import of_all, witness
from evolsynth.methods.steering import DRAWN
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.diversity.leaders import Leaders
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["Known", "Learnt", "drawn_of", "evenness"]

#: A choice is dropped if a usual one were refused so often with no more than this probability.
_SELDOM = 0.02
#: Rows by which the share of a choice is drawn towards its kind's, and that towards the set's.
_PRIOR = 4.0
#: The acceptance and the need of a choice, by the usual one.
_LEAST_ACCEPTED, _MOST_ACCEPTED = 0.05, 1.5
_LEAST_NEED, _MOST_NEED = 0.25, 4.0
#: The weight of a choice at most, by the mean of all.
_OFTENEST = 8.0
#: The kind of task that is none, and that nobody asks for.
_UNTOLD = "other"
#: Of what an even spread would give a kind, the part that it keeps if it has more already.
_KEPT = 0.08


def drawn_of(row: Row) -> list[tuple[str, str]]:
    """What a method drew for the row: names of sets, each with a choice; see `DRAWN`."""
    made = row.provenance.get("instruction")
    drawn = made.get(DRAWN) if isinstance(made, Mapping) else None
    if not isinstance(drawn, Mapping):
        return []
    several = [(n, c if isinstance(c, list | tuple) else [c]) for n, c in drawn.items()]
    return [(str(n), choice) for n, some in several for choice in some if isinstance(choice, str)]


def evenness(counts: Mapping[str, int], kinds: int | None = None) -> float:
    """How evenly rows are spread over kinds, in [0, 1]: their entropy by that of an even spread.

    Args:
        counts: rows by kind.
        kinds: of how many an even spread would be; by default those that have rows.
    """
    some = [count for count in counts.values() if count > 0]
    of = len(some) if kinds is None else kinds
    if of < 2 or not some:
        return 0.0
    total = sum(some)
    return -sum(c / total * math.log(c / total) for c in some) / math.log(of)


class Tally(NamedTuple):
    """Of one choice: rows that came out, those accepted, and the kinds of task of all."""

    tried: int
    accepted: int
    kinds: Counter[str]


class Learnt:
    """Counts the rows that come out, in their order.

    Args:
        embedder: of the run; without one, clusters of meaning are left aside.
    """

    def __init__(self, embedder: Embedder | None) -> None:
        self._leaders: Leaders | None = None
        if embedder is not None:
            from evolsynth.evaluation.diversity.leaders import Leaders

            self._leaders = Leaders(embedder)
        self._tried: Counter[tuple[str, str]] = Counter()
        self._accepted: Counter[tuple[str, str]] = Counter()
        self._kinds: dict[tuple[str, str], Counter[str]] = {}
        self._places: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
        #: Accepted rows by kind of task.
        self.tasks: Counter[str] = Counter()
        self._traits: dict[str, Counter[str]] = {}
        self.rows = 0

    def add(self, row: Row) -> None:
        """Learn from a row that came out. One that failed tells nothing of what was drawn."""
        self.rows += 1
        if row.failure is not None:
            return
        accepted, traits = not row.settled, {}
        task = row.verdict.task if row.verdict is not None and row.verdict.task else None
        task = task or task_of(row.instruction or "")
        if accepted:
            self.tasks[task] += 1
            traits = self._traits_of(row)
            for dimension, trait in traits.items():
                self._traits.setdefault(dimension, Counter())[trait] += 1
        for choice in dict.fromkeys(drawn_of(row)):
            self._tried[choice] += 1
            self._kinds.setdefault(choice, Counter())[task] += 1
            if accepted:
                self._accepted[choice] += 1
                self._places.setdefault(choice, Counter()).update(traits.items())

    def _traits_of(self, row: Row) -> dict[str, str]:
        """What an accepted row belongs to, beside its kind of task."""
        words = len(f"{row.instruction or ''} {row.response or ''}".split())
        traits = {"lengths": str(max(words, 1).bit_length())}
        if self._leaders is not None and row.instruction:
            try:
                traits["clusters"] = str(self._leaders.cluster(gist(row)))
            except BaseException as error:  # an embedder of somebody else's
                if of_all(error):
                    raise
                witness("steer", error)
                self._leaders = None  # clusters of meaning are left aside from here on
        source = row.extra.get("source")
        if isinstance(source, str):
            traits["sources"] = source
        if demands := carried(row):
            traits["demands"] = str(demands[-1].get("kind", ""))
        return traits

    def known(self, ahead: int) -> Known:
        """What is known by now, for good.

        Args:
            ahead: rows that are asked for by it.
        """
        needs = {}
        for choice, places in self._places.items():
            number = sum(places.values())
            told = sum(math.log(self._thin(place)) * count for place, count in places.items())
            needs[choice] = math.exp(told / (number + 2.0))  # drawn towards 1, the usual need
        tallies = {
            choice: Tally(tried, self._accepted[choice], Counter(self._kinds[choice]))
            for choice, tried in self._tried.items()
        }
        return Known(tallies, needs, Counter(self.tasks), ahead)

    def _thin(self, place: tuple[str, str]) -> float:
        """How much is missing where a row belongs: its mean fellows by what it has."""
        counts = self._traits[place[0]]
        mean = sum(counts.values()) / len(counts)
        return min(_MOST_NEED, max(_LEAST_NEED, mean / counts[place[1]]))


class Known(NamedTuple):
    """What was known at a point of the plan; see `Learnt.known`."""

    tallies: Mapping[tuple[str, str], Tally]
    needs: Mapping[tuple[str, str], float]
    tasks: Counter[str]
    ahead: int

    def rate(self, name: str, choices: Mapping[str, object]) -> tuple[int, int]:
        """Of a set's choices: rows accepted, and rows tried."""
        tallies = [t for c in choices if (t := self.tallies.get((name, c))) is not None]
        return sum(t.accepted for t in tallies), sum(t.tried for t in tallies)

    def kind(self, name: str, choice: str, kinds: Mapping[str, str]) -> str | None:
        """The kind of task that most of a choice's rows had, or else the one it is to give."""
        tally = self.tallies.get((name, choice))
        kind = kinds.get(choice)
        if tally is not None and tally.tried > 1:
            kind = max(sorted(tally.kinds), key=lambda kind: tally.kinds[kind])
        return None if kind == _UNTOLD else kind

    def dropped(self, name: str, usual: Mapping[str, float]) -> dict[str, int]:
        """The choices that are refused too often for chance, and how often each was tried."""
        accepted, tried = self.rate(name, usual)
        if not accepted:
            return {}  # the fault is not with one of them
        usually = accepted / tried
        found = {}
        for choice in usual:
            tally = self.tallies.get((name, choice))
            if tally is None or tally.accepted:
                continue
            if (1 - usually) ** tally.tried <= _SELDOM:
                found[choice] = tally.tried
        return found if len(found) < len(usual) else {}

    def weights(
        self, name: str, usual: Mapping[str, float], kinds: Mapping[str, str]
    ) -> dict[str, float]:
        """The weights of a set's choices from here on."""
        accepted, tried = self.rate(name, usual)
        if not tried:
            return dict(usual)
        usually = (accepted + 1.0) / (tried + 2.0)
        gone = self.dropped(name, usual)
        kind_of = {choice: self.kind(name, choice, kinds) for choice in usual}
        rates = self._by_kind(name, kind_of, usually)
        mean = tried / len(usual)
        plain = {}
        for choice, weight in usual.items():
            tally = self.tallies.get((name, choice))
            rate = rates[kind_of[choice]]
            new, own = (0, 0) if tally is None else (tally.tried, tally.accepted)
            share = (own + _PRIOR * rate) / (new + _PRIOR) / rate
            seldom = min(_MOST_NEED, max(_LEAST_NEED, (mean + 1) / (new + 1)))
            need = self.needs.get((name, choice), 1.0)
            plain[choice] = 0.0 if choice in gone else weight * share * seldom * need
        return self._by_need(plain, kind_of, {k: r / usually for k, r in rates.items()})

    def _by_kind(
        self, name: str, kind_of: Mapping[str, str | None], usually: float
    ) -> dict[str | None, float]:
        """The share that is accepted of a set's choices of each kind, smoothed."""
        accepted, tried = Counter[str | None](), Counter[str | None]()
        for choice, kind in kind_of.items():
            tally = self.tallies.get((name, choice))
            if tally is not None:
                accepted[kind] += tally.accepted
                tried[kind] += tally.tried
        some = dict.fromkeys(kind_of.values())
        return {k: (accepted[k] + _PRIOR * usually) / (tried[k] + _PRIOR) for k in some}

    def missing(self, kinds: Mapping[str, object]) -> dict[str, float]:
        """For each kind of task, how many rows an even spread over these would still need."""
        total = sum(self.tasks[kind] for kind in kinds)
        even = (total + self.ahead) / max(len(kinds), 1)
        return {kind: max(even - self.tasks[kind], _KEPT * even) for kind in kinds}

    def _by_need(
        self,
        plain: Mapping[str, float],
        kind_of: Mapping[str, str | None],
        rates: Mapping[str | None, float],
    ) -> dict[str, float]:
        """The weights, each kind's together as large as what is missing of it."""
        together: dict[str, float] = {}
        for choice, weight in plain.items():
            kind = kind_of[choice]
            if kind is not None and weight > 0:
                together[kind] = together.get(kind, 0.0) + weight
        if len(together) < 2:
            return dict(plain)
        shares = {
            kind: missing * min(_MOST_ACCEPTED, max(_LEAST_ACCEPTED, rates[kind]))
            for kind, missing in self.missing(together).items()
        }
        scale = sum(together.values()) / sum(shares.values())
        some = sum(weight > 0 for weight in plain.values())
        most = (
            _OFTENEST * sum(plain.values()) / some
        )  # what few choices begin would come to be alike
        return {
            choice: min(most, weight * shares[kind] * scale / together[kind])
            if (kind := kind_of[choice]) is not None and weight > 0
            else weight
            for choice, weight in plain.items()
        }
