"""The turns of one conversation, each written after exactly what stands before it.

A user's next words are drawn after the template cut before them (so no assistant's header is
there), an answer after the template's own generation prompt. The text that asks for a
conversation of several turns is in the system turn for the former and not for the latter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from evolsynth.evaluation.gate.checks.row import turn_findings
from evolsynth.findings import Finding
from evolsynth.llm.base import LLM, Completion, Request, Sampling
from evolsynth.methods.provenance import made_by, prompt_hash, template_hash
from evolsynth.prompts import PromptFile
from evolsynth.rows import Message, derive_seed

__all__ = ["Made", "Turns"]


class Made(NamedTuple):
    """A text, how it was made, and what can be said against it."""

    text: str
    made: dict[str, Any]
    findings: Sequence[Finding] = ()


class Turns(NamedTuple):
    """What the later turns of all conversations of a run have in common.

    ``turns`` is the prompt file for a user's later turns and ``brief`` that for answers; None
    leaves either to the model.
    """

    llm: LLM
    seed: int
    turns: PromptFile | None
    brief: PromptFile | None
    sampling: Sampling
    max_tokens: int
    stop: tuple[str, ...]
    response_sampling: Sampling
    response_max_tokens: int
    candidates: int

    async def ask(self, key: str, system: str | None, history: Sequence[Message]) -> Made:
        """The user's next words: the first candidate without findings, else the one with fewest."""
        prompt = self.llm.template.pre_query(self.steered(system), history)
        file, turn = self.turns, sum(m.role == "user" for m in history)
        openings: Sequence[str] = file.value("openings", ("",)) if file else ("",)
        banned: Sequence[str] = file.value("banned", ()) if file else ()
        source = {
            **(file.provenance if file else {}),
            "template_sha256": prompt_hash(prompt),
        }
        best: Made | None = None
        for number in range(self.candidates):
            step = f"magpie/turn/{turn}"
            draw = derive_seed(self.seed, f"{step}/opening", key, candidate=number)
            opening = openings[draw % len(openings)]
            request = Request(
                prompt=prompt,
                seed=derive_seed(self.seed, step, key, candidate=number),
                max_tokens=self.max_tokens,
                sampling=self.sampling,
                stop=self.stop,
                banned=tuple(text for text in banned if text not in opening),
                prefix=opening,
            )
            completion = await self.llm.complete(request)
            made = {**made_by(self.llm, request, completion, source), "candidate": number}
            text = completion.text.strip()
            findings = await asyncio.to_thread(
                turn_findings,
                (*history, Message("user", text)),
                finish_reason=completion.finish_reason,
                made=made,
            )
            if best is None or len(findings) < len(best.findings):
                best = Made(text, made, findings)
            if not findings:
                break
        assert best is not None  # noqa: S101 - there is at least one candidate
        return best

    async def answer(self, row_id: str, system: str | None, history: Sequence[Message]) -> Made:
        """The assistant's answer to the last turn, as `respond` gives it to the first."""
        own = self.brief.part("system") if self.brief and system is None else system
        turns = [Message("system", own)] if own is not None else []
        turn = sum(m.role == "user" for m in history) - 1
        seed = (
            derive_seed(self.seed, f"magpie/answer/{turn}", row_id)
            if turn
            else derive_seed(self.seed, "respond", row_id)
        )
        request = Request(
            messages=(*turns, *history),
            seed=seed,
            max_tokens=self.response_max_tokens,
            sampling=self.response_sampling,
        )
        request = self.llm.prepared(request)
        completion = await self.llm.complete(request)
        source: Mapping[str, str] = {
            **(self.brief.provenance if self.brief and system is None else {}),
            **template_hash(request),
        }
        return _answered(self.llm, request, completion, source, history)

    def steered(self, system: str | None) -> str | None:
        """The system turn while a user's later turn is written."""
        if self.turns is None:
            return system
        own = self.turns.part("system").strip()
        return own if system is None else f"{system}\n\n{own}"

    def try_template(self, systems: Sequence[str | None]) -> None:
        """Find out at the start, not at each row, that the template takes these turns.

        Raises:
            TemplateError: it is broken, or it takes no system turn.
        """
        talk = (Message("user", "?"), Message("assistant", "!"))
        for system in systems:
            self.llm.template.pre_query(self.steered(system), talk)
            own = self.brief.part("system") if self.brief and system is None else system
            first = [Message("system", own)] if own is not None else []
            self.llm.template.render([*first, talk[0]])


def _answered(
    llm: LLM,
    request: Request,
    completion: Completion,
    source: Mapping[str, str],
    history: Sequence[Message],
) -> Made:
    text = completion.text.strip()
    made = made_by(llm, request, completion, source)
    turns = (*history, Message("assistant", text))
    findings = turn_findings(turns, finish_reason=completion.finish_reason, made=made)
    return Made(text, made, findings if len(turns) > 2 else ())
