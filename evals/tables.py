"""Tables in README.md and docs/ that are made of what the code declares.

A table stands between two markers, and what is between them is written anew:

    <!-- table: checks -->
    <!-- end of table -->

``python -m evals tables`` writes all of them, ``--check`` only says which pages are out of date.
Tables: ``checks`` and ``reasons`` of the gate's registry, ``models`` of the catalogue,
``server_names`` and ``server_abilities``, ``method NAME``, with a line for each option of a step
and its command, and ``options MODULE:NAME`` of any function.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import msgspec

from evals.server_tables import server_abilities, server_names
from evolsynth.cli.flags import flag_of
from evolsynth.cli.methods import called
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.check import COSTS, ordered
from evolsynth.findings import known_reasons
from evolsynth.llm.llamacpp.files import CATALOGUE
from evolsynth.methods.method import METHODS
from evolsynth.options import Option, options_of
from evolsynth.pipeline.steps import STEPS

__all__ = ["PAGES", "add_options", "run", "written"]

ROOT = Path(__file__).parent.parent
#: The pages that may have tables.
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_PLACE = re.compile(
    r"(<!-- table: (?P<name>\w+)(?: (?P<of>\S+))? -->\n).*?(<!-- end of table -->)", re.S
)


def checks() -> list[str]:
    """Every check: what it looks at, whether it is made, its thresholds, its languages, its
    needs."""
    lines = ["| check | looks at | made | threshold (default) | languages | needs |"]
    lines.append("|---|---|---|---|---|---|")
    cost = ""
    for check in ordered():
        if check.cost != cost:
            cost = check.cost
            lines.append(f"| **{cost}**: {COSTS[check.cost]} | | | | | |")
        cells = [
            f"`{check.name}`",
            ", ".join(check.parts) + (" that a model wrote" if check.own else ""),
            "if asked for" if check.optional else "yes",
            ", ".join(f"`{name}` {one.default}" for name, one in check.thresholds.items()),
            ", ".join(check.languages) or "all",
            check.needs.replace("|", "\\|"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def reasons() -> list[str]:
    """Every reason for which rows are rejected, those of checks first, with its sentence."""
    known = known_reasons()
    names = [*(check.name for check in ordered()), *sorted(known)]
    lines = ["| reason | meaning |", "|---|---|"]
    return lines + [f"| `{name}` | {known[name].sentence} |" for name in dict.fromkeys(names)]


def models() -> list[str]:
    """Every model of the catalogue, with its licence and file."""
    lines = ["| model | parameters | licence | file | size | memory | good for |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, one in CATALOGUE.items():
        cells = [
            f"`{name}`",
            f"{one.parameters / 1e9:.2f}B",
            one.licence,
            f"`{one.file}` of `{one.hub}`" if not one.package else f"`{one.requirement}`",
            f"{one.size / 1e9:.2f} GB",
            f"{one.memory / 2**30:.1f} GiB",
            one.good_for,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def options(of: str) -> list[str]:
    """The options of a function, given as ``package.module:NAME``."""
    module, _, name = of.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    lines = ["| option | default | what it is |", "|---|---|---|"]
    for option in options_of(function).values():
        default = "must be given" if option.required else f"`{option.default!r}`"
        text = f"{option.text} {_range(option.kind)}".strip().replace("|", "\\|")
        lines.append(f"| `{option.name}` | {default} | {text} |")
    return lines


def method(name: str) -> list[str]:
    """The options of a method's step, which are those of its command."""
    command = METHODS[name].command or ""
    maker = STEPS[name]
    flags = called(maker.options, command)
    lines = ["| option | flag | default | what it is |", "|---|---|---|---|"]
    for option in maker.options.values():
        flag = flag_of(flags.get(option.name, option.name))
        if option.default is True:
            flag = f"--no-{flag[2:]}"
        text = f"{option.text} {_range(option.kind)}".strip().replace("|", "\\|")
        lines.append(f"| `{option.name}` | `{flag}` | {_default(option)} | {text} |")
    return lines


def _default(option: Option) -> str:
    if option.required:
        return "must be given"
    if isinstance(option.default, msgspec.Struct):
        usual = type(option.default)()
        fields = msgspec.structs.asdict(option.default).items()
        told = [f"{name} {value}" for name, value in fields if value != getattr(usual, name)]
        return f"`{', '.join(told)}`" if told else ""
    return "" if option.default in (None, (), "") else f"`{option.default!r}`"


def _range(kind: Any) -> str:
    signs = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    metas = [meta for meta in get_args(kind) if isinstance(meta, msgspec.Meta)]
    ends = [
        f"{word} {end:g}"
        for meta in metas
        for name, word in signs.items()
        if (end := getattr(meta, name)) is not None
    ]
    return f"({', '.join(ends)})" if ends else ""


#: Tables of all that there is of a kind.
_WHOLE = {
    "checks": checks,
    "reasons": reasons,
    "models": models,
    "server_names": server_names,
    "server_abilities": server_abilities,
}


def written(page: str) -> str:
    """A page's text with its tables as they should be.

    Raises:
        InputError: it asks for a table that there is not.
    """

    def table(match: re.Match[str]) -> str:
        name = match["name"]
        if name == "options" and match["of"]:
            lines = options(match["of"])
        elif name == "method" and match["of"] in METHODS:
            lines = method(match["of"])
        elif name in _WHOLE and not match["of"]:
            lines = _WHOLE[name]()
        else:
            raise InputError(
                f"There is no table '{name}'. There are: {', '.join(_WHOLE)}, method, options."
            )
        return match[1] + "\n".join(lines) + "\n" + match[4]

    return _PLACE.sub(table, page)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be asked for."""
    parser.add_argument("--check", action="store_true", help="only say what is out of date")


def run(options: argparse.Namespace) -> int:
    """Write the tables, or say which pages are out of date; the exit status."""
    old = [page for page in PAGES if written(text := page.read_text("utf-8")) != text]
    for page in old:
        if options.check:
            print(f"{page.relative_to(ROOT)}: a table is out of date: python -m evals tables")
        else:
            page.write_text(written(page.read_text("utf-8")), encoding="utf-8")
    return int(bool(old) and options.check)
