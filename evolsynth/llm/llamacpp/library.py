"""llama.cpp itself, loaded late, with its log kept from the terminal."""

from __future__ import annotations

import collections
import ctypes
import functools
import logging
from typing import Any

from evolsynth.errors import SetupError

__all__ = ["last_message", "llama"]

_log = logging.getLogger("evolsynth.llamacpp")
_said: collections.deque[str] = collections.deque(maxlen=20)
_ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR


@functools.cache
def llama() -> Any:
    """The module of llama-cpp-python's low-level API, its back end initialised once.

    Raises:
        SetupError: llama-cpp-python is not installed or was built for another processor.
    """
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise SetupError(
            f"llama-cpp-python cannot be loaded ({error}). "
            'Install it with: pip install "evolsynth[local]"'
        ) from None
    llama_cpp.llama_log_set(_callback(llama_cpp), ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


@functools.cache
def _callback(native: Any) -> Any:
    # Cached, because llama.cpp keeps the pointer for as long as the process lives.
    def hear(level: int, text: bytes, _: Any) -> None:
        line = text.decode("utf-8", "replace").rstrip()
        if line.strip(". "):
            _log.debug("%s", line)
            if level == _ERROR_LEVEL:
                _said.append(line)

    return native.llama_log_callback(hear)


def last_message() -> str:
    """The last error that llama.cpp logged, for an error message of our own."""
    return _said[-1].strip() if _said else "llama.cpp gave no reason"
