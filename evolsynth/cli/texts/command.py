"""``evolsynth texts``: from texts to a checked data set about them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.markup import escape

from evolsynth.cli import typed
from evolsynth.cli.demo import examples, stopped
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.summary import summarise
from evolsynth.cli.progress.told import run_told, tell_json
from evolsynth.cli.progress.watch import error_console, watcher
from evolsynth.cli.runs import model_told
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.llm.backends import DEFAULT_MODEL
from evolsynth.options import Count, FilePath, ModelName, Natural, OutputFolder, TextOrPath
from evolsynth.pipeline.graph import Pipeline, Step
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.stopping import run_to_end
from evolsynth.pipeline.steps import STEPS, origin_of
from evolsynth.rows import Row

__all__ = ["line", "texts", "told"]

#: Rows that are made for one that is asked for: the gate takes some, and kinds are to be chosen.
_SPARE = 1.5


def texts(
    data: Sequence[FilePath],
    *,
    output: OutputFolder = "runs/texts",
    rows: Count = 50,
    kinds: Mapping[str, float] | None = None,
    words: Count = 200,
    skip_bad: bool = False,
    seed: Natural = 7,
    model: ModelName | None = None,
    chat_template: TextOrPath | None = None,
    json: bool = False,
) -> int:
    """Make rows about texts of your own: tasks with their answers, each checked against its text.

    The texts are cut into passages; tasks about each are made, only those that are verified are
    accepted, and of these as many as are asked for, evenly from all passages. The same command
    goes on with a run that was stopped.

    Args:
        data: .txt, .md, .html, .docx and .pdf files, folders of them, patterns; - for one from
            standard input.
        output: where to write.
        rows: to make.
        kinds: of tasks, by how often: year=2,true_false=1; by default all that there are.
        words: that a passage has at most.
        skip_bad: go on without texts that cannot be read.
        seed: the same seed gives the same rows.
        model: a .gguf file, a name of the catalogue, or owner/repository/file.gguf of the hub.
        chat_template: of the model, instead of its own: a name (chatml, gemma, llama3, mistral,
            ...), a .jinja file, a tokenizer_config.json, another .gguf file, or the jinja text.
        json: tell what came of it as one JSON object in a line.
    """
    console = error_console() if json else Screen(soft_wrap=True)
    goes_on = stopped(output)
    source = STEPS["texts"](list(data), words=words, skip_bad=skip_bad)
    origin = origin_of(source)
    passages = 0 if origin is None else origin.count() or 0
    if not passages:
        raise InputError(f"{', '.join(data)}: there is no passage to ask about. Give longer texts.")
    many = "1 passage" if passages == 1 else f"{passages:,} passages"
    console.print(
        f"{many} to ask about. Loading {escape(model or DEFAULT_MODEL)} and the embedder, then "
        f"tasks about each, until {rows} rows are checked.",
        highlight=False,
    )
    if goes_on:
        console.print(f"Going on with the run in {escape(output)}.", highlight=False)
    options = RunOptions(
        llm=model_told(model, chat_template),
        seed=seed,
        fresh=not goes_on,
        stall=None,
        watch=watcher("auto"),
        command=typed.command(),
    )
    pipeline = line(source, rows, passages, kinds).using(name="texts")
    result = run_to_end(run(pipeline, output, options))
    if json:
        tell_json(run_told(result, typed.again()) | {"passages": passages})
        return 0
    summarise(result, console, again=typed.again())
    accepted = list(read_rows(result.files["accepted"]))
    rejected = read_rows(result.files["rejected"])
    console.print()
    console.print(told(accepted, rejected, rows, passages), highlight=False, markup=False)
    examples(console, accepted)
    return 0


def line(
    source: Step, rows: int, passages: int, kinds: Mapping[str, float] | None = None
) -> Pipeline:
    """Tasks about each passage of texts, the gate, and as many rows as are asked for.

    Args:
        source: the step that gives the passages.
        rows: that are asked for.
        passages: that there are.
        kinds: of tasks, as `grounded` takes them; None for all.
    """
    each = math.ceil(_SPARE * rows / passages) + 1
    weights = {} if kinds is None else {"kinds": dict(kinds)}
    tasks = source >> STEPS["grounded"](each=each, **weights)
    return tasks >> STEPS["gate"](settings={"least_tier": "verified"}) >> STEPS["spread"](n=rows)


def told(accepted: Sequence[Row], rejected: Iterable[Row], rows: int, passages: int) -> str:
    """In a sentence: how many rows came of how many passages, and why not more."""
    of = Counter((str(r.extra.get("source")), str(r.extra.get("place"))) for r in accepted)
    whole = "1 passage" if passages == 1 else f"{passages} passages"
    many = f"{len(accepted)} of {rows} rows, from {len(of)} of {whole}"
    if len(accepted) == rows:
        low, high = min(of.values()), max(of.values())
        return f"{many}, {low if low == high else f'{low} to {high}'} from each."
    refused = sum(row.instruction is not None for row in rejected)
    others = f", and {refused} more did not come through the checks" if refused else ""
    return f"{many}: no more tasks could be made of these texts{others}. Give more or longer texts."
