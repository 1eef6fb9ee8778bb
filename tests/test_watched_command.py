"""A long command of the setup: how far it is, how it ends, and what its failure is called."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parent.parent / "scripts"))  # scripts are no package
preflight = importlib.import_module("preflight")
watched_command = importlib.import_module("watched_command")


# Progress ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "share"),
    [
        ("[38/140] /usr/bin/g++ -O3 -c x.cpp", (38, 140)),
        ("  [1/83] Building CXX object", (1, 83)),
        ("[ 27%] Building CXX object", (27, 100)),
        ("[1/2] a trial build of CMake's own", None),
        ("[150/140] nonsense", None),
        ("Collecting torch [1/3", None),
        ("", None),
    ],
)
def test_build_output_tells_how_far_it_is(line: str, share: tuple[int, int] | None) -> None:
    assert watched_command.compiled_share(line) == share


@given(st.lists(st.one_of(st.text(), st.from_regex(r"\s*\[\d{1,4}/\d{1,4}\].*"))))
def test_progress_never_goes_back_and_never_passes_the_end(lines: list[str]) -> None:
    progress = watched_command.Progress(terminal=False, started=0.0)
    before = (0, 0)
    for line in lines:
        progress.read(line)
        if progress.share:
            assert progress.share >= before
            assert progress.share[0] <= progress.share[1]
            before = progress.share


def test_progress_shows_the_percentage_and_the_time() -> None:
    progress = watched_command.Progress(terminal=False, started=100.0)
    assert progress.text(108.2).strip() == "8 s"
    progress.read("  Downloading torch-2.13.0.whl (190 MB)")
    assert progress.text(108.2).strip() == "Downloading torch-2.13.0.whl, 8 s"
    progress.read("  [35/140] g++ …")
    assert progress.text(285.0).strip() == "compiled 25%, 3 min 05 s"


def test_a_pipe_gets_a_line_every_15_seconds_and_a_terminal_many() -> None:
    pipe = watched_command.Progress(terminal=False, started=0.0)
    assert [now for now in range(0, 50, 5) if pipe.due(now)] == [15, 30, 45]
    terminal = watched_command.Progress(terminal=True, started=0.0)
    assert [now for now in range(0, 50, 5) if terminal.due(now)] == list(range(5, 50, 5))


# Commands ----------------------------------------------------------------------------------------


def test_a_command_leaves_its_output_in_the_log_and_its_signal_in_the_status(
    tmp_path: Path,
) -> None:
    log = tmp_path / "logs" / "a b.log"
    ended = watched_command.run(["sh", "-c", "echo '[20/20] ld'; echo $X >&2; exit 3"], log, X="é")
    assert (ended.status, ended.output, ended.compiled) == (3, "[20/20] ld\né\n", True)
    killed = watched_command.run(["sh", "-c", "kill -ILL $$"], log)
    assert (killed.status, killed.compiled) == (-signal.SIGILL, False)
    assert log.read_text(encoding="utf-8") == "[20/20] ld\né\n"


@pytest.mark.parametrize("manners", ["", "trap '' INT;"])
def test_stopping_a_command_stops_what_it_started(manners: str) -> None:
    still_open, held_by_all = os.pipe()
    child = subprocess.Popen(
        ["sh", "-c", f"{manners} sleep 50 >/dev/null & echo started; exit"],
        stdout=subprocess.PIPE,
        stderr=held_by_all,
        start_new_session=True,
    )
    os.close(held_by_all)
    assert child.stdout is not None
    assert child.stdout.readline() == b"started\n"
    watched_command.stop(child)
    assert os.read(still_open, 1) == b""  # blocks for as long as any of them lives
    os.close(still_open)


def test_children_do_not_see_settings_that_send_packages_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    environment = watched_command.child_environment(MORE="1")
    assert "PIP_TARGET" not in environment
    assert environment["PIP_INDEX_URL"] == "https://example.org/simple"
    assert environment["MORE"] == "1"


RETRY = (
    "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(\"Failed to "
    "establish a new connection: [Errno -3] Temporary failure in name resolution\")': /torch/\n"
)
NOT_FOUND = (
    "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: "
    "none)\nERROR: No matching distribution found for torch==2.13.0\n"
)
GCC = (
    "x.cpp:3:10: fatal error: immintrin.h: No such file\nninja: build stopped: subcommand failed.\n"
)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        pytest.param(
            RETRY + NOT_FOUND, "pip says “Temporary failure in name resolution”", id="no network"
        ),
        pytest.param("OSError: Network is unreachable\n", "could not reach", id="no route"),
        pytest.param("ProxyError('Cannot connect to proxy.')\n", "could not reach", id="proxy"),
        pytest.param(NOT_FOUND, "has no torch==2.13.0 for Python", id="not in the index"),
        pytest.param(
            RETRY + "OSError: [Errno 28] No space left on device\n", "disk filled up", id="disk"
        ),
        pytest.param(GCC, "immintrin.h", id="compiler"),
        pytest.param(RETRY + GCC, "Compiling torch failed", id="compiler after a retry"),
        pytest.param(
            "c++: fatal error: Killed signal terminated program cc1plus\n",
            "CMAKE_BUILD_PARALLEL_LEVEL=1",
            id="memory",
        ),
        pytest.param("ERROR: something new\n\n", "“ERROR: something new”", id="unknown"),
        pytest.param("", "no output", id="silent"),
    ],
)
def test_a_failure_is_told_in_one_sentence_with_the_log(output: str, said: str) -> None:
    sentence = watched_command.diagnose("torch", output, Path("logs/torch.log"))
    assert said in sentence
    assert "logs/torch.log" in sentence
    assert sentence.endswith((".", ".)"))
    assert "\n" not in sentence


@given(st.text())
def test_any_output_gives_one_line(output: str) -> None:
    assert "\n" not in watched_command.diagnose("torch", output, Path("torch.log"))


def test_a_command_that_must_succeed_raises_the_diagnosis(tmp_path: Path) -> None:
    with pytest.raises(preflight.SetupProblem, match="Installing torch failed with “so it goes”"):
        watched_command.must("torch", ["sh", "-c", "echo so it goes; exit 1"], tmp_path / "log")
