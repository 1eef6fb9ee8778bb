"""What quantisations cost and buy: perplexity of answers that people wrote, and decoding speed."""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from evolsynth.errors import InputError
from evolsynth.llm.base import LLM, Score
from evolsynth.llm.llamacpp import LlamaCpp, available_threads
from evolsynth.llm.llamacpp.context import Context
from evolsynth.llm.llamacpp.model import Model
from evolsynth.llm.llamacpp.quantise import QUANTISATIONS, Importance, Quantisation, quantise
from evolsynth.rows import Message

__all__ = ["ANSWERS", "RECIPES", "STANDARD", "Answer", "Quality", "compare", "perplexity"]
__all__ += ["read_answers", "table"]

ANSWERS = Path(__file__).parent / "data" / "answers.jsonl"
SEQUENCES, _PROMPT, _STEPS, _ROUNDS = 16, 32, 12, 5
_CONTEXT = 2048
_Q4_0, _Q8_0 = 2, 8  # ggml's types
_AS_GIVEN = "as-given"

_ours = QUANTISATIONS["Q4_0_I"]


def _variant(name: str, *overrides: tuple[str, int], file_type: int = 2) -> Quantisation:
    return _ours._replace(name=name, overrides=overrides, file_type=file_type)


_VALUES = (r"attn_v\.weight", _Q8_0)
#: all that can be measured, by name: the catalogue, and neighbours of our recipe
RECIPES: Mapping[str, Quantisation | None] = {
    _AS_GIVEN: None,
    **QUANTISATIONS,
    **{
        q.name: q
        for q in (
            _variant("Q4_0-importance"),
            _variant("I-attn_output", _VALUES, (r"attn_output\.weight", _Q8_0)),
            _variant("I-attn_k", _VALUES, (r"attn_k\.weight", _Q8_0)),
            _variant("I-ffn_down", _VALUES, (r"ffn_down\.weight", _Q8_0)),
            _variant("I-embedding-Q4_0", _VALUES, (r"token_embd\.weight", _Q4_0)),
            _variant("IQ4_NL-importance", _VALUES, file_type=25),
        )
    },
}
#: what is measured unless told otherwise
STANDARD = (_AS_GIVEN, "Q8_0", "Q5_0", "IQ4_NL", "Q4_0", "Q4_0-importance", "Q4_0_I")


class Answer(NamedTuple):
    """What somebody asked for, and what somebody answered."""

    instruction: str
    response: str


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """A quantisation: bytes of its file, perplexity a token, and the best rate of decoding 16
    sequences on one thread, in tokens a second."""

    name: str
    bytes: int
    tokens: int
    perplexity: float
    rate: float = 0.0


class _Line(msgspec.Struct):
    """A line of answers; ``output`` is another name for the response."""

    instruction: str
    input: str = ""
    response: str = ""
    output: str = ""


def read_answers(path: Path) -> tuple[Answer, ...]:
    """Read JSONL with ``instruction`` and ``response`` (or ``output``); an ``input`` is added to
    the instruction.

    Raises:
        InputError: the file cannot be read, or a line is none of this; the message names both.
    """
    answers = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Give another.") from None
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path}, line {number}: {error}. Give JSON with instruction and response."
            ) from None
        response = (line.response or line.output).strip()
        if not response:
            raise InputError(f"{path}, line {number}: the response is empty. Give one.")
        answers.append(Answer("\n\n".join(filter(None, (line.instruction, line.input))), response))
    if not answers:
        raise InputError(f"{path}: no answers in it. Give JSONL with instruction and response.")
    return tuple(answers)


async def perplexity(llm: LLM, answers: Sequence[Answer]) -> tuple[float, int]:
    """Perplexity a token of all the answers, each given its instruction in the chat template;
    and how many tokens those are."""
    scores: list[Score] = await asyncio.gather(
        *(
            llm.score(llm.template.render([Message("user", a.instruction)]), a.response)
            for a in answers
        )
    )
    count = sum(len(score.logprobs) for score in scores)
    return math.exp(-math.fsum(score.total for score in scores) / count), count


def compare(
    source: Path,
    importance: Importance | None,
    answers: Sequence[Answer],
    asked: Sequence[str],
    *,
    tell: bool = False,
) -> list[Quality]:
    """Make, measure and throw away each quantisation of ``source``. Speeds are taken in turn."""
    with tempfile.TemporaryDirectory(prefix="evolsynth-quality-") as folder:
        paths = {}
        found = []
        for name in asked:
            if tell:
                print(f"{name} ...", file=sys.stderr)
            paths[name] = path = _made(source, Path(folder), name, importance)
            value, tokens = asyncio.run(_perplexity_of(path, answers))
            size = path.stat().st_size
            found.append(Quality(name=name, bytes=size, tokens=tokens, perplexity=value))
        best = dict.fromkeys(asked, 0.0)
        for _ in range(_ROUNDS):
            for name, path in paths.items():
                best[name] = max(best[name], _rate(path))
    return [msgspec.structs.replace(each, rate=best[each.name]) for each in found]


def _made(source: Path, folder: Path, name: str, importance: Importance | None) -> Path:
    wanted = RECIPES[name]
    if wanted is None:
        return source
    path = folder / f"{name}.gguf"
    quantise(source, path, wanted, importance if wanted.importance else None)
    return path


async def _perplexity_of(path: Path, answers: Sequence[Answer]) -> tuple[float, int]:
    contexts = available_threads()
    async with LlamaCpp(
        path, quantisation=None, slots=2, context=_CONTEXT, contexts=contexts, threads=1
    ) as llm:
        return await perplexity(llm, answers)


def _rate(path: Path) -> float:
    """Tokens a second of some steps of 16 sequences on one thread."""
    model = Model(path)
    context = Context(model, sequences=SEQUENCES, tokens=_PROMPT + 2 * _STEPS, threads=1)
    try:
        context.warm_up()
        began = time.perf_counter()
        for step in range(_STEPS):
            context.step((0,) * SEQUENCES, (step,) * SEQUENCES)
        return SEQUENCES * _STEPS / (time.perf_counter() - began)
    finally:
        context.close()
        model.close()


def table(found: Sequence[Quality]) -> str:
    """For people: a line for each, with the perplexity and the rate beside Q4_0's, if measured."""
    base = next((f for f in found if f.name == "Q4_0"), None)
    lines = [f"{'':18}{'MB':>6}{'perplexity':>12}{'tok/s':>8}" + ("  of Q4_0's" if base else "")]
    for each in found:
        ratio = f"{each.rate / base.rate:12.2f}" if base else ""
        size, rate = each.bytes / 1e6, each.rate
        lines.append(f"{each.name:18}{size:6.0f}{each.perplexity:12.3f}{rate:8.0f}{ratio}")
    return "\n".join(lines)
