"""Asking for JSON of a given form: held to it where the model can be, checked, repaired once."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

import msgspec

from evolsynth.errors import InputError, MalformedAnswer, RequestError
from evolsynth.llm.base import LLM, Capability, Completion, Request
from evolsynth.llm.structured.gbnf import gbnf
from evolsynth.llm.structured.schema import Checked, Malformed, Schema
from evolsynth.rows import Message, derive_seed

__all__ = ["HeldBy", "Structured", "held_by", "structured"]

V = TypeVar("V")

#: What keeps an answer to its form: the back end by the schema itself, a grammar that is made of
#: it, or words in the prompt.
HeldBy = Literal["schema", "grammar", "words"]

_WORDS = "Answer with JSON that is valid against this JSON schema, and with nothing else:\n{schema}"
_SHORTER = "Keep it short: an answer was cut off after {tokens} tokens (max_tokens)."
_REPAIR = (
    "Your answer is not the JSON that was asked for:\n{problems}\n"
    "Give only the corrected JSON, and nothing else."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Structured(Generic[V]):
    """An answer that is as it was asked for.

    ``value`` is an instance of the pydantic model, or JSON as Python has it; ``plain`` is JSON in
    either case. ``completion`` is the model's answer to ``request``: to the repair where it was
    ``repaired``.
    """

    value: V
    plain: Any
    completion: Completion
    request: Request
    repaired: bool = False


def held_by(llm: LLM, *, chat: bool = True, by: str = "structured") -> HeldBy:
    """What keeps a model's answers to their form.

    Args:
        chat: whether it is asked in messages, to which words can be added.
        by: who asks, for the message.

    Raises:
        CapabilityError: nothing does: a raw prompt can only be continued.
    """
    if Capability.SCHEMA in llm.capabilities:
        return "schema"
    if Capability.GRAMMAR in llm.capabilities:
        return "grammar"
    if not chat:
        llm.require(Capability.SCHEMA, by=f"{by} with a schema and a raw prompt")
    return "words"


async def structured(
    llm: LLM,
    request: Request,
    schema: Schema[V] | Mapping[str, Any] | str | os.PathLike[str] | type[V],
) -> Structured[V]:
    """Ask for JSON of a given form, check it, and have it repaired once where it is not.

    A back end with `Capability.SCHEMA` gets the schema, one with `Capability.GRAMMAR` a grammar
    made of it, and any other a sentence with the schema behind the last message; what came is
    checked in each case. For the repair a chat model is shown its answer and what is wrong with it,
    with a seed derived from the first. One that was cut off is not shown: a shorter one is asked
    for. A raw prompt, and a question that got no answer, are asked again as they are.

    >>> answer = await structured(llm, request, Person)
    >>> answer.value.name

    Args:
        request: without a grammar, choices or schema of its own.
        schema: a JSON schema as a mapping, as text, or the path of a ``.json`` file; a pydantic
            model; or a `Schema`, which reads it once for many requests.

    Raises:
        MalformedAnswer: both answers are malformed; it has their texts.
        InputError: the schema cannot be used; see `Schema`.
        CapabilityError: a raw prompt for a back end that nothing keeps to a form.
        LLMError: as `LLM.complete`.
    """
    form: Schema[V] = schema if isinstance(schema, Schema) else Schema(schema)
    first = _held(llm, request, form)
    completion = await llm.complete(first)
    try:
        return _made(form, first, completion)
    except Malformed as why:
        problems = why.problems
    again = _repair(first, completion, problems)
    try:
        second = await llm.complete(again)
    except RequestError as error:  # the answer is too long to be shown, say
        told = (*problems, f"and it could not be repaired: {error}")
        raise _error(form, told, completion) from None
    try:
        return dataclasses.replace(_made(form, again, second), repaired=True)
    except Malformed as why:
        raise _error(form, why.problems, completion, second) from None


def _held(llm: LLM, request: Request, form: Schema[Any]) -> Request:
    """The request with what keeps its answer to the form.

    Raises:
        InputError: it has something else already; or the schema is too large for a grammar.
    """
    if request.schema is not None or request.grammar is not None or request.choices:
        raise InputError(
            "The request has a schema, a grammar or choices already. Leave them to structured()."
        )
    how = held_by(llm, chat=request.prompt is None)
    if how == "schema":
        return msgspec.structs.replace(request, schema=form.text)
    if how == "grammar":
        return msgspec.structs.replace(request, grammar=gbnf(form.text))
    return _with_words(request, _WORDS.format(schema=form.text))


def _with_words(request: Request, words: str) -> Request:
    """The request with more at the end of its last message."""
    *turns, last = request.messages
    messages = (*turns, Message(last.role, f"{last.content}\n\n{words}"))
    return msgspec.structs.replace(request, messages=messages)


def _made(form: Schema[V], request: Request, completion: Completion) -> Structured[V]:
    cut = completion.finish_reason == "length"
    try:
        checked: Checked[V] = form.check(completion.text.removeprefix(request.prefix))
    except Malformed as why:
        if cut:
            told = f"$: it was cut off after {completion.tokens} tokens (max_tokens)"
            raise Malformed(told, *why.problems) from None
        raise
    if cut and isinstance(checked.plain, int | float) and not isinstance(checked.plain, bool):
        raise Malformed(f"$: the number was cut off after {completion.tokens} tokens")
    return Structured(
        value=checked.value, plain=checked.plain, completion=completion, request=request
    )


def _repair(first: Request, answer: Completion, problems: tuple[str, ...]) -> Request:
    """The one question that may mend it."""
    seed = derive_seed(first.seed, "structured", "repair", attempt=1)
    if first.prompt is not None or not answer.text.strip():
        return msgspec.structs.replace(first, seed=seed)
    if answer.finish_reason == "length":  # shown a text that goes round and round, it does so again
        return msgspec.structs.replace(
            _with_words(first, _SHORTER.format(tokens=answer.tokens)), seed=seed
        )
    told = _REPAIR.format(problems="\n".join(f"- {problem}" for problem in problems))
    turns = (*first.messages, Message("assistant", answer.text), Message("user", told))
    return msgspec.structs.replace(first, messages=turns, seed=seed)


def _error(form: Schema[Any], problems: tuple[str, ...], *answers: Completion) -> MalformedAnswer:
    return MalformedAnswer(
        f"The answer is no {form.name} ({'; '.join(problems)}). Raise max_tokens if it was cut "
        "off, ask for less, or take a larger model.",
        problems=problems,
        texts=tuple(answer.text for answer in answers),
    )
