"""``evolsynth models``: models known by name, which of them are here, and how to get one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.table import Table

from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.waiting import hushed
from evolsynth.errors import InputError, did_you_mean
from evolsynth.llm.llamacpp import speeds
from evolsynth.llm.llamacpp.files import CATALOGUE
from evolsynth.llm.llamacpp.machine import available_memory
from evolsynth.options import FolderPath

__all__ = ["models"]

_TENTHS = 10
_WIDE = 110  # columns from which on a table can be read


def models(
    action: Literal["list", "pull", "measure"] = "list",
    name: str = "",
    *,
    to: FolderPath | None = None,
    json: bool = False,
) -> int:
    """List the models that are known by name, get one from the hub, or measure it.

    A list has what each is good for, whether it is on this machine, about how much memory it takes
    and, where it was measured, how fast it is here.

    Args:
        action: list; pull, which gets NAME from the Hugging Face hub, and goes on where it was cut;
            or measure, which tells how many tokens a second NAME writes here.
        name: of the catalogue, owner/repository/file.gguf or owner/repository.
        to: the folder that a file is pulled into; by default one where it is found by its name.
        json: the list as JSON.
    """
    if action == "list":
        if name:
            raise InputError(
                f"There is nothing to do with {name}. Write pull or measure before it."
            )
        return _list_as_json() if json else _list()
    if not name:
        raise InputError(f"Which model? Write: evolsynth models {action} NAME")
    if "/" not in name and name not in CATALOGUE and action == "pull":
        raise InputError(f"The catalogue has no '{name}'. {did_you_mean(name, CATALOGUE)}")
    if action == "pull":
        return _pull(name, None if to is None else Path(to))
    rate = asyncio.run(speeds.measure(name))
    Screen(soft_wrap=True).print(f"{escape(name)}: {rate:.0f} tokens/s here.", highlight=False)
    return 0


def _facts() -> list[dict[str, Any]]:
    """What the list says of each model."""
    return [
        {
            "name": name,
            "parameters": entry.parameters,
            "licence": entry.licence,
            "repository": entry.hub,
            "file": entry.file,
            "bytes": entry.size,
            "memory": entry.memory,
            "sha256": entry.sha256,
            "thinks": entry.thinks,
            "good_for": entry.good_for,
            "here": None if (place := speeds.place_of(name)) is None else str(place),
            "tokens_per_second": speeds.measured(name),
            "get": entry.get,
        }
        for name, entry in CATALOGUE.items()
    ]


def _list_as_json() -> int:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(_facts())).decode() + "\n")
    return 0


def _list() -> int:
    console, free, facts = Screen(soft_wrap=True), available_memory(), _facts()
    if console.width >= _WIDE:
        console.print(_table(facts, free), soft_wrap=False)
    else:
        for fact in facts:
            head = f"{fact['name']:<24}{' '.join(filter(None, _figures(fact, free)))}"
            console.print(head, highlight=False)
            console.print(f"  {fact['good_for']} ({fact['licence']})", highlight=False, style="dim")
    console.print(
        f"\nAs answerer here: {escape(speeds.recommendation())}.\n"
        "evolsynth models pull NAME gets a file, models measure NAME tells how fast it is here; "
        "--model NAME writes with it, --answerer NAME answers with it, --judge NAME judges. "
        "A model behind a server goes there too: ollama:NAME, llama-server:URL, openai:NAME@URL.",
        highlight=False,
    )
    return 0


def _table(facts: Sequence[Mapping[str, Any]], free: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    for title in ("parameters", "file", "memory", "tokens/s"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("here", "licence"):
        table.add_column(title, no_wrap=True)
    table.add_column("good for", overflow="fold")
    for fact in facts:
        table.add_row(fact["name"], *_figures(fact, free), fact["licence"], fact["good_for"])
    return table


def _figures(fact: Mapping[str, Any], free: int) -> tuple[str, ...]:
    """Parameters, file, memory, speed and whether it is here, in rich's marks."""
    rate, memory = fact["tokens_per_second"], f"{fact['memory'] / 2**30:.1f} GiB"
    return (
        _short(fact["parameters"]),
        _short(fact["bytes"], "B"),
        f"[red]{memory}[/red]" if fact["memory"] > free else memory,
        "" if rate is None else f"{rate:.0f}",
        "[green]yes[/green]" if fact["here"] else "",
    )


def _short(number: float, unit: str = "") -> str:
    if number < 0.9995e9:
        return f"{number / 1e6:.0f}M{unit}"
    return f"{number / 1e9:.1f}{'G' if unit else ''}{unit or 'B'}"


def _pull(name: str, to: Path | None) -> int:
    from evolsynth.llm.llamacpp.pull import pull

    console = Screen(stderr=True, soft_wrap=True)
    if console.is_terminal:
        with hushed(), _progress(console) as progress:
            task = progress.add_task(name, total=None)
            place = pull(name, to=to, tell=lambda done, of: progress.update(task, completed=done,
                                                                           total=of))  # fmt: skip
    else:
        place = pull(name, to=to, tell=_Tenths(console, name))
    Screen(soft_wrap=True).print(f"{escape(str(place))}", highlight=False)
    use = name if to is None else str(place)
    console.print(f"Use it: --model {escape(use)}, or --answerer {escape(use)}.", highlight=False)
    return 0


def _progress(console: Any) -> Progress:
    return Progress(
        "{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console
    )


class _Tenths:
    """Says in lines how far it is, where nobody looks at a bar."""

    def __init__(self, console: Any, name: str) -> None:
        self._console, self._name, self._said = console, name, 0

    def __call__(self, done: int, of: int) -> None:
        tenth = done * _TENTHS // max(of, 1)
        if tenth > self._said:
            self._said = tenth
            told = f"{self._name}: {done * 100 // max(of, 1)}% of {_short(of, 'B')}"
            self._console.print(told, highlight=False, markup=False)
