"""``evolsynth check``: what the evolutions of any tool lost of their originals."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, tee
from typing import Any, NamedTuple

import msgspec
from rich.console import Console

from evolsynth.atomic import writing
from evolsynth.data.files import read_objects
from evolsynth.errors import InputError, RequestError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.reading import InformationLoss
from evolsynth.evaluation.information_loss.score import THRESHOLD, information_losses

__all__ = ["Fields", "check"]

#: From how many pairs on a second process pays for its start.
_SOME = 512


class Fields(NamedTuple):
    """Where a line holds the two texts."""

    original: str = "original"
    evolved: str = "evolved"


def check(
    data: str,
    output: str | None,
    *,
    fields: Fields,
    threshold: float | None,
    embed: bool,
    workers: int,
    model: str | None,
) -> int:
    """Write each line of ``data`` with ``loss``, ``flagged`` and ``lost``; the exit status."""
    limit = THRESHOLD if threshold is None else threshold
    if not 0 < limit <= 1:
        raise InputError(f"--threshold is {limit}: give a score above 0 and up to 1.")
    embedder = MiniLM() if embed else None
    if embedder is not None:
        embedder.load()  # a missing one is told before any work is done
    lines = _lines(data, fields)
    first = list(islice(lines, _SOME))
    several = workers if len(first) == _SOME else 1
    source, texts = tee(chain(first, lines))
    pairs = ((line[fields.original], line[fields.evolved]) for line in texts)
    losses = information_losses(pairs, embedder=embedder, threshold=limit, workers=several)
    counts: Counter[str] = Counter()
    with writing(output) as write:
        if model is None:
            _write(zip(source, losses, strict=True), write, counts)
        else:
            asyncio.run(_with_opinions(source, losses, fields, limit, model, write, counts))
    _summarise(counts)
    return 0


def _lines(data: str, fields: Fields) -> Iterator[dict[str, Any]]:
    for number, line in read_objects(data):
        for option, name in zip(("--original", "--evolved"), fields, strict=True):
            if not isinstance(line.get(name), str):
                what = "is no text" if name in line else "is missing"
                raise InputError(
                    f"{data}, line {number}: the field '{name}' {what}. "
                    f"Name the field that holds it: {option} FIELD."
                )
        yield line


def _write(
    found: Iterable[tuple[dict[str, Any], InformationLoss]],
    write: Callable[[str], object],
    counts: Counter[str],
) -> None:
    for line, loss in found:
        counts["flagged" if loss.flagged else "kept"] += 1
        counts.update(f"lost {span.kind}" for span in loss.lost if loss.flagged)
        marked = {
            **line,
            "loss": loss.score,
            "flagged": loss.flagged,
            "lost": [msgspec.to_builtins(span) for span in loss.lost],
        }
        if loss.note is not None:
            marked["note"] = loss.note
        write(_as_json(marked) + "\n")


def _as_json(line: dict[str, Any]) -> str:
    text = json.dumps(line, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: only an escape can carry it
        return json.dumps(line)
    return text


async def _with_opinions(
    source: Iterator[dict[str, Any]],
    losses: Iterator[InformationLoss],
    fields: Fields,
    threshold: float,
    model: str,
    write: Callable[[str], object],
    counts: Counter[str],
) -> None:
    """The same, with a model asked about the borderline ones, some at once."""
    from evolsynth.evaluation.scores.judge import second_opinion
    from evolsynth.llm.backends import DEFAULT_MODEL, open_llm

    async def one(line: dict[str, Any], loss: InformationLoss) -> InformationLoss:
        try:
            return await second_opinion(
                line[fields.original], line[fields.evolved], loss, llm, threshold=threshold
            )
        except RequestError:  # too long for the model: the first opinion stands
            return loss

    async with open_llm(model or DEFAULT_MODEL) as llm:
        pairs = zip(source, losses, strict=True)
        while batch := list(islice(pairs, 32)):
            judged = await asyncio.gather(*(one(line, loss) for line, loss in batch))
            _write(zip((line for line, _ in batch), judged, strict=True), write, counts)


def _summarise(counts: Counter[str]) -> None:
    console = Console(stderr=True, soft_wrap=True)
    total = counts["flagged"] + counts["kept"]
    console.print(f"{total} pairs: {counts['flagged']} flagged.", highlight=False)
    for name, count in counts.most_common():
        if name.startswith("lost "):
            console.print(f"{count:8} {name}", highlight=False)
