"""What the loop of Self-Instruct asks of a family of prompts, and how a chat model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from evolsynth.findings import Finding
from evolsynth.llm.base import LLM, Completion, Request, Sampling
from evolsynth.methods.provenance import made_by
from evolsynth.prompts import PromptFile
from evolsynth.rows import Message

__all__ = ["Draft", "Instance", "Made", "Plan", "TaskWriter", "ask", "ask_chat"]


class Plan(NamedTuple):
    """An attempt before anything is asked: its number, the tasks to show and their names, and
    whether a task with an input is wanted (where the family asks for such by themselves)."""

    number: int
    shots: tuple[str, ...]
    names: tuple[str, ...]
    with_input: bool = False


class Draft(NamedTuple):
    """A proposed task, how it was made, and what can be said against it by itself.

    ``subject`` is what it was asked to be about, ``kind`` the kind of text that it works on, and
    ``label`` one of a classification's labels, where a family of prompts gives such. ``likely`` is
    the log-probability of the task as a user's turn (nats).
    """

    text: str
    made: Mapping[str, Any]
    findings: Sequence[Finding] = ()
    subject: str = ""
    kind: str = ""
    label: str = ""
    likely: float = 0.0


class Instance(NamedTuple):
    """An input (or none) and an output, how each was made, and what the family's own checks say."""

    input: str
    output: str
    made: Mapping[str, Mapping[str, Any]]
    findings: Sequence[Finding] = ()


class TaskWriter(Protocol):
    """A family of prompts. ``candidate`` numbers the tries at one thing: each has its own seed.

    ``ranked``: all candidates for a task are drawn, and the likeliest good one is taken, instead
    of the first. ``input_share`` is how many of the tasks are to work on an input; None leaves it
    to the model.
    """

    ranked: bool
    input_share: float | None

    async def propose(self, plan: Plan, candidate: int) -> Draft:
        """A task unlike those shown."""

    async def is_classification(self, plan: Plan, draft: Draft) -> bool:
        """Whether the task's answer is one of a few labels."""

    async def instance(
        self, plan: Plan, draft: Draft, *, classification: bool, candidate: int
    ) -> Instance:
        """An instance: for a classification its output first, else its input first."""


class Made(NamedTuple):
    """An answer's text, stripped, and what a row remembers of it."""

    text: str
    provenance: Mapping[str, Any]
    completion: Completion


async def ask(llm: LLM, request: Request, file: PromptFile, *, attempt: int, **more: Any) -> Made:
    """The answer to a request made of a prompt file; ``more`` is remembered with it."""
    completion = await llm.complete(request)
    made = made_by(llm, request, completion, file.provenance, attempt=attempt)
    return Made(completion.text.strip(), {**made, **more}, completion)


async def ask_chat(
    llm: LLM,
    turns: Sequence[Message],
    file: PromptFile,
    *,
    seed: int,
    sampling: Sampling,
    max_tokens: int,
    attempt: int,
) -> Made:
    """The answer of a chat model to ``turns``."""
    end = llm.template.turn_end()
    request = Request(
        prompt=llm.template.render(turns),
        seed=seed,
        max_tokens=max_tokens,
        sampling=sampling,
        stop=(end,) if end else (),
    )
    return await ask(llm, request, file, attempt=attempt)
