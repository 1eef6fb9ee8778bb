"""Rows: an id that says what the row is, and files that come back as they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.data.files import read_rows
from evolsynth.errors import EngineError, InputError
from evolsynth.flat import COLUMNS
from evolsynth.foreign import failure
from evolsynth.inputs import alone
from evolsynth.rows import Message, Row, Verdict, derive_seed, write_rows

KNOWN = {*Row.__struct_fields__, *COLUMNS} - {"extra"}
FAILED = failure("respond", EngineError("The power went."))

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
unknown_fields = st.dictionaries(st.text().filter(lambda k: k not in KNOWN), json_values)


def file_of(folder: Path, content: str | bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path, content: str | bytes) -> list[Row]:
    return list(read_rows(file_of(folder, content)))


# Ids ----------------------------------------------------------------------------------------------


def test_an_id_is_the_same_in_every_run() -> None:
    """Pinned: an id that changes between versions orphans everything stored under it."""
    assert Row.make("Name three rivers.", key="magpie/7/0").id == "2abd6250b231eced"


@pytest.mark.parametrize(
    "other",
    [
        Row.make("Name three rivers.", key="b"),
        Row.make("Name four rivers.", key="a"),
        Row.make("Name three rivers.", key="a", response="Rhine, Elbe, Oder."),
        Row.make("Name three rivers.", key="a", method="magpie"),
        Row.make("Name three rivers.", key="a", round=1),
        Row.make("Name three rivers.", key="a", parents=("p",)),
        Row.make("Name three rivers.", key="a", system="Be brief."),
        Row.make("Name three rivers.", key="a", messages=(Message("user", "Hi"),)),
        Row.make("Name three rivers.", key="a", extra={"topic": "water"}),
    ],
)
def test_whatever_tells_two_rows_apart_gives_them_different_ids(other: Row) -> None:
    assert other.id != Row.make("Name three rivers.", key="a").id


def test_what_is_learned_about_a_row_later_does_not_change_its_id() -> None:
    row = Row.make("Name three rivers.")
    later = row.replace(response="Rhine, Elbe, Oder.", scores={"ifd": 0.5}).reject("too_short")
    assert later.id == row.id


def test_a_row_cannot_be_changed_in_place() -> None:
    row = Row.make("Name three rivers.")
    with pytest.raises(AttributeError):
        row.instruction = "Name four."  # type: ignore[misc]
    assert row.replace(instruction="Name four.") is not row
    assert row.instruction == "Name three rivers."


def test_two_rows_do_not_share_their_empty_scores() -> None:
    assert Row.make("a").scores is not Row.make("b").scores


# Standing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "status", "settled"),
    [
        (Row.make("a"), "pending", False),
        (Row.make("a", verdict=Verdict(accepted=True)), "accepted", False),
        (Row.make("a").reject("too_short"), "rejected", True),
        (Row.make("a", failure=FAILED), "failed", True),
        (Row.make("a", failure=FAILED, verdict=Verdict(accepted=True)), "failed", True),
    ],
)
def test_where_a_row_stands(row: Row, status: str, settled: bool) -> None:
    assert (row.status, row.settled) == (status, settled)


def test_a_second_rejection_keeps_the_first_reason_in_front() -> None:
    row = Row.make("a").reject("too_short", too_short={"words": 1})
    row = row.reject("refusal", "too_short", refusal={"opening": "Sorry"})
    assert row.verdict is not None
    assert row.verdict.reasons == ("too_short", "refusal")
    assert row.verdict.details == {"too_short": {"words": 1}, "refusal": {"opening": "Sorry"}}


def test_rejecting_an_accepted_row_takes_its_acceptance_back() -> None:
    row = Row.make("a", verdict=Verdict(accepted=True)).reject("refusal")
    assert row.status == "rejected"


# Files --------------------------------------------------------------------------------------------


@given(unknown_fields)
def test_unknown_fields_come_back_as_they_were(fields: dict[str, Any]) -> None:
    row = Row.from_dict({"instruction": "Name three rivers.", **fields})
    written = json.loads(row.to_json())
    assert {k: v for k, v in written.items() if k not in KNOWN} == fields


@given(unknown_fields, st.none() | st.text(), st.none() | st.text())
def test_reading_what_was_written_gives_the_same_row(
    fields: dict[str, Any], instruction: str | None, response: str | None
) -> None:
    """In a file no text is null, so an empty text and none are one."""
    row = Row.make(instruction, response=response, extra=fields, parents=("p",), round=2)
    again = Row.from_dict(json.loads(row.to_json()))
    assert again == row.replace(instruction=instruction or None, response=response or None)
    assert again.to_json() == row.to_json()


def test_a_full_row_survives_a_file(tmp_path: Path) -> None:
    row = Row.make(
        "Name three\u2028rivers.\nAnd a lake.",
        messages=(Message("user", "Hi"), Message("assistant", "Hello")),
        failure=FAILED,
        scores={"information_loss": 0.25},
        provenance={"instruction": {"seed": 2**32 - 2}},
        extra={"extra": {"deep": [1, None]}, "Größe": "20 µm"},
    ).reject("near_duplicate", near_duplicate={"of": "x"})
    assert write_rows(tmp_path / "new" / "rows.jsonl", [row]) == 1
    assert list(read_rows(tmp_path / "new" / "rows.jsonl")) == [row]


def test_text_is_written_as_text_not_as_escapes() -> None:
    assert "Größe 你好 🙂" in Row.make("Größe 你好 🙂").to_json()


def test_half_a_surrogate_pair_is_carried_as_an_escape(tmp_path: Path) -> None:
    """Broken scrapes hold them; UTF-8 cannot, JSON can."""
    (row,) = read(tmp_path, r'{"instruction": "half \ud83d a smile"}')
    assert row.instruction == "half \ud83d a smile"
    write_rows(tmp_path / "again.jsonl", [row])
    assert list(read_rows(tmp_path / "again.jsonl")) == [row]


def test_a_byte_order_mark_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    rows = read(tmp_path, '\ufeff{"instruction": "a"}\r\n\n  \n{"instruction": "b"}')
    assert [row.instruction for row in rows] == ["a", "b"]


def test_equal_lines_get_different_ids_and_the_same_ones_each_time(tmp_path: Path) -> None:
    lines = '{"instruction": "a"}\n' * 3
    ids = [row.id for row in read(tmp_path, lines)]
    assert len(set(ids)) == 3
    assert ids == [row.id for row in read(tmp_path, lines)]


def test_equal_lines_without_a_usable_id_get_different_ids(tmp_path: Path) -> None:
    """A null is no id: tables exported with an empty column have one in every line."""
    ids = [row.id for row in read(tmp_path, '{"id": null, "instruction": "a"}\n' * 2)]
    assert len(set(ids)) == 2


def test_an_id_that_is_given_is_kept(tmp_path: Path) -> None:
    assert [row.id for row in read(tmp_path, '{"id": "x", "instruction": "a"}')] == ["x"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instruction", 5),
        ("round", "one"),
        ("scores", {"ifd": "high"}),
        ("messages", [{"role": "ghost", "content": "boo"}]),
        ("verdict", {"accepted": "yes"}),
    ],
)
def test_a_wrong_type_is_named_with_file_line_and_field(
    tmp_path: Path, field: str, value: object
) -> None:
    bad = json.dumps({field: value})
    with pytest.raises(InputError) as caught:
        read(tmp_path, '{"instruction": "a"}\n\n' + bad)
    assert f"{tmp_path / 'rows.jsonl'}, line 3: field '{field}" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"instruction": "\xff"}', "not UTF-8"),
        ('{"instruction": "a"}'.encode("utf-16"), "not UTF-8"),
        (b"instruction,response", "not JSON"),
        (b'{"instruction": "a"', "not JSON"),
        (b'["a", "b"]', "object"),
        (b'"a"', "object"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply, over 100 levels"),
        (b'{"a":' + b"1" * 5_000 + b"}", "not JSON"),
    ],
    ids=["latin-1", "utf-16", "csv", "cut off", "array", "string", "nested", "endless number"],
)
def test_a_line_that_is_no_object_is_refused_with_its_number(
    tmp_path: Path, line: bytes, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        read(tmp_path, b"\n" + line)
    assert "line 2" in str(caught.value)


def test_what_can_be_read_can_be_written_however_deep_it_is_nested(tmp_path: Path) -> None:
    """Reading and writing run out of stack at different depths; the reader must refuse first."""
    refused = []
    for depth in (100, *range(700, 1100)):
        line = '{"a":' + "[" * depth + "]" * depth + "}"
        try:
            (row,) = read(tmp_path, line)
        except InputError:
            refused.append(depth)
        else:
            assert json.loads(row.to_json())["a"] is not None
    assert refused
    assert 100 not in refused


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_never_get_into_a_data_set(
    tmp_path: Path, number: str
) -> None:
    """Python's reader lets them in and its writer out; other readers then refuse the file."""
    with pytest.raises(InputError, match="line 1"):
        read(tmp_path, f'{{"instruction": "a", "loss": {number}}}')


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InputError, match=str(path)):
            next(read_rows(path))


