"""Answer each row's instruction as a chat with the model, once or several times."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from evolsynth.columns import Columns
from evolsynth.errors import InputError, TemplateError
from evolsynth.evaluation.demands.demand import Demand
from evolsynth.evaluation.demands.draw import hardly_alone, likelier_alone
from evolsynth.evaluation.demands.found import demands_of
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.llm.base import LLM, Capability, Request, Sampling
from evolsynth.methods.method import Options, method
from evolsynth.options import Count, Several
from evolsynth.prompts import load_prompt, made_by, template_hash
from evolsynth.rows import Message, Row, derive_seed
from evolsynth.streams import Rows, map_rows, together

if TYPE_CHECKING:
    from evolsynth.methods.best_of import Candidate

__all__ = ["AT_ONCE", "MADE", "RESPONSE_SAMPLING", "SAMPLES_SAMPLING", "WARM_SAMPLING"]
__all__ += ["Answers", "able_to_answer", "respond"]

#: Near-greedy, as Magpie's authors answer; a mild penalty keeps a small model out of loops.
RESPONSE_SAMPLING = Sampling(temperature=0.3, top_k=40, top_p=0.9, repeat_penalty=1.1)

#: The prompt file of answers without demands on their form, and of those with some.
_BRIEF, _DEMANDING = "respond/brief", "respond/demands"

#: For several responses to choose from, which near-greedy sampling would make all but the same.
SAMPLES_SAMPLING = Sampling(temperature=0.7, top_k=40, top_p=0.9, repeat_penalty=1.1)

#: For one of several samples to a request without demands: one that may well be worse than others.
WARM_SAMPLING = Sampling(temperature=1.3, top_k=40, top_p=0.95, repeat_penalty=1.1)

#: Answers to one row that are asked for in one way before the next are asked for in another.
AT_ONCE = 2


def _columns(_: str, options: Options, came: Columns) -> Columns:
    """Several samples are a list beside the first of them."""
    several = options.get("samples", 1) != 1
    several = several or options.get("store_candidates") or options.get("answered")
    return came.plus({"response": "text", **({"responses": "any"} if several else {})})


@method(
    shape="map",
    needs=["instruction"],
    gives=["response"],
    columns=_columns,
    role="answer",
    idle={"embedder": lambda _: True},  # a gate's settings are all that it needs of it
)
async def respond(
    rows: Rows,
    llm: LLM | Sequence[LLM],
    *,
    samples: Several = 1,
    candidates: Several = 1,
    store_candidates: bool = False,
    answered: bool = False,
    gate: Gate | None = None,
    seed: int = 0,
    prompt: str | None = _BRIEF,
    system: str | None = None,
    sampling: Sampling | None = None,
    max_tokens: Count = 320,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """Each row with a ``response`` to its instruction, in the order in which they come.

    A row that has a text in its field ``input`` (or ``context``) is asked with that behind the
    instruction; demands are read from the instruction alone.

    Settled rows, and rows that have a response already, pass through untouched. A row with a
    ``system`` text of its own is answered under it, any other under ``system``, or else under the
    system turn of the prompt file ``prompt``; None leaves it to the model's own default.

    With several ``samples``, or several models, ``extra["responses"]`` has them all, in order, the
    first of them also as ``response``: of each the ``response``, ``finish_reason``, ``seed`` and
    ``model``. The first is what one sample with the same ``sampling`` would be. The samples of a
    row are asked for side by side, so that its prompt is read once. A row for which one of them
    fails has failed. So that some are better than others, every other pair of samples is had
    otherwise, with what differs said in ``responses``: a near-greedy one, and a warm one
    (`WARM_SAMPLING`); or, where demands on the form stand in sentences of their own, two to the
    request without these, as below for candidates, if such an answer may meet them, and one of each
    pair near-greedy. Where ``sampling`` is given, all are drawn so.

    With several ``candidates`` they are asked for two at a time until one passes: the gate's checks
    of responses find nothing, and it meets each demand of the row (`demands_of`); what only its
    form lacks is made so by rule first. The row takes that one, or else the one that lacks least,
    and ``provenance["response"]`` says which it is, how many were asked for, the kinds of demands
    that were ``applied``, and what the others lacked. The first is near-greedy, the others are not.
    Every other pair is asked the request without those sentences that are demands (the
    ``question`` that the row then names), since a small model often speaks of a rule instead of
    keeping to it, and is held to a grammar where the form has one (`grammar_of`); which pair comes
    first is told by how often the row's kinds of demands are met.

    With ``answered``, rows that have a response are asked too: it stays, and stands in
    ``extra["responses"]`` before what the model says, with how it was made. So the model's wrong
    answers stand beside those that were computed, or taken from a text, for `preference`.

    A row with demands is answered under the system turn of ``respond/demands`` where others are
    under that of ``respond/brief``, which asks for a few sentences.

    Args:
        llm: the model, or several, each of which gives so many samples.
        samples: responses to each row, of each model.
        candidates: responses of the model that are asked for at most until one passes.
        store_candidates: keep all candidates in ``extra["responses"]``, the one that was taken
            first, for `preference`; they are then asked for until one has failed, too, and had in
            as many ways as samples.
        answered: ask rows that have a response, too, and keep it before what the model says in
            ``extra["responses"]``: a right answer beside the model's own, for `preference`.
        gate: whose settings the checks of candidates go by.
        prompt: the prompt file whose system turn answers are made under; none (null) leaves the
            model's own.
        system: the system turn of rows that have none of their own; instead of that of ``prompt``.
        sampling: how responses are drawn; by default `RESPONSE_SAMPLING`, or for several samples
            `SAMPLES_SAMPLING` and, by turns, others; a first candidate by the one, later ones by
            the other.
        max_tokens: the most tokens of a response.

    Raises:
        CapabilityError: a back end cannot answer a chat.
        InputError: there is no such prompt file, no model, a number is below 1, or several
            candidates were asked for beside several samples or models.
        TemplateError: a model's chat template is missing or broken, or it takes no system
            turn; for the last use ``prompt=None``.
    """
    llms = [llm] if isinstance(llm, LLM) else list(llm)
    if not llms:
        raise InputError("respond was given no model. Give one, or several.")
    for name, number in (("samples", samples), ("candidates", candidates)):
        if number < 1:
            raise InputError(f"{name} is {number}: give a number of responses from 1.")
    if candidates > 1 and (samples > 1 or len(llms) > 1):
        raise InputError(
            "respond takes the best of several candidates of one model. Leave out candidates, or "
            "samples and all models but one."
        )
    if answered and candidates > 1:
        raise InputError(
            "answered puts samples beside a response, and candidates takes the best. Leave one out."
        )
    drawn = sampling or (RESPONSE_SAMPLING if samples == 1 else SAMPLES_SAMPLING)
    file = load_prompt(prompt) if prompt is not None and system is None else None
    usual = file.part("system") if file is not None else system
    told = {} if file is None else file.provenance
    if system is not None:
        told = {"system": system}
    for model in llms:
        _try_system(able_to_answer(model, by="respond"), usual)
    models = [Answers(model, usual, told, drawn, max_tokens) for model in llms]
    demanding = models
    if prompt == _BRIEF and system is None:
        form = load_prompt(_DEMANDING)
        demanding = [m._replace(usual=form.part("system"), told=form.provenance) for m in models]
    settings = GateSettings() if gate is None else gate.settings
    at_once = samples
    if candidates > 1:
        from evolsynth.methods.best_of import best_of

        at_once = AT_ONCE
    able = all(Capability.GRAMMAR in one.capabilities for one in llms)
    contrast = samples > 1 or store_candidates

    async def one(row: Row) -> Row:
        has_one = bool((row.response or "").strip())
        if row.instruction is None or (has_one and not answered):
            return row
        demands, whole = demands_of(row), row.instruction
        ways = [_Way(whole)]
        if samples > 1 or candidates > 1:
            ways = _ways(whole, demands, able, either=candidates > 1, contrast=contrast)
        behind = "" if row.beside is None else f"\n\n{row.beside}"

        async def ask(number: int) -> tuple[str, dict[str, Any]]:
            which, place = (0, number) if candidates > 1 else divmod(number, samples)
            question, grammar, own = ways[place // AT_ONCE % len(ways)]
            model = (demanding if demands and question == whole else models)[which]
            if own is not None and sampling is None:
                model = model._replace(sampling=own[place % AT_ONCE])
            elif candidates > 1 and number > 0:
                model = model._replace(sampling=sampling or SAMPLES_SAMPLING)
            turn = Message("user", question + behind)
            number = derive_seed(seed, "respond", row.id, candidate=number)
            text, how = await model.answer(row.system, [turn], number, grammar)
            return text, how if question == whole else {**how, "question": question}

        if candidates > 1:
            best, had = await best_of(
                row, ask, demands, most=candidates, settings=settings, pair=store_candidates
            )
            return _taken(row, best, had, llms[0].name if store_candidates else None)
        made = await together(ask(number) for number in range(samples * len(models)))
        text, how = made[0]
        if has_one:
            before = row.provenance.get("response")
            how = dict(before) if isinstance(before, Mapping) else {}
        else:
            row = row.replace(response=text, provenance={**row.provenance, "response": how})
            if len(made) == 1:
                return row
        told = [
            _held(text, one, how, llms[n // samples].name) for n, (text, one) in enumerate(made)
        ]
        own = [{"response": row.response}] if has_one else []
        return row.replace(extra={**row.extra, "responses": [*own, *told]})

    width = max(1, llms[0].concurrency // at_once) if concurrency is None else concurrency
    async with aclosing(map_rows(rows, one, step="respond", concurrency=width)) as stream:
        async for row in stream:
            yield row


class _Way(NamedTuple):
    """What a pair of answers is asked, the grammar that they are held to, and how each of the two
    is drawn, where that is not as usual."""

    question: str
    grammar: str | None = None
    drawn: tuple[Sampling, Sampling] | None = None


def _ways(
    instruction: str, demands: Sequence[Demand], able: bool, *, either: bool, contrast: bool
) -> list[_Way]:
    """How answers are asked for, pair by pair: with the demands, and the request alone, held to the
    form of the demands where the model is ``able`` to be; ``either`` may come first. Where a
    ``contrast`` is wanted, one of each pair is near-greedy, nothing is asked alone that then hardly
    ever meets its demands, and where there is nothing but the request, every other pair has a
    near-greedy answer and a warm one."""
    from evolsynth.evaluation.demands.alone import request_alone
    from evolsynth.evaluation.demands.forced import choice_of, grammar_of
    from evolsynth.evaluation.gate.short import offered

    alone = request_alone(instruction)
    grammar = grammar_of(demands) if able else None
    if grammar is None and able and (labels := offered(instruction)):
        label = f"{labels[0]}.".capitalize()
        if all(one.check(label, asked=instruction) is None for one in demands):
            grammar = choice_of(labels)
    if alone == instruction and grammar is None:
        warm = _Way(instruction, drawn=(RESPONSE_SAMPLING, WARM_SAMPLING))
        return [_Way(instruction), warm] if contrast else [_Way(instruction)]
    drawn = (RESPONSE_SAMPLING, SAMPLES_SAMPLING) if contrast else None
    first = _Way(instruction, drawn=drawn if drawn is None or either else drawn[::-1])
    other = _Way(alone, grammar, drawn)
    if contrast and grammar is None and hardly_alone(demands):
        other = first
    return [other, first] if either and likelier_alone(demands) else [first, other]


#: What tells how a response was made, kept of several where one was made otherwise than the first.
MADE = (
    *("sampling", "question", "grammar", "prompt", "prompt_sha256", "template_sha256"),
    *("ground", "method"),
)


def _held(
    text: str, how: Mapping[str, Any], first: Mapping[str, Any], model: str
) -> dict[str, Any]:
    """A response as it is kept beside others, with what was otherwise than for the first."""
    kept = {name: how[name] for name in ("finish_reason", "seed")}
    other = {name: how.get(name) for name in MADE if how.get(name) != first.get(name)}
    return {"response": text, **kept, "model": model, **other}


def _taken(row: Row, best: Candidate, had: Sequence[Candidate], model: str | None) -> Row:
    """The row with the candidate that was taken; all of them, where a model's name is given."""
    others = [one for one in had if one is not best]
    failed = [
        {"candidate": one.number, "findings": list(one.findings), "unmet": list(one.unmet)}
        for one in had
        if one.lacks
    ]
    how = {
        **best.how,
        "candidate": best.number,
        "asked": len(had),
        "applied": list(best.applied),
        "failed": failed,
    }
    row = row.replace(response=best.text, provenance={**row.provenance, "response": how})
    if model is None:
        return row
    kept = [_held(one.text, one.how, best.how, model) for one in (best, *others)]
    return row.replace(extra={**row.extra, "responses": kept})


