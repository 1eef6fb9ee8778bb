"""``evolsynth export``: a run's rows, or those of a file, in the form that a trainer reads."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.told import tell_json
from evolsynth.data.files import read_rows
from evolsynth.errors import EvolsynthError, InputError
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.export.contamination import SIMILAR
from evolsynth.export.export import Output, check_output, export_rows
from evolsynth.export.format import EXPORTS
from evolsynth.options import Count, FilePath, Natural, OutputPath, Share
from evolsynth.rows import Row

__all__ = ["export"]


def export(
    data: FilePath,
    *,
    format: str = "messages",
    output: OutputPath = "-",
    split: str | None = None,
    shards: Count | None = None,
    seed: Natural = 7,
    decontaminate: FilePath | None = None,
    similar: Share = SIMILAR,
    embedder: bool = True,
    push: str | None = None,
    dry_run: bool = False,
    public: bool = False,
    licence: str | None = None,
    json: bool = False,
) -> int:
    """Write accepted rows in the form that a trainer reads.

    Formats: messages, sharegpt, alpaca, prompt-completion, dpo, dpo-chat, kto, grpo; whole rows as
    rows, parquet, hf. See docs/export.md.

    Args:
        data: a run's folder, or a file of rows.
        format: one of the formats above, or of another package.
        output: a file (.jsonl, .parquet), or a folder, which gets a file for each part and a card
            (default: stdout).
        split: shares of the parts, as train=0.9,validation=0.05,test=0.05; relatives stay together.
        shards: in how many files of even size each part is, as part-00000-of-00016.parquet; those
            of an earlier export give way.
        seed: of the split.
        decontaminate: a file of a benchmark's prompts; rows that hold one are left out, and told in
            a file beside.
        similar: from which cosine on a request is a prompt in other words.
        embedder: without it, prompts of a benchmark are found by their words only.
        push: put the folder on the hub as this data set, owner/name; private, and gone on with
            where it was broken off.
        dry_run: say what would be put there, and ask nothing of the hub.
        public: with --push, for everybody to see.
        licence: of the data, for the card (as apache-2.0).
        json: tell the counts as one JSON object in a line.
    """
    if push is not None and (output == "-" or Path(output).suffix):
        raise InputError("What is pushed is a folder. Name it: -o FOLDER.")
    if push is None and (dry_run or public):
        raise InputError(f"--{'dry-run' if dry_run else 'public'} goes with --push OWNER/NAME.")
    told = Output(
        output=output,
        format=format,
        split=split,
        seed=seed,
        decontaminate=decontaminate,
        similar=similar,
        shards=shards,
    )
    check_output(told)
    files = _files(data, EXPORTS[format].of_run)
    console = Screen(stderr=True, soft_wrap=True, markup=False, highlight=False)
    model = _embedder(console) if decontaminate is not None and embedder else None
    from evolsynth.export.card import card_of

    words = [word for word in sys.argv[1:] if word]
    made = export_rows(
        lambda: _rows(files),
        told,
        embedder=model,
        card=lambda made: card_of(
            lambda: _rows(files), data, made, told, command=words, licence=licence, name=push
        ),
    )
    if json:
        counts = {"lines": dict(made.counts), "left_out": dict(made.left)}
        more = {"files": made.files, "contaminated": len(made.contaminated)}
        tell_json({**counts, **more}, output=output)
    else:
        for sentence in made.sentences():
            console.print(sentence)
        for name, file in made.files.items():
            console.print(f"{name}: {file}")
    if push is not None:
        from evolsynth.export.hub import push_to_hub

        for sentence in push_to_hub(output, push, private=not public, dry_run=dry_run):
            console.print(sentence)
    return 0


def _files(data: str, statuses: Iterable[str]) -> list[Path]:
    """The file, or those of a run's folder with rows of which some fit."""
    folder = Path(data)
    if data == "-":
        raise InputError("export reads its rows several times, so not from standard input.")
    if not folder.is_dir():
        return [folder]
    wanted = (name for name in ("accepted", "rejected") if name in statuses)
    found = [file for name in wanted if (file := folder / f"{name}.jsonl").is_file()]
    if not found:
        raise InputError(
            f"{data}: there is no accepted.jsonl in this folder. Give a run's folder, or a file."
        )
    return found


def _rows(files: Iterable[Path]) -> Iterator[Row]:
    for file in files:
        yield from read_rows(file)


def _embedder(console: Screen) -> Embedder | None:
    from evolsynth.evaluation.embed.minilm import MiniLM

    model = MiniLM()
    try:
        model.load()
    except EvolsynthError as error:
        console.print(f"Without MiniLM prompts are found by their words only ({error})")
        return None
    return model
