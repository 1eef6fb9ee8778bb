"""``python -m evals importance``: which inputs of a model's weights matter, and what it buys.

The model writes instructions and answers of its own (as Magpie does, arXiv 2406.08464; no text of
others enters), reads them again, and the mean square of what each matrix is multiplied with is
kept: llama.cpp's importance matrix. Then the quantisations are compared on answers that people
wrote: `evals.quality`.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from evals.machine import Watch, describe
from evals.options import add_json, check_place, names, positive, save, told_on
from evals.quality import ANSWERS, RECIPES, STANDARD, compare, read_answers, table
from evolsynth.errors import EngineError, InputError
from evolsynth.llm.base import Prompt, Request, Sampling, Segment
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.llm.llamacpp.context import Batch
from evolsynth.llm.llamacpp.files import find_model, requantised, sha256_of
from evolsynth.llm.llamacpp.model import Model, last_message, llama
from evolsynth.llm.llamacpp.outline import Outline, read_outline
from evolsynth.llm.llamacpp.quantise import (
    LEAST_IMPORTANCE,
    About,
    Importance,
    find_quantisation,
    importance_of,
    load_importance,
)
from evolsynth.llm.template import ChatTemplate
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.rows import Message, derive_seed

__all__ = ["GGMLTensor", "add_options", "collect", "converse", "make", "run", "save_importance"]

SHIPPED = Path("evolsynth/llm/llamacpp/importance") / f"{DEFAULT_MODEL}.npz"
_SOURCE = "Q8_0"  # what the model is read in: near enough to half precision, and fast
_SAMPLING = Sampling(temperature=0.7)
_INSTRUCTION, _ANSWER, _LONGEST = 64, 160, 512  # tokens: at most so many
_F32 = 0  # GGML_TYPE_F32


class GGMLTensor(ctypes.Structure):
    """ggml's ``struct ggml_tensor``, as in the ``ggml.h`` of llama-cpp-python 0.3.36."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4),
        ("op", ctypes.c_int),
        ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * 10),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * 64),
        ("extra", ctypes.c_void_p),
        ("padding", ctypes.c_char * 8),
    )


