"""Prompts that were read before, kept for the next request that begins with them."""

from __future__ import annotations

import collections
import threading
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.llm.llamacpp.model import TokenisedPrompt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Prefilled", "PrefixStore"]

_SHARED_BYTES = 256 * 2**20  # about 11,000 tokens of SmolLM2-135M
_PROMPT_BYTES = 128 * 2**20  # of SmolLM2-135M 30 prompts of 180 tokens


class Prefilled(NamedTuple):
    """A sequence's keys and values after its prompt, and the logits there."""

    state: NDArray[np.uint8]
    logits: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Bytes."""
        return self.state.nbytes + self.logits.nbytes


class PrefixStore:
    """Prefilled prompts, or their shared parts, for all contexts: the least recently used go.

    Shared parts (few-shot examples) are of use for a whole run, other prompts and heads for a
    second or two, and there are many more of those. So each kind has a list of its own: ``size``
    entries and ``most_bytes`` of shared parts, and the same number and ``most_prompt_bytes`` of
    the rest.

    A key's state and logits are the same bits in whichever context they were computed, and a
    copy equals what reading it would give, so what is stored never shows in an answer.
    """

    def __init__(
        self, size: int, most_bytes: int = _SHARED_BYTES, most_prompt_bytes: int = _PROMPT_BYTES
    ) -> None:
        self._shared = _Recent(size, most_bytes)
        self._prompts = _Recent(size, most_prompt_bytes)
        self._lock = threading.Lock()

    def get(self, key: TokenisedPrompt | tuple[int, ...]) -> Prefilled | None:
        """What is stored for these tokens: a shared part's, or those of a prompt from its start."""
        with self._lock:
            return self._list_of(key).get(key)

    def put(self, key: TokenisedPrompt | tuple[int, ...], entry: Prefilled) -> None:
        """Store, and let go of what of its kind was not used for longest."""
        with self._lock:
            self._list_of(key).put(key, entry)

    def _list_of(self, key: TokenisedPrompt | tuple[int, ...]) -> _Recent:
        return self._prompts if isinstance(key, TokenisedPrompt) else self._shared


class _Recent:
    """Entries up to a number and a size in bytes."""

    def __init__(self, size: int, most_bytes: int) -> None:
        self._size, self._most_bytes = size, most_bytes
        self._bytes = 0
        self._entries: collections.OrderedDict[Hashable, Prefilled] = collections.OrderedDict()

    def get(self, key: Hashable) -> Prefilled | None:
        if key in self._entries:
            self._entries.move_to_end(key)
        return self._entries.get(key)

    def put(self, key: Hashable, entry: Prefilled) -> None:
        old = self._entries.pop(key, None)
        self._bytes += entry.size - (old.size if old is not None else 0)
        self._entries[key] = entry
        while len(self._entries) > self._size or self._bytes > self._most_bytes:
            _, gone = self._entries.popitem(last=False)
            self._bytes -= gone.size
