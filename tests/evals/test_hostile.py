"""The hostile test: a short run of it, and that it sees what it is there to see."""

from __future__ import annotations

import json
import os
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main
from evals.hostile.command import KINDS, made
from evals.hostile.contents import content, good_rows, packed
from evals.hostile.models import mutated
from evals.hostile.oracle import judge
from evals.hostile.running import Servers, carry_out
from evals.hostile.trial import Command, Draw, Output, Trial

ROWS = 6


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    opened = Servers()
    yield opened
    opened.close()


def fake(home: Path, body: str, **more: Any) -> Trial:
    """A trial whose command is a script that stands for evolsynth: rows.jsonl to out.jsonl."""
    trial = Trial("files-1-1", home)
    trial.begin()
    rows = packed(Draw(5), good_rows(Draw(5), ROWS), "jsonl")
    (trial.work / "rows.jsonl").write_bytes(rows.data)
    script = "import os, sys, time, threading, subprocess\nlines = list(open('rows.jsonl'))\n"
    script += textwrap.dedent(body)
    (trial.work / "fake.py").write_text(script)
    trial.marks, trial.rows, trial.whole, trial.tame = rows.marks, ROWS, True, True
    trial.outputs.append(Output("out.jsonl"))
    trial.commands.append(Command(["fake.py"], kind="script", **{"due": 1.0, **more}))
    return trial


WELL = """
open('out.jsonl', 'w').writelines(lines)
print(f'{len(lines)} rows = {len(lines)} accepted, 0 rejected, 0 failed.', file=sys.stderr)
"""


def wrong_with(home: Path, servers: Servers, body: str, **more: Any) -> str:
    trial = fake(home, body, **more)
    return "\n".join(judge(trial, carry_out(trial, servers)))


def test_a_command_that_does_its_work_is_let_pass(tmp_path: Path, servers: Servers) -> None:
    assert wrong_with(tmp_path, servers, WELL) == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(WELL.replace("lines)", "lines[1:])", 1), "1 of 6 good rows", id="loses a row"),
        pytest.param(WELL.replace("0 rejected", "1 rejected"), "sum is wrong", id="cannot add"),
        pytest.param("lines = lines[1:]\n" + WELL, "6 rows were given, and it says",
                     id="skips one"),
        pytest.param("print('done', file=sys.stderr)", "does not say how many", id="says nothing"),
        pytest.param(WELL + "open('rows.jsonl', 'w')", "'rows.jsonl' holds",
                     id="empties its input"),
        pytest.param(WELL + "os.remove('rows.jsonl')", "is gone", id="removes its input"),
        pytest.param(
            WELL + "os.remove('rows.jsonl'); os.symlink('out.jsonl', 'rows.jsonl')",
            "is another", id="links its input",
        ),
        pytest.param(WELL + "os.chmod('rows.jsonl', 0o777)", "rights", id="changes its rights"),
        pytest.param(WELL + "open('out.tmp', 'w')", "left behind", id="leaves a file"),
        pytest.param(
            WELL + "open(os.environ['TMPDIR'] + '/x', 'w')", "left in TMPDIR", id="leaves it there"
        ),
        pytest.param(WELL + "raise ValueError('oh')", "Traceback", id="raises"),
        pytest.param(WELL + "sys.exit(77)", "exit status 77", id="ends strangely"),
        pytest.param(WELL + "sys.exit(1)", "refused though nothing", id="refuses what is good"),
        pytest.param(WELL + "os.abort()", "exit status -6", id="dies"),
        pytest.param(WELL + "print('\\033[31mred')", "escape character", id="shows escapes"),
        pytest.param(
            "open('out.jsonl', 'w').write('{\"a\": Infinity}\\n')", "cannot be read", id="no JSON"
        ),
        pytest.param(
            WELL + "subprocess.Popen(['sleep', '30'])", "a process goes on", id="leaves a process"
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_seen(tmp_path: Path, servers: Servers, body: str, words: str) -> None:
    assert words in wrong_with(tmp_path, servers, body)


def test_what_one_file_of_several_is_read_as_is_no_sum(tmp_path: Path, servers: Servers) -> None:
    told = "print('in0/a.json: read as Alpaca: 3 pairs.', file=sys.stderr)"
    assert wrong_with(tmp_path, servers, told + WELL) == ""


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(600)"])
def test_what_hangs_is_ended_and_it_is_told_where(
    tmp_path: Path, servers: Servers, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.hostile.running.PATIENCE", 0.5)
    monkeypatch.setattr("evals.hostile.running._IDLE", 0.2)
    monkeypatch.setattr("evals.hostile.running._STARVED", 2.0)
    told = wrong_with(tmp_path, servers, body, due=0.2)
    assert "hangs" in told
    assert "fake.py" in told


def test_a_sentence_is_asked_for(tmp_path: Path, servers: Servers) -> None:
    """Of evolsynth itself: a script's own exit status is its own affair."""
    trial = fake(tmp_path, "")
    trial.commands = [Command(["bash", "-c", "exit 1"], kind="program", due=1)]
    assert "without a sentence" in "\n".join(judge(trial, carry_out(trial, servers)))
    trial.commands = [Command(["bash", "-c", "printf 'no \\e[31m' >&2; exit 1"], kind="program")]
    assert "control character" in "\n".join(judge(trial, carry_out(trial, servers)))


def test_a_signal_is_sent_and_may_be_died_of(tmp_path: Path, servers: Servers) -> None:
    trial = fake(tmp_path, "time.sleep(60)", stop=(int(signal.SIGTERM), 0.2))
    trial.tame = trial.whole = False
    outcome = carry_out(trial, servers)
    assert outcome.said[0].ended.status == -signal.SIGTERM
    assert judge(trial, outcome) == []


def test_what_comes_through_pipes_is_read_again(tmp_path: Path, servers: Servers) -> None:
    body = "open('out.jsonl', 'w').writelines(open('fifo'))\nprint('6 rows', file=sys.stderr)"
    trial = fake(tmp_path, body)
    os.mkfifo(trial.work / "fifo")
    os.mkfifo(trial.work / "out.jsonl")
    trial.feeds["fifo"] = (trial.work / "rows.jsonl").read_bytes()
    trial.drains.append("out.jsonl")
    assert judge(trial, carry_out(trial, servers)) == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "models"])
