"""Trials of time and room: signals at any moment, two at once, a full disk, a clock that jumps,
and what a shell can do to a command."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

from evals.hostile.commands import answers
from evals.hostile.contents import good_rows, packed
from evals.hostile.server import ROOT
from evals.hostile.trial import Command, Draw, Output, Trial

__all__ = ["clock", "full", "plain_commands", "shell", "signals", "twice"]

_PIPELINE = """\
name: p
embedder: none
models: {default: {model: "scripted:answers.txt", delay: %s}}
steps:
  - load: {data: rows.jsonl}
  - respond
  - gate
"""


def plain_commands(trial: Trial, draw: Draw, *, rows: int, delay: float = 0.0) -> list[list[str]]:
    """Good rows, and every command on them with outputs in the working folder; the method's
    commands ask a script that takes some time."""
    made = packed(draw, good_rows(draw, rows), "jsonl")
    (trial.work / "rows.jsonl").write_bytes(made.data)
    trial.marks, trial.whole = made.marks, True
    model = "scripted:answers.txt"
    lines = (f"Name {n} towns by the sea, and say what each is known for.\n" for n in range(2, 40))
    text = "".join(json.dumps(line.strip()) + "\n" for line in lines)
    (trial.work / "answers.txt").write_text(text, "utf-8")
    (trial.work / "pipeline.yaml").write_text(_PIPELINE % delay, "utf-8")
    (trial.work / "systems.yaml").write_text("bees: You know all of bees.\ncooking: You cook.\n")
    both = ["-o", "out.jsonl", "--rejects", "left.jsonl"]
    asks = ["--model", model, "--embedder", "none", "--no-report"]
    return [
        ["gate", "rows.jsonl", "--no-embedder", *both],
        ["dedup", "rows.jsonl", "--method", "minhash", "-o", "out.jsonl", "--duplicates",
         "left.jsonl"],
        ["information-loss", "rows.jsonl", "--no-embedder", "-o", "out.jsonl"],
        ["score", "rows.jsonl", "--judge", "--model", model, "-o", "out.jsonl"],
        ["respond", "rows.jsonl", *both, *asks],
        ["evolve", "rows.jsonl", *both, *asks, "--candidates", "2"],
        ["run", "pipeline.yaml", "-o", "run", "--no-report"],
        ["generate", "rows.jsonl", "--prompt", "Say {{ instruction }}.", *both, *asks],
        ["preference", "rows.jsonl", *both, *asks],
        ["self-instruct", "rows.jsonl", *both, *asks, "--num-instructions", "1",
         "--prompts", "classic"],
        ["magpie", "-n", "20", *both, *asks],
        ["schema", "-o", "out.json"],
        ["draw", "pipeline.yaml", "-o", "out.svg"],
        ["preview", "pipeline.yaml"],
        ["select", "rows.jsonl", "-n", "3", *both],
        ["diversity", "rows.jsonl", "--embedder", "static", "--json", "out.json"],
        ["report", "rows.jsonl", "-o", "out.html"],
    ]  # fmt: skip


_HEAVY = ("select", "diversity", "report")
_LOSSY = ("generate", "preference", "self-instruct", "magpie", "preview", "schema", "draw",
          "diversity", "report")  # fmt: skip


def _take(trial: Trial, words: list[str]) -> Command:
    """The command, with its outputs told."""
    trial.heavy = words[0] in _HEAVY
    trial.whole = trial.whole and words[0] not in _LOSSY
    for flag, path in pairwise(words):
        if flag in ("-o", "--rejects", "--duplicates", "--json"):
            what = {"": "run", ".jsonl": "rows"}.get(Path(path).suffix, "text")
            if (
                words[0] in ("information-loss", "preference", "score", "dedup")
                or flag == "--duplicates"
            ):
                what = "objects"
            trial.outputs.append(Output(path, what))  # type: ignore[arg-type] # one of them
    return Command(words, due=25)


def signals(trial: Trial, draw: Draw) -> None:
    """Ctrl-C or SIGTERM at some moment; what was there stays, and the same command then ends
    well."""
    choices = plain_commands(
        trial, draw, rows=draw.choice((20, 200)), delay=draw.choice((0.001, 0.02))
    )
    words = draw.choice(choices)
    command = _take(trial, words)
    number = draw.choice((signal.SIGINT, signal.SIGTERM))
    latest = draw.choice((0.1, 0.3, 1.0))
    command.stop = (int(number), draw.uniform(0.0, latest))
    if draw.chance(0.3):
        (trial.work / "out.jsonl").write_text('{"instruction":"This was here before."}\n', "utf-8")
    again = Command(words, due=25)
    trial.commands += [command, again]
    trial.told.append(f"{number.name} after {command.stop[1]:.3f} s, then the same again")


def twice(trial: Trial, draw: Draw) -> None:
    """Two commands at once that write to one place."""
    choices = plain_commands(trial, draw, rows=draw.choice((5, 100)))
    words = draw.choice(choices[:11])
    trial.commands = [_take(trial, words), Command(words, due=25)]
    trial.together, trial.whole = True, False
    trial.told.append("the same command twice, at once")


@cache
def _may_mount() -> bool:
    """Whether a small file system can be mounted where nobody else sees it."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            [shutil.which("unshare") or "unshare", "-m", "true"],
            check=False,
            capture_output=True,
        )
    except OSError:
        return False
    return done.returncode == 0


