"""What is asked of the arms. Every prompt has an exact number of tokens of the model measured.

All rows of a workload are there before anything is timed, and are the same in every arm and
round. Each arm is warmed up with other rows that share their prefixes, so that a steady state is
timed: a prefix store or a slot's cache holds then what it would hold in a long run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec

from evals.throughput.jobs import Kind, Row
from evolsynth.errors import InputError
from evolsynth.llm.base import Prompt
from evolsynth.llm.llamacpp import DEFAULT_SLOTS
from evolsynth.llm.llamacpp.model import Model

__all__ = ["WORKLOADS", "Sizes", "Workload", "build", "text_of"]

_TEXT = """
the river turns a slow wheel and every miller who lives near it knows when rain will come because
old stones grow dark while people carry bread to market from small towns in spring they sing about
long winters warm fires good friends or some lost ship that never came home write one short note
for each guest then list three things which could be done with paper explain how light moves
through water why metal feels cold and what makes leaves change their color describe an early
morning by the sea give two clear reasons compare tea with coffee
"""
_WORDS = tuple(dict.fromkeys(_TEXT.split()))
_MESSAGE = "Ask an expert one long and detailed question about something that you want to learn."


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of one sort.

    Arms that answer one request after another take the first ``alone`` of the rows: their rate
    does not depend on how many there are. ``apart`` are as many prompts as there are rows, of the
    same length but all different, where the rows are candidates of the same prompts.
    """

    name: str
    about: str
    kind: Kind = "generate"
    rows: tuple[Row, ...]
    warmup: tuple[Row, ...]
    alone: int
    apart: tuple[Row, ...] = ()


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much is asked. ``length`` divides the numbers of tokens to make.

    ``batch`` is the most sequences that all contexts together decode at once: the decode workload
    has ``batches`` times as many rows, so that no slot is ever empty.
    """

    batch: int
    batches: int = 1
    rows: int = 64
    alone: int = 12
    length: int = 1

    @classmethod
    def full(cls, threads: int) -> Sizes:
        """What figures that count are taken with."""
        return cls(batch=DEFAULT_SLOTS * threads)

    @classmethod
    def quick(cls, threads: int) -> Sizes:
        """Just enough to see that everything works."""
        return cls(batch=16 * threads, rows=16, alone=4, length=8)

    def made(self, tokens: int) -> int:
        """How many tokens to make where the full size makes ``tokens``."""
        return max(2, tokens // self.length)


def text_of(
    length: int, count: Callable[[str], int], words: Sequence[str], chance: random.Random
) -> str:
    """A text of drawn words for which ``count`` gives exactly ``length``.

    Raises:
        InputError: no word of the list makes it so.
    """
    text, reached = "", 0
    while reached < length:
        for word in chance.sample(words, len(words)):
            longer = f"{text} {word}"
            now = count(longer)
            if reached < now <= length:
                text, reached = longer, now
                break
        else:
            raise InputError(
                f"No text of exactly {length} tokens could be built for this model: its tokeniser "
                f"cuts every word tried at {reached} tokens into too many. Measure another model."
            )
    return text


class _Maker:
    """Builds rows for one model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def shared(self, length: int, seed: int) -> str:
        """Text that opens many prompts."""
        return text_of(
            length,
            lambda text: len(self._model.tokenise(Prompt.of(" .", shared=text)).shared),
            _WORDS,
            random.Random(f"shared {seed}"),  # noqa: S311 - not for secrets
        )

    def prompt(self, own: int, key: str, shared: str = "") -> Prompt:
        """A prompt with ``own`` tokens that no other has, behind the shared ones."""
        text = text_of(
            own,
            lambda text: len(self._model.tokenise(Prompt.of(text, shared=shared)).own),
            _WORDS,
            random.Random(key),  # noqa: S311
        )
        return Prompt.of(text, shared=shared)

    def row(
        self, prompt: Prompt, seed: int, made: int, *, message: str = "", scored: int = 0
    ) -> Row:
        """A request; with ``scored``, one to score a text of that many tokens."""
        continuation = text_of(
            scored,
            lambda text: len(self._model.tokenise_continuation(text)),
            _WORDS,
            random.Random(f"continuation {seed}"),  # noqa: S311
        )
        read = self._model.tokenise(prompt)
        return Row(
            prompt=prompt,
            tokens=(*read.shared, *read.own),
            message=message or str(prompt),
            seed=seed,
            max_tokens=made,
            continuation=continuation,
            continuation_tokens=self._model.tokenise_continuation(continuation) if scored else (),
        )

    def magpie(self) -> Prompt:
        """What stands before a user's words in the model's own chat template."""
        return self._model.template.pre_query()


_WARM_TOKENS = 4
_WARM_SEED = 1_000_000


