"""Rows out, as trainers and others want them: a file, or a folder with a card; perhaps in parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from evolsynth.atomic import write, writing
from evolsynth.doing import doing
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.export.contamination import SIMILAR, Benchmark, benchmark_prompts
from evolsynth.export.format import EXPORTS, ExportFormat, Line, Unfit
from evolsynth.export.splits import Relatives, assigned, shares_of
from evolsynth.export.table import write_folder, write_lines
from evolsynth.flat import dump
from evolsynth.options import Count, FilePath, Share
from evolsynth.rows import Row

__all__ = ["Exported", "Output", "check_output", "export_rows", "outputs_of"]

_AT_ONCE = 1024
_ALL = "train"  # what the one part of a data set is called


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be written.

    Args:
        output: a file (.jsonl, .parquet), or a folder, which gets a file for each part and a card;
            a relative one of a run begins in its folder.
        format: one of the export formats.
        split: shares of the parts, as train=0.9,validation=0.05,test=0.05; relatives stay together.
        seed: of the split.
        decontaminate: a file of a benchmark's prompts; rows that hold one are left out.
        similar: from which cosine on a request is a prompt in other words.
        shards: in how many files of even size each part is, as part-00000-of-00016.parquet.
    """

    output: str
    format: str = "messages"
    split: str | dict[str, float] | None = None
    seed: int = 7
    decontaminate: FilePath | None = None
    similar: Share = SIMILAR
    shards: Count | None = None


class Exported(msgspec.Struct, kw_only=True):
    """What was written.

    ``files`` by the names of their parts, and of what stands beside them; ``counts`` are lines, by
    part; ``left`` rows that were left out, by why; ``contaminated`` says which rows hold which
    prompt, by which rule; ``more`` whether turns hold more than a text, as calls or thoughts.
    Where a part is in shards, its file is the pattern of their names, and ``shards`` says how many
    they are.
    """

    format: str = "messages"
    files: dict[str, Path] = {}
    counts: dict[str, int] = {}
    left: Counter[str] = msgspec.field(default_factory=Counter)
    contaminated: list[dict[str, Any]] = []
    columns: tuple[str, ...] = ()
    more: bool = False
    shards: dict[str, int] = {}
    wanted: int | None = None

    def sentences(self) -> Iterator[str]:
        """What to tell of it."""
        told = ", ".join(f"{count:,} in {name}" for name, count in self.counts.items())
        lines = sum(self.counts.values())
        yield f"{lines:,} lines{f' ({told})' if len(self.counts) > 1 else ''}."
        for name, count in self.shards.items():
            few = "" if count == self.wanted else f", not {self.wanted:,}: there are no more lines"
            yield f"{name}: {count:,} {'shard' if count == 1 else 'shards'}{few}."
        for why, count in self.left.most_common():
            yield f"{count:8,} rows were left out: {why}"
        if self.shards and EXPORTS[self.format].described is not None:
            yield "dataset_info.json names no shards: give LLaMA-Factory one file."
        elif self.more and EXPORTS[self.format].described is not None:
            yield (
                "LLaMA-Factory reads a turn's text alone, so dataset_info.json does not name this "
                "file, whose turns hold calls or thoughts: write --format sharegpt for it."
            )


def outputs_of(told: Iterable[Output | Mapping[str, Any]]) -> list[Output]:
    """The outputs of a run, each checked before anything runs.

    Raises:
        InputError: one is none, a format does not exist, or two go to one place.
    """
    made: list[Output] = []
    for number, one in enumerate(told, 1):
        try:
            output = one if isinstance(one, Output) else msgspec.convert(dict(one), Output)
        except (TypeError, ValueError) as error:
            said = str(error).replace("`", "'")
            raise InputError(
                f"outputs, {number}: {said}. Write {{format: messages, output: chat.jsonl}}."
            ) from None
        check_output(output)
        if output.output == "-" or any(output.output == other.output for other in made):
            raise InputError(
                f"outputs, {number}: '{output.output}' is no place of its own. Give it another."
            )
        made.append(output)
    return made


def check_output(output: Output) -> None:
    """See that it can be written, before any row is read.

    Raises:
        InputError: there is no such format, the split says nothing, or they do not go together.
    """
    known = EXPORTS[output.format]
    if output.split is not None:
        shares_of(output.split)
    if output.output == "-" and (output.split is not None or known.ends != ".jsonl"):
        what = "Parts" if output.split is not None else f"The format '{known.name}'"
        raise InputError(f"{what} cannot go to standard output. Give a file or a folder: -o PLACE.")
    suffix = Path(output.output).suffix
    if known.name == "parquet" and suffix not in ("", ".parquet"):
        raise InputError(f"{output.output}: a Parquet file is called NAME.parquet.")
    if output.shards is not None:
        _check_shards(output, known)


