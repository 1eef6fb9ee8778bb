"""What every back end takes and gives: `Request` in, `Completion` out, `LLM` between them."""

from __future__ import annotations

import enum
import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import msgspec

from evolsynth.errors import CapabilityError, InputError
from evolsynth.rows import Message

if TYPE_CHECKING:
    from evolsynth.llm.batch import Batches
    from evolsynth.llm.prices import Prices
    from evolsynth.llm.template import ChatTemplate

__all__ = ["LLM", "Capability", "Completion", "FinishReason", "Prompt", "Request", "Sampling"]
__all__ += ["Score", "Segment", "TokenLogprob", "Usage", "encoded", "hash_of"]

FinishReason = Literal["stop", "length"]

_WAY_OUT = 'Use a model in process for this step, as with model="llamacpp:NAME".'


class Segment(NamedTuple):
    """A piece of a prompt.

    Only in a ``control`` piece do strings such as ``<|im_end|>`` become control tokens; in any
    other they are the characters that somebody typed.
    """

    text: str
    control: bool = False


class Prompt(msgspec.Struct, frozen=True):
    """The exact text a model continues, its control tokens marked.

    The first ``shared`` segments are the part that many requests have in common (few-shot
    examples, a system turn). They are always prefilled as a chunk of their own, whether or not
    anything was stored, because the place of the cut can change the last bits of the logits.
    """

    segments: tuple[Segment, ...]
    shared: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.shared <= len(self.segments):
            raise InputError(f"Prompt.shared is {self.shared}, of {len(self.segments)} segments.")

    @classmethod
    def of(cls, own: str, *, shared: str = "") -> Self:
        """A plain-text prompt without control tokens, optionally behind a shared part.

        White space at the border goes to the own part: a model's tokeniser splits there in
        running text too, so the cut does not make tokens that the model has never seen.
        """
        head = shared.rstrip()
        tail = shared[len(head) :] + own
        if not head:
            return cls((Segment(tail),))
        return cls((Segment(head), Segment(tail)), shared=1)

    def shared_to(self, head: str) -> Self:
        """The same prompt, shared as far as the end of ``head``, where a text begins with that.

        Unchanged where none does, or ``head`` is empty. White space at the border goes to the
        rest, as in `of`.
        """
        head = head.rstrip()
        for i, (text, control) in enumerate(self.segments):
            if head and not control and text.startswith(head):
                rest = (Segment(text[len(head) :]),) if len(text) > len(head) else ()
                before, after = self.segments[:i], self.segments[i + 1 :]
                return type(self)((*before, Segment(head), *rest, *after), shared=i + 1)
        return self

    def __str__(self) -> str:
        return "".join(segment.text for segment in self.segments)


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How the next token is drawn. ``temperature=0`` takes the likeliest, whatever the seed.

    ``top_k`` comes first (drawing from a whole vocabulary is slow and adds noise in the tail;
    0 switches it off), then the penalties over the last 64 tokens, ``top_p``, ``min_p`` and the
    temperature. ``repeat_penalty`` divides the logits of tokens seen (1: off);
    ``presence_penalty`` and ``frequency_penalty`` subtract (0: off).
    """

    temperature: float = 0.7
    top_k: int = 64
    top_p: float = 0.95
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0

    def __post_init__(self) -> None:
        _within("temperature", self.temperature, 0, 100)
        _within("top_k", self.top_k, 0, 2**31 - 1)
        _within("top_p", self.top_p, 1e-6, 1)
        _within("min_p", self.min_p, 0, 1)
        _within("repeat_penalty", self.repeat_penalty, 0.1, 10)
        _within("presence_penalty", self.presence_penalty, -10, 10)
        _within("frequency_penalty", self.frequency_penalty, -10, 10)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{name} is {value}: it must be between {low:g} and {high:g}.")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a model: ``messages`` of a chat, or a raw ``prompt``, exactly one of them.

    Messages go as they are to a back end that takes chats, or through the model's chat template
    (`LLM.prepared`), and its turn's end is then a stop. ``shared`` is text that one of them begins
    with and that many requests have in common; a back end may read it once for all of them.

    ``prefix`` is text that the answer is made to begin with; it is part of the completion's
    text. ``stop`` strings end the answer and are cut off it (one that names a control token, such
    as ``"<|im_end|>"``, stops at that token too); the model's own end-of-turn tokens always end
    it, but not before ``min_tokens``. ``banned`` strings never appear in the answer: where one
    would, the model goes back to before its first token and takes another way. ``grammar`` is
    GBNF (llama.cpp's form, with a rule ``root``) that the answer, without its prefix, obeys as
    far as ``max_tokens`` lets it. With ``choices`` the answer, without its prefix, is one of these
    texts, or the beginning of one where ``max_tokens`` cuts it; it is done as soon as it is clear
    which, and what was clear is not among its ``tokens``. With a JSON ``schema`` (its text) the
    answer, without its prefix, is JSON of that form as far as ``max_tokens`` lets it. ``logprobs``
    asks for each token's log-probability.

    ``keep_prompt`` says that others go on from the same prompt with other prefixes: the prompt is
    then read as a chunk of its own, once, and kept for them. The place of the cut can change the
    last bits of the logits, so it depends on this field and on nothing else.

    The same request to the same model gives the same completion, token for token.
    """

    prompt: Prompt | None = None
    messages: tuple[Message, ...] = ()
    shared: str = ""
    seed: int
    max_tokens: int = 256
    min_tokens: int = 0
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    prefix: str = ""
    banned: tuple[str, ...] = ()
    grammar: str | None = None
    choices: tuple[str, ...] = ()
    logprobs: bool = False
    keep_prompt: bool = False
    schema: str | None = None

    def __post_init__(self) -> None:
        if (self.prompt is None) == (not self.messages):
            raise InputError(
                "A request has either messages or a prompt. Give one of the two, and not both."
            )
        if self.prompt is not None and self.shared:
            raise InputError("shared goes with messages. A prompt marks what it shares itself.")
        _within("max_tokens", self.max_tokens, 1, 2**31 - 1)
        _within("min_tokens", self.min_tokens, 0, self.max_tokens)
        _within("seed", self.seed, 0, 2**32 - 2)
        if "" in self.stop:
            raise InputError("stop holds an empty string, which would end every answer at once.")
        if self.grammar is not None and not self.grammar.strip():
            raise InputError("grammar is empty. Give GBNF with a rule `root`, or None.")
        if "" in self.choices:
            raise InputError("choices holds an empty text. Leave it out, or give it words.")
        if self.choices and (self.grammar is not None or self.banned or self.min_tokens):
            raise InputError(
                "choices cannot go with grammar, banned or min_tokens: the texts say it all."
            )
        if self.schema is not None and (self.choices or self.grammar is not None):
            raise InputError("schema cannot go with choices or grammar: it says what the form is.")
        for text in self.banned:
            if text in self.prefix:  # an empty one is in every text
                raise InputError(
                    f"banned holds {text!r}, which is empty or part of the prefix "
                    f"{self.prefix!r}: no answer could begin."
                )

    def key(self, model: str) -> bytes:
        """The 16 bytes under which the completion is stored: a hash of all that determines it."""
        # The fields in their order, without what has no part in it: the key of answers that are
        # stored already.
        left_out = {"messages", "shared"} if self.prompt is not None else set()
        if self.schema is None:
            left_out.add("schema")
        names = (name for name in self.__struct_fields__ if name not in left_out)
        return hash_of((model, {name: getattr(self, name) for name in names}))

    @property
    def raw(self) -> Prompt:
        """The prompt.

        Raises:
            InputError: the request has messages that no template was filled with.
        """
        if self.prompt is None:
            raise InputError(
                "The request has messages and no prompt. Fill a template with them: LLM.prepared."
            )
        return self.prompt


