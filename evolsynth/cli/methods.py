"""The commands of methods: each is a pipeline around the method's one step.

``evolsynth evolve seeds.jsonl -o evolved.jsonl --rounds 3`` is ``load >> evolve >> gate``, run as
any pipeline is: same store, progress, budgets, faults and report. Flags are those of the method's
signature, of `load`, and of a run (`evolsynth.options`).
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolsynth.errors import InputError
from evolsynth.options import summary

if TYPE_CHECKING:
    from evolsynth.methods.method import Method
    from evolsynth.pipeline.graph import Pipeline

__all__ = ["add_method_commands", "method_summaries"]

#: Options of `load` that its flags leave out: the file is an argument, and the command's own.
_LOADED = ("data", "needs", "step")


def add_method_commands(commands: Any, wanted: str | None) -> None:
    """Add a parser for each command, and the flags of the one that is wanted.

    What the others do is read off their source: to import all of them takes longer than to say it.
    """
    for command, text in method_summaries().items():
        parser = commands.add_parser(
            command,
            help=text[:1].lower() + text[1:].rstrip("."),
            description=f"{text} Details: docs/{command}.md.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if command == wanted:
            _fill(parser, command)


def method_summaries() -> dict[str, str]:
    """What each command does, in a sentence: ours in alphabetical order, then other packages'."""
    import evolsynth.methods as ours

    found: dict[str, str] = {}
    for place in ours.__path__:
        for file in sorted(Path(place).rglob("*.py")):
            found |= {c: text for c, text in _declared(file) if c not in found}
    from importlib.metadata import entry_points

    if entry_points(group="evolsynth.methods"):
        from evolsynth.methods.method import METHODS

        for method in METHODS.values():
            if method.command and method.command not in found:
                found[method.command] = summary(method.function.__doc__ or "")
    return dict(sorted(found.items()))


def _declared(file: Path) -> Iterator[tuple[str, str]]:
    """The commands of a file's methods and their summaries; the method of that name comes first."""
    text = file.read_text(encoding="utf-8")
    if "@method(" not in text:
        return
    for node in ast.parse(text).body:
        if not isinstance(node, ast.AsyncFunctionDef):
            continue
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "method":
                told = {k.arg: k.value.value for k in call.keywords
                        if isinstance(k.value, ast.Constant)}  # fmt: skip
                command = told.get("command", told.get("name", node.name))
                if command:
                    about = summary(ast.get_docstring(node) or "")
                    yield str(command).replace("_", "-"), about


def _fill(parser: argparse.ArgumentParser, command: str) -> None:
    """The flags of one command."""
    from evolsynth.cli.flags import add_flags
    from evolsynth.cli.runs import RUN, add_run_flags
    from evolsynth.pipeline.steps import STEPS

    forms = _forms(command)
    makes, takes = forms.get("source"), forms.get("rows")
    if takes is not None:
        parser.add_argument(
            "data",
            nargs="*" if makes else "+",
            metavar="IN",
            help="rows: a file of any kind that `load` reads, - for standard input"
            + ("; without one, new rows are made" if makes else ""),
        )
    # an option of the method that is called output has the long flag
    long = [] if any("output" in STEPS[m.name].options for m in forms.values()) else ["--output"]
    parser.add_argument(
        "-o", *long, dest="output", metavar="FILE", help="accepted rows (default: stdout)"
    )
    parser.add_argument("--rejects", metavar="FILE", help="the other rows, with their reasons")
    parser.add_argument(
        "--all", action="store_true", help="write all rows to FILE, each with its verdict"
    )
    parser.add_argument(
        "--folder",
        metavar="DIR",
        help="of the run, whose store lets the same command go on (default: FILE.run; none, where "
        "rows go to stdout)",
    )
    usual = (takes or makes).lines  # type: ignore[union-attr] # a command has a form
    parser.add_argument(
        "--format",
        choices=("rows", "conversational", "standard"),
        default=usual,
        help=f"whole rows, or pairs for TRL (default: {usual})",
    )
    if any(m.then({}).get("gate") is not None for m in forms.values()):
        add_flags(parser, [STEPS["gate"].options["settings"]._replace(name="gate")])
        parser.add_argument("--no-gate", action="store_true", help="judge nothing")
    own = parser.add_argument_group("the method")
    known: dict[str, Any] = {}
    for method in forms.values():
        fresh = {n: o for n, o in STEPS[method.name].options.items() if n not in known}
        add_flags(own, fresh.values())
        known |= fresh
    if takes is not None:
        rows = parser.add_argument_group("the rows that are read")
        add_flags(rows, _load_options(), taken={*known, *RUN}, prefix="load")
    add_run_flags(parser.add_argument_group("the run"), taken={*known, "format"})
    parser.set_defaults(command=lambda options: _run(options, command, RUN))


