"""A model behind a server: `Server`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from evolsynth.doing import doing
from evolsynth.errors import (
    CapabilityError,
    EngineError,
    InputError,
    SetupError,
    TemplateError,
)
from evolsynth.llm.base import (
    LLM,
    Capability,
    Completion,
    Prompt,
    Request,
    Score,
    Usage,
    hash_of,
)
from evolsynth.llm.server.address import SCHEMES, Where, address_of, endpoints_of
from evolsynth.llm.server.flavours import Found
from evolsynth.llm.server.forms import asking, scoring
from evolsynth.llm.server.forms.form import Form
from evolsynth.llm.server.forms.llama_server import Tokeniser
from evolsynth.llm.server.limits import Limits
from evolsynth.llm.server.probe import Probed, abilities, gaps, probe
from evolsynth.llm.server.templates import Named, named_template
from evolsynth.llm.server.turns import one_work
from evolsynth.llm.template import ChatTemplate
from evolsynth.options import Count, TextOrPath

if TYPE_CHECKING:
    from evolsynth.llm.server.batches import OpenAIBatches
    from evolsynth.llm.server.transport import Endpoint, Transport, TransportStats

__all__ = ["Server"]

_log = logging.getLogger("evolsynth.server")

A = TypeVar("A", Completion, Score)
# Of templates whose models write thought and answer into channels (gpt-oss).
_CHANNEL = "<|channel|>"
_CLAIMED = frozenset({Capability.CHAT})
# Seconds for which a dead server is waited for; and one that was never heard, so that a wrong port
# is told soon.
_PATIENCE, _FIRST_PATIENCE = 60.0, 15.0


class Server(LLM):
    """A model behind a server that is asked over HTTP.

    >>> async with Server("ollama:smollm2:1.7b") as llm:
    ...     completion = await llm.complete(request)

    What the server is and can do is found out by asking it at the start; what it cannot do is said
    once, and refused where a method needs it. Keys come from the environment or the system's
    keyring, and from nowhere else.

    Args:
        model: ``openai:NAME@URL``, ``openai:NAME``, ``ollama:NAME``, ``llama-server:URL``,
            ``vllm:URL``, ``sglang:URL``, ``tgi:URL``, ``lmstudio:NAME`` or ``openrouter:NAME``;
            each as ``SCHEME:NAME@URL`` too.
        chat_template: the model's chat template, for raw prompts: jinja2 text, or the path of a
            .jinja file, a tokenizer_config.json or a .gguf file. By default what the server shows.
        think: whether a thinking model thinks before it answers; by default the model's own way.
            What it thinks is never part of an answer.
        endpoints: further addresses of the same model, each a URL or URL=WEIGHT.
        key_env: the environment variable that holds the key. By default the one that is usual for
            the server, such as OPENAI_API_KEY, then the keyring.
        requests_per_minute: the most that are sent.
        tokens_per_minute: the most, of questions and answers together.
        concurrency: how many requests are under way at once; by default as many as the server was
            found to work on well.
        extra: further fields for each request's body, such as reasoning_effort; null leaves one
            of ours out.
        verify: whether certificates are checked, or the path of a file with those to trust.
        context: tokens of prompt and answer together that Ollama is to make room for.
    """

    def __init__(
        self,
        model: str,
        *,
        chat_template: TextOrPath | None = None,
        think: bool | None = None,
        endpoints: Sequence[str] = (),
        key_env: str | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        concurrency: Count | None = None,
        extra: Mapping[str, Any] | None = None,
        verify: bool | str = True,
        context: Count | None = None,
    ) -> None:
        self._address = address_of(model)
        self._endpoints = endpoints_of(endpoints, self._address.scheme)
        if any(where.version != self._address.where.version for where, _ in self._endpoints):
            raise InputError("endpoints: write all addresses in the form of the model's own.")
        self._chat_template, self._think = chat_template, think
        self._key_env, self._verify, self._context = key_env, verify, context
        self._limits = Limits(
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            concurrency=concurrency,
        )
        self._extra = dict(extra or {})
        self.name = str(self._address)
        self.provenance: Mapping[str, Any] = {}
        self.capabilities = _CLAIMED  # type: ignore[misc] # found out at the start
        self._transport: Transport | None = None
        self._found: Found | None = None
        self._template: ChatTemplate | None = None
        self._no_template = ""
        self._tokeniser: Tokeniser | None = None
        self._starting = asyncio.Lock()
        self._usage = Usage()
        self._active, self._busy_since = 0, 0.0

    @property
    def running(self) -> bool:
        """Whether it can be asked."""
        return self._found is not None

    async def start(self) -> None:
        """Ask the server what it is, which model it has, and what it can do.

        Raises:
            SetupError: httpx is not there, the server cannot be reached, or the key is wrong.
            InputError: the server has no such model, or the chat template cannot be used.
            CapabilityError: thoughts are to be switched, and the server has no switch.
        """
        async with self._starting:
            if self._found is None:
                with doing(f"asking {self._address.where.url} what it can do"):
                    await self._begin()

    async def _begin(self) -> None:
        named = named_template(self._chat_template) if self._chat_template else None
        probed = await self._probed()
        found = self._settled(probed.found)
        template = self._made_template(probed, named, found)
        transport = self._new_transport()
        await transport.start()
        if probed.slots:
            transport.begin_at(probed.slots)
        self.name = asking.shown_name(found.model)
        self.parameters = found.parameters or asking.size_in(self.name)
        self._template = template
        able = abilities(found, template=template is not None)
        self.capabilities = able  # type: ignore[misc] # this server's
        self.provenance = self._origin(found)
        self._tokeniser = Tokeniser(transport, found)
        self._transport, self._found = transport, found
        self._say(probed, able)

    async def _probed(self) -> Probed:
        """What the server says of itself."""
        transport = self._new_transport(patience=_FIRST_PATIENCE)
        try:
            await transport.start()
            return await probe(
                transport,
                scheme=self._address.scheme,
                host=self._address.host,
                model=self._address.model,
                version=self._address.where.version,
                think=self._think,
            )
        finally:
            await transport.aclose()

    def _new_transport(self, patience: float = _PATIENCE) -> Transport:
        try:
            import httpx  # noqa: F401 - the transport imports it when it starts
        except ImportError:
            raise SetupError(
                "httpx is not installed, and models behind a server need it. "
                'Install it with: pip install "evolsynth[server]"'
            ) from None
        from evolsynth.llm.server.transport import Transport

        return Transport(
            self._places(),
            key=self._key(),
            limits=self._limits,
            name=SCHEMES[self._address.scheme].title,
            verify=self._verify,
            patience=patience,
        )

    def _places(self) -> list[Endpoint]:
        from evolsynth.llm.server.transport import Endpoint

        first = (self._address.where, 1.0)
        weights: dict[Where, float] = dict([first, *self._endpoints])
        return [Endpoint(where.url, weight) for where, weight in weights.items()]

    def _key(self) -> str | None:
        """The key of all addresses.

        Raises:
            SetupError: they have several.
        """
        from evolsynth.llm.server.keys import find_key

        scheme = self._address.scheme
        hosts = [self._address.host]
        hosts += [where.url.partition("://")[2].partition("/")[0] for where, _ in self._endpoints]
        keys = {find_key(scheme, host, self._key_env) for host in hosts}
        if len(keys) > 1:
            raise SetupError(
                f"The addresses {', '.join(hosts)} have different keys, or only some have one. "
                "Name the environment variable of one for all with key_env."
            )
        return keys.pop()

    def _settled(self, found: Found) -> Found:
        """What was found, with what the user wants.

        Raises:
            CapabilityError: the server has no switch for thoughts.
        """
        if self._think is not None and found.flavour.thinking is None:
            raise CapabilityError(
                f"think: {found.flavour.title} has no switch for thoughts that all its models "
                "know. Leave think out, and give the model's own field in extra, such as "
                "reasoning_effort."
            )
        context = self._context if found.kind == "ollama" else found.context
        return msgspec.structs.replace(found, think=self._think, extra=self._extra, context=context)

    def _made_template(
        self, probed: Probed, named: Named | None, found: Found
    ) -> ChatTemplate | None:
        """The chat template for raw prompts, tried once.

        Raises:
            TemplateError: the one that the user gave cannot be used.
        """
        if not found.raw:
            if named is not None:
                _log.warning(
                    "%s takes no raw prompts, so chat_template is not used", found.flavour.title
                )
            return None
        shown = named or (
            Named(probed.template, dict(probed.variables)) if probed.template else None
        )
        if shown is None:
            self._no_template = (
                f"{found.flavour.title} does not show the chat template of {found.model}, which "
                "this needs. Give one: chat_template= with the path of the model's "
                "tokenizer_config.json, of a .jinja file or of its .gguf file."
            )
            return None
        variables: dict[str, Any] = dict(shown.variables)
        if found.kind != "llama-server":
            variables["bos_token"] = ""  # the server puts it there itself
        try:
            template = ChatTemplate(shown.source, variables, model=found.model, think=found.think)
            template.turn_end()
        except TemplateError as error:
            if named is not None:
                raise
            self._no_template = str(error)
            _log.warning("%s: chats go to the server as messages (%s)", found.model, error)
            return None
        return template

    def _origin(self, found: Found) -> dict[str, Any]:
        """What determines the answers beside the request."""
        origin: dict[str, Any] = {"model": self.name, "server": found.kind, **found.facts}
        if found.think is not None:
            origin["think"] = found.think
        if found.extra:
            origin["extra"] = dict(found.extra)
        if found.kind == "ollama" and found.context:
            origin["context"] = found.context
        if self._template is not None:
            origin["template_hash"] = hash_of(self._template.source).hex()
        return origin

    def _say(self, probed: Probed, able: frozenset[Capability]) -> None:
        """What it is, and, once, what it cannot do."""
        title = probed.found.flavour.title
        _log.info("%s: %s %s", self.name, title, dict(probed.found.facts))
        for note in probed.notes:
            _log.warning("%s: %s", self.name, note)
        lacks = gaps(probed.found, able)
        if lacks:
            _log.warning("%s at %s has %s", self.name, title, "; ".join(lacks))

    async def aclose(self) -> None:
        """End all requests and free the connections. Safe to call twice."""
        transport, self._transport, self._found = self._transport, None, None
        if transport is not None:
            await transport.aclose()

    @property
    def batches(self) -> OpenAIBatches | None:
        """OpenAI's file batches, where the server is of that kind."""
        if self._found is None or self._found.kind not in ("openai", "compatible"):
            return None
        from evolsynth.llm.server.batches import HttpFiles, Lines, OpenAIBatches

        url, lines = self._address.where.url, Lines(self._form)
        title = self._found.flavour.title
        files = HttpFiles(url, key=self._key(), name=title, verify=self._verify)
        return OpenAIBatches(files, lines.body, lines.read, version=self._found.version)

    # What methods ask for -------------------------------------------------------------------------

    @property
    def concurrency(self) -> int:  # type: ignore[override] # it is found out
        """How many requests methods should keep under way: enough for the transport to choose."""
        return self._limits.concurrency or self._limits.most

    @property
    def at_once(self) -> int | None:  # type: ignore[override] # it is found out
        """How many of them the server works on, as far as was found."""
        return None if self._transport is None else self._transport.at_once

    @property
    def stats(self) -> TransportStats | None:
        """What the transport counted; None before the start."""
        return None if self._transport is None else self._transport.stats

    @property
    def usage(self) -> Usage:
        """Totals since the start."""
        return self._usage

    @property
    def template(self) -> ChatTemplate:
        """The model's chat template: the server's, or the one that was given.

        Raises:
            CapabilityError: the server takes no raw prompts.
            TemplateError: it takes them, and its template is not known.
        """
        if self._template is not None:
            return self._template
        if Capability.RAW_PROMPT in self.capabilities:
            raise TemplateError(self._no_template)
        return super().template

    def prepared(self, request: Request) -> Request:
        """Messages in the chat template, where the server takes raw prompts and it is known."""
        if self._template is None or self._found is None:
            return request
        if _CHANNEL in self._template.source:  # the server parts such answers, whatever is in them
            return request
        bound = request.schema is not None or (request.choices and self._found.choosing == "enum")
        if bound and not self._found.flavour.raw_schema:
            return request
        return self._template.fill(request)

    def require(self, capability: Capability, *, by: str) -> None:
        """See `LLM.require`; the message says which servers can."""
        if capability in self.capabilities:
            return
        title = "this server" if self._found is None else self._found.flavour.title
        raise CapabilityError(
            f"{by} needs a model that can {capability.value}, and {self.name} at {title} cannot. "
            f"It can: {asking.listed(self.capabilities)}. Use a server that can ("
            f"{asking.servers_with(capability)}), or a model in process for this step, as with "
            'model="llamacpp:NAME".'
        )

    async def complete(self, request: Request) -> Completion:
        """Answer one request; see `LLM.complete`.

        Raises:
            RequestError: this request can never be answered, or its answer was cut inside its
                thought.
            CapabilityError: it asks for what the server cannot do.
            EngineError: the model is not running, or the server failed.
            SetupError: the server cannot be reached any more, or refuses the key.
        """
        form = self._form()
        request = self.prepared(request)
        return await self._counted(lambda: asking.answered(form, request), _read_and_made)

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        """How likely the model finds ``continuation`` after ``prompt``; see `LLM.score`."""
        form = self._form()
        if form.found.scoring is None:
            self.require(Capability.LOGPROBS, by="score")
        return await self._counted(
            lambda: scoring.score(form, prompt, continuation), _read_and_scored
        )

    def _form(self) -> Form:
        if self._found is None or self._transport is None or self._tokeniser is None:
            raise EngineError(f"{self.name} is not running. Use it inside `async with Server()`.")
        return Form(self._transport, self._found, self._tokeniser)

    async def _counted(
        self, work: Callable[[], Awaitable[A]], cost: Callable[[A], tuple[int, int]]
    ) -> A:
        """Do some work, and count what it cost; seconds count once, however much goes on."""
        began = time.perf_counter()
        if not self._active:
            self._busy_since = began
        self._active += 1
        try:
            with one_work():
                answer = await work()
        finally:
            self._active -= 1
            if not self._active:
                self._usage.seconds += time.perf_counter() - self._busy_since
        read, made = cost(answer)
        self._usage.requests += 1
        self._usage.prompt_tokens += read
        self._usage.completion_tokens += made
        return msgspec.structs.replace(answer, seconds=time.perf_counter() - began)


def _read_and_made(answer: Completion) -> tuple[int, int]:
    return answer.prompt_tokens, answer.tokens


def _read_and_scored(answer: Score) -> tuple[int, int]:
    return answer.prompt_tokens + len(answer.logprobs), 0