class Conversation(NamedTuple):
    """A request and its answer, both the model's own."""

    instruction: str
    answer: str

    def prompt(self, template: ChatTemplate) -> Prompt:
        """All of it in the chat template, to the end of the answer's turn."""
        asked = template.render([Message("user", self.instruction)])
        end = Segment(template.turn_end(), control=True)
        return Prompt((*asked.segments, Segment(self.answer), end))


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "-o",
        type=Path,
        metavar="FILE",
        default=SHIPPED,
        help=f"where the importance is written (default: {SHIPPED}, which evolsynth ships)",
    )
    parser.add_argument(
        "-n", type=positive, default=48, metavar="N", help="conversations (default: 48)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="default: 0")
    parser.add_argument(
        "--shipped", action="store_true", help="only measure, with the importance that is shipped"
    )
    parser.add_argument(
        "--answers",
        type=Path,
        default=ANSWERS,
        metavar="FILE",
        help="JSONL with instruction and response, to measure on (default: 60 of our own)",
    )
    parser.add_argument(
        "--only",
        type=names(tuple(RECIPES)),
        default=STANDARD,
        metavar="NAME,NAME",
        help=f"quantisations to measure, of {', '.join(RECIPES)}".replace("%", "%%"),
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Make the file, measure, and show it."""
    check_place(options.json)
    told = told_on(options.json)
    if not options.shipped and not options.o.parent.is_dir():
        raise InputError(f"-o {options.o}: there is no such folder. Make it, or give another.")
    answers = read_answers(options.answers)
    machine, watch = describe(), Watch()
    source, _ = find_model(DEFAULT_MODEL)
    if options.shipped:
        importance = importance_of(source, find_quantisation("Q4_0_I"))
    else:
        importance = asyncio.run(make(source, n=options.n, seed=options.seed))
        save_importance(options.o, importance)
        importance = load_importance(options.o)  # as it is shipped: rounded
        print(
            f"{options.o}: {importance.settings['tokens']} tokens, {sha256_of(options.o)[:16]}",
            file=told,
        )
    with_progress = sys.stderr.isatty()
    found = compare(source, importance, answers, options.only, tell=with_progress)
    others = watch.others()
    print(f"{machine.cpu}; {len(answers)} answers of {options.answers.name}", file=told)
    print(table(found), file=told)
    if others is not None and others > 0.1:
        print(f"Others used {others:.0%} of the processors meanwhile: mind the speeds.", file=told)
    content = {"machine": machine, "answers": options.answers.name, "quantisations": found}
    save(options.json, {**msgspec.to_builtins(content), "others": others})
    return 0


async def make(source: Path, *, n: int, seed: int) -> Importance:
    """The importance of a model's inputs on ``n`` conversations that it has with itself.

    Raises:
        EngineError: this build of llama.cpp does not let itself be looked at as expected.
    """
    sha256 = sha256_of(source)
    async with LlamaCpp(source, quantisation=_SOURCE, context=_LONGEST) as llm:
        conversations = await converse(llm, n=n, seed=seed)
    model = Model(requantised(source, sha256, _SOURCE))
    outline = read_outline(model.path)
    try:
        tokens = [model.tokenise(c.prompt(model.template)).own for c in conversations]
        found = collect(model, outline, tokens)
    finally:
        model.close()
    settings = {
        "read_in": _SOURCE,
        "conversations": len(conversations),
        "tokens": sum(map(len, tokens)),
        "seed": seed,
        "temperature": _SAMPLING.temperature,
    }
    return Importance(outline.name, sha256, settings, found)


async def converse(llm: LlamaCpp, *, n: int, seed: int) -> list[Conversation]:
    """Instructions as Magpie makes them, no two the same, and their answers; up to ``n``."""
    rows = [row async for row in magpie(llm, n=n, seed=seed, max_tokens=_INSTRUCTION)]
    instructions = list(dict.fromkeys(row.instruction for row in rows if row.instruction))

    async def answer(number: int, instruction: str) -> Conversation:
        request = Request(
            prompt=llm.template.render([Message("user", instruction)]),
            seed=derive_seed(seed, "importance", str(number)),
            max_tokens=_ANSWER,
            sampling=_SAMPLING,
        )
        return Conversation(instruction, (await llm.complete(request)).text)

    return list(await asyncio.gather(*(answer(*each) for each in enumerate(instructions))))


def collect(
    model: Model, outline: Outline, texts: Sequence[Sequence[int]]
) -> dict[str, NDArray[np.float32]]:
    """The mean square of each input of each matrix of weights, over all tokens of the texts.

    Raises:
        EngineError: llama.cpp could not read them, or shows none of its products.
    """
    native = llama()
    squares = _Squares(outline)
    callback = native.ggml_backend_sched_eval_callback(squares.look)
    params = native.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = _LONGEST
    params.n_threads = params.n_threads_batch = 1  # the same sums on every machine of a kind
    params.cb_eval = callback
    context: Any = native.llama_init_from_model(model.handle, params)
    if not context:
        raise EngineError(f"llama.cpp could not make a context ({last_message()}).")
    try:
        batch = Batch(native, _LONGEST)
        for text in texts:
            tokens = tuple(text[:_LONGEST])
            native.llama_memory_clear(native.llama_get_memory(context), True)
            # Logits after each, or the last layer would show only the last token.
            batch.prompt(0, tokens, 0, len(tokens), wanted=len(tokens))
            status = native.llama_decode(context, batch.handle)
            if squares.failure is not None:
                raise squares.failure
            if status != 0:
                raise EngineError(f"llama.cpp could not decode (code {status}: {last_message()}).")
    finally:
        native.llama_free(context)
    return squares.means()


class _Squares:
    """Looks at each product with weights while llama.cpp computes, and adds up squared inputs."""

    def __init__(self, outline: Outline) -> None:
        self._shapes = {t.name: t.shape for t in outline.tensors if len(t.shape) == 2}
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._counts: dict[str, int] = {}
        self.failure: Exception | None = None

    def look(self, address: int, ask: bool, _: object) -> bool:
        """Called by ggml before each operation (``ask``: do you want to see it?) and after."""
        try:
            product = GGMLTensor.from_address(address)
            weights, inputs = self._operands(product)
            if weights is None or inputs is None:
                return not ask
            if not ask:
                self._add(weights.name.decode(), inputs)
        except Exception as error:  # noqa: BLE001 - none may pass through C; `collect` raises it
            self.failure = error
        return True

    def _operands(self, product: GGMLTensor) -> tuple[GGMLTensor | None, GGMLTensor | None]:
        """Weights and inputs, if it is a product of a matrix of the file with float32 rows.

        Told by names and shapes, which no wrong layout of the struct would pass: weights
        (inputs, outputs) times (inputs, rows) is (outputs, rows).
        """
        if not product.src[0] or not product.src[1]:
            return None, None
        weights = GGMLTensor.from_address(product.src[0])
        shape = self._shapes.get(weights.name.decode("utf-8", "replace"))
        if shape is None or tuple(weights.ne) != (*shape, 1, 1):
            return None, None
        inputs = GGMLTensor.from_address(product.src[1])
        rows = inputs.ne[1]
        if inputs.type != _F32 or tuple(inputs.ne) != (shape[0], rows, 1, 1):
            return None, None
        return (weights, inputs) if tuple(product.ne) == (shape[1], rows, 1, 1) else (None, None)

    def _add(self, name: str, inputs: GGMLTensor) -> None:
        width, rows = inputs.ne[0], inputs.ne[1]
        size = inputs.nb[1] * rows
        raw = np.frombuffer((ctypes.c_char * size).from_address(inputs.data), dtype=np.float32)
        values = raw.reshape(rows, -1)[:, :width].astype(np.float64)
        total = np.einsum("ij,ij->j", values, values)
        self._sums[name] = self._sums.get(name, np.zeros(width)) + total
        self._counts[name] = self._counts.get(name, 0) + rows

    def means(self) -> dict[str, NDArray[np.float32]]:
        """Each seen matrix's mean squares, of shape (inputs,)."""
        unseen = sorted(set(self._shapes) - set(self._sums))
        if unseen:
            raise EngineError(
                f"llama.cpp showed no product with {unseen[0]} ({len(unseen)} in all). The layout "
                "of ggml's tensors in evals/importance.py is not this build's: compare its ggml.h."
            )
        return {n: (s / self._counts[n]).astype(np.float32) for n, s in self._sums.items()}


def save_importance(path: Path, importance: Importance) -> None:
    """Write an importance file, the same bytes for the same numbers: a compressed npz with the
    arrays ``about`` (JSON) and ``values`` (float16)."""
    places: dict[bytes, tuple[int, int]] = {}
    tensors: dict[str, tuple[int, int]] = {}
    parts: list[NDArray[np.float16]] = []
    end = 0
    for name, values in sorted(importance.tensors.items()):
        part = np.maximum(values / values.mean(), LEAST_IMPORTANCE).astype(np.float16)
        key = part.tobytes()
        if key not in places:
            places[key] = (end, end + len(part))
            end += len(part)
            parts.append(part)
        tensors[name] = places[key]
    about = About(importance.model, importance.source, dict(importance.settings), tensors)
    text = msgspec.json.encode(about)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file, about=np.frombuffer(text, dtype=np.uint8), values=np.concatenate(parts)
        )
    partial.replace(path)
