"""Formats are found by name, also those of other packages; commands read what pipelines read."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from pyarrow import parquet

from evolsynth.cli.lines import TextField
from evolsynth.cli.main import main
from evolsynth.data import Origin, origin
from evolsynth.data.files import read_objects, read_rows
from evolsynth.errors import InputError
from evolsynth.rows import Row

TOY = '''
from evolsynth.data.reader import Reader, reads

@reads("toy", "toy.gz")
class Toy(Reader):
    """A word a row."""

    unit = "word"

    def __init__(self, path, label):
        super().__init__(label)
        self.path = path

    def batches(self):
        words = self.path.read_text().split()
        yield [(n, {"instruction": f"Explain {word}."}, None) for n, word in enumerate(words, 1)]

@reads("toys://")
class Shop(Reader):
    """Always the same."""

    def __init__(self, address, label):
        super().__init__(label)

    def batches(self):
        yield [(1, {"instruction": self.label}, None)]
'''

USED = """
import asyncio
from evolsynth.cli.main import main
from evolsynth.data import origin, read_rows
from evolsynth.errors import InputError
from evolsynth.pipeline import load

print([row.instruction for row in origin("x.toy")])
print([row.instruction for row in origin("toys://bears")])
result = asyncio.run(load("x.toy", limit=2).run("made"))
print([row.instruction for row in read_rows(result.files["accepted"])])
print(main(["dedup", "x.toy", "--method", "exact"]))
try:
    origin("x.nothing")
except InputError as error:
    print(error)
"""


async def read(source: Origin) -> list[Row]:
    async with aclosing(source.rows()) as rows:
        return [row async for row in rows]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A package that is installed, as far as Python can tell."""
    place = tmp_path / "site"
    about = place / "toy_rows-1.0.dist-info"
    about.mkdir(parents=True)
    (place / "toy_rows.py").write_text(TOY)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-rows\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[evolsynth.formats]\ntoy = toy_rows\n")
    (tmp_path / "x.toy").write_text("bees ants bees")
    (tmp_path / "x.nothing").write_text("?")
    (tmp_path / "pipe.yaml").write_text("steps:\n  - load: {data: x.toy}\n")
    return place


def test_a_format_of_another_package_is_found_everywhere(shop: Path) -> None:
    """In a process of its own: what is registered stays."""
    paths = os.pathsep.join([str(shop), *filter(None, sys.path)])

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=shop.parent,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    done = python("-c", USED)
    assert done.returncode == 0, done.stderr
    bees, *rest = done.stdout.splitlines()
    assert bees == "['Explain bees.', 'Explain ants.', 'Explain bees.']"
    assert rest[0] == "['toys://bears']"
    assert rest[1] == "['Explain bees.', 'Explain ants.']"
    assert [json.loads(line)["instruction"] for line in rest[2:4]] == [
        "Explain bees.",
        "Explain ants.",
    ]
    assert rest[4] == "0"
    assert "x.nothing: not a kind of file that is read here. Give" in rest[5]
    for ending in (".csv", ".json", ".jsonl", ".jsonl.gz", ".parquet", ".tsv", ".toy", ".txt"):
        assert f"{ending}," in rest[5] or f"{ending}." in rest[5]
    assert "://" not in rest[5]
    yaml = python(
        "-c", "from evolsynth.cli.main import main; main(['run', 'pipe.yaml', '-o', 'out'])"
    )
    assert yaml.returncode == 0, yaml.stderr
    accepted = (shop.parent / "out" / "accepted.jsonl").read_text().splitlines()
    assert len(accepted) == 3


async def test_the_texts_that_are_needed_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("prompt,n\nName a lake.,1\n,2\n")
    source = origin(path, fields={"prompt": "instruction"}, needs=["instruction"], skip_bad=True)
    rows = await read(source)
    assert [row.status for row in rows] == ["pending", "failed"]
    assert rows[1].failure is not None
    assert rows[1].failure.step == "load"
    assert rows[1].failure.message.startswith(
        f"{path}, line 3, field 'instruction': there is none. It has n."
    )
    strict = origin(path, fields={"prompt": "instruction"}, needs=["instruction"])
    with pytest.raises(InputError, match="Or go on without such rows: skip_bad"):
        strict.columns()