def test_a_write_that_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [Row.make("old")])
    before = path.read_bytes()

    def broken() -> Iterator[Row]:
        yield Row.make("new")
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_rows(path, broken())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_file_can_be_rewritten_from_itself(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [Row.make("a"), Row.make("b")])
    write_rows(path, (row.replace(response="yes") for row in read_rows(path)))
    assert [row.response for row in read_rows(path)] == ["yes", "yes"]


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"):
        write_rows(tmp_path / "file" / "rows.jsonl", [Row.make("a")])


# Seeds --------------------------------------------------------------------------------------------


@given(st.integers(), st.text(), st.text(), st.integers(0, 9), st.integers(0, 9))
def test_a_seed_is_one_that_llama_cpp_takes_as_it_is(
    run: int, step: str, row: str, attempt: int, candidate: int
) -> None:
    seed = derive_seed(run, step, row, attempt=attempt, candidate=candidate)
    assert 0 <= seed <= 2**32 - 2


def test_the_seed_that_means_any_is_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    class Digest:
        def digest(self) -> bytes:
            return (2**32 - 1).to_bytes(8, "big")

    monkeypatch.setattr("hashlib.blake2b", lambda *_, **__: Digest())
    assert derive_seed(0, "magpie", "0") == 0


def test_every_argument_changes_the_seed() -> None:
    seeds = {
        derive_seed(1, "a", "r"),
        derive_seed(2, "a", "r"),
        derive_seed(1, "b", "r"),
        derive_seed(1, "a", "s"),
        derive_seed(1, "a", "r", attempt=1),
        derive_seed(1, "a", "r", candidate=1),
        derive_seed(1, "ar", ""),
        derive_seed(1, "", "ar"),
    }
    assert len(seeds) == 8
    assert derive_seed(7, "magpie", "0") == 1124953021


