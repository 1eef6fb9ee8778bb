"""Any number of rows with planted duplicates, as Parquet files, and the truth beside them.

The rows are those of `duplicate_rows`, but each is made of the seed and its own place alone, so
that none is kept in memory and several processes make them: one in ten is a copy of an earlier.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from evals.duplicate_rows import KINDS, background, changed

__all__ = ["Truth", "row", "truth_of", "write"]

#: A row that is a copy: its place, the place of what it is a copy of, and the place of its kind.
Truth = tuple[int, int, int]
_SHARE, _FIRST = 0.1, 10  # of copies; and rows at the beginning among which there are none


def _random(seed: int, place: int) -> tuple[random.Random, bool]:
    """What a row is drawn by, and whether it is a copy."""
    drawn = random.Random(seed << 40 | place)  # noqa: S311 - nothing secret
    return drawn, drawn.random() < _SHARE and place >= _FIRST


def row(seed: int, place: int) -> tuple[str, Truth | None]:
    """The text at a place, and what it is a copy of, if it is one."""
    drawn, copied = _random(seed, place)
    if not copied:
        return background(drawn), None
    while True:
        source = drawn.randrange(place)
        of, again = _random(seed, source)
        if not again:
            break
    kind = drawn.randrange(len(KINDS))
    return changed(background(of), KINDS[kind], drawn), (place, source, kind)


def _file(folder: Path, seed: int, rows: int, each: int, number: int) -> None:
    """One Parquet file of the rows, and one of the copies among them."""
    import pyarrow as pa
    from pyarrow import parquet

    start, stop = number * each, min((number + 1) * each, rows)
    made = [row(seed, place) for place in range(start, stop)]
    ids = [f"row-{place:09}" for place in range(start, stop)]
    table = pa.table({"id": ids, "instruction": [text for text, _ in made]})
    parquet.write_table(table, folder / "rows" / f"rows-{number:05}.parquet")
    copies = [truth for _, truth in made if truth is not None]
    columns = list(zip(*copies, strict=True)) or [(), (), ()]
    named = dict(zip(("place", "source", "kind"), columns, strict=True))
    arrays = {name: pa.array(values, pa.int64()) for name, values in named.items()}
    parquet.write_table(pa.table(arrays), folder / "truth" / f"truth-{number:05}.parquet")


def write(folder: Path, rows: int, *, seed: int = 1, each: int = 100_000, workers: int = 2) -> None:
    """Write so many rows into ``folder/rows``, some to a file, and the truth into
    ``folder/truth``."""
    for name in ("rows", "truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        for _ in pool.map(partial(_file, folder, seed, rows, each), range(-(-rows // each))):
            pass


def truth_of(folder: Path) -> Iterator[Truth]:
    """The copies, in order."""
    from pyarrow import parquet

    for place in sorted((folder / "truth").glob("*.parquet")):
        table = parquet.read_table(place)
        yield from zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
