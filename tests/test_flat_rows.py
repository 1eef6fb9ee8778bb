"""Rows in files: each column of one type in every row of every run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.flat import COLUMNS
from evolsynth.rows import Failure, Message, Row, Verdict, write_rows

ASKED = "Name a river that flows through Prague."
TALK = (
    Message("user", ASKED),
    Message("assistant", "The Vltava."),
    Message("user", "Where does it end?"),
    Message("assistant", "It flows into the Elbe at Melnik."),
)
MANY = [
    Row.make(ASKED, response="The Vltava.", verdict=Verdict(accepted=True)),
    Row.make(ASKED, response="The Vltava.", messages=TALK, verdict=Verdict(accepted=True)),
    Row.make(ASKED, system="Be brief.", response="The Vltava.", scores={"ifd": 0.5}),
    Row.make(
        "Name a river that flows through Prague, and its length.",
        method="evol_instruct",
        round=1,
        parents=("a", "b"),
        provenance={"instruction": {"original": ASKED, "candidates": [{"text": "x"}]}},
    ).reject("near_duplicate", "too_short", near_duplicate={"of": "a", "cosine": 0.9}),
    Row.make("Translate it.", response="Der Dom.", extra={"input": "the cathedral"}),
    Row.make(failure=Failure(step="respond", error="RequestError", message="no room", attempt=1)),
    Row.make(
        ASKED,
        verdict=Verdict(
            accepted=True, task="fact", tier="verified", stands_on=("span", "demand:words_at_most")
        ),
    ),
]


def lines(row: Row) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(row.to_json())
    return line


@pytest.mark.parametrize("row", MANY)
def test_each_row_has_all_columns_and_comes_back_as_it_was(row: Row) -> None:
    line = lines(row)
    assert list(line) == list(COLUMNS)
    assert Row.from_dict(line) == row


def test_no_column_is_null_or_empty_or_of_another_type() -> None:
    def kind(value: Any) -> Any:
        if isinstance(value, list):
            return [kind(value[0])]  # never empty
        if isinstance(value, dict):
            return {name: kind(inner) for name, inner in value.items()}
        assert value is not None
        return type(value)

    kinds = [{name: kind(value) for name, value in lines(row).items()} for row in MANY]
    assert all(one == kinds[0] for one in kinds)
    assert kinds[0]["messages"] == [{"role": str, "content": str}]


def test_a_single_turn_has_its_conversation_with_system_turn_and_input() -> None:
    row = Row.make(
        "Translate it.", system="Be brief.", response="Der Dom.", extra={"input": "the cathedral"}
    )
    assert lines(row)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Translate it.\n\nthe cathedral"},
        {"role": "assistant", "content": "Der Dom."},
    ]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_conversation_that_begins_with_instructions_gets_no_second_ones(role: Any) -> None:
    turns = (Message(role, "Be kind."), Message("user", "Name a fish."), Message("user", "Now."))
    data = Row.make("Name a fish.", system="Be kind.", messages=turns).to_flat()
    assert [turn["role"] for turn in data["messages"]] == [role, "user", "user"]


def test_an_answer_that_is_mended_by_hand_is_read_as_mended() -> None:
    line = {**lines(MANY[0]), "response": "The Vltava flows through it."}
    row = Row.from_dict(line)
    assert (row.response, row.messages) == ("The Vltava flows through it.", ())


def test_reasons_can_be_read_and_counted_as_they_stand() -> None:
    line = lines(MANY[3])
    assert (line["verdict"], line["verdict_reasons"]) == ("rejected", "near_duplicate, too_short")
    assert json.loads(line["verdict_details"])["near_duplicate"]["of"] == "a"


@pytest.mark.parametrize("reasons", [("a, b", "c"), ("[x]",), ("",), ("a", ""), ('["a"]',)])
def test_names_that_commas_would_not_carry_come_back(reasons: tuple[str, ...]) -> None:
    row = Row.make("a").reject(*reasons)
    assert Row.from_dict(lines(row)) == row


def test_the_form_of_before_is_read() -> None:
    old: dict[str, Any] = {
        "id": "x",
        "instruction": ASKED,
        "response": None,
        "messages": [],
        "system": None,
        "method": "magpie",
        "round": 0,
        "parents": [],
        "scores": {"ifd": None},
        "verdict": {"accepted": False, "reasons": ["too_short"], "details": {}},
        "failure": None,
        "provenance": {"instruction": {"seed": 1}},
        "topic": "rivers",
    }
    row = Row.from_dict(old)
    assert (row.status, row.provenance["instruction"]["seed"]) == ("rejected", 1)
    assert Row.from_dict(lines(row)) == row


def test_columns_of_the_users_own_stand_as_they_came() -> None:
    own: dict[str, Any] = {
        "topic": "rivers",
        "metadata": {},
        "tags": [],
        "deep": {"a": [1, None]},
        "none": None,
    }
    assert {n: v for n, v in lines(Row.make(ASKED, extra=own)).items() if n in own} == own


@pytest.mark.parametrize("field", ["scores", "provenance", "parents", "verdict_details"])
def test_a_text_that_is_no_json_is_named(field: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps({**lines(MANY[3]), field: "{broken"}))
    with pytest.raises(InputError, match=rf"line 1: field '{field}'"):
        list(read_rows(bad))


def test_files_of_several_runs_are_one_table_in_any_order(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    for number, row in enumerate(MANY):
        write_rows(tmp_path / f"{number}.jsonl", [row])
    files = [str(tmp_path / f"{number}.jsonl") for number in range(len(MANY))]
    features = []
    for order in (files, files[::-1]):
        data = datasets.load_dataset(
            "json", data_files=order, split="train", cache_dir=str(tmp_path / "cache")
        )
        assert data.num_rows == len(MANY)
        data.to_parquet(str(tmp_path / "rows.parquet"))
        features.append(data.features)
    assert features[0] == features[1]


def test_pandas_joins_them_too(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    for number, row in enumerate(MANY):
        write_rows(tmp_path / f"{number}.jsonl", [row])
    frames = [pandas.read_json(tmp_path / f"{n}.jsonl", lines=True) for n in range(len(MANY))]
    pandas.concat(frames).to_parquet(tmp_path / "rows.parquet")


def test_what_comes_later_than_the_first_ten_megabytes_fits(tmp_path: Path) -> None:
    """`datasets` takes the types of a file from its first ten megabytes."""
    datasets = pytest.importorskip("datasets")
    first = MANY[0].to_json() + "\n"
    file = tmp_path / "long.jsonl"
    times = (11 << 20) // len(first) + 1
    file.write_text(first * times + "".join(row.to_json() + "\n" for row in MANY))
    data = datasets.load_dataset(
        "json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert data.num_rows == times + len(MANY)


def test_gate_reads_again_what_it_wrote(tmp_path: Path) -> None:
    rows, once, twice = (tmp_path / f"{name}.jsonl" for name in ("rows", "once", "twice"))
    rows.write_text(json.dumps({"instruction": ASKED, "response": "The Vltava does."}) + "\n")
    assert main(["gate", str(rows), "--no-embedder", "-o", str(once)]) == 0
    assert main(["gate", str(once), "--no-embedder", "-o", str(twice)]) == 0
    assert once.read_bytes() == twice.read_bytes()


def test_files_with_other_columns_of_the_users_own_are_one_table_as_exported(
    tmp_path: Path,
) -> None:
    """What docs/rows.md says of columns that differ: as they came `datasets` refuses them."""
    datasets = pytest.importorskip("datasets")
    own: list[dict[str, Any]] = [{"topic": "rivers"}, {"level": 3, "tags": []}, {}]
    rows = [Row.make(ASKED, response="The Vltava.", extra=extra) for extra in own]
    files = [str(tmp_path / f"{number}.jsonl") for number in range(len(rows))]
    for file, row in zip(files, rows, strict=True):
        write_rows(tmp_path / "came.jsonl", [row])
        command = ["export", str(tmp_path / "came.jsonl"), "--format", "rows", "-o", file]
        assert main(command) == 0
    for order in (files, files[::-1]):
        data = datasets.load_dataset(
            "json", data_files=order, split="train", cache_dir=str(tmp_path / "cache")
        )
        assert data.column_names == [*COLUMNS, "extra"]
    back = [row for file in files for row in read_rows(file)]
    assert [row.extra for row in back] == own
