"""Models behind a server, over HTTP: Ollama, llama-server, vLLM, OpenAI's API and their like.

Each kind of server is a scheme of its own, `Server` is behind all of them, and the options are
those of its signature. Nothing of the network is imported before a model is started.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from evolsynth.llm.backends import backend
from evolsynth.llm.server.address import SCHEMES
from evolsynth.llm.server.engine import Server

__all__ = ["Server"]


def _opener(scheme: str) -> Callable[..., Server]:
    """What opens the models of one kind of server, with the options of `Server`."""

    @functools.wraps(Server.__init__)
    def open_server(model: str, **options: Any) -> Server:
        return Server(f"{scheme}:{model}", **options)

    told = inspect.signature(Server.__init__)
    ours = [one for name, one in told.parameters.items() if name != "self"]
    open_server.__signature__ = told.replace(parameters=ours)  # type: ignore[attr-defined] # inspect reads it
    open_server.__doc__ = Server.__doc__
    return open_server


for _scheme in SCHEMES:
    backend(_scheme)(_opener(_scheme))
