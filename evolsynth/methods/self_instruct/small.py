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

from evolsynth.evaluation.gate.checks.self_instruct import (
    asks_for_label,
    doubled,
    missing_input,
    off_subject,
    personal,
    stray_answer,
    task_findings,
)
from evolsynth.evaluation.gate.checks.text import example_leak
from evolsynth.evaluation.text.language import is_english
from evolsynth.evaluation.text.words import COMMON, content, words
from evolsynth.findings import Finding
from evolsynth.llm.base import LLM, Capability, Prompt, Request, Sampling
from evolsynth.methods.magpie.with_text import NO_TEXT, WithText, with_text_asked
from evolsynth.methods.respond import RESPONSE_SAMPLING, able_to_answer
from evolsynth.methods.self_instruct.writer import (
    Draft,
    Instance,
    Made,
    Plan,
    ask,
    ask_chat,
)
from evolsynth.prompts import PromptFile, load_prompt, prompt_lists
from evolsynth.rows import Message, derive_seed

__all__ = ["SMALL_TASK_SAMPLING", "SmallWriter"]

#: The paper's temperature; the tail is cut, in which a small model loses its thread.
SMALL_TASK_SAMPLING = Sampling(temperature=0.7, top_k=64, top_p=0.9, min_p=0.05)

_KIND, _LABEL = "KIND", "LABEL"
#: Where a task says that a program makes its answer, and by which rule.
_RULE = "rule"
_TASK_TOKENS, _INPUT_TOKENS, _LABEL_TOKENS, _OUTPUT_TOKENS = 48, 80, 8, 224
_LEAST_INPUT_WORDS = 6
_LEAST_ANSWER_WORDS = 15
_LABEL_MARGIN = 1.0  # nats
_WORKS_ON = re.compile(r"\b(?:the|following|each) (?:\w+ )??([\w-]+)\b", re.I)


