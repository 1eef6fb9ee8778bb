"""Sets whose order by diversity is known, made from requests of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from evolsynth.data.files import read_objects

__all__ = ["SIZE", "Family", "families", "many", "requests", "topic_texts"]

DATA = Path(__file__).parent / "data"
#: Texts of each set.
SIZE = 96

_ASKED = (
    "Explain {} to a beginner.",
    "Write a short text about {}.",
    "What should one know about {}?",
    "Give three tips on {}.",
    "Describe the history of {}.",
    "List common mistakes with {}.",
    "Compare {} with something similar.",
    "Why would anybody care about {}?",
)
#: Ways to say a request again; the first leaves it as it is.
_AGAIN = (
    "{}",
    "Please help me with this: {}",
    "I would like you to do the following. {}",
    "Here is a small task for you. {}",
    "{} Thank you!",
)


class Family(NamedTuple):
    """Sets that differ in one thing. ``make(level, chance)`` gives one of `SIZE` texts; of two
    levels the one that comes later in ``levels`` is the more varied by construction."""

    name: str
    about: str
    levels: tuple[float, ...]
    make: Callable[[float, np.random.Generator], list[str]]


class _Topic(msgspec.Struct):
    topic: str
    things: list[str]


def requests(path: Path | None = None) -> list[str]:
    """Different requests: of a file with ``instruction``, or the 284 of ours."""
    found = (
        line.get("instruction") for _, line in read_objects(path or DATA / "answer_room.jsonl")
    )
    return list(dict.fromkeys(text for text in found if isinstance(text, str) and text.strip()))


def topic_texts() -> list[list[str]]:
    """For each of 12 topics, 96 requests: 12 things in 8 frames."""
    lines = (DATA / "topics.jsonl").read_bytes().splitlines()
    topics = [msgspec.json.decode(line, type=_Topic) for line in lines]
    return [[frame.format(thing) for thing in t.things for frame in _ASKED] for t in topics]


def families(own: Sequence[str]) -> tuple[Family, ...]:
    """All families, the requests ``own`` (at least `SIZE`) being the varied source."""
    topics = topic_texts()

    def of_topics(level: float, chance: np.random.Generator) -> list[str]:
        chosen = chance.choice(len(topics), int(level), replace=False)
        pool = [text for topic in chosen for text in topics[topic]]
        return _some(pool, SIZE, chance)

    def with_copies(level: float, chance: np.random.Generator) -> list[str]:
        different = _some(own, round(SIZE * level), chance)
        copies = chance.choice(different, SIZE - len(different)).tolist()
        return _shuffled(different + copies, chance)

    def with_paraphrases(level: float, chance: np.random.Generator) -> list[str]:
        different = _some(own, round(SIZE * level), chance)
        said = [_AGAIN[i % len(_AGAIN)].format(different[i % len(different)]) if i >= len(different)
                else different[i] for i in range(SIZE)]  # fmt: skip
        return _shuffled(said, chance)

    def mixed(level: float, chance: np.random.Generator) -> list[str]:
        broad = _some(own, round(SIZE * level), chance)
        sums = chance.integers(10, 99, (SIZE - len(broad), 2)).tolist()
        return _shuffled(broad + [f"What is {a} plus {b}?" for a, b in sums], chance)

    return (
        Family("topics", "requests of k topics", (1, 2, 3, 4, 6, 12), of_topics),
        Family("copies", "a share of different texts, the rest copies of them",
               (0.1, 0.25, 0.5, 0.75, 0.9, 1), with_copies),
        Family("paraphrases", "a share of different requests, the rest the same in other frames",
               (0.2, 0.35, 0.5, 0.65, 0.8, 1), with_paraphrases),
        Family("mixed", "a share of varied requests, the rest sums",
               (0.05, 0.2, 0.4, 0.6, 0.8, 1), mixed),
    )  # fmt: skip


def many(own: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """``count`` texts for timing: requests with words of others put in their place."""
    chance = np.random.default_rng([seed, count])
    words = sorted({word for text in own for word in text.split()})
    texts = []
    for place in chance.integers(len(own), size=count).tolist():
        text = own[place].split()[:16]
        for here, word in zip(
            chance.integers(len(text), size=4).tolist(),
            chance.integers(len(words), size=4).tolist(),
            strict=True,
        ):
            text[here] = words[word]
        texts.append(" ".join([*text, *(words[i] for i in chance.integers(len(words), size=4))]))
    return texts


def _some(pool: Sequence[str], count: int, chance: np.random.Generator) -> list[str]:
    places = chance.choice(len(pool), min(count, len(pool)), replace=False)
    return [pool[place] for place in places.tolist()]


def _shuffled(texts: list[str], chance: np.random.Generator) -> list[str]:
    return [texts[place] for place in chance.permutation(len(texts)).tolist()]
