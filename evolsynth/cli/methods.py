"""The commands of methods: each is a pipeline around the method's one step.

``evolsynth evolve seeds.jsonl -o evolved.jsonl --rounds 3`` is ``load >> evolve >> gate``, run as
any pipeline is: same store, progress, budgets, faults and report. Flags are those of the method's
signature, of `load`, and of a run (`evolsynth.options`).
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolsynth.cli.reading import CALLED, SHORT
from evolsynth.errors import InputError
from evolsynth.registry import summary

if TYPE_CHECKING:
    from evolsynth.methods.method import Method
    from evolsynth.options import Option
    from evolsynth.pipeline.graph import Pipeline

__all__ = ["add_method_commands", "called", "method_summaries"]

#: Flags of every command: an option of a method that is called as one of them has another flag.
_TAKEN = ("all", "chat_template", "folder", "format", "gate", "help", "log", "model", "no_gate",
          "output", "rejects")  # fmt: skip
#: Options of `load` that its flags leave out: the file is an argument, and a run has a limit too.
_LOADED = ("data", "limit", "needs", "step")


def add_method_commands(commands: Any, wanted: str | None) -> None:
    """Add a parser for each command, and the flags of the one that is wanted.

    What the others do is read off their source: to import all of them takes longer than to say it.
    """
    for command, text in method_summaries().items():
        shown = text[:1].lower() + text[1:].rstrip(".")
        parser = commands.add_parser(command, help=shown, description=text)
        if command == wanted:
            _fill(parser, command)


def method_summaries() -> dict[str, str]:
    """What each command does, in a sentence: ours in alphabetical order, then other packages'."""
    import evolsynth.methods as ours

    found: dict[str, dict[bool, str]] = {}
    for place in ours.__path__:
        for file in sorted(Path(place).rglob("*.py")):
            for command, shape, text in _declared(file):
                found.setdefault(command, {})[shape == "source"] = summary(text)
    from importlib.metadata import entry_points

    if entry_points(group="evolsynth.methods"):
        from evolsynth.methods.method import METHODS

        for one in METHODS.values():
            if one.command and not one.function.__module__.startswith(f"{ours.__name__}."):
                texts = found.setdefault(one.command, {})
                texts[one.shape == "source"] = summary(one.function.__doc__)
    return {command: _told(found[command]) for command in sorted(found)}


def _told(texts: Mapping[bool, str]) -> str:
    """What a command does with rows, and without, where that is another thing."""
    rows, makes = texts.get(False), texts.get(True)
    if rows is None or makes is None or rows == makes:
        return rows or makes or ""
    return f"{rows} Without IN: {makes[:1].lower()}{makes[1:]}"


@cache
def _declared(file: Path) -> tuple[tuple[str, object, str], ...]:
    """The commands of a file's methods, with their shapes and docstrings."""
    text, found = file.read_text(encoding="utf-8"), list[tuple[str, object, str]]()
    for node in ast.parse(text).body if "@method(" in text else ():
        if not isinstance(node, ast.AsyncFunctionDef):
            continue
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "method":
                told = {k.arg: k.value.value for k in call.keywords
                        if isinstance(k.value, ast.Constant)}  # fmt: skip
                command = told.get("command", told.get("name", node.name))
                if command:
                    about = ast.get_docstring(node) or ""
                    found.append((str(command).replace("_", "-"), told.get("shape"), about))
    return tuple(found)


def _fill(parser: argparse.ArgumentParser, command: str) -> None:
    """The flags of one command."""
    from evolsynth.cli.flags import add_flags, note_path
    from evolsynth.cli.runs import add_run_flags
    from evolsynth.options import FilePath, OutputFolder, RowsPath
    from evolsynth.pipeline.steps import STEPS

    forms = _forms(command)
    makes, takes = forms.get("source"), forms.get("rows")
    data = "" if takes is None else "[IN ...] " if makes else "IN ... "
    parser.usage = f"%(prog)s {data}[-o FILE] [options]"
    if takes is not None:
        parser.add_argument(
            "data",
            nargs="*" if makes else "+",
            metavar="IN",
            help="rows: a file of any kind that `load` reads, - for standard input"
            + ("; without one, new rows are made" if makes else ""),
        )
    note_path(parser, "data", "IN", FilePath)
    note_path(parser, "output", "-o", RowsPath, "-")
    note_path(parser, "rejects", "--rejects", RowsPath)
    note_path(parser, "folder", "--folder", OutputFolder)
    parser.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="accepted rows (default: stdout)"
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
    parser.set_defaults(format=usual)
    if usual != "rows":
        parser.add_argument(
            "--format",
            action="append",
            dest="formats",
            metavar=f"{{{','.join(_PAIRS)}}}",
            help=f"pairs for TRL, as messages or as texts, or whole rows (default: {usual}); "
            "or the form that IN has, as for `gate`",
        )
    if any(m.then({}).get("gate") is not None for m in forms.values()):
        add_flags(parser, [STEPS["gate"].options["settings"]._replace(name="gate")])
        parser.add_argument("--no-gate", action="store_true", help="judge nothing")
    known = _options_of(forms)
    names = called(known, command)
    for title, those in _groups(forms).items():
        if those:
            add_flags(parser.add_argument_group(title), those, called=names)
    taken = {*known, *_TAKEN}
    if takes is not None:
        rows, loaded = parser.add_argument_group("the rows that are read"), _load_options()
        if usual != "rows":  # its --format says both
            loaded = [option for option in loaded if option.name != "format"]
        add_flags(rows, loaded, called=_load_names(loaded, taken), prefix="load", short=SHORT)
        taken |= {option.name for option in loaded}
    add_run_flags(parser.add_argument_group("the run"), taken=taken)
    parser.set_defaults(command=lambda options: _run(options, command))


