"""Prompts that were read before, kept for the next request that begins with them."""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evolsynth.llm.llamacpp.model import TokenisedPrompt

__all__ = ["Prefilled", "PrefixStore"]

_STORE_BYTES = 256 * 2**20  # about 11,000 tokens of SmolLM2-135M


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

    A key's state and logits are the same bits in whichever context they were computed, and a
    copy equals what reading it would give, so what is stored never shows in an answer.
    """

    def __init__(self, size: int, most_bytes: int = _STORE_BYTES) -> None:
        self.size, self._most_bytes = size, most_bytes
        self._bytes = 0
        self._entries: collections.OrderedDict[TokenisedPrompt | tuple[int, ...], Prefilled] = (
            collections.OrderedDict()
        )
        self._lock = threading.Lock()

    def get(self, key: TokenisedPrompt | tuple[int, ...]) -> Prefilled | None:
        """What is stored for these tokens."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: TokenisedPrompt | tuple[int, ...], entry: Prefilled) -> None:
        """Store, and let go of what was not used for longest."""
        with self._lock:
            old = self._entries.pop(key, None)
            self._bytes += entry.size - (old.size if old is not None else 0)
            self._entries[key] = entry
            while len(self._entries) > self.size or self._bytes > self._most_bytes:
                _, gone = self._entries.popitem(last=False)
                self._bytes -= gone.size