def test_the_same_name_draws_the_same_trial(kind: str, tmp_path: Path) -> None:
    told = []
    for part in ("a", "b"):
        trial = made(f"{kind}-3-14", tmp_path / part)
        shown = (tmp_path / part / "reproduce.sh").read_text("utf-8", "surrogateescape")
        told.append(shown.replace(str(trial.home), "HOME"))
        assert trial.commands
    assert told[0] == told[1]


def test_faults_of_all_sorts_are_drawn() -> None:
    drawn = [content(Draw(number)) for number in range(300)]
    assert 60 < sum(one.good for one in drawn) < 160
    assert len({one.suffix for one in drawn}) > 8
    assert any(not one.data for one in drawn)
    assert all(mark.encode() in one.data for one in drawn for mark in one.marks
               if one.suffix in (".jsonl", ".json", ".csv"))  # fmt: skip


def test_headers_are_changed_in_one_place() -> None:
    key = b"llama.block_count"
    head = b"GGUF" + bytes(20) + len(key).to_bytes(8, "little") + key + bytes(200)
    changed = 0
    for number in range(60):
        data = bytearray(head)
        mutated(Draw(number), data)
        assert len(data) == len(head)
        changed += data != head
    assert changed > 20


@pytest.mark.parametrize(
    ("trials", "seed"),
    [(12, 18), *(pytest.param(*more, marks=pytest.mark.slow) for more in ((24, 18), (70, 1)))],
)
def test_a_short_run_finds_nothing(
    trials: int, seed: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "found.json"
    kinds = "files,pipelines,steps,folders,calls,signals,clock"
    drawn = ["--trials", str(trials), "--seed", str(seed)]
    ran = main(["hostile", "--only", kinds, *drawn, "--json", str(place)])
    found = json.loads(place.read_text("utf-8"))
    assert (ran, found["failed"]) == (0, []), capsys.readouterr().out
    assert found["trials"] == trials
    assert len(found["kinds"]) >= 6
    ended = {status for one in found["statuses"].values() for status in one}
    assert {"0", "1"} <= ended  # some were let pass and some refused


def test_a_trial_can_be_made_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hostile", "--replay", "clock-1-3"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    assert main(["hostile", "--replay", "clock-1"]) == 2
    assert "is no trial" in capsys.readouterr().err
