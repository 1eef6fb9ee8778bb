"""Files that rows come in, and the lines and bytes in them that are wrong."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import feather, ipc, parquet
from written_rows import whole_row

from evolsynth.cli.main import main
from evolsynth.data.open import file_origin, origin
from evolsynth.doing import saying
from evolsynth.errors import InputError, Misread
from evolsynth.rows import Row

ROWS = [{"instruction": "Name a bay.", "n": 1}, {"instruction": "Name a cape.", "n": 2}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def read(path: Path | str, **reading: Any) -> list[Row]:
    return list(file_origin(path, **reading).heard(lambda _: True))


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed


def parquet_bytes(data: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(data), sink)
    return sink.getvalue()


def arrow(data: list[dict[str, Any]], *, stream: bool) -> bytes:
    table, sink = pa.Table.from_pylist(data), io.BytesIO()
    make = ipc.new_stream if stream else ipc.new_file
    with make(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


FILES: dict[str, bytes] = {
    "a.jsonl": LINES,
    "a.ndjson": codecs.BOM_UTF8 + LINES.replace(b"\n", b"\r\n"),
    "list.json": codecs.BOM_UTF8 + json.dumps(ROWS, indent=2).encode(),
    "list.jsonl": json.dumps(ROWS).encode(),
    "object.json": json.dumps({"version": 2, "data": ROWS}, indent=1).encode(),
    "line.json": json.dumps({"data": ROWS}).encode(),
    "a.jsonl.gz": gzip.compress(LINES),
    "a.jsonl.zst": zstd(LINES),
    "packed.jsonl": gzip.compress(LINES),
    "a.json.gz": gzip.compress(json.dumps(ROWS).encode()),
    "a.csv": b"instruction,n\r\nName a bay.,1\r\nName a cape.,2\r\n",
    "a.csv.gz": gzip.compress(b"instruction,n\nName a bay.,1\nName a cape.,2\n"),
    "a.csv.zst": zstd(b"instruction,n\nName a bay.,1\nName a cape.,2\n"),
    "excel.csv": b"\xef\xbb\xbfsep=;\r\ninstruction;n\r\nName a bay.;1\r\nName a cape.;2\r\n",
    "tabs.csv": b"instruction\tn\nName a bay.\t1\nName a cape.\t2\n",
    "a.tsv": b"instruction\tn\nName a bay.\t1\nName a cape.\t2\n",
    "a.arrow": arrow(ROWS, stream=False),
    "stream.arrow": arrow(ROWS, stream=True),
    "a.parquet": parquet_bytes(ROWS),
    "lines.txt": b"Name a bay.\n\nName a cape.\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_whatever_it_is_packed_in(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    assert [row.instruction for row in read(tmp_path / name)] == ["Name a bay.", "Name a cape."]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file has such a name")
@pytest.mark.parametrize("name", FILES)
def test_its_name_may_be_no_text(tmp_path: Path, name: str) -> None:
    """A name is bytes, and those of some archives are no UTF-8."""
    odd = tmp_path / f"\udcff{name}"
    odd.write_bytes(FILES[name])
    assert [row.instruction for row in read(odd)] == ["Name a bay.", "Name a cape."]


@pytest.mark.parametrize("name", ["a.jsonl", "list.json", "a.jsonl.gz", "a.jsonl.zst", "a.arrow"])
def test_so_is_standard_input(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(FILES[name])))
    assert [row.instruction for row in read("-")] == ["Name a bay.", "Name a cape."]


def test_feather_and_parquet_are_tables(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    feather.write_feather(table, tmp_path / "a.feather", compression="zstd")
    parquet.write_table(table, tmp_path / "a.parquet")
    for name in ("a.feather", "a.parquet"):
        assert [row.extra for row in read(tmp_path / name)] == [{"n": 1}, {"n": 2}]


def test_a_row_over_lines_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(ROWS[0], indent=2))
    assert [row.instruction for row in read(tmp_path / "a.json")] == ["Name a bay."]
    (tmp_path / "b.json").write_text(json.dumps({"train": ROWS, "test": ROWS}, indent=2))
    with pytest.raises(InputError, match="there are several lists: train, test"):
        read(tmp_path / "b.json")


def test_a_list_in_a_line_is_found_whatever_its_rows_are(tmp_path: Path) -> None:
    talk = {"messages": [{"role": "user", "content": "Name a bay."}]}
    for data in ({"version": 1, "data": [talk, talk]}, {"data": [{"chosen": "a", "prompt": "b"}]}):
        (tmp_path / "a.json").write_text(json.dumps(data))
        assert len(read(tmp_path / "a.json")) == len(data["data"])  # type: ignore[arg-type]
    (tmp_path / "a.json").write_text(json.dumps({"topics": [{"a": 1}], **talk}))
    assert [row.instruction for row in read(tmp_path / "a.json")] == ["Name a bay."]


def test_a_folder_is_read_by_its_parts(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for k, part in enumerate(
        ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")
    ):
        table = pa.Table.from_pylist([{"instruction": f"Name bay {k}."}])
        parquet.write_table(table, tmp_path / "data" / f"{part}.parquet")
    (tmp_path / "README.md").write_text("# Bays")
    (tmp_path / "dataset_info.json").write_text("{}")
    said: list[str] = []
    with saying(said.append):
        assert len(read(tmp_path)) == 3
    assert "train, test are read as one" in said[0]
    assert [r.instruction for r in read(tmp_path, split="train")] == ["Name bay 0.", "Name bay 1."]
    assert len(list(origin(tmp_path, split="test"))) == 1
    with pytest.raises(InputError, match=r"no part 'validation'\. Its files are of: train, test"):
        read(tmp_path, split="validation")
    with pytest.raises(InputError, match="one file has no parts"):
        read(tmp_path / "data" / "test-00000-of-00001.parquet", split="test")


def test_columns_of_bytes_are_left_out_and_said_to_be(tmp_path: Path) -> None:
    picture = {"bytes": b"\x89PNG", "path": "a.png"}
    sounds = [[b"\x00\x01"], [b"\x02"]]
    table = pa.Table.from_pylist([{**row, "image": picture} for row in ROWS])
    table = table.append_column("sounds", pa.array(sounds, pa.list_(pa.binary())))
    parquet.write_table(table, tmp_path / "a.parquet")
    said: list[str] = []
    with saying(said.append):
        rows = read(tmp_path / "a.parquet")
    assert [row.extra for row in rows] == [{"n": 1}, {"n": 2}]
    assert said == [
        f"{tmp_path / 'a.parquet'}: without image, sounds, which hold bytes and no text."
    ]
    assert [row.extra for row in read(tmp_path / "a.parquet", without=["n"])] == [{}, {}]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ('"if a:\r\n  b()";ok\r\n', ("if a:\n  b()", "ok")),
        ('"print(""a;b"")";It prints a;b.\r\n', ('print("a;b")', "It prints a;b.")),
        (f'"{"long " * 40_000}";ok\n', ("long " * 40_000, "ok")),
    ],
)
def test_cells_hold_what_they_hold(tmp_path: Path, cells: str, told: tuple[str, str]) -> None:
    (tmp_path / "a.csv").write_bytes(f"instruction;answer\r\n{cells}".encode())
    (row,) = read(tmp_path / "a.csv")
    assert (row.instruction, row.extra["answer"]) == told


def test_a_delimiter_that_may_be_of_any_cell_refuses_its_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("instruction,answer\nName a bay, please,Fundy\nWhy?,So.\n")
    with pytest.raises(InputError, match="line 2: 3 cells under a header of 2"):
        read(tmp_path / "a.csv")
    assert [r.status for r in read(tmp_path / "a.csv", skip_bad=True)] == ["failed", "pending"]


WRONG: dict[str, tuple[bytes, str]] = {
    "utf-16": ('{"instruction": "é"}'.encode("utf-16"), "UTF-16 text, not UTF-8 text. Save"),
    "utf-16 without a mark": ('{"instruction": "é"}'.encode("utf-16-le"), "UTF-16 text"),
    "utf-32": ('{"instruction": "é"}'.encode("utf-32"), "UTF-32 text"),
    "a cut gzip": (gzip.compress(LINES * 50)[:60], "no whole gzip file"),
    "a cut zstd": (zstd(LINES * 50)[:30], "no whole zstd file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bytes_that_are_no_text_are_named(tmp_path: Path, name: str) -> None:
    data, told = WRONG[name]
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    for command in (["gate", "--no-embedder"], ["dedup", "--method", "exact"]):
        with pytest.raises(InputError, match=told):
            read(path)
        assert main([command[0], str(path), *command[1:]]) == 1


BAD: dict[str, tuple[bytes, str]] = {
    "not a number": (b'{"instruction": "a", "n": NaN}', "NaN is no number in JSON"),
    "beyond all bounds": (b'{"instruction": "a", "n": 1e999}', "beyond the largest number"),
    "twice": (b'{"instruction": "a", "instruction": "b"}', "'instruction' stands there twice"),
    "twice inside": (b'{"instruction": "a", "m": {"k": 1, "k": 2}}', "'k' stands there twice"),
    "zeros": (b"\0\0\0\0", "zero bytes alone"),
    "latin": ('{"instruction": "é"}'.encode("latin-1"), "byte 0xe9, as Latin-1"),
    "no object": (b'"a"', "a JSON object was expected"),
    "half of it": (b'{"instruction": "a', "not JSON"),
    "a number": (b'{"instruction": 3}', "field 'instruction': expected str"),
    "an id twice": (b'{"instruction": "c", "id": "b"}', "'b' is the id of line 1 too"),
    "a verdict": (b'{"instruction": "a", "verdict": "good"}', "--rename verdict=label"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_bad_line_refuses_itself(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line, told = BAD[name]
    path, bad = tmp_path / "a.jsonl", tmp_path / "bad.jsonl"
    good = b'{"instruction": "Name a bay in Canada.", "id": "b"}\n'
    path.write_bytes(good + line + b"\n" + LINES)
    assert main(["gate", str(path), "--no-embedder"]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(one)["id"] for one in out.splitlines()] == ["b"]  # judged before it
    assert ("line 2" in err, told in err, "--skip-bad" in err) == (True, True, True)
    assert main(["gate", str(path), "--no-embedder", "--skip-bad", "--rejects", str(bad)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    (failed,) = (whole_row(one) for one in bad.read_text().splitlines())
    assert told in failed["failure"]["message"]
    assert "1 row is bad and passed by. The first: " in err


def test_a_line_without_an_end_is_told_and_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolsynth.data.jsonl._LONGEST", 1 << 18)
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINES + b'{"instruction": "' + b"a" * (1 << 20) + b'"}\n' + LINES)
    with pytest.raises(InputError, match="line 3: longer than"):
        read(path)
    rows = read(path, skip_bad=True)
    assert [row.failure is not None for row in rows] == [False, False, True, False, False]


def test_files_put_together_keep_their_marks(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes((codecs.BOM_UTF8 + LINES) * 2)
    assert len(read(tmp_path / "a.jsonl")) == 4


OPTIONS = ["--format", "--field", "--rename", "--without", "--split", "--skip-bad"]


@pytest.mark.parametrize(
    "command",
    ["evolve", "respond", "preference", "generate", "gate", "information-loss", "dedup",
     "diversity", "score", "select", "report"],
)  # fmt: skip
def test_every_command_that_reads_has_the_same_options(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = capsys.readouterr().out
    assert [flag for flag in OPTIONS if flag not in told] == []


def test_options_change_what_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"q": "Name a bay.", "verdict": "good", "notes": "x"},
            {"q": "Name a cape.", "verdict": "bad", "notes": "y"}]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = ["--field", "q", "--rename", "verdict=label", "--without", "notes"]
    assert main(["gate", str(path), "--no-embedder", *more]) == 0
    came = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["instruction"], row["label"], "notes" in row) for row in came] == [
        ("Name a bay.", "good", False),
        ("Name a cape.", "bad", False),
    ]
    assert main(["dedup", str(path), "--method", "exact", "--field", "q", *more[2:]]) == 0
    kept = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert kept == [{"q": row["q"], "label": row["verdict"]} for row in rows]


def test_rows_that_cannot_be_read_at_all_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("instruction: Name a bay.\n")
    with pytest.raises(Misread, match="none of its rows can be read"):
        read(path, skip_bad=True)
    for command in (["gate", "--no-embedder"], ["dedup", "--method", "exact"]):
        assert main([command[0], str(path), *command[1:], "--skip-bad"]) == 2


@pytest.mark.parametrize("stream", [True, False])
def test_a_damaged_table_is_told_and_ends_nothing(tmp_path: Path, stream: bool) -> None:
    """Offsets that lead out of the file's memory; pyarrow by itself reads there, and crashes."""
    data = arrow([{"instruction": f"Name bay {k}.", "n": k} for k in range(8)], stream=stream)
    offsets = data.index(struct.pack("<3i", 0, 11, 22))
    path = tmp_path / "a.arrow"
    path.write_bytes(data[: offsets + 4] + struct.pack("<2i", 1 << 30, 22) + data[offsets + 12 :])
    with pytest.raises(InputError, match=r"a\.arrow, row 1: cannot be read \("):
        read(path)
    assert main(["dedup", str(path), "--method", "exact"]) == 1
