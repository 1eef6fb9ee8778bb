"""What a row remembers of how a text of its was made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from evolsynth.llm.base import LLM, Completion, Prompt, Request

__all__ = ["made_by", "prompt_hash", "template_hash"]


def made_by(
    llm: LLM,
    request: Request,
    completion: Completion,
    prompt: Mapping[str, str],
    *,
    attempt: int = 0,
) -> dict[str, Any]:
    """All that is needed to make the text again, and nothing that varies from run to run."""
    return {
        **llm.provenance,
        **prompt,
        "sampling": msgspec.to_builtins(request.sampling),
        "max_tokens": request.max_tokens,
        "seed": request.seed,
        "attempt": attempt,
        "finish_reason": completion.finish_reason,
    }


def template_hash(request: Request) -> dict[str, str]:
    """The hash of a prompt that a chat template gave; nothing for a chat without a template."""
    return {} if request.prompt is None else {"template_sha256": prompt_hash(request.prompt)}


def prompt_hash(prompt: Prompt) -> str:
    """The hash of a prompt that comes from a model's own template rather than from a file."""
    return hashlib.sha256(str(prompt).encode("utf-8", "replace")).hexdigest()[:16]
