"""Images and sounds are left out by name and said to be, whatever rows come in."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from evolsynth.cli.main import main
from evolsynth.data.open import file_origin, origin
from evolsynth.doing import saying
from evolsynth.errors import InputError
from evolsynth.rows import Row

PNG = b"\x89PNG\r\n\x1a\n"
ASKS = ("Name a bay in Canada.", "Name a cape in Chile.")


def read(data: Any, **reading: Any) -> tuple[list[Row], list[str]]:
    said: list[str] = []
    with saying(said.append):
        rows = list(origin(data, **reading))
    return rows, said


class Picture:
    """An object of Pillow's, as the test knows it by its module."""

    def __init__(self) -> None:
        self.size = (1, 1)


Picture.__module__ = "PIL.PngImagePlugin"

MEDIA: dict[str, Any] = {
    "bytes": PNG,
    "a bytearray": bytearray(PNG),
    "a picture": Picture(),
    "pictures": [Picture(), Picture()],
    "a file in memory": {"bytes": PNG, "path": "a.png"},
    "a file elsewhere": {"bytes": None, "path": "a.png"},
    "files elsewhere": [{"bytes": None, "path": "a.png"}],
    "a sound": {"path": "a.wav", "array": [0.0, 0.5], "sampling_rate": 16_000},
    "deep": [{"at": {"shown": PNG}}],
}


@pytest.mark.parametrize("kind", MEDIA)
def test_a_column_of_them_is_left_out_and_said_once(kind: str) -> None:
    rows, said = read([{"instruction": ask, "n": 1, "shown": MEDIA[kind]} for ask in ASKS])
    assert [(row.instruction, row.extra) for row in rows] == [(ask, {"n": 1}) for ask in ASKS]
    assert said == ["2 dicts: without shown, which holds bytes and no text."]


def test_what_only_looks_like_them_stays() -> None:
    own = {"file": {"path": "a.png"}, "size": {"bytes": 12}, "rate": {"sampling_rate": 3}}
    rows, said = read([{"instruction": ASKS[0], **own}])
    assert (rows[0].extra, said) == (own, [])


def test_a_text_that_is_bytes_is_refused_and_not_left_out() -> None:
    with pytest.raises(InputError, match="field 'instruction': JSON cannot hold bytes"):
        read([{"instruction": b"Name a bay."}])
    with pytest.raises(InputError, match="field 'tags': JSON cannot hold set"):
        read([{"instruction": ASKS[0], "shown": PNG, "tags": {1}}])


SHOWN = {"type": "image", "image": PNG}
TALK = [
    {"role": "user", "content": [{"type": "text", "text": ASKS[0]}, SHOWN]},
    {"role": "assistant", "content": [{"type": "text", "text": "Fundy.", "image": None}]},
]


def test_a_conversation_keeps_its_words() -> None:
    rows, said = read([{"messages": TALK, "images": [Picture()]}])
    assert (rows[0].instruction, rows[0].response) == (ASKS[0], "Fundy.")
    assert rows[0].messages[0].whole["content"][1] == {"type": "image"}
    told = "1 dict: without image in messages, images, which hold bytes and no text."
    assert said.count(told) == 1


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_tables_do_the_same(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    part = pa.struct([("type", pa.string()), ("text", pa.string()), ("image", pa.binary())])
    turn = pa.struct([("role", pa.string()), ("content", pa.list_(part))])
    table = pa.table({
        "messages": pa.array([TALK] * 2, pa.list_(turn)),
        "images": pa.array([[{"bytes": PNG, "path": "a"}]] * 2),
        "n": [1, 2],
    })  # fmt: skip
    (parquet.write_table if kind == "parquet" else feather.write_feather)(table, path)
    rows, said = read(path)
    assert [(row.instruction, row.response) for row in rows] == [(ASKS[0], "Fundy.")] * 2
    assert [row.extra for row in rows] == [{"n": 1}, {"n": 2}]
    assert any("without images, which holds" in one for one in said)
    assert any("without image in messages, which holds" in one for one in said)


def test_data_sets_do_the_same() -> None:
    """Nothing is decoded: these bytes are no picture, and what reads sounds may be missing."""
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict(
        {"instruction": list(ASKS), "image": [{"bytes": PNG, "path": None}] * 2,
         "sound": [{"bytes": b"RIFF", "path": "a.wav"}] * 2}
    )  # fmt: skip
    data = data.cast_column("image", datasets.Image()).cast_column("sound", datasets.Audio())
    for one in (data, data.to_iterable_dataset()):
        rows, said = read(one)
        assert [(row.instruction, row.extra) for row in rows] == [(ask, {}) for ask in ASKS]
        assert any("without image, sound, which hold bytes and no text." in s for s in said)


def test_a_command_says_it_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "a.parquet", tmp_path / "out.jsonl"
    table = pa.table({"instruction": list(ASKS), "image": [{"bytes": PNG, "path": "a"}] * 2})
    parquet.write_table(table, path)
    assert main(["dedup", str(path), "--method", "exact", "-o", str(out)]) == 0
    assert capsys.readouterr().err.count("without image, which holds bytes and no text.") == 1
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"instruction": ask} for ask in ASKS
    ]


def test_times_that_no_calendar_has_are_text(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    times = pa.array([2**60, 0], pa.timestamp("ms"))
    parquet.write_table(pa.table({"instruction": list(ASKS), "at": times}), path)
    rows = list(file_origin(path))
    assert [row.instruction for row in rows] == list(ASKS)
    assert rows[1].extra["at"] == "1970-01-01 00:00:00.000"
    assert isinstance(rows[0].extra["at"], str)


def test_a_real_picture_is_known() -> None:
    image = pytest.importorskip("PIL.Image")
    held = io.BytesIO()
    image.new("RGB", (2, 2)).save(held, "PNG")
    rows, said = read([{"instruction": ASKS[0], "shown": image.open(held)}])
    assert (rows[0].extra, len(said)) == ({}, 1)
