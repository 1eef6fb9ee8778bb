"""What can be read once only, and what no reader of ours would take back."""

from __future__ import annotations

import gzip
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.cli.main import main
from evolsynth.data.files import read_objects, read_rows
from evolsynth.data.open import origin
from evolsynth.data.reader import FORMATS
from evolsynth.data.spool import spooled
from evolsynth.errors import EvolsynthError, InputError, StoreError
from evolsynth.rows import Row, write_rows
from evolsynth.store.status import read_status, stored_value

ROWS = [{"instruction": f"Name {n} rivers of land {n} and say where each begins."} for n in
        range(2, 302)]  # fmt: skip
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


@contextmanager
def piped(data: bytes) -> Iterator[str]:
    """The name of an anonymous pipe that gives the bytes, as a shell's ``<(...)`` has it."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)
        writer.join()


@contextmanager
def fifo(folder: Path, data: bytes, name: str = "rows") -> Iterator[Path]:
    """A named pipe that somebody writes the bytes to."""
    place = folder / name
    if not place.exists():
        os.mkfifo(place)
    writer = threading.Thread(target=place.write_bytes, args=(data,))
    writer.start()
    yield place
    writer.join()


class TestPipes:
    @pytest.mark.parametrize("times", [1, 2])
    def test_each_reading_gives_all_rows(self, times: int) -> None:
        with piped(LINES) as name:
            for _ in range(times):
                assert [row for _, row in read_objects(name)] == ROWS

    def test_a_first_look_takes_nothing_away(self) -> None:
        with piped(LINES) as name:
            source = origin(name)
            assert source.columns() == {"instruction": "text"}
            assert source.count() == 300
            assert len(list(source)) == len(list(source)) == 300

    @pytest.mark.parametrize("kind", ["gz", "json", "parquet"])
    def test_other_kinds_are_told_by_how_they_begin(self, kind: str, tmp_path: Path) -> None:
        if kind == "gz":
            data = gzip.compress(LINES)
        elif kind == "json":
            data = json.dumps(ROWS).encode()
        else:
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "t.parquet")
            data = (tmp_path / "t.parquet").read_bytes()
        with piped(data) as name:
            assert [row["instruction"] for _, row in read_objects(name)] == [
                row["instruction"] for row in ROWS
            ]

    def test_a_named_pipe_s_suffix_counts(self, tmp_path: Path) -> None:
        with fifo(tmp_path, b"instruction\nName a river.\n", "rows.csv") as place:
            assert [row["instruction"] for _, row in read_objects(place)] == ["Name a river."]

    def test_a_named_pipe_is_read_again_once_it_was_written_to_again(self, tmp_path: Path) -> None:
        for text in ("first", "second"):
            with fifo(tmp_path, json.dumps({"instruction": text}).encode()) as place:
                assert [row.instruction for row in read_rows(place)] == [text]
                assert [row.instruction for row in read_rows(place)] == [text]

    def test_the_place_of_a_bad_line_has_the_pipe_s_name(self) -> None:
        with piped(b'{"instruction": "x"}\n{\n') as name, pytest.raises(InputError) as raised:
            list(read_rows(name))
        assert str(raised.value).startswith(f"{name}, line 2: not JSON")

    def test_an_empty_pipe_holds_no_rows(self) -> None:
        with piped(b"") as name:
            assert list(read_rows(name)) == []

    def test_a_device_without_an_end_is_refused(self) -> None:
        with pytest.raises(InputError, match="/dev/zero: a device, which has no end"):
            list(read_rows("/dev/zero"))
        assert list(read_rows(os.devnull)) == []

    def test_a_full_disk_is_told(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("evolsynth.data.spool.shutil.copyfileobj", full)
        with fifo(tmp_path, LINES[:100]) as place, pytest.raises(InputError) as raised:
            spooled(place, "rows")
        assert "No space left on device). Set TMPDIR" in str(raised.value)

    def test_nothing_is_left_when_the_process_ends(self, tmp_path: Path) -> None:
        code = (
            "import sys; from evolsynth.data.files import read_rows;"
            "print(len(list(read_rows('/dev/stdin'))))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=LINES,
            capture_output=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            check=True,
        )
        assert (done.stdout, list(tmp_path.iterdir())) == (b"300\n", [])

    @pytest.mark.parametrize(
        ("command", "lines"),
        [
            (["gate", "IN", "--no-embedder", "-o", "OUT"], 300),
            (["dedup", "IN", "--method", "exact", "-o", "OUT"], 300),
            (["select", "IN", "-n", "7", "-o", "OUT"], 7),
            (["information-loss", "IN", "--no-embedder", "-o", "OUT"], 300),
        ],
    )
    def test_commands_lose_no_row(self, command: list[str], lines: int, tmp_path: Path) -> None:
        rows = [
            {**row, "original": row["instruction"], "evolved": row["instruction"] + " Why?",
             "response": f"The {n}th is in the hills.", "scores": {"complexity": n, "quality": 1}}
            for n, row in enumerate(ROWS)
        ]  # fmt: skip
        out = tmp_path / "out.jsonl"
        with piped("".join(json.dumps(row) + "\n" for row in rows).encode()) as name:
            told = [{"IN": name, "OUT": str(out)}.get(word, word) for word in command]
            assert main(told) == 0
        assert len(out.read_text().splitlines()) == lines


class TestDoor:
    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("1e999", "1e999 is beyond the largest number"),
            ("-1e999", "beyond the largest number"),
            ("9" * 400 + ".5", "beyond the largest number"),
            ("NaN", "NaN is no number in JSON"),
            ("-Infinity", "is no number in JSON"),
            ("9" * 5000, "line 1: not JSON"),
            ("[" * 988 + "]" * 988, "line 1: nested too deeply, over 100 levels"),
            ('{"a":' * 200 + "1" + "}" * 200, "line 1: nested too deeply, over 100 levels"),
            ("[" * 100_000 + "]" * 100_000, "line 1: nested too deeply, over 100 levels"),
        ],
    )
    @pytest.mark.parametrize("form", ["lines", "list"])
    def test_what_we_could_not_write_again_is_refused(
        self, value: str, said: str, form: str, tmp_path: Path
    ) -> None:
        row = f'{{"instruction": "x", "y": {value}}}'
        place = tmp_path / ("rows.jsonl" if form == "lines" else "rows.json")
        place.write_text(row if form == "lines" else f"[{row}]")
        with pytest.raises(InputError) as raised:
            list(read_objects(place))
        assert said.replace("line", "item" if form == "list" else "line") in str(raised.value)
        if form == "lines":
            (bad,) = origin(place, skip_bad=True)
            assert bad.failure is not None
            assert Row.from_dict(json.loads(bad.to_json())) == bad

    @pytest.mark.parametrize("levels", [1, 99])
    def test_what_is_nested_less_is_read(self, levels: int, tmp_path: Path) -> None:
        place = tmp_path / "rows.jsonl"
        place.write_text('{"instruction": "x", "y": ' + "[" * levels + "]" * levels + "}")
        (row,) = read_rows(place)
        assert row.to_json().count("[") >= levels

    @pytest.mark.parametrize("field", ["method", "round", "verdict", "id", "scores", "parents"])
    def test_half_a_character_in_a_field(self, field: str, tmp_path: Path) -> None:
        place = tmp_path / "rows.jsonl"
        place.write_text('{"instruction": "x", "' + field + '": "\\ud800"}\n')
        if field not in ("id", "method"):  # they are texts, which may hold one
            with pytest.raises(InputError, match=f"line 1: field '{field}"):
                list(read_rows(place))
        (row,) = origin(place, skip_bad=True)
        assert list(read_rows(_written(tmp_path, [row]))) == [row]


def _written(folder: Path, rows: list[Row]) -> Path:
    write_rows(folder / "written.jsonl", rows)
    return folder / "written.jsonl"


texts = st.text(st.characters(), max_size=20)
numbers = st.floats() | st.integers(-(10**40), 10**40) | st.booleans()
values = st.recursive(
    st.none() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


class TestWhatIsWritten:
    @given(
        instruction=texts,
        scores=st.dictionaries(texts, st.floats(), max_size=3),
        extra=st.dictionaries(texts.filter(lambda n: n not in Row.__struct_fields__), values,
                              max_size=3),
    )  # fmt: skip
    def test_is_read_again(
        self, instruction: str, scores: dict[str, float], extra: dict[str, Any],
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:  # fmt: skip
        row = Row.make(instruction, scores=scores, extra=extra)
        place = _written(tmp_path_factory.getbasetemp(), [row, row])
        first, _ = read_rows(place)
        assert first.to_json() == Row.from_dict(json.loads(row.to_json())).to_json()
        assert set(first.scores.values()) == {s for s in scores.values() if math.isfinite(s)}
        assert first.instruction == (instruction or None)

    def test_a_score_that_is_no_number_is_none(self, tmp_path: Path) -> None:
        row = Row.make("x", scores={"a": float("nan"), "b": 1.5}, extra={"c": float("inf")})
        (read,) = read_rows(_written(tmp_path, [row]))
        assert (read.scores, read.extra) == ({"b": 1.5}, {"c": None})

    def test_what_json_has_no_place_for_is_one_sentence(self, tmp_path: Path) -> None:
        row = Row(id="r1", extra={"a": object()})
        with pytest.raises(InputError, match=r"^row r1: it cannot be written as JSON"):
            write_rows(tmp_path / "out.jsonl", [row])
        assert list(tmp_path.iterdir()) == []


class TestStores:
    @pytest.mark.parametrize("read", [read_status, lambda folder: stored_value(folder, "command")])
    def test_a_pipe_in_the_store_s_place_is_not_waited_at(self, read: Any, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "run.sqlite")
        with pytest.raises(StoreError, match="it is not a file"):
            read(tmp_path)

    @pytest.mark.parametrize("name", ["run.sqlite", "run.lock", "owner.json"])
    def test_no_command_waits(self, name: str, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / name)
        for command in ("status", "rescue", "run"):
            assert main([command, str(tmp_path)]) == 1


def test_formats_of_pipes_are_known() -> None:
    from evolsynth.data.spool import _MAGIC

    assert all(FORMATS.find(end[1:]) for end in _MAGIC.values())
    assert issubclass(StoreError, EvolsynthError)
