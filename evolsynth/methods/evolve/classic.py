"""Evol-Instruct for larger models: they rewrite the request, as in the paper.

Xu et al. 2023, arXiv:2304.12244, section 3.2, with prompts of our own.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from evolsynth.llm.base import LLM, Completion, Request, Sampling
from evolsynth.methods.evolve.draft import Draft
from evolsynth.prompts import load_prompt
from evolsynth.rows import Message, derive_seed

__all__ = ["CLASSIC_SAMPLING", "Classic"]

CLASSIC_SAMPLING = Sampling(temperature=0.7, top_k=64, top_p=0.95)

_FRAME = re.compile(r"^\s*-{3,}\s*$", re.M)
_HEADING = re.compile(
    r"\A\W*(?:(?:the |here is the |here's the )?(?:new|rewritten|created|evolved|revised)"
    r" (?:request|prompt|instruction)\W*:)\s*",
    re.I,
)


class Classic:
    """The classic family; see `Drafter`. ``weights`` say how often each operation is drawn."""

    def __init__(
        self, weights: Mapping[str, float], sampling: Sampling, *, max_tokens: int = 512
    ) -> None:
        self._weights, self._sampling, self._max_tokens = weights, sampling, max_tokens

    def drafts(
        self, llm: LLM, instruction: str, *, root: str, number: int, seed: int
    ) -> list[Draft]:
        """``number`` candidates of one operation, which are answers to one prompt."""
        draw = random.Random(seed)  # noqa: S311 - reproducible on purpose
        names = list(self._weights)
        operation = draw.choices(names, weights=[self._weights[name] for name in names])[0]
        file = load_prompt(f"evol_instruct/classic/{operation}")
        prompt = llm.template.render(
            [Message("user", file.part("question", instruction=instruction).strip())]
        )
        end = llm.template.turn_end()
        return [
            Draft(
                operation,
                file,
                Request(
                    prompt=prompt,
                    seed=derive_seed(seed, "candidate", "", candidate=i),
                    max_tokens=self._max_tokens,
                    sampling=self._sampling,
                    stop=(end,) if end else (),
                ),
                _read,
            )
            for i in range(number)
        ]


def _read(completion: Completion) -> tuple[str, str]:
    """The rewritten request without the frame and the heading that some models repeat."""
    text = _HEADING.sub("", _FRAME.sub("", completion.text).strip()).strip()
    for opening, closing in (('"', '"'), ("“", "”")):
        inner = text[1:-1]
        if text.startswith(opening) and text.endswith(closing) and opening not in inner:
            text = inner.strip()
    return text, completion.finish_reason
