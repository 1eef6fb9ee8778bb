"""``evolsynth demo``: the whole line, from nothing to a checked data set and its report."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from evolsynth.cli import typed
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.summary import summarise
from evolsynth.cli.progress.told import run_told, tell_json
from evolsynth.cli.progress.watch import error_console, watcher
from evolsynth.cli.runs import model_told
from evolsynth.data.files import read_rows
from evolsynth.llm.backends import DEFAULT_MODEL
from evolsynth.options import FilePath, ModelName, Natural, OutputFolder, TextOrPath
from evolsynth.pipeline import evolve, gate, magpie, merge, respond
from evolsynth.pipeline.graph import Pipeline, Step
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.stopping import run_to_end
from evolsynth.pipeline.steps import STEPS
from evolsynth.prompts import passages_folder
from evolsynth.rows import Row
from evolsynth.store.sqlite_file import STORE
from evolsynth.store.status import read_status

__all__ = ["UNDER_WAY", "demo", "examples", "line", "stopped"]


def demo(
    *,
    output: OutputFolder = "runs/demo",
    rows: Natural = 100,
    seed: Natural = 7,
    model: ModelName | None = None,
    chat_template: TextOrPath | None = None,
    answerer: ModelName | None = None,
    judge: ModelName | None = None,
    texts: Sequence[FilePath] | None = None,
    json: bool = False,
) -> int:
    """Make a small checked data set and its report.

    Tasks about texts, with answers that stand in them; problems that are computed; texts to be
    mended, and sentences to be written with given words; Self-Instruct's tasks; Magpie's requests
    that bring a text, and, of another model than the smallest, for what is made up. Most are
    evolved by demands that a program can check, and only rows whose answer is verified are
    accepted. The same command goes on with a run that was stopped.

    Args:
        output: where to write.
        rows: to accept.
        seed: the same seed gives the same rows.
        model: a .gguf file, a name of the catalogue, or owner/repository/file.gguf of the hub.
        chat_template: of the model, instead of its own: a name (chatml, gemma, llama3, mistral,
            ...), a .jinja file, a tokenizer_config.json, another .gguf file, or the jinja text.
        answerer: the model that answers, as for --model; by default that one.
        judge: the model of what judges by a model; by default the answerer.
        texts: files, folders or patterns to take the texts from (.txt, .md, .html, .docx, .pdf);
            by default sixty that ship.
        json: tell what came of it as one JSON object in a line.
    """
    console = error_console() if json else Screen(soft_wrap=True)
    goes_on = stopped(output)
    models = ", ".join(dict.fromkeys(m for m in (model or DEFAULT_MODEL, answerer, judge) if m))
    console.print(
        f"Loading {escape(models)} and the embedder (15 s longer at its first use), then tasks, "
        f"their evolutions and answers, until {rows} rows are verified.",
        highlight=False,
    )
    if goes_on:
        console.print(f"Going on with the run in {escape(output)}.", highlight=False)
    options = RunOptions(
        llm=model_told(model, chat_template),
        answerer=answerer,
        judge=judge,
        seed=seed,
        accepted=rows or None,
        concurrency=min(max(rows, 1), UNDER_WAY),
        fresh=not goes_on,
        stall=None,
        watch=watcher("auto"),
        command=typed.command(),
    )
    some = list(texts) if texts else [passages_folder()]
    larger = answerer is not None or (model or DEFAULT_MODEL) != DEFAULT_MODEL
    result = run_to_end(run(line(some, rows, seed, made_up=larger), output, options))
    if json:
        tell_json(run_told(result, typed.again()))
        return 0
    summarise(result, console, again=typed.again())
    accepted = list(read_rows(result.files["accepted"]))
    examples(console, [row for row in accepted if row.round] or accepted)
    return 0


#: Kinds of `grounded` that ask for a piece of the text.
_QUESTIONS = ("year", "date", "how_many", "how_much", "how_long", "who", "what", "where", "why")
#: What evolutions add: demands that a program can check.
_CONSTRAINTS = {"constraints": 1.0}
#: What is asked often enough without the first branch.
_OFTEN = (*_QUESTIONS, "find_sentence")
#: Kinds of `grounded` for what few others ask: gaps, orders, forms.
_SELDOM = {"fill_in": 1.5, "order": 1.5, "to_json": 3.0, "true_false_list": 0.5, "classify": 0.5,
           "find_sentence": 0.3}  # fmt: skip
#: Problems, and more of those that ask for an order or a form.
_PROBLEMS = {"own": 1.0, "order": 0.2, "sorting": 0.2, "formats": 0.2}
#: Of the rows that are wanted, so many passages are asked about, followed by a conversation,
#: spoiled to be mended, and named words of: hardly any of these is refused, and they would be most
#: of the rows.
_ASKED, _FOLLOWED, _MENDED, _WRITTEN = 0.14, 0.03, 0.3, 0.1
#: Rows that are wanted for one of each passage and branch; for more of them, more are made of each.
_ROWS_EACH = 150
#: Tasks of Self-Instruct at least: what its pool begins to vary with.
_LEAST_TASKS = 10
#: Of these, how many have an answer that a program makes.
_BY_RULE = 0.8
#: Rows under way at each step. Branches take turns, so all wait for the slowest, whose rows come
#: the sooner the fewer others are worked on beside them; and what is under way at the end was made
#: for nothing. With as many as the model can use, 100 rows took 80 s, with 8 they took 50.
UNDER_WAY = 8
#: How a run comes to its end by itself.
_ENDS = ("finished", "accepted")
#: What the demo's gate asks for: an answer, and one that stands on something.
_SETTINGS = {"least_tier": "verified", "also": ["no_response"]}


def line(paths: Sequence[str], rows: int, seed: int = 0, *, made_up: bool = False) -> Pipeline:
    """Nine branches that take turns, and the gate: see `demo`.

    Args:
        paths: of the texts.
        rows: that are wanted.
        seed: of the orders in which the branches take the passages.
        made_up: whether a tenth asks for stories and the like, which a small model cannot write.
    """
    checked = gate(settings=_SETTINGS)
    if not rows:
        return (magpie(n=0) >> checked).using(name="demo")
    each = 1 + rows // _ROWS_EACH
    added = evolve(demands=True, operations=_CONSTRAINTS)
    instead = evolve(demands=True, operations=_CONSTRAINTS, include_original_instruction=False)

    def passages(place: int, share: float | None = None) -> Step:
        some = {} if share is None else {"limit": math.ceil(share * rows / each)}
        return STEPS["texts"](list(paths), shuffle=seed + place, **some)

    asked = STEPS["grounded"](each=each, kinds=dict.fromkeys(_QUESTIONS, 1.0))
    branches = [
        passages(0) >> STEPS["grounded"](each=each, omit=_OFTEN) >> added,
        passages(1) >> STEPS["grounded"](each=each, kinds=_SELDOM) >> added,
        passages(2, _ASKED) >> asked >> instead,
        passages(3, _FOLLOWED) >> asked >> STEPS["follow_up"](),
        passages(4, _MENDED) >> STEPS["inverse"](each=each) >> instead,
        STEPS["computed"](sets=_PROBLEMS) >> added,
        STEPS["bootstrap_tasks"](n=max(_LEAST_TASKS, rows // 5), by_rule=_BY_RULE),
        passages(5, _WRITTEN) >> STEPS["inverse"](each=each, spoilers=["words"]) >> instead,
        magpie(only_with_text=True) >> added,
    ]
    if made_up:
        branches.append(magpie(made_up=True) >> added >> respond(candidates=4))
    return (branches >> merge() >> checked).using(name="demo")


def stopped(output: str) -> bool:
    """Whether the folder has a run that did not come to its end: neither all rows were made, nor
    were those accepted that were wanted."""
    return (Path(output) / STORE).exists() and read_status(output).ended not in _ENDS


def examples(console: Console, rows: Sequence[Row]) -> None:
    """Print three of the rows, from their beginning, middle and end."""
    width = min(shutil.get_terminal_size().columns, 110)
    for row in rows[:: max(1, len(rows) // 3)][:3]:
        console.print()
        _shown(console, "instruction", row.instruction, width)
        if row.beside is not None:
            _shown(console, "input", row.beside, width)
        _shown(console, "response", row.response, width)


def _shown(console: Console, name: str, text: str | None, width: int) -> None:
    """Print a text under a name, shortened."""
    short = " ".join((text or "").split())
    if len(short) > 300:
        short = short[:297] + "..."
    console.print(f"[bold]{name}[/bold] {escape(short)}", width=width, soft_wrap=False)
