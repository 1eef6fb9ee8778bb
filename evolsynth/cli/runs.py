"""Running pipelines from the command line: the flags of a run, and where its rows go."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec

from evolsynth.atomic import is_file, writing
from evolsynth.cli import typed
from evolsynth.cli.flags import add_flags, given, note_path
from evolsynth.cli.progress.summary import summarise
from evolsynth.cli.progress.told import run_told, tell_json
from evolsynth.cli.progress.watch import error_console, watcher
from evolsynth.cluster.settings import LOCAL, Ray
from evolsynth.errors import InputError
from evolsynth.export.trl import preference_line
from evolsynth.llm.backends import DEFAULT_MODEL
from evolsynth.llm.prices import prices_of
from evolsynth.options import Option, OutputFolder, TextOrPath, options_of
from evolsynth.pipeline.graph import Node, Pipeline
from evolsynth.pipeline.run.export import UNANSWERED
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.stopping import run_to_end
from evolsynth.pipeline.yaml.load import load_pipeline, set_parameters
from evolsynth.rows import Row, dump
from evolsynth.store.command import again
from evolsynth.store.status import stored_value

__all__ = ["CHAT_TEMPLATE", "RUN", "add_run_flags", "model_told", "priced"]
__all__ += ["run_into_folder", "run_options", "run_to_files"]
__all__ += ["template_told"]

_PYTHON = ("llm", "on", "prices", "outputs", "watch", "signals", "command", "observe")
_PRICES = options_of(prices_of)
#: A run's options that the command line has: all but those that only Python can give.
RUN: Mapping[str, Option] = _PRICES | {
    name: option for name, option in options_of(RunOptions).items() if name not in _PYTHON
}
CHAT_TEMPLATE = (
    "of --model, instead of its own: a name (chatml, gemma, llama3, mistral, ...), a .jinja file, "
    "a tokenizer_config.json, another .gguf file, or the jinja text"
)
#: What belongs to the run and is used again when it goes on by its folder's name.
_KEPT = ("llm", "answerer", "judge", "models", "seed", "accepted", "max_tokens", "max_cost",
         "max_attempts", "stall", "cache", "concurrency", "breaker", "steer", "embedder", "report",
         "batch", "batch_size", *_PRICES)  # fmt: skip


def add_run_flags(parser: Any, *, taken: Collection[str] = ()) -> None:
    """Add the flags of a run; one whose name is taken is called ``--run-NAME``."""
    note_path(parser, "model", "--model", TextOrPath)
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="of steps that name none: a .gguf file, a name of the catalogue, or "
        "owner/repository/file.gguf of the hub",
    )
    note_path(parser, "chat_template", "--chat-template", TextOrPath)
    parser.add_argument("--chat-template", metavar="FILE|NAME", help=CHAT_TEMPLATE)
    called = {name: f"run-{name}" for name in RUN if name in taken}
    add_flags(parser, RUN.values(), called=called, prefix="run")
    parser.add_argument(
        "--ray",
        nargs="?",
        const=LOCAL,
        metavar="ADDRESS",
        help="run the models that compute in process on Ray instead: of this machine, of the "
        "cluster that it belongs to (auto), or HOST:PORT; the rows stay the same",
    )
    parser.add_argument("--ray-workers", type=int, metavar="N", help="of --ray, at most")
    parser.add_argument(
        "--ray-cpus", type=int, metavar="N", help="processors of each of these workers (default: 1)"
    )
    parser.add_argument(
        "--ray-served",
        action="store_true",
        default=None,
        help="have the workers ask models behind servers, too: http://localhost:8000 is then a "
        "server on each node",
    )
    parser.add_argument(
        "--ray-patience",
        type=float,
        metavar="SECONDS",
        help="after which a worker, or a node that keeps rows, is taken for dead if it says "
        "nothing (default: 60)",
    )
    parser.add_argument(
        "--ray-shards",
        type=int,
        metavar="N",
        help="processes that keep what the gate compares rows with; 0: the run's own (default: "
        "one for each node, where there are several)",
    )
    parser.add_argument(
        "--log",
        choices=("auto", "plain", "json", "quiet"),
        default="auto",
        help="how the progress is told: a table on a terminal, lines, JSON events (default: auto)",
    )
    parser.add_argument(
        "--json", action="store_true", help="tell what came of it as one JSON object in a line"
    )


def run_options(options: argparse.Namespace) -> dict[str, Any]:
    """What the flags of a run gave, by the names of `RunOptions`, ``log`` and ``json``."""
    told = given(options, RUN.values(), "run") | {"log": options.log, "json": options.json}
    if (on := _ray(options)) is not None:
        told["on"] = on
    llm = model_told(options.model, options.chat_template)
    return told if llm is None else {**told, "llm": llm}


def _ray(options: argparse.Namespace) -> Ray | None:
    """Where ``--ray`` says that models are to run.

    Raises:
        InputError: a number is none of workers or processors, or there is one without ``--ray``.
    """
    names = ("workers", "cpus", "served", "patience", "shards")
    some = {name: value for name in names if (value := getattr(options, f"ray_{name}")) is not None}
    if options.ray is None:
        if some:
            raise InputError(f"--ray-{next(iter(some))} goes with --ray [ADDRESS].")
        return None
    try:
        return msgspec.convert({"address": options.ray, **some}, Ray)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$.")
        raise InputError(f"--ray-{place.strip('`')}: {said}.") from None


def model_told(model: str | None, chat_template: str | None) -> str | dict[str, str] | None:
    """What ``--model`` and ``--chat-template`` say, as `RunOptions` takes it."""
    if chat_template is None:
        return model
    return {"model": model or DEFAULT_MODEL, **template_told(chat_template)}


def template_told(chat_template: str | None) -> dict[str, str]:
    """What ``--chat-template`` says, as an option of a back end."""
    return {} if chat_template is None else {"chat_template": chat_template}


def priced(told: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a run, its prices as `RunOptions` takes them."""
    prices = prices_of(**{name: told[name] for name in _PRICES if name in told})
    return {n: value for n, value in told.items() if n not in _PRICES} | {"prices": prices}


