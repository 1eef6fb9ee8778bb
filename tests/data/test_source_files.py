"""Files as sources: JSON lists, tables, texts, Parquet, Hugging Face datasets."""

from __future__ import annotations

import csv
import datetime
import importlib.util
import json
import random
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from evolsynth.data import Origin, hub, origin
from evolsynth.data.files import split
from evolsynth.doing import saying
from evolsynth.errors import InputError, SetupError
from evolsynth.rows import Row

LAKES = [{"instruction": "Name a lake.", "n": 1}, {"instruction": "Name a deep lake.", "n": 2}]


async def read(source: Origin) -> list[Row]:
    async with aclosing(source.rows()) as rows:
        return [row async for row in rows]


async def fields(source: Origin) -> list[dict[str, Any]]:
    """What the rows hold of the user's own."""
    own = [{"instruction": row.instruction, **row.extra} for row in await read(source)]
    return [{name: value for name, value in row.items() if value is not None} for row in own]


def saved(path: Path, text: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def told(data: object, **options: Any) -> str:
    """What is told before anything runs."""
    with pytest.raises(InputError) as caught:
        origin(data, **options).columns()
    message = str(caught.value)
    assert "\n" not in message
    return message


# --- what is no file of rows ---


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.jsonl", "", "the file is empty"),
        ("a.jsonl", "\n \n", "the file is empty"),
        ("a.json", "", "the file is empty"),
        ("a.json", " [ ] ", "the list is empty"),
        ("a.json", '{\n  "rows": {"n": 1\n}', "not JSON"),
        ("a.csv", "", "the file is empty"),
        ("a.csv", "prompt,n\n", "there are no rows"),
        ("a.txt", "", "the file is empty"),
        ("a.md", " \n", "the file is empty"),
        ("a.txt", b"caf\xe9", "not UTF-8 text. Save the file as UTF-8"),
        (
            "a.csv",
            b"text\ncaf\xe9\n",
            "for 'é'). Save the file as UTF-8",
        ),
        ("a.json", b'[{"text": "caf\xe9"}]', "for 'é'). Save the file as UTF-8"),
        ("a.jsonl", b'{"text": "caf\xe9"}', "line 1: not UTF-8 text (byte 0xe9"),
        ("a.jsonl.gz", b"no gzip", "no whole gzip file"),
        ("a.parquet", b"no table", "no Parquet file"),
        ("a.xlsx", "x", "not a kind of file that is read here. Give ."),
    ],
)
def test_a_file_without_rows_is_told_before_anything_runs(
    tmp_path: Path, name: str, text: str | bytes, what: str
) -> None:
    path = saved(tmp_path / name, text)
    message = told(path)
    assert message.startswith(path)
    assert what in message
    assert told(path, columns=["input"]) == message  # also if nothing has to be found out


def test_so_is_what_is_no_file(tmp_path: Path) -> None:
    assert "The path is empty" in told("")
    assert "no such file" in told(tmp_path / "none.jsonl")
    assert "no text in this folder. Texts are .docx, .htm, .html" in told(tmp_path)
    assert "no file matches" in told(str(tmp_path / "*.md"))
    assert "cannot be read (File name too long)" in told("Name a lake. " * 400)
    saved(tmp_path / "a.jsonl", '{"n": 1}')
    saved(tmp_path / "a.txt", "Bees.")
    assert "the pattern matches tables too" in told(str(tmp_path / "a.*"))
    assert "chunk goes with text files" in told(str(tmp_path / "a.jsonl"), chunk=9)
    assert "chunk goes with text files" in told(LAKES, chunk=9)


# --- JSON ---


