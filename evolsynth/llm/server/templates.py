"""A chat template that the user names: its text, or a file that holds one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from evolsynth.errors import InputError

__all__ = ["Named", "named_template"]

_LONGEST = 1 << 24  # bytes of a file that holds a template
_MARKS = ("{%", "{{", "{#")
_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")


class Named(NamedTuple):
    """A template's jinja text, and the texts of tokens that it may ask for."""

    source: str
    variables: Mapping[str, str] = MappingProxyType({})


def named_template(text: str) -> Named:
    """The template that an option names.

    Args:
        text: jinja text, or the path of a ``.jinja`` file, of a model's ``tokenizer_config.json``,
            or of a GGUF file.

    Raises:
        InputError: the file cannot be read or holds no template; the message says what would do.
    """
    if any(mark in text for mark in _MARKS) or "\n" in text:
        return Named(text)
    path = Path(text).expanduser()
    try:
        if path.suffix == ".gguf":
            return _of_gguf(path)
        if path.stat().st_size > _LONGEST:
            raise InputError(f"chat_template: {path} is too large to be a template.")
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"chat_template: {text} is no jinja text and cannot be read as a file ({error}). Give "
            "jinja text, or the path of a .jinja file, a tokenizer_config.json or a .gguf file."
        ) from None
    return _of_config(path, content) if path.suffix == ".json" else Named(content)


def _of_config(path: Path, content: str) -> Named:
    """The template of a tokenizer_config.json, or of a chat_template.json beside one."""
    try:
        told = json.loads(content)
        template = told.get("chat_template")
    except (ValueError, AttributeError) as error:
        raise InputError(f"chat_template: {path} is no JSON object ({error}). Mend it.") from None
    if isinstance(template, list):  # several, by name
        named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)}
        template = named.get("default")
    if not isinstance(template, str):
        beside = path.with_name("chat_template.jinja")
        if not beside.is_file():
            raise InputError(
                f"chat_template: {path} holds no 'chat_template'. Look for a chat_template.jinja "
                "beside the model, and give that."
            )
        template = beside.read_text(encoding="utf-8")
    return Named(template, {name: _token(told.get(name)) for name in _TOKENS if told.get(name)})


def _token(told: Any) -> str:
    """A token's text, which stands by itself or under ``content``."""
    return str(told.get("content", "")) if isinstance(told, dict) else str(told)


def _of_gguf(path: Path) -> Named:
    """The template in a GGUF's metadata."""
    from evolsynth.llm.llamacpp.outline import read_outline

    template = read_outline(path).template
    if not template:
        raise InputError(
            f"chat_template: {path} holds no chat template, as a base model's file. Give one of "
            "its family as a .jinja file."
        )
    return Named(template)