def encoded(body: Any) -> bytes:
    """Some data as JSON."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:  # half a surrogate pair: only an escape can carry it
        return json.dumps(msgspec.to_builtins(body)).encode()


def hash_of(body: Any) -> bytes:
    """16 bytes that stand for some data: the hash of its JSON."""
    return hashlib.blake2b(encoded(body), digest_size=16).digest()


class TokenLogprob(NamedTuple):
    """A token's number, its bytes (a character may be spread over two), and the natural logarithm
    of the probability that the model gave it: before temperature, penalties and filters."""

    token: int
    piece: bytes
    logprob: float


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A model's answer.

    ``tokens`` were generated (an end-of-turn token and a forced prefix are not counted),
    ``prompt_tokens`` were read. ``finish_reason`` is ``"stop"`` or, where the answer was cut,
    ``"length"``. ``seconds`` from admission to the end; it varies, so it never enters a row.
    ``logprobs``, where asked for, has one entry for each of ``tokens``; those of a stop string,
    which was cut off the text, are among them. ``reasoning`` is what a model thought before it
    answered, which is no part of the text; its tokens are among ``tokens``. ``cached_tokens`` are
    those of ``prompt_tokens`` that a server charges less for, as it had read them before.
    ``discarded`` tokens, read and written, are of answers before this one that were not good.
    """

    text: str
    tokens: int
    prompt_tokens: int
    finish_reason: FinishReason
    seconds: float = 0.0
    logprobs: tuple[TokenLogprob, ...] = ()
    reasoning: str = ""
    cached_tokens: int = 0
    discarded: tuple[int, int] = (0, 0)


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How likely a model finds a given text after a prompt, token by token."""

    logprobs: tuple[TokenLogprob, ...]
    prompt_tokens: int
    seconds: float = 0.0

    @property
    def total(self) -> float:
        """The text's log-probability, in nats."""
        return math.fsum(t.logprob for t in self.logprobs)

    @property
    def mean(self) -> float:
        """Log-probability a token, in nats; ``exp(-mean)`` is the perplexity."""
        return self.total / len(self.logprobs)

    @property
    def perplexity(self) -> float:
        """``exp(-mean)``: 1 for a text that was certain."""
        return math.exp(-self.mean)