async def test_a_json_file_is_a_list_or_json_lines(tmp_path: Path) -> None:
    listed = saved(tmp_path / "a.json", "\ufeff\n" + json.dumps(LAKES, indent=2) + "\n")
    lines = saved(tmp_path / "b.json", "\n".join(map(json.dumps, LAKES)))
    for path in (listed, lines):
        source = origin(path)
        assert source.columns() == {"instruction": "text", "n": "number"}
        assert source.count() == 2
        assert await fields(source) == LAKES


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.integers()
        | st.dictionaries(st.text(max_size=9), st.text() | st.floats(-1e9, 1e9), max_size=3)
    )
)
def test_a_list_is_read_the_same_wherever_its_blocks_end(data: list[Any]) -> None:
    from evolsynth.data import jsonl

    body = json.dumps(data, ensure_ascii=False, indent=1).encode()
    chance = random.Random(len(body))

    def blocks(path: Path, label: str) -> Iterator[bytes]:
        at = 0
        while at < len(body):
            size = chance.randint(1, 7)
            yield body[at : at + size]
            at += size

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "blocks", blocks)
        reader = jsonl.JsonList(Path("x"), "x")
        items = [item for batch in reader.batches() for _, item, _ in batch]
        assert len(items) == len(data)
        for item, was in zip(items, data, strict=True):
            assert item == was if isinstance(was, dict) else isinstance(item, InputError)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[{"n": 1}, {"n": ]', "item 2: not JSON (Expecting value)"),
        ('[{"n": 1} {"n": 2}]', "item 2: not JSON (expecting ',')"),
        ('[{"n": 1}, {"n": NaN}]', "item 2: not JSON (NaN is no number in JSON)"),
        ('[{"n": 1}, {"n": "a', "item 2: not JSON (Unterminated string starting at)"),
        ('[{"n": 1},', "item 2: not JSON (Expecting value)"),
        ('[{"n": 1}', "item 2: not JSON (expecting ',')"),
        ('[{"n": 1}]\n[]', "something stands behind the list's end"),
    ],
)
def test_a_broken_list_ends_the_reading_also_where_bad_items_are_skipped(
    tmp_path: Path, text: str, what: str
) -> None:
    path = saved(tmp_path / "a.json", text)
    for skip_bad in (False, True):
        with pytest.raises(InputError) as caught:
            origin(path, skip_bad=skip_bad).count()
        assert what in str(caught.value)


async def test_an_item_of_a_list_that_is_no_object_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", '[{"n": 1}, "Bees.", 12, {"n": 2}]')
    assert "a.json, item 2: a JSON object was expected" in told(path)
    rows = await read(origin(path, skip_bad=True))
    assert [row.status for row in rows] == ["pending", "failed", "failed", "pending"]


# --- tables ---


async def test_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerows([["prompt", "topic"], ["Name a lake,\nor two.", "water"], ["Bees?", ""]])
    source = origin(path, fields={"prompt": "instruction"})
    assert source.columns() == {"instruction": "text", "topic": "text"}
    assert source.count() == 2
    lake, bees = await read(source)
    assert (lake.instruction, lake.extra) == ("Name a lake,\nor two.", {"topic": "water"})
    assert bees.extra == {"topic": None}
    tabs = saved(tmp_path / "a.tsv", "a\tb\n1\t2,3\n")
    assert await fields(origin(tabs)) == [{"a": "1", "b": "2,3"}]
    semicolons = saved(tmp_path / "b.csv", "a;b\n1;2,3\n")
    assert await fields(origin(semicolons)) == [{"a": "1", "b": "2,3"}]


async def test_a_row_of_another_length_is_named_by_its_line(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.csv", 'text,n\n"two\nlines",1\n\nBees, wasps,2\nFlies,3\n')
    assert "a.csv, line 5: 3 cells under a header of 2" in told(path)
    rows = await read(origin(path, skip_bad=True))
    assert [row.status for row in rows] == ["pending", "failed", "pending"]
    assert rows[1].extra == {"line": {"number": 5}}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a,a\n1,2\n", "line 1: the header has 'a' twice"),
        ("a,\n1,2\n", "line 1: the header has a column without a name"),
        ('a,b\n1,"2\n', "line 2: no CSV (unexpected end of data)"),
    ],
)
def test_a_table_that_is_no_csv(tmp_path: Path, text: str, what: str) -> None:
    assert what in told(saved(tmp_path / "a.csv", text), skip_bad=True)


async def test_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    turns = [{"role": "user", "content": "Hi."}]
    table = {
        "instruction": [f"{n}" for n in range(600)],
        "score": [0.5, float("nan"), None] * 200,
        "tags": [["a"], [], None] * 200,
        "messages": [turns] * 600,
        "day": [datetime.date(2024, 2, 29)] * 600,
        "made": pa.array([{"by": 1, "at": datetime.datetime(2024, 2, 29, 12)}] * 600),
    }
    parquet.write_table(pa.table(table), path)
    source = origin(path)
    assert source.columns() == {
        "instruction": "text",
        "score": "number",
        "tags": "texts",
        "messages": "messages",
        "day": "any",
        "made": "any",
    }
    assert source.count() == 600
    rows = await read(source)
    assert [row.instruction for row in rows] == table["instruction"]
    assert rows[0].messages[0].content == "Hi."
    assert rows[0].extra == {
        "score": 0.5,
        "tags": ["a"],
        "day": "2024-02-29",
        "made": {"by": 1, "at": "2024-02-29T12:00:00"},
    }
    assert (rows[1].extra["score"], rows[2].extra["tags"]) == (None, None)


