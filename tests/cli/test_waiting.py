"""Nobody waits in silence, and nobody waits for those who listen."""

from __future__ import annotations

import fcntl
import io
import json
import logging
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolsynth.atomic import locked
from evolsynth.cli.progress.aside import Aside, error_file
from evolsynth.cli.progress.waiting import Kind, Waiting, hushed, log_kind
from evolsynth.doing import doing, on_end, under_way

ROOT = Path(__file__).parents[2]


class Spoken:
    """Somebody who waits, by a clock of his own, from the moment that he was made."""

    def __init__(self, kind: Kind) -> None:
        self.text = io.StringIO()
        self.file = Aside(self.text)
        began = under_way()
        self.began = began.began if began is not None else 100.0
        self.waiting = Waiting(kind, self.file, "gate", self.began)

    def at(self, *seconds: float) -> str:
        """All that was said by then, as it is looked at in these seconds."""
        for second in seconds:
            self.waiting.look(self.began + second)
        assert self.file.drain()
        return self.text.getvalue()


# --- what is said -----------------------------------------------------------------------------


def test_what_lasts_is_said_once_and_then_now_and_again() -> None:
    with doing("loading the embedder"):
        one = Spoken("plain")
        assert one.at(0.2, 0.6, 0.9) == ""
        assert one.at(1.1) == "loading the embedder ...\n"
        assert one.at(2, 10, 29) == "loading the embedder ...\n"
        assert one.at(32, 33).splitlines()[1:] == ["loading the embedder (32 s so far) ..."]


def test_something_is_said_after_a_second_also_where_nobody_says_what_goes_on() -> None:
    assert Spoken("plain").at(0.5) == ""
    assert Spoken("plain").at(1.2, 5, 60) == "evolsynth gate is at work ...\n"


def test_what_was_begun_last_is_said_and_what_is_short_is_not() -> None:
    with doing("starting"):
        one = Spoken("plain")
        one.at(1.5)
        with doing("reading"):
            began = under_way()
            assert began is not None
            one.waiting.look(began.began + 0.5)
            assert one.at() == "starting ...\n"
            one.waiting.look(began.began + 1.5)
            assert one.at() == "starting ...\nreading ...\n"


def test_on_a_terminal_the_line_goes_away_before_anything_else_is_said() -> None:
    with doing("loading the embedder"):
        one = Spoken("terminal")
        with on_end(one.waiting.clear):
            assert "loading the embedder (1 s)" in one.at(1.2)
            assert "loading the embedder (4 s)" in one.at(4.1)
            with doing("something short"):
                pass
            assert one.at().endswith("\r\x1b[K")
    assert "\n" not in one.at()


def test_as_json_it_is_an_event_in_a_line() -> None:
    with doing('making "a table"'):
        (line,) = Spoken("json").at(1.2, 3).splitlines()
    event = json.loads(line)
    assert (event["event"], event["what"]) == ("doing", 'making "a table"')
    assert {"at", "seconds"} <= event.keys()


def test_who_wants_quiet_has_it_and_a_table_is_not_drawn_over() -> None:
    with doing("loading"):
        assert Spoken("quiet").at(2, 40) == ""
        with hushed():
            assert Spoken("terminal").at(2, 40) == ""


@pytest.mark.parametrize("kind", ["plain", "terminal"])
def test_names_of_files_and_models_move_no_cursor(kind: Kind) -> None:
    with doing("loading evil\x1b[2J\x07\u202e\nname [bold]x"):
        said = Spoken(kind).at(1.2)
    assert "loading evil[U+001B][2J[U+0007][U+202E] name [bold]x" in said
    assert "\x1b[2J" not in said


@pytest.mark.parametrize(
    ("words", "terminal", "kind"),
    [
        (["run", "x.yaml"], True, "terminal"),
        (["run", "x.yaml"], False, "plain"),
        (["run", "--log", "plain"], True, "plain"),
        (["run", "--log=json"], True, "json"),
        (["run", "--log", "json", "--log", "quiet"], False, "quiet"),
        (["run", "--log"], False, "plain"),
        ([], False, "plain"),
    ],
)
def test_how_it_is_said_is_known_before_the_flags_are(
    words: list[str], terminal: bool, kind: str
) -> None:
    assert log_kind(words, terminal=terminal) == kind


def test_from_python_it_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "evolsynth.doing"), doing("loading the embedder"):
        pass
    assert caplog.messages == ["loading the embedder"]
    assert under_way() is None


def test_what_fails_is_not_going_on_any_more() -> None:
    with pytest.raises(ValueError, match="no"), doing("failing"):
        raise ValueError("no")
    assert under_way() is None


