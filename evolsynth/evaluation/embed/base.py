"""What an embedder is, what more it may be able to do, and how it is found by its name.

Every embedder turns texts into vectors. Some can do more, and what needs that asks for it by its
protocol, never for one class: `HasStatic` finds candidates among many texts quickly, `Estimates`
says at less cost what a cosine is about, `Contextual` also reads a part of a text as it stands
there. An embedder without them works everywhere else.

An embedder is one file in this package that registers what makes it under its name, or one in
another package that an entry point names (see `evolsynth.registry`)::

    embedders.register("mine", MyEmbedder, __name__)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from evolsynth.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Contextual", "Embedder", "Estimates", "HasStatic", "contextual", "embedder_named"]
__all__ += ["embedders", "estimates", "knows", "rough"]

_log = logging.getLogger("evolsynth.embed")


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns texts into vectors of unit length.

    One that has learnt a few languages alone may say so by ``languages``, a collection of codes of
    ISO 639-1; see `knows`.
    """

    name: str

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed n texts as an array of shape (n, d), each row of length 1.

        A text's row must be the same, bit for bit, whatever else is in the call.
        """
        ...


@runtime_checkable
class HasStatic(Embedder, Protocol):
    """An embedder with a fast, rough stand-in, which names candidates for it to decide on."""

    def rough(self) -> Embedder:
        """The stand-in. A text without a token may have a row of length 0."""
        ...


@runtime_checkable
class Estimates(Embedder, Protocol):
    """An embedder that knows sooner about where a cosine lies.

    Of candidates for duplicates most lie far below what makes one: for them that is enough.
    """

    #: How far the cosine of two estimates, or of one and a vector, may lie from that of vectors.
    off: float

    def estimate(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors as of `embed`, but for ``off``; their bits may depend on what else is asked."""
        ...


@runtime_checkable
class Contextual(HasStatic, Protocol):
    """An embedder that also reads a part of a text in its context.

    `good_evolution` needs it. Its weights are fitted to all-MiniLM-L6-v2, so what stands behind
    these methods should be that model, however it is run.
    """

    def in_context(self, text: str, start: int, layer: int) -> NDArray[np.float64]:
        """The mean hidden state of the words from character ``start`` on, as they stand in
        ``text``, after so many layers: an array of shape (d,), not scaled."""
        ...


def knows(embedder: Embedder, *texts: str) -> bool:
    """Whether an embedder has learnt the letters of texts, as far as it says what it has learnt.

    Of others its vectors say little: to a model of English, most requests in Thai are nearly one.
    """
    learnt = getattr(embedder, "languages", None)
    if learnt is None or all(text.isascii() for text in texts):
        return True
    from evolsynth.evaluation.text.language import by_letters

    return all((told := by_letters(text)) is None or told in learnt for text in texts)


def rough(embedder: Embedder) -> Embedder:
    """What finds candidates for an embedder: its stand-in where it has one, else itself."""
    return embedder.rough() if isinstance(embedder, HasStatic) else embedder


def estimates(embedder: Embedder) -> Estimates | None:
    """The embedder as one that estimates; None where that would save it nothing."""
    return embedder if isinstance(embedder, Estimates) and embedder.off else None


def contextual(embedder: Embedder | None, what: str) -> Contextual | None:
    """The embedder as one that reads in context; None for one that cannot, and the log says so.

    Args:
        embedder: None for none at all, of which nothing is said.
        what: is not done without it, for the log.
    """
    if embedder is None or isinstance(embedder, Contextual):
        return embedder
    _say_once(embedder.name, what)
    return None


@cache
def _say_once(name: str, what: str) -> None:
    _log.warning(
        "The embedder '%s' cannot read a text in context, so %s is left out. "
        "Use 'minilm', or give it the methods of `Contextual`.",
        name,
        what,
    )


#: What makes each embedder, by name; called without arguments.
embedders: Registry[Callable[[], Embedder]] = Registry(
    "embedder", "evolsynth.evaluation.embed", "evolsynth.embedders"
)


def embedder_named(name: str | None) -> Embedder | None:
    """The embedder of this name, with its files loaded; None for None and "none".

    Raises:
        InputError: there is none of this name; the message lists those that there are.
        ModelNotFound, SetupError: what it needs is missing; the message says how to get it.
    """
    if name is None or name == "none":
        return None
    embedder = embedders[name]()
    load = getattr(embedder, "load", None)  # not every embedder has something to load
    if load is not None:
        load()
    return embedder
