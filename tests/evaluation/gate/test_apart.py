"""The second process of a gate: the same verdicts, whatever becomes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from evolsynth.doing import saying
from evolsynth.evaluation.gate import apart as module
from evolsynth.evaluation.gate.apart import Apart
from evolsynth.evaluation.gate.check import CHECKS, Case, Check
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.own import OwnCheck
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.gate.verdict import Given, Read
from evolsynth.findings import Finding
from evolsynth.foreign import process_of
from evolsynth.rows import Row

SETTINGS = GateSettings(least_tier="unverified")
FROM = module._FROM
PASSAGE = "The Lantern House was built by Maria Oldfield, an engineer, in 1871."


def rows(n: int = 100) -> list[Row]:
    """Good rows, and bad ones of each kind of check; parts of 64 end among them."""
    found = [
        Row.make(f"Name {i + 2} rivers.", response="Rhine, Elbe and Oder.") for i in range(n - 9)
    ]
    first = found[0]
    made = {"instruction": {"original": first.instruction}}
    found[60:60] = [
        Row.make("ok"),
        Row.make("Explain how bread rises.", response="I'm sorry, but I cannot help."),
        Row.make("Who built it?", response="Paul Gray did.", extra={"input": PASSAGE}),
        Row.make("Who built it?", response="Maria Oldfield.", extra={"input": PASSAGE}),
        Row.make("Name a sea.", parents=(first.id,), round=1, provenance=made),
        Row.make("Name a lake.", provenance={"instruction": {"demands": [{"kind": "none"}]}}),
        Row.make("Name a bay.").replace(
            extra={"what": threading.Lock()}
        ),  # this cannot be given to another process
        Row.make("Name a bay now.", scores={"ifd": 0.5}).reject("too_short"),
        Row.make("name 2 RIVERS", key="again"),
    ]
    return found


async def ahead(some: Sequence[Row]) -> AsyncGenerator[Row]:
    for row in some:
        yield row


def judged(some: Sequence[Row], apart: Apart | None = None, *checks: OwnCheck) -> list[Row]:
    gate = Gate(settings=SETTINGS, at_once=len(some), checks=checks, apart=apart)

    async def check() -> list[Row]:
        return [row async for row in gate.check(ahead(some))]

    return asyncio.run(check())


class Begun:
    """The processes that were begun, each as soon as there is a row for it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.those: list[subprocess.Popen[bytes]] = []
        patch.setattr(module, "_FROM", 0)
        patch.setattr(module, "process_of", self._process_of)

    def _process_of(self, *words: str, **about: Any) -> subprocess.Popen[bytes]:
        self.those.append(process_of(*words, **about))
        return self.those[-1]


def until_it_takes_rows(apart: Apart) -> None:
    here: list[object] = []

    def look(some: Sequence[Given]) -> list[Read]:
        here.append(some)
        return []

    for _ in range(600):
        here.clear()
        list(apart.look([[Given(Row.make("ok"))]], look))
        if not here:
            return
        time.sleep(0.1)
    pytest.fail("It takes no rows.")


@pytest.fixture(scope="module")
def begun() -> Iterator[Begun]:
    with pytest.MonkeyPatch.context() as patch:
        yield Begun(patch)


@pytest.fixture(scope="module")
def apart(begun: Begun) -> Iterator[Apart]:
    with Apart(SETTINGS) as process:
        until_it_takes_rows(process)
        yield process


# The same verdicts --------------------------------------------------------------------------------