def test_waiting_for_another_process_is_said(tmp_path: Path) -> None:
    place, said = tmp_path / "table.npy", list[str]()
    with (tmp_path / "table.npy.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def take() -> None:
            with locked(place):
                said.append("taken")

        thread = threading.Thread(target=take)
        thread.start()
        while (deed := under_way()) is None:
            thread.join(0.01)
        assert deed.what == "waiting for another process that makes table.npy"
        assert not said
        fcntl.flock(other, fcntl.LOCK_UN)
        thread.join(10)
    assert said == ["taken"]


# --- whom it is said to -----------------------------------------------------------------------


class Stuck(io.StringIO):
    """A terminal that was stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.free.wait(30)
        return super().write(text)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    made = Stuck()
    yield made
    made.free.set()


def test_nobody_waits_for_a_terminal_that_was_stopped(stuck: Stuck) -> None:
    file = Aside(stuck)
    for number in range(100):
        file.write(f"{number} {'x' * 20_000}\n")
    assert not file.drain(0.01)
    stuck.free.set()
    assert file.drain(30)
    lines = stuck.getvalue().splitlines()
    assert 10 < len(lines) < 100  # what is too much is left out, each line whole or not at all
    assert all(len(line) > 20_000 for line in lines)


@pytest.mark.parametrize("error", [OSError(28, "full"), BrokenPipeError(), ValueError("closed")])
def test_a_file_that_fails_is_not_written_to_again(error: Exception) -> None:
    class Broken(io.StringIO):
        tries = 0

        def write(self, text: str) -> int:
            self.tries += 1
            raise error

    broken = Broken()
    file = Aside(broken)
    for _ in range(5):
        file.write("x")
        assert file.drain()
    assert broken.tries == 1
    assert threading.active_count() < 50


def test_without_standard_error_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    file = error_file()
    assert file.write("x") == 1
    assert file.drain()
    assert not file.isatty()


# --- real processes ---------------------------------------------------------------------------


def command(*words: str, path: Path, **more: str) -> tuple[list[str], dict[str, str]]:
    """A command of this checkout, with modules of a folder before all others."""
    found = os.pathsep.join([str(path), str(ROOT)])
    return [sys.executable, "-m", "evolsynth", *words], {**os.environ, "PYTHONPATH": found, **more}


def test_a_slow_import_is_told_while_it_lasts(tmp_path: Path) -> None:
    """The embedder's library takes until it has been told; then it turns out to be broken."""
    (tmp_path / "torch.py").write_text(
        "import pathlib, time\n"
        "while not pathlib.Path('told').exists():\n"
        "    time.sleep(0.05)\n"
        "raise ImportError('it is a stone')\n"
    )
    (tmp_path / "rows.jsonl").write_text('{"instruction": "Say hello.", "response": "Hello."}\n')
    words, environment = command("gate", "rows.jsonl", path=tmp_path)
    with subprocess.Popen(
        words, env=environment, cwd=tmp_path, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = ""
        while "loading the embedder ..." not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        (tmp_path / "told").touch()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert "it is a stone" in err
    assert "Traceback" not in said + err


RUN = """
from evolsynth import Scripted
from evolsynth.errors import EngineError
from evolsynth.pipeline import load, respond

def said(request):
    return EngineError("no route to host " + 300 * "x")

DATA = [{"instruction": f"Tell me about river {n}."} for n in range(1000)]
pipe = (load(DATA) >> respond()).using(
    models={"default": Scripted(said, concurrency=64)}, embedder=None, name="rivers"
)
"""
FAST = ("--retry", "{attempts: 1}", "--breaker", "0", "--no-report", "-o", "out")


@pytest.mark.parametrize(
    "way",
    [
        "nobody reads",
        "a terminal that stands still",
        pytest.param("full", marks=pytest.mark.slow),
        pytest.param("closed", marks=pytest.mark.slow),
    ],
)
def test_a_run_ends_whatever_becomes_of_its_standard_error(way: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(RUN)
    log = "auto" if way.startswith("a terminal") else "json"
    words, environment = command("run", "mine.py:pipe", *FAST, "--log", log, path=tmp_path)
    environment["TERM"] = "xterm"
    held: list[int] = []
    if way == "full":
        error = os.open("/dev/full", os.O_WRONLY)
    elif way == "closed":
        words = ["sh", "-c", 'exec "$@" 2>&-', "sh", *words]
        error = os.open(os.devnull, os.O_WRONLY)
    elif way == "nobody reads":
        reader, error = os.pipe()
        held.append(reader)
    else:
        master, error = pty.openpty()
        held.append(master)
    try:
        done = subprocess.run(
            words, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=error, timeout=120,
            check=False,
        )  # fmt: skip
    finally:
        for one in (error, *held):
            os.close(one)
    assert done.returncode == 1  # rows failed
    assert done.stdout == b""
    failed = (tmp_path / "out" / "failed.jsonl").read_text("utf-8").splitlines()
    assert len(failed) == 1000