async def test_a_column_of_bytes_in_a_parquet_file_is_left_out_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"n": [1, 2], "image": [b"\x89PNG", None]}), path)
    said: list[str] = []
    with saying(said.append):
        rows = await read(origin(path))
    assert [row.extra for row in rows] == [{"n": 1}, {"n": 2}]
    assert any("without image, which holds bytes" in line for line in said)


def test_a_parquet_file_without_rows_or_with_two_columns_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"n": pa.array([], pa.int64())}), path)
    assert "the table has no rows" in told(path)
    parquet.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["n", "n"]), path)
    assert "two columns are named 'n'" in told(path)


def test_without_pyarrow_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "a.parquet", b"any")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SetupError, match=r"pyarrow is needed .* pip install 'evolsynth\[data\]'"):
        origin(path).columns()


async def test_a_pattern_of_tables_is_read_in_the_order_of_the_paths(tmp_path: Path) -> None:
    saved(tmp_path / "c.jsonl", '{"n": 3}\n{"id": "1", "n": 4}\n')
    saved(tmp_path / "b.jsonl", '\n{"id": "1", "n": 2}\n')
    saved(tmp_path / "a.jsonl", '{"n": 1}\n{"n": 3}\n')
    saved(tmp_path / "empty.jsonl", "")
    pattern = str(tmp_path / "*.jsonl")
    told = r"c.jsonl, line 2, field 'id': '1' is the id of .*b.jsonl, line 2 too"
    with pytest.raises(InputError, match=told):
        await read(origin(pattern))
    source = origin(pattern, skip_bad=True)
    assert source.count() == 5
    rows = await read(source)
    assert [row.extra["n"] for row in rows] == [1, 3, 2, 3, 4]
    assert len({row.id for row in rows}) == 5


# --- texts ---


async def test_a_folder_of_texts_is_contexts(tmp_path: Path) -> None:
    saved(tmp_path / "b.txt", "\ufeffBees dance.\r\nThey do.\n")
    saved(tmp_path / "a" / "z.md", "# Wasps")
    saved(tmp_path / ".git" / "no.md", "hidden")
    saved(tmp_path / "a.py", "x = 1")
    source = origin(tmp_path)
    assert source.columns() == {"input": "text", "source": "text"}
    assert source.count() == 2
    assert await fields(source) == [
        {"input": "# Wasps", "source": "a/z.md"},
        {"input": "Bees dance.\nThey do.\n", "source": "b.txt"},
    ]
    named = await fields(origin(str(tmp_path / "**" / "*.md")))
    assert named == [{"input": "# Wasps", "source": "a/z.md"}]
    assert await fields(origin(str(tmp_path / "*.py"))) == [{"input": "x = 1", "source": "a.py"}]
    assert (await fields(origin(tmp_path / "b.txt")))[0]["source"] == "b.txt"
    renamed = origin(tmp_path, fields={"input": "instruction"}, limit=1)
    assert renamed.columns() == {"instruction": "text", "source": "text"}
    assert [row.instruction for row in await read(renamed)] == ["# Wasps"]


async def test_a_bad_text_fails_in_its_place(tmp_path: Path) -> None:
    for name, text in (
        ("a.txt", b"Bees."),
        ("b.txt", b""),
        ("c.txt", b"\xff"),
        ("d.txt", b"Ants."),
    ):
        saved(tmp_path / name, text)
    assert told(tmp_path).startswith(str(tmp_path / "b.txt"))
    rows = await read(origin(tmp_path, skip_bad=True))
    assert [row.status for row in rows] == ["pending", "failed", "failed", "pending"]


async def test_long_texts_are_cut_at_the_ends_of_paragraphs(tmp_path: Path) -> None:
    first, second = "Bees dance. " * 9, "Wasps sting. " * 9
    path = saved(tmp_path / "a.md", f"{first}\n\n{second}\n\nAnts.\n")
    source = origin(path, chunk=130)
    assert source.columns() == {"input": "text", "source": "text", "part": "number"}
    assert source.count() is None
    assert [(row.extra["part"], row.extra["input"]) for row in await read(source)] == [
        (1, first.strip()),
        (2, f"{second}\n\nAnts."),
    ]