def _check_shards(output: Output, known: ExportFormat) -> None:
    from evolsynth.export.shards import MOST

    number, suffix = output.shards, Path(output.output).suffix
    if type(number) is not int or not 1 <= number <= MOST:
        raise InputError(f"shards is {number!r}: it must be a number from 1 to {MOST:,}.")
    if output.output == "-":
        raise InputError("Shards cannot go to standard output. Give a folder: -o FOLDER.")
    if known.ends == "":
        raise InputError(f"'{known.name}' divides its folder by itself. Leave out shards.")
    if suffix not in ("", ".parquet", ".jsonl"):
        raise InputError(f"{output.output}: shards are in a folder, or called NAME.parquet.")


def export_rows(
    rows: Callable[[], Iterable[Row]],
    output: Output,
    *,
    embedder: Embedder | None = None,
    card: Callable[[Exported], str] | None = None,
) -> Exported:
    """Write rows in a format. Each file appears whole or not at all.

    Args:
        rows: gives them, each time from the beginning; they are gone through twice, and once more
            for each part.
        output: see `Output`.
        embedder: for prompts of a benchmark in other words; without one, words alone.
        card: the text of the README.md of a folder.

    Raises:
        InputError: none of the rows fits the format, the split cannot be made, or a file cannot be
            read or written.
        SetupError: a package is missing.
    """
    check_output(output)
    known = EXPORTS[output.format]
    made = Exported(format=output.format, wanted=output.shards)
    names = list(shares_of(output.split)) if output.split is not None else [_ALL]
    _check_room(known, output, names)
    with doing("looking at the rows"):
        look = _Look(known, output, embedder, made)
        parts = look.through(rows())
    if not any(part is not None for part in parts):
        why = ", ".join(f"{count:,}: {why}" for why, count in made.left.most_common(3))
        raise InputError(
            f"No row can be written as '{known.name}' ({why or 'there are none'}). Give rows with "
            "what it takes, or another format."
        )
    optional = {n: value for n, value in known.optional.items() if n in look.optional}

    def lines(name: str) -> Iterator[Line]:
        for row, part in zip(rows(), parts, strict=True):
            if part == name:
                for line in known(row):
                    yield {**line, **{n: v for n, v in optional.items() if n not in line}}

    with doing("writing the rows"):
        if output.shards is None:
            _write(known, output, names, lines, made)
        else:
            for part, many in zip(parts, look.many, strict=True):
                if part is not None:
                    made.counts[part] = made.counts.get(part, 0) + many
            _write_shards(output, names, lines, made)
    made.columns = tuple(dict.fromkeys((*look.columns, *optional)))
    if output.output != "-":
        _beside(known, output, made, card)
    return made


class _Look:
    """The first time through: what fits, in which part it goes, which columns there are."""

    def __init__(
        self, known: ExportFormat, output: Output, embedder: Embedder | None, made: Exported
    ) -> None:
        self._known, self._output, self._made = known, output, made
        self._benchmark = None
        if output.decontaminate is not None:
            prompts = benchmark_prompts(output.decontaminate)
            self._benchmark = Benchmark(prompts, embedder, output.similar)
        self._relatives = Relatives() if output.split is not None else None
        self.optional: set[str] = set()
        #: Lines of each row.
        self.many: list[int] = []
        self.columns: dict[str, None] = {}

    def through(self, rows: Iterable[Row]) -> list[str | None]:
        """The part of each row; None for one that is left out."""
        stays: list[bool] = []
        held: list[Row] = []
        for row in rows:
            held.append(row)
            if len(held) >= _AT_ONCE:
                stays += self._some(held)
                held = []
        stays += self._some(held)
        if self._relatives is None:
            return [_ALL if stay else None for stay in stays]
        if not any(stays):
            return [None] * len(stays)
        shares = shares_of(self._output.split or {})
        part = iter(assigned(self._relatives.families(), shares, self._output.seed))
        return [next(part) if stay else None for stay in stays]

    def _some(self, rows: list[Row]) -> list[bool]:
        fits = [self._fits(row) for row in rows]
        if self._benchmark is not None:
            some = [row for row, fit in zip(rows, fits, strict=True) if fit]
            found = [self._benchmark.in_words(row) for row in some]
            rest = [row for row, one in zip(some, found, strict=True) if one is None]
            meant = iter(self._benchmark.by_meaning(rest))
            found = [next(meant) if one is None else one for one in found]
            held = iter(found)
            for place, (row, fit) in enumerate(zip(rows, fits, strict=True)):
                one = next(held) if fit else None
                if one is not None:
                    fits[place] = False
                    self._made.left[f"it holds a prompt of {self._output.decontaminate}"] += 1
                    self._made.contaminated.append(
                        {"id": row.id, "instruction": row.asked or "", "rule": one.rule,
                         "shared": one.shown, "line": one.prompt.line, "prompt": one.prompt.text}
                    )  # fmt: skip
        if self._relatives is not None:
            for row, fit in zip(rows, fits, strict=True):
                if fit:
                    self._relatives.add(row)
        return fits

    def _fits(self, row: Row) -> bool:
        self.many.append(0)
        if row.status not in self._known.statuses:
            self._made.left[f"it is {row.status}"] += 1
            return False
        try:
            lines = self._known(row)
        except Unfit as error:
            self._made.left[str(error)] += 1
            return False
        self.many[-1] = len(lines)
        for line in lines:
            self.columns.update(dict.fromkeys(line))
            self._made.more = self._made.more or any(map(_more, line.values()))
            self.optional.update(line.keys() & self._known.optional.keys())
        return True


