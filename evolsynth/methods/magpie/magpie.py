"""Magpie: a chat model, given only what stands before a user's words, writes such words.

Xu et al., "Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with
Nothing", arXiv 2406.08464, section 2.1. What differs here: the pre-query template is cut out of
the model's own chat template with its default system turn in it, without which SmolLM2 writes
debris instead of requests; and most rows are given their first words, without which a model this
small asks nearly always the same. See docs/magpie.md.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from evolsynth.errors import InputError
from evolsynth.evaluation.gate.checks.row import turn_findings
from evolsynth.evaluation.gate.checks.topic import TopicCheck
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.findings import Finding
from evolsynth.foreign import failure
from evolsynth.llm.base import LLM, Capability, Prompt, Request, Sampling
from evolsynth.methods.magpie.first_words import FirstWords, first_words
from evolsynth.methods.magpie.steering import (
    Beginnings,
    Choice,
    SystemPrompt,
    SystemPrompts,
    answers_of,
    beginnings,
    check_options,
    columns_of,
    hints_of,
    then_of,
    topic_check,
)
from evolsynth.methods.method import method
from evolsynth.methods.respond import RESPONSE_SAMPLING, Answers
from evolsynth.options import Count, Natural, Several
from evolsynth.prompts import PromptFile, load_prompt, made_by, prompt_hash
from evolsynth.rows import Message, Row, derive_seed
from evolsynth.streams import ordered_map

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder
    from evolsynth.methods.steering import Steering

__all__ = ["INSTRUCTION_SAMPLING", "magpie"]

#: The paper draws at temperature 1. At 135M parameters nearer to the likeliest reads better, and
#: the openings keep it as varied; min-p cuts the tail that makes so small a model lose its thread.
INSTRUCTION_SAMPLING = Sampling(temperature=0.65, top_k=64, top_p=1.0, min_p=0.1)

_CANDIDATES = 4


@method(
    shape="source",
    gives=["instruction"],
    keeps=False,
    columns=columns_of,
    idle={
        "embedder": lambda options: options.get("topic") is None,
        "answerer": lambda options: not answers_of(options),
    },
    then=then_of,
    hints=hints_of,
)
async def magpie(
    llm: LLM,
    *,
    answerer: LLM | None = None,
    n: Natural | None = None,
    seed: int = 0,
    system_prompt: SystemPrompt = None,
    topic: str | None = None,
    n_turns: Several = 1,
    end_with_user: bool = False,
    only_instruction: bool | None = None,
    include_system_prompt: bool = False,
    candidates: Several | None = None,
    embedder: Embedder | None = None,
    on_topic: float | None = None,
    openings: Sequence[str] | None = None,
    made_up: bool = False,
    with_text: bool | None = None,
    only_with_text: bool = False,
    sampling: Sampling = INSTRUCTION_SAMPLING,
    response_sampling: Sampling = RESPONSE_SAMPLING,
    max_tokens: Count = 96,
    response_max_tokens: Count = 320,
    stop: Sequence[str] = ("\n",),
    turns_prompt: str | None = "magpie/turns",
    response_prompt: str | None = "respond/brief",
    concurrency: Count | None = None,
    steering: Steering | None = None,
) -> AsyncGenerator[Row]:
    """Instructions (and answers) from nothing, by Magpie: ``n`` rows in plan order.

    Row ``i`` depends on ``seed`` and ``i`` alone, so a longer run begins with the rows of a
    shorter one. A row whose request fails is yielded as failed.

    Args:
        answerer: what answers, where it answers; by default the model that writes.
        n: how many rows; by default without end, or as many as a run's budget asks for.
        system_prompt: takes the place of the model's default system turn: one text, a list
            (drawn evenly), texts by name, or texts by name each with its probability,
            ``{short: [Be brief., 0.7], long: [Explain., 0.3]}``. The row holds the text in
            ``system`` and the name in ``system_prompt_key``.
        topic: what instructions must be about: one that ships (`steering.topic_names`; cooking,
            say), which brings openings and a system prompt of its own, or any text, best in the
            form "bees: hives, honey, swarms". Rows that miss it are rejected with the reason
            ``off_topic``.
        n_turns: user's turns. From 2 on ``messages`` holds the conversation; ``instruction`` and
            ``response`` are then its first two turns.
        end_with_user: leave the last turn unanswered.
        only_instruction: do not answer. By default it answers where there are several turns, and
            else leaves that to `respond`, which gives the same answers from the same seed.
        include_system_prompt: begin ``messages`` with the system prompt.
        candidates: how many instructions are drawn for a row at most; the first that no check
            of the gate objects to and that is on topic is taken. By default 4 with a topic or
            with several turns, else 1.
        embedder: for the topic; by default MiniLM.
        on_topic: the least score of `TopicCheck` with which a row is on topic; by default the
            topic's own, or that of `TopicCheck`.
        openings: first words, drawn evenly; by default those of the topic, of ``magpie/steered``
            with a system prompt, else of ``magpie/openings``. A single empty text is the paper's
            method.
        made_up: begin with requests for what is made up (stories, poems, places, ideas), in a
            form that they name: such answers can be checked whole, as no truth is at stake.
        with_text: also requests that bring a text (to rewrite, correct, sort, count, extract from,
            classify), beside the other openings. A program makes their answers by a rule and the
            gate goes through it again, so they need no `respond`. By default where a run steers
            itself, without a topic, openings or a system prompt of your own.
        only_with_text: requests that bring a text, and no others: each answer is a program's.
        sampling: how the user's turns are drawn; see `Sampling`.
        response_sampling: how answers are drawn.
        max_tokens: the most tokens of a user's turn.
        response_max_tokens: the most tokens of an answer.
        stop: what ends an instruction; by default the end of its first line, as in the authors'
            own scripts: what a small model writes after that is seldom part of the request. An
            empty list keeps it.
        turns_prompt: the prompt file that asks for a conversation while a user's later turn is
            written, and not when the assistant answers; none (null) for models without a system
            turn.
        response_prompt: as ``prompt`` of `respond`.

    Raises:
        InputError: a number is out of range, or options contradict each other.
        CapabilityError: the back end cannot continue a raw prompt, or the answerer answer a chat.
        TemplateError: a model's chat template is missing or takes no system turn.
    """
    answering = answers_of({"n_turns": n_turns, "only_instruction": only_instruction})
    check_options(n, n_turns, candidates, answering, end_with_user)
    llm.require(Capability.RAW_PROMPT, by="Magpie")
    free = topic is None and openings is None and system_prompt is None and n_turns == 1
    if only_with_text:
        if made_up or with_text is False:
            raise InputError("only_with_text leaves out all others: leave out made_up, with_text.")
        with_text = True
    if with_text and not free:
        raise InputError(
            "with_text brings openings of its own, of one turn: leave out the topic, openings and "
            "system_prompt, or with_text."
        )
    if made_up and (topic is not None or openings is not None):
        raise InputError("made_up brings openings of its own: leave out the topic and openings.")
    steer = beginnings(topic, steered=system_prompt is not None, made_up=made_up)
    if openings is not None:
        steer = steer._replace(openings=tuple(openings), banned=(), source={})
    steer = steer._replace(openings=() if only_with_text else steer.openings or ("",))
    if any(steer.openings):
        llm.require(Capability.PREFIX, by="Magpie with openings")
    if steer.banned:
        llm.require(Capability.BANNED, by="Magpie with these openings")
    systems = SystemPrompts(steer.system if system_prompt is None else system_prompt)
    if include_system_prompt and systems.choices[0].text is None:
        raise InputError("include_system_prompt has nothing to include. Give a system_prompt.")
    later = load_prompt(turns_prompt) if turns_prompt and n_turns > 1 else None
    brief = load_prompt(response_prompt) if response_prompt else None
    answerer = answerer or llm
    maker = _Maker(
        llm=llm,
        seed=seed,
        steer=steer if on_topic is None else steer._replace(least=on_topic),
        prompts={choice.text: llm.template.pre_query(choice.text) for choice in systems.choices},
        later=later,
        answers=Answers(
            answerer,
            brief.part("system") if brief else None,
            brief.provenance if brief else {},
            response_sampling,
            response_max_tokens,
        ),
        sampling=sampling,
        max_tokens=max_tokens,
        stop=tuple(text for text in (*stop, llm.template.turn_end()) if text),
        candidates=candidates or (1 if steer.about is None and n_turns == 1 else _CANDIDATES),
        words=first_words(
            steer, seed, steering, with_text, free=free, more=not (made_up or only_with_text)
        ),
        n_turns=n_turns,
        answering=answering,
        end_with_user=end_with_user,
        include_system_prompt=include_system_prompt,
    )

    if answering:
        answerer.require(Capability.CHAT, by="Magpie with answers")
        maker.try_template()
    maker = maker._replace(topic=await topic_check(maker.steer, embedder))

    async def one(index: int) -> Row:
        return await maker.row(index, systems.draw(seed, index))

    def failed(index: int, error: BaseException) -> Row:
        row = Row.make(key=f"magpie/{seed}/{index}", method="magpie")
        return row.replace(failure=failure("magpie", error))

    width = llm.concurrency if concurrency is None else concurrency
    plan = itertools.count() if n is None else range(n)
    async with aclosing(
        ordered_map(plan, one, concurrency=width, failed=failed, name="magpie")
    ) as stream:
        async for row in stream:
            yield row


class _Maker(NamedTuple):
    """What all rows of a run have in common.

    ``prompts`` are what stands before a user's first words, by system prompt, ``later`` the prompt
    file for a user's later turns; None leaves those to the model.

    A user's next words are drawn after the template cut before them (so no assistant's header is
    there), an answer after the template's own generation prompt. The text that asks for a
    conversation of several turns is in the system turn for the former and not for the latter.
    """

    llm: LLM
    seed: int
    steer: Beginnings
    prompts: Mapping[str | None, Prompt]
    later: PromptFile | None
    answers: Answers
    sampling: Sampling
    max_tokens: int
    stop: tuple[str, ...]
    candidates: int
    n_turns: int
    answering: bool
    end_with_user: bool
    include_system_prompt: bool
    words: FirstWords
    topic: TopicCheck | None = None

    async def row(self, index: int, choice: Choice) -> Row:
        """A whole row, or a failed one with what there was of it."""
        extra = {} if choice.key is None else {"system_prompt_key": choice.key}
        key = f"magpie/{self.seed}/{index}"
        row = Row.make(key=key, method="magpie", system=choice.text, extra=extra)
        try:
            row = await self._instruction(index, key, choice)
            if row.settled or row.response is not None or not self.answering:
                return row
            return await self._talk(index, row)
        except BaseException as error:  # noqa: BLE001 - a back end may raise anything
            return row.replace(failure=failure("magpie", error))

    async def _instruction(self, index: int, key: str, choice: Choice) -> Row:
        """The first candidate that is good, else the best there was, rejected if off topic."""
        tried: list[tuple[int, float, Row, list[str]]] = []
        for number in range(self.candidates):
            row = await self._candidate(index, number, key, choice)
            if self.topic is None:  # rules on words alone, which are quick
                findings, score = self._judge(row)
            else:
                findings, score = await asyncio.to_thread(self._judge, row)
            if score is not None:
                row = row.replace(scores={"on_topic": score})
            tried.append((len(findings), -(score or 0.0), row, [f.code for f in findings]))
            if not findings:
                break
        best = min(range(len(tried)), key=lambda number: tried[number][:2])
        row = tried[best][2]
        others = [
            {"candidate": number, "text": one.instruction, "reasons": reasons}
            for number, (_, _, one, reasons) in enumerate(tried)
            if number != best
        ]
        if others:
            made = {**row.provenance["instruction"], "refused": others}
            row = row.replace(provenance={**row.provenance, "instruction": made})
        off = self.topic.finding(row.scores["on_topic"]) if self.topic else None
        return row if off is None else row.reject(off.code, **{off.code: off.detail})

    async def _candidate(self, index: int, number: int, key: str, choice: Choice) -> Row:
        prompt, first = self.prompts[choice.text], await self.words.draw(index, number)
        told: dict[str, Any] = {}
        if first.drawn:
            from evolsynth.methods.steering import DRAWN

            told[DRAWN] = dict(first.drawn)
        extra = {} if choice.key is None else {"system_prompt_key": choice.key}
        fields: dict[str, Any] = {
            "key": key,
            "method": "magpie",
            "system": choice.text,
            "extra": extra,
        }
        if first.lead is None:
            given = ((first.text,), first.banned, first.source)
            text, made = await self._draw(prompt, "magpie", str(index), number, *given)
            return Row.make(text, provenance={"instruction": {**made, **told}}, **fields)
        from evolsynth.methods.magpie.with_text import with_text_asked

        seed = derive_seed(self.seed, "magpie/text", str(index), candidate=number)
        written, made = await with_text_asked(
            self.llm, prompt, first.lead, seed=seed, sampling=self.sampling, stop=self.stop
        )
        made |= {"candidate": number, **told}
        row = Row.make(written.instruction, provenance={"instruction": made}, **fields)
        return written.of(row)

    async def _draw(
        self,
        prompt: Prompt,
        step: str,
        key: str,
        number: int,
        openings: Sequence[str],
        banned: Sequence[str],
        source: Mapping[str, str],
    ) -> tuple[str, dict[str, Any]]:
        """Candidate ``number`` of a user's words, begun by one of the openings; how it was made."""
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
        source = {**source, "template_sha256": prompt_hash(prompt)}
        made = made_by(self.llm, request, completion, source)
        return completion.text.strip(), {**made, "candidate": number}

    def _judge(self, row: Row) -> tuple[list[Finding], float | None]:
        """Objections to a candidate, and how near it is to the topic, if there is one."""
        findings = part_findings(row, "instruction") if self.candidates > 1 else []
        if self.topic is None:
            lacks = row.verdict.reasons if row.verdict is not None else ()  # of a text it brings
            return [*findings, *map(Finding, lacks)], None
        score = self.topic.scores([row.instruction or ""])[0]
        off = self.topic.finding(score)
        return ([*findings, off] if off else findings), score

    async def _talk(self, index: int, row: Row) -> Row:
        """The row with its conversation; rejected where a later turn is bad."""
        history = [Message("user", row.instruction or "")]
        made: list[dict[str, Any]] = []
        objections: Sequence[Finding] = ()
        for turn in range(self.n_turns):
            if turn:
                text, told, objections = await self._ask(index, row.system, history)
                history.append(Message("user", text))
                made.append(told)
            if objections or (self.end_with_user and turn == self.n_turns - 1):
                break
            step, key = (f"magpie/answer/{turn}", row.id) if turn else ("respond", row.id)
            text, told = await self.answers.answer(
                row.system, history, derive_seed(self.seed, step, key)
            )
            history.append(Message("assistant", text))
            made.append(told)
            if turn:  # the first is for the gate
                objections = turn_findings(history, finish_reason=told["finish_reason"], made=told)
            if objections:
                break
        from evolsynth.methods.magpie.turns import with_turns

        return with_turns(
            row,
            history,
            made,
            objections,
            kept=self.n_turns > 1 or self.include_system_prompt,
            with_system=self.include_system_prompt,
        )

    async def _ask(
        self, index: int, system: str | None, history: Sequence[Message]
    ) -> tuple[str, dict[str, Any], Sequence[Finding]]:
        """The user's next words: the first candidate without findings, else the one with fewest."""
        prompt = self.llm.template.pre_query(self._steered(system), history)
        file, turn = self.later, sum(m.role == "user" for m in history)
        openings: Sequence[str] = file.value("openings", ("",)) if file else ("",)
        banned: Sequence[str] = file.value("banned", ()) if file else ()
        source = file.provenance if file else {}
        tried: list[tuple[str, dict[str, Any], Sequence[Finding]]] = []
        for number in range(self.candidates):
            text, made = await self._draw(
                prompt, f"magpie/turn/{turn}", str(index), number, openings, banned, source
            )
            findings = await asyncio.to_thread(
                turn_findings,
                (*history, Message("user", text)),
                finish_reason=made["finish_reason"],
                made=made,
            )
            tried.append((text, made, findings))
            if not findings:
                break
        return min(tried, key=lambda one: len(one[2]))

    def _steered(self, system: str | None) -> str | None:
        """The system turn while a user's later turn is written."""
        if self.later is None:
            return system
        own = self.later.part("system").strip()
        return own if system is None else f"{system}\n\n{own}"

    def try_template(self) -> None:
        """Find out at the start, not at each row, that the template takes these turns.

        Raises:
            TemplateError: it is broken, or it takes no system turn.
        """
        talk = (Message("user", "?"), Message("assistant", "!"))
        for system in self.prompts:
            self.llm.template.pre_query(self._steered(system), talk)
            self.answers.llm.prepared(
                Request(messages=self.answers.turns(system, talk[:1]), seed=0)
            )