@pytest.mark.parametrize("name", ["a.rows", "a.txt", "csv"])
async def test_a_command_reads_its_file_once_before_anything_runs(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name  # of no known kind for a command: JSON Lines
    path.write_text('{"instruction": "Bees?"}\n' * 300 + "x\n")
    with pytest.raises(InputError, match=r"line 301: not JSON .* --skip-bad\.$"):
        origin(path, step="read").count()
    source = origin(path, step="read", skip_bad=True)
    assert source.count() == 301
    assert (await read(source))[-1].failure is not None
    path.write_text("")
    assert origin(path, step="read").count() == 0
    assert await read(origin(path, step="read")) == []
    with pytest.raises(InputError, match=r"not a kind of file|the file is empty"):
        origin(path)


async def test_what_is_looked_at_of_standard_input_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = b'{"instruction": "Bees?"}\n\n{"instruction": "Ants?", "n": 1}\nx'
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    source = origin("-", skip_bad=True)
    assert source.label == "standard input"
    assert source.columns() == {"instruction": "text", "n": "number"}
    assert source.count() is None
    rows = await read(source)
    assert [row.instruction for row in rows] == ["Bees?", "Ants?", None]
    assert rows[2].failure is not None
    assert rows[2].failure.message.startswith("standard input, line 4: not JSON")


def test_a_named_pipe_is_read_as_standard_input_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=('{"instruction": "Bees?"}\n',))
    writer.start()
    assert [row.instruction for row in read_rows(pipe)] == ["Bees?"]
    writer.join()


def test_objects_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    rows = [{"text": "Bees."}, {"text": "Ants."}]
    (tmp_path / "a.csv").write_text("text\nBees.\nAnts.\n")
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write("\n".join(map(json.dumps, rows)))
    for path in sorted(tmp_path.iterdir()):
        assert [row for _, row in read_objects(path)] == rows


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_a_command_takes_each_kind_of_file(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"text": "Bees dance."}, {"text": "Ants."}, {"text": "Bees dance."}]
    texts = {
        "a.csv": "text\nBees dance.\nAnts.\nBees dance.\n",
        "a.jsonl": "\n".join(map(json.dumps, rows)),
        "a.json": json.dumps(rows),
    }
    path = tmp_path / name
    path.write_text(texts[name])
    assert main(["dedup", str(path), "--field", "text", "--method", "exact"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows[:2]


def test_rows_of_another_kind_of_file_can_be_looked_up_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text\n"two\nlines"\n\nÄpfel\n')
    texts = TextField(str(path), "text")
    try:
        assert [texts[1], texts[0], *texts[0:2]] == ["Äpfel", "two\nlines", "two\nlines", "Äpfel"]
        assert [texts.lines.number(k) for k in range(2)] == [2, 5]
        assert texts.lines.row(1) == {"text": "Äpfel"}
    finally:
        texts.close()
    with pytest.raises(InputError, match=r"a\.csv, line 2: no field 'txt'"):
        TextField(str(path), "txt")


def test_check_takes_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("original,evolved,n\nName 3 lakes.,Name 3 deep lakes.,1\nBees?,Wasps?,\n")
    assert main(["information-loss", str(path), "--no-embedder"]) == 0
    kept, _ = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (kept["evolved"], kept["n"], kept["flagged"]) == ("Name 3 deep lakes.", "1", False)
    assert main(["information-loss", str(path), "--no-embedder", "--evolved", "m"]) == 1
    assert "line 2: the field 'm' is missing" in capsys.readouterr().err


def test_values_that_json_cannot_hold_are_named_with_their_row(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    found = {"instruction": ["Bees?", "Ants?"], "share": [None, float("inf")]}
    parquet.write_table(pa.table(found), path)
    rows = read_rows(path)
    assert next(rows).instruction == "Bees?"
    with pytest.raises(InputError, match=r"a\.parquet, row 2: field 'share': JSON has no infinity"):
        next(rows)
