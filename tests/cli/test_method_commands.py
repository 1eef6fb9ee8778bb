"""Every option of every method, wherever a user may set one; and methods of other packages."""

from __future__ import annotations

import importlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from another_python import commands_in

import evolsynth
from evals.tables import written
from evolsynth.cli.flags import flag_of
from evolsynth.cli.main import _parser, main
from evolsynth.cli.methods import _forms, _options_of, called, method_summaries
from evolsynth.data.files import read_rows
from evolsynth.llm.base import LLM, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.method import METHODS
from evolsynth.pipeline.steps import STEPS
from evolsynth.pipeline.yaml.json_schema import pipeline_schema
from evolsynth.rows import Row

COMMANDS = sorted({method.command for method in METHODS.values() if method.command})


def subparser(command: str) -> Any:
    commands: Any = next(action for action in _parser(command)._actions if action.choices)
    return commands.choices[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_flag_with_its_text(command: str) -> None:
    flags = {flag: action for action in subparser(command)._actions
             for flag in action.option_strings}  # fmt: skip
    options = _options_of(_forms(command))
    names = called(options, command)
    assert options
    for name, option in options.items():
        flag = flags[flag_of(names.get(name, name))]
        assert option.text, f"{name} of {command} has no text"
        assert option.text.rstrip(".")[1:] in str(flag.help).replace("%%", "%")
        default = option.default
        if isinstance(default, int | float | str) and not isinstance(default, bool) and default:
            assert "default" in str(flag.help)


@pytest.mark.parametrize("name", list(METHODS))
def test_every_option_is_in_the_schema_and_in_yaml(name: str) -> None:
    schema = pipeline_schema()["$defs"]["step"]["anyOf"][2]["properties"]
    there = json.dumps(schema[name])
    for option in STEPS[name].options.values():
        assert f'"{option.name}": ' in there
        assert STEPS[name].option(option.name).kind == option.kind


def test_texts_say_nothing_of_python_alone() -> None:
    for name in METHODS:
        for option in STEPS[name].options.values():
            assert "None" not in option.text, f"{name}.{option.name}"
            assert '``"' not in option.text, f"{name}.{option.name}"


def test_a_changed_signature_changes_flag_schema_and_table(
    toy: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    toy(TOY.replace("syllables: Count = 17", "syllables: Count = 5"))
    with pytest.raises(SystemExit):
        main(["haiku", "--help"])
    assert "--syllables N of the poem (default: 5)" in " ".join(capsys.readouterr().out.split())
    schema = pipeline_schema()["$defs"]["step"]["anyOf"][2]["properties"]["haiku"]
    assert '"default": 5' in json.dumps(schema)
    assert STEPS["haiku"].options["syllables"].default == 5
    table = written("<!-- table: method haiku -->\n<!-- end of table -->\n")
    assert "| `syllables` | `--syllables` | `5` | Of the poem. (from 1) |" in table
    assert "| `format` | `--haiku-format` | `'plain'` | Of its lines. |" in table


# What somebody else adds --------------------------------------------------------------------------

TOY = '''
from evolsynth.methods.method import method
from evolsynth.options import Count
from evolsynth.streams import iterate


@method(shape="map", needs=["instruction"], gives=["haiku"])
async def haiku(rows, llm=None, *, seed=0, syllables: Count = 17, format: str = "plain"):
    """Each row with a poem about its instruction.

    Args:
        syllables: of the poem.
        format: of its lines.
    """
    async for row in iterate(rows):
        poem = f"{syllables} syllables on: {row.instruction} ({format})"
        yield row if row.settled else row.replace(extra={**row.extra, "haiku": poem})
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Install a package with a method, as pip would."""

    def install(text: str) -> None:
        place = tmp_path / "site"
        (place / "my_poems-1.0.dist-info").mkdir(parents=True)
        (place / "my_poems.py").write_text(text, encoding="utf-8")
        about = place / "my_poems-1.0.dist-info"
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-poems\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[evolsynth.methods]\nhaiku = my_poems\n")
        monkeypatch.syspath_prepend(str(place))
        monkeypatch.setattr(METHODS, "_whole", False)  # look again

    before = dict(METHODS._things), dict(METHODS._homes)
    yield install
    METHODS._things, METHODS._homes = before
    METHODS._whole = True
    sys.modules.pop("my_poems", None)
    importlib.import_module("evolsynth.pipeline.steps")._made.cache_clear()


def seeds(folder: Path, *texts: str) -> str:
    path = folder / "seeds.jsonl"
    path.write_text("".join(json.dumps({"instruction": t}) + "\n" for t in texts), "utf-8")
    return str(path)


def test_a_method_of_another_package_is_a_command(
    toy: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy(TOY)
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "haiku each row with a poem about its instruction" in " ".join(
        capsys.readouterr().out.split()
    )
    arguments = ["--syllables", "7", "--haiku-format", "rhymed", "--log", "quiet"]
    assert main(["haiku", seeds(tmp_path, "Snow."), *arguments]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["haiku"] == "7 syllables on: Snow. (rhymed)"


def test_a_method_of_another_package_is_a_step(toy: Callable[[str], None], tmp_path: Path) -> None:
    toy(TOY)
    from evolsynth.pipeline import haiku, load

    step = haiku(syllables=3)
    assert (step.kind, step.parameters) == ("haiku", {"syllables": 3})
    data = seeds(tmp_path, "Snow.")
    text = f"steps: [load: {{data: {data}}}, haiku: {{syllables: 3}}]"
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    jsonschema.Draft202012Validator(pipeline_schema()).validate(
        {"steps": [{"load": {"data": data}}, {"haiku": {"syllables": 3}}]}
    )
    (load(data) >> step).check()
    run = ["run", str(tmp_path / "p.yaml"), "-o", str(tmp_path / "out"), "--no-report"]
    assert main([*run, "--log", "quiet"]) == 0
    (row,) = read_rows(tmp_path / "out" / "accepted.jsonl")
    assert row.extra["haiku"].startswith("3 syllables")


def test_a_package_that_cannot_be_loaded_is_named(
    toy: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    toy("import nothing_such")
    assert main(["--help"]) == 1
    assert "The method 'haiku' of my_poems cannot be loaded" in capsys.readouterr().err


def test_a_method_of_ours_is_one_file(tmp_path: Path) -> None:
    """In a copy of the package: the file alone makes the command, the step and the schema."""
    copy = tmp_path / "copy"
    home = Path(evolsynth.__file__).parent
    shutil.copytree(home, copy / "evolsynth")
    prompts = home.parent / "prompts"
    if prompts.is_dir():
        shutil.copytree(prompts, copy / "prompts")
    (copy / "evolsynth" / "methods" / "haiku.py").write_text(TOY, encoding="utf-8")
    helped, ran, schema, step = commands_in(
        ["--help"],
        ["haiku", seeds(tmp_path, "Snow."), "--log", "quiet"],
        ["schema"],
        ["-c", "from evolsynth.pipeline import haiku; print(haiku)"],
        first=copy,
        cwd=copy,
    )
    assert "each row with a poem" in helped.stdout, helped.stderr
    assert json.loads(ran.stdout)["haiku"] == "17 syllables on: Snow. (plain)", ran.stderr
    assert '"haiku"' in schema.stdout
    assert step.stdout.strip(), step.stderr


# Start --------------------------------------------------------------------------------------------


def test_help_imports_nothing_large() -> None:
    code = (
        "import sys\nfrom evolsynth.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stderr.split())
    assert not loaded & {"numpy", "jinja2", "msgspec", "rich", "yaml", "torch", "llama_cpp"}
    assert not loaded & {"plotly", "sklearn", "sentence_transformers"}
    assert all(command in ran.stdout for command in ("demo", "magpie", "report", "doctor"))


def test_every_command_has_a_summary() -> None:
    told = method_summaries()
    assert list(told) == COMMANDS
    assert all(text.endswith(".") and "``" not in text for text in told.values())
    assert "Without IN: new tasks" in told["self-instruct"]


# Runs ---------------------------------------------------------------------------------------------


class Counting(Scripted):
    """Says a sentence with the seed in it, and counts what it is asked."""

    asked: list[Request]
    seconds = 0.0

    def __init__(self, model: str) -> None:
        type(self).asked = []

        def answer(request: Request) -> str:
            type(self).asked.append(request)
            return f"It takes {request.seed} days to walk there."

        super().__init__(answer, name=model, delay=self.seconds)


@pytest.fixture
def model(use_model: Callable[[Callable[..., LLM]], None]) -> type[Counting]:
    use_model(Counting)
    Counting.asked, Counting.seconds = [], 0.0
    return Counting


def lines(path: Path) -> list[Row]:
    return list(read_rows(path))


def test_the_same_command_asks_nothing_again(model: type[Counting], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    command = ["respond", seeds(tmp_path, *map(str, range(9))), "-o", str(out), "--log", "quiet"]
    assert main(command) == 0
    first = out.read_bytes()
    assert len(model.asked) == 9
    assert main(command) == 0
    assert (len(model.asked), out.read_bytes()) == (0, first)
    assert main([*command, "--fresh"]) == 0
    assert (len(model.asked), out.read_bytes()) == (9, first)


def test_budgets(model: type[Counting], tmp_path: Path) -> None:
    data, out = seeds(tmp_path, *map(str, range(30))), tmp_path / "out.jsonl"
    assert main(["respond", data, "--accepted", "4", "-o", str(out)]) == 0
    assert len(lines(out)) == 4
    assert main(["respond", data, "--limit", "3", "--fresh", "-o", str(out)]) == 0
    assert [row.instruction for row in lines(out)] == ["0", "1", "2"]
    assert main(["respond", data, "--max-attempts", "2", "--fresh", "-o", str(out)]) == 0
    assert len(lines(out)) == 2


def test_the_runs_tokens_and_an_answers_are_two_flags(
    model: type[Counting], tmp_path: Path
) -> None:
    model.seconds = 0.05
    data, out = seeds(tmp_path, *map(str, range(60))), tmp_path / "out.jsonl"
    arguments = ["--max-tokens", "12", "--run-max-tokens", "50", "--concurrency", "1"]
    assert main(["respond", data, *arguments, "-o", str(out)]) == 0
    assert {request.max_tokens for request in model.asked} == {12}
    assert 0 < len(lines(out)) < 60


def test_several_models_and_a_folder_of_ones_own(model: type[Counting], tmp_path: Path) -> None:
    out, folder = tmp_path / "out.jsonl", tmp_path / "mine"
    arguments = ["--folder", str(folder), "--model", "other.gguf", "-o", str(out)]
    assert main(["respond", seeds(tmp_path, "a"), *arguments]) == 0
    assert lines(out)[0].provenance["response"]["model"] == "other.gguf"
    assert (folder / "accepted.jsonl").read_bytes() == out.read_bytes()
    assert not (tmp_path / "out.jsonl.run").exists()


def test_progress_as_json_and_none_at_all(
    model: type[Counting], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = seeds(tmp_path, "a")
    assert main(["respond", data, "--log", "json"]) == 0
    said = capsys.readouterr()
    assert [json.loads(line)["instruction"] for line in said.out.splitlines()] == ["a"]
    assert {json.loads(line)["event"] for line in said.err.splitlines()} >= {"begin", "finished"}
    assert main(["respond", data, "--log", "quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_an_empty_or_missing_file_is_one_sentence(
    model: type[Counting], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["respond", seeds(tmp_path)]) == 1
    assert "seeds.jsonl: there are no rows." in capsys.readouterr().err
    assert main(["respond", str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl: no such file" in capsys.readouterr().err
    assert model.asked == []


def test_pairs_are_a_format_of_preference_alone(
    model: type[Counting], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["respond", seeds(tmp_path, "a"), "--format", "standard"]) == 1
    assert "There is no format 'standard'." in capsys.readouterr().err
    assert "--format {conversational,standard,rows}" in subparser("preference").format_help()


def test_a_reader_of_standard_output_that_goes_away(tmp_path: Path) -> None:
    command = f"{sys.executable} -c '{KILLED}' {tmp_path / 'asked'} 0 respond " + seeds(
        tmp_path, *map(str, range(500))
    )
    ran = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} --log quiet | head -n 1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(ran.stdout)["instruction"] == "0"
    assert ran.returncode == 141
    assert "Traceback" not in ran.stderr


KILLED = """
import sys, time
from pathlib import Path
from evolsynth.llm.scripted import Scripted
from evolsynth.pipeline.run import context
asked = Path(sys.argv[1])

def answer(request):
    with asked.open("a") as file:
        file.write(f"{request.seed}\\n")
    return f"It takes {request.seed} days to walk there."

context.open_llm = lambda name: Scripted(answer, name=name, delay=float(sys.argv[2]), concurrency=2)
from evolsynth.cli.main import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_command_that_was_ended_goes_on_where_it_was(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    out, asked = tmp_path / "out.jsonl", tmp_path / "asked.txt"
    command = ["respond", seeds(tmp_path, *map(str, range(60))), "-o", str(out), "--log", "plain"]

    def started(delay: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, str(asked), delay, *command],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    process = started("0.1")
    end = time.monotonic() + 60
    while time.monotonic() < end and not any(
        part.stat().st_size >= 2000 for part in tmp_path.glob(".out.jsonl.*.part")
    ):
        time.sleep(0.05)
    time.sleep(1.2)  # the store is written each second
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == status
    before = asked.read_text().splitlines()
    assert 0 < len(before) < 60
    if number == signal.SIGINT:
        assert "Go on with the same command" in said
        assert "evolsynth run" not in said
        assert 0 < len(lines(tmp_path / "out.partial.jsonl")) < 60
        assert "out.partial.jsonl" in said
        assert not list(tmp_path.glob(".*.part"))
    again = started("0")
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert len(lines(out)) == 60
    twice = len(asked.read_text().splitlines()) - 60
    assert 0 <= twice < len(before) / 2  # what was under way when it was killed, no more
    assert twice == 0 or number == signal.SIGKILL