def _forms(command: str) -> dict[str, Method]:
    """A command's methods: the one that makes rows, and the one that takes them."""
    from evolsynth.methods.method import METHODS

    METHODS.find(command.replace("-", "_"))
    found = [m for m in METHODS.values() if m.command == command]
    return {"source" if m.shape == "source" else "rows": m for m in found}


def _load_options() -> list[Any]:
    from evolsynth.pipeline.steps import STEPS

    return [o for name, o in STEPS["load"].options.items() if name not in _LOADED]


def _run(options: argparse.Namespace, command: str, run_options: Mapping[str, Any]) -> int:
    from evolsynth.cli.flags import given
    from evolsynth.cli.progress.watch import error_console
    from evolsynth.cli.runs import run_to_files
    from evolsynth.pipeline.steps import STEPS

    forms, data = _forms(command), getattr(options, "data", [])
    form = "rows" if data else "source"
    if form not in forms:
        raise InputError(f"Give rows to work on. See: evolsynth {command} --help")
    method = forms[form]
    maker = STEPS[method.name]
    told = given(options, maker.options.values())
    other = forms.get("source" if data else "rows")
    if other is not None:
        strange = given(options, STEPS[other.name].options.values()).keys() - maker.options.keys()
        if strange:
            raise InputError(
                f"--{min(strange).replace('_', '-')} goes {'without' if data else 'with'} IN. "
                f"See: evolsynth {command} --help"
            )
    lacking = maker.missing(told)
    if lacking:
        flag = f"-{lacking[0]}" if len(lacking[0]) == 1 else f"--{lacking[0].replace('_', '-')}"
        raise InputError(f"{flag} is missing. See: evolsynth {command} --help")
    for hint in method.hints(told):
        error_console().print(f"Hint: {hint}", highlight=False, markup=False)
    pipeline = _pipeline(method, told, data, given(options, _load_options(), "load"), options)
    return run_to_files(pipeline.using(name=command), options, lines=options.format)


def _pipeline(
    method: Method,
    told: Mapping[str, Any],
    data: list[str],
    loaded: Mapping[str, Any],
    options: argparse.Namespace,
) -> Pipeline:
    from evolsynth.pipeline.graph import Pipeline
    from evolsynth.pipeline.steps import STEPS

    needed = needs(told) if callable(needs := STEPS[method.name].needs) else needs
    texts = [name for name, kind in needed.items() if kind == "text"]
    sources = [STEPS["load"](one, step="read", needs=texts, **loaded) for one in data]
    pipeline = Pipeline()
    if len(sources) > 1:
        pipeline = pipeline.then(sources).then(STEPS[method.join]())
    elif sources:
        pipeline = pipeline.then(sources[0])
    pipeline = pipeline.then(STEPS[method.name](**told))
    for name, more in method.then(told).items():
        if name == "gate":
            if options.no_gate:
                continue
            settings = vars(options).get(".gate")
            more = {} if settings is None else {"settings": settings}
        pipeline = pipeline.then(STEPS[name](**more))
    return pipeline
