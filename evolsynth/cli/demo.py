"""``evolsynth demo``: the whole line, from nothing to a checked data set and its report."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.summary import summarise
from evolsynth.cli.progress.watch import watcher
from evolsynth.cli.runs import model_told
from evolsynth.data.files import read_rows
from evolsynth.llm.backends import DEFAULT_MODEL
from evolsynth.options import ModelName, Natural, OutputFolder, TextOrPath
from evolsynth.pipeline import evolve, gate, magpie, respond
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.stopping import run_to_end
from evolsynth.store.sqlite_file import STORE
from evolsynth.store.status import read_status

__all__ = ["demo", "line", "shown", "stopped"]


def demo(
    *,
    output: OutputFolder = "runs/demo",
    rows: Natural = 100,
    seed: Natural = 7,
    model: ModelName | None = None,
    chat_template: TextOrPath | None = None,
    answerer: ModelName | None = None,
    judge: ModelName | None = None,
) -> int:
    """Make a small checked data set and its report.

    Requests for what is made up (Magpie), one Evol-Instruct round of demands that a program can
    check, the best of four answers, and only those that are verified; a report. The same command
    goes on with a run that was stopped.

    Args:
        output: where to write.
        rows: requests to make.
        seed: the same seed gives the same rows.
        model: a .gguf file, a name of the catalogue, or owner/repository/file.gguf of the hub.
        chat_template: of the model, instead of its own: a name (chatml, gemma, llama3, mistral,
            ...), a .jinja file, a tokenizer_config.json, another .gguf file, or the jinja text.
        answerer: the model that answers, as for --model; by default that one.
        judge: the model of what judges by a model; by default the answerer.
    """
    console = Screen(soft_wrap=True)
    goes_on = stopped(output)
    models = ", ".join(dict.fromkeys(m for m in (model or DEFAULT_MODEL, answerer, judge) if m))
    console.print(
        f"Loading {escape(models)} and the embedder (15 s longer at its first use), then {rows} "
        "requests for what is made up, an evolution of each that passes, answers, checks.",
        highlight=False,
    )
    if goes_on:
        console.print(f"Going on with the run in {escape(output)}.", highlight=False)
    options = RunOptions(
        llm=model_told(model, chat_template),
        answerer=answerer,
        judge=judge,
        seed=seed,
        fresh=not goes_on,
        stall=None,
        watch=watcher("auto"),
    )
    result = run_to_end(run(line(rows), output, options))
    given = {"--model": model, "--answerer": answerer, "--judge": judge}
    more = "".join(f" {flag} {shlex.quote(one)}" for flag, one in given.items() if one is not None)
    summarise(result, console, again=f"evolsynth demo -n {rows} -o {output}{more}")
    accepted = list(read_rows(result.files["accepted"]))
    evolved = [row for row in accepted if row.round] or accepted
    width = min(shutil.get_terminal_size().columns, 110)
    for row in evolved[:: max(1, len(evolved) // 3)][:3]:
        console.print()
        shown(console, "instruction", row.instruction, width)
        if row.beside is not None:
            shown(console, "input", row.beside, width)
        shown(console, "response", row.response, width)
    return 0


def line(n: int) -> Pipeline:
    """Requests for what is made up, an evolution of each, the best of four answers, the gate."""
    added = evolve(demands=True, operations={"constraints": 1})
    steps = magpie(n=n, made_up=True) >> added >> respond(candidates=4)
    return (steps >> gate(settings={"least_tier": "verified"})).using(name="demo")


def stopped(output: str) -> bool:
    """Whether the folder has a run that did not come to its end."""
    return (Path(output) / STORE).exists() and read_status(output).ended != "finished"


def shown(console: Console, name: str, text: str | None, width: int) -> None:
    """Print a text under a name, shortened."""
    short = " ".join((text or "").split())
    if len(short) > 300:
        short = short[:297] + "..."
    console.print(f"[bold]{name}[/bold] {escape(short)}", width=width, soft_wrap=False)