# The text that an instruction is about ------------------------------------------------------------

PASSAGE = "The town clock was moved to the new tower in 1881.\nIt has not stopped since."


def about(instruction: str, text: object, field: str = "input") -> Row:
    return Row.make(instruction, extra={field: text})


def test_a_task_is_its_instruction_and_behind_it_its_input() -> None:
    row = about("When was the clock moved?", PASSAGE)
    assert row.input == row.beside == PASSAGE
    assert row.asked == f"When was the clock moved?\n\n{PASSAGE}"
    assert about("When was the clock moved?", PASSAGE, "context").asked == row.asked


def test_a_task_without_an_input_is_its_instruction() -> None:
    for nothing in (None, "", " \n", 7, ["a text"], {"text": PASSAGE}):
        row = about("Name three rivers.", nothing)
        assert (row.input, row.beside, row.asked) == (None, None, "Name three rivers.")
    assert Row.make().asked is None


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        (f"Give the passage a title.\n\n{PASSAGE}", PASSAGE),
        (f"Give this a title: {PASSAGE} Be brief.", PASSAGE),
        ("Translate into French: the house", "the house"),
        ('What is the plural of "mouse"?', "mouse"),
        ("Sort the numbers.\n7 3 5\nBegin with the least.", "7 3 5"),
    ],
)
def test_an_instruction_that_holds_its_input_is_all_of_the_task(
    instruction: str, text: str
) -> None:
    assert about(instruction, text).asked == instruction
    assert about(instruction, text).beside is None


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        ("Name 3 ways to use it.", "3"),
        ("Is the tea in the cup cold?", "tea"),
        ("What is the plural of the word?", "word"),
    ],
)
def test_a_word_that_an_instruction_happens_to_say_is_not_its_input(
    instruction: str, text: str
) -> None:
    assert about(instruction, text).asked == f"{instruction}\n\n{text}"


def test_an_instruction_is_cut_where_its_input_stands() -> None:
    assert alone("Concatenate with itself: cat", "cat") == "Concatenate with itself:"
    assert alone(f"Give this a title: {PASSAGE} Be brief.", PASSAGE) == (
        "Give this a title: Be brief."
    )
    for text in (None, "", "dog", "Con"):
        assert alone("Concatenate with itself: cat", text) == "Concatenate with itself: cat"
