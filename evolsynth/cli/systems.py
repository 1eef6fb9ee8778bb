"""System prompts from a file: names and texts as YAML or JSON, or one text a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from evolsynth.errors import InputError
from evolsynth.methods.magpie.system_prompts import SystemPrompt, SystemPrompts

__all__ = ["candidates_of", "read_systems"]


def read_systems(path: str) -> SystemPrompt:
    """A mapping of names to texts, or to ``[text, probability]``, or a list of texts.

    A file that ends in .yaml, .yml or .json, or begins with a bracket, is parsed; of any other
    each line that is not blank is a text.

    Raises:
        InputError: it cannot be read or parsed, or holds something else.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: the file is not UTF-8 text.") from None
    if place.suffix.lower() in (".yaml", ".yml", ".json") or text.lstrip()[:1] in ("{", "["):
        given = _parsed(path, text)
    else:
        given = [line.strip() for line in text.splitlines() if line.strip()]
    try:
        SystemPrompts(given)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return given


def candidates_of(given: SystemPrompt) -> dict[str, str]:
    """The texts by name; those without one are numbered."""
    choices = SystemPrompts(given).choices
    return {
        choice.key if choice.key is not None else str(number): choice.text
        for number, choice in enumerate(choices, 1)
        if choice.text is not None
    }


def _parsed(path: str, text: str) -> SystemPrompt:
    try:
        content: Any = yaml.safe_load(text)  # JSON is YAML too
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{path}{where}: neither YAML nor JSON. Mend it there.") from None
    if isinstance(content, list):
        return content
    if isinstance(content, dict):
        return {str(key): _entry(path, key, value) for key, value in content.items()}
    raise InputError(f"{path}: give names with texts, or a list of texts.")


def _entry(path: str, key: Any, value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) == 2:
        return (value[0], value[1])
    raise InputError(f"{path}: '{key}': give a text, or [text, probability].")
