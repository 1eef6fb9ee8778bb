"""Is an instruction about a topic? Told by sentence vectors, against many other fields.

The cosine of an instruction with a topic's description says little by itself: how high it is
depends on the description and on the wording. What counts is whether the topic is nearer than
every other field of life, so the score is the cosine with the topic less the highest with any of
`FIELDS` that is not itself the topic.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evolsynth.errors import InputError
from evolsynth.findings import Finding, reason

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["FIELDS", "ON_TOPIC", "TopicCheck", "subject_of"]

reason(
    "off_topic",
    "The instruction is not about the topic that was asked for.",
    "Raise magpie's candidates, name the topic in more words, or lower on_topic.",
)

#: From where on a row counts as on topic. Of 300 instructions of SmolLM2-135M under the system
#: prompts of five domains, labelled by reading, this lets through 70% of those on topic and 4% of
#: the others.
ON_TOPIC = 0.03

FIELDS = (
    "mathematics and calculation",
    "computer programming and software",
    "cooking, food and recipes",
    "health, medicine and illness",
    "fitness and sport",
    "travel, places and holidays",
    "history and politics",
    "physics, chemistry and astronomy",
    "animals and nature",
    "gardening and farming",
    "business, marketing and start-ups",
    "money, banking and insurance",
    "jobs, careers and interviews",
    "school, teaching and studying",
    "languages and grammar",
    "stories, poems and writing",
    "films, music and games",
    "art, design and photography",
    "psychology and feelings",
    "family, friendship and relationships",
    "religion and philosophy",
    "law and government",
    "climate and the environment",
    "home, cleaning and repairs",
    "clothes and fashion",
    "cars and transport",
    "weddings, parties and gifts",
    "phones, gadgets and the internet",
    "artificial intelligence and data",
)
_SAME_FIELD = 0.5  # cosine from which a field counts as the topic itself

_ROLE = re.compile(
    r"\b(?:helps?|helping|assists?|answers?|generates?|writes?|creates?|produces?|makes?|teach(?:es)?"
    r"|explains?|guides?|supports?|advises?)\b"
    r"(?: (?:users?|people|students?|customers?|others|them|someone|anyone))?"
    r"(?: (?:to|with|in|by|about|on|for))?\s+(?P<subject>.+)",
    re.I | re.S,
)


class TopicCheck:
    """Tells how near an instruction is to a topic.

    Args:
        about: the topic: its name, better with what belongs to it ("mathematics: arithmetic,
            algebra, geometry").
        embedder: sentence vectors; the default threshold is MiniLM's.
        least: the score from which an instruction is on topic.

    Raises:
        InputError: ``about`` is empty, or ``least`` is not between -1 and 1.
    """

    def __init__(self, about: str, embedder: Embedder, *, least: float = ON_TOPIC) -> None:
        if not about.strip():
            raise InputError("The topic is empty. Name it in a few words.")
        if not -1 <= least <= 1:
            raise InputError(f"The least score of a topic is {least}: it must be from -1 to 1.")
        self.about, self.least = about.strip(), least
        self._embedder = embedder
        fields = embedder.embed(FIELDS)
        self._topic = embedder.embed([self.about])[0]
        self._others = fields[fields @ self._topic < _SAME_FIELD]

    def scores(self, texts: Sequence[str]) -> list[float]:
        """For each text, its cosine with the topic less that with the nearest other field."""
        if not texts:
            return []
        vectors = self._embedder.embed(texts)
        near = vectors @ self._topic
        other = (vectors @ self._others.T).max(1) if len(self._others) else np.zeros(len(texts))
        return [round(float(score), 4) for score in near - other]

    def finding(self, score: float) -> Finding | None:
        """Found where the score is too low."""
        if score >= self.least:
            return None
        return Finding("off_topic", {"topic": self.about, "score": score, "least": self.least})


def subject_of(system_prompt: str) -> str:
    """What a system prompt says its assistant is there for: the words behind "helps users with".

    The whole text where it has no such part.
    """
    found = _ROLE.search(system_prompt)
    return (found["subject"] if found else system_prompt).strip().rstrip(".")