class Capability(enum.Enum):
    """What a back end may be able to do."""

    CHAT = "answer a chat"
    RAW_PROMPT = "continue a raw prompt, token for token"
    PREFIX = "begin its answer with a given text"
    SEED = "repeat an answer from its seed"
    LOGPROBS = "tell log-probabilities, of its answers and of given texts"
    GRAMMAR = "keep to a GBNF grammar"
    CHOICES = "choose one of some given texts"
    SCHEMA = "keep to a JSON schema"
    BANNED = "leave out banned strings"


class Usage(msgspec.Struct):
    """Running totals of a back end.

    ``requests`` ended, ``prompt_tokens`` read and ``completion_tokens`` written.
    ``saved_prompt_tokens`` were copied instead of read: in ``prefix_hits`` requests the shared
    part, in ``forks`` the whole prompt, of which another candidate had been begun, or all of it
    before the forced prefix (`Request.keep_prompt`). ``seconds`` at work, of which
    ``compute_seconds`` inside llama.cpp.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    saved_prompt_tokens: int = 0
    prefix_hits: int = 0
    forks: int = 0
    seconds: float = 0.0
    compute_seconds: float = 0.0


class LLM(ABC):
    """A back end. ``async with`` starts and stops it; `complete` answers one request.

    `complete` may be called any number of times at once; ``concurrency`` says how many are
    worth having under way. Cancelling the call cancels the work.
    """

    #: the model by name, for people
    name: str
    #: what determines the answers beside the request: model file hash, quantisation, build
    provenance: Mapping[str, Any]
    concurrency: int = 1
    #: how many of these are worked on at once, the others waiting; None: all of them
    at_once: int | None = None
    #: how many numbers the model has learned; None where that is not known, or not yet started
    parameters: int | None = None
    #: what its tokens cost, where the user told it
    prices: Prices | None = None
    #: whether it computes in this process, so that a cluster's workers can do it instead
    local: ClassVar[bool] = False
    #: whether its requests are to wait for each other, and go in batches
    batch: bool = False
    capabilities: ClassVar[frozenset[Capability]] = frozenset()

    @property
    @abstractmethod
    def usage(self) -> Usage:
        """Totals since the start."""

    @property
    def template(self) -> ChatTemplate:
        """The model's chat template, where the back end has one: with `Capability.RAW_PROMPT`.

        Raises:
            CapabilityError: it has none.
        """
        raise CapabilityError(f"{self.name} takes messages and shows no chat template. {_WAY_OUT}")

    def prepared(self, request: Request) -> Request:
        """The request as the model gets it: messages put into the chat template, if there is one.

        What has a prompt already, or goes to a back end without a template, stays as it is.

        Raises:
            TemplateError: the template is missing or broken, or refuses these messages.
        """
        return request

    @abstractmethod
    async def complete(self, request: Request) -> Completion:
        """Answer one request.

        Raises:
            RequestError: this request can never be answered (longer than the context, say).
            EngineError: the back end failed or was closed; a retry may help.

        Whatever else it raises is a failure of the row that asked, too. In a run, time-outs and
        errors of the network are tried again, and an answer that is none fails its row.
        """

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        """How likely the model finds ``continuation`` after ``prompt``.

        The continuation is tokenised by itself: no token reaches over its beginning. Give a
        `Prompt` to score control tokens, such as an end of turn.

        Raises:
            CapabilityError: the back end cannot.
            RequestError: prompt and continuation are too long, or one of them is empty.
            EngineError: the back end failed or was closed; a retry may help.
        """
        self.require(Capability.LOGPROBS, by="score")
        raise NotImplementedError(f"{type(self).__name__} says it can score and does not.")

    def look_ahead(self, *, chat: bool = True) -> None:
        """Tell what can be told before the model is loaded; a run asks all its models first.

        ``chat``: whether it is to be asked in messages, or by its chat template.

        Raises:
            EvolsynthError: it cannot be used; the message says why, and the way out.
        """

    def alike(self) -> Hashable | None:
        """Equal for back ends that would load the same and answer alike, so that a run starts one
        of them; None where that is not known."""
        return None

    @property
    def batches(self) -> Batches | None:
        """What takes many of its requests as one batch, once it is started; None: nothing."""
        return None

    @property
    def running(self) -> bool:
        """Whether it was started, and not closed since."""
        return True

    async def start(self) -> None:
        """Load the model. Called by ``async with``; safe to call twice."""

    async def aclose(self) -> None:
        """Stop all work and free everything. Safe to call twice."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def require(self, capability: Capability, *, by: str) -> None:
        """Refuse at start what this back end cannot do, instead of doing something else.

        Raises:
            CapabilityError: naming the method, the back end, and the way out.
        """
        if capability not in self.capabilities:
            raise CapabilityError(
                f"{by} needs a model that can {capability.value}, and {self.name} cannot. "
                f"{_WAY_OUT}"
            )
