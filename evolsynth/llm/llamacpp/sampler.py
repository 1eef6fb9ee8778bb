"""Drawing the next token from a row of logits."""

from __future__ import annotations

import ctypes
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from evolsynth.errors import RequestError
from evolsynth.llm.base import Sampling
from evolsynth.llm.llamacpp.library import last_message, llama

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.llm.llamacpp.model import Model

__all__ = ["Grammar", "Sampler", "log_probability"]

_PENALTY_WINDOW = 64  # tokens looked back at, llama.cpp's own default
_FIRST_SPREAD = 8.0  # how far below the best logit the top_k are looked for at first
_WIDEST = 1e4
_PLENTY = 4  # times top_k: more than that are found by looking too far
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Grammar:
    """GBNF rules, and how far an answer has come in them.

    Raises:
        RequestError: the text is no grammar that llama.cpp can use.
    """

    def __init__(self, model: Model, text: str) -> None:
        self._native = native = llama()
        self._handle: Any = native.llama_sampler_init_grammar(
            model.vocabulary, text.encode("utf-8", "replace"), b"root"
        )
        if not self._handle:
            raise RequestError(
                f"The grammar cannot be used ({last_message()}). Give GBNF with a rule `root` and "
                "without left recursion."
            )

    def allows(self, token: int) -> bool:
        """Whether the answer may go on with this token."""
        return bool(len(self.allowed(np.array([token]))))

    def allowed(self, tokens: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those of the tokens that may come next, in the same order."""
        data, array = _candidates(self._native, tokens, np.zeros(len(tokens), dtype=np.float32))
        self._native.llama_sampler_apply(self._handle, ctypes.byref(array))
        kept: NDArray[np.intp] = tokens[np.isfinite(data["logit"])]
        return kept

    def accept(self, token: int) -> None:
        """Go on with a token that is allowed; any other would end the process."""
        self._native.llama_sampler_accept(self._handle, token)

    def close(self) -> None:
        """Free it. Safe to call twice."""
        if self._handle:
            self._native.llama_sampler_free(self._handle)
            self._handle = None


class Sampler:
    """One request's sampler: a llama.cpp chain behind a numpy preselection.

    llama.cpp's chain copies the whole vocabulary for every token. Handing it only the logits
    near the best, and enough of them for an exact ``top_k``, gives the same draw sooner.

    A grammar is asked about the drawn token alone; only where it refuses that one, the draw is
    made again among all that it allows (llama.cpp's own way, and its reason: checking the whole
    vocabulary takes longer than decoding).
    """

    def __init__(
        self, sampling: Sampling, seed: int, vocabulary_size: int, grammar: Grammar | None = None
    ) -> None:
        self._native = native = llama()
        self._top_k = sampling.top_k
        self._grammar = grammar
        self._spread = _FIRST_SPREAD
        penalised = (
            sampling.repeat_penalty != 1
            or sampling.presence_penalty != 0
            or sampling.frequency_penalty != 0
        )
        self._greedy = sampling.temperature == 0 and not penalised
        self._chain: Any = None
        if self._greedy:
            return
        self._chain = native.llama_sampler_chain_init(native.llama_sampler_chain_default_params())
        steps = []
        if sampling.top_k:
            steps.append(native.llama_sampler_init_top_k(sampling.top_k))
        if penalised:
            steps.append(
                native.llama_sampler_init_penalties(
                    vocabulary_size,
                    _PENALTY_WINDOW,
                    sampling.repeat_penalty,
                    sampling.frequency_penalty,
                    sampling.presence_penalty,
                )
            )
        if sampling.temperature == 0:
            steps.append(native.llama_sampler_init_greedy())
        else:
            steps += [
                native.llama_sampler_init_top_p(sampling.top_p, 1),
                native.llama_sampler_init_min_p(sampling.min_p, 1),
                native.llama_sampler_init_temp(sampling.temperature),
                native.llama_sampler_init_dist(seed),
            ]
        for step in steps:
            native.llama_sampler_chain_add(self._chain, step)

    def draw(self, logits: NDArray[np.float32], forbidden: Collection[int] = ()) -> int | None:
        """The next token, none of the ``forbidden``; None where nothing is left to draw.

        ``logits``: (vocabulary size,), owned by the caller's thread: the forbidden are marked in
        it meanwhile, and put back. Follow the draw with `accept`.
        """
        if not forbidden:
            return self._draw(logits)
        places = list(forbidden)
        kept = logits[places]
        logits[places] = -np.inf
        try:
            return self._draw(logits)
        finally:
            logits[places] = kept

    def _draw(self, logits: NDArray[np.float32]) -> int | None:
        token = self._pick(logits, None)
        if self._grammar is None or self._grammar.allows(token):
            return token if logits[token] > -np.inf else None
        allowed = self._grammar.allowed(np.flatnonzero(logits > -np.inf))
        return self._pick(logits, allowed) if len(allowed) else None

    def accept(self, token: int) -> None:
        """Take the token into account for penalties and the grammar; not an end of turn."""
        if self._chain is not None:
            self._native.llama_sampler_accept(self._chain, token)
        if self._grammar is not None:
            self._grammar.accept(token)

    def close(self) -> None:
        """Free the chain and the grammar. Safe to call twice."""
        if self._chain is not None:
            self._native.llama_sampler_free(self._chain)
            self._chain = None
        if self._grammar is not None:
            self._grammar.close()

    def _pick(self, logits: NDArray[np.float32], among: NDArray[np.intp] | None) -> int:
        if self._greedy:
            return int(logits.argmax() if among is None else among[logits[among].argmax()])
        ids = self._best(logits) if among is None else among[self._best(logits[among])]
        data, array = _candidates(self._native, ids, logits[ids])
        self._native.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(data["id"][array.selected])

    def _best(self, logits: NDArray[np.float32]) -> NDArray[np.intp]:
        """Places in ascending order, the ``top_k`` best among them.

        How far below the best logit to look is learnt from the request's own last tokens.
        """
        wanted = min(self._top_k or len(logits), len(logits))
        best = float(logits.max())
        while wanted < len(logits) and self._spread < _WIDEST:
            places = np.flatnonzero(logits >= best - self._spread)
            if len(places) >= wanted:
                if len(places) > _PLENTY * wanted:
                    self._spread *= 0.8
                return places
            self._spread *= 1.5
        self._spread = min(self._spread, _WIDEST / 2)
        return np.arange(len(logits))


def _candidates(
    native: Any, ids: NDArray[np.intp], logits: NDArray[np.float32]
) -> tuple[NDArray[np.void], Any]:
    """The pairs as llama.cpp takes them: the memory, which must outlive its use, and its frame.

    llama.cpp may point the frame elsewhere, but these samplers sort and cut in place.
    """
    data = np.empty(len(ids), dtype=_CANDIDATE)
    data["id"] = ids
    data["logit"] = logits
    data["p"] = 0
    array = native.llama_token_data_array()
    array.data = ctypes.cast(data.ctypes.data, type(array.data))
    array.size, array.selected, array.sorted = len(ids), -1, False
    return data, array


def log_probability(logits: NDArray[np.float32], token: int) -> float:
    """The natural logarithm of a token's probability. ``logits``: (vocabulary size,)."""
    best = logits.max()
    total = np.exp(logits - best).sum(dtype=np.float64)
    return float(logits[token] - best) - float(np.log(total))
