"""Texts of all sizes and kinds: what a look at them costs, and how that grows.

For each kind of text and each way to look at one, the processor's seconds at some sizes, each in a
process of its own with a limit, so that a way that hangs is told and ends; beside that the seconds
of a report, and pairs a second of `information_loss`. Times are of the processor, so that other
programs disturb them little.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evals.machine import describe
from evolsynth.evaluation.duplicates.deduplicate import deduplicate
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.information_loss.score import information_loss, information_losses
from evolsynth.evaluation.text.verbs import root
from evolsynth.evaluation.text.words import vocabulary
from evolsynth.report.build import write_report
from evolsynth.rows import Row

__all__ = ["KINDS", "LOOKS", "add_options", "run", "seconds"]


def _repeated(piece: str) -> Callable[[int], str]:
    return lambda size: (piece * (size // len(piece) + 1))[:size]


def _lines(size: int) -> str:
    return "\n".join(f"line <{i}>" for i in range(size // 10 + 1))[:size]


def _prose(size: int) -> str:
    chance = random.Random(1)  # noqa: S311
    words = sorted(vocabulary("the river a list of 12 names write London why quick"))
    found = [f"{' '.join(chance.choices(words, k=9)).capitalize()}." for _ in range(size // 25 + 1)]
    return " ".join(found)[:size]


def _base64(size: int) -> str:
    return base64.b64encode(random.Random(2).randbytes(size)).decode()[:size]  # noqa: S311


#: Texts of about so many characters.
KINDS: Mapping[str, Callable[[int], str]] = {
    "prose": _prose,
    "numbered lines": _lines,
    "base64": _base64,
    "think": lambda size: f"<think>{_prose(size)}",
    "nested": lambda size: "[" * (size // 2) + "]" * (size // 2),
    "open quote": lambda size: '"' + "a " * (size // 2),
    "different words": lambda size: " ".join(f"word{i:x}q" for i in range(size // 9)),
} | {
    name: _repeated(piece)
    for name, piece in {
        "10%": "10%", "one word": "x", "newlines": "\n", "spaces": " ", "tabs": "\t",
        "punctuation": "?!.,;:-", "digits": "7", "scripts": "aжα中あ한ع ", "quotes": '"',
        "backticks": "`", "fences": "``` ", "brackets": "(", "links": "https://a.b/c?d=e ",
        "emoji": "😀", "marks": "e\u0301", "a": "a ", "capitals": "Aa Bb ", "dots": ". ",
        "bullets": "- a\n", "calls": "f(x", "headings": "Question: a? ", "negations": "do not ",
        "hours": "an hour 1/2 ",
    }.items()
}  # fmt: skip


def _judged(row: Row, embedder: MiniLM | None) -> None:
    settings = GateSettings(max_instruction_words=10**6, max_response_words=10**6)

    async def judge() -> None:
        gate = Gate(embedder, settings=settings)
        async for _ in gate.check([row]):
            pass
        gate.close()

    asyncio.run(judge())


def _evolved(text: str) -> Row:
    made = {"original": f"Name 10% of rivers. {text}"}
    return Row.make(f"{text} Limit your answer to nine words.", provenance={"instruction": made})


#: Ways to look at a text; the model is asked only where its name says so.
LOOKS: Mapping[str, Callable[[str, MiniLM | None], object]] = {
    "gate: instruction": lambda text, _: _judged(Row.make(text), None),
    "gate: response": lambda text, _: _judged(Row.make("Tell me all.", response=text), None),
    "gate: evolution": lambda text, _: _judged(_evolved(text), None),
    "information loss": lambda text, _: information_loss("Name 10% of rivers.", text),
    "information loss of it": lambda text, _: information_loss(text, "Name 10% of rivers."),
    "dedup: minhash": lambda text, _: deduplicate(
        [text[: len(text) // 2], f"{text[: len(text) // 2]} b"], method="minhash", workers=1
    ),
    "dedup: same template": lambda text, _: deduplicate(
        [text[: len(text) // 10], f"{text[: len(text) // 10]} b"],
        method="minhash",
        same_template=True,
        workers=1,
    ),
    "root verb": lambda text, _: root(text),
    "embedder": lambda text, model: model and model.embed([text]),
    "embedder: evolution": lambda text, model: information_loss(
        text, f"Now {text.upper()}", embedder=model
    ),
}


def _timed(look: str, kind: str, size: int, model: MiniLM | None, limit: int, answer: Any) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    text = KINDS[kind](size)
    began = time.process_time()
    LOOKS[look](text, model)
    answer.send(time.process_time() - began)


def seconds(
    look: str, kind: str, size: int, *, model: MiniLM | None = None, limit: int = 60
) -> float | None:
    """The processor's seconds for one look at a text; None where it took more than ``limit``."""
    # of this process where the model is there already; else of a small one
    context: Any = multiprocessing.get_context("fork" if model else "forkserver")
    context.set_forkserver_preload([__name__])
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=_timed, args=(look, kind, size, model, limit, send))
    child.start()
    send.close()
    try:
        return float(receive.recv())
    except EOFError:
        return None
    finally:
        child.join()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``python -m evals long-texts``."""
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND")
    parser.add_argument("--looks", nargs="+", choices=LOOKS, default=list(LOOKS), metavar="LOOK")
    parser.add_argument("--rows", type=int, default=10_000, help="of the reports; 0: none")
    parser.add_argument("--pairs", type=int, default=128, help="of information loss; 0: none")
    parser.add_argument("--json", action="store_true", help="all figures, to standard output")


def run(options: argparse.Namespace) -> int:
    """Measure, tell, and end with 1 where a look took more than a minute."""
    model = MiniLM(cached=0)
    model.load()
    found: dict[str, Any] = {"machine": msgspec.to_builtins(describe()), "command": sys.argv}
    growth: dict[str, dict[str, list[float | None]]] = {}
    for look in options.looks:
        for kind in options.kinds:
            asked = model if look.startswith("embedder") else None
            some = [seconds(look, kind, size, model=asked) for size in options.sizes]
            growth.setdefault(look, {})[kind] = some
        longest = {
            kind: max(60 if s is None else s for s in some) for kind, some in growth[look].items()
        }
        worst = max(longest, key=lambda kind: longest[kind])
        print(f"{look:24} at most {longest[worst]:.2f} s ({worst})", file=sys.stderr)
    found |= {"sizes": options.sizes, "seconds": growth}
    if options.pairs:
        found["pairs_per_second"] = _pairs(options.pairs, model)
    if options.rows:
        found["report_seconds"] = _reports(options.rows)
    for name in ("pairs_per_second", "report_seconds"):
        print(f"{name}: {found.get(name)}", file=sys.stderr)
    if options.json:
        print(msgspec.json.encode(found).decode())
    return int(any(s is None for kinds in growth.values() for some in kinds.values() for s in some))


def _words(chance: random.Random, count: int) -> str:
    words = [f"{head}{tail}" for head in _SOUNDS for tail in _SOUNDS]
    parts = (chance.choices(words, k=10) for _ in range(count // 10))
    return " ".join(f"{' '.join(part).capitalize()}." for part in parts)


_SOUNDS = sorted(vocabulary("river stone light paper house train green story table music"))


def _pairs(count: int, model: MiniLM) -> dict[str, float]:
    """Pairs a second of 250 words that have hardly anything in common: the dearest there are."""
    chance = random.Random(3)  # noqa: S311
    pairs = [(_words(chance, 250), _words(chance, 250)) for _ in range(count)]
    rate = {}
    for name, embedder in (("words alone", None), ("with the embedder", model)):
        began = time.process_time()
        list(information_losses(pairs, embedder=embedder))
        rate[name] = round(count / (time.process_time() - began), 1)
    return rate


def _reports(count: int) -> dict[str, float]:
    chance = random.Random(4)  # noqa: S311
    rows = [Row.make(_words(chance, 40)) for _ in range(count)]
    long = [Row.make(KINDS[kind](10**6)) for kind in ("numbered lines", "10%")]
    return {"rows": _report(rows), "with two of 1 MB": _report([*rows, *long])}


def _report(rows: Sequence[Row]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        write_report(Path(folder, "report.html"), rows, embedder=MiniLM())
        return round(time.process_time() - began, 1)
