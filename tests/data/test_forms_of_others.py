"""Rows of other tools: their forms are known, said aloud, and come out as they came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.data.formats.form import FORMS
from evolsynth.data.open import file_origin
from evolsynth.doing import saying
from evolsynth.errors import InputError, Misread
from evolsynth.rows import Row

ASK, SAY = "Why do cats purr?", "They purr when they are content, and also to calm themselves."
CALL = {
    "id": "w1",
    "type": "function",
    "function": {"name": "tide", "arguments": '{"at": "Brest"}'},
}
TURNS = [{"role": "user", "content": ASK}, {"role": "assistant", "content": SAY}]

#: A record of each form, and what a row has of it: instruction, response, system, turns.
RECORDS: list[Any] = [
    pytest.param("Alpaca", {"instruction": ASK, "input": "", "output": SAY}, (ASK, SAY, None, 0),
                 id="alpaca"),
    pytest.param(
        "ShareGPT",
        {"conversations": [{"from": "system", "value": "Be brief."},
                           {"from": "human", "value": ASK}, {"from": "gpt", "value": SAY},
                           {"from": "human", "value": "And dogs?"},
                           {"from": "gpt", "value": "They do not."}]},
        (ASK, SAY, "Be brief.", 5), id="sharegpt"),
    *(
        pytest.param("prompt and completion", {ask: ASK, say: SAY, "source": "x"},
                     (ASK, SAY, None, 0), id=f"{ask} and {say}")
        for ask, say in (("question", "response"), ("query", "response"), ("query", "answer"),
                         ("problem", "solution"), ("input", "output"))
    ),
    pytest.param(
        "prompt and completion",
        {"system_prompt": "Be brief.", "question": ASK, "response": SAY},
        (ASK, SAY, "Be brief.", 0), id="a system prompt beside the question"),
    pytest.param("prompt and completion", {"prompt": [{"role": "system", "content": "Be brief."},
                 *TURNS[:1]], "answer": "calm"}, (ASK, None, "Be brief.", 2), id="a prompt alone"),
    pytest.param("ShareGPT", {"conversations": TURNS, "source": "forum"}, (ASK, SAY, None, 2),
                 id="sharegpt with roles"),
    pytest.param("chat messages", {"messages": [{"role": "system", "content": "Be kind."}, *TURNS]},
                 (ASK, SAY, "Be kind.", 3), id="messages"),
    pytest.param(
        "chat messages",
        {"messages": [{"role": "developer", "content": "Be exact."},
                      {"role": "user", "content": [{"type": "text", "text": "When is high tide"},
                                                   {"type": "text", "text": "in Brest?"}]},
                      {"role": "assistant", "content": None, "tool_calls": [CALL]},
                      {"role": "tool", "tool_call_id": "w1", "content": "06:12"},
                      {"role": "assistant", "content": "High tide is at 06:12."}],
         "tools": [{"type": "function", "function": {"name": "tide"}}]},
        ("When is high tide\nin Brest?", "High tide is at 06:12.", "Be exact.", 5), id="tools"),
    pytest.param("prompt and completion", {"prompt": ASK, "completion": SAY}, (ASK, SAY, None, 0),
                 id="prompt-completion"),
    pytest.param("prompt and completion", {"prompt": TURNS[:1], "completion": TURNS[1:]},
                 (ASK, SAY, None, 2), id="prompt-completion of turns"),
    pytest.param("prompt and completion", {"question": ASK, "answer": SAY}, (ASK, SAY, None, 0),
                 id="question and answer"),
    pytest.param("DPO", {"prompt": ASK, "chosen": SAY, "rejected": "No idea."}, (ASK, SAY, None, 0),
                 id="dpo"),
    pytest.param("DPO", {"chosen": TURNS, "rejected": TURNS[:1]}, (ASK, SAY, None, 2),
                 id="dpo without a prompt"),
    pytest.param("distilabel's columns",
                 {"instruction": ASK, "generation": SAY, "model_name": "m"},
                 (ASK, SAY, None, 0), id="distilabel"),
    pytest.param("distilabel's columns",
                 {"instruction": ASK, "generations": ["No.", SAY], "ratings": [1, 4.5]},
                 (ASK, SAY, None, 0), id="distilabel's best of several"),
    pytest.param("OpenAI's form",
                 {"custom_id": "q-1", "method": "POST", "url": "/v1/chat/completions",
                  "body": {"model": "m", "messages": [{"role": "system", "content": "Be kind."},
                                                      TURNS[0]]}},
                 (ASK, None, "Be kind.", 2), id="batch request"),
    pytest.param("OpenAI's form",
                 {"input": {"messages": TURNS[:1]}, "preferred_output": TURNS[1:],
                  "non_preferred_output": [{"role": "assistant", "content": "No."}]},
                 (ASK, SAY, None, 2), id="OpenAI's preferences"),
]  # fmt: skip


def written(path: Path, *records: Any) -> str:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    return str(path)


def read(path: str, **reading: Any) -> tuple[list[Row], list[str]]:
    said: list[str] = []
    with saying(said.append):
        return list(file_origin(path, **reading).heard(lambda _: True)), said


@pytest.mark.parametrize(("title", "record", "wanted"), RECORDS)
def test_a_form_is_known_and_its_columns_come_out_as_they_came(
    tmp_path: Path, title: str, record: dict[str, Any], wanted: tuple[Any, ...]
) -> None:
    (row,), (said,) = read(written(tmp_path / "a.jsonl", record))
    assert (row.instruction, row.response, row.system, len(row.messages)) == wanted
    assert f"read as {title}: 1 " in said
    out = row.to_dict()
    for name, value in record.items():
        assert out[name] == value, name
    own = {*Row.__struct_fields__}
    assert [n for n in out if n in record and n not in own] == [n for n in record if n not in own]
    (again,), heard = read(written(tmp_path / "b.jsonl", json.loads(row.to_json())))
    assert again.to_flat() == row.to_flat()  # an empty input is none
    assert heard == []


def test_every_form_can_be_named_and_is_told_where_it_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"quux": 1}, {"quux": 2})
    for name in FORMS:
        with pytest.raises(Misread, match=r"none of its rows can be .*this is not"):
            read(path, format=name, skip_bad=True)
    with pytest.raises(InputError, match=r"no format 'sharegbt'\. Did you mean 'sharegpt'"):
        read(path, format="sharegbt")
    rows, said = read(written(tmp_path / "b.jsonl", {"text": ASK, "label": "a"}), format="text")
    assert (rows[0].instruction, rows[0].extra["label"], said) == (ASK, "a", [])
    (row,), _ = read(written(tmp_path / "c.jsonl", {"instruction": ASK, "output": SAY}),
                     format="rows")  # fmt: skip
    assert (row.response, row.extra) == (None, {"output": SAY})


def test_a_file_of_two_forms_says_which_and_where(tmp_path: Path) -> None:
    mixed = written(
        tmp_path / "a.jsonl", {"conversations": TURNS}, {"prompt": ASK, "completion": SAY}
    )
    with pytest.raises(
        Misread, match=r"line 2: this is prompt and completion, and .*line 1 is Share"
    ):
        read(mixed)
    rows, _ = read(mixed, format="sharegpt", skip_bad=True)
    assert [row.status for row in rows] == ["pending", "failed"]
    plain = written(tmp_path / "b.jsonl", {"instruction": "Name a bird."}, {"conversations": TURNS})
    assert [row.instruction for row in read(plain)[0]] == ["Name a bird.", ASK]


def test_a_row_with_a_task_of_its_own_is_not_its_conversation(tmp_path: Path) -> None:
    record = {"instruction": "Name a bird.", "conversations": TURNS}
    (row,), _ = read(written(tmp_path / "a.jsonl", record))
    assert (row.instruction, row.response, row.messages) == ("Name a bird.", None, ())


def test_calls_of_functions_become_tool_calls(tmp_path: Path) -> None:
    call = json.dumps({"name": "tide", "arguments": {"at": "Brest"}})
    turns = [("human", "High tide?"), ("function_call", call), ("observation", "06:12"),
             ("gpt", "At 06:12.")]  # fmt: skip
    record = {"conversations": [{"from": who, "value": what} for who, what in turns]}
    (row,), _ = read(written(tmp_path / "a.jsonl", record))
    assert row.response == "At 06:12."
    assert [turn.role for turn in row.messages] == ["user", "assistant", "tool", "assistant"]
    called = row.messages[1].whole["tool_calls"][0]["function"]
    assert called == {"name": "tide", "arguments": '{"at": "Brest"}'}
    assert [turn.speaks for turn in row.messages] == [True, False, False, True]


CALLS = {"role": "assistant", "content": None, "tool_calls": [CALL]}
GAVE = {"role": "tool", "tool_call_id": "w1", "content": "06:12"}


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ({"from": "user", "content": ASK}, TURNS[1]),
        ({"role": "user", "value": ASK}, TURNS[1]),
        ({"from": "human", "value": ASK}, {"from": "gpt", "value": SAY}),
        ({"from": "human", "value": ASK, "weight": 0.5}, {"role": "AI", "content": SAY}),
        ({"role": "Human", "content": ASK}, {"role": "assistant", "content": SAY, "weight": 1}),
        (
            {"role": "user", "content": [{"type": "text", "text": ASK}]},
            {"role": "model", "content": SAY},
        ),
    ],
)
@pytest.mark.parametrize("between", [[], [CALLS, GAVE]])
def test_messages_under_other_names_are_written_so_that_they_can_be_read(
    tmp_path: Path, first: Any, last: Any, between: list[Any]
) -> None:
    (row,), _ = read(written(tmp_path / "a.jsonl", {"messages": [first, *between, last]}))
    assert (row.instruction, row.response) == (ASK, SAY)
    (again,), _ = read(written(tmp_path / "b.jsonl", row.to_flat()))
    assert again == row
    shown = [(turn["role"], turn["content"]) for turn in row.to_flat()["messages"]]
    assert (shown[0], shown[-1]) == (("user", ASK), ("assistant", SAY))
    weights = [turn.get("weight") for turn in (first, last)]
    assert [turn.whole.get("weight") for turn in (row.messages[0], row.messages[-1])] == weights


@pytest.mark.parametrize(
    ("turns", "told"),
    [
        ([{"from": "narrator", "value": "Once."}], "turn 1 is of 'narrator'"),
        ([{"from": "human", "value": 3}], "turn 1: a text was expected, not int"),
    ],
)
def test_a_turn_that_is_none_refuses_its_row(tmp_path: Path, turns: Any, told: str) -> None:
    path = written(tmp_path / "a.jsonl", {"conversations": turns}, {"conversations": TURNS})
    with pytest.raises(InputError, match=f"line 1: field 'conversations', {told}"):
        read(path)
    rows, said = read(path, skip_bad=True)
    assert [row.status for row in rows] == ["failed", "pending"]
    assert any("1 row is bad and passed by. The first:" in line and told in line for line in said)


def test_results_of_a_batch_keep_what_they_held(tmp_path: Path) -> None:
    came = {"status_code": 200, "body": {"choices": [{"message": TURNS[1]}]}}
    record = {"id": "r1", "custom_id": "q-1", "response": came, "error": None}
    (row,), _ = read(written(tmp_path / "a.jsonl", record))
    assert row.response == SAY
    assert row.extra == {"custom_id": "q-1", "error": None, "batch_response": came}
    with pytest.raises(Misread, match="which do not say what was asked"):
        list(file_origin(str(tmp_path / "a.jsonl")).heard(lambda row: row.instruction is not None))


@pytest.mark.parametrize(
    "none", ["<noinput>", "<No input>", "N/A", "No input required.", "none given"]
)
def test_inputs_that_say_that_there_is_none_are_none(tmp_path: Path, none: str) -> None:
    record = {"instruction": "Name a bird.", "input": none, "output": "Wren"}
    (row,), said = read(written(tmp_path / "a.jsonl", record))
    assert (row.input, row.asked, row.extra["input"]) == (None, "Name a bird.", none)
    assert any(f"'{none}' and the like in 'input'" in line for line in said)


@pytest.mark.parametrize("text", ["none of the above is right", "N/A is a fine answer", "input"])
def test_an_input_that_speaks_of_none_is_one(text: str) -> None:
    assert Row.from_dict({"instruction": "Explain.", "input": text}).input == text


def test_a_turn_of_a_table_is_json(tmp_path: Path) -> None:
    cell = json.dumps(TURNS).replace('"', '""')
    (tmp_path / "a.csv").write_text(f'n,conversations\n1,"{cell}"\n')
    (row,), said = read(str(tmp_path / "a.csv"))
    assert (row.instruction, row.response) == (ASK, SAY)
    assert "read as ShareGPT: 1 conversations" in said[0]


# --- commands ---


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[Any], str]:
    status = main(list(arguments))
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


CHAT = [
    {"id": "a", "conversations": [{"from": "human", "value": "How do bees find flowers?"},
                                  {"from": "gpt", "value": "Bees find flowers by their colour and "
                                   "scent, and tell the hive where they are by a dance."}]},
    {"id": "b", "conversations": [{"from": "human", "value": "How do bees find flowers?"},
                                  {"from": "gpt", "value": "By colour and by scent."}]},
    {"id": "c", "conversations": [{"from": "human", "value": "Name a moth."},
                                  {"from": "gpt", "value": "The hawk moth."}]},
]  # fmt: skip


def test_commands_read_conversations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "chat.jsonl", *CHAT)
    status, kept, err = ran(capsys, "dedup", path, "--method", "exact")
    assert (status, kept) == (0, [CHAT[0], CHAT[2]])  # as they stand there
    assert "read as ShareGPT: 3 conversations" in err
    status, rows, err = ran(capsys, "gate", path, "--no-embedder")
    assert status == 0
    assert err.count("read as ShareGPT: 3 conversations") == 1
    assert all(
        row["conversations"] == CHAT[row["id"] == "c" and 2]["conversations"] for row in rows
    )
    status, _, err = ran(capsys, "information-loss", path, "--original", "instruction",
                         "--evolved", "response", "--no-embedder")  # fmt: skip
    assert status == 0


def test_the_same_task_on_another_text_is_another_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["I loved it.", "It broke after a day.", "It is green."]
    rows = [{"instruction": "Label the review.", "input": text, "output": "x"} for text in said]
    path = written(tmp_path / "a.jsonl", *rows, rows[0])
    assert ran(capsys, "dedup", path, "--method", "exact")[1] == rows
    assert len({row.id for row in read(path)[0]}) == 4
    assert len({row.id.partition("-")[0] for row in read(path)[0]}) == 3


def test_an_empty_output_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {"instruction": "Name a bird.", "input": "", "output": "Wren"}
    path = written(
        tmp_path / "a.jsonl", good, {**good, "instruction": "Name a fish.", "output": ""}
    )
    bad = tmp_path / "bad.jsonl"
    assert main(["gate", path, "--no-embedder", "--rejects", str(bad)]) == 0
    capsys.readouterr()
    (row,) = map(json.loads, bad.read_text().splitlines())
    assert (row["instruction"], "empty" in str(row)) == ("Name a fish.", True)


@pytest.mark.parametrize(
    "record", [{"q": ASK, "a": SAY}, {"instruction": ""}, {"instruction": None}]
)
@pytest.mark.parametrize("command", ["gate", "report"])
def test_a_file_that_says_nothing_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], record: Mapping[str, Any], command: str
) -> None:
    path, out = written(tmp_path / "a.jsonl", record, {**record, "n": 2}), tmp_path / "out"
    extra = ["--no-embedder"] if command == "gate" else []
    assert main([command, path, "-o", str(out), *extra]) == 2
    assert not out.exists()
    assert len(capsys.readouterr().err.strip().splitlines()) <= 2
