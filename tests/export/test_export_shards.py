"""``evolsynth export --shards``: names, sizes, order, one schema, what stood there before."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.export import shards as sharding
from evolsynth.export.export import Output, export_rows
from evolsynth.export.shards import shard_files, sizes
from evolsynth.pipeline.yaml.load import read_pipeline
from evolsynth.rows import Row, Verdict, write_rows

parquet = pytest.importorskip("pyarrow.parquet")

GOOD = Verdict(accepted=True)
RIVERS = ("Ucayali", "Vltava", "Ouse", "Tagus", "Volga", "Niger", "Indus", "Yukon", "Sava", "Po")
ROWS = [
    Row.make(f"Where does the {name} rise?", response=f"In {number} springs.", verdict=GOOD)
    for number, name in enumerate(RIVERS)
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder."""
    write_rows(tmp_path / "run" / "accepted.jsonl", ROWS)
    return tmp_path / "run"


def export(*arguments: object) -> int:
    return main(["export", *map(str, arguments)])


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def rows_of(folder: Path) -> list[Row]:
    return [row for file in sorted(folder.glob("part-*")) for row in read_rows(file)]


def test_rows_stand_in_shards_in_their_order(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert export(run, "--format", "parquet", "--shards", 4, "-o", out) == 0
    shards = [f"part-{n:05}-of-00004.parquet" for n in range(4)]
    assert names(out) == ["README.md", *shards]
    assert [parquet.read_metadata(out / name).num_rows for name in shards] == [3, 3, 2, 2]
    assert rows_of(out) == ROWS
    assert [row.id for row in read_rows(out)] == [row.id for row in ROWS]  # the folder as a whole
    told = capsys.readouterr().err
    assert "train: 4 shards." in told
    assert "path: part-*-of-00004.parquet" in (out / "README.md").read_text(encoding="utf-8")


def test_the_same_rows_give_the_same_bytes(run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert export(run, "--format", "parquet", "--shards", 3, "-o", tmp_path / name) == 0
    for file in (tmp_path / "one").glob("part-*"):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


@pytest.mark.parametrize(("count", "shards"), [(1, 1), (7, 7), (10, 3), (11, 4), (5, 9), (100, 16)])
def test_sizes_differ_by_one_at_most_and_none_is_empty(count: int, shards: int) -> None:
    made = sizes(count, shards)
    assert sum(made) == count
    assert len(made) == min(count, shards)
    assert max(made) - min(made) <= 1
    assert min(made) >= 1


def test_more_shards_than_rows_are_as_many_as_rows_and_told(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert export(run, "--format", "parquet", "--shards", 16, "-o", out) == 0
    assert len(list(out.glob("part-*-of-00010.parquet"))) == 10
    assert "train: 10 shards, not 16: there are no more lines." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "said"),
    [("0", "it must be 1 or more"), ("-3", "1 or more"), ("two", "whole number")],
)
def test_a_number_below_one_is_none(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: str, said: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        export(run, "--format", "parquet", f"--shards={number}", "-o", tmp_path / "out")
    assert re.search(f"--shards: .*{said}", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"shards": 0}, "shards is 0: it must be a number from 1 to 100,000"),
        ({"shards": 100_001}, "shards is 100001"),
        ({"shards": 2, "output": "-"}, "standard output"),
        ({"shards": 2, "format": "hf"}, "'hf' divides its folder by itself"),
        ({"shards": 2, "output": "rows.csv"}, "shards are in a folder"),
    ],
)
def test_what_does_not_go_together_is_told_in_a_sentence(told: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        export_rows(lambda: ROWS, Output(**{"output": "out", "format": "rows", **told}))


def test_shards_of_an_earlier_export_go_when_the_new_ones_are_whole(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    for format, number in (("parquet", 5), ("messages", 4)):
        assert export(run, "--format", format, "--shards", number, "-o", out) == 0
    assert names(out) == ["README.md", *(f"part-{n:05}-of-00004.jsonl" for n in range(4))]

    def fails(place: Path, *_: object) -> int:
        raise OSError(28, "No space left on device")

    before = {file.name: file.read_bytes() for file in out.iterdir()}
    monkeypatch.setattr(sharding, "write_lines", fails)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        export_rows(lambda: ROWS, Output(output=str(out), format="parquet", shards=2))
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


@pytest.mark.parametrize("other", ["mine.jsonl", "train-00000-of-00002.parquet", "more/x.csv"])
def test_what_would_be_read_with_them_is_named_and_stays(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], other: str
) -> None:
    out = tmp_path / "out"
    (out / other).parent.mkdir(parents=True)
    (out / other).write_text("mine")
    assert export(run, "--format", "parquet", "--shards", 2, "-o", out) == 1
    assert f"{other} stands there, and would be read with" in capsys.readouterr().err
    assert (out / other).read_text() == "mine"
    assert not list(out.glob("part-*"))


def test_one_file_does_not_go_beside_shards(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert export(run, "--shards", 2, "-o", out) == 0
    assert export(run, "-o", out) == 1
    assert "part-00000-of-00002.jsonl stands there" in capsys.readouterr().err


def test_parts_and_names_of_ones_own_are_in_shards_too(run: Path, tmp_path: Path) -> None:
    split = ("--split", "train=0.8,test=0.2")
    assert export(run, *split, "--shards", 2, "-o", tmp_path / "out") == 0
    found = shard_files(tmp_path / "out")
    assert {stem: len(files) for stem, files in found.items()} == {"train": 2, "test": 2}
    assert export(run, "--shards", 2, "-o", tmp_path / "chat.parquet") == 0
    one, two = sorted(tmp_path.glob("chat-*"))
    assert one.name == "chat-00000-of-00002.parquet"
    told = [parquet.read_table(file).to_pylist() for file in (one, two)]
    asked = [line["messages"][0]["content"] for lines in told for line in lines]
    assert asked == [row.instruction for row in ROWS]


def test_all_shards_have_one_schema_whatever_their_rows_hold(tmp_path: Path) -> None:
    """Calls only in the last shard; a column of one's own; an answer of nothing but a number."""
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": {"n": 1}}}
    turns = [
        {"role": "user", "content": "Where is it?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "In Chad."},
        {"role": "assistant", "content": "It is in Chad.", "reasoning_content": "So it says."},
    ]
    last = Row.from_dict({"messages": turns, "tools": [{"type": "function"}], "own": {"a": [1]}})
    write_rows(tmp_path / "rows.jsonl", [*ROWS, last.replace(verdict=GOOD)])
    for format in ("messages", "kto", "grpo", "rows"):
        out = tmp_path / format / "x.parquet"
        assert export(tmp_path / "rows.jsonl", "--format", format, "--shards", 6, "-o", out) == 0
        files = sorted(out.parent.glob("x-*"))
        schemas = [parquet.read_schema(file) for file in files]
        assert len(schemas) == 6
        assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
    table = parquet.read_table(tmp_path / "messages")
    assert table.num_rows == 11
    assert json.loads(
        table.to_pylist()[-1]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    ) == {"n": 1}


def test_schemas_of_many_lines_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at a few lines at a time: what only later ones have is in it."""
    from evolsynth.export import table

    monkeypatch.setattr(table, "_AT_ONCE", 2)
    lines: list[dict[str, Any]] = [{"a": None}, {"a": 1}, {"a": 2.5, "b": "x"}]
    lines.append({"c": [{"role": "user", "content": "x", "name": "y"}]})
    found = table.schema_of([*lines, {"c": [{"role": "user", "content": None}]}])
    assert found.names == ["a", "b", "c"]
    assert [str(kind) for kind in found.types[:2]] == ["double", "string"]
    assert "name: string" in str(found.field("c").type)
    with pytest.raises(InputError, match="A column has values of several types"):
        table.schema_of([{"a": "x"}, {"a": "y"}, {"a": ["z"]}])


def test_a_run_writes_shards_as_an_output(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", [row.replace(verdict=None) for row in ROWS])
    line = tmp_path / "line.yaml"
    line.write_text(
        "embedder: none\nsteps:\n  - load: {data: rows.jsonl}\n"
        "outputs:\n  - {format: parquet, output: parts, shards: 3}\n",
        encoding="utf-8",
    )
    assert read_pipeline(line).outputs[0].shards == 3
    assert main(["run", str(line), "-o", str(tmp_path / "out"), "--no-report"]) == 0
    assert [row.instruction for row in rows_of(tmp_path / "out" / "parts")] == [
        row.instruction for row in ROWS
    ]


def test_shards_that_are_not_all_there_are_told(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(run, "--shards", 3, "-o", out) == 0
    lost = (out / "part-00001-of-00003.jsonl").rename(out / "lost")
    with pytest.raises(InputError, match=r"of 3 shards called part number 1 .* is missing"):
        shard_files(out)
    lost.rename(out / "part-00001-of-00004.jsonl")
    with pytest.raises(InputError, match="shards of two sets"):
        shard_files(out)


def test_rows_that_change_meanwhile_are_told_and_nothing_is_left(tmp_path: Path) -> None:
    times = iter([ROWS, ROWS[:-1]])
    with pytest.raises((InputError, ValueError)):
        export_rows(
            lambda: next(times), Output(output=str(tmp_path / "out"), format="rows", shards=2)
        )
    assert not list((tmp_path / "out").iterdir())