def _decode(make: _Maker, sizes: Sizes) -> Workload:
    prompt, tokens = make.magpie(), sizes.made(96)
    rows = sizes.batch * sizes.batches
    return Workload(
        name="decode",
        about=f"Magpie: the chat template up to the user's words, {tokens} tokens out",
        rows=tuple(make.row(prompt, i, tokens, message=_MESSAGE) for i in range(rows)),
        warmup=_warm(make, sizes, lambda _: prompt, message=_MESSAGE),
        alone=min(rows, sizes.alone),
    )


def _evolve(make: _Maker, sizes: Sizes) -> Workload:
    shared, tokens = make.shared(150, 0), sizes.made(40)
    return Workload(
        name="evolve",
        about=f"150 shared and 30 own tokens in, {tokens} out",
        rows=tuple(
            make.row(make.prompt(30, f"evolve {i}", shared), i, tokens) for i in range(sizes.rows)
        ),
        warmup=_warm(make, sizes, lambda i: make.prompt(30, f"evolve warm {i}", shared)),
        alone=sizes.alone,
    )


def _k4(make: _Maker, sizes: Sizes) -> Workload:
    shared, tokens = make.shared(150, 0), sizes.made(40)
    prompts = [make.prompt(30, f"k4 {i}", shared) for i in range(sizes.rows // 4)]
    return Workload(
        name="k4",
        about=f"4 candidates of each prompt of 150 shared and 30 own tokens, {tokens} out",
        rows=tuple(make.row(prompts[i // 4], i, tokens) for i in range(sizes.rows)),
        warmup=_warm(make, sizes, lambda i: make.prompt(30, f"k4 warm {i}", shared)),
        alone=sizes.alone,
    )


def _k4_long(make: _Maker, sizes: Sizes) -> Workload:
    tokens = sizes.made(20)
    prompts = [make.prompt(200, f"k4-long {i}") for i in range(sizes.rows // 4)]
    apart = [make.prompt(200, f"k4-apart {i}") for i in range(sizes.rows)]
    return Workload(
        name="k4-long",
        about=f"4 candidates of each prompt of 200 own tokens, {tokens} out",
        rows=tuple(make.row(prompts[i // 4], i, tokens) for i in range(sizes.rows)),
        warmup=_warm(make, sizes, lambda i: make.prompt(30, f"k4-long warm {i}")),
        alone=sizes.alone,
        apart=tuple(make.row(prompt, i, tokens) for i, prompt in enumerate(apart)),
    )


def _mixed(make: _Maker, sizes: Sizes) -> Workload:
    """Lengths by multiples of irrational numbers: any run of rows has nearly the same mean."""
    openings = ("", make.shared(100, 1), make.shared(150, 2))
    rows = []
    for i in range(sizes.rows):
        own = 12 + round(188 * (i * 2**0.5 % 1))
        out = 10 + round(390 * (i * (5**0.5 - 1) / 2 % 1))
        prompt = make.prompt(own, f"mixed {i}", openings[i % 3])
        rows.append(make.row(prompt, i, sizes.made(out)))
    return Workload(
        name="mixed",
        about=f"12 to 350 tokens in, {sizes.made(10)} to {sizes.made(400)} out",
        rows=tuple(rows),
        warmup=_warm(make, sizes, lambda i: make.prompt(20, f"mixed warm {i}", openings[i % 3])),
        alone=min(sizes.alone, 16),
    )


def _score(make: _Maker, sizes: Sizes) -> Workload:
    rows = [make.row(make.prompt(40, f"score {i}"), i, 1, scored=60) for i in range(sizes.rows)]
    warm = [
        make.row(make.prompt(40, f"score warm {i}"), _WARM_SEED + i, 1, scored=60) for i in range(4)
    ]
    return Workload(
        name="score",
        about="log-probabilities of 60 given tokens after a prompt of 40",
        kind="score",
        rows=tuple(rows),
        warmup=tuple(warm),
        alone=sizes.alone,
    )


def _warm(
    make: _Maker, sizes: Sizes, prompt: Callable[[int], Prompt], *, message: str = ""
) -> tuple[Row, ...]:
    """Short requests, as many as any arm has slots."""
    return tuple(
        make.row(prompt(i), _WARM_SEED + i, _WARM_TOKENS, message=message)
        for i in range(max(64, 2 * sizes.batch))
    )


WORKLOADS: dict[str, Callable[[_Maker, Sizes], Workload]] = {
    "decode": _decode,
    "evolve": _evolve,
    "k4": _k4,
    "k4-long": _k4_long,
    "mixed": _mixed,
    "score": _score,
}


def build(model: Model, names: Sequence[str], sizes: Sizes) -> list[Workload]:
    """The workloads with these names, for this model."""
    make = _Maker(model)
    return [WORKLOADS[name](make, sizes) for name in names]
