"""``evolsynth export``, and the outputs of a run: files, parts, what is left out and told."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.llm.scripted import Scripted
from evolsynth.pipeline import load, read_pipeline, respond, write_yaml
from evolsynth.rows import Row, Verdict, write_rows

RIVERS = ("Ucayali", "Vltava", "Ouse", "Tagus", "Volga", "Niger", "Indus", "Yukon", "Sava", "Po")
GOOD = Verdict(accepted=True)
ROWS = [
    Row.make(f"Where does the {name} rise?", response=f"In {number} springs.", verdict=GOOD)
    for number, name in enumerate(RIVERS)
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder."""
    folder = tmp_path / "run"
    write_rows(folder / "accepted.jsonl", ROWS)
    write_rows(folder / "rejected.jsonl", [Row.make("Name it.", response="x").reject("refusal")])
    return folder


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def export(*arguments: object) -> int:
    return main(["export", *map(str, arguments)])


def test_a_run_as_messages(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "chat.jsonl"
    assert export(run, "--format", "messages", "-o", out) == 0
    assert [line["messages"][0]["content"] for line in lines(out)] == [r.instruction for r in ROWS]
    assert "10 lines." in capsys.readouterr().err


def test_standard_output_has_the_lines_and_nothing_else(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(run, "--format", "alpaca") == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["output"] for line in told] == [row.response for row in ROWS]


def test_a_file_of_rows_is_exported_without_those_that_were_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = [*ROWS[:3], ROWS[3].reject("refusal"), Row.make("No answer."), ROWS[4]]
    write_rows(tmp_path / "rows.jsonl", some)
    assert export(tmp_path / "rows.jsonl", "-o", tmp_path / "out.jsonl") == 0
    assert len(lines(tmp_path / "out.jsonl")) == 4
    told = capsys.readouterr().err
    assert "1 rows were left out: it is rejected" in told
    assert "1 rows were left out: no response" in told


def test_columns_that_some_rows_have_stand_in_all_lines(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", [ROWS[0], ROWS[1].replace(system="Be brief."), ROWS[2]])
    assert export(tmp_path / "rows.jsonl", "--format", "alpaca", "-o", tmp_path / "a.jsonl") == 0
    assert [line["system"] for line in lines(tmp_path / "a.jsonl")] == ["", "Be brief.", ""]


def test_llama_factory_finds_its_description_beside_and_other_entries_stay(
    run: Path, tmp_path: Path
) -> None:
    info = tmp_path / "dataset_info.json"
    info.write_text('{"mine": {"file_name": "mine.json"}}')
    assert export(run, "--format", "sharegpt", "-o", tmp_path / "talk.jsonl") == 0
    assert json.loads(info.read_text()) == {
        "mine": {"file_name": "mine.json"},
        "talk": {
            "file_name": "talk.jsonl",
            "formatting": "sharegpt",
            "columns": {"messages": "conversations"},
        },
    }


def test_parquet_and_a_data_sets_folder_hold_whole_rows(run: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    assert export(run, "--format", "parquet", "-o", tmp_path / "rows.parquet") == 0
    assert list(read_rows(tmp_path / "rows.parquet")) == ROWS
    split = "train=0.8,test=0.2"
    assert export(run, "--format", "hf", "-o", tmp_path / "data", "--split", split) == 0
    data = datasets.load_from_disk(str(tmp_path / "data"))
    assert {name: part.num_rows for name, part in data.items()} == {"train": 8, "test": 2}
    assert {row["instruction"] for part in data.values() for row in part} == {
        row.instruction for row in ROWS
    }
    assert export(run, "--format", "hf", "-o", tmp_path / "data") == 0, "it may be made again"
    assert datasets.load_from_disk(str(tmp_path / "data")).num_rows == 10


@pytest.mark.parametrize("form", ["parquet", "messages"])
def test_half_a_character_does_not_keep_rows_from_a_table(tmp_path: Path, form: str) -> None:
    """JSON has an escape for it, which readers take; a table's text is UTF-8 throughout."""
    data, made = tmp_path / "rows.jsonl", tmp_path / "made.parquet"
    halved = '{"instruction": "Name a sea.", "response": "The Baltic\\udc00.", "id": "a\\udc00"}\n'
    data.write_text(
        halved + '{"instruction": "Name a lake \\ud83d\\ude00.", "response": "Como."}\n'
    )
    assert main(["export", str(data), "--format", form, "--no-embedder", "-o", str(made)]) == 0
    table = parquet.read_table(made).to_pylist()
    said = json.dumps(table, ensure_ascii=False)
    assert "The Baltic\ufffd." in said
    assert "\U0001f600" in said


def test_a_folder_that_is_no_data_set_is_not_replaced(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("datasets")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear all")
    assert export(run, "--format", "hf", "-o", tmp_path / "mine") == 1
    assert "something else stands there" in capsys.readouterr().err
    assert (tmp_path / "mine" / "letter.txt").read_text() == "Dear all"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file has such a name")
@pytest.mark.parametrize("form", ["parquet", "messages"])
def test_a_table_whose_name_is_no_text(run: Path, tmp_path: Path, form: str) -> None:
    """A name is bytes, and those of some archives are no UTF-8."""
    odd = tmp_path / "\udcffrows.parquet"
    assert export(run, "--format", form, "-o", odd) == 0
    assert len(parquet.read_table(io.BytesIO(odd.read_bytes())).to_pylist()) > 1
    assert odd in list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file has such a name")
def test_so_is_a_folder_where_its_writer_takes_that(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "\udcffdata"
    assert export(run, "--format", "messages", "-o", odd) == 0
    assert {one.name for one in odd.iterdir()} == {"train.jsonl", "dataset_info.json", "README.md"}
    capsys.readouterr()
    assert export(run, "--format", "hf", "-o", tmp_path / "\udcffhf") == 1
    assert "takes no path that is not UTF-8. Choose another place." in capsys.readouterr().err
    assert not (tmp_path / "\udcffhf").exists()


def test_trainer_lines_as_parquet(run: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert export(run, "-o", tmp_path / "chat.parquet") == 0
    table = parquet.read_table(tmp_path / "chat.parquet")
    assert table.column_names == ["messages"]
    assert table.to_pylist()[0]["messages"][1] == {"role": "assistant", "content": "In 0 springs."}


def _agents(*arguments: object) -> list[Row]:
    """Rows with a call each, whose arguments have nothing in common."""
    rows = []
    for number, given in enumerate(arguments):
        call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": given}}
        turns = [
            {"role": "user", "content": f"Where is spring {number}?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "In Chad."},
            {"role": "assistant", "content": "It is in Chad."},
        ]
        rows.append(Row.from_dict({"messages": turns, "tools": [{"type": "function"}]}))
    return rows


@pytest.mark.parametrize("format", ["messages", "prompt-completion", "kto", "grpo"])
def test_calls_with_any_arguments_go_into_parquet(tmp_path: Path, format: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    told: list[Any] = [{"place": "Chad"}, {"place": 7, "near": [1, "x"]}, {}, None]
    write_rows(tmp_path / "rows.jsonl", _agents(*told))
    out = tmp_path / "chat.parquet"
    assert export(tmp_path / "rows.jsonl", "--format", format, "-o", out) == 0
    column = "messages" if format == "messages" else "prompt"
    found = [
        line[column][1]["tool_calls"][0]["function"] for line in parquet.read_table(out).to_pylist()
    ]
    assert [json.loads(call["arguments"]) for call in found] == [*told[:3], {}]
    if format == "messages":
        again = [row.messages[1] for row in read_rows(out)]
        assert len(again) == 4


def test_llama_factory_is_not_told_of_calls_that_it_would_pass_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, info = tmp_path / "rows.jsonl", tmp_path / "dataset_info.json"
    write_rows(rows, _agents({"place": "Chad"}))
    assert export(rows, "-o", tmp_path / "chat.jsonl") == 0
    assert "write --format sharegpt" in capsys.readouterr().err
    assert not info.exists()
    info.write_text('{"chat": {"file_name": "chat.jsonl"}, "mine": {}}')
    assert export(rows, "-o", tmp_path / "chat.jsonl") == 0
    assert json.loads(info.read_text()) == {"mine": {}}
    assert export(rows, "--format", "sharegpt", "-o", tmp_path / "talk.jsonl") == 0
    assert json.loads(info.read_text())["talk"]["columns"] == {
        "messages": "conversations", "tools": "tools",
    }  # fmt: skip


def test_a_folder_gets_a_file_for_each_part_and_a_card(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    split = "train=0.6,validation=0.2,test=0.2"
    assert export(run, "-o", folder, "--split", split, "--seed", 3) == 0
    parts = {n: lines(folder / f"{n}.jsonl") for n in ("train", "validation", "test")}
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 6, "validation": 2, "test": 2,
    }  # fmt: skip
    before = (folder / "test.jsonl").read_bytes()
    assert export(run, "-o", folder, "--split", split, "--seed", 3) == 0
    assert (folder / "test.jsonl").read_bytes() == before
    assert export(run, "-o", folder, "--split", split, "--seed", 4) == 0
    assert (folder / "test.jsonl").read_bytes() != before
    assert (folder / "README.md").read_text().startswith("---\n")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--format", "mesages"], "Did you mean 'messages'?"),
        (["--format", "dpo"], "No row can be written as 'dpo' (10: no pair of responses"),
        (["--split", "train=0.5,test=0.4", "-o", "x"], "make 0.9, not 1"),
        (["--split", "train=a", "-o", "x"], "'train=a' is none"),
        (["--split", "train=0.5,test=0.5"], "cannot go to standard output"),
        (["--format", "hf"], "cannot go to standard output"),
        (["--format", "parquet", "-o", "x.jsonl"], "called NAME.parquet"),
        (["--push", "me/data", "-o", "x.jsonl"], "What is pushed is a folder"),
        (["--dry-run", "-o", "x"], "--dry-run goes with --push"),
        (["--decontaminate", "none.txt", "-o", "x.jsonl", "--no-embedder"], "none.txt"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    run: Path, more: Sequence[str], said: str, capsys: pytest.CaptureFixture[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert export(run, *more) == 1
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_more_parts_than_families_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path / "one.jsonl", ROWS[:1])
    assert export(tmp_path / "one.jsonl", "-o", tmp_path / "x", "--split", "a=0.5,b=0.5") == 1
    assert "There is no row for" in capsys.readouterr().err


# The outputs of a run ----------------------------------------------------------------------------

YAML = """
name: talk
embedder: none
steps:
  - load: {data: seeds.jsonl}
  - respond
outputs:
  - {format: messages, output: chat.jsonl}
  - format: alpaca
    output: parts
    split: {train: 0.5, test: 0.5}
    decontaminate: bench.txt
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "bench.txt").write_text("Which river flows past Bagdad and how long is it?\n")
    seeds = [{"instruction": row.instruction} for row in ROWS]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    (tmp_path / "talk.yaml").write_text(YAML)
    return tmp_path / "talk.yaml"


def test_a_run_writes_its_outputs_at_its_end(spec: Path, tmp_path: Path) -> None:
    pipeline = read_pipeline(spec)
    folder = tmp_path / "run"
    llm = Scripted(lambda request: "It rises in the hills.")
    result = asyncio.run(pipeline.run(str(folder), llm=llm, report=False))
    assert len(lines(folder / "chat.jsonl")) == 10
    assert {n: len(lines(folder / "parts" / f"{n}.jsonl")) for n in ("train", "test")} == {
        "train": 5, "test": 5,
    }  # fmt: skip
    assert result.files["messages"] == folder / "chat.jsonl"
    assert result.files["alpaca train"] == folder / "parts" / "train.jsonl"
    assert (folder / "parts" / "README.md").is_file()


def test_outputs_are_given_in_python_too(tmp_path: Path) -> None:
    pipe = load([{"instruction": row.instruction} for row in ROWS]) >> respond()
    llm = Scripted(lambda request: "It rises in the hills.")
    told = [{"format": "grpo", "output": "prompts.jsonl"}]
    asyncio.run(pipe.run(str(tmp_path / "a"), llm=llm, report=False, outputs=told))
    assert lines(tmp_path / "a" / "prompts.jsonl")[0].keys() == {"prompt", "answer"}
    pipe = pipe.using(outputs=told)
    asyncio.run(pipe.run(str(tmp_path / "b"), llm=llm, report=False))
    assert (tmp_path / "b" / "prompts.jsonl").is_file()


def test_an_output_that_fails_leaves_the_data_set_whole(tmp_path: Path) -> None:
    pipe = load([{"instruction": row.instruction} for row in ROWS]) >> respond()
    llm = Scripted(lambda request: "It rises in the hills.")
    told = [{"format": "dpo", "output": "pairs.jsonl"}]
    with pytest.raises(InputError, match=r"outputs, pairs\.jsonl: No row .* is whole, in"):
        asyncio.run(pipe.run(str(tmp_path / "a"), llm=llm, report=False, outputs=told))
    assert len(lines(tmp_path / "a" / "accepted.jsonl")) == 10
    assert not (tmp_path / "a" / "pairs.jsonl").exists()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([{"format": "messages"}], "outputs, 1: .*output"),
        ([{"output": "a.jsonl", "form": "x"}], "outputs, 1: .*form"),
        ([{"output": "a.jsonl", "format": "mesages"}], "Did you mean 'messages'"),
        ([{"output": "a.jsonl"}, {"output": "a.jsonl"}], "outputs, 2: 'a.jsonl'"),
        ([{"output": "accepted.jsonl"}], "accepted.jsonl"),
    ],
)
def test_an_output_that_cannot_be_is_told_before_anything_runs(
    told: list[dict[str, Any]], said: str, tmp_path: Path
) -> None:
    llm = Scripted(lambda request: "It rises in the hills.")
    pipe = load([{"instruction": "Name a lake."}]) >> respond()
    with pytest.raises(InputError, match=said):
        asyncio.run(pipe.run(str(tmp_path / "a"), llm=llm, report=False, outputs=told))
    assert not (tmp_path / "a" / "accepted.jsonl").exists()


def test_a_wrong_output_in_yaml_is_told_with_its_line(spec: Path) -> None:
    spec.write_text(YAML.replace("format: alpaca", "format: alpacca"))
    with pytest.raises(InputError, match=r"talk\.yaml, line 9.*alpaca"):
        read_pipeline(spec)


def test_outputs_survive_being_written_as_yaml(spec: Path) -> None:
    pipeline = read_pipeline(spec)
    again = spec.with_name("again.yaml")
    again.write_text(write_yaml(pipeline))
    assert read_pipeline(again).outputs == pipeline.outputs
