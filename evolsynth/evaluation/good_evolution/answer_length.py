"""How much room the answer to a request has: a label, a sentence or two, or a whole text.

A demand such as "in 100 words" is empty where a word is the answer. The room is told from the
request's MiniLM vectors (of all of it, and of its first sentence: the data that a request carries
say little) and a few cues, by a multinomial logistic regression. Its weights are fitted by
``python -m evals good-evolution --train`` on requests of ours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.minilm import Embedder

__all__ = ["ROOMS", "Room", "RoomModel", "room_features", "room_texts"]

#: The rooms, in the order of the weights.
ROOMS = ("label", "sentence", "text")
_BORDER = re.compile(r"(?<=[.?!:])\s+")
_CUES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"\b(?:yes or no|true or false|true, false)\b",
        r"^(?:what|which|who|when|how many|how much|how old)\b",
        r"\b(?:classify|label|tag|detect|identify|decide|determine|find|select|choose|pick|extract"
        r"|return|output|calculate|solve|convert|translate|count|sort|rank|name|evaluate|given"
        r"|correct|replace|fill|is|are|does|tell me (?:if|whether|which)|tell if|answer)\b",
        r"^(?:explain|describe|discuss|plan|create|design|make|how|why|tell me about|compare"
        r"|outline|prepare|develop|draft|compose|give me (?:tips|advice|a recipe|ideas|a plan)"
        r"|write an? (?:short )?(?:story|essay|letter|poem|email|article|review|speech|song|blog"
        r"|script|program|dialogue|conversation|cover|report|persuasive|message))\b",
        r"\b(?:a|one) (?:sentence|word|phrase|title|name|slogan|headline|question|quote|joke"
        r"|caption|synonym)\b",
        r"\b(?:two|three|four|five|some|list|things|ways|tips|examples)\b",
        r"\b(?:rewrite|rephrase|paraphrase|summari[sz]e|sentence)\b",
        r"\b(?:code|program|script|function|sql|python|java|javascript)\b",
        r"\d",
        r":\s",
    )
)


class Room(NamedTuple):
    """The probability of each room; they add up to 1."""

    label: float
    sentence: float
    text: float

    @property
    def words(self) -> float:
        """About how many words an answer has: a geometric mean."""
        logs = self.label * np.log(4) + self.sentence * np.log(25) + self.text * np.log(250)
        return float(np.exp(logs))


class RoomModel(NamedTuple):
    """Weights of shape (3, features) and an intercept of shape (3,)."""

    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def room(self, request: str, embedder: Embedder) -> Room:
        """The room of the answer to ``request``."""
        logits = self.weights @ room_features(request, embedder) + self.intercept
        odds = np.exp(logits - logits.max())
        label, sentence, text = (odds / odds.sum()).tolist()
        return Room(label, sentence, text)


def room_texts(request: str) -> list[str]:
    """The texts whose vectors tell the room: the request and its first sentence."""
    return [request, _BORDER.split(request.strip())[0]]


def room_features(request: str, embedder: Embedder) -> NDArray[np.float64]:
    """What the room is told from: two vectors, cues in the whole and in the first sentence, and
    lengths; of shape (2 d + 22,) for vectors of d dimensions."""
    parts = _BORDER.split(request.strip())
    whole, first = embedder.embed(room_texts(request)).astype(np.float64)
    cues = [float(bool(cue.search(text))) for text in (request, parts[0]) for cue in _CUES]
    lengths = [min(len(request.split()), 60) / 30, len(parts) / 4]
    return np.concatenate([whole, 1.5 * first, 0.3 * np.array(cues + lengths)])
