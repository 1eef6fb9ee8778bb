"""``python -m evals magpie``: does Magpie keep to a domain, and what does that cost?

For each domain with a prompt file, the same number of rows in two ways: under the domain's system
prompt alone, and kept to the topic by openings, candidates and the check. How many accepted rows
are on the domain is told by a classifier that has nothing of the check in it: the nine nearest
of our own labelled examples (`data/domains.jsonl`), among them fifty of no domain at all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from evals.machine import describe
from evals.options import add_json, check_place, names, positive, save, told_on
from evolsynth.data.files import read_objects
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.magpie.steering import beginnings, topic_names
from evolsynth.rows import Row

__all__ = ["Classifier", "Kept", "add_options", "measure", "run"]

EXAMPLES = Path(__file__).parent / "data" / "domains.jsonl"
WAYS = ("system", "topic")
_NEIGHBOURS = 9


class Classifier:
    """Tells an instruction's domain by the nearest labelled examples; ``other`` is one of them."""

    def __init__(self, embedder: Embedder, examples: Path = EXAMPLES) -> None:
        lines = [line for _, line in read_objects(examples)]
        self.labels = [str(line["domain"]) for line in lines]
        self.texts = [str(line["instruction"]) for line in lines]
        self._embedder = embedder
        self._vectors = embedder.embed(self.texts)

    def tell(self, texts: list[str], *, leave_out: bool = False) -> list[str]:
        """The domain of each text: the one with the highest sum of cosines among the nearest nine.

        ``leave_out`` does not count an example as its own neighbour.
        """
        if not texts:
            return []
        near = self._embedder.embed(texts) @ self._vectors.T
        if leave_out:
            np.fill_diagonal(near, -1)
        told = []
        for row in near:
            sums: dict[str, float] = dict.fromkeys(self.labels, 0.0)
            for i in np.argsort(-row, kind="stable")[:_NEIGHBOURS]:
                sums[self.labels[i]] += float(row[i])
            told.append(max(sums, key=lambda label: sums[label]))
        return told


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One domain in one way. ``attempts`` are instructions drawn, ``accepted`` rows by the gate;
    ``on_domain`` is the share of these that the classifier says are on it."""

    domain: str
    way: str
    rows: int
    attempts: int
    accepted: int
    on_domain: float | None
    reasons: dict[str, int]

    @property
    def per_accepted(self) -> float | None:
        """Attempts for each accepted row."""
        return self.attempts / self.accepted if self.accepted else None


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("-n", type=positive, default=60, metavar="N", help="rows a domain (60)")
    parser.add_argument("--seed", type=positive, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--domains", type=names(topic_names()), default=topic_names(), metavar="NAMES"
    )
    parser.add_argument("--dump", type=Path, metavar="FILE", help="write the rows, for reading")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    check_place(options.dump)
    embedder = MiniLM()
    classifier = Classifier(embedder)
    right = np.mean(
        [
            told == label
            for told, label in zip(
                classifier.tell(classifier.texts, leave_out=True), classifier.labels, strict=True
            )
        ]
    )
    found, rows = asyncio.run(
        measure(
            LlamaCpp(),
            embedder,
            classifier,
            n=options.n,
            seed=options.seed,
            domains=options.domains,
        )
    )
    told = told_on(options.json)
    print(
        f"{options.n} rows a domain; the classifier is right on {right:.0%} of its own", file=told
    )
    print(
        f"{'domain':14}{'way':9}{'attempts':>9}{'accepted':>9}{'a row':>7}{'on domain':>11}",
        file=told,
    )
    for one in found:
        print(
            f"{one.domain:14}{one.way:9}{one.attempts:9}{one.accepted:9}"
            f"{_number(one.per_accepted, '7.2f')}{_number(one.on_domain, '11.1%')}",
            file=told,
        )
    means = {way: _mean([one.on_domain for one in found if one.way == way]) for way in WAYS}
    for way, mean in means.items():
        print(f"{'mean':14}{way:9}{'':25}{_number(mean, '11.1%')}", file=told)
    if options.dump is not None:
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        options.dump.write_text("\n".join(lines) + "\n", encoding="utf-8")
    content: dict[str, Any] = {
        "machine": msgspec.to_builtins(describe()),
        "classifier": float(right),
        "means": means,
        "domains": [msgspec.to_builtins(one) for one in found],
    }
    save(options.json, content)
    return 0


async def measure(
    llm: LLM,
    embedder: Embedder,
    classifier: Classifier,
    *,
    n: int,
    seed: int,
    domains: tuple[str, ...],
) -> tuple[list[Kept], list[dict[str, Any]]]:
    """Every domain in every way, and the rows with what the classifier says of them."""
    found, lines = [], []
    async with llm:
        for domain in domains:
            for way in WAYS:
                before = llm.usage.requests
                rows = await _rows(llm, embedder, domain, way, n=n, seed=seed)
                attempts = llm.usage.requests - before
                accepted = [row for row in rows if row.status == "accepted"]
                told = classifier.tell([row.instruction or "" for row in accepted])
                right = [label == domain for label in told]
                refused = (r.verdict.reasons for r in rows if r.verdict is not None)
                reasons = Counter(reason for some in refused for reason in some)
                found.append(
                    Kept(
                        domain=domain,
                        way=way,
                        rows=len(rows),
                        attempts=attempts,
                        accepted=len(accepted),
                        on_domain=float(np.mean(right)) if right else None,
                        reasons=dict(reasons),
                    )
                )
                said = {row.id: label for row, label in zip(accepted, told, strict=True)}
                lines += [
                    {
                        "domain": domain,
                        "way": way,
                        "instruction": row.instruction,
                        "status": row.status,
                        "reasons": list(row.verdict.reasons) if row.verdict else [],
                        "told": said.get(row.id),
                    }
                    for row in rows
                ]
    return found, lines


async def _rows(
    llm: LLM, embedder: Embedder, domain: str, way: str, *, n: int, seed: int
) -> list[Row]:
    if way == "topic":
        source = magpie(llm, n=n, seed=seed, topic=domain, embedder=embedder)
    else:
        system = beginnings(domain, steered=True).system
        source = magpie(llm, n=n, seed=seed, system_prompt=system)
    return [row async for row in Gate(embedder).check(source)]


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None


def _number(value: float | None, form: str) -> str:
    return f"{value:{form}}" if value is not None else f"{'-':>{form.partition('.')[0]}}"