class Answers(NamedTuple):
    """What all answers of a run by one model have in common.

    ``usual`` is the system turn where there is no other, and ``told`` what a row says of it.
    """

    llm: LLM
    usual: str | None
    told: Mapping[str, str]
    sampling: Sampling
    max_tokens: int

    def turns(self, system: str | None, history: Sequence[Message]) -> tuple[Message, ...]:
        """The chat up to the answer."""
        own = self.usual if system is None else system
        return (*([] if own is None else [Message("system", own)]), *history)

    async def answer(
        self,
        system: str | None,
        history: Sequence[Message],
        seed: int,
        grammar: str | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """The assistant's next words, held to a grammar if one is given, and how they were made."""
        request = self.llm.prepared(
            Request(
                messages=self.turns(system, history),
                seed=seed,
                max_tokens=self.max_tokens,
                sampling=self.sampling,
                grammar=grammar,
            )
        )
        completion = await self.llm.complete(request)
        source = {**(self.told if system is None else {}), **template_hash(request)}
        how = made_by(self.llm, request, completion, source)
        return completion.text.strip(), how if grammar is None else {**how, "grammar": grammar}


def able_to_answer(llm: LLM, *, by: str) -> LLM:
    """The model, which can answer a chat: found out at the start, not at each row.

    Raises:
        CapabilityError: it cannot.
        TemplateError: its chat template is missing or broken, or refuses a question.
    """
    llm.require(Capability.CHAT, by=by)
    llm.prepared(Request(messages=(Message("user", "?"),), seed=0))
    return llm


def _try_system(llm: LLM, system: str | None) -> None:
    """Find out at the start that a template takes no system turn."""
    if system is None:
        return
    turns = (Message("system", system), Message("user", "?"))
    try:
        llm.prepared(Request(messages=turns, seed=0))
    except TemplateError as error:
        raise TemplateError(
            f"{error} For answers without a system turn call respond(..., prompt=None)."
        ) from None