def _options_of(forms: Mapping[str, Method]) -> dict[str, Option]:
    """The options of all of a command's methods."""
    return {option.name: option for those in _groups(forms).values() for option in those}


def _groups(forms: Mapping[str, Method]) -> dict[str, list[Option]]:
    """A command's options under the titles that its help has."""
    from evolsynth.pipeline.steps import STEPS

    each = {form: STEPS[method.name].options for form, method in forms.items()}
    everywhere = set.intersection(*map(set, each.values()))
    first = next(iter(each.values()))
    groups = {"the method": [o for name, o in first.items() if name in everywhere]}
    for form, title in (("rows", "with IN"), ("source", "without IN")):
        own = [o for name, o in each.get(form, {}).items() if name not in everywhere]
        groups[f"the method, {title}"] = own
    return groups


def called(options: Mapping[str, Option], command: str) -> dict[str, str]:
    """Other names for options whose own names are flags of every command."""
    return {n: "output-field" if n == "output" else f"{command}-{n}" for n in options
            if n in _TAKEN}  # fmt: skip


def _forms(command: str) -> dict[str, Method]:
    """A command's methods: the one that makes rows, and the one that takes them."""
    from evolsynth.methods.method import METHODS

    METHODS.find(command.replace("-", "_"))
    found = [m for m in METHODS.values() if m.command == command]
    return {"source" if m.shape == "source" else "rows": m for m in found}


def _load_options() -> list[Option]:
    from evolsynth.pipeline.steps import STEPS

    return [o for name, o in STEPS["load"].options.items() if name not in _LOADED]


def _load_names(loaded: Sequence[Option], taken: Collection[str]) -> dict[str, str]:
    """What flags of reading are called in a command whose own options are ``taken``."""
    names = {option.name for option in loaded} - {"format"}
    return {**CALLED, **{name: f"load-{name}" for name in names if name in taken}}


#: What a command that makes pairs can write.
_PAIRS = ("conversational", "standard", "rows")


def _take_formats(options: argparse.Namespace) -> dict[str, str]:
    """Tell the form that is written, which is set, from the form that is read."""
    read = {}
    for name in getattr(options, "formats", None) or ():
        if name in _PAIRS:
            options.format = name
        else:
            read["format"] = name
    return read


def _run(options: argparse.Namespace, command: str) -> int:
    from evolsynth.cli.flags import flag_of, given
    from evolsynth.cli.progress.watch import error_console
    from evolsynth.cli.runs import run_to_files
    from evolsynth.pipeline.steps import STEPS

    def wrong(what: str) -> InputError:
        return InputError(f"{what} See: evolsynth {command} --help")

    forms, data = _forms(command), getattr(options, "data", [])
    method = forms.get("rows" if data else "source")
    if method is None:
        raise wrong("Give rows to work on.")
    maker, known = STEPS[method.name], _options_of(forms)
    names = called(known, command)
    told = given(options, known.values())
    for name in told:
        if name not in maker.options:
            flag = flag_of(names.get(name, name))
            raise wrong(f"{flag} goes {'without' if data else 'with'} IN.")
    for name in maker.missing(told):
        makes = "" if "rows" not in forms or name in STEPS[forms["rows"].name].options else (
            ", or rows to work on")  # fmt: skip
        raise wrong(f"Give {flag_of(names.get(name, name))}{makes}.")
    for one, other in (("--gate", "--no-gate"), ("--all", "--rejects")):
        if all(vars(options).get(n) or vars(options).get(f".{n}")
               for n in (one[2:], other[2:].replace("-", "_"))):  # fmt: skip
            raise wrong(f"{one} and {other} exclude each other. Leave one out.")
    for hint in method.hints(told):
        error_console().print(f"Hint: {hint}", highlight=False, markup=False)
    for place in data:
        if place != "-" and Path(place).is_file() and not Path(place).stat().st_size:
            raise wrong(f"{place}: there are no rows.")
    if data.count("-") > 1:
        raise wrong("Standard input can be read once only.")
    loaded = {**given(options, _load_options(), "load"), **_take_formats(options)}
    if loaded and not data:
        raise wrong(f"{flag_of(CALLED.get(min(loaded), min(loaded)))} goes with IN.")
    pipeline = _pipeline(method, told, data, loaded, options)
    return run_to_files(pipeline.using(name=command), options, lines=options.format)


def _is_text(place: str) -> bool:
    """Whether it is a file or a folder of texts, or a pattern of such, and not of rows."""
    from evolsynth.data.documents.document import is_document
    from evolsynth.data.files import row_files
    from evolsynth.data.finding import matching

    path = Path(place)
    if path.is_file():
        return is_document(path)
    return (path.is_dir() and not row_files(path)) or any(map(is_document, matching(place)))


def _pipeline(
    method: Method,
    told: Mapping[str, Any],
    data: list[str],
    loaded: Mapping[str, Any],
    options: argparse.Namespace,
) -> Pipeline:
    from evolsynth.data.documents.document import is_document
    from evolsynth.pipeline.graph import Pipeline
    from evolsynth.pipeline.steps import STEPS

    needs = STEPS[method.name](**told).needed()
    texts = [name for name, kind in needs.items() if kind == "text"]
    cut = [
        one for one in data if "input" in needs and set(loaded) <= {"skip_bad"} and _is_text(one)
    ]
    sources = [
        STEPS["load"](
            one,
            # a text file is a row; what has no known ending is read line by line
            step="load" if is_document(Path(one)) else "read",
            needs=texts,
            **loaded,
        )
        for one in data
        if one not in cut
    ]
    if cut:
        sources.insert(0, STEPS["texts"](cut, **loaded))
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
