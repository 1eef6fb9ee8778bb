"""``evolsynth init``: four questions, and a small project that runs."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from evolsynth.cli.first.project import PIPELINE, Wishes, command_of, files_of
from evolsynth.cli.progress.screen import Screen
from evolsynth.errors import EvolsynthError, InputError
from evolsynth.export.format import EXPORTS
from evolsynth.llm.backends import DEFAULT_MODEL, open_llm
from evolsynth.options import Count, FilePath, ModelName
from evolsynth.pipeline.steps import STEPS, origin_of

__all__ = ["init"]

_KINDS = {
    "nothing": "the model alone, and programs",
    "subject": "a subject that you name",
    "texts": "texts of yours (.txt, .md, .html, .docx, .pdf)",
    "rows": "rows of yours (.jsonl, .csv, .parquet, a run's folder)",
}
_TRAINERS = {
    "messages": "chats: TRL's SFTTrainer, axolotl, unsloth",
    "alpaca": "instruction, input, output: LLaMA-Factory, axolotl",
    "sharegpt": "conversations: LLaMA-Factory, FastChat",
    "dpo": "pairs of answers: TRL's DPOTrainer",
    "kto": "answers that are good or bad: TRL's KTOTrainer",
    "grpo": "prompts with answers: TRL's GRPOTrainer",
}
_PREVIEWED = 2


def init(
    folder: str = ".",
    *,
    subject: str | None = None,
    texts: Sequence[FilePath] | None = None,
    data: FilePath | None = None,
    model: ModelName | None = None,
    rows: Count | None = None,
    trainer: str | None = None,
    ask: bool = True,
    preview: bool = True,
) -> int:
    """Write a small project to begin with, and show its first rows.

    On a terminal it asks from what rows are made, by which model, how many and for which trainer,
    unless flags say so. It writes pipeline.yaml, README.md and .gitignore, and overwrites nothing.

    Args:
        folder: where to write; it is made if it is not there (default: this one).
        subject: make rows about it.
        texts: make rows about these files, folders or patterns.
        data: make more of these rows.
        model: a name of the catalogue, a .gguf file, or one behind a server, as ollama:NAME
            (default: SmolLM2-135M-Instruct).
        rows: to accept (default: 100).
        trainer: the format that it reads, as `evolsynth export` names them (default: messages).
        ask: what no flag says, on a terminal; without it, defaults are taken.
        preview: make two rows at each step at the end.
    """
    place = Path(folder)
    _see_free(place)
    given = {"--subject": subject, "--texts": texts, "--data": data}
    told = [flag for flag, value in given.items() if value]
    if len(told) > 1:
        raise InputError(f"{' and '.join(told)} exclude each other. Give one of them.")
    answers: dict[str, Any] = {"model": model, "rows": rows, "trainer": trainer}
    if told:
        answers |= {"subject": subject, "texts": tuple(texts or ()), "data": data}
    if ask and sys.stdin.isatty():
        answers = _asked(answers, ask_from=not told)
    name = re.sub(r"[^\w.-]+", "-", place.absolute().name).strip("-.") or "project"
    wishes = _checked(Wishes(name=name, **{n: v for n, v in answers.items() if v is not None}))
    files = files_of(wishes, place)
    _write(place, files)
    console = Screen(stderr=True, soft_wrap=True, markup=False, highlight=False)
    console.print(f"Written: {', '.join(str(place / file) for file in files)}.")
    pipeline = str(place / PIPELINE)
    if preview:
        from evolsynth.cli.preview import preview_command

        console.print(f"The first rows, as `evolsynth preview {pipeline}` shows them:")
        try:
            preview_command(pipeline, rows=_PREVIEWED, accepted=wishes.rows, log="quiet")
        except EvolsynthError as error:
            error.add_note(f"The project is written all the same: mend this, or {pipeline}.")
            raise
    console.print(_next(place, wishes, previewed=preview))
    return 0


def _next(place: Path, wishes: Wishes, *, previewed: bool) -> str:
    go = [] if place.absolute() == Path.cwd() else [f"cd {shlex.quote(str(place))}"]
    look = [] if previewed else [f"evolsynth preview {PIPELINE}"]
    return "Next:\n" + "\n".join(f"  {line}" for line in (*go, *look, command_of(wishes)))


def _see_free(place: Path) -> None:
    """See that nothing is there that would be overwritten."""
    if place.exists() and not place.is_dir():
        raise InputError(f"{place}: this is a file. Name a folder: evolsynth init FOLDER")
    for name in (PIPELINE, "README.md", ".gitignore"):
        if (place / name).exists() or (place / name).is_symlink():
            raise InputError(
                f"{place / name} is there already, and nothing is overwritten. Name another "
                "folder: evolsynth init FOLDER"
            )


def _checked(wishes: Wishes) -> Wishes:
    """The wishes, with what can be told of them before anything is written."""
    EXPORTS[wishes.trainer]
    if wishes.subject is not None and not wishes.subject.strip():
        raise InputError("The subject is empty. Say what rows are to be about.")
    open_llm(wishes.model)  # loads nothing, and says what is wrong with a name
    if wishes.data is not None:
        found = origin_of(STEPS["load"](wishes.data))
        if found is not None:
            found.count()  # a missing or unreadable file is told now
    if not wishes.texts:
        return wishes
    origin = origin_of(STEPS["texts"](list(wishes.texts)))
    passages = 0 if origin is None else origin.count() or 0
    if not passages:
        raise InputError(
            f"{', '.join(wishes.texts)}: there is no passage to ask about. Give longer texts."
        )
    return Wishes(**{n: getattr(wishes, n) for n in wishes.__struct_fields__}
                  | {"passages": passages})  # fmt: skip


def _write(place: Path, files: dict[str, str]) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            # a path that is no UTF-8 stands there as its escape, which YAML reads again
            with (place / name).open("x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
    except OSError as error:
        raise InputError(
            f"{error.filename or place}: cannot be written ({error.strerror}). Choose another "
            "folder."
        ) from None


# --- questions


def _asked(answers: dict[str, Any], *, ask_from: bool) -> dict[str, Any]:
    """What no flag has said, asked on the terminal."""
    told = dict(answers)
    if ask_from:
        kind = _choice("From what?", _KINDS, "nothing")
        if kind == "subject":
            told["subject"] = _line("Which subject?")
        elif kind == "texts":
            told["texts"] = tuple(shlex.split(_line("Which files or folders?")))
        elif kind == "rows":
            told["data"] = _line("Which file?")
    if told["model"] is None:
        told["model"] = _line(
            "Which model? (a name of `evolsynth models`, a .gguf file, ollama:NAME)", DEFAULT_MODEL
        )
    if told["rows"] is None:
        told["rows"] = _line("How many rows?", 100, _number)
    if told["trainer"] is None:
        told["trainer"] = _choice("For which trainer?", _TRAINERS, "messages")
    return told


def _choice(question: str, choices: dict[str, str], default: str) -> str:
    names = list(choices)
    _say(question)
    for number, (name, about) in enumerate(choices.items(), 1):
        _say(f"  {number} {name:10} {about}")

    def read(text: str) -> str:
        with suppress(ValueError, IndexError):
            if int(text) > 0:
                return names[int(text) - 1]
        if text in names or (choices is _TRAINERS and text in EXPORTS):
            return text
        raise ValueError(f"Give a number from 1 to {len(names)}, or a name.")

    return str(_line("Which?", default, read))


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ValueError("Give a whole number from 1.")
    return int(text)


def _line(question: str, default: Any = None, read: Callable[[str], Any] = str) -> Any:
    """An answer that can be used; Enter takes the default."""
    while True:
        _say(f"{question}{'' if default is None else f' [{default}]'} ", end="")
        text = sys.stdin.readline()
        if not text:
            raise InputError("The questions were not answered. Give flags: evolsynth init --help")
        text = text.strip()
        if not text and default is not None:
            return default
        try:
            if text:
                return read(text)
        except ValueError as error:
            _say(str(error))


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)
