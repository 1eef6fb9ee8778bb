"""Drawing the next token from a row of logits."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evolsynth.llm.base import Sampling
from evolsynth.llm.llamacpp.library import llama

__all__ = ["Sampler"]

_PENALTY_WINDOW = 64  # tokens looked back at, llama.cpp's own default
_FIRST_SPREAD = 12.0  # logits this far below the best are seldom among the top_k
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Sampler:
    """One request's sampler: a llama.cpp chain behind a numpy preselection.

    llama.cpp's chain copies the whole vocabulary for every token. Handing it only the logits
    near the best, and enough of them for an exact ``top_k``, gives the same draw sooner.
    """

    def __init__(self, sampling: Sampling, seed: int, vocabulary_size: int) -> None:
        self._native = native = llama()
        self._top_k = sampling.top_k
        penalised = (
            sampling.repeat_penalty != 1
            or sampling.presence_penalty != 0
            or sampling.frequency_penalty != 0
        )
        self._greedy = sampling.temperature == 0 and not penalised
        self._array = native.llama_token_data_array()
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

    def draw(self, logits: NDArray[np.float32]) -> int:
        """The next token. ``logits``: (vocabulary size,), not changed."""
        if self._greedy:
            return int(logits.argmax())
        ids = self._candidates(logits)
        data = np.empty(len(ids), dtype=_CANDIDATE)
        data["id"] = ids
        data["logit"] = logits[ids]
        data["p"] = 0
        array = self._array
        array.data = ctypes.cast(data.ctypes.data, type(array.data))
        array.size, array.selected, array.sorted = len(ids), -1, False
        self._native.llama_sampler_apply(self._chain, ctypes.byref(array))
        token = int(data["id"][array.selected])
        self._native.llama_sampler_accept(self._chain, token)
        return token

    def close(self) -> None:
        """Free the chain. Safe to call twice."""
        if self._chain is not None:
            self._native.llama_sampler_free(self._chain)
            self._chain = None

    def _candidates(self, logits: NDArray[np.float32]) -> NDArray[np.intp]:
        """Ids in ascending order, the ``top_k`` best among them."""
        wanted = min(self._top_k or len(logits), len(logits))
        best, spread = float(logits.max()), _FIRST_SPREAD
        while wanted < len(logits) and spread < 1e4:
            ids = np.flatnonzero(logits >= best - spread)
            if len(ids) >= wanted:
                return ids
            spread *= 2
        return np.arange(len(logits))
