"""How a request is answered: asked in the form that the server has, looked at, and asked again
where it is not what was wanted."""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from evolsynth.errors import CapabilityError, RequestError
from evolsynth.llm.base import Capability, Completion, Prompt, Request
from evolsynth.llm.prices import Tokens
from evolsynth.llm.server.flavours import Found
from evolsynth.llm.server.forms import common, ollama, openai, tgi, tokenwise
from evolsynth.llm.server.forms.common import Answer
from evolsynth.llm.server.forms.form import CHARACTERS, Form, ask
from evolsynth.llm.server.forms.tokenwise import NEXT_SEED
from evolsynth.llm.thinking import apart, opened_by

__all__ = ["answered", "listed", "plain_prompt", "servers_with", "shown_name", "size_in"]


_TRIES = 4  # answers that are looked at before a request is given up
_WRAPPED = 24  # tokens that an object takes round a text that was chosen

# 3B, 8x7B, 0.5b, 135M; not 4bit.
_SIZE = re.compile(r"(?<![\w.])(?:(\d+)x)?(\d+(?:\.\d+)?)([bBmM])(?![A-Za-z0-9])")
# What is a control token in the vocabulary of most families, and what looks like one in a template.
_CONTROL = re.compile(r"<\|[^<>|\n]{1,64}\|>|<｜[^<>｜\n]{1,64}｜>|<(?:start|end)_of_turn>")
_LIKELY = re.compile(r"<\|?/?[A-Za-z_:｜▁][^<>\s]{0,63}>|\[/?[A-Z_]{2,32}\]")


async def answered(form: Form, request: Request) -> Completion:
    """Answer a request.

    Raises:
        RequestError: this request can never be answered, or no answer was as it was wanted.
        CapabilityError: the server cannot do what it asks for.
    """
    _check(request, form.found)
    fault: str | None = None
    spent = Tokens()
    for attempt in range(_TRIES):
        seed = (request.seed + attempt * NEXT_SEED) % (2**32 - 1)
        asked = msgspec.structs.replace(request, seed=seed)
        answer = _counted(await _answer(form, asked), asked)
        spent += Tokens(answer.prompt_tokens, answer.tokens, answer.cached_tokens)
        try:
            completion = _completed(answer, asked, form.found)
        except RequestError as error:
            error.billed = spent
            raise
        fault = _fault(completion, request)
        if fault is None:
            before = (spent.read - answer.prompt_tokens, spent.written - answer.tokens)
            return msgspec.structs.replace(completion, discarded=before)
        if request.sampling.temperature == 0:  # it would be the same
            break
    every = f"in each of {attempt + 1} answers" if attempt else "and would do so again"
    refused = RequestError(
        f"{shown_name(form.found.model)} {fault}, {every}. Ask in other words, or use a model in "
        "process."
    )
    refused.billed = spent
    raise refused


