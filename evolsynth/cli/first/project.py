"""What a new project holds: a small pipeline with comments, for one of four beginnings."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path

import msgspec

from evolsynth.errors import InputError
from evolsynth.export.format import EXPORTS
from evolsynth.llm.backends import DEFAULT_MODEL, DEFAULT_SCHEME, scheme_of

__all__ = ["PIPELINE", "Wishes", "command_of", "files_of"]

PIPELINE = "pipeline.yaml"
#: What trainers want that learn from two answers to one request.
_PAIRS = ("dpo", "dpo-chat", "kto")
#: Rows about texts that are made for one that is wanted: the gate takes some.
_SPARE = 1.5


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants rows from, of which model, how many, and for which trainer.

    Of ``subject``, ``texts`` and ``data`` one is given at most; with none, rows are made from
    nothing. ``passages`` is how many the texts have.
    """

    name: str
    model: str = DEFAULT_MODEL
    rows: int = 100
    trainer: str = "messages"
    subject: str | None = None
    texts: tuple[str, ...] = ()
    data: str | None = None
    passages: int = 1

    @property
    def pairs(self) -> bool:
        """Whether the trainer learns from two answers to one request."""
        return self.trainer in _PAIRS

    @property
    def served(self) -> bool:
        """Whether the model is one behind a server, which may know chats only."""
        return scheme_of(self.model)[0] != DEFAULT_SCHEME


def command_of(wishes: Wishes) -> str:
    """What makes all of the rows."""
    counted = bool(wishes.texts) and not wishes.pairs  # its last step counts them
    return f"evolsynth run {PIPELINE}" + ("" if counted else f" --accepted {wishes.rows}")


def files_of(wishes: Wishes, folder: Path) -> dict[str, str]:
    """The files of a project in this folder, by name.

    Raises:
        InputError: there is no such format for trainers.
    """
    run = command_of(wishes)
    ends = EXPORTS[wishes.trainer].ends
    out = f"train{ends}"
    wide = max(len(run), len(f"evolsynth preview {PIPELINE}")) + 2
    pipeline = f"""\
# Rows {_told(wishes)}, checked before one is accepted.
#
#   {f"evolsynth preview {PIPELINE}":{wide}}a few rows at each step, nothing written
#   {run:{wide}}into runs/{wishes.name}; the same command goes on
#
# `evolsynth METHOD --help` says what each option of a step is.

name: {_scalar(wishes.name)}
seed: 7 # the same seed gives the same rows

models:
  default: {_scalar(wishes.model)} # or a .gguf file, or one behind a server: ollama:NAME

steps:
{_steps(wishes, folder)}
# Written at the end of a run, beside its accepted.jsonl, rejected.jsonl and report.html.
outputs:
  - {{format: {wishes.trainer}, output: {out}}}
"""
    readme = (
        f"# {wishes.name}\n\n"
        f"Rows {_told(wishes)} for training, made by evolsynth: "
        f"`evolsynth preview {PIPELINE}` shows a few, `{run}` makes {wishes.rows}.\n"
        f"The data for the trainer is then in `runs/{wishes.name}/{out}`, and why rows were "
        "rejected in `report.html` beside it.\n"
    )
    return {PIPELINE: pipeline, "README.md": readme, ".gitignore": "runs/\n"}


def _told(wishes: Wishes) -> str:
    if wishes.subject is not None:
        return f"about {' '.join(wishes.subject.split())}"
    if wishes.texts:
        return "about texts"
    return "made of rows" if wishes.data is not None else "made from nothing"


def _steps(wishes: Wishes, folder: Path) -> str:
    parts = _source(wishes, folder) + (_PAIRED if wishes.pairs else _ended(wishes))
    return "\n".join(parts)