_OF_TURNS = ({"role", "content"}, {"from", "value"})


def _more(value: Any) -> bool:
    """Whether a column's value is a turn that holds more than a text, or has one."""
    turns = value if isinstance(value, list) else (value,)
    return any(isinstance(turn, dict) and turn.keys() not in _OF_TURNS for turn in turns)


def _write(
    known: ExportFormat,
    output: Output,
    names: list[str],
    lines: Callable[[str], Iterator[Line]],
    made: Exported,
) -> None:
    place = Path(output.output)
    if output.output == "-":
        with writing("-") as tell:
            for line in lines(_ALL):
                tell(dump(line) + "\n")
                made.counts[_ALL] = made.counts.get(_ALL, 0) + 1
        return
    if known.name == "hf":
        made.counts = write_folder(place, {n: lambda n=n: lines(n) for n in names})  # type: ignore[misc]
        made.files = {"data": place}
        return
    for name in names:
        if place.suffix == "":
            file = place / f"{name}{known.ends}"
        elif len(names) > 1:
            file = place.with_name(f"{place.stem}-{name}{place.suffix}")
        else:
            file = place
        made.counts[name] = write_lines(file, lines(name))
        made.files[name] = file


def _stem(output: Output, name: str) -> str:
    """What a part's shards are called, before their numbers."""
    place = Path(output.output)
    if place.suffix == "":
        return "part" if output.split is None else name
    return place.stem if output.split is None else f"{place.stem}-{name}"


def _check_room(known: ExportFormat, output: Output, names: list[str]) -> None:
    """See that no file stays that would be read with the new ones."""
    place = Path(output.output)
    if place.suffix == "" and output.output != "-" and known.ends:
        from evolsynth.export.shards import check_room

        stems = [_stem(output, name) for name in names]
        check_room(place, stems, shards=output.shards is not None)


def _write_shards(
    output: Output, names: list[str], lines: Callable[[str], Iterator[Line]], made: Exported
) -> None:
    from evolsynth.export.shards import Lot, sizes, write_shards

    place, number = Path(output.output), output.shards or 1
    ends = place.suffix or EXPORTS[output.format].ends
    lots = [Lot(_stem(output, n), partial(lines, n), made.counts[n]) for n in names]
    files = write_shards(place if place.suffix == "" else place.parent, lots, number, ends)
    made.files = {name: files[_stem(output, name)] for name in names}
    made.shards = {name: len(sizes(made.counts[name], number)) for name in names}


def _beside(
    known: ExportFormat,
    output: Output,
    made: Exported,
    card: Callable[[Exported], str] | None,
) -> None:
    """What stands beside the data: what a benchmark took, LLaMA-Factory's list, a card."""
    place = Path(output.output)
    folder = place if place.suffix == "" and known.name != "hf" else place.parent
    if output.decontaminate is not None:
        file = folder / f"{place.stem}-contaminated.jsonl"
        write(file, (dump(line) + "\n" for line in made.contaminated))
        made.files["contaminated"] = file
    if known.described is not None:
        _note(made, known, folder / "dataset_info.json", place)
    if card is not None and folder == place:
        made.files["card"] = folder / "README.md"
        write(made.files["card"], [card(made)])


def _note(made: Exported, known: ExportFormat, file: Path, place: Path) -> None:
    """Put the files into LLaMA-Factory's ``dataset_info.json``; other entries stay.

    One with calls or thoughts is not named: its reader takes the text of a turn alone, and learns
    an empty answer where a call should be. Nor are shards: an entry is one file.
    """
    unnamed = made.more or bool(made.shards)
    if unnamed and not file.exists():
        return
    made.files["dataset_info"] = file
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        held = {}
    if not isinstance(held, dict):
        held = {}
    for name in made.counts:
        called = place.stem if len(made.counts) == 1 else f"{place.stem}-{name}"
        described = known.described(made.columns) if known.described is not None else {}
        if unnamed:
            held.pop(called, None)
        else:
            held[called] = {"file_name": made.files[name].name, **described}
    write(file, [json.dumps(held, ensure_ascii=False, indent=2) + "\n"])