def run_into_folder(
    pipeline: TextOrPath,
    *,
    param: Sequence[str] = (),
    output: OutputFolder | None = None,
    **run: Any,
) -> int:
    """Run a pipeline into a folder, or go on with a run.

    Rows go to accepted.jsonl, rejected.jsonl and failed.jsonl, instructions that wait for a better
    answer to unanswered.jsonl. What is in the folder's store is
    not asked again, so the same command goes on with a run that was stopped or killed. The exit
    status is 1 if a row failed or the run stalled.

    Args:
        pipeline: a YAML file, script.py:NAME or package.module:NAME; or the folder of a run, to go
            on with it.
        param: another value for an option of a step, as STEP.OPTION=VALUE; repeatable.
        output: where (default: runs/NAME).
        run: see `run_options`.
    """
    spec, told, shown = pipeline, run, dict[str, Any]()
    if Path(spec).is_dir():
        command = stored_value(spec, "command")
        if not isinstance(command, dict) or "spec" not in command:
            typed_once = again(command)  # of a method's command, the demo, or texts
            if typed_once:
                raise InputError(f"{spec}: that run goes on when it is typed again: {typed_once}")
            raise InputError(
                f"{spec}: there is no run to go on with. Give the pipeline: evolsynth run "
                f"pipeline.yaml -o {spec}"
            )
        shown = command.get("shown", {})
        spec, output = command["spec"], output or spec
        param = param or command["parameters"]
        told = {**command["options"], **told}
    else:
        shown = {"spec": spec}
    shown |= {"options": {**shown.get("options", {}), **_typed(run)}}
    made = set_parameters(load_pipeline(spec), param)
    if told.get("cache") is not None:  # the same from any folder
        told["cache"] = str(Path(told["cache"]).absolute())
    for role in ("llm", "answerer", "judge"):
        if isinstance(told.get(role), dict):
            told[role] = {name: _from_anywhere(place) for name, place in told[role].items()}
        elif told.get(role) is not None:
            told[role] = _from_anywhere(told[role])
    kept = {name: value for name, value in told.items() if name in _KEPT}
    command = {"spec": _absolute(spec), "parameters": list(param), "options": kept}
    command |= {"shown": shown, "here": str(Path.cwd())}
    return _run(made, output or f"runs/{made.name}", told, command=command)


