"""How well an answer stands in a text, from 0 to 1, and which of its words do not.

The rules see each sentence of the answer beside the sentences of the text that bear it. A model,
where there is one, adds how likely it finds the answer given these. All is put together by a
logistic formula with fixed weights (`python -m evals support --fit`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evolsynth.evaluation.information_loss.score import information_loss, word_vectors
from evolsynth.evaluation.support.evidence import MOST_ASKED, bearing, likeliest
from evolsynth.evaluation.support.rates import rates
from evolsynth.evaluation.support.reading import (
    Sentence,
    claims,
    lemma,
    offered,
    sentences_of,
)
from evolsynth.evaluation.support.rules import (
    Against,
    amounts,
    denials,
    misplaced,
    new_words,
    offside,
    roles,
    swapped,
    wrong_numbers,
)
from evolsynth.evaluation.text import looked_at
from evolsynth.evaluation.text.words import vocabulary
from evolsynth.llm.base import LLM, Prompt, Segment
from evolsynth.rows import Row
from evolsynth.streams import together

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["MODEL_WEIGHTS", "RULE_WEIGHTS", "SUPPORT", "Support", "ask_model", "mark_of"]
__all__ += ["question_evidence", "read_support", "scored_for", "support_by_model", "with_model"]

#: The name of the score, and of how it was made in a row's provenance.
SUPPORT = "support"
#: What each signal of the rules adds to the logit of "unsupported", and the intercept.
RULE_WEIGHTS: Mapping[str, float] = {
    "intercept": -2.45,
    "word": 3.9,
    "name": 2.52,
    "elsewhere": 2.9,
    "number": 3.63,
    "negation": 4.48,
    "amount": 3.37,
    "role": 4.09,
    "swap": 4.08,
    "exchange": 2.78,
    "share": 2.31,
    "offside": 2.32,
    "loss": 2.42,
}
#: The same where a model's signals are there too.
MODEL_WEIGHTS: Mapping[str, float] = {
    "intercept": -4.33,
    "word": 2.97,
    "name": 2.52,
    "elsewhere": 2.65,
    "number": 3.57,
    "negation": 4.64,
    "amount": 3.45,
    "role": 3.75,
    "swap": 4.13,
    "exchange": 2.12,
    "share": 1.99,
    "offside": 2.91,
    "loss": 2.82,
    "unlikely": 2.38,
    "lowest": 2.15,
    "gainless": 0.96,
}
_KINDS = ("word", "name", "elsewhere", "number", "negation", "amount", "role", "swap", "exchange")
_SHARES = ("share", "misplaced", "offside", "loss", "more")
_CLAIMS = 40  # sentences of an answer that are looked at, the first
_TOLD = 0.3  # from which weight on words are named


class Support(NamedTuple):
    """What was found of an answer.

    Args:
        score: from 0 to 1, the likelihood that all of it stands in the text.
        evidence: the places of the text that bear it, one or two sentences, in their order.
        against: words of the answer that speak against it, the weightiest first.
        signals: that the score is made of.
        says: whether the answer claims anything at all.
    """

    score: float
    evidence: tuple[tuple[int, int], ...]
    against: tuple[Against, ...]
    signals: dict[str, float]
    says: bool


def read_support(
    question: str,
    answer: str,
    text: str,
    *,
    title: str = "",
    embedder: Embedder | None = None,
    static_only: bool = False,
) -> Support:
    """Support by rules alone; of a long text what `looked_at` leaves.

    Args:
        question: what was asked, without the text.
        title: of the text; its words are taken for known.
        embedder: finds evidence by meaning, and words of like meaning.
        static_only: take no more of the embedder than its static vectors, which costs little.
    """
    seen, said = looked_at(text), looked_at(answer)
    beside = _Beside(seen, question, title, embedder, static_only=static_only)
    told = claims(said)[:_CLAIMS]
    signals = dict.fromkeys((*_KINDS, *_SHARES), 0.0)
    if not told or not beside.whole:
        places = [one.place for one in beside.answering()]
        return Support(0.0, _in_whole(text, seen, places), (), signals, says=False)
    chosen: list[tuple[int, int]] = []
    against: list[Against] = []
    for claim in told:
        borne, found, more = beside.look(claim)
        chosen += [one.place for one in borne]
        for kind in _KINDS:
            weights = [one.weight for one in found if one.kind == kind]
            more[kind] = 1.0 - math.prod(1.0 - weight for weight in weights)
        signals |= {name: max(signals[name], value) for name, value in more.items()}
        against += [
            one._replace(start=one.start + claim.start, end=one.end + claim.start) for one in found
        ]
    signals["more"] = min(1.0, (len(told) - 1) / 3)
    return Support(
        score=_logistic(RULE_WEIGHTS, signals),
        evidence=_in_whole(text, seen, sorted(list(dict.fromkeys(chosen))[:2])),
        against=_weightiest(against) if said == answer else (),
        signals=signals,
        says=True,
    )


class _Beside:
    """A text that claims are looked at beside, and what was asked about it."""

    def __init__(
        self,
        text: str,
        question: str,
        title: str,
        embedder: Embedder | None,
        *,
        static_only: bool,
    ) -> None:
        self.whole = sentences_of(text)
        self._asked = Sentence(question, 0, len(question))
        self._offered = offered(self._asked)
        self._heading = Sentence(title, 0, len(title)).keys
        self._far = self._heading.union(*(one.keys for one in self.whole))
        self._vectors = word_vectors(embedder)
        self._embedder = None if static_only else embedder

    def answering(self) -> list[Sentence]:
        """The sentence that may answer the question, if there is any."""
        places = bearing(self.whole, None, self._asked, embedder=self._embedder)
        return [self.whole[place] for place in places[:1]]

    def look(self, claim: Sentence) -> tuple[list[Sentence], list[Against], dict[str, float]]:
        """The sentences that bear a claim, what speaks against it, and the other signals."""
        order = bearing(self.whole, claim, self._asked, embedder=self._embedder)[:2]
        order = order[: 2 if _adds(claim, self.whole, order) else 1]
        borne = [self.whole[place] for place in order]
        near = borne[0].keys | self._heading | _before(self.whole, order[0])
        found = new_words(claim, near, self._far, self._asked.keys, self._vectors)
        found += wrong_numbers(claim, self.whole, self._asked) + swapped(
            claim, borne[0], self._offered
        )
        found += denials(claim, borne) + amounts(claim, borne) + roles(claim, borne)
        listed = rates(claim, self.whole)
        found = [one for one in found if not any(a <= one.start < b for a, b in listed)]
        fresh = sum(one.weight for one in found if one.kind in ("word", "name", "elsewhere"))
        said = " ".join(one.text for one in borne)
        more = {
            "share": min(1.0, fresh / max(len(claim.heavy), 1)),
            "misplaced": misplaced(claim, borne),
            "offside": offside(claim, borne[0], self.whole, self._asked),
            "loss": information_loss(claim.text, said, embedder=self._embedder).score,
        }
        return borne, found, more


def _in_whole(
    text: str, seen: str, places: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """Where in a text the places of what was seen of it are; without those that were cut."""
    if text == seen:
        return tuple(places)
    starts = [(text.find(seen[start:end]), end - start) for start, end in places]
    return tuple((start, start + size) for start, size in starts if start >= 0)


def _weightiest(against: Sequence[Against]) -> tuple[Against, ...]:
    """Those worth naming, the weightiest first, each word once."""
    found: list[Against] = []
    for one in sorted(against, key=lambda one: -one.weight):
        apart = all(one.end <= other.start or other.end <= one.start for other in found)
        if one.weight >= _TOLD and apart:
            found.append(one)
    return tuple(found)


def _adds(claim: Sentence, whole: Sequence[Sentence], order: Sequence[int]) -> bool:
    """Whether a second sentence has words of the claim that the first has not."""
    if len(order) < 2:
        return False
    first, second = whole[order[0]], whole[order[1]]
    return bool((claim.keys - first.keys) & second.keys)


_VAGUE = vocabulary("he she it they his her its their him them this these")


def _before(whole: Sequence[Sentence], place: int) -> frozenset[str]:
    """Names of the sentence before and of the first, for one that speaks of "it" or "the town"."""
    one = whole[place]
    if not place or not any(word.lower in _VAGUE for word in one.words):
        return frozenset()
    some = {0, place - 1}
    return frozenset(
        lemma(word.text) for p in some for word in whole[p].heavy if word.text[:1].isupper()
    )


def _logistic(weights: Mapping[str, float], signals: Mapping[str, float]) -> float:
    """The chance that all is supported."""
    logit = sum(weight * signals.get(name, 1.0) for name, weight in weights.items())
    return round(1.0 / (1.0 + math.exp(max(-60.0, min(60.0, logit)))), 4)


def mark_of(row: Row) -> str:
    """What tells whether a score is of this answer beside this text: their hash."""
    said = json.dumps([row.instruction, row.response, row.input])
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


def scored_for(row: Row) -> float | None:
    """The score that the step `support` gave the row as it stands; None where it gave none, or the
    row has changed since."""
    made = row.provenance.get(SUPPORT)
    if not isinstance(made, Mapping) or made.get("mark") != mark_of(row):
        return None
    return row.scores.get(SUPPORT)


# With a model -------------------------------------------------------------------------------------


async def support_by_model(
    llm: LLM,
    question: str,
    answer: str,
    text: str,
    *,
    title: str = "",
    embedder: Embedder | None = None,
) -> Support:
    """Support by rules and by how likely a model finds the answer given the evidence.

    Raises:
        CapabilityError: the back end cannot tell log-probabilities of given texts.
        RequestError: the row is too long for the model.
    """
    found = read_support(question, answer, text, title=title, embedder=embedder)
    if not found.says:
        return found
    told = await ask_model(llm, question, answer, text, found.evidence, title=title)
    return with_model(found, told)


def with_model(found: Support, told: Mapping[str, float]) -> Support:
    """The same support with what a model told (`ask_model`) among its signals."""
    signals = {**found.signals, **told}
    return found._replace(score=_logistic(MODEL_WEIGHTS, signals), signals=signals)


async def ask_model(
    llm: LLM,
    question: str,
    answer: str,
    text: str,
    evidence: Sequence[tuple[int, int]],
    *,
    title: str = "",
) -> dict[str, float]:
    """The model's signals, all in [0, 1], high where they speak against the answer.

    ``unlikely`` is made of the answer's mean log-probability a token given the evidence,
    ``lowest`` of the lowest mean of three tokens on end, ``gainless`` of what the evidence gains
    over the question alone.

    Raises:
        CapabilityError, RequestError: as `LLM.score`.
    """
    shown = " ".join(text[start:end] for start, end in evidence)
    head = f"{title}\n" if title else ""
    tail = f"\nQuestion: {question}\nAnswer:"
    given, alone = await together(
        llm.score(Prompt((Segment(f"{said}{tail}"),)), f" {answer.strip()}")
        for said in (f"{head}{shown}", head.rstrip())
    )
    each = [token.logprob for token in given.logprobs]
    runs = [float(np.mean(each[i : i + 3])) for i in range(max(1, len(each) - 2))]
    return {
        "unlikely": _scaled(-given.mean, 4.0),
        "lowest": _scaled(-min(runs), 8.0),
        "gainless": _scaled(3.0 - (given.mean - alone.mean), 4.0),
    }


def _scaled(value: float, most: float) -> float:
    """A value between 0 and the most that counts, as a share of it."""
    return round(min(max(value, 0.0), most) / most, 4)


async def question_evidence(
    llm: LLM,
    question: str,
    text: str,
    *,
    title: str = "",
    embedder: Embedder | None = None,
    most: int = MOST_ASKED,
) -> list[tuple[int, int, float]]:
    """The places of the sentences that may answer a question, the likeliest first, each with how
    much likelier it makes the question (`likeliest`): the best by words and meaning are asked for.

    Raises:
        CapabilityError, RequestError: as `likeliest`.
    """
    seen = looked_at(text)
    whole = sentences_of(seen)
    places = bearing(whole, None, Sentence(question, 0, len(question)), embedder=embedder)
    found = await likeliest(llm, question, whole, places[:most], title=title)
    return [
        (*place, round(gain, 4))
        for p, gain in found
        for place in _in_whole(text, seen, [whole[p].place])
    ]