def _source(wishes: Wishes, folder: Path) -> list[str]:
    if wishes.texts:
        return _about_texts(wishes, folder)
    if wishes.data is not None:
        without = ", without: [response, responses]" if wishes.pairs else ""
        place = _scalar(_from(wishes.data, folder))
        what = " Answers that they have are left out: two are made of each." if without else ""
        return [f"  # Your rows.{what}\n  - load: {{data: {place}{without}}}\n"] + (
            [] if wishes.pairs else [_EVOLVE]
        )
    more = [] if wishes.pairs else [_EVOLVE]
    if wishes.served:
        about = "" if wishes.subject is None else f" about {_raw(wishes.subject)}"
        prompt = _scalar(
            f"Write one question or task{about} that somebody could ask an assistant, and that "
            "few others would think of. Give its text alone."
        )
        return [f"  # A request in a chat for each.\n  - generate_rows:\n      prompt: {prompt}\n",
                *more]  # fmt: skip
    if wishes.subject is not None:
        topic = _scalar(wishes.subject)
        return [f"  # Requests out of the model alone (Magpie).\n  - magpie: {{topic: {topic}}}\n",
                *more]  # fmt: skip
    if wishes.pairs or wishes.model != DEFAULT_MODEL:
        return ["  # Requests out of the model alone (Magpie).\n  - magpie\n", *more]
    tasks = max(10, wishes.rows // 5)
    return [_BY_PROGRAM.replace("TASKS", str(tasks))]


def _about_texts(wishes: Wishes, folder: Path) -> list[str]:
    paths = json.dumps([_from(one, folder) for one in wishes.texts], ensure_ascii=False)
    source = f"  # Your texts, cut into passages.\n  - texts: {{paths: {paths}}}\n"
    if wishes.pairs:
        asked = "  # Requests about each passage (Self-Instruct).\n  - self_instruct\n"
        return [source, asked]
    each = math.ceil(_SPARE * wishes.rows / max(1, wishes.passages)) + 1
    return [
        source,
        f"  # Tasks about each, with answers that stand in it.\n  - grounded: {{each: {each}}}\n",
    ]


_EVOLVE = """\
  # Each asks for more once (Evol-Instruct); what came in stays, too.
  - evolve: {rounds: 1}
"""
#: What the smallest model does well: most of it is made by programs, which know the answer.
_BY_PROGRAM = """\
  # Three sources that take turns. The model is tiny, so programs make most tasks and answers.
  - branches:
      # Problems with computed answers, some with a demand on their form.
      - - computed
        - evolve: {demands: true, operations: {constraints: 1}}
      # New tasks after the patterns of seed tasks (Self-Instruct).
      - - bootstrap_tasks: {n: TASKS, by_rule: 0.8}
      # Requests that bring a text (Magpie), and a demand that a program can check.
      - - magpie: {only_with_text: true}
        - evolve: {demands: true, operations: {constraints: 1}}
  - merge
"""
_VERIFIED = """\
  # Accepted are rows whose answer is proved. Without the setting: all in which nothing is wrong.
  - gate:
      settings: {least_tier: verified}
"""
_PAIRED = [
    "  # Four answers to each, of which the best and the worst are a pair.\n"
    "  - respond: {samples: 4}\n"
    "  - preference\n",
    "  # Rejects what no row should have, and says why.\n  - gate\n",
]


def _ended(wishes: Wishes) -> list[str]:
    if wishes.texts:
        told = "  # As many as are wanted, evenly from all passages."
        return [_VERIFIED, f"{told}\n  - spread: {{n: {wishes.rows}}}\n"]
    if wishes.data is None and wishes.subject is None and wishes.model == DEFAULT_MODEL:
        return [_VERIFIED]
    return [
        "  # An answer to each that has none.\n  - respond\n",
        "  # Rejects rows with something wrong, and says what.\n  - gate\n",
    ]


def _scalar(text: str) -> str:
    """As YAML has it on one line: bare where that cannot be misread."""
    if re.fullmatch(r"[A-Za-z][\w./-]*", text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


def _raw(text: str) -> str:
    """For a prompt, which is a template."""
    if not re.search(r"\{[{%#]", text):
        return text
    if "endraw" in text:
        raise InputError("The subject has a template in it. Say it without braces.")
    return f"{{% raw %}}{text}{{% endraw %}}"


def _from(place: str, folder: Path) -> str:
    """A path as one that begins at the folder; of others, such as the hub's, the name."""
    if not Path(place).exists() and not _is_pattern(place):
        return place
    return os.path.relpath(Path(place).absolute(), folder.absolute())


def _is_pattern(place: str) -> bool:
    return any(sign in place for sign in "*?[")
