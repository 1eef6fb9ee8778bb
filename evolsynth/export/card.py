"""The card of a data set: a README.md with the header that the hub reads.

Its tables are made of the rows and of the run's own store, never of what somebody claims.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from evolsynth.errors import EvolsynthError
from evolsynth.export.export import Exported, Output
from evolsynth.export.format import EXPORTS
from evolsynth.findings import explain
from evolsynth.registry import summary
from evolsynth.rows import Row
from evolsynth.store.command import again, hidden

__all__ = ["card_of"]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
          (10_000_000, "1M<n<10M"))  # fmt: skip
_TASKS = {"grpo": ["reinforcement-learning"]}
_ENDS = {".parquet": "parquet"}


class _About:
    """What the rows say of themselves."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.statuses: Counter[str] = Counter()
        self.methods: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.prompts: Counter[str] = Counter()
        self.tiers: Counter[str] = Counter()
        self.tasks: Counter[str] = Counter()
        self.seeds: set[Any] = set()
        for row in rows:
            self.statuses[row.status] += 1
            self.methods[row.method] += 1
            for part, made in row.provenance.items():
                if isinstance(made, Mapping):
                    model = made.get("model")
                    if isinstance(model, str):
                        self.models[f"{model} ({part})"] += 1
                    prompt = made.get("prompt")
                    if isinstance(prompt, str):
                        self.prompts[prompt] += 1
            if row.verdict is not None:
                self.tiers.update([row.verdict.tier] if row.verdict.tier else ())
                self.tasks.update([row.verdict.task] if row.verdict.task else ())


def card_of(
    rows: Callable[[], Iterable[Row]],
    data: str,
    made: Exported,
    output: Output,
    *,
    command: Sequence[str] = (),
    licence: str | None = None,
    name: str | None = None,
) -> str:
    """The text of a README.md: a header in YAML, and what, how, how many, with which limits.

    Args:
        rows: those that were read.
        data: the run's folder or the file that they are from.
        made: what was written.
        output: how.
        command: the words behind ``evolsynth`` that wrote it.
        licence: an identifier of the hub; without one the header has none.
        name: of the data set.
    """
    about = _About(rows())
    total = sum(made.counts.values())
    title = (name or Path(output.output).name or "data set").rpartition("/")[2]
    parts = [
        f"---\n{_header(made, output, total, licence, title)}---",
        f"# {title}",
        f"{total:,} lines of synthetic instruction data, made and checked with "
        "[evolsynth](https://pypi.org/project/evolsynth/).",
        "## What is in it",
        _files(made, output),
        _schema(made, output),
        "## How it was made",
        _how(about, data),
        "## Yield",
        _yield(about, data, made),
        "## Limits",
        _limits(about, output, licence),
        "## Again",
        _again(data, command),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _header(made: Exported, output: Output, total: int, licence: str | None, title: str) -> str:
    size = next((told for most, told in _SIZES if total < most), "n>10M")
    header: dict[str, Any] = {} if licence is None else {"license": licence}
    header |= {
        "pretty_name": title,
        "task_categories": _TASKS.get(output.format, ["text-generation"]),
        "size_categories": [size],
        "tags": ["synthetic", "evolsynth", "instruction-tuning"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": part, "path": made.files[part].name} for part in made.counts
                ],
            }
        ],
    }
    text: str = yaml.safe_dump(header, sort_keys=False, allow_unicode=True)
    return text


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [" | ".join(_cell(one) for one in row) for row in rows]
    if not lines:
        return ""
    head = f"| {' | '.join(names)} |\n|{'---|' * len(names)}"
    return "\n".join([head, *(f"| {line} |" for line in lines)])


def _cell(value: object) -> str:
    told = f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(told.split()).replace("|", "\\|")


def _files(made: Exported, output: Output) -> str:
    shown = _table(
        ["part", "file", "lines"],
        [(part, f"`{made.files[part].name}`", count) for part, count in made.counts.items()],
    )
    if output.split is None:
        return shown
    return (
        f"{shown}\n\nParts were drawn by the seed {output.seed}. Rows of one root, rows about the "
        "same text, and near-duplicates are in one part."
    )


def _schema(made: Exported, output: Output) -> str:
    known = EXPORTS[output.format]
    columns = ", ".join(f"`{name}`" for name in made.columns)
    told = summary(known.function.__doc__)
    return f"Format `{known.name}`: {told}\n\nColumns: {columns}."


def _how(about: _About, data: str) -> str:
    lines = [_table(["method", "rows"], about.methods.most_common(20))]
    models = [(name, count, _licence(name.rpartition(" (")[0]))
              for name, count in about.models.most_common(20)]  # fmt: skip
    lines.append(_table(["model", "rows", "licence of the model"], models))
    lines.append(_table(["prompt file", "rows"], about.prompts.most_common(30)))
    return "\n\n".join(line for line in lines if line) or "The rows do not say how they were made."


def _licence(model: str) -> str:
    from evolsynth.llm.llamacpp.files import CATALOGUE

    found = [one.licence for name, one in CATALOGUE.items() if model.startswith(name)]
    return found[0] if found else "see the model's own page"


def _yield(about: _About, data: str, made: Exported) -> str:
    counts = dict(_counted(data)) or dict(about.statuses)
    table = _table(["rows", "how many"], [(n, c) for n, c in counts.items() if c])
    left = _table(["left out of these files", "rows"], made.left.most_common())
    tiers = _table(["what responses stand on", "rows"], about.tiers.most_common())
    return "\n\n".join(part for part in (table, _reasons(data), tiers, left) if part)


def _counted(data: str) -> Iterable[tuple[str, int]]:
    """Lines of the files that a run left."""
    folder = Path(data)
    for name in ("accepted", "rejected", "failed"):
        file = folder / f"{name}.jsonl"
        if file.is_file():
            with file.open("rb") as lines:
                yield name, sum(1 for _ in lines)


def _reasons(data: str) -> str:
    from evolsynth.data.files import read_rows

    file = Path(data) / "rejected.jsonl"
    if not file.is_file():
        return ""
    codes: Counter[str] = Counter()
    for row in read_rows(file):
        codes.update(row.verdict.reasons if row.verdict is not None else ())
    return _table(
        ["why rows were rejected", "rows"],
        [(f"`{code}`: {explain(code)}", count) for code, count in codes.most_common(10)],
    )


def _limits(about: _About, output: Output, licence: str | None) -> str:
    told = ["- The texts are written by language models and may be wrong or biased."]
    unsure = about.tiers["unverified"]
    if unsure:
        told.append(f"- Nothing but the gate's rules vouches for {unsure:,} responses.")
    if output.decontaminate is None:
        told.append("- They were not held against any benchmark.")
    else:
        name = Path(output.decontaminate).name
        told.append(
            f"- Rows that hold a prompt of `{name}` were left out: 13 tokens in a row, a whole "
            f"short prompt, or a cosine of {output.similar:g}. Other benchmarks were not looked at."
        )
    if licence is None:
        told.append("- No licence was named. See those of the models above.")
    return "\n".join(told)


def _again(data: str, command: Sequence[str]) -> str:
    from evolsynth import __version__

    words = [hidden(f"evolsynth {shlex.join(command)}")] if command else []
    try:
        from evolsynth.store.status import stored_value

        told = again(stored_value(data, "command")) if Path(data).is_dir() else ""
    except EvolsynthError:
        told = ""
    words = [told, *words] if told else words
    lines = "\n".join([f"pip install evolsynth=={__version__}", *words])
    return f"```\n{lines}\n```\n\nThe same seed and model files give the same rows."
