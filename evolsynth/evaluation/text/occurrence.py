"""Whether a word occurs in a text, in whatever form: by its stem, or by how it begins."""

from __future__ import annotations

from functools import lru_cache

from evolsynth.evaluation.text.words import words

__all__ = ["occurs", "stems_of"]


@lru_cache(maxsize=4096)
def stems_of(text: str) -> frozenset[str]:
    """The stems of a text's words, and, marked by a hyphen, their beginnings."""
    stems = {w.stem for w in words(text)}
    return frozenset(stems | {f"{s[:k]}-" for s in stems for k in range(4, len(s) + 1)})


def occurs(key: str, stems: frozenset[str]) -> bool:
    """Whether a stem occurs, or one that shares its first letters (Italy, Italian)."""
    return key in stems or (len(key) >= 5 and f"{key[: max(4, len(key) - 3)]}-" in stems)
