"""Tables of docs/servers.md: how each kind of server is named, and what works with it.

What a kind of server takes stands in `FLAVOURS`; what is known of it only when it has been asked is
here, in the words of the page, and a test compares it with what is found on recorded servers.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from evolsynth.llm.server.address import SCHEMES
from evolsynth.llm.server.flavours import FLAVOURS, Flavour
from evolsynth.llm.server.keys import variable_of

__all__ = ["ASKED", "NO", "TEMPLATE", "YES", "abilities_of", "server_abilities", "server_names"]

YES, NO, ASKED, TEMPLATE = "yes", "–", "asked", "template"

_NAMES = {
    "openai": "openai:gpt-4.1-mini",
    "ollama": "ollama:smollm2:1.7b",
    "llama-server": "llama-server:http://localhost:8080",
    "vllm": "vllm:http://gpu-box:8000",
    "sglang": "sglang:http://gpu-box:30000",
    "tgi": "tgi:http://gpu-box:8080",
    "lmstudio": "lmstudio:qwen3-4b",
    "openrouter": "openrouter:qwen/qwen3-32b",
}
# Kinds that have no scheme of their own, and how they are named.
_OTHERS = {
    "llama-cpp-python": "openai:NAME@http://localhost:8000",
    "compatible": "openai:NAME@https://api.example.com/v1",
}
_TITLES = {"compatible": "any other of OpenAI's kind", "llama-cpp-python": "llama_cpp.server"}

# What the probe finds out, by kind; of all others it is found by trying.
_RAW = dict.fromkeys(("llama-server", "vllm", "sglang", "tgi", "ollama"), YES)
_RAW["openrouter"] = NO
_SCORES = {"llama-server": ASKED, "vllm": TEMPLATE, "ollama": NO, "tgi": NO, "openrouter": NO}
_SHOWS = {"llama-server": YES, "ollama": ASKED, "vllm": ASKED}
_BATCHES = frozenset({"openai", "compatible"})
_CHOICES = {"grammar": YES, "structured": YES, "enum": "schema", None: NO}


def server_names() -> list[str]:
    """How each is named, where it is looked for, and what its key's variable is."""
    lines = [
        "| server | `--model` | where, if no address is given | its key |",
        "|---|---|---|---|",
    ]
    for scheme, kind in SCHEMES.items():
        where = f"`{kind.default}`" + (f" (`{kind.variable}`)" if kind.variable else "")
        lines.append(f"| {kind.title} | `{_NAMES[scheme]}` | {where} | {_key(scheme)} |")
    for other, name in _OTHERS.items():
        lines.append(f"| {_TITLES[other]} | `{name}` | must be given | `key_env` |")
    return lines


def _key(scheme: str) -> str:
    host = urlsplit(SCHEMES[scheme].default).netloc
    variable = variable_of(scheme, host)
    return f"`{variable}`" if variable else "none"


def server_abilities() -> list[str]:
    """What works with each."""
    lines: list[str] = []
    for kind, flavour in FLAVOURS.items():
        cells = abilities_of(kind, flavour)
        if not lines:
            lines += [f"| server | {' | '.join(cells)} |", "|---" * (len(cells) + 1) + "|"]
        lines.append(f"| {_TITLES.get(kind, flavour.title)} | {' | '.join(cells.values())} |")
    return lines


def abilities_of(kind: str, flavour: Flavour) -> Mapping[str, str]:
    """The cells of one kind of server."""
    raw = _RAW.get(kind, ASKED)
    begins = YES if flavour.prefill is not None else NO if raw == NO else TEMPLATE
    return {
        "chat": YES,
        "raw prompts": raw,
        "shows its template": _SHOWS.get(kind, NO),
        "forced beginning": begins,
        "log-probabilities": _SCORES.get(kind, ASKED),
        "grammar": _told(flavour.grammar),
        "JSON schema": _told(flavour.schema),
        "choices": _CHOICES[flavour.choosing],
        "seed": _told(flavour.seeded),
        "thoughts switched": _told(flavour.thinking),
        "batches": _told(kind in _BATCHES),
    }


def _told(able: object) -> str:
    return YES if able else NO
