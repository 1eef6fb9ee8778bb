"""Texts said otherwise: reworded, shorter, more formal, simpler."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from random import Random
from typing import Literal, get_args

from evolsynth.errors import InputError
from evolsynth.evaluation.demands.reading import sentence_places
from evolsynth.evaluation.grounds.transformed import not_as_asked
from evolsynth.findings import reason
from evolsynth.llm.base import LLM
from evolsynth.methods.inverse.material import material
from evolsynth.methods.method import method
from evolsynth.methods.transformed.saying import able_to_say, say
from evolsynth.options import Count
from evolsynth.prompts import lists_hash, prompt_lists
from evolsynth.rows import Row, derive_seed
from evolsynth.streams import Rows, map_rows

__all__ = ["Way", "transformed"]

#: How a text may be said otherwise.
Way = Literal["rewrite", "shorten", "formal", "simple"]
_WORDINGS = "transformed/wordings"
#: Words of a sentence, at least, for anything to be changed about it.
_WORDS = 6

LOST = reason(
    "not_faithful",
    "No candidate said the same in another way.",
    "Use a larger model; a small one rarely can.",
)


NOTHING = reason(
    "nothing_to_transform",
    "The text has no sentence that is long enough to be said otherwise.",
    "Give texts with longer sentences.",
)


@method(
    shape="expand",
    needs=["input"],
    gives=["instruction", "response", "input"],
    role="answer",
    then=lambda _: {"gate": {}},
)
async def transformed(
    rows: Rows,
    llm: LLM,
    *,
    seed: int = 0,
    ways: Sequence[Way] = get_args(Way),
    each: Count = 2,
    candidates: Count = 3,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """Tasks to say a sentence of each row's ``input`` otherwise, done by the model and accepted
    only where nothing is lost and nothing invented.

    A model of 135 million parameters rarely manages that. Rows for which no candidate would do are
    rejected with the reason ``not_faithful``.

    Args:
        ways: rewrite, shorten, formal, simple.
        each: sentences that are taken of each row at most, each for one way.
        candidates: that the model is asked for at most until one is faithful.

    Raises:
        InputError: there is no such way, or none was named.
        CapabilityError: the model cannot be asked.
    """
    for way in ways:
        if way not in get_args(Way):
            raise InputError(f"There is no way '{way}'. Use some of: {', '.join(get_args(Way))}.")
    if not ways:
        raise InputError("ways is empty. Name some, or leave it out.")
    able_to_say(llm, by="transformed")
    asked = prompt_lists(_WORDINGS)

    async def one(row: Row) -> tuple[Row, ...]:
        text = row.input
        if text is None:
            return (row,)
        chance = Random(derive_seed(seed, "transformed", row.id))  # noqa: S311 - reproducible
        fitting = [
            part
            for part in material(text)["sentences"]
            if len(part.split()) >= _WORDS and len(sentence_places(part)) == 1
        ]
        if not fitting:
            return (row.reject(NOTHING),)
        taken = chance.sample(fitting, min(each, len(fitting)))
        made = []
        for place, sentence in enumerate(taken):
            way = chance.choice(list(ways))
            made.append(await _made(row, sentence, way, place, chance.randrange(len(asked[way]))))
        return tuple(made)

    async def _made(row: Row, sentence: str, way: Way, place: int, wording: int) -> Row:
        key = f"{row.id}/{place}"
        said = await say(
            llm,
            f"transformed/{way}",
            sentence,
            key=key,
            seed=seed,
            candidates=candidates,
            refused=lambda text: not_as_asked(way, sentence, text),
        )
        made = {"method": "transformed", "kind": way, "wording": f"{way}/{wording}"}
        made |= {"prompt": _WORDINGS, "prompt_sha256": lists_hash(_WORDINGS)}
        ground = {"kind": "transformed", "way": way, "wording": wording}
        kept = {n: v for n, v in row.extra.items() if n in ("title", "heading", "source")}
        new = Row.make(
            asked[way][wording],
            key=f"transformed/{seed}/{key}",
            method="transformed",
            parents=(row.id,),
            response=said.text,
            extra={**kept, "input": sentence},
            provenance={"instruction": made, "response": {**said.how, "ground": ground}},
        )
        return new if said.text is not None else new.reject(LOST, not_faithful=list(said.failed))

    width = concurrency or max(1, llm.concurrency)
    async with aclosing(map_rows(rows, one, step="transformed", concurrency=width)) as stream:
        async for row in stream:
            yield row
