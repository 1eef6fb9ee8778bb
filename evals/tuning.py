"""``python -m evals tuning``: does a data set teach?

A small model is read from its GGUF file, taught on the rows of each arm, written back as GGUF, and
measured in our own engine. All arms get equally many target tokens, so that no arm is better for
being larger; beside them stands the model untrained, in the same form (F16). What is measured: the
share of prompts whose demands its greedy answers meet all, and that of demands, by if-verifiable's
verifiers, strictly; how near its answers to questions about texts come to the right ones; and the
loss on answers that people wrote and on running text, which should not get worse. Each seed cuts,
orders and teaches anew.

Models and answers are kept in a folder under what they were made of: a second start goes on where
the first ended, and with other settings makes what is new.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from evals.machine import describe
from evals.options import add_json, check_place, positive, save, told_on, whole
from evals.quality import ANSWERS, Answer, read_answers
from evals.tuning_answers import Session
from evals.tuning_losses import passages, prose
from evals.tuning_model import Recipe, Trained, needed, read, train, write
from evals.tuning_questions import Question, found, prompts, questions
from evals.tuning_rows import UNTRAINED, Arm, Example, budget, cut, named, read_arm
from evals.tuning_scores import met
from evals.tuning_table import Result, by_demand, demands_table, differences, table
from evals.verifiers import Asked, judgeable, read_prompts
from evolsynth.atomic import written
from evolsynth.errors import InputError
from evolsynth.llm.backends import DEFAULT_MODEL
from evolsynth.llm.llamacpp.files import find_model, sha256_of
from evolsynth.llm.llamacpp.model import Model

__all__ = ["Texts", "add_options", "run"]

_FORM = 1  # of what is kept; another number makes everything anew


class Texts(NamedTuple):
    """What every model is measured on."""

    prompts: Sequence[Asked]
    answers: Sequence[Answer]
    passages: Sequence[str]
    questions: Sequence[Question]
    tokens: int


class _Task(NamedTuple):
    """A model to be made, and where it is kept. ``seed`` is None where nothing is taught."""

    arm: str
    seed: int | None
    examples: Sequence[Example]
    folder: Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--arm",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a data set: JSONL with instruction and response (repeatable)",
    )
    parser.add_argument(
        "--prompts",
        type=Path,
        required=True,
        metavar="FILE",
        help="JSONL in IFEval's form: key, prompt, instruction_id_list, kwargs",
    )
    parser.add_argument(
        "--text", type=Path, metavar="FILE", help="plain text (default: that of this project)"
    )
    parser.add_argument(
        "--tokens",
        type=positive,
        metavar="N",
        help="target tokens of every arm (default: those of the smallest)",
    )
    parser.add_argument(
        "--seeds", type=whole, nargs="+", default=[0, 1, 2], metavar="N", help="default: 0 1 2"
    )
    parser.add_argument("--epochs", type=positive, default=2, metavar="N", help="default: 2")
    parser.add_argument("--batch", type=positive, default=16, metavar="N", help="rows (16)")
    parser.add_argument("--rate", type=_rate, default=5e-5, metavar="X", help="default: 5e-5")
    parser.add_argument(
        "--answer-tokens", type=positive, default=512, metavar="N", help="at most (512)"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="MODEL", help="what is taught")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs/tuning"),
        metavar="FOLDER",
        help="where models (F16: 2 bytes a number) and answers are kept (runs/tuning)",
    )
    add_json(parser)


def _rate(text: str) -> float:
    """A learning rate."""
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number between 0 and 1")
    return rate


def run(options: argparse.Namespace) -> int:
    """Teach, measure, print and write JSON."""
    check_place(options.json)
    tell = partial(print, file=told_on(options.json), flush=True)
    files = named(options.arm)
    texts, unjudged = _texts(options)
    # Read when OpenMP is loaded. Threads that spin while they wait for one that the machine gave no
    # processor made a step 8 times as slow on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for name in ("gguf", "torch", "transformers"):
        needed(name)
    source, _ = find_model(options.model)
    arms = _arms(files, source)
    each = budget(arms, options.tokens) if arms else 0
    for arm in arms:
        tell(_described(arm, each))
    if unjudged:
        tell(f"prompts left out, as nltk's data is not here to verify {', '.join(unjudged)}")
    recipe = Recipe(options.epochs, options.batch, options.rate)
    tasks = _tasks(arms, each, list(dict.fromkeys(options.seeds)), recipe, source, options.output)
    results = [_result(task, recipe, source, texts, tell) for task in tasks]
    arms_apart = differences(results)
    demands = by_demand(texts.prompts, results)
    tell(table(results, arms_apart))
    tell(demands_table(demands))
    machine = msgspec.to_builtins(describe())
    save(
        options.json,
        {
            "machine": machine,
            "model": str(options.model),
            "recipe": recipe._asdict(),
            "target_tokens": each,
            "prompts": [asked.key for asked in texts.prompts],
            "not_verified": unjudged,
            "arms": {arm.name: _facts(arm) for arm in arms},
            "results": msgspec.to_builtins(results),
            "differences": msgspec.to_builtins(arms_apart),
            "by_demand": demands,
        },
    )
    return 0


def _texts(options: argparse.Namespace) -> tuple[Texts, list[str]]:
    asked, unjudged = judgeable(read_prompts(options.prompts))
    if options.text is None:
        text = prose()
    else:
        try:
            text = options.text.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--text {options.text}: it cannot be read ({error}).") from None
    answers = read_answers(ANSWERS)
    texts = Texts(asked, answers, passages(text), questions(), options.answer_tokens)
    return texts, unjudged


def _arms(files: Mapping[str, Path], source: Path) -> list[Arm]:
    model = Model(source)
    try:
        return [read_arm(name, path, model) for name, path in files.items()]
    finally:
        model.close()


def _described(arm: Arm, each: int) -> str:
    left_out = "".join(f", {count} left out ({why})" for why, count in arm.left_out.items())
    return (
        f"{arm.name}: {len(arm.examples)} rows, {arm.targets} target tokens{left_out}; {each} used"
    )


def _facts(arm: Arm) -> dict[str, Any]:
    return {"rows": len(arm.examples), "targets": arm.targets, "left_out": arm.left_out}


# What is made -------------------------------------------------------------------------------------


def _tasks(
    arms: Sequence[Arm],
    each: int,
    seeds: Sequence[int],
    recipe: Recipe,
    source: Path,
    output: Path,
) -> list[_Task]:
    """All models, the untrained first, then by seed: what is stopped early has whole seeds."""
    base = sha256_of(source)
    tasks = [_Task(UNTRAINED, None, (), _folder(output, UNTRAINED, [base]))]
    for seed in seeds:
        for arm in arms:
            examples = cut(arm.examples, each, seed)
            folder = _folder(output, f"{arm.name}-{seed}", [base, examples, recipe, seed])
            tasks.append(_Task(arm.name, seed, examples, folder))
    return tasks


def _folder(output: Path, name: str, made_of: Sequence[Any]) -> Path:
    """A folder whose name stands for all that a model is made of."""
    digest = hashlib.sha256(msgspec.json.encode([_FORM, *made_of])).hexdigest()[:12]
    folder = output / f"{name}-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--output {output}: no folder can be made there ({error.strerror}). Give another."
        ) from None
    return folder


def _result(
    task: _Task, recipe: Recipe, source: Path, texts: Texts, tell: Callable[[str], None]
) -> Result:
    """One model made and measured, or as much of it as is not there yet."""
    name = task.arm if task.seed is None else f"{task.arm}, seed {task.seed}"
    trained = _made(task, recipe, source, lambda said: tell(f"{name}: {said}"))
    file = task.folder / "model.gguf"
    session = Session(file, task.folder / "answers.jsonl", texts.tokens)
    tenth = max(1, len(texts.prompts) // 10)

    def count(done: int) -> None:
        if done % tenth == 0:
            tell(f"{name}: {done} of {len(texts.prompts)} answers")

    answers = asyncio.run(session.answers(texts.prompts, tell=count))
    verdicts = tuple(
        asked.met(answer) for asked, answer in zip(texts.prompts, answers, strict=True)
    )
    whole, demands = met([verdicts]).shares
    about = Session(file, task.folder / "questions.jsonl", texts.tokens)
    right = asyncio.run(about.answers(prompts(texts.questions)))
    result = Result(
        arm=task.arm,
        seed=task.seed,
        rows=len(task.examples),
        targets=sum(example.targets for example in task.examples),
        steps=trained.steps,
        train_seconds=trained.seconds,
        train_losses=trained.losses,
        answer_seconds=session.seconds,
        prompts=whole,
        demands=demands,
        questions=found(texts.questions, right),
        losses=asyncio.run(session.losses(texts.answers, texts.passages)),
        verdicts=verdicts,
    )
    tell(f"{name}: {whole:.1%} of prompts, {demands:.1%} of demands")
    return result


def _made(task: _Task, recipe: Recipe, source: Path, tell: Callable[[str], None]) -> Trained:
    """The task's model in its folder. The note is written last, so that it stands for the whole."""
    note = task.folder / "trained.json"
    if note.is_file() and (task.folder / "model.gguf").is_file():
        return msgspec.json.decode(note.read_bytes(), type=Trained)
    began = time.perf_counter()
    model = read(source)
    trained = Trained(0, 0.0, ())
    if task.seed is not None:
        tell(f"{len(task.examples)} rows to learn")
        trained = train(model, task.examples, recipe, task.seed, tell=tell)
    write(model, source, task.folder / "model.gguf")
    with written(note) as part:
        part.write_bytes(msgspec.json.encode(trained))
    del model
    gc.collect()  # gigabytes, before the engine takes its own
    tell(f"made in {time.perf_counter() - began:.0f} s")
    return trained
