"""``evolsynth dedup``: a JSON Lines file without its duplicates, and which row lost to which."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, nullcontext
from itertools import islice
from json import dumps
from typing import Any, Literal

from evolsynth.atomic import writing
from evolsynth.cli.lines import TextField
from evolsynth.cli.progress.told import tell_json
from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.deduplicate import Deduplicated, Method, deduplicate
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.options import FilePath, Natural, RayAddress, RowsPath

__all__ = ["dedup"]

_AT_ONCE = 512  # lines written at once
_SHARDED = ("minhash", "exact")


def dedup(
    data: FilePath,
    *,
    output: RowsPath = "-",
    duplicates: RowsPath | None = None,
    field: str = "instruction",
    method: Method = "semantic",
    threshold: float | None = None,
    keep: Literal["first", "best"] = "first",
    score: str | None = None,
    same_template: bool = False,
    decide: Natural = 2000,
    workers: Natural | None = None,
    ray: RayAddress | None = None,
    json: bool = False,
    **reading: Any,
) -> int:
    """Remove duplicates from a file from any tool.

    Exact, near and semantic duplicates; see docs/duplicates.md. Instructions are compared where
    their inputs are nearly the same.

    Args:
        data: the rows; - for standard input.
        output: rows that stay (default: stdout).
        duplicates: the others, and what they lost to.
        field: what is compared.
        method: each includes those before it; static is the fastest that finds paraphrases,
            semantic (the default) also asks MiniLM about the likeliest pairs.
        threshold: of the method: Jaccard index for minhash (0.7), cosine for static (0.85) and
            semantic (0.8).
        keep: which of several stays.
        score: the number that --keep best goes by.
        same_template: rows that differ only in numbers, what is counted and names are duplicates
            too.
        decide: how many texts MiniLM is asked about at most.
        workers: threads, or tasks at once of a Ray that is started here; rows stay the same.
        ray: in shards on a Ray cluster, or on this machine alone; for exact and minhash. Both
            outputs are folders of Parquet files then.
        json: tell the counts as one JSON object in a line.
        reading: see `file_origin`.
    """
    if (keep == "best") != (score is not None):
        raise InputError(
            "--keep best needs --score FIELD, and --score needs --keep best: give both or neither."
        )
    if ray is not None:
        _needs_no_more(output, method, same_template, keep)
    began = time.monotonic()

    def tell(what: str) -> None:
        if not json:
            print(f"{time.monotonic() - began:7.1f} s  {what}", file=sys.stderr, flush=True)

    if ray is not None:
        from evolsynth.cluster.dedup import dedup_folder

        counted = dedup_folder(
            data,
            output,
            duplicates=duplicates,
            field=field,
            method="exact" if method == "exact" else "minhash",
            threshold=threshold,
            tell=tell,
            ray=ray,
            workers=workers,
            **reading,
        )
        _tell_counts(counted.rows, counted.gone, time.monotonic() - began, output, json=json)
        return 0
    with closing(TextField(data, field, score, **reading)) as texts:
        embedder = MiniLM() if method in ("static", "semantic") else None
        if embedder is not None:
            embedder.rough()  # a missing one is told before any work is done
        found = deduplicate(
            texts,
            abouts=texts.inputs,
            method=method,
            threshold=threshold,
            scores=texts.scores,
            same_template=same_template,
            embedder=embedder,
            decide=decide,
            workers=workers,
            tell=tell,
        )
        with (
            writing(output) as keep_row,
            nullcontext(None) if duplicates is None else writing(duplicates) as drop_row,
        ):
            _write(_kept(texts, found), keep_row)
            if drop_row is not None:
                _write(_dropped(texts, found), drop_row)
        _tell_counts(len(texts), found.counts(), time.monotonic() - began, output, json=json)
    return 0


def _needs_no_more(output: str, method: Method, same_template: bool, keep: str) -> None:
    """See that what is asked for can be done in shards.

    Raises:
        InputError: it cannot.
    """
    if output == "-":
        raise InputError("--ray writes a folder of Parquet files: name it with -o FOLDER.")
    if method not in _SHARDED:
        raise InputError(
            f"--ray goes with --method {' or '.join(_SHARDED)}: {method} compares each row with "
            "too many others for shards."
        )
    if same_template or keep == "best":
        what = "--same-template" if same_template else "--keep best"
        raise InputError(f"{what} does not go with --ray. Leave out one of them.")


def _tell_counts(
    rows: int, kinds: Mapping[str, int], seconds: float, output: str, *, json: bool
) -> None:
    gone = sum(kinds.values())
    if json:
        told = {"rows": rows, "kept": rows - gone, "duplicates": gone, "kinds": dict(kinds)}
        tell_json({**told, "seconds": round(seconds, 1)}, output=output)
        return
    listed = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items())
    print(
        f"{rows:,} rows = {rows - gone:,} kept, {gone:,} duplicates"
        f"{f' ({listed})' if listed else ''}; {seconds:.1f} s.",
        file=sys.stderr,
    )


def _write(lines: Iterator[str], write: Callable[[str], object]) -> None:
    while some := list(islice(lines, _AT_ONCE)):
        write("\n".join(some) + "\n")


def _kept(texts: TextField, found: Deduplicated) -> Iterator[str]:
    stays = bytearray(len(texts))
    for place in found.kept.tolist():
        stays[place] = 1
    for stay, raw in zip(stays, texts.lines.all_raw(), strict=True):
        if stay:
            yield raw.decode()


def _dropped(texts: TextField, found: Deduplicated) -> Iterator[str]:
    """One object a line; clusters are numbered in the order of the rows that stay."""
    clusters = {
        winner: k for k, winner in enumerate(sorted({one.winner for one in found.duplicates}), 1)
    }
    for one in found.duplicates:
        record: dict[str, Any] = {
            "line": texts.lines.number(one.place),
            "kind": one.kind,
            "similarity": one.similarity,
            "kept_line": texts.lines.number(one.winner),
            "matched_line": texts.lines.number(one.of),
            "cluster": clusters[one.winner],
        }
        kept = texts.lines.whole(one.winner)
        if isinstance(kept.get("id"), str | int):
            record["kept_id"] = kept["id"]
        # the texts, to compare with the eye; the row as it stands in the file
        record["kept"] = kept[texts.field]
        head = dumps(record, ensure_ascii=False, separators=(",", ":"))
        yield f'{head[:-1]},"row":{texts.lines.raw(one.place).decode()}}}'
