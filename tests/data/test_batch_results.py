"""A batch's results beside its requests: joined by `custom_id`, with all turns in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.data.open import file_origin, origin
from evolsynth.doing import saying
from evolsynth.errors import InputError, Misread
from evolsynth.rows import Row

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Name a river in Prague."},
    {"role": "assistant", "content": "The Vltava."},
    {"role": "user", "content": "Where does it end?"},
]


def request(name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}


def result(name: str, text: str | None, **more: Any) -> dict[str, Any]:
    turn = {"role": "assistant", "content": text, **more}
    body = {"choices": [{"index": 0, "message": turn}]}
    return {"id": f"r-{name}", "custom_id": name, "error": None,
            "response": {"status_code": 200, "body": body}}  # fmt: skip


REQUESTS = [
    request("a", {"messages": [{"role": "user", "content": "Name a bay in Canada."}]}),
    request("b", {"messages": TALK}),
    request("c", {"input": "Name a cape.", "instructions": "Be kind."}),
    request("d", {"messages": [{"role": "user", "content": "Find it."}], "tools": []}),
]
CALL = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
RESULTS = [
    result("c", "Cape Cod."),
    result("a", "The Bay of Fundy."),
    result("b", "In the Elbe."),
    result("d", None, tool_calls=[CALL]),
]


def written(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return str(path)


@pytest.fixture
def requests(tmp_path: Path) -> str:
    return written(tmp_path / "requests.jsonl", REQUESTS)


@pytest.fixture
def results(tmp_path: Path) -> str:
    return written(tmp_path / "results.jsonl", RESULTS)


def read(path: str, **reading: Any) -> list[Row]:
    return list(file_origin(path, **reading).heard(lambda row: bool(row.instruction)))


def test_results_are_rows_with_what_was_asked(requests: str, results: str) -> None:
    c, a, b, d = read(results, requests=requests)
    assert (a.instruction, a.response) == ("Name a bay in Canada.", "The Bay of Fundy.")
    assert (c.instruction, c.system, c.response) == ("Name a cape.", "Be kind.", "Cape Cod.")
    assert (b.instruction, b.response) == ("Name a river in Prague.", "The Vltava.")
    assert b.system == "Be brief."
    assert [turn.content for turn in b.messages][2:] == [
        "The Vltava.", "Where does it end?", "In the Elbe.",
    ]  # fmt: skip
    assert d.messages[-1].whole["tool_calls"] == [CALL]
    assert a.extra["custom_id"] == "a"
    assert a.extra["batch_response"]["status_code"] == 200


def test_a_pipeline_reads_them_in_the_same_way(requests: str, results: str) -> None:
    rows = list(origin(results, requests=requests))
    assert rows == read(results, requests=requests)


def test_commands_join_them_and_write_results_as_they_came(
    requests: str, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    told = [results, "--requests", requests, "-o", str(out)]
    assert main(["dedup", *told, "--method", "exact"]) == 0
    assert out.read_bytes() == Path(results).read_bytes()
    assert main(["gate", *told, "--no-embedder"]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert "Name a bay in Canada." in [row["instruction"] for row in rows]
    assert main(["dedup", results, "--requests", results]) == 1
    assert "this is no request of a batch" in capsys.readouterr().err


def test_results_alone_say_what_is_missing(
    results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Misread, match=r"what was asked\. Name the file .* --requests FILE"):
        read(results)
    assert main(["gate", results, "--no-embedder"]) == 2
    assert "--requests FILE" in capsys.readouterr().err


def test_a_result_without_its_request_refuses_itself(requests: str, tmp_path: Path) -> None:
    path = written(tmp_path / "more.jsonl", [result("zz", "Who knows."), *RESULTS])
    with pytest.raises(InputError, match=r"line 1: no request has the custom_id 'zz'"):
        read(path, requests=requests)
    rows = read(path, requests=requests, skip_bad=True)
    assert [row.status for row in rows] == ["failed", *["pending"] * 4]


def test_requests_without_a_result_are_told(requests: str, tmp_path: Path) -> None:
    said: list[str] = []
    path = written(tmp_path / "some.jsonl", RESULTS[:2])
    with saying(said.append):
        assert len(read(path, requests=requests)) == 2
    assert f"{path}: 2 requests have no result here: b, d." in said


def test_what_failed_is_a_row_without_a_response(requests: str, tmp_path: Path) -> None:
    failed = {"id": "r", "custom_id": "a", "response": None, "error": {"code": "expired"}}
    (row,) = read(written(tmp_path / "errors.jsonl", [failed]), requests=requests)
    assert (row.instruction, row.response) == ("Name a bay in Canada.", None)
    assert row.extra["error"] == {"code": "expired"}


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([REQUESTS[0], REQUESTS[0]], "line 2: the custom_id 'a' stands there twice"),
        ([{"instruction": "Name a bay."}], "line 1: this is no request of a batch"),
        ([request("a", {"model": "m"})], "line 1: this is no request of a batch"),
    ],
)
def test_bad_requests_are_named(
    records: list[dict[str, Any]], told: str, results: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "bad.jsonl", records)
    with pytest.raises(InputError, match=told):
        file_origin(results, requests=path)


def test_what_is_no_result_is_told(requests: str, tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", [{"instruction": "Name a bay."}])
    with pytest.raises(InputError, match="line 1: this is no result of a batch"):
        read(path, requests=requests)
    with pytest.raises(InputError, match="Leave out format"):
        file_origin(path, requests=requests, format="alpaca")
    with pytest.raises(InputError, match="nothing\\.jsonl: no such file"):
        file_origin(path, requests="nothing.jsonl")
