"""Self-Instruct's prompts for small models: short lists that the model goes on with.

What the paper leaves to the model, a model of 135M parameters cannot be left: each line of the
list is given its subject and the first words of the task, a text to work on is asked for by its
kind, and whether a task is a classification is told by how it is worded.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from evolsynth.evaluation.findings import Finding
from evolsynth.evaluation.tasks import (
    asks_for_label,
    missing_input,
    off_subject,
    personal,
    task_findings,
)
from evolsynth.evaluation.words import COMMON, content
from evolsynth.llm.base import LLM, Capability, Prompt, Request, Sampling
from evolsynth.methods.respond import RESPONSE_SAMPLING
from evolsynth.methods.task_writer import Draft, Instance, Made, Plan, ask, ask_chat
from evolsynth.prompts import load_prompt
from evolsynth.rows import Message, derive_seed

__all__ = ["SMALL_TASK_SAMPLING", "SmallWriter"]

#: The paper's temperature; the tail is cut, in which a small model loses its thread.
SMALL_TASK_SAMPLING = Sampling(temperature=0.7, top_k=64, top_p=0.9, min_p=0.05)

_KIND = "KIND"
_TASK_TOKENS, _INPUT_TOKENS, _LABEL_TOKENS, _OUTPUT_TOKENS = 48, 80, 8, 224
_CHOICE = re.compile(
    r"\b(?:is|are|sounds?|as|into|from|be|about|of|in|:)\s+(?:an? |the )?([\w' -]{2,30}?),? or "
    r"(?:is |an? |the )?([\w' -]{2,30}?)[.?!]?\Z",
    re.I,
)


class SmallWriter:
    """See the module. ``subjects`` takes the place of those in the prompt file."""

    def __init__(
        self, llm: LLM, *, seed: int, sampling: Sampling, subjects: Sequence[str] = ()
    ) -> None:
        for capability in (Capability.RAW_PROMPT, Capability.PREFIX):
            llm.require(capability, by="Self-Instruct with prompts for small models")
        self._llm, self._seed, self._sampling = llm, seed, sampling
        self._tasks = load_prompt("self_instruct/tasks_small")
        self._inputs = load_prompt("self_instruct/input_small")
        self._labels = load_prompt("self_instruct/label_small")
        self._answers = load_prompt("respond/brief")
        self._subjects = tuple(subjects) or tuple(self._tasks.value("subjects"))

    async def propose(self, plan: Plan, candidate: int) -> Draft:
        """The next line of the list, its subject and first words given."""
        subject, opening, kind = self._drawn(plan)
        shown = [{"subject": _subject_of(shot), "text": shot} for shot in plan.shots]
        request = Request(
            prompt=self._tasks.render(tasks=shown, number=len(shown) + 1, subject=subject),
            prefix=self._tasks.part("anchor", opening=opening),
            seed=self._derived("task", plan, candidate),
            max_tokens=_TASK_TOKENS,
            sampling=self._sampling,
            stop=("\n",),
        )
        made = await ask(
            self._llm, request, self._tasks, attempt=candidate, subject=subject, opening=opening
        )
        text, finish_reason = made.text, made.completion.finish_reason
        found = task_findings(text, finish_reason=finish_reason)
        strange = [personal(text)]
        if not kind:
            strange += [off_subject(text, subject), missing_input(text)]
        elif text.rstrip(".!?") == opening:
            strange.append(Finding("cut_off", {"why": "only the words that were given"}))
        findings = [*found, *(f for f in strange if f is not None)]
        return Draft(text, made.provenance, findings, subject, kind)

    async def is_classification(self, plan: Plan, draft: Draft) -> bool:
        """By how the task is worded: the model's own yes or no was little better than a guess."""
        return bool(draft.kind) and asks_for_label(draft.text)

    async def instance(
        self, plan: Plan, draft: Draft, *, classification: bool, candidate: int
    ) -> Instance:
        """A text of the task's kind, if it needs one, and the answer in the model's own chat."""
        if not draft.kind:
            answer = await self._answer(plan, draft.text, candidate)
            return Instance("", answer.text, {"response": answer.provenance})
        if not classification:
            file = self._inputs
            prompt = file.render(task=draft.text, subject=draft.subject, kind=draft.kind)
            text = await self._text(prompt, plan, candidate)
            answer = await self._answer(plan, f"{draft.text}\n\n{text.text}", candidate)
            return Instance(
                text.text,
                answer.text,
                {"input": text.provenance, "response": answer.provenance},
            )
        label, labelled = await self._label(plan, draft, candidate)
        file = self._labels
        prompt = file.render(task=draft.text, subject=draft.subject, kind=draft.kind, label=label)
        text = await self._text(prompt, plan, candidate)
        return Instance(text.text, label, {"input": text.provenance, "response": labelled})

    def _drawn(self, plan: Plan) -> tuple[str, str, str]:
        """Subject, first words, and for a task about a text the kind of text."""
        draw = random.Random(derive_seed(self._seed, "self_instruct/opening", str(plan.number)))  # noqa: S311
        subject = draw.choice(self._subjects)
        if draw.random() >= self._tasks.value("text_share"):
            return subject, draw.choice(self._tasks.value("openings")), ""
        kind = draw.choice(self._tasks.value("texts"))
        opening = draw.choice(self._tasks.value("text_openings"))
        return subject, opening.replace(_KIND, kind), kind

    async def _text(self, prompt: Prompt, plan: Plan, candidate: int) -> Made:
        request = Request(
            prompt=prompt,
            seed=self._derived("input", plan, candidate),
            max_tokens=_INPUT_TOKENS,
            sampling=self._sampling,
            stop=("\n",),
        )
        return await ask(self._llm, request, self._inputs, attempt=candidate)

    async def _label(
        self, plan: Plan, draft: Draft, candidate: int
    ) -> tuple[str, Mapping[str, Any]]:
        """One of the labels that the task names, each as often, or else what the model says."""
        seed, file = self._derived("label", plan, candidate), self._labels
        choice = _CHOICE.search(draft.text)
        if choice is not None:
            labels = [label.strip().lower() for label in choice.groups()]
            drawn = {**file.provenance, "labels": labels, "seed": seed, "attempt": candidate}
            return labels[seed % len(labels)], drawn
        request = Request(
            prompt=Prompt.of(file.part("label", task=draft.text), shared=file.part("shared")),
            seed=seed,
            max_tokens=_LABEL_TOKENS,
            sampling=self._sampling,
            stop=("\n",),
        )
        made = await ask(self._llm, request, file, attempt=candidate)
        return made.text, made.provenance

    async def _answer(self, plan: Plan, asked: str, candidate: int) -> Made:
        turns = [Message("system", self._answers.part("system")), Message("user", asked)]
        return await ask_chat(
            self._llm,
            turns,
            self._answers,
            seed=self._derived("response", plan, candidate),
            sampling=RESPONSE_SAMPLING,
            max_tokens=_OUTPUT_TOKENS,
            attempt=candidate,
        )

    def _derived(self, what: str, plan: Plan, candidate: int) -> int:
        step = f"self_instruct/{what}"
        return derive_seed(self._seed, step, str(plan.number), candidate=candidate)


def _subject_of(task: str) -> str:
    """A shown task's subject: its last word of content that is not in every request."""
    telling = [word.lower for word in content(task) if word.lower not in COMMON]
    return telling[-1] if telling else "words"
