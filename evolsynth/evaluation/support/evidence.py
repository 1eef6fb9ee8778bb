"""Which sentences of a text bear an answer, or could answer a question.

By words, the rarer the heavier, and with an embedder by meaning. `likeliest` asks a model: the
sentence by which a question becomes most likely, log P(question | sentence) - log P(question |
title).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from evolsynth.evaluation.information_loss.alignment import related
from evolsynth.evaluation.support.reading import Sentence
from evolsynth.evaluation.text.numbers import equal
from evolsynth.llm.base import LLM, Capability, Prompt, Segment
from evolsynth.streams import together

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["BARE", "MOST_ASKED", "bearing", "likeliest"]

#: Sentences of a text that a model is asked about, the best by words and meaning.
MOST_ASKED = 4
_OF_QUESTION = 0.35  # weight of a word of the question beside one of the answer
#: Words of content that a bare answer has at most: "In 1904."
BARE = 3
_NUMBER = 0.5  # of a number that a sentence has
_AKIN = 0.7  # weight of a word of the same family
_MEANT = 3.0  # weight of a cosine beside that of words


def bearing(
    text: Sequence[Sentence],
    claim: Sentence | None,
    question: Sentence,
    *,
    embedder: Embedder | None = None,
) -> list[int]:
    """The places of a text's sentences, those first that bear a sentence of an answer best.

    Without a ``claim``: those that may answer the question.
    """
    often = Counter(key for sentence in text for key in sentence.keys)
    rare = {key: math.log(1 + len(text) / count) for key, count in often.items()}
    vocabulary = frozenset(often)
    likes = [0.0] * len(text)
    if embedder is not None and text:
        said = question.text if claim is None else f"{question.text} {claim.text}"
        *vectors, own = embedder.embed([*(one.text for one in text), said])
        likes = [_MEANT * float(own @ vector) for vector in vectors]
    scores = []
    for place, sentence in enumerate(text):
        score = likes[place]
        for keys, weight in ((claim, 1.0), (question, _OF_QUESTION if claim else 1.0)):
            if keys is not None:
                score += weight * sum(_share(key, sentence, rare, vocabulary) for key in keys.keys)
        if claim is not None:
            weight = _NUMBER if len(claim.keys) > BARE else 4 * _NUMBER
            score += weight * sum(any(equal(n, m) for m in sentence.numbers) for n in claim.numbers)
        scores.append(score)
    return sorted(range(len(text)), key=lambda place: (-round(scores[place], 6), place))


def _share(
    key: str, sentence: Sentence, rare: dict[str, float], vocabulary: frozenset[str]
) -> float:
    if key in sentence.keys:
        return rare.get(key, 0.0)
    akin = _family(key, vocabulary) & sentence.keys
    return _AKIN * max((rare[other] for other in akin), default=0.0)


@lru_cache(maxsize=4096)
def _family(key: str, some: frozenset[str]) -> frozenset[str]:
    """Of some words those that share a beginning with one, or mean the same."""
    return frozenset(other for other in some if related(key, other))


async def likeliest(
    llm: LLM, question: str, text: Sequence[Sentence], places: Sequence[int], *, title: str = ""
) -> list[tuple[int, float]]:
    """Of some sentences, those first that make a question likelier; each with the difference of
    the question's mean log-probability with the sentence and without, in nats a token.

    Raises:
        CapabilityError: the back end cannot tell log-probabilities of given texts.
        RequestError: a sentence is too long for the model.
    """
    llm.require(Capability.LOGPROBS, by="evidence")
    head = f"{title}\n" if title else ""
    shown = [f"{head}{text[place].text}\nQuestion:" for place in places]
    prompts = [Prompt((Segment(said),)) for said in (f"{head}Question:", *shown)]
    alone, *given = await together(llm.score(prompt, f" {question}") for prompt in prompts)
    gains = [(place, one.mean - alone.mean) for place, one in zip(places, given, strict=True)]
    return sorted(gains, key=lambda pair: (-round(pair[1], 6), pair[0]))
