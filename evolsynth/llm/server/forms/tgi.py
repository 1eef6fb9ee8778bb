"""Text Generation Inference's own form: /generate."""

from __future__ import annotations

from typing import Any

from evolsynth.llm.base import Request, TokenLogprob
from evolsynth.llm.server.flavours import Found
from evolsynth.llm.server.forms.common import (
    Answer,
    Question,
    enum_of,
    finished,
    logprob_of,
    merged,
    sampling_fields,
    schema_of,
    stops_sent,
)

__all__ = ["generate", "read"]


def generate(request: Request, prompt: str, found: Found) -> Question:
    """A raw prompt's question: POST /generate. There a temperature of 0 is said by not drawing."""
    drawn = request.sampling.temperature > 0
    fields = sampling_fields(request, found, raw=True)
    if not drawn:
        fields = {k: v for k, v in fields.items() if k not in ("temperature", "top_k", "top_p")}
    elif fields.get("top_p") == 1:  # it must be below
        del fields["top_p"]
    parameters: dict[str, Any] = {
        "do_sample": drawn,
        "max_new_tokens": request.max_tokens,
        "seed": request.seed + 1,  # 0 is none
        "stop": stops_sent(request, found),
        "details": True,
        "return_full_text": False,
        **fields,
    }
    if request.schema is not None:
        parameters["grammar"] = {"type": "json", "value": schema_of(request)}
    elif request.choices:
        parameters["grammar"] = {"type": "json", "value": enum_of(request.choices)}
    return Question("/generate", {"inputs": prompt, "parameters": merged(parameters, found)})


def read(told: Any) -> Answer:
    """Its answer.

    Raises:
        ValueError, KeyError, TypeError, IndexError: it is not of that form.
    """
    if isinstance(told, list):  # some deployments answer a list of one
        told = told[0]
    text, details = told["generated_text"], told["details"]
    if not isinstance(text, str):
        raise TypeError("a text was expected")
    tokens = [token for token in details.get("tokens") or () if not token.get("special")]
    ended = details.get("finish_reason") == "eos_token"
    return Answer(
        text=text,
        tokens=max(0, int(details["generated_tokens"]) - ended),
        prompt_tokens=len(details.get("prefill") or ()),
        finish_reason=finished(details.get("finish_reason")),
        logprobs=tuple(
            TokenLogprob(int(t["id"]), str(t["text"]).encode(), logprob_of(t["logprob"]))
            for t in tokens
        ),
        ended=ended,
    )
