"""How a request is answered: asked in the form that the server has, looked at, and asked again
where it is not what was wanted."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from evolsynth.errors import CapabilityError, RequestError
from evolsynth.llm.base import Capability, Completion, Prompt, Request, TokenLogprob
from evolsynth.llm.server.flavours import Found
from evolsynth.llm.server.forms import common, llama_server, ollama, openai, tgi
from evolsynth.llm.server.forms.common import Answer, Question
from evolsynth.llm.server.forms.llama_server import Tokeniser
from evolsynth.llm.server.thinking import apart, opens_thought

if TYPE_CHECKING:
    from evolsynth.llm.server.transport import Transport

__all__ = ["Form", "answered", "ask", "estimate", "listed", "plain_prompt", "readable"]
__all__ += ["servers_with", "shown_name", "size_in"]

T = TypeVar("T")

_TRIES = 4  # answers that are looked at before a request is given up
_MOST_REWINDS = 64
_NEXT_SEED = 0x9E3779B1  # far from any other request's
_WRAPPED = 24  # tokens that an object takes round a text that was chosen
_CHARACTERS = 3  # of a token, for an estimate

# 3B, 8x7B, 0.5b, 135M; not 4bit.
_SIZE = re.compile(r"(?<![\w.])(?:(\d+)x)?(\d+(?:\.\d+)?)([bBmM])(?![A-Za-z0-9])")
# What is a control token in the vocabulary of most families, and what looks like one in a template.
_CONTROL = re.compile(r"<\|[^<>|\n]{1,64}\|>|<｜[^<>｜\n]{1,64}｜>|<(?:start|end)_of_turn>")
_LIKELY = re.compile(r"<\|?/?[A-Za-z_:｜▁][^<>\s]{0,63}>|\[/?[A-Z_]{2,32}\]")


class Form(NamedTuple):
    """What a request is answered with: what asks, what was found, and who knows the tokens."""

    transport: Transport
    found: Found
    tokeniser: Tokeniser


async def answered(form: Form, request: Request) -> Completion:
    """Answer a request.

    Raises:
        RequestError: this request can never be answered, or no answer was as it was wanted.
        CapabilityError: the server cannot do what it asks for.
    """
    _check(request, form.found)
    fault: str | None = None
    for attempt in range(_TRIES):
        seed = (request.seed + attempt * _NEXT_SEED) % (2**32 - 1)
        asked = msgspec.structs.replace(request, seed=seed)
        completion = _completed(await _answer(form, asked), asked, form.found)
        fault = _fault(completion, request)
        if fault is None:
            return completion
        if request.sampling.temperature == 0:  # it would be the same
            break
    every = f"in each of {attempt + 1} answers" if attempt else "and would do so again"
    raise RequestError(
        f"{shown_name(form.found.model)} {fault}, {every}. Ask in other words, or use a model in "
        "process."
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
        opened = request.prompt is not None and opens_thought(str(request.prompt))
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
        return await _llama_server(form, request)
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


async def ask(form: Form, question: Question, read: Callable[[Any], T]) -> T:
    """One question and its answer."""
    path, body = question
    return await form.transport.post(path, body, tokens=estimate(body), read=readable(read))


def readable(read: Callable[[Any], T]) -> Callable[[Any], T]:
    """Reads what may be of any form: what cannot be read is a ValueError, LookupError or
    TypeError, whatever the reader fell over."""

    def one(told: Any) -> T:
        try:
            return read(told)
        except (AttributeError, ArithmeticError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None

    return one


def estimate(body: Any) -> int:
    """About how many tokens a question and its longest answer have."""
    inner = body.get("options") or body.get("parameters") or body
    names = ("max_tokens", "max_completion_tokens", "n_predict", "num_predict", "max_new_tokens")
    most = next((int(inner[name]) for name in names if name in inner), 0)
    texts = body.get("prompt") or body.get("inputs") or body.get("messages") or ""
    size = 0
    for part in texts if isinstance(texts, list) else [texts]:
        if isinstance(part, dict):
            part = part.get("content", "")
        size += _CHARACTERS if isinstance(part, int) else len(part)
    return most + size // _CHARACTERS


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


# llama-server, whose tokens are known -----------------------------------------------------------


async def _llama_server(form: Form, request: Request) -> Answer:
    prompt = await form.tokeniser.prompt(request.raw, request.prefix, apart=request.keep_prompt)
    if not prompt:
        raise RequestError("The prompt is empty: there is nothing to continue.")
    if request.banned and request.grammar is None and request.schema is None:
        answer = await _without_banned(form, request, prompt)
    elif request.min_tokens:
        answer = await _not_before(form, request, prompt)
    else:
        answer = await _generated(form, request, prompt)
    return await _ended(form, request, answer)


async def _generated(
    form: Form,
    request: Request,
    prompt: Sequence[int | str],
    *,
    bytewise: bool = False,
    **fields: Any,
) -> Answer:
    path, body = llama_server.completion(request, prompt, form.found, bytewise=bytewise)
    return await ask(form, Question(path, {**body, **fields}), llama_server.read)


async def _ended(form: Form, request: Request, answer: Answer) -> Answer:
    """Cut an answer at the control tokens that are among its stops, where the model does not end
    its turn with them by itself."""
    ends = [
        await form.tokeniser.control(stop) for stop in request.stop if "<" in stop or "[" in stop
    ]
    places = [answer.ids.index(end) for end in ends if end in answer.ids]
    if not places:
        return answer
    kept = min(places)
    return msgspec.structs.replace(
        answer,
        text=await form.tokeniser.text(answer.ids[:kept]),
        tokens=kept,
        ids=answer.ids[:kept],
        logprobs=answer.logprobs[:kept],
        finish_reason="stop",
    )


async def _not_before(form: Form, request: Request, prompt: Sequence[int | str]) -> Answer:
    """An answer whose first tokens may not end it."""
    least, most = request.min_tokens, request.max_tokens
    first = msgspec.structs.replace(request, max_tokens=least)
    begun = await _generated(form, first, prompt, bytewise=True, ignore_eos=True)
    if begun.finish_reason == "stop" or most == least:
        return begun
    rest = msgspec.structs.replace(request, max_tokens=most - least, min_tokens=0)
    answer = await _generated(form, rest, [*prompt, *begun.ids], bytewise=True)
    return _joined(begun.logprobs, answer, begun.prompt_tokens)


async def _without_banned(form: Form, request: Request, prompt: Sequence[int | str]) -> Answer:
    """An answer without its banned texts: before the first token of one another way is taken.

    Raises:
        RequestError: no way was found.
    """
    kept: tuple[TokenLogprob, ...] = ()
    forbidden: set[int] = set()
    read = 0
    for rewinds in range(_MOST_REWINDS):
        seed = (request.seed + rewinds * _NEXT_SEED) % (2**32 - 1)
        asked = msgspec.structs.replace(request, seed=seed, banned=(), min_tokens=0)
        if forbidden:
            bias = [[token, False] for token in sorted(forbidden)]
            one = msgspec.structs.replace(asked, max_tokens=1)
            here = [*prompt, *(t.token for t in kept)]
            step = await _generated(form, one, here, bytewise=True, logit_bias=bias)
            if step.ended or len(kept) + 1 >= request.max_tokens or not step.logprobs:
                answer = _joined(kept, step, read)
            else:
                answer = await _gone_on(form, asked, prompt, kept + step.logprobs, read)
        else:
            answer = await _gone_on(form, asked, prompt, kept, read)
        read = read or answer.prompt_tokens
        place = _first_banned(answer.logprobs, request)
        if place is None:
            return answer
        token = answer.logprobs[place].token
        forbidden = {*forbidden, token} if place == len(kept) else {token}
        kept = answer.logprobs[:place]
    raise RequestError(
        f"{form.found.model} found no answer without a banned text, in {_MOST_REWINDS} ways. "
        "Ban fewer texts, or ask in other words."
    )


async def _gone_on(
    form: Form,
    request: Request,
    prompt: Sequence[int | str],
    kept: tuple[TokenLogprob, ...],
    read: int,
) -> Answer:
    rest = msgspec.structs.replace(request, max_tokens=request.max_tokens - len(kept), min_tokens=0)
    here = [*prompt, *(t.token for t in kept)]
    answer = await _generated(form, rest, here, bytewise=True)
    return _joined(kept, answer, read or answer.prompt_tokens)


def _joined(kept: Sequence[TokenLogprob], answer: Answer, read: int) -> Answer:
    """The answer with what was kept of another before it."""
    if not kept:
        return answer
    logprobs = (*kept, *answer.logprobs)
    data = b"".join(t.piece for t in logprobs)
    return msgspec.structs.replace(
        answer,
        text=codecs.getincrementaldecoder("utf-8")("replace").decode(data),
        tokens=len(logprobs),
        prompt_tokens=read,
        logprobs=logprobs,
        ids=tuple(t.token for t in logprobs),
    )


def _first_banned(tokens: Sequence[TokenLogprob], request: Request) -> int | None:
    """The number of the token with the beginning of the first banned text before any stop."""
    prefix = request.prefix.encode("utf-8", "replace")
    data = prefix + b"".join(t.piece for t in tokens)
    begin = len(prefix)
    stops = [data.find(s.encode("utf-8", "replace"), begin) for s in request.stop]
    end = min((at for at in stops if at >= 0), default=len(data))
    found = [data.find(b.encode("utf-8", "replace"), 0, end) for b in request.banned]
    place = min((at for at in found if at >= 0), default=None)
    if place is None:
        return None
    return next(i for i, border in enumerate(_borders(tokens, begin)) if border > place)


def _borders(tokens: Sequence[TokenLogprob], begin: int) -> Iterator[int]:
    at = begin
    for token in tokens:
        at += len(token.piece)
        yield at


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
