"""A gate's memory on a cluster: nothing of it grows in the process that directs the run.

Texts that were let through lie at shards, each a process on some node with an index of its own:
the n-th text at shard n modulo their number. All are asked about each group of rows; the nearest of
all are those of one index, and the shard that has them decides about them, so the verdicts are
those of one process. What a shard has is also in a file of this process, from which one that was
lost is filled again; and so is what rows were made from.
"""

from __future__ import annotations

import pickle
import sqlite3
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from evolsynth.cluster.connect import LOCAL, connected, nodes
from evolsynth.cluster.messages import decoded, encoded
from evolsynth.errors import EngineError, SetupError
from evolsynth.evaluation.duplicates.index import (
    MOST_DECIDED,
    Asked,
    DuplicateIndex,
    decided,
    nearest,
    read,
)
from evolsynth.evaluation.duplicates.same_request import asked_of, digest
from evolsynth.evaluation.gate.verdict import Memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.cluster.settings import Ray
    from evolsynth.evaluation.duplicates.index import Before
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["RayMemory"]

T = TypeVar("T")

_TRIES = 5  # of a shard that is lost each time it is asked
_LOOK = 0.5  # seconds from look to look whether anybody still waits
#: Texts that a new shard is given at once, and how often before it has them.
_AGAIN, _AHEAD = 1024, 4
_HALF = 1 << 63  # SQLite's numbers have a sign
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE inputs (row BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE elders (row BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE passed (print INTEGER PRIMARY KEY);
CREATE TABLE texts (stream INTEGER, place INTEGER, value BLOB, PRIMARY KEY (stream, place))
    WITHOUT ROWID;
"""


class _Look(NamedTuple):
    """What is asked of each shard: texts, their inputs, and ids not to compare each with."""

    texts: list[str]
    abouts: list[str]
    ignore: list[list[str]]


class _Seen(NamedTuple):
    """Of one text: the places and ids of equal ones, and the nearest with their cosines."""

    twins: list[tuple[int, str]]
    near: list[tuple[float, int, str]]


class _Text(NamedTuple):
    """A text that is kept, and what the embedder estimates of it, if it was asked."""

    id: str
    text: str
    about: str
    known: bytes = b""


class _Doubt(NamedTuple):
    """A text that may be the same as those at some places, and its estimate."""

    text: str
    known: bytes
    places: list[int]


def _asked(text: str, known: bytes) -> Asked:
    return Asked(text, np.frombuffer(known, np.float16) if known else None)


def _known(asked: Asked) -> bytes:
    return b"" if asked.about is None else asked.about.tobytes()


class Shard:
    """Every so many-th text of an index; all its methods are Ray's calls.

    Args:
        threshold: of the index.
        embedder: of the index.
        number: of this shard.
        of: how many there are.
    """

    def __init__(self, threshold: float, embedder: Any, number: int, of: int) -> None:
        self._index = DuplicateIndex(threshold, embedder=embedder)
        self._number, self._of = number, of

    def look(self, asked: bytes, vectors: bytes) -> bytes:
        """A `_Seen` for each text of a `_Look`, whose vectors are these, one after the other."""
        look = decoded(asked, _Look)
        array = np.frombuffer(vectors, np.float32).reshape(len(look.texts), -1)
        before = self._index.before([Asked(text) for text in look.texts], array, look.abouts)
        found = []
        for i, ignore in enumerate(look.ignore):
            twins = [(self._place(k), before.name(k)) for k in before.twins(i)]
            near = [(c, self._place(k), before.name(k)) for c, k in before.near(i, ignore)]
            found.append(_Seen(twins, near))
        return encoded(found)

    def decide(self, asked: bytes) -> bytes:
        """Of each text, and places here, those that are near by the embedder, with its cosines."""
        texts = self._index.texts
        groups = [
            (_asked(one.text, one.known), {k: texts[k // self._of] for k in one.places})
            for one in decoded(asked, list[_Doubt])
        ]
        read(self._index, [(text, list(others.values())) for text, others in groups])
        return encoded([decided(self._index, *group) for group in groups])

    def add(self, rows: bytes, vectors: bytes) -> None:
        """Remember texts, whose vectors are these."""
        some = decoded(rows, list[_Text])
        array = np.frombuffer(vectors, np.float32).reshape(len(some), -1)
        for one, vector in zip(some, array, strict=True):
            self._index.keep(one.id, _asked(one.text, one.known), vector, one.about)

    def _place(self, k: int) -> int:
        return k * self._of + self._number


class RayMemory(Memory):
    """See `Memory`. Begins its shards once there is something to compare with.

    Args:
        settings: where Ray is, and how many shards there are to be.
    """

    def __init__(self, settings: Ray) -> None:
        super().__init__()
        self._settings = settings
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._file: sqlite3.Connection | None = None
        self._connected = self.closed = False
        self._streams = count()

    def index(
        self,
        threshold: float,
        embedder: Embedder | None,
        vectors: Callable[[Sequence[str]], NDArray[np.float32]],
    ) -> DuplicateIndex:
        """See `Memory`."""
        return _ShardedIndex(self, next(self._streams), threshold, embedder, vectors)

    def shards(self) -> int:
        """How many there are of each index; 0 for none, as one node has all memory there is.

        Raises:
            SetupError: there is no Ray.
        """
        if self._settings.shards is None and self._settings.address == LOCAL:
            return 0  # it has one node: none need be begun to find that out
        with self._lock:
            if not self._connected:
                self._stack.enter_context(connected(self._settings.address))
                self._connected = True
        if self._settings.shards is not None:
            return self._settings.shards
        there = len(nodes())
        return there if there > 1 else 0

    def patience(self) -> float:
        """Seconds without a word after which a shard is taken for lost."""
        return self._settings.patience

    # What rows were made from ---------------------------------------------------------------------

    def add_inputs(self, inputs: Mapping[str, str]) -> None:
        """See `Memory`."""
        self._put("inputs", [(encoded(row), encoded(text)) for row, text in inputs.items()])

    def input_of(self, row: str) -> str | None:
        """See `Memory`."""
        return self._get("inputs", row, str)

    def add_elders(self, row: str, elders: tuple[str, ...]) -> None:
        """See `Memory`."""
        self._put("elders", [(encoded(row), encoded(elders))])

    def elders_of(self, row: str) -> tuple[str, ...]:
        """See `Memory`."""
        return self._get("elders", row, tuple[str, ...]) or ()

    def add_passed(self, prints: Iterable[int]) -> None:
        """See `Memory`."""
        self._put("passed", [(one - _HALF,) for one in prints])

    def has_passed(self, fingerprint: int) -> bool:
        """See `Memory`."""
        return bool(self._rows("SELECT 1 FROM passed WHERE print = ?", fingerprint - _HALF))

    def close(self) -> None:
        """See `Memory`."""
        self.closed = True
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
            self._stack.close()

    # The file -------------------------------------------------------------------------------------

    def add_texts(self, stream: int, first: int, some: Sequence[_Text]) -> None:
        """Remember texts of an index, from a place on."""
        rows = [(stream, place, encoded(one)) for place, one in enumerate(some, first)]
        self._put("texts", rows)

    def texts(self, stream: int, number: int, of: int) -> Iterator[list[_Text]]:
        """The texts of a shard, some at a time."""
        last = -1
        ask = (
            "SELECT place, value FROM texts WHERE stream = ? AND place > ? AND place % ? = ? "
            "ORDER BY place LIMIT ?"
        )
        while found := self._rows(ask, stream, last, of, number, _AGAIN):
            last = found[-1][0]
            yield [decoded(value, _Text) for _, value in found]

    def _put(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if not rows:
            return
        change = f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(rows[0]))})"  # noqa: S608 - a name of ours
        with self._lock:
            self._opened().executemany(change, rows)

    def _get(self, table: str, row: str, kind: type[T]) -> T | None:
        ask = f"SELECT value FROM {table} WHERE row = ?"  # noqa: S608 - a name of ours
        found = self._rows(ask, encoded(row))
        return decoded(found[0][0], kind) if found else None

    def _rows(self, ask: str, *given: Any) -> list[Any]:
        with self._lock:
            return self._opened().execute(ask, given).fetchall()

    def _opened(self) -> sqlite3.Connection:
        if self.closed:
            raise EngineError("The gate was closed before it had looked at all rows.")
        if self._file is None:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="evolsynth-"))
            # a change is in the file as soon as it is made; after a crash nobody reads it
            self._file = sqlite3.connect(
                Path(folder) / "memory", isolation_level=None, check_same_thread=False
            )
            self._file.executescript(_TABLES)
        return self._file


class _ShardedIndex(DuplicateIndex):
    """A `DuplicateIndex` whose texts lie at shards; in this process where there are to be none."""

    def __init__(
        self,
        memory: RayMemory,
        stream: int,
        threshold: float,
        embedder: Embedder | None,
        vectors: Callable[[Sequence[str]], NDArray[np.float32]],
    ) -> None:
        super().__init__(threshold, embedder=embedder)
        self._memory, self._stream, self._made_of = memory, stream, vectors
        self._shards: list[Any] | None = None
        self._of = self._count = 0

    def __len__(self) -> int:
        return self._count if self._shards else super().__len__()

    @property
    def shards(self) -> list[Any]:
        """Ray's handles of them."""
        return self._shards or []

    def before(
        self, texts: Sequence[Asked], vectors: NDArray[np.float32], abouts: Sequence[str]
    ) -> Before:
        """See `DuplicateIndex`."""
        if self._shards is None:
            self._of = self._memory.shards()
            self._shards = [self._begun(number) for number in range(self._of)]
        if not self._shards:
            return super().before(texts, vectors, abouts)
        return _There(self, texts, vectors, abouts)

    def keep(self, row_id: str, asked: Asked, vector: NDArray[np.float32], about: str) -> None:
        if not self._shards:
            super().keep(row_id, asked, vector, about)
            return
        text = _Text(row_id, asked.text, about)
        self._memory.add_texts(self._stream, self._count, [text])
        text = text._replace(known=_known(asked))
        shard = self._shards[self._count % len(self._shards)]
        shard.add.remote(encoded([text]), vector.tobytes())  # before it is asked anything else
        self._count += 1

    def ask(self, method: str, bodies: Mapping[int, tuple[bytes, ...]]) -> dict[int, bytes]:
        """What some shards answer, by their numbers.

        Raises:
            SetupError: one was lost again and again.
            EngineError: the gate was closed.
        """
        import ray
        from ray.exceptions import GetTimeoutError, RayError, RayTaskError

        shards = self.shards
        asked = {k: getattr(shards[k], method).remote(*body) for k, body in bodies.items()}
        found: dict[int, bytes] = {}
        for k in asked:
            began, tries = time.monotonic(), 0
            while k not in found:
                try:
                    found[k] = ray.get(asked[k], timeout=_LOOK)
                except GetTimeoutError:
                    if self._memory.closed:
                        raise EngineError("The gate was closed while rows were compared.") from None
                    if time.monotonic() - began < self._memory.patience():
                        continue
                    lost = f"it said nothing for {self._memory.patience():.0f} seconds"
                except RayTaskError as error:
                    raise error.cause or error from None
                except RayError as error:
                    lost = str(error).strip().partition("\n")[0].rstrip(".")
                if k not in found:
                    tries += 1
                    if tries >= _TRIES:
                        raise SetupError(
                            f"A part of what the gate compares rows with was lost {_TRIES} times "
                            f"({lost}). See that the nodes have memory left, and run again."
                        )
                    self._again(k)
                    asked[k] = getattr(shards[k], method).remote(*bodies[k])
                    began = time.monotonic()
        return found

    def _begun(self, number: int) -> Any:
        """A new shard, with nothing in it."""
        import ray

        made = ray.remote(Shard).options(num_cpus=0, max_restarts=0, scheduling_strategy="SPREAD")
        try:
            return made.remote(self.threshold, self.embedder, number, self._of)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            said = str(error).strip().partition("\n")[0].rstrip(".")
            raise SetupError(
                f"The embedder {getattr(self.embedder, 'name', '')} cannot be carried to Ray's "
                f"nodes ({said}). Give it by its name, or keep what the gate compares rows with in "
                "the run's process: --ray-shards 0, Ray(shards=0)."
            ) from None

    def _again(self, number: int) -> None:
        """Put another in a shard's place, with what that had."""
        import ray

        with suppress(Exception):  # it has ended
            ray.kill(self.shards[number])
        self.shards[number] = shard = self._begun(number)
        given: deque[Any] = deque()
        with suppress(ray.exceptions.RayError):  # if it is lost, too, whoever asks it is told
            for some in self._memory.texts(self._stream, number, self._of):
                vectors = self._made_of([one.text for one in some]).tobytes()
                given.append(shard.add.remote(encoded(some), vectors))
                if len(given) > _AHEAD:
                    ray.get(given.popleft())


class _There:
    """Those before at shards; see `Before`."""

    def __init__(
        self,
        index: _ShardedIndex,
        texts: Sequence[Asked],
        vectors: NDArray[np.float32],
        abouts: Sequence[str],
    ) -> None:
        self._index, self._texts, self._vectors, self._abouts = index, texts, vectors, abouts
        self._said = [asked.text for asked in texts]
        self._names: dict[int, str] = {}
        self._first = len(index)
        self._own: dict[int, int] = {}  # which of these lie at places since
        self._equal: dict[bytes, list[int]] = defaultdict(list)
        self._found: dict[int, tuple[set[int], list[tuple[float, int]]]] = {}
        self._seen = self._look(range(len(texts)), [[] for _ in texts])

    def _look(self, some: Sequence[int], ignore: Sequence[list[str]]) -> list[_Seen]:
        """What is known at the shards of some of these texts."""
        shards = self._index.shards
        if not self._first or not some:
            return [_Seen([], []) for _ in some]
        texts, abouts = ([told[i] for i in some] for told in (self._said, self._abouts))
        body = encoded(_Look(texts, abouts, list(ignore)))
        vectors = self._vectors[list(some)].tobytes()
        told = self._index.ask("look", dict.fromkeys(range(len(shards)), (body, vectors)))
        parts = [decoded(one, list[_Seen]) for one in told.values()]
        found = []
        for of_one in zip(*parts, strict=True):
            twins = sorted(twin for part in of_one for twin in part.twins)
            near = [one for part in of_one for one in part.near]
            self._names.update(twins)
            self._names.update((place, name) for _, place, name in near)
            places = nearest([(cosine, place) for cosine, place, _ in near])
            found.append(_Seen(twins, [(c, place, self._names[place]) for c, place in places]))
        return found

    def twins(self, i: int) -> Sequence[int]:
        earlier = [place for place, _ in self._seen[i].twins]
        return [*earlier, *self._equal.get(self._digest(i), ())]

    def name(self, place: int) -> str:
        return self._names[place]

    def near(self, i: int, ignore: Collection[str] = ()) -> list[tuple[float, int]]:
        near = self._seen[i].near
        kept = [one for one in near if one[2] not in ignore]
        if len(kept) < len(near) == MOST_DECIDED:  # others may come in their place
            ((_, kept),) = self._look([i], [list(ignore)])
        return [(cosine, place) for cosine, place, _ in kept]

    def read(self, fellows: Sequence[Sequence[Asked]]) -> None:
        places = {i: [place for _, place in self.near(i)] for i in range(len(self._texts))}
        self._decide({i: some for i, some in places.items() if some})
        groups = zip(self._texts, fellows, strict=True)
        read(self._index, [(text, others) for text, others in groups if others])

    def decided(self, i: int, places: Sequence[int]) -> list[tuple[float, int]]:
        earlier = {place for place in places if place < self._first}
        if earlier and self._found.get(i, (set(),))[0] != earlier:
            self._decide({i: sorted(earlier)})
        own = {place: self._texts[self._own[place]] for place in places if place >= self._first}
        here = decided(self._index, self._texts[i], own) if own else []
        return [*(self._found[i][1] if earlier else ()), *here]

    def _decide(self, places: Mapping[int, Sequence[int]]) -> None:
        """Have shards decide about texts and places."""
        of = len(self._index.shards)
        asked: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        for i, some in places.items():
            self._found[i] = set(some), []
            for k in {place % of for place in some}:
                asked[k].append((i, [place for place in some if place % of == k]))
        bodies = {
            k: (
                encoded(
                    [_Doubt(self._said[i], _known(self._texts[i]), some) for i, some in groups]
                ),
            )
            for k, groups in asked.items()
        }
        for k, told in self._index.ask("decide", bodies).items():
            answers = decoded(told, list[list[tuple[float, int]]])
            for (i, _), found in zip(asked[k], answers, strict=True):
                self._found[i][1].extend(found)

    def add(self, i: int, row_id: str) -> int:
        place = len(self._index)
        self._index.keep(row_id, self._texts[i], self._vectors[i], self._abouts[i])
        self._names[place] = row_id
        self._own[place] = i
        self._equal[self._digest(i)].append(place)
        return place

    def _digest(self, i: int) -> bytes:
        return digest(asked_of(self._said[i], self._abouts[i]), 12)
