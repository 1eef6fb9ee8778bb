"""Rules for texts, and how much of a text they look at.

A rule that takes a millisecond for a page takes minutes for a book, and a gate is to say something
of any row. So what is longer than `MOST` characters is looked at in part: pieces of its beginning,
its end, and evenly between them, the same each time, so that no part of a long text is left out
for being where it is. Whoever looks at a part says so: `told` is the sentence for it, and a row
carries the share that was read among its scores, as ``looked_at``.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["LOOKED_AT", "MOST", "in_part", "looked_at", "share", "told"]

#: Characters of a text that rules and the embedder read at most: some 3,500 words.
MOST = 20_000
#: The score that says which share of a row's texts was read, where it was not all.
LOOKED_AT = "looked_at"
_PIECES = 16


def looked_at(text: str) -> str:
    """The text itself, or pieces of it, joined by line breaks: `MOST` characters together."""
    if len(text) > MOST:
        text = text.strip()  # so that there is something at either end
    if len(text) <= MOST:
        return text
    size = MOST // _PIECES - 1
    last = len(text) - size
    starts = (last * k // (_PIECES - 1) for k in range(_PIECES))
    return "\n".join(text[start : start + size] for start in starts)


def share(*texts: str | None) -> float:
    """The share of the characters of some texts that `looked_at` leaves, above 0; 1 for all."""
    sizes = [len(text) for text in texts if text]
    left = sum(min(size, MOST) for size in sizes)
    return 1.0 if left == sum(sizes) else max(round(left / sum(sizes), 4), 0.0001)


def told(texts: Iterable[str]) -> tuple[str, ...]:
    """A sentence on how many of some texts are looked at in part; none where none is."""
    return in_part(sum(len(text) > MOST for text in texts), "text")


def in_part(count: int, what: str) -> tuple[str, ...]:
    """A sentence on so many texts (or what they are called); none for 0."""
    if not count:
        return ()
    many = f"1 {what} was" if count == 1 else f"{count:,} {what}s were"
    return (f"{many} looked at in part: {MOST:,} characters, taken evenly from all of it.",)
