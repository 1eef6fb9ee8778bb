"""Back ends by name: one function turns what ``--model`` and YAML's ``model:`` say into an `LLM`.

A back end is a class or function in a module of ``evolsynth.llm`` (or of another package, named by
an entry point of the group ``evolsynth.backends``) that registers itself under a scheme::

    @backend("toy")
    def toy(model: str, *, speed: int = 1) -> LLM: ...

Then ``toy:x`` is a model wherever one may be named. Its options are those of its signature.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from evolsynth.atomic import is_there
from evolsynth.errors import InputError, did_you_mean
from evolsynth.llm.base import LLM
from evolsynth.llm.prices import prices_of
from evolsynth.options import Option, annotation, options_of
from evolsynth.registry import Registry

__all__ = ["BACKENDS", "DEFAULT_MODEL", "DEFAULT_SCHEME", "Backend", "backend", "backend_options"]
__all__ += ["open_llm", "scheme_of"]

#: The model that is meant where none is named.
DEFAULT_MODEL = "SmolLM2-135M-Instruct"
#: The back end of names and paths without a scheme.
DEFAULT_SCHEME = "llamacpp"
# Two letters at least: C:\models\a.gguf is a path.
_SPEC = re.compile(r"([a-z][a-z0-9_+-]+):(.*)", re.DOTALL)


def _in_batches(*, batch: bool = False) -> bool:
    """What is told of a model beside its prices.

    Args:
        batch: let its questions wait for each other, and send them together, if its server takes
            batches.
    """
    return batch


#: What every back end can be told.
_PRICES = options_of(prices_of)
_COMMON = _PRICES | options_of(_in_batches)

F = TypeVar("F", bound=Callable[..., LLM])


class Backend(NamedTuple):
    """A back end: what opens a model, given what follows the scheme and its options; and what
    ``evolsynth doctor`` looks at, by name: each gives a line or raises an error with the fix."""

    open: Callable[..., LLM]
    looks: Mapping[str, Callable[[], str]] = {}


BACKENDS: Registry[Backend] = Registry("back end", "evolsynth.llm", "evolsynth.backends")


def backend(
    scheme: str, *, looks: Mapping[str, Callable[[], str]] | None = None
) -> Callable[[F], F]:
    """Register a class or function under a scheme; ``looks`` as in `Backend`.

    Its first parameter takes what follows the colon. Nothing may be loaded before `LLM.start`.
    """

    def register(opener: F) -> F:
        BACKENDS.register(scheme, Backend(opener, looks or {}), opener.__module__)
        return opener

    return register


def open_llm(model: str | os.PathLike[str] = DEFAULT_MODEL, **options: object) -> LLM:
    """The model that a text names, not started yet.

    Args:
        model: ``SCHEME:...`` for a back end's own, else a name or path for llama.cpp.
        options: the back end's; see `backend_options`.

    Raises:
        InputError: there is no such back end, or it has no such option.
    """
    text = os.fspath(model)
    scheme, rest = scheme_of(text)
    known = backend_options(scheme)
    for name in options:
        if name not in known:
            raise InputError(
                f"the back end '{scheme}' has no option '{name}'. {did_you_mean(name, known)}"
            )
    own = options_of(BACKENDS[scheme].open)
    common: dict[str, Any] = {n: options.pop(n) for n in _COMMON if n in options and n not in own}
    llm = BACKENDS[scheme].open(rest, **options)
    llm.batch = common.pop("batch", False) or llm.batch
    llm.prices = prices_of(**common) or llm.prices
    return llm


def scheme_of(model: str) -> tuple[str, str]:
    """The back end that a text means, and what it is told.

    Raises:
        InputError: the text names a back end that there is not.
    """
    found = _SPEC.fullmatch(model)
    if found is None:
        return DEFAULT_SCHEME, model
    scheme, rest = found.groups()
    if BACKENDS.find(scheme) is not None:
        return scheme, rest
    if model.endswith(".gguf") or is_there(model):  # a path with a colon in it
        return DEFAULT_SCHEME, model
    if scheme in ("http", "https"):
        raise InputError(
            f"The model '{model}' is a server's address. Say before it of which kind the server "
            f"is, and which model: openai:NAME@{model}, llama-server:{model}, vllm:{model}."
        )
    raise InputError(
        f"There is no back end '{scheme}' for the model '{model}'. Name one of: "
        f"{', '.join(BACKENDS)}; or give the path of a .gguf file."
    )


def backend_options(scheme: str) -> dict[str, Option]:
    """A back end's options beside the model, with their types, defaults and texts.

    Raises:
        InputError: there is no such back end.
    """
    opener = BACKENDS[scheme].open
    typed = opener.__init__ if isinstance(opener, type) else opener  # type: ignore[misc] # its own
    found = options_of(opener)
    first = next(iter(found), None)
    own = {
        name: option._replace(kind=annotation(typed, name))
        for name, option in found.items()
        if name != first
    }
    return _COMMON | own