def _typed(run: Mapping[str, Any]) -> dict[str, Any]:
    """What makes the rows what they are, as it was given: for whoever makes the run again."""
    known = RUN.keys() - {"fresh", "use_cache", "report"} | {"llm"}
    return {name: value for name, value in run.items() if name in known}


def run_to_files(pipeline: Pipeline, options: argparse.Namespace, *, lines: str) -> int:
    """A method's command: accepted rows go to one file, the others to another; the exit status."""
    folder = options.folder
    if folder is None and options.output != "-" and _named(options.output):
        folder = f"{options.output}.run"
    last = len(pipeline.nodes()) - 1
    line: Callable[[Row], str] = Row.to_json
    if lines != "rows":
        line = lambda row: dump(preference_line(row, lines))  # type: ignore[arg-type] # noqa: E731
    shown = {"all rows" if options.all else "accepted": options.output}
    shown["rejected"] = options.rejects
    shown = {name: place for name, place in shown.items() if place not in (None, "-")}
    with ExitStack() as files:
        write = files.enter_context(writing(options.output))
        refuse: Callable[[str], object] = write if options.all else len
        if options.rejects is not None:
            refuse = files.enter_context(writing(options.rejects))

        def observe(node: Node, row: Row) -> None:
            if node.index == last:
                good = row.status in ("accepted", "pending")
                (write if good else refuse)((line(row) if good else row.to_json()) + "\n")

        return _run(
            pipeline,
            folder,
            run_options(options),
            shown=shown,
            again=typed.again() if folder is not None else None,
            observe=observe,
            command=typed.command(),
            output=options.output,
        )


def _named(output: str) -> bool:
    """Whether the rows go to a file that a run's folder can be called after."""
    with suppress(OSError):  # what is wrong is told when it is opened
        return is_file(output)
    return True


def _run(
    pipeline: Pipeline,
    folder: str | None,
    told: Mapping[str, Any],
    *,
    again: str | None = None,
    shown: Mapping[str, Any] | None = None,
    output: str | None = None,
    **more: Any,
) -> int:
    console, options = error_console(), {**told, **more}
    log, json = options.pop("log"), options.pop("json", False)
    options["watch"] = watcher(log, console)
    result = run_to_end(run(pipeline, folder, RunOptions(**priced(options))))
    if shown is not None:  # what the user asked for, before what the run has in its folder
        rest = {name: result.files.get(name) for name in (UNANSWERED, "report")}
        rest["run"] = result.folder
        files = {n: Path(place) for n, place in {**shown, **rest}.items() if place is not None}
        result = msgspec.structs.replace(result, files=files)
    if json:
        tell_json(run_told(result, again), output=output)
    elif log not in ("json", "quiet"):
        summarise(result, console, again=again)
    return 1 if result.state.failed or result.ended == "stalled" else 0


def _from_anywhere(place: str) -> str:
    """A path that there is, as an absolute one; another text as it is."""
    with suppress(OSError, ValueError):  # a text too long to be a path
        if Path(place).exists():
            return str(Path(place).absolute())
    return place


def _absolute(spec: str) -> str:
    """The same pipeline from any folder."""
    path, colon, name = spec.rpartition(":")
    if not colon:
        return str(Path(spec).absolute())
    return f"{Path(path).absolute()}:{name}" if path.endswith(".py") else spec