class SmallWriter:
    """See the module. ``subjects`` takes the place of those in the prompt file.

    An answerer, if it is another model, gives all outputs but labels, as a chat: it need not be
    shown examples.
    """

    def __init__(
        self,
        llm: LLM,
        answerer: LLM | None = None,
        *,
        seed: int,
        sampling: Sampling,
        subjects: Sequence[str] = (),
        by_rule: float | None = None,
    ) -> None:
        for capability in (Capability.RAW_PROMPT, Capability.PREFIX):
            llm.require(capability, by="Self-Instruct with prompts for small models")
        self._llm, self._answerer = llm, answerer or llm
        if self._answerer is not llm:
            able_to_answer(self._answerer, by="Self-Instruct")
        self._seed, self._sampling = seed, sampling
        self._tasks = load_prompt("self_instruct/tasks_small")
        self._inputs = load_prompt("self_instruct/input_small")
        self._labels = load_prompt("self_instruct/label_small")
        self._outputs = load_prompt("self_instruct/output_small")
        self._answers = load_prompt("respond/brief")
        self._known = prompt_lists("self_instruct/small")
        self._ruled_tasks = WithText()
        self._of_all = by_rule
        # such tasks are about no subject
        self._rule_share = 0.0 if subjects else float(self._tasks.value("rule_share"))
        self.ranked = Capability.LOGPROBS in llm.capabilities
        self._before_a_user = llm.template.pre_query()
        self.input_share: float | None = self._tasks.value("input_share")
        self._subjects = tuple(subjects) or tuple(self._tasks.value("subjects"))

    async def propose(self, plan: Plan, candidate: int) -> Draft:
        """The next line of the list, its subject and first words given."""
        if self._by_rule(plan):
            return self._ruled(plan, candidate)
        subject, opening, kind, label = self._drawn(plan)
        shown = [
            {"subject": (_text_of if kind else _subject_of)(shot), "text": shot}
            for shot in plan.shots
        ]
        made = await self._line(
            self._tasks.render(tasks=shown, number=len(shown) + 1, subject=kind or subject),
            self._tasks,
            self._derived("task", plan, candidate),
            candidate,
            prefix=self._tasks.part("anchor", opening=opening),
            max_tokens=_TASK_TOKENS,
            remembered={"subject": subject, "opening": opening},
        )
        text, finish_reason = made.text, made.completion.finish_reason
        found = task_findings(text, finish_reason=finish_reason)
        strange = [personal(text), doubled(text)]
        if not kind:
            strange += [off_subject(text, subject), missing_input(text)]
        elif label and not asks_for_label(text):
            strange.append(Finding("not_an_instruction", {"why": "no second label"}))
        findings = [*found, *(f for f in strange if f is not None)]
        likely = 0.0
        if self.ranked and not findings:
            likely = (await self._llm.score(self._before_a_user, text)).total
        return Draft(text, made.provenance, findings, subject, kind, label, likely)

    async def is_classification(self, plan: Plan, draft: Draft) -> bool:
        """By how the task is worded: the model's own yes or no was little better than a guess."""
        if _RULE in draft.made:
            return self._ruled_tasks.kinds[draft.made["lead"]] == "classification"
        return bool(draft.kind) and asks_for_label(draft.text)

    async def instance(
        self, plan: Plan, draft: Draft, *, classification: bool, candidate: int
    ) -> Instance:
        """A text of the task's kind, if it needs one, and the answer in the model's own chat."""
        if _RULE in draft.made:
            return await self._with_text(plan, draft, candidate)
        if not draft.kind:
            answer = await self._answer(plan, draft.text, candidate)
            made = {"response": answer.provenance}
            found = [
                stray_answer(draft.text, answer.text),
                self._about_itself(draft.text, answer.text),
                self._thin(draft.text, answer.text),
            ]
            return Instance("", answer.text, made, _only(found))
        if classification:
            return await self._labelled(plan, draft, candidate)
        prompt = self._inputs.render(subject=draft.subject, kind=draft.kind)
        text = await self._text(prompt, self._inputs, plan, draft, candidate)
        answer = await self._output(plan, draft.text, text.text, candidate)
        shown = [
            example[part] for example in self._outputs.examples for part in ("input", "output")
        ]
        found = [
            _short(text.text),
            self._about_itself(draft.text, answer.text),
            self._about_writer(draft.text, answer.text),
            example_leak(answer.text, shown),
            example_leak(text.text, [example["input"] for example in self._inputs.examples]),
        ]
        made = {"input": text.provenance, "response": answer.provenance}
        return Instance(text.text, answer.text, made, _only(found))

    def _by_rule(self, plan: Plan) -> bool:
        """Whether the task is one whose answer a program makes from its text."""
        if self._of_all is None and not plan.with_input:
            return False
        draw = derive_seed(self._seed, "self_instruct/rule", str(plan.number))
        return draw / 2**32 < (self._rule_share if self._of_all is None else self._of_all)

    def _ruled(self, plan: Plan, candidate: int) -> Draft:
        """Such a task: it asks no model."""
        seed = self._derived("rule", plan, candidate)
        leads = list(self._ruled_tasks.leads)
        begun = self._ruled_tasks.begin(leads[seed % len(leads)], seed)
        made = {**self._ruled_tasks.file.provenance, _RULE: begun.rule, "seed": seed}
        made |= {"attempt": candidate, "lead": leads[seed % len(leads)]}
        asks = begun.lead.startswith(("How ", "Which ")) and "?" not in begun.lead
        return Draft(begun.lead + ("?" if asks else "."), made)

    async def _with_text(self, plan: Plan, draft: Draft, candidate: int) -> Instance:
        """The text of such a task, and the answer by its rule."""
        written, made = await with_text_asked(
            self._llm,
            self._before_a_user,
            draft.made["lead"],
            seed=self._derived("input", plan, candidate),
            sampling=self._sampling,
            stop=("\n",),
            said=draft.text[:-1],
        )
        if written.lacks is not None:
            return Instance("", "", {"input": made}, [Finding(NO_TEXT, {"lacks": written.lacks})])
        told = {"input": made, "response": {"ground": written.ground}}
        return Instance(written.text, written.answer, told)

    async def _output(self, plan: Plan, task: str, text: str, candidate: int) -> Made:
        """What the task makes of the text."""
        if self._answerer is not self._llm:
            return await self._answer(plan, f"{task}\n\n{text}", candidate)
        return await self._line(
            self._outputs.render(task=task, input=text),
            self._outputs,
            self._derived("response", plan, candidate),
            candidate,
            sampling=RESPONSE_SAMPLING,
            max_tokens=_INPUT_TOKENS,
        )

    async def _labelled(self, plan: Plan, draft: Draft, candidate: int) -> Instance:
        """An instance of a classification."""
        labels, label, labelled = await self._label(plan, draft, candidate)
        prompt = self._labels.render(
            task=draft.text, subject=draft.subject, kind=draft.kind, label=label
        )
        text = await self._text(prompt, self._labels, plan, draft, candidate)
        found = [
            _short(text.text),
            example_leak(text.text, [example["input"] for example in self._labels.examples]),
            await self._wrong(text.text, labels, label),
        ]
        made = {"input": text.provenance, "response": labelled}
        return Instance(text.text, label, made, _only(found))

    async def _wrong(self, text: str, labels: Sequence[str], label: str) -> Finding | None:
        """Found where the text does not make its label likelier than the other.

        A label may be the likelier word whatever the text, so a neutral text is the measure. Only
        for a back end that tells log-probabilities.
        """
        if not self.ranked or len(labels) < 2:
            return None
        other = labels[1 - labels.index(label)]
        margins = []
        for shown in (text, self._labels.value("neutral")):
            verdict = Prompt.of(self._labels.part("verdict", text=shown))
            one = await self._llm.score(verdict, f" {label}")
            two = await self._llm.score(verdict, f" {other}")
            margins.append(one.total - two.total)
        margin = round(margins[0] - margins[1], 4)
        if margin >= _LABEL_MARGIN:
            return None
        return Finding("wrong_label", {"margin": margin, "least": _LABEL_MARGIN, "other": other})

    def _drawn(self, plan: Plan) -> tuple[str, str, str, str]:
        """Subject, first words, for a task about a text its kind, for a classification a label."""
        draw = random.Random(derive_seed(self._seed, "self_instruct/opening", str(plan.number)))  # noqa: S311
        subject = draw.choice(self._subjects)
        if not plan.with_input:
            return subject, draw.choice(self._tasks.value("openings")), "", ""
        kind = draw.choice(self._tasks.value("texts"))
        if draw.random() >= self._tasks.value("label_share"):
            opening = draw.choice(self._tasks.value("text_openings"))
            return subject, opening.replace(_KIND, kind), kind, ""
        label = draw.choice(self._tasks.value("first_labels"))
        opening = draw.choice(self._tasks.value("label_openings"))
        return subject, opening.replace(_KIND, kind).replace(_LABEL, label), kind, label

    async def _text(
        self, prompt: Prompt, file: PromptFile, plan: Plan, draft: Draft, candidate: int
    ) -> Made:
        """A text of the draft's kind, made to begin as such a text does."""
        seed = self._derived("input", plan, candidate)
        starts = self._inputs.value("starts")[draft.kind]
        prefix = file.part("anchor", start=starts[seed % len(starts)])
        return await self._line(
            prompt, file, seed, candidate, prefix=prefix, max_tokens=_INPUT_TOKENS
        )

    async def _label(
        self, plan: Plan, draft: Draft, candidate: int
    ) -> tuple[Sequence[str], str, Mapping[str, Any]]:
        """The labels, if the task names two, and one of them, each as often; or else what the
        model says."""
        seed, file = self._derived("label", plan, candidate), self._labels
        if draft.label:
            other = draft.text.partition(f"{draft.label} or ")[2].strip(" .?!").lower()
            other = f"not {draft.label}" if other.startswith("not") else self._label_of(other)
            if other and other != draft.label:
                labels = [draft.label, other]
                drawn = {**file.provenance, "labels": labels, "seed": seed, "attempt": candidate}
                return labels, labels[seed % 2], drawn
        prompt = Prompt.of(file.part("label", task=draft.text), shared=file.part("shared"))
        made = await self._line(prompt, file, seed, candidate, max_tokens=_LABEL_TOKENS)
        return (), made.text, made.provenance

    async def _line(
        self,
        prompt: Prompt,
        file: PromptFile,
        seed: int,
        candidate: int,
        *,
        max_tokens: int,
        prefix: str = "",
        sampling: Sampling | None = None,
        remembered: Mapping[str, str] | None = None,
    ) -> Made:
        request = Request(
            prompt=prompt,
            prefix=prefix,
            seed=seed,
            max_tokens=max_tokens,
            sampling=sampling or self._sampling,
            stop=("\n",),
        )
        return await ask(self._llm, request, file, attempt=candidate, **(remembered or {}))

    async def _answer(self, plan: Plan, asked: str, candidate: int) -> Made:
        turns = [Message("system", self._answers.part("system")), Message("user", asked)]
        return await ask_chat(
            self._answerer,
            turns,
            self._answers,
            seed=self._derived("response", plan, candidate),
            sampling=RESPONSE_SAMPLING,
            max_tokens=_OUTPUT_TOKENS,
            attempt=candidate,
        )

    def _thin(self, task: str, output: str) -> Finding | None:
        """Found where a question that is no list and no slogan has an answer of a few words."""
        count = len(words(output))
        if count >= _LEAST_ANSWER_WORDS or not is_english(task):
            return None
        if re.match(rf"(?:{'|'.join(self._known['short answers'])})\b", task, re.I):
            return None
        return Finding("thin_answer", {"words": count, "least": _LEAST_ANSWER_WORDS})

    def _about_itself(self, task: str, output: str) -> Finding | None:
        """Found where an answer speaks of its speaker, of whom the task does not."""
        for name in self._known["speaker"]:
            if name in output.lower() and name not in task.lower():
                return Finding("self_talk", {"said": name})
        return None

    def _about_writer(self, task: str, output: str) -> Finding | None:
        """Found where a reply or a title talks about the text instead."""
        if task.startswith(tuple(self._known["asks for a text"])):
            for said in self._known["speaks of the text"]:
                if output.startswith(said):
                    return Finding("no_answer", {"said": said})
        return None

    def _label_of(self, said: str) -> str:
        """A label without "is a" before it."""
        for before in self._known["before a label"]:
            if said.startswith(f"{before} "):
                return said.removeprefix(f"{before} ")
        return said

    def _derived(self, what: str, plan: Plan, candidate: int) -> int:
        step = f"self_instruct/{what}"
        return derive_seed(self._seed, step, str(plan.number), candidate=candidate)


def _only(found: Sequence[Finding | None]) -> list[Finding]:
    return [finding for finding in found if finding is not None]


def _short(text: str) -> Finding | None:
    count = len(words(text))
    if count >= _LEAST_INPUT_WORDS:
        return None
    return Finding("too_short", {"part": "input", "words": count, "least": _LEAST_INPUT_WORDS})


def _text_of(task: str) -> str:
    """What a shown task works on: the first of its words that names a kind of text or thing."""
    found = _WORKS_ON.search(task)
    return found[1].lower() if found is not None else _subject_of(task)


def _subject_of(task: str) -> str:
    """A shown task's subject: its last word of content that is not in every request."""
    telling = [word.lower for word in content(task) if word.lower not in COMMON]
    return telling[-1] if telling else "words"
