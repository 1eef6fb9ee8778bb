"""``evolsynth select``: the best rows of a file, none too much like another."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Any

from evolsynth.atomic import writing
from evolsynth.cli.lines import Lines
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.told import tell_json
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.scores.selection import Choice, best_first, choose, product_of, row_text
from evolsynth.evaluation.text import MOST, in_part
from evolsynth.flat import COLUMNS, whole
from evolsynth.options import FilePath, Natural, RowsPath
from evolsynth.rows import Row, dump

__all__ = ["select"]


def select(
    data: FilePath,
    *,
    rows: Natural,
    output: RowsPath = "-",
    rejects: RowsPath | None = None,
    by: str = "complexity,quality",
    distance: float = 0.9,
    json: bool = False,
    **reading: Any,
) -> int:
    """Choose the best rows by their scores, none too much like another.

    The best N by the product of scores, best first. The file is read twice: once for the scores,
    of which 16 bytes a row are kept, and then only the lines that are looked at.

    Args:
        data: rows with scores, as `score` writes them.
        rows: how many to choose.
        output: where to write (default: stdout).
        rejects: the other rows, with their reasons, in the order of the file.
        by: scores, with commas between.
        distance: pass over a row whose cosine to one chosen, about the same input, is above this.
        json: tell the counts as one JSON object in a line.
        reading: see `file_origin`.
    """
    if data == "-":
        raise InputError("select reads its file twice, so it cannot be standard input. Save it.")
    products = array("d")  # NaN: not to be chosen
    names = [name.strip() for name in by.split(",") if name.strip()]
    weigh = partial(_weigh, by=names, products=products)
    with closing(Lines(data, weigh, **reading)) as lines:
        embedder = MiniLM()
        embedder.load()
        long: set[int] = set()

        def text(i: int) -> str:
            found = row_text(Row.from_dict(lines.whole(i)))
            long.update([i] if len(found) > MOST else ())
            return found

        choice = choose(
            best_first(products),
            rows,
            embedder=embedder,
            text=text,
            about=lambda i: Row.from_dict(lines.whole(i)).beside or "",
            most_similar=distance,
        )
        with writing(output) as write:
            for i in choice.chosen:
                write(_with(lines.row(i), products[i]))
        if rejects is not None:
            with writing(rejects) as write:
                _write_left(write, lines, choice, products)
    beside = len(products) - len(choice.chosen)
    if json:
        told = {"rows": len(products), "selected": len(choice.chosen), "left": beside}
        more = {"too_similar": len(choice.refused), "looked_at_in_part": len(long)}
        tell_json(told | more, output=output)
        return 0
    said = f"{len(products)} rows = {len(choice.chosen)} selected + {beside} left"
    alike = f", {len(choice.refused)} of them too much like a better one"
    console = Screen(stderr=True, soft_wrap=True, markup=False)
    console.print(f"{said}{alike}.", highlight=False)
    for line in in_part(len(long), "row"):
        console.print(line)
    return 0


def _weigh(line: dict[str, Any], where: str, *, by: Sequence[str], products: array[float]) -> None:
    """Note the product of a row's scores."""
    try:
        row = Row.from_dict(line)
        product = None if row.settled else product_of(row, by)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    products.append(float("nan") if product is None else product)


def _with(line: dict[str, Any], product: float) -> str:
    scores = {**(whole(line).get("scores") or {}), "selection": round(product, 4)}
    return dump({**line, "scores": dump(scores)}) + "\n"


def _write_left(write: Any, lines: Lines, choice: Choice, products: array[float]) -> None:
    chosen = set(choice.chosen)
    for i in range(len(lines)):
        if i in chosen:
            continue
        content, row = lines.row(i), Row.from_dict(lines.whole(i))
        twin = choice.refused.get(i)
        if not row.settled and twin is not None:
            of = Row.from_dict(lines.whole(twin[0])).id
            row = row.reject("too_similar", too_similar={"id": of, "cosine": twin[1]})
        elif not row.settled:
            row = row.reject("high_ifd" if products[i] != products[i] else "not_selected")
        made = row.to_flat()
        judged = {name: made[name] for name in COLUMNS if name.startswith("verdict")}
        write(dump({**content, **judged}) + "\n")
