"""Prompt and completion: texts, or lists of messages; questions and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.form import form
from evolsynth.data.formats.turns import judged, turns_of

__all__ = ["pair", "prompt_completion"]

#: What is asked and what is answered; the first that a record has counts.
_PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("question", "answer"),
    ("question", "response"),
    ("query", "response"),
    ("query", "answer"),
    ("problem", "solution"),
    ("input", "output"),
)


@form("prompt-completion", title="prompt and completion", noun="pairs", place=8)
def prompt_completion(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The prompt is the instruction, the completion its response, `system_prompt` the system's;
    a prompt in turns may stand alone, as TRL has it for learning by rewards."""
    if record.get("instruction") is not None:
        return None
    for asked, answered in _PAIRS:
        if (told := pair(record.get(asked), record.get(answered))) is not None:
            system = record.get("system_prompt")
            if isinstance(system, str) and not (told.get("system") or record.get("system")):
                told["system"] = system
            return told
    prompt = record.get("prompt")
    turns = None if isinstance(prompt, str) else turns_of(prompt, "prompt")
    return None if turns is None else {**judged(turns), "messages": turns}


def pair(prompt: Any, completion: Any) -> dict[str, Any] | None:
    """A prompt and what follows it, each a text or a list of messages; None where they are not."""
    if isinstance(prompt, str) and isinstance(completion, str) and prompt[:1] != "[":
        return {"instruction": prompt, "response": completion}
    before, after = _turns("user", prompt), _turns("assistant", completion)
    if before is None or after is None:
        return None
    turns = after if after[0]["role"] != "assistant" else [*before, *after]
    return {**judged(turns), "messages": turns}


def _turns(role: str, said: Any) -> list[dict[str, Any]] | None:
    if isinstance(said, str) and said[:1] != "[":
        return [{"role": role, "content": said}]
    return turns_of(said)
