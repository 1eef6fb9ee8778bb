"""The command that makes a run again, as it can be shown to others.

It is made of what the run remembers of how it was started. Keys and tokens are left out, and a path
is told from where the command was given, or from the home folder, where it lies below one of them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from json import dumps
from pathlib import Path
from typing import Any

__all__ = ["again", "hidden"]

#: What is shown to nobody: keys, tokens, and the user of an address.
_SECRET = re.compile(r"(?i)\b(hf_|sk-)[\w-]{8,}|((?:token|key|secret|password)[=: ]\s*)\S+")
_USER = re.compile(r"(?<=://)[^/?#@\s]+@")


def hidden(text: str) -> str:
    """The text without keys and tokens."""
    return _USER.sub("***@", _SECRET.sub(lambda found: f"{found[2] or ''}***", text))


def again(command: Any, folder: str | None = None) -> str:
    """The command line that makes a run again, quoted for a shell; empty where a run does not know
    how it was started, as those that a program began.

    Args:
        command: what the run has remembered under "command".
        folder: where the rows are to go.
    """
    if not isinstance(command, Mapping):
        return ""
    words, here = command.get("words"), command.get("here")
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        if not isinstance(command.get("spec"), str):
            return ""
        words = list(_words(command, folder))
    return _joined(words, here if isinstance(here, str) else None)


def _words(command: Mapping[str, Any], folder: str | None) -> Iterator[str]:
    shown = command.get("shown")
    typed = shown if isinstance(shown, Mapping) else {}
    yield from ("run", str(typed.get("spec", command["spec"])))
    for one in command.get("parameters") or ():
        yield from ("--param", str(one))
    if folder is not None:
        yield from ("-o", folder)
    options = typed.get("options", command.get("options"))
    for name, value in options.items() if isinstance(options, Mapping) else ():
        flag = f"--{str(name).replace('_', '-')}"
        if name == "llm":
            yield from _model(value)
        elif isinstance(value, bool) and (value or name != "steer"):  # that one takes a value
            yield flag if value else f"--no-{flag[2:]}"
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            yield from (flag, str(value))
        elif value is not None:
            yield from (flag, dumps(value, ensure_ascii=False))


def _model(value: Any) -> Iterator[str]:
    told = value if isinstance(value, Mapping) else {"model": value}
    for name in ("model", "chat_template"):
        if told.get(name) is not None:
            yield from (f"--{name.replace('_', '-')}", str(told[name]))


def _joined(words: list[str], here: str | None) -> str:
    return " ".join(["evolsynth", *(_quoted(hidden(_near(word, here))) for word in words)])


def _near(word: str, here: str | None) -> str:
    """A path as it is told from where the command was given, or from the home folder."""
    if not Path(word).is_absolute():
        return word
    for base, told in ((here, ""), (str(Path.home()), "~/")):
        if base and word.startswith(base.rstrip("/") + "/") and len(base) > 1:
            return told + word[len(base.rstrip("/")) + 1 :]
    return word


def _quoted(word: str) -> str:
    return f"~/{shlex.quote(word[2:])}" if word.startswith("~/") else shlex.quote(word)
