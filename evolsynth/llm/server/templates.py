"""A chat template that the user names, with the texts of tokens that stand beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from evolsynth.atomic import at_home
from evolsynth.llm.families import find_template

__all__ = ["Named", "named_template"]

_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")


class Named(NamedTuple):
    """A template's jinja text, and the texts of tokens that it may ask for."""

    source: str
    variables: Mapping[str, str] = MappingProxyType({})


def named_template(told: str | Path) -> Named:
    """The template that an option names; see `find_template`. A ``tokenizer_config.json`` tells
    the tokens' texts too.

    Raises:
        InputError: there is none; the message says what would do.
    """
    told = str(told)
    source = find_template(told)
    if source == told or not told.lower().endswith(".json"):
        return Named(source)
    config = json.loads(at_home(told).read_text(encoding="utf-8-sig"))
    return Named(source, {name: _token(config.get(name)) for name in _TOKENS if config.get(name)})


def _token(told: Any) -> str:
    """A token's text, which stands by itself or under ``content``."""
    return str(told.get("content", "")) if isinstance(told, dict) else str(told)
