"""What the loop of Self-Instruct asks of a family of prompts, and the family for larger models:
rules in a chat turn, in the paper's three steps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from evolsynth.evaluation.gate.checks.self_instruct import task_findings
from evolsynth.findings import Finding
from evolsynth.llm.base import LLM, Completion, Request, Sampling
from evolsynth.methods.respond import able_to_answer
from evolsynth.prompts import PromptFile, load_prompt, made_by
from evolsynth.rows import Message, derive_seed

__all__ = ["CLASSIC_TASK_SAMPLING", "ClassicWriter", "Draft", "Instance", "Made", "Plan"]
__all__ += ["TaskWriter", "ask", "ask_chat", "bare"]


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
    request = Request(messages=tuple(turns), seed=seed, max_tokens=max_tokens, sampling=sampling)
    return await ask(llm, llm.prepared(request), file, attempt=attempt)


#: The paper draws at 0.7 with a presence penalty of 2 and top-p 0.5; a penalty that high breaks
#: the grammar of small open models, and one task is asked for at a time.
CLASSIC_TASK_SAMPLING = Sampling(temperature=0.7, top_k=64, top_p=0.95)
_CERTAIN = Sampling(temperature=0.0)

_TASK_TOKENS, _KIND_TOKENS, _INSTANCE_TOKENS = 120, 4, 350
_NUMBER = re.compile(r"\A(?:\(?\d{1,3}[.):]\)?|[-*•–]|(?:new |next )?task(?: \d+)?:)\s+", re.I)
_QUOTED = re.compile(r"\A[\"“'](.*)[\"”']\Z", re.S)
_PARTS = re.compile(
    r"^\W{0,3}(input|output|answer|class label|label)\W{0,3}:\W{0,2}\s*", re.I | re.M
)
_NONE = re.compile(r"\A\W*(?:none|n/?a|no input(?: (?:is )?needed)?|not needed|empty)\W*\Z", re.I)


class ClassicWriter:
    """The family for larger models; see `TaskWriter`. The answerer gives the instances."""

    ranked = False
    input_share: float | None = None

    def __init__(
        self, llm: LLM, answerer: LLM | None = None, *, seed: int, sampling: Sampling
    ) -> None:
        self._llm = able_to_answer(llm, by="Self-Instruct")
        self._answerer = able_to_answer(answerer or llm, by="Self-Instruct")
        self._seed, self._sampling = seed, sampling
        self._tasks = load_prompt("self_instruct/tasks_classic")
        self._kinds = load_prompt("self_instruct/kind_classic")
        self._instances = load_prompt("self_instruct/instance_classic")
        self._labels = load_prompt("self_instruct/label_classic")

    async def propose(self, plan: Plan, candidate: int) -> Draft:
        """The first line of the answer, without a number or quotation marks."""
        made = await self._ask(
            self._tasks, "task", plan, candidate, self._sampling, _TASK_TOKENS, tasks=plan.shots
        )
        text = bare(made.text)
        whole = "\n" in made.text.strip()  # what was cut came after the task
        reason = "stop" if whole else made.completion.finish_reason
        provenance = {**made.provenance, "finish_reason": reason}
        return Draft(text, provenance, task_findings(text, finish_reason=reason))

    async def is_classification(self, plan: Plan, draft: Draft) -> bool:
        """The model's yes or no, after examples."""
        made = await self._ask(
            self._kinds, "kind", plan, 0, _CERTAIN, _KIND_TOKENS, task=draft.text
        )
        return made.text.lower().lstrip("*\"' ").startswith("yes")

    async def instance(
        self, plan: Plan, draft: Draft, *, classification: bool, candidate: int
    ) -> Instance:
        """Input and output out of one answer; a part that is not in it is empty."""
        file = self._labels if classification else self._instances
        made = await self._ask(
            file, "instance", plan, candidate, self._sampling, _INSTANCE_TOKENS, task=draft.text
        )
        found = _parts(made.text)
        output = found.get("class label" if classification else "output", "")
        return Instance(found.get("input", ""), output, {"response": made.provenance})

    async def _ask(
        self,
        file: PromptFile,
        what: str,
        plan: Plan,
        candidate: int,
        sampling: Sampling,
        max_tokens: int,
        **shown: Any,
    ) -> Made:
        step = f"self_instruct/{what}"
        return await ask_chat(
            self._answerer if what == "instance" else self._llm,
            [Message("user", file.part("question", **shown))],
            file,
            seed=derive_seed(self._seed, step, str(plan.number), candidate=candidate),
            sampling=sampling,
            max_tokens=max_tokens,
            attempt=candidate,
        )


def bare(text: str) -> str:
    """The first line that says something, without a number, bullet or quotation marks."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    while (shorter := _NUMBER.sub("", line, count=1)) != line:
        line = shorter
    line = line.strip("*_ ").strip()
    quoted = _QUOTED.match(line)
    inside = quoted[1] if quoted is not None else ""
    return inside if inside and '"' not in inside and "”" not in inside else line


def _parts(text: str) -> dict[str, str]:
    """What stands behind "Input:", "Output:" and "Class label:"; "none" is nothing."""
    pieces = _PARTS.split(text)
    names = {"answer": "output", "label": "class label"}
    found: dict[str, str] = {}
    for name, said in zip(pieces[1::2], pieces[2::2], strict=True):
        found.setdefault(names.get(name.lower(), name.lower()), said.strip())
    if _NONE.match(found.get("input", "")):
        found["input"] = ""
    return found
