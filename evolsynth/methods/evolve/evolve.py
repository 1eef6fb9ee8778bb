"""Evol-Instruct: make an instruction ask for more, round by round, and lose nothing of it.

Xu et al., "WizardLM: Empowering Large Language Models to Follow Complex Instructions", arXiv
2304.12244, section 3. Two families of prompts: ``classic`` lets a model rewrite the instruction, as
in the paper; ``small`` lets it only go on from the instruction as it is
(`evolsynth.methods.evolve.drafts`), which is all that a model of some hundred million
parameters can do, and draws constraints as demands that a program can check
(`evolsynth.methods.evolve.choosing`), which costs nothing. Each round asks for candidates, a few at
a time, until a gate holds one for good enough; the best of those that it lets through is evolved
further. A round in which none gets through leaves the instruction as it was, for the next round
(section 3.3).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from evolsynth.columns import Columns, ColumnType
from evolsynth.doing import say
from evolsynth.errors import InputError
from evolsynth.evaluation.demands.draw import kind_weights
from evolsynth.evaluation.demands.found import carried
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.text.language import is_english
from evolsynth.findings import reason
from evolsynth.foreign import failure, of_all
from evolsynth.inputs import OF_TEXT, of_task
from evolsynth.llm.base import LLM, Capability, Request, Sampling
from evolsynth.methods.evolve.choosing import (
    CONSTRAINTS,
    by_demands,
    by_operation,
    family_weights,
    root_of,
    standing,
    told_of,
    turns,
    without_demands,
)
from evolsynth.methods.evolve.drafts import (
    ANCHORED_SAMPLING,
    BREADTH,
    CLASSIC_SAMPLING,
    Anchored,
    Classic,
    Draft,
    Drafter,
    Written,
)
from evolsynth.methods.method import Options, method
from evolsynth.methods.respond import able_to_answer, respond
from evolsynth.options import Count, Several, Share
from evolsynth.prompts import PromptFamily, load_prompt, made_by, prompt_family
from evolsynth.rows import Message, Row, derive_seed
from evolsynth.streams import Rows, iterate, map_rows, together

if TYPE_CHECKING:
    from evolsynth.methods.steering import Steering

__all__ = ["evolve"]

reason(
    "no_information_gain",
    "The model holds the evolved instruction for equal to its original.",
    "Leave out ask_for_gain, or raise evolve's candidates.",
)

reason(
    "no_more_demands",
    "No further demand goes with those that the instruction was given.",
    "Ask for fewer rounds, or let the model write demands (demands: false).",
)

reason(
    "not_english",
    "Small prompts and drawn demands go on in English, and the instruction is in another language.",
    "Evolve it with classic prompts and a model that knows its language, without demands.",
)

_METHOD = "evol_instruct"
_EQUAL_TOKENS = 4


def _columns(name: str, options: Options, came: Columns) -> Columns:
    """An evolution has its instruction, its parent's system prompt and the text that it is about,
    and nothing else of it."""
    has: dict[str, ColumnType] = {"instruction": "text"}
    has |= {name: came.has[name] for name in OF_TEXT if name in came.has}
    if options.get("generate_answers"):
        has["response"] = "text"
    if "system" in came.has:
        has["system"] = "text"
    sometimes = {k: why for k, why in came.sometimes.items() if k == "system"}
    if options.get("include_original_instruction", True) is False:
        return Columns(has, sometimes, came.open)
    why = f"those that '{name}' makes have none"
    left = {name: why for name in (*came.has, *came.sometimes) if name not in has}
    return Columns(has, {**left, **sometimes}, came.open)


def _may_ask_for_gain(options: Options) -> bool:
    """Whether a judge may be asked: by default that depends on how large the model turns out."""
    asked = options.get("ask_for_gain")
    return options.get("prompts") != "small" if asked is None else bool(asked)


@method(
    shape="expand",
    needs=["instruction"],
    gives=["instruction"],
    columns=_columns,
    idle={
        "answerer": lambda options: not options.get("generate_answers"),
        "judge": lambda options: not _may_ask_for_gain(options),
    },
    then=lambda _: {"gate": {}},
)
async def evolve(
    rows: Rows,
    llm: LLM,
    *,
    answerer: LLM | None = None,
    judge: LLM | None = None,
    rounds: Several = 1,
    seed: int = 0,
    gate: Gate | None = None,
    candidates: Several = 8,
    good_enough: Share = 0.75,
    operations: Mapping[str, float] | None = None,
    prompts: PromptFamily | None = None,
    demands: bool | None = None,
    store_evolutions: bool = True,
    include_original_instruction: bool = True,
    generate_answers: bool = False,
    answer_candidates: Several = 1,
    ask_for_gain: bool | None = None,
    sampling: Sampling | None = None,
    max_tokens: Count | None = None,
    concurrency: Count | None = None,
    steering: Steering | None = None,
) -> AsyncGenerator[Row]:
    """Instructions that ask for more, by Evol-Instruct: each row, then one for each round.

    A round's row is its best candidate. If the gate let it through it is undecided (``pending``)
    and the next round evolves it; else it is rejected with the gate's reasons and the next round
    tries again from the same parent. Small prompts and demands are made for English: of a seed in
    another language no model is asked, and its evolution is rejected (``not_english``).

    ``round`` counts the evolutions that a row has behind it; ``parents`` leads back to the seed.
    ``provenance["instruction"]`` holds the operation, the ``original`` (the parent's text), the
    ``root`` (the seed's) and the other ``candidates`` with what was said against them. Settled rows
    pass through.

    Args:
        answerer: what answers evolutions, with ``generate_answers``; by default the model that
            writes them.
        judge: what is asked whether an evolution gains anything; by default the same.
        rounds: evolutions of each row.
        gate: what judges candidates; without one, rules on words alone. Give the gate that the
            rows are looked at with, and one with MiniLM, which also tells the good from the weak.
        candidates: how many are asked for in a round at most.
        good_enough: the score (``good_evolution``, in [0, 1]) from which on no more are asked for:
            a lower one takes less time and chooses less; 1 asks for all candidates. Where the gate
            gives no score, whatever it lets through is good enough.
        operations: how often each operation is drawn (constraints, deepening, concretizing,
            increased_reasoning_steps, complicate_input, breadth); those not named, never. By
            default all alike with classic prompts, and with small ones by how many of its demands
            are good.
        prompts: ``small`` or ``classic``; by default by the model's size.
        demands: let constraints be demands that a program can check, drawn without asking a model;
            by default with small prompts. They stand in ``provenance["instruction"]["demands"]``.
        store_evolutions: keep each evolution; otherwise only the last that got through, or, where
            none did, the last that did not.
        include_original_instruction: keep the rows that came in.
        generate_answers: answer each evolution (and each original without a response); one whose
            answer the gate refuses is rejected, as in the paper's rules 2 and 3.
        answer_candidates: answers that are asked for at most until one passes; see `respond`.
        ask_for_gain: ask the model whether an evolution is equal to its parent (rule 1). Without
            it, only words are compared. By default with classic prompts.
        sampling: how candidates are drawn; by default as suits the prompts.
        max_tokens: the most tokens of a candidate; by default 40 with small prompts, else 512.

    Raises:
        InputError: a number out of its range, an unknown operation, or weights that cannot be
            drawn from.
        CapabilityError: the back end cannot answer a chat, or (``small``) go on from a raw prompt
            and begin its answer with a given text.
    """
    counts = {"rounds": rounds, "candidates": candidates, "answer_candidates": answer_candidates}
    for name, number in counts.items():
        if number < 1:
            raise InputError(f"{name} is {number}: it must be at least 1.")
    if not 0 <= good_enough <= 1:
        raise InputError(f"good_enough is {good_enough}: it must be a score from 0 to 1.")
    family = prompt_family(llm, prompts)
    demanding = family == "small" if demands is None else demands
    usual = family_weights(family, demands=demanding)
    weights = usual if operations is None else by_operation(operations)
    drawn, left = without_demands(weights) if demanding else (0.0, weights)
    drafter: Drafter
    if family == "small":
        for capability in (Capability.RAW_PROMPT, Capability.PREFIX):
            llm.require(capability, by="Evol-Instruct with small prompts")
        drafter = Anchored(left, sampling or ANCHORED_SAMPLING, max_tokens=max_tokens or 40)
    else:
        able_to_answer(llm, by="Evol-Instruct")
        drafter = Classic(left, sampling or CLASSIC_SAMPLING, max_tokens=max_tokens or 512)
    evolver = _Evolver(
        llm,
        drafter,
        drawn,
        gate or Gate(),
        seed,
        candidates,
        good_enough,
        answer_candidates if generate_answers else 0,
        family == "classic" if ask_for_gain is None else ask_for_gain,
        answerer or llm,
        judge or llm,
        weights,
        steering,
    )
    if evolver.goes_on_in_english:
        rows = _told_of_others(rows)
    if evolver.ask_for_gain:
        evolver.judge.require(Capability.CHAT, by="Evol-Instruct's question for a gain")

    async def one(row: Row) -> tuple[Row, ...]:
        if row.instruction is None:
            return (row,)
        made = await evolver.rounds(row, rounds)
        if not store_evolutions:
            through = [child for child in made if not child.settled]
            made = through[-1:] or made[-1:]
        if not include_original_instruction:
            return tuple(made)
        return (await evolver.answered(row) if evolver.answers else row, *made)

    if concurrency is None:
        concurrency = max(2, llm.concurrency // 4)  # of each two at once
    async with aclosing(map_rows(rows, one, step=_METHOD, concurrency=concurrency)) as stream:
        async for row in stream:
            yield row


_LOOKED_AT = 32  # seeds, before the first is evolved


async def _told_of_others(rows: Rows) -> AsyncGenerator[Row]:
    """The rows as they are. Before the first goes on it is said how many of the first are in
    another language, which will not be evolved. Rows that come from a file are there at once; for
    those that a model makes nobody waits."""
    async with aclosing(iterate(rows)) as stream:
        first: list[Row] = []
        async for row in stream:
            first.append(row)
            if len(first) == _LOOKED_AT or row.method != "input":
                break
        texts = [row.instruction for row in first if row.instruction and not row.settled]
        others = sum(not is_english(text) for text in texts)
        if others:
            say(
                f"Small prompts and drawn demands are made for English, and {others} of the first "
                f"{len(texts)} seeds are in another language: those are not evolved "
                "(not_english). Classic prompts without demands do, by a model that knows theirs."
            )
        for row in first:
            yield row
        async for row in stream:
            yield row


class _Steered(NamedTuple):
    """What a run that steers itself asks of a round: as ``drawn`` of `_Evolver`, the weights of the
    other operations, and those of kinds of demands."""

    drawn: float
    left: Mapping[str, float]
    kinds: Mapping[str, float] | None = None


class _Evolver(NamedTuple):
    """What all rows have in common.

    ``drawn`` is the share of rounds that demands are tried first in, before the model is asked;
    ``answers`` how many are asked for at most of an evolution, 0 for none. ``weights`` are those of
    all operations, by which a run that steers itself reckons.
    """

    llm: LLM
    drafter: Drafter
    drawn: float
    gate: Gate
    seed: int
    candidates: int
    good_enough: float
    answers: int
    ask_for_gain: bool
    answerer: LLM
    judge: LLM
    weights: Mapping[str, float]
    steering: Steering | None = None

    async def rounds(self, seed_row: Row, number: int) -> list[Row]:
        """One row for each round; a round that failed is the last."""
        made: list[Row] = []
        parent = seed_row
        for attempt in range(number):
            child = await self._round(parent, attempt, await self._steered(seed_row))
            made.append(child)
            if child.status == "failed":
                break
            if not child.settled:
                parent = child
        return made

    async def _steered(self, seed_row: Row) -> _Steered | None:
        """The weights where the run has come to this row; None in one that does not steer."""
        if self.steering is None:
            return None
        operations = await self.steering.weights(seed_row, "operations", self.weights)
        if not self.drawn:
            return _Steered(0.0, operations)
        kinds = await self.steering.weights(seed_row, "demands", kind_weights())
        return _Steered(*without_demands(operations), kinds)

    async def _round(self, parent: Row, attempt: int, steered: _Steered | None) -> Row:
        """The best candidate of one round, rejected if none got through, or failed."""
        foreign = self.goes_on_in_english and not is_english(parent.instruction or "")
        drafts = [] if foreign else self._drafts(parent, attempt, steered)
        if not drafts:
            nothing = Written(CONSTRAINTS, parent.instruction or "")
            told = {"attempt": attempt, "candidates": []}
            child = self._child(parent, nothing, 0, parent.instruction or "", told)
            return child.reject("not_english" if foreign else "no_more_demands")
        judged, error = await self._judged(parent, attempt, drafts)
        if error is not None:
            return Row.make(
                key=f"{_METHOD}/{self.seed}/{attempt}",
                method=_METHOD,
                round=parent.round + 1,
                parents=(parent.id,),
                system=parent.system,
            ).replace(failure=failure(_METHOD, error, attempt=attempt))
        for row in judged:
            if row.status == "failed":
                return row
        order = sorted(range(len(judged)), key=lambda place: standing(judged[place], place))
        best = judged[order[0]]
        if not best.settled and self.ask_for_gain:
            best = await self._gains(parent, best)
        if not best.settled and self.answers:
            best = await self.answered(best)
        others = [told_of(judged[place]) for place in order[1:]]
        instruction = {**best.provenance["instruction"], "candidates": others}
        return best.replace(provenance={**best.provenance, "instruction": instruction})

    @property
    def goes_on_in_english(self) -> bool:
        """Whether candidates go on from the instruction as it is with English words of ours."""
        return isinstance(self.drafter, Anchored) or self.drawn > 0

    def _drafts(self, parent: Row, attempt: int, steered: _Steered | None) -> list[Draft | Written]:
        """The candidates of one round in the order in which they are tried."""
        root = root_of(parent)
        if self.drawn and parent.response is not None:
            from evolsynth.methods.evolve.formed import by_form, formable  # few are answered

            if formable(parent):
                own = derive_seed(self.seed, f"{_METHOD}/form", parent.id, attempt=attempt)
                return list(by_form(parent, root=root, seed=own))
        plan = derive_seed(self.seed, f"{_METHOD}/plan", parent.id, attempt=attempt)
        share = self.drawn if steered is None else steered.drawn
        drafter = self.drafter
        if steered is not None and any(steered.left.values()):
            drafter = drafter._replace(weights=steered.left)
        asked = drafter.drafts(
            self.llm, parent.instruction or "", root=root, number=self.candidates, seed=plan
        )
        if not self.drawn:
            return list(asked)
        own = derive_seed(self.seed, f"{_METHOD}/demands", parent.id, attempt=attempt)
        kinds = None if steered is None else steered.kinds
        written = by_demands(parent, root=root, seed=own, kinds=kinds)
        if carried(parent) or (share == 1 and written):
            return list(written)  # what a model would write might not go with a form that is set
        first = own < share * 2**32
        return [*written, *asked] if first else [*asked, *written]

    async def _judged(
        self, parent: Row, attempt: int, drafts: Sequence[Draft | Written]
    ) -> tuple[list[Row], Exception | None]:
        """The candidates up to one that is good enough; the error if nothing can be asked for."""
        judged: list[Row] = []
        for place, some in turns(drafts):
            if isinstance(some[0], Written) and any(not row.settled for row in judged):
                break  # what the model wrote is good enough
            answers = await together(self._ask(draft, attempt) for draft in some)
            errors = [answer for answer in answers if isinstance(answer, Exception)]
            made = [
                self._child(parent, draft, number, *answer)
                for number, (draft, answer) in enumerate(zip(some, answers, strict=True), place)
                if not isinstance(answer, Exception)
            ]
            if not made:
                return judged, None if judged else errors[0]
            judged += await self.gate.check_candidates(made)
            if any(self._ends(row) for row in judged[-len(made) :]):
                break
        return judged, None

    def _ends(self, row: Row) -> bool:
        """Whether no other candidate is asked for after this one."""
        if row.settled:
            return row.status == "failed"
        return row.scores.get("good_evolution", 1.0) >= self.good_enough

    async def _ask(
        self, draft: Draft | Written, attempt: int
    ) -> tuple[str, dict[str, Any]] | Exception:
        """A candidate's text and how it was made, or why there is none."""
        if isinstance(draft, Written):
            return draft.text, {"attempt": attempt}
        try:
            completion = await self.llm.complete(draft.request)
        except Exception as error:
            if of_all(error):
                raise
            return error
        text, reason = draft.read(completion)
        told = draft.file.provenance
        how = made_by(self.llm, draft.request, completion, told, attempt=attempt)
        return text, {**how, "finish_reason": reason}

    def _child(
        self, parent: Row, draft: Draft | Written, place: int, text: str, how: dict[str, Any]
    ) -> Row:
        made = {**how, "candidate": place, "operation": draft.operation, **draft.told}
        if self.steering is not None:
            from evolsynth.methods.steering import DRAWN

            new = [str(one["kind"]) for one in draft.told.get("demands", ())]
            made[DRAWN] = {"operations": draft.operation} | ({"demands": new} if new else {})
        if draft.operation == BREADTH:
            made["inspiration"] = parent.instruction
        else:
            made |= {"original": parent.instruction, "root": root_of(parent)}
            before = parent.provenance.get("instruction")
            if isinstance(before, dict) and "task" in before:
                made["task"] = before["task"]
            if some := [*carried(parent), *made.get("demands", ())]:
                made["demands"] = some
        fields: dict[str, Any] = {"provenance": {"instruction": made}}
        if isinstance(draft, Written) and draft.answer is not None:
            response, before, ground = draft.answer
            answered = {**parent.provenance["response"], "formed_from": before, "ground": ground}
            fields["response"] = response
            fields["provenance"] = {"instruction": made, "response": answered}
        child = Row.make(
            text,
            key=f"{_METHOD}/{self.seed}/{how['attempt']}/{place}",
            method=_METHOD,
            round=parent.round + 1,
            parents=(parent.id,),
            system=parent.system,
            extra=of_task(parent.extra),  # what else stands there changes no id, so no seed
            **fields,
        )
        return child.replace(extra={n: parent.extra[n] for n in OF_TEXT if n in parent.extra})

    async def _gains(self, parent: Row, child: Row) -> Row:
        """The child, rejected if the judge holds it for equal to its parent."""
        file = load_prompt("evol_instruct/equal")
        question = file.part("question", original=parent.instruction, evolved=child.instruction)
        asked = (Message("user", question.strip()),)
        request = Request(
            messages=asked,
            prefix=file.part("opening") if Capability.PREFIX in self.judge.capabilities else "",
            seed=derive_seed(self.seed, f"{_METHOD}/equal", child.id),
            max_tokens=_EQUAL_TOKENS,
            sampling=Sampling(temperature=0.0),
        )
        try:
            said = (await self.judge.complete(request)).text
        except BaseException as error:  # noqa: BLE001 - a back end may raise anything
            return child.replace(failure=failure(_METHOD, error))
        return child.reject("no_information_gain") if "equal" in said.casefold() else child

    async def answered(self, row: Row) -> Row:
        """The row with a response, rejected if the gate has something against that."""
        if row.response is not None:
            return row
        answers = respond(
            [row], self.answerer, seed=self.seed, candidates=self.answers, gate=self.gate
        )
        async with aclosing(answers) as rows:
            (one,) = [row async for row in rows]
        return one if one.settled else (await self.gate.check_candidates([one]))[0]
