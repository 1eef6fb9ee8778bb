"""``python -m evals support``: are answers that stand in their text told from those that do not?

On 400 answers of a small model that were read, and on statements made false by program
(`evals.support_sets`); half of each was in view when rules and weights were made (``dev``), the
other half (``held``) was not.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from scipy.optimize import minimize

from evals.options import add_json, check_place, save, told_on
from evals.support_sets import Item, answers, by_kind, swapped
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.support.score import (
    MODEL_WEIGHTS,
    RULE_WEIGHTS,
    Support,
    ask_model,
    read_support,
    with_model,
)
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import LlamaCpp

__all__ = ["Figures", "add_options", "auroc", "figures", "run"]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """AUROC of a score on answers that were read, on those of them that claim something, and on
    false statements, of all and of each kind; and milliseconds an answer by rules alone."""

    answers: float
    claiming: float
    swaps: float
    kinds: dict[str, float]
    precision: float
    recall: float


def auroc(good: Sequence[float], bad: Sequence[float]) -> float:
    """The chance that a good one has the higher score, ties counted half."""
    one, other = np.array(good)[:, None], np.array(bad)[None, :]
    return float(((one > other) + 0.5 * (one == other)).mean())


def _auroc(items: Sequence[Item], scores: Mapping[int, float]) -> float:
    good = [scores[id(item)] for item in items if item.supported]
    bad = [scores[id(item)] for item in items if not item.supported]
    return auroc(good, bad)


def figures(read: Sequence[Item], made: Sequence[Item], scores: Mapping[int, float]) -> Figures:
    """Of scores by the items' identities."""
    kept = [item for item in read if scores[id(item)] >= 0.5]
    right = sum(item.supported for item in kept)
    return Figures(
        answers=_auroc(read, scores),
        claiming=_auroc([item for item in read if item.claims], scores),
        swaps=_auroc(made, scores),
        kinds={kind: _auroc(some, scores) for kind, some in by_kind(made).items()},
        precision=right / max(len(kept), 1),
        recall=right / sum(item.supported for item in read),
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--part", choices=("dev", "held"), default="dev", help="default: dev")
    parser.add_argument("--reader", type=int, choices=(1, 2), default=1, help="whose labels (1)")
    parser.add_argument("--no-model", action="store_true", help="rules and embedder only")
    parser.add_argument("--fit", action="store_true", help="print the weights that dev would give")
    parser.add_argument("--wrong", action="store_true", help="show what is told wrongly (dev)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    out = told_on(options.json)
    part = "dev" if options.fit or options.wrong else options.part
    read, made = answers(part, options.reader), swapped(part)
    embedder = MiniLM()
    embedder.load()
    found = {id(item): _read(item, embedder, static_only=True) for item in (*read, *made)}
    start = time.perf_counter()
    for item in (*read, *made):
        _read(item, embedder, static_only=True)
    each = (time.perf_counter() - start) / (len(read) + len(made)) * 1000
    ways = {"rules": {name: one.score for name, one in found.items()}}
    told: dict[int, Support] = {}
    if not options.no_model:
        whole = {id(item): _read(item, embedder) for item in (*read, *made)}
        told = asyncio.run(_with_model((*read, *made), whole))
        ways["with a model"] = {name: one.score for name, one in told.items()}
    measured = {name: figures(read, made, scores) for name, scores in ways.items()}
    print(
        f"{part}: {len(read)} answers ({sum(i.supported for i in read)} supported), ",
        end="",
        file=out,
    )
    print(f"{sum(not i.supported for i in made)} false statements; rules {each:.1f} ms", file=out)
    for name, one in measured.items():
        kinds = ", ".join(f"{kind} {value:.3f}" for kind, value in one.kinds.items())
        print(
            f"{name:13} answers {one.answers:.3f} (those that claim {one.claiming:.3f}), "
            f"swaps {one.swaps:.3f} ({kinds}); at 0.5: precision {one.precision:.3f}, "
            f"recall {one.recall:.3f}",
            file=out,
        )
    if options.wrong:
        last = told or found
        for item in sorted((*read, *made), key=lambda i: last[id(i)].score):
            score = last[id(item)].score
            if (score >= 0.5) != item.supported:
                shown = {k: v for k, v in last[id(item)].signals.items() if v}
                print(
                    f"{score:.2f} {item.kind:9} {item.question} | {item.answer}\n     {shown}",
                    file=out,
                )
    if options.fit:
        print("RULE_WEIGHTS =", _fitted(read, made, found, RULE_WEIGHTS), file=out)
        if told:
            print("MODEL_WEIGHTS =", _fitted(read, made, told, MODEL_WEIGHTS), file=out)
    save(options.json, {name: msgspec.to_builtins(one) for name, one in measured.items()})
    return 0


def _read(item: Item, embedder: MiniLM, *, static_only: bool = False) -> Support:
    passage = item.passage
    return read_support(
        item.question,
        item.answer,
        passage.text,
        title=passage.title,
        embedder=embedder,
        static_only=static_only,
    )


async def _with_model(items: Sequence[Item], found: Mapping[int, Support]) -> dict[int, Support]:
    async with LlamaCpp(context=768) as llm:
        pairs = await asyncio.gather(*(_told(llm, item, found[id(item)]) for item in items))
    return {id(item): one for item, one in zip(items, pairs, strict=True)}


async def _told(llm: LLM, item: Item, one: Support) -> Support:
    if not one.says:
        return one
    passage = item.passage
    told = await ask_model(
        llm, item.question, item.answer, passage.text, one.evidence, title=passage.title
    )
    return with_model(one, told)


_RIDGE = 0.04
#: What weights are drawn to where there is little to fit them on.
_PRIOR = {
    "word": 2.5, "name": 2.5, "elsewhere": 2.0, "number": 3.0, "negation": 3.0, "amount": 3.0,
    "role": 3.0, "swap": 3.0, "exchange": 2.0, "share": 2.0, "loss": 2.0, "offside": 2.0,
    "unlikely": 2.0, "lowest": 1.0, "gainless": 1.0,
}  # fmt: skip


def _fitted(
    read: Sequence[Item],
    made: Sequence[Item],
    found: Mapping[int, Support],
    names: Mapping[str, float],
) -> dict[str, float]:
    """Weights by logistic regression, none below 0 but the intercept; the answers that were read
    and the false statements count alike, and in each the two classes."""
    items = [item for item in (*read, *made) if found[id(item)].says]
    rows = [found[id(item)].signals for item in items]
    known = list(dict.fromkeys(name for row in rows for name in row))
    x = np.array([[1.0, *(row[name] for name in known)] for row in rows])
    y = np.array([not item.supported for item in items], dtype=float)
    group = [(item in read, item.supported) for item in items]
    weight = np.array([1.0 / group.count(one) for one in group])
    weight /= weight.sum()

    prior = np.array([0.0, *(_PRIOR.get(name, 0.0) for name in known)])

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        logit = x @ w
        cost = float(weight @ (np.logaddexp(0.0, logit) - y * logit))
        slope = x.T @ (weight * (1.0 / (1.0 + np.exp(-logit)) - y))
        ridge = _RIDGE * (w - prior) / len(w)
        ridge[0] = 0.0
        return cost + 0.5 * float(ridge @ (w - prior)), slope + ridge

    bounds = [(None, None)] + [(0.0, None)] * len(known)
    fit = minimize(loss, np.zeros(x.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B")
    pairs = zip(("intercept", *known), fit.x, strict=True)
    return {name: round(float(value), 2) for name, value in pairs if round(float(value), 2)}