def _counted(answer: Answer, request: Request) -> Answer:
    """The answer with tokens that its server did not tell, at three bytes each, as they are paid
    for: rather too many than too few."""
    if answer.tokens and answer.prompt_tokens:
        return answer
    asked = request.prompt or "".join(turn.content for turn in request.messages)
    sizes = [
        len(text.encode("utf-8", "replace"))
        for text in (answer.text + answer.reasoning, str(asked))
    ]
    written, read = (-(-size // CHARACTERS) for size in sizes)
    return msgspec.structs.replace(
        answer,
        tokens=answer.tokens or len(answer.logprobs) or written,
        prompt_tokens=answer.prompt_tokens or read,
    )


def _check(request: Request, found: Found) -> None:
    """Refuse what would be left out without a word.

    Raises:
        CapabilityError, RequestError: the server has no such thing.
    """
    title = found.flavour.title
    if request.prompt is not None and not found.raw:
        raise CapabilityError(
            f"{found.model} at {title} takes messages and no raw prompt. Give messages."
        )
    if request.grammar is not None and not found.grammar:
        raise CapabilityError(
            f"{title} takes no GBNF grammar. Leave it out, or use llama-server or vLLM."
        )
    if request.schema is not None:
        common.schema_of(request)
        if request.prompt is not None and not found.flavour.raw_schema:
            raise RequestError(f"{title} keeps to a JSON schema in chats only. Give messages.")
    llama = request.prompt is not None and found.flavour.raw == "llama-server"
    if request.min_tokens and not found.flavour.min_tokens:
        bound = request.grammar or request.schema or request.banned
        if not llama or bound:
            raise RequestError(
                f"{title} cannot hold an answer to at least {request.min_tokens} tokens"
                f"{' together with what else is asked' if llama else ''}. Leave min_tokens out."
            )


# Looking at an answer -----------------------------------------------------------------------------


def _completed(answer: Answer, request: Request, found: Found) -> Completion:
    """The completion that an answer makes.

    Raises:
        RequestError: it ends inside its thought, or has no log-probabilities.
    """
    text, reasoning = _parted(answer, request)
    if request.choices and found.choosing == "enum":
        text = common.chosen(text)
    text, stopped = common.cut_at_stops(text, request.stop)
    if request.logprobs and answer.tokens and not answer.logprobs:
        raise RequestError(
            f"{found.flavour.title} told no log-probabilities of {found.model}. Do not ask for "
            "them, or use a model in process."
        )
    return Completion(
        text=request.prefix + text,
        tokens=answer.tokens,
        prompt_tokens=answer.prompt_tokens,
        cached_tokens=answer.cached_tokens,
        finish_reason="stop" if stopped else answer.finish_reason,
        logprobs=answer.logprobs if request.logprobs else (),
        reasoning=reasoning,
    )


def _parted(answer: Answer, request: Request) -> tuple[str, str]:
    """The answer proper, and what was thought before.

    Raises:
        RequestError: there is nothing but a thought.
    """
    if answer.reasoning:
        cut = answer.finish_reason == "length" and not answer.text.strip()
        text, reasoning, whole = answer.text, answer.reasoning, not cut
    elif request.prefix:  # it has begun to answer
        return answer.text, ""
    else:
        opened = request.prompt is not None and opened_by(request.prompt)
        reasoning, text, whole = apart(answer.text, opened)
    if not whole:
        raise RequestError(
            f"The model was still thinking after {answer.tokens} tokens, when its answer was cut. "
            f"Raise max_tokens above {request.max_tokens}, or switch thoughts off with think=False."
        )
    return text, reasoning


def _fault(completion: Completion, request: Request) -> str | None:
    """What is wrong with an answer that the server was not, or could not be, held to."""
    said = completion.text.removeprefix(request.prefix)
    if any(text in completion.text for text in request.banned):
        return "wrote a text that is banned"
    if request.choices:
        cut = completion.finish_reason == "length"
        wanted = said in request.choices or (
            cut and any(choice.startswith(said) for choice in request.choices)
        )
        if not wanted:
            return f"answered {said[:60]!r}, which is none of the choices"
    if request.schema is not None and completion.finish_reason == "stop" and not _is_json(said):
        return f"answered {said[:60]!r}, which is no JSON"
    return None


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text.strip())
    except (msgspec.DecodeError, UnicodeEncodeError):
        return False
    return True


# Asking -------------------------------------------------------------------------------------------


async def _answer(form: Form, request: Request) -> Answer:
    found, raw = form.found, form.found.flavour.raw
    if request.choices and found.choosing == "enum":
        request = msgspec.structs.replace(request, max_tokens=request.max_tokens + _WRAPPED)
    if request.prompt is None:
        if found.flavour.chat == "ollama":
            return await ask(form, ollama.chat(request, found), ollama.read)
        return await _chat(form, request)
    if raw == "llama-server":
        return await tokenwise.generated(form, request)
    prompt = plain_prompt(request.prompt) + request.prefix
    if raw == "ollama":
        return await ask(form, ollama.generate(request, prompt, found), ollama.read)
    if raw == "tgi":
        return await ask(form, tgi.generate(request, prompt, found), tgi.read)
    return await ask(form, openai.completion(request, prompt, found), openai.read_completion)


async def _chat(form: Form, request: Request) -> Answer:
    answer = await ask(form, openai.chat(request, form.found), openai.read_chat)
    if form.found.kind == "llama-server" and request.prefix:  # it says the beginning again
        answer = msgspec.structs.replace(answer, text=answer.text.removeprefix(request.prefix))
    return answer


def plain_prompt(prompt: Prompt) -> str:
    """A prompt as text, for a server that reads control tokens wherever they stand.

    Raises:
        RequestError: a text that somebody typed holds one.
    """
    known = {token for s in prompt.segments if s.control for token in _LIKELY.findall(s.text)}
    for segment in prompt.segments:
        if segment.control:
            continue
        found = _CONTROL.search(segment.text)
        typed = found[0] if found else next((t for t in known if t in segment.text), None)
        if typed is not None:
            raise RequestError(
                f"The text holds {typed!r}, which this server would read as a control token and "
                "not as text. Take it out, or use llama-server or a model in process."
            )
    return str(prompt)


# Words --------------------------------------------------------------------------------------------


def shown_name(model: str) -> str:
    """A model's name for people: that of its file where the server tells a path."""
    return model.replace("\\", "/").rpartition("/")[2] if model.endswith(".gguf") else model


def size_in(model: str) -> int | None:
    """How many numbers a model has learned by its name, as in ``Llama-3.2-3B`` or ``smollm:135m``;
    None where the name does not say."""
    found = _SIZE.search(model)
    if found is None:
        return None
    times, number, unit = found.groups()
    return int(float(times or 1) * float(number) * (1e9 if unit in "bB" else 1e6))


def listed(able: Collection[Capability]) -> str:
    """What a model can do, in words."""
    return ", ".join(c.value for c in Capability if c in able)


def servers_with(capability: Capability) -> str:
    """Which servers can, in words."""
    if capability in (Capability.RAW_PROMPT, Capability.PREFIX, Capability.BANNED):
        return "llama-server; Ollama, vLLM, SGLang or TGI with chat_template="
    if capability is Capability.LOGPROBS:
        return "llama-server, vLLM"
    if capability in (Capability.GRAMMAR, Capability.CHOICES):
        return "llama-server, vLLM"
    return "llama-server, vLLM, Ollama"
