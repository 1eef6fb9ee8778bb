"""OpenAI's files: batches, their requests and their results, and preferences for fine-tuning.

Its other files for fine-tuning are chat messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.form import form
from evolsynth.data.formats.prompts import pair
from evolsynth.data.formats.turns import judged, turns_of

__all__ = ["answered", "openai"]


@form("openai", title="OpenAI's form", noun="requests", place=2)
def openai(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a request asks; what a result answers; of a preference, the output that is preferred."""
    asked, came = record.get("body"), record.get("response")
    if isinstance(record.get("custom_id"), str):
        if isinstance(asked, Mapping):
            return _request(asked)
        if "error" in record and isinstance(came, Mapping | None):
            # the name is that of a row's own text
            return {"response": _answer(came), "batch_response": came}
    given = record.get("input")
    if isinstance(given, Mapping) and "preferred_output" in record:
        return pair(given.get("messages"), record["preferred_output"])
    return None


def _request(body: Mapping[str, Any]) -> dict[str, Any] | None:
    said = body.get("messages", body.get("input", body.get("prompt")))
    above = body.get("instructions")
    if isinstance(said, str):
        told: dict[str, Any] = {"instruction": said}
    elif (turns := turns_of(said)) is not None:
        told = {**judged(turns), "messages": turns}
    else:
        return None
    return {**told, "system": above} if isinstance(above, str) else told


def answered(response: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The turns of an answer: a chat's first choice, or a response's messages; none where it failed
    or is of another kind."""
    body = (response or {}).get("body")
    choices = body.get("choices") if isinstance(body, Mapping) else None
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return turns_of([choices[0].get("message")]) or []
    output = body.get("output") if isinstance(body, Mapping) else None
    if not isinstance(output, list):
        return []
    said = [one for one in output if isinstance(one, Mapping) and "role" in one]
    return turns_of(said) or []


def _answer(response: Mapping[str, Any] | None) -> str | None:
    text: str | None = judged([{"role": "user", "content": ""}, *answered(response)]).get(
        "response"
    )
    return text