def full(trial: Trial, draw: Draw) -> None:
    """No room on the disk: a file system of some KiB where that can be mounted, in a private
    namespace; else a limit of a file's size, which fails at the same writes."""
    choices = plain_commands(trial, draw, rows=draw.choice((20, 100)))
    light = [words for words in choices if words[0] not in _HEAVY]
    words = draw.choice(light)
    trial.whole = False
    outputs = _take(trial, words)
    room = draw.choice((0, 4, 8, 16, 32, 64, 100, 200, 400)) << 10
    where = draw.choice(("here", "here", "TMPDIR"))
    if not _may_mount():
        outputs.limits = {"FSIZE": room}
        trial.commands.append(outputs)
        trial.told.append(f"files of {room} bytes at most")
        return
    # a file system takes whole pages, and none at all for 0, so one page is filled
    full_now = "head -c 4096 /dev/zero > small/.filler;" if not room else ""
    where_to = {
        "here": "ln -s $PWD/*.* small; cd small; export TMPDIR=../../tmp;",
        "TMPDIR": "export TMPDIR=$PWD/small;",
    }[where]
    kept = 'find . -mindepth 1 -maxdepth 1 ! -type l ! -name .filler -exec cp -r {} .. ";"'
    script = (
        f"mount --make-rprivate / && mkdir small && mount -t tmpfs -o size={max(room, 4096)} none "
        f"small && {full_now} {where_to} {_python()} {shlex.join(words)}; status=$?; "
        f"{f'{kept}; ' if where == 'here' else ''}exit $status"
    )
    trial.may_come.append("small")
    command = Command(["unshare", "-m", "bash", "-c", script], kind="program", due=30)
    trial.commands.append(command)
    trial.told.append(f"a file system of {room} bytes: {where}")


def _python() -> str:
    return f"PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)} -m evolsynth"


def clock(trial: Trial, draw: Draw) -> None:
    """The clock is set forth and back between any two looks at it."""
    choices = plain_commands(trial, draw, rows=20, delay=0.002)
    words = draw.choice([words for words in choices if words[0] not in _HEAVY])
    command = _take(trial, words)
    command.clock = draw.choice((1.0, 3600.0, 86400.0 * 365, 3e9))
    trial.tame = words[0] in ("gate", "dedup", "score", "information-loss", "respond", "run")
    trial.commands.append(command)
    trial.told.append(f"the clock jumps by {command.clock:.0f} s")


def shell(trial: Trial, draw: Draw) -> None:
    """The command as people start it, in a shell, with what a shell can do to its streams."""
    rows = packed(draw, good_rows(draw, draw.choice((3, 200))), "jsonl")
    (trial.work / "rows.jsonl").write_bytes(rows.data)
    trial.marks, trial.whole = rows.marks, False
    model = answers(trial, draw)
    word = {
        "gate": "gate {} --no-embedder",
        "dedup": "dedup {} --method exact",
        "information-loss": "information-loss {} --no-embedder",
        "score": f"score {{}} --judge --model {model}",
        "respond": f"respond {{}} --model {model} --embedder none --no-report",
        "evolve": f"evolve {{}} --candidates 1 --model {model} --embedder none --no-report",
    }
    name = draw.choice(tuple(word))

    def plain() -> str:
        return word[name].format("rows.jsonl")

    forms: dict[str, Callable[[], str]] = {
        "substitution": lambda: f"{_python()} {word[name].format('<(cat rows.jsonl)')}",
        "slow pipe": lambda: f"(head -n 1 rows.jsonl; sleep 0.3; tail -n +2 rows.jsonl) | "
        f"{_python()} {word[name].format('-')}",
        "redirected": lambda: f"{_python()} {word[name].format('-')} < rows.jsonl",
        "head": lambda: f"{_python()} {plain()} | head -n 1",
        "full": lambda: f"{_python()} {plain()} > /dev/full",
        "closed": lambda: f"{_python()} {plain()} >&-",
        "all closed": lambda: f"{_python()} {plain()} <&- >&- 2>&-",
        "no stdin": lambda: f"{_python()} {word[name].format('-')} <&-",
        "err closed": lambda: f"{_python()} {plain()} 2>&-",
        "both one": lambda: f"{_python()} {plain()} > both.txt 2>&1",
        "appended": lambda: f"{_python()} {plain()} >> rows.copy",
        "out through a pipe": lambda: f"{_python()} {plain()} -o /dev/stdout | cat",
        "output substitution": lambda: f"{_python()} {plain()} -o >(cat >&2)",
        "C locale": lambda: f"LC_ALL=C PYTHONUTF8=0 {_python()} {plain()}",
        "narrow": lambda: f"COLUMNS=1 {_python()} {plain()}",
        "no home": lambda: f"env -u HOME {_python()} {plain()}",
        "no TMPDIR": lambda: f"TMPDIR=/no/such {_python()} {plain()}",
        "gone folder": lambda: f"mkdir gone; cd gone; rmdir ../gone; {_python()} "
        + word[name].format("../rows.jsonl").replace(model, f"scripted:{trial.work}/answers.txt"),
        "nice": lambda: f"nohup env {_python()} {plain()} > out.txt",
    }  # fmt: skip
    how = draw.choice(tuple(forms))
    trial.may_come += ["both.txt", "rows.copy", "out.txt", "nohup.out"]
    script = "set -o pipefail; " + forms[how]()
    trial.told.append(f"{name}: {how}")
    command = Command([shutil.which("bash") or "bash", "-c", script], kind="program", due=25)
    command.stdout = "pipe" if how == "head" else "file"
    command.reads = 1 << 30
    if how in ("all closed", "err closed"):
        command.stderr = "closed"
    trial.commands.append(command)
    if how in ("substitution", "slow pipe", "redirected", "C locale", "narrow", "no home"):
        trial.tame = True
        trial.rows = rows.rows if name in ("gate", "dedup", "score") else None
        trial.outputs.append(Output(None, "objects"))
        trial.whole = name in ("score", "information-loss", "respond")
        command.stdout = "file"
