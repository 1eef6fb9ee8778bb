"""``evolsynth select``: the best rows of a file, none too much like another."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from evolsynth.cli.files import writing
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import Embedder, MiniLM
from evolsynth.evaluation.scores.selection import Choice, best_first, choose, product_of, row_text
from evolsynth.rows import Row, dump, read_jsonl

__all__ = ["select"]


def select(
    data: str,
    output: str | None,
    *,
    n: int,
    by: Sequence[str],
    distance: float,
    rejects: str | None = None,
    embedder: Embedder | None = None,
) -> int:
    """Write the best ``n`` rows of ``data``, best first; the exit status.

    The file is read twice: once for the scores, of which 16 bytes a row are kept, and then only
    the lines that are looked at. ``rejects`` gets the others, in the order of the file.
    """
    if data == "-":
        raise InputError("select reads its file twice, so it cannot be standard input. Save it.")
    products, places = _scores(data, by)
    if embedder is None:
        embedder = MiniLM()
        embedder.load()
    with Path(data).open("rb") as file:

        def line(i: int) -> dict[str, Any]:
            file.seek(places[i])
            found: dict[str, Any] = json.loads(file.readline().decode("utf-8-sig"))
            return found

        def text(i: int) -> str:
            return row_text(Row.from_dict(line(i)))

        choice = choose(
            best_first(products), n, embedder=embedder, text=text, most_similar=distance
        )
        with writing(output) as write:
            for i in choice.chosen:
                write(_with(line(i), products[i]))
        if rejects is not None:
            with writing(rejects) as write:
                _write_left(write, line, choice, products, places)
    beside = len(products) - len(choice.chosen)
    said = f"{len(products)} rows = {len(choice.chosen)} selected + {beside} left"
    alike = f", {len(choice.refused)} of them too much like a better one"
    Console(stderr=True, soft_wrap=True).print(f"{said}{alike}.", highlight=False)
    return 0


def _scores(data: str, by: Sequence[str]) -> tuple[array[float], array[int]]:
    """The product of each row's scores (NaN: not to be chosen), and where its line begins."""
    products, places = array("d"), array("q")
    starts = _starts(data)
    for number, content in read_jsonl(data):
        try:
            row = Row.from_dict(content)
            product = None if row.settled else product_of(row, by)
        except InputError as error:
            raise InputError(f"{data}, line {number}: {error}") from None
        products.append(float("nan") if product is None else product)
        places.append(starts[number - 1])
    return products, places


def _starts(data: str) -> array[int]:
    """Where each line begins."""
    places, place = array("q"), 0
    try:
        with Path(data).open("rb") as file:
            for raw in file:
                places.append(place)
                place += len(raw)
    except OSError as error:
        raise InputError(f"{data}: cannot be read ({error.strerror}).") from None
    return places


def _with(line: dict[str, Any], product: float) -> str:
    scores = {**line.get("scores", {}), "selection": round(product, 4)}
    return dump({**line, "scores": scores}) + "\n"


def _write_left(
    write: Any, line: Any, choice: Choice, products: array[float], places: array[int]
) -> None:
    chosen = set(choice.chosen)
    for i in range(len(places)):
        if i in chosen:
            continue
        content = line(i)
        row = Row.from_dict(content)
        twin = choice.refused.get(i)
        if not row.settled and twin is not None:
            of = Row.from_dict(line(twin[0])).id
            row = row.reject("too_similar", too_similar={"id": of, "cosine": twin[1]})
        elif not row.settled:
            row = row.reject("high_ifd" if products[i] != products[i] else "not_selected")
        write(dump({**content, "verdict": row.to_dict()["verdict"]}) + "\n")
