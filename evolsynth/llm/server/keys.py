"""Where a server's key is found: in the environment or the system's keyring, and nowhere else.

A key never stands in a pipeline, an option or a file of evolsynth. The environment's variable is
looked for first: that of the host where it has one of its own (``OPENAI_API_KEY`` for
api.openai.com), else that of the kind of server (``VLLM_API_KEY``). A key that belongs to a host
is never shown to another: ``OPENAI_API_KEY`` goes to an address of the user's own only where
``OPENAI_BASE_URL`` names that host, or where the user names the variable.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from evolsynth.errors import SetupError

__all__ = ["KEYRING_SERVICE", "find_key", "variable_of"]

#: The name under which the keyring keeps keys; the user's name there is the host.
KEYRING_SERVICE = "evolsynth"

_OF_HOST = {
    "api.openai.com": "OPENAI_API_KEY",
    "openrouter.ai": "OPENROUTER_API_KEY",
    "api.together.xyz": "TOGETHER_API_KEY",
    "api.groq.com": "GROQ_API_KEY",
    "api.mistral.ai": "MISTRAL_API_KEY",
    "api.deepseek.com": "DEEPSEEK_API_KEY",
    "api.fireworks.ai": "FIREWORKS_API_KEY",
    "generativelanguage.googleapis.com": "GEMINI_API_KEY",
    "router.huggingface.co": "HF_TOKEN",
    "ollama.com": "OLLAMA_API_KEY",
}
# Servers that people run themselves; the variable is the server's own where it has one.
_OF_SCHEME = {
    "llama-server": "LLAMA_API_KEY",
    "vllm": "VLLM_API_KEY",
    "sglang": "SGLANG_API_KEY",
    "tgi": "TGI_API_KEY",
    "lmstudio": "LM_API_TOKEN",
}


def variable_of(scheme: str, host: str) -> str | None:
    """The environment variable that holds the key for a host; None where there is none by rule."""
    name = host.lower().rpartition("@")[2].partition(":")[0]
    if name in _OF_HOST:
        return _OF_HOST[name]
    if scheme == "openai" and name == urlsplit(os.environ.get("OPENAI_BASE_URL", "")).hostname:
        return "OPENAI_API_KEY"
    return _OF_SCHEME.get(scheme)


def find_key(scheme: str, host: str, key_env: str | None = None) -> str | None:
    """The key for a host.

    Args:
        scheme: the kind of server: ``openai``, ``vllm`` and so on.
        host: the server's host, with or without its port.
        key_env: the environment variable that holds the key, where the user named one.

    Returns:
        The key, or None where none is needed as far as can be told.

    Raises:
        SetupError: the variable that the user named is not set (and the keyring has no key for the
            host either), or what was found cannot be a key. The message never shows it.
    """
    variable = key_env or variable_of(scheme, host)
    found = (os.environ.get(variable, "") if variable else "").strip()
    place = f"The environment variable {variable}"
    if not found:
        found = _from_keyring(host).strip()
        place = f"The keyring's entry '{KEYRING_SERVICE}' for {host}"
    if not found:
        if key_env:
            raise SetupError(
                f"The environment variable {key_env} is not set, or is empty, and was named as "
                f"the key for {host}: set it, or leave its name out for a server without a key."
            )
        return None
    if not (found.isascii() and found.isprintable() and " " not in found):
        raise SetupError(
            f"{place} holds characters that no key has, such as a line break, a space or an "
            "accent: copy the key there again, by itself."
        )
    return found


def _from_keyring(host: str) -> str:
    """What the system's keyring holds for a host; empty where it holds none or cannot be asked."""
    try:
        import keyring

        return keyring.get_password(KEYRING_SERVICE, host) or ""
    except Exception:  # noqa: BLE001 - no keyring, no daemon, locked: each back end has its own
        return ""