def test_where_a_text_is_cut() -> None:
    assert split("One two three. Four five.", 18) == ["One two three.", "Four five."]
    assert split("One two three four", 9) == ["One two", "three", "four"]
    assert split("Head\n\nA long line of words. And more.", 28) == [
        "Head\n\nA long line of words.",
        "And more.",
    ]
    assert split("abcdefgh", 3) == ["abc", "def", "gh"]
    assert split("short", 99) == ["short"]


@settings(deadline=None)
@given(st.text(alphabet="ab. \n\t", max_size=80), st.integers(1, 30))
def test_a_text_that_is_cut_loses_nothing_but_space(text: str, most: int) -> None:
    parts = split(text, most)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part == part.strip() and 0 < len(part) <= most for part in parts)


# --- Hugging Face ---


async def test_a_dataset_object(tmp_path: Path) -> None:
    made = datasets.Dataset.from_list(LAKES)
    made.save_to_disk(str(tmp_path / "saved"))
    loaded = datasets.load_from_disk(str(tmp_path / "saved"))
    for data, count in ((made, 2), (loaded, 2), (made.to_iterable_dataset(), None)):
        source = origin(data)
        assert source.columns() == {"instruction": "text", "n": "number"}
        assert source.count() == count
        assert await fields(source) == await fields(source) == LAKES


async def test_a_streamed_dataset_without_features_is_looked_at() -> None:
    def stream() -> Iterator[dict[str, Any]]:
        yield from LAKES

    data = datasets.IterableDataset.from_generator(stream)
    source = origin(data, fields={"n": "number"})
    assert source.columns() == {"instruction": "text", "number": "number"}
    assert [row.extra for row in await read(source)] == [{"number": 1}, {"number": 2}]


def test_a_dict_of_splits_is_no_source() -> None:
    made = datasets.Dataset.from_list(LAKES)
    data = datasets.DatasetDict({"train": made, "test": made})
    assert told(data) == "The data set has splits: train, test. Give one of them: data['train']."
    assert "the data set has no rows" in told(made.select([]))


async def test_a_dataset_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load(*names: Any, **options: Any) -> Any:
        asked.append((*names, options))
        return datasets.Dataset.from_list(LAKES).to_iterable_dataset()

    monkeypatch.setattr(datasets, "load_dataset", load)
    for given_ in ("hf://lakes/deep/small@test", hub("lakes/deep", "small", split="test")):
        source = origin(given_)
        assert source.label == "hf://lakes/deep/small@test"
        assert not asked  # nothing before the first look
        assert source.columns() == {"instruction": "text", "n": "number"}
        assert await fields(source) == LAKES
        assert asked == [("lakes/deep", "small", {"split": "test", "streaming": True})]
        asked.clear()
    origin("hf://lakes/deep").count()
    assert asked == [("lakes/deep", None, {"split": "train", "streaming": True})]


@pytest.mark.parametrize("address", ["hf://", "hf://a//b", "hf://a/b/c/d", "hf://a/b@"])
def test_an_address_that_is_none(address: str) -> None:
    assert "write hf://owner/name" in told(address)


@pytest.mark.parametrize(
    ("raised", "error", "what"),
    [
        (FileNotFoundError("no such data set\nsee"), InputError, "no such data set). Check"),
        (ValueError("Bad split: test"), InputError, "Bad split: test). Check the names"),
        (ConnectionError(""), SetupError, "ConnectionError). Check the network"),
    ],
)
def test_what_the_hub_refuses(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, error: type[Exception], what: str
) -> None:
    def load(*names: Any, **options: Any) -> Any:
        raise raised

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(error) as caught:
        origin("hf://lakes/deep").columns()
    assert str(caught.value).startswith("hf://lakes/deep@train: cannot be loaded (")
    assert what in str(caught.value)


async def test_a_stream_that_breaks_is_told_with_how_far_it_came() -> None:
    def stream() -> Iterator[dict[str, Any]]:
        yield from LAKES
        raise ConnectionError("the hub hung up")

    data = datasets.IterableDataset.from_generator(stream)
    with pytest.raises(InputError, match=r"raised .* after 2 items"):
        await read(origin(data))


def test_without_datasets_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"pip install 'evolsynth\[data\]'"):
        origin("hf://lakes/deep")
