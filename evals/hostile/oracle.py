"""What is wrong with a trial's outcome; the rules are told in the package's docstring."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

from evals.hostile.running import Outcome, Said
from evals.hostile.trial import Output, Trial
from evolsynth.cli.progress.screen import shown
from evolsynth.data.files import read_objects, read_rows
from evolsynth.errors import EvolsynthError

__all__ = ["judge"]

_BUGS = re.compile(
    rb"Traceback \(most recent|Exception ignored|Fatal Python error|GGML_ASSERT|panicked at|"
    rb"a (?:task|thread) goes on|was never awaited|Task was destroyed|was never retrieved|"
    rb"This is a bug of"
)
_STATUSES = {0, 1, 2, 130, 143}
_SIGPIPE = 128 + signal.SIGPIPE
#: C0 but for the tab and the line's end, DEL, and C1 in UTF-8.
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
#: The sums that commands tell.
_SUMS = (
    re.compile(r"([\d,]+) rows? = ([\d,]+) accepted, ([\d,]+) rejected, ([\d,]+) failed"),
    re.compile(r"([\d,]+) rows? = ([\d,]+) accepted \+ ([\d,]+) rejected \+ ([\d,]+) failed"),
    re.compile(r"([\d,]+) rows? = ([\d,]+) kept, ([\d,]+) duplicates?"),
    re.compile(r"([\d,]+) rows? = ([\d,]+) selected \+ ([\d,]+) left"),
)
#: What a run has in its folder, and what it leaves there unfinished.
_RUN = re.compile(
    r"(accepted|rejected|failed)(\.partial)?\.jsonl|report\.html|run\.sqlite(-wal|-shm)?|run\.lock"
    r"|owner\.json|run\.damaged[-\d]*\.sqlite.*|rescued(/.*)?"
)


def judge(trial: Trial, outcome: Outcome) -> list[str]:
    """Sentences on what is wrong, none where nothing is."""
    wrong = [sentence for said in outcome.said for sentence in _of_process(said)]
    wrong += _of_files(trial, outcome)
    wrong += [f"a process goes on: {one}" for one in outcome.left]
    wrong += [f"left in TMPDIR: {name}" for name in outcome.temporary]
    last = outcome.said[-1]
    if trial.says is not None and trial.says.encode() not in last.stdout and last.hung is None:
        wrong.append(f"the script did not come to its end: {_end_of(last.stderr, 800)}")
    well = all(said.ended.status == 0 for said in outcome.said)
    if trial.tame and not well:
        wrong.append(f"refused though nothing is wrong with it: {_end_of(last.stderr)}")
    if well or trial.kind == "signals":
        wrong += _of_outputs(trial, outcome)
    if well and trial.rows is not None:
        wrong += _of_sums(trial, outcome)
    return wrong


def _of_process(said: Said) -> Iterator[str]:
    told, status = said.stderr + said.stdout, said.ended.status
    command = said.command
    bug = _BUGS.search(told)
    if bug is not None:
        yield f"{bug[0].decode()}: {_end_of(said.stderr or said.stdout)}"
    if said.hung is not None:
        yield f"hangs: {said.hung}"
        return
    sent = command.stop[0] if command.stop is not None else None
    allowed = _STATUSES | ({-sent} if sent else set())
    if command.stdout == "pipe":
        allowed = allowed | {_SIGPIPE, -signal.SIGPIPE}
    if "FSIZE" in command.limits:
        allowed = allowed | {-signal.SIGXFSZ}
    if status not in allowed:
        yield f"exit status {status}: {_end_of(said.stderr)}"
    if status in (130, 143) and sent is None:
        yield f"exit status {status}, and nobody stopped it"
    hears = command.stderr == "file" and command.kind != "script"
    if hears and status > 0 and status != _SIGPIPE and not _sentence(said):
        yield f"exit status {status} without a sentence: {_end_of(said.stderr)}"
    if hears and (control := _CONTROL.search(said.stderr)):
        yield f"a control character is shown, {control[0]!r}: {_around(said.stderr, control)}"
    if b"\x1b" in said.stdout:
        yield "an escape character on standard output"


def _sentence(said: Said) -> bool:
    """Whether it says what is wrong; one whose reader has gone has nobody to say it to."""
    if said.command.stdout == "pipe" and said.ended.status == 1:
        return True
    told = said.stderr + (said.stdout if said.command.words[:1] == ["rescue"] else b"")
    lines = told.decode("utf-8", "replace").splitlines()
    return any(len(line.split()) >= 2 for line in lines)


def _of_files(trial: Trial, outcome: Outcome) -> Iterator[str]:
    """What was there is as it was; what came was asked for or told of."""
    outputs = {os.path.normpath(one.path) for one in trial.outputs if one.path}
    told = b"".join(said.stderr + said.stdout for said in outcome.said).decode("utf-8", "replace")
    told = "".join(told.split())  # a line may be broken anywhere
    for path, was in outcome.before.items():
        now = outcome.after.get(path)
        if path in outputs and (stat.S_ISREG(was.kind) or stat.S_ISLNK(was.kind)):
            continue  # a link may be written through, or be replaced
        if any(_in_run(path, one) for one in trial.outputs):
            continue
        if now is None:
            yield f"'{path}' was there and is gone"
        elif now.kind != was.kind:
            yield f"'{path}' was one kind of file and is another"
        elif now.holds != was.holds:
            yield f"'{path}' holds something else than before ({was.size} bytes, now {now.size})"
        elif (now.bits, now.links) != (was.bits, was.links):
            yield f"'{path}' has other rights or names than before"
    for path in outcome.after.keys() - outcome.before.keys():
        if path in outputs or any(_in_run(path, one) for one in trial.outputs):
            continue
        if any(one.startswith(f"{path}/") for one in outputs):  # a folder that was made for one
            continue
        if any(path == one or path.startswith(f"{one}/") for one in trial.may_come):
            continue
        deaf = any(said.command.stderr != "file" for said in outcome.said)
        name = "".join(shown(Path(path).name).split())
        if "partial" in path and (deaf or name in told):
            continue
        yield f"left behind, and nobody was told: '{path}'"


def _in_run(path: str, output: Output) -> bool:
    """Whether it is of the folder of a run, where the run may write what it writes."""
    if output.path is None:
        return False
    folder = output.path if output.what == "run" else f"{output.path}.run"
    if path == folder:
        return True
    return path.startswith(f"{folder}/") and bool(_RUN.fullmatch(path[len(folder) + 1 :]))


def _texts(trial: Trial, outcome: Outcome) -> Iterator[tuple[str, Path | None, bytes, str]]:
    """The outputs that can be read: a name, a path, what is there and what it should be."""
    for one in trial.outputs:
        if one.path is None:
            if outcome.said[-1].command.stdout == "file":
                yield "standard output", None, outcome.said[-1].stdout, one.what
            continue
        path = trial.work / one.path
        if one.path in trial.drains:
            caught = trial.home / "told" / f"drained-{trial.drains.index(one.path)}"
            yield one.path, None, caught.read_bytes() if caught.exists() else b"", one.what
        elif one.what == "run":
            for name in ("accepted.jsonl", "rejected.jsonl", "failed.jsonl"):
                if (path / name).is_file():
                    yield f"{one.path}/{name}", path / name, (path / name).read_bytes(), "rows"
        elif path.is_file():
            yield one.path, path, path.read_bytes(), one.what


def _of_outputs(trial: Trial, outcome: Outcome) -> Iterator[str]:
    """They can be read again, and hold every good row."""
    marks = set(trial.marks) if trial.whole else set()
    for name, path, data, what in _texts(trial, outcome):
        marks -= {mark for mark in marks if mark.encode() in data}
        if what == "text":
            continue
        place = path
        if place is None:
            place = trial.home / "told" / "read-again.jsonl"
            place.write_bytes(data)
        try:
            reader = read_rows if what == "rows" else read_objects
            for _ in reader(place):
                pass
            for line in data.splitlines() if not name.endswith(".json") else []:
                if line.strip():
                    json.loads(line, parse_constant=_no_number)
        except (EvolsynthError, ValueError, RecursionError) as error:
            yield f"our own output cannot be read: {name}: {str(error)[:200]}"
    if marks and outcome.said[-1].ended.status == 0:
        few = ", ".join(sorted(marks)[:3])
        yield f"{len(marks)} of {len(trial.marks)} good rows are in no output: {few}"


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _of_sums(trial: Trial, outcome: Outcome) -> Iterator[str]:
    """The summary's sum adds up, and is that of the rows that were given."""
    said = outcome.said[-1]
    if said.command.stderr != "file":
        return
    lines = said.stderr.decode("utf-8", "replace").splitlines()
    # what one file of a folder is read as is no sum of them all
    told = " ".join(word for line in lines if ": read as " not in line for word in line.split())
    found = next((m for pattern in _SUMS if (m := pattern.search(told))), None)
    if found is None:
        counted = re.search(
            r"(\d[\d,]*) (?:rows?|pairs?)", told + said.stdout.decode("utf-8", "replace")
        )
        if counted is None:
            yield f"it does not say how many rows: {_end_of(said.stderr)}"
        elif int(counted[1].replace(",", "")) != trial.rows:
            yield f"{trial.rows} rows were given, and it says {counted[0]}"
        return
    total, *parts = (int(number.replace(",", "")) for number in found.groups())
    if total != sum(parts):
        yield f"the sum is wrong: {found[0]}"
    if total != trial.rows:
        yield f"{trial.rows} rows were given, and it says: {found[0]}"


def _end_of(told: bytes, most: int = 400) -> str:
    return told.decode("utf-8", "backslashreplace").strip()[-most:]


def _around(told: bytes, match: re.Match[bytes]) -> str:
    return repr(told[max(0, match.start() - 60) : match.end() + 30])
