"""``evolsynth information-loss``: what the evolutions of any tool lost of their originals."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, islice, tee
from json import dumps
from typing import Annotated, Any

import msgspec

from evolsynth.atomic import writing
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.told import tell_json
from evolsynth.data.open import file_origin
from evolsynth.data.taker import Read
from evolsynth.errors import InputError, RequestError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.reading import InformationLoss
from evolsynth.evaluation.information_loss.score import THRESHOLD, information_losses
from evolsynth.inputs import alone, input_of
from evolsynth.options import FilePath, Natural, RowsPath

__all__ = ["information_loss"]

#: From how many pairs on a second process pays for its start.
_SOME = 512

#: A model's name; without one, the default model.
_Model = Annotated[str, msgspec.Meta(extra={"alone": "", "reads": True})]
_Pair = tuple[Read, InformationLoss]


def information_loss(
    data: FilePath,
    *,
    output: RowsPath = "-",
    original: str = "original",
    evolved: str = "evolved",
    threshold: float = THRESHOLD,
    embedder: bool = True,
    workers: Natural = 2,
    second_opinion: _Model | None = None,
    json: bool = False,
    **reading: Any,
) -> int:
    """Say what evolutions lost of their originals, for pairs from any tool.

    Each line gets 'loss' (0 to 1), 'flagged' and 'lost' (the spans).

    Args:
        data: pairs as JSON Lines; - for standard input.
        output: where to write (default: stdout).
        original: the field of the original.
        evolved: the field of the evolution.
        threshold: flag from this score on.
        embedder: without it, facts and words only; faster.
        workers: processes for more than 500 pairs.
        second_opinion: let a language model judge the borderline pairs too; slow.
        json: tell the counts as one JSON object in a line.
        reading: see `file_origin`.
    """
    if not 0 < threshold <= 1:
        raise InputError(f"--threshold is {threshold}: give a score above 0 and up to 1.")
    minilm = MiniLM() if embedder else None
    if minilm is not None:
        minilm.load()  # a missing one is told before any work is done
    lines = file_origin(data, **reading).records(check=partial(_check, original, evolved))
    first = list(islice(lines, _SOME))
    source, texts = tee(chain(first, lines))
    losses = information_losses(
        (_pair(one.fields, original, evolved) for one in texts),
        embedder=minilm,
        threshold=threshold,
        workers=workers if len(first) == _SOME else 1,
    )
    found = zip(source, losses, strict=True)
    counts: Counter[str] = Counter()
    with writing(output) as write:

        def tell(some: Iterable[_Pair]) -> None:
            for one, loss in some:
                counts["flagged" if loss.flagged else "kept"] += 1
                counts["noted"] += loss.note is not None
                counts.update(f"lost {span.kind}" for span in loss.lost if loss.flagged)
                write(_as_json(_marked(one.given, loss)) + "\n")

        if second_opinion is None:
            tell(found)
        else:
            fields = original, evolved
            asyncio.run(_with_opinions(found, fields, threshold, second_opinion, tell))
    if json:
        told = {"pairs": counts["flagged"] + counts["kept"], "flagged": counts["flagged"]}
        spans = {n.removeprefix("lost "): c for n, c in counts.items() if n.startswith("lost ")}
        tell_json({**told, "looked_at_in_part": counts["noted"], "lost": spans}, output=output)
        return 0
    console = Screen(stderr=True, soft_wrap=True, markup=False, highlight=False)
    console.print(f"{counts['flagged'] + counts['kept']} pairs: {counts['flagged']} flagged.")
    if counts["noted"]:
        console.print(f"{counts['noted']} were looked at in part: their 'note' says of what.")
    for name, count in counts.most_common():
        if name.startswith("lost "):
            console.print(f"{count:8} {name}")
    return 0


def _check(original: str, evolved: str, fields: dict[str, Any], where: str) -> None:
    """See that both texts of a pair are there."""
    for option, name in (("--original", original), ("--evolved", evolved)):
        if not isinstance(fields.get(name), str):
            what = "is no text" if name in fields else "is missing"
            raise InputError(
                f"{where}: the field '{name}' {what}. Name the field that holds it: {option} FIELD."
            )


def _pair(fields: Mapping[str, Any], *names: str) -> tuple[str, str]:
    """Two instructions, each without the input that it may hold."""
    before, after = (alone(fields[name], input_of(fields)) for name in names)
    return before, after


def _marked(line: dict[str, Any], loss: InformationLoss) -> dict[str, Any]:
    lost = [msgspec.to_builtins(span) for span in loss.lost]
    note = {} if loss.note is None else {"note": loss.note}
    return {**line, "loss": loss.score, "flagged": loss.flagged, "lost": lost, **note}


def _as_json(line: dict[str, Any]) -> str:
    text = dumps(line, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: only an escape can carry it
        return dumps(line)
    return text


async def _with_opinions(
    found: Iterator[_Pair],
    fields: tuple[str, str],
    threshold: float,
    model: str,
    tell: Callable[[Iterable[_Pair]], None],
) -> None:
    """The same, with a model asked about the borderline ones, some at once."""
    from evolsynth.evaluation.scores.judge import second_opinion
    from evolsynth.llm.backends import DEFAULT_MODEL, open_llm

    async def one(line: Read, loss: InformationLoss) -> _Pair:
        before, after = _pair(line.fields, *fields)
        try:
            return line, await second_opinion(before, after, loss, llm, threshold=threshold)
        except RequestError:  # too long for the model: the first opinion stands
            return line, loss

    async with open_llm(model or DEFAULT_MODEL) as llm:
        while batch := list(islice(found, 32)):
            tell(await asyncio.gather(*(one(line, loss) for line, loss in batch)))