def test_rows_are_judged_as_in_one_process(
    apart: Apart, begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, back, whole = rows(200), list[int](), Apart._whole

    def counted(self: Apart, part: Sequence[Given], found: Sequence[Any]) -> list[Read]:
        back.append(len(part))
        return whole(self, part, found)

    monkeypatch.setattr(Apart, "_whole", counted)
    assert judged(some, apart) == judged(some)
    assert sum(back) == 200 - 64  # all but the part with the row that cannot be given
    reasons = {row.verdict.reasons[0] for row in judged(some) if row.verdict and row.settled}
    assert {"too_short", "refusal", "unsupported", "exact_duplicate"} <= reasons
    (other,) = begun.those
    assert other.poll() is None  # it is still there


def test_rows_that_were_decided_before_are_no_part(apart: Apart) -> None:
    decided = [Row.make("Name a bay.", key=str(i)).reject("too_short") for i in range(128)]
    for _ in range(2):  # a part without rows to look at was answered to the next one
        some = [*rows(200)[:60], *decided[:4], *decided]
        assert judged(some, apart) == judged(some)


def test_what_nobody_waits_for_is_no_answer_to_another(apart: Apart) -> None:
    def look(one: Row) -> Iterator[list[Read]]:
        return apart.look([[Given(one)], [Given(one), Given(one)]], lambda _: [])

    unended = look(Row.make("ok"))
    (read,) = next(unended)
    del unended  # nobody takes the second part
    assert read.row.status == "rejected"
    ((read,), *_) = look(Row.make("Name a bay."))
    assert read.row.status == "pending"


def test_a_check_of_ones_own_is_asked_here(apart: Apart) -> None:
    asked: list[str] = []

    def bread(row: Row) -> Finding | None:
        asked.append(row.id)
        return Finding("bread") if "bread" in (row.instruction or "") else None

    some = [Row.make("Explain how bread rises."), *rows(70)]
    found = judged(some, apart, bread)
    assert some[0].id in asked
    assert found[0].verdict is not None
    assert found[0].verdict.reasons == ("bread",)
    assert found == judged(some, None, bread)


def test_a_row_that_no_process_takes_is_judged_among_the_others(apart: Apart) -> None:
    held = Row.make("Name a bay of the Baltic.").replace(extra={"what": threading.Lock()})
    (row,) = judged([held], apart)
    assert row.status == "accepted"
    assert row.extra["what"] is held.extra["what"]


# Whose checks -------------------------------------------------------------------------------------


def test_only_this_packages_checks_are_made_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Apart.can(SETTINGS)

    def shouts(case: Case) -> Finding | None:
        return Finding("shouts") if case.asked.isupper() else None

    # it may know of what only this process has
    one = Check("shouts", shouts, parts=("instruction",), cost="text")
    monkeypatch.setitem(CHECKS._things, "shouts", one)
    assert not Apart.can(SETTINGS)
    assert Apart.can(GateSettings(skip=("shouts",)))


# Its end ------------------------------------------------------------------------------------------


def test_nothing_is_lost_where_the_process_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    some, said, begun = rows(200), list[str](), Begun(monkeypatch)
    with saying(said.append), Apart(SETTINGS) as process:
        until_it_takes_rows(process)
        (other,) = begun.those
        other.send_signal(signal.SIGSTOP)  # it has rows, and gives none back
        threading.Timer(0.3, os.kill, (other.pid, signal.SIGKILL)).start()
        found = judged(some, process)
    with pytest.raises(ProcessLookupError):
        os.kill(other.pid, 0)
    assert found == judged(some)
    (sentence,) = said
    assert "SIGKILL" in sentence
    assert "No row is lost" in sentence


def test_a_process_that_cannot_be_started_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    said, begun = list[str](), Begun(monkeypatch)
    with saying(said.append), Apart(SETTINGS) as process:
        some = rows(200)
        assert judged(some, process) == judged(some)
    assert len(said) == 1
    assert begun.those == []


def test_few_rows_begin_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = Begun(monkeypatch)
    monkeypatch.setattr(module, "_FROM", FROM)
    with Apart(SETTINGS) as process:
        judged(rows(150), process)
        assert begun.those == []


_PROGRAM = """
import sys
from evolsynth.cli.main import run
from evolsynth.evaluation.gate import apart
start = apart.Apart._start
def told(self):
    start(self)
    print(self._process.pid, flush=True)
apart.Apart._start, apart._FROM = told, 0
apart.Apart.can, apart.os.sched_getaffinity = lambda _: True, lambda _: {0, 1}
sys.argv = ["evolsynth", "gate", *sys.argv[1:], "--no-embedder"]
run()
"""


def test_ctrl_c_ends_both_and_keeps_what_was_judged(tmp_path: Path) -> None:
    data, good = tmp_path / "rows.jsonl", tmp_path / "good.jsonl"
    data.write_text("".join(f'{{"instruction": "Name {i} rivers."}}\n' for i in range(9000)))
    command = [sys.executable, "-c", _PROGRAM, str(data), "-o", str(good)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        other = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=100)
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert said.count(b"evolsynth: stopped.") == 1
    assert not good.exists()  # it is not whole
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)
