"""Commands as functions: what each takes stands in its signature and docstring, nowhere else.

Parameters that may stand by position are arguments, the others flags (`evolsynth.options`), and
``**run`` stands for the flags of a run, ``**reading`` for those of reading rows. The function gives
back the exit status.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import typing
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["COMMANDS", "add_commands"]

#: The function of each command, below ``evolsynth.cli``.
COMMANDS = {
    "init": "first.init.init",
    "demo": "demo.demo",
    "texts": "texts.command.texts",
    "run": "runs.run_into_folder",
    "preview": "preview.preview_command",
    "status": "progress.summary.status",
    "draw": "draw.draw_command",
    "schema": "draw.schema",
    "rescue": "rescue.rescue",
    "compare-systems": "compare.compare_systems",
    "report": "reports.report.report",
    "review": "reports.review.review",
    "compare": "reports.compare.compare",
    "export": "export.export",
    "gate": "gate.gate",
    "gates": "gate.gates",
    "information-loss": "measures.information_loss.information_loss",
    "diversity": "measures.diversity.diversity",
    "score": "measures.score.score",
    "select": "select.select",
    "dedup": "dedup.dedup",
    "models": "models.command.models",
    "doctor": "doctor.doctor",
    "completion": "first.completion.completion",
}
#: Names that commands once had, and that scripts may still use.
_ONCE = {"information-loss": ("check",)}
_SHORT = {"output": "-o", "rows": "-n"}


def add_commands(commands: Any, wanted: str | None) -> None:
    """Add a parser for each command, and the flags of the one that is wanted.

    What the others do is read off their source: to import all of them takes longer than to say it.
    """
    for command, place in COMMANDS.items():
        module, _, name = place.rpartition(".")
        about, _, more = _docstring(module, name).partition("\nArgs:\n")[0].partition("\n\n")
        about, more = (" ".join(part.split()).replace("``", "`") for part in (about, more))
        shown = about[:1].lower() + about[1:].rstrip(".")
        once = _ONCE.get(command, ())
        parser = commands.add_parser(
            command, aliases=once, help=shown, description=f"{about} {more}".strip()
        )
        if wanted in (command, *once):
            _fill(parser, getattr(import_module(f"evolsynth.cli.{module}"), name))


@cache
def _docstring(module: str, name: str) -> str:
    path = Path(__file__).parent / f"{module.replace('.', '/')}.py"
    body = ast.parse(path.read_text(encoding="utf-8")).body
    functions = (node for node in body if isinstance(node, ast.FunctionDef))
    return next(ast.get_docstring(node) or "" for node in functions if node.name == name)


def _fill(parser: argparse.ArgumentParser, function: Callable[..., int]) -> None:
    from evolsynth.cli.flags import add_flags, note_path
    from evolsynth.options import options_of

    flags, arguments, runs, reads = options_of(function), list[str](), False, False
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            runs, reads = name == "run", name == "reading"
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            arguments.append(name)
            option = flags.pop(name)
            text = option.text.rstrip(".")
            note_path(parser, name, name.upper(), option.kind)
            about: dict[str, Any] = {"help": text[:1].lower() + text[1:]}
            if not option.required:
                about |= {"nargs": "?", "default": option.default}
            if typing.get_origin(option.kind) is Sequence:
                about["nargs"] = "+"
            if typing.get_origin(option.kind) is typing.Literal:
                about["choices"] = typing.get_args(option.kind)
            parser.add_argument(name, metavar=name.upper(), **about)
    add_flags(parser, flags.values(), short=_SHORT, required=True)
    if runs:
        from evolsynth.cli.runs import add_run_flags

        add_run_flags(parser)
    if reads:
        from evolsynth.cli.reading import add_reading_flags

        add_reading_flags(parser, taken=flags)

    def call(options: argparse.Namespace) -> int:
        from evolsynth.cli.flags import given

        told = {name: getattr(options, name) for name in arguments}
        told |= given(options, flags.values())
        if runs:
            from evolsynth.cli.runs import run_options

            told |= run_options(options)
        if reads:
            from evolsynth.cli.reading import reading_options

            told |= reading_options(options)
        return function(**told)

    parser.set_defaults(command=call)
