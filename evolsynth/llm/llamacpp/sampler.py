"""Drawing the next token from a row of logits."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evolsynth.errors import RequestError
from evolsynth.llm.base import Sampling
from evolsynth.llm.llamacpp.model import last_message, llama

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.llm.llamacpp.model import Model

__all__ = ["Choices", "Grammar", "Sampler", "log_probability"]

_PENALTY_WINDOW = 64  # tokens looked back at, llama.cpp's own default
_FIRST_SPREAD = 8.0  # how far below the best logit the top_k are looked for at first
_WIDEST = 1e4
_PLENTY = 4  # times top_k: more than that are found by looking too far
_MANY = 1000  # tokens, beyond which a grammar is asked about the likeliest first
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Grammar:
    """GBNF rules, and how far an answer has come in them.

    Raises:
        RequestError: the text is no grammar that llama.cpp can use.
    """

    def __init__(self, model: Model, text: str) -> None:
        self._model = model
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
        candidates = _Candidates(self._native)
        candidates.fill(tokens, np.zeros(len(tokens), dtype=np.float32))
        self._native.llama_sampler_apply(self._handle, candidates.pointer)
        kept: NDArray[np.intp] = tokens[np.isfinite(candidates.logits)]
        return kept

    def possible(self, tokens: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those that begin with a byte that may come next, and those that stand for none.

        llama.cpp looks at each token by itself, and most grammars leave few bytes open in most
        places, so it is asked about the bytes first.
        """
        first = self._model.first_bytes[tokens]
        return tokens[(first < 0) | self._open_bytes()[first]]

    def _open_bytes(self) -> NDArray[np.bool_]:
        """Which bytes an allowed token may begin with: all of which no token tells."""
        alone = self._model.tokens_of
        told = {t[0]: byte for byte in range(256) if (t := alone.get(bytes((byte,)))) is not None}
        open_ = np.ones(256, dtype=np.bool_)
        open_[list(told.values())] = False
        open_[[told[token] for token in self.allowed(np.array(list(told))).tolist()]] = True
        return open_

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
    vocabulary takes longer than decoding). With ``choices`` the draw is made among the tokens that
    they go on with. ``native_seconds`` is the time inside llama.cpp's chain.
    """

    def __init__(
        self,
        sampling: Sampling,
        seed: int,
        vocabulary_size: int,
        grammar: Grammar | None = None,
        choices: Choices | None = None,
    ) -> None:
        self._native = native = llama()
        self._top_k = sampling.top_k
        self._grammar, self._choices = grammar, choices
        self._spread = _FIRST_SPREAD
        self._candidates = _Candidates(native)
        self.native_seconds = 0.0
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
        if self._choices is not None:
            open_ = self._choices.next_tokens()
            open_ = open_[logits[open_] > -np.inf]
            return self._pick(logits, open_) if len(open_) else None
        token = self._pick(logits, None)
        if self._grammar is None or self._grammar.allows(token):
            return token if logits[token] > -np.inf else None
        allowed = self._likely(self._grammar, logits)
        return self._pick(logits, allowed) if len(allowed) else None

    def _likely(self, grammar: Grammar, logits: NDArray[np.float32]) -> NDArray[np.intp]:
        """What the grammar allows: as far down from the best as the draw looks, or all of it."""
        tokens = grammar.possible(np.flatnonzero(logits > -np.inf))
        wanted = 1 if self._greedy else self._top_k
        if wanted and len(tokens) > _MANY:
            values = logits[tokens]
            near = grammar.allowed(tokens[values >= values.max() - _FIRST_SPREAD])
            if len(near) >= wanted:
                return near
        return grammar.allowed(tokens)

    def accept(self, token: int) -> None:
        """Take the token into account for penalties and the grammar; not an end of turn."""
        if self._chain is not None:
            self._native.llama_sampler_accept(self._chain, token)
        if self._grammar is not None:
            self._grammar.accept(token)
        if self._choices is not None:
            self._choices.accept(token)

    @property
    def rest(self) -> bytes | None:
        """How the answer goes on, where the choices leave no doubt."""
        return None if self._choices is None else self._choices.rest

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
        self._candidates.fill(ids, logits[ids])
        began = time.perf_counter()
        self._native.llama_sampler_apply(self._chain, self._candidates.pointer)
        self.native_seconds += time.perf_counter() - began
        return self._candidates.selected

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


class _Candidates:
    """Tokens and their logits as llama.cpp takes them: memory that is used again and again.

    llama.cpp may point the frame elsewhere, but these samplers sort and cut in place.
    """

    def __init__(self, native: Any) -> None:
        self._frame = native.llama_token_data_array()
        self._kind = type(self._frame.data)
        self.pointer = ctypes.byref(self._frame)
        self._size = 0

    def fill(self, ids: NDArray[np.intp], logits: NDArray[np.float32]) -> None:
        """Put the pairs there, none of them selected."""
        count, frame = len(ids), self._frame
        if count > self._size:
            self._size = 2 * count
            self._memory = np.zeros(self._size, dtype=_CANDIDATE)
            self._ids, self._logits = self._memory["id"], self._memory["logit"]
            frame.data = ctypes.cast(self._memory.ctypes.data, self._kind)
        self._ids[:count] = ids
        self._logits[:count] = logits
        frame.size, frame.selected, frame.sorted = count, -1, False

    @property
    def logits(self) -> NDArray[np.float32]:
        """Those that are left, as they are now."""
        return self._logits[: self._frame.size]

    @property
    def selected(self) -> int:
        """The token that a sampler chose."""
        return int(self._ids[self._frame.selected])


def log_probability(logits: NDArray[np.float32], token: int) -> float:
    """The natural logarithm of a token's probability. ``logits``: (vocabulary size,)."""
    best = logits.max()
    total = np.exp(logits - best).sum(dtype=np.float64)
    return float(logits[token] - best) - float(np.log(total))


# Keeping an answer to one of some given texts -----------------------------------------------------


class Choices:
    """The texts that an answer may be, and how far it has come in them.

    Which tokens may come next is looked up by their bytes: no text may be begun in a way in which
    none goes on, but each in every way that the vocabulary has.
    """

    def __init__(self, model: Model, texts: Sequence[str]) -> None:
        self._model = model
        self._left = tuple(dict.fromkeys(text.encode("utf-8", "replace") for text in texts))

    @property
    def rest(self) -> bytes | None:
        """What is still to come, where that is clear without asking the model."""
        return self._left[0] if len(self._left) == 1 else None

    def next_tokens(self) -> NDArray[np.intp]:
        """The tokens that may come next; those that end an answer where a text is complete."""
        found: set[int] = set()
        for left in self._left:
            if not left:
                found |= self._model.end_tokens
            for size in range(1, min(len(left), self._model.longest_piece) + 1):
                found.update(self._model.tokens_of.get(left[:size], ()))
        return np.array(sorted(found), dtype=np.intp)

    def accept(self, token: int) -> None:
        """Go on with one of those tokens."""
        piece = self._model.pieces[token]
        self._left = tuple(left[len(piece) :] for left in self._left if left.startswith(piece))
