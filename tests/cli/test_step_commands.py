"""``evolsynth generate``, ``respond`` and ``preference``: files in, files out, what they refuse."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from written_rows import whole_row

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import RequestError
from evolsynth.llm.base import LLM, Request
from evolsynth.llm.scripted import Scripted

LAKES = ["Lake Geneva lies in Switzerland and France.", "Lake Como lies in Italy, near Milan."]
BAD = "I'm sorry, but I can't help with that."


def answer(request: Request) -> str | RequestError:
    """Questions, and answers of which some decline."""
    prompt = str(request.prompt)
    if "Ask a question" in prompt:
        return "Where is Lake Como?"
    if "too long" in prompt:
        return RequestError("The request needs 900 tokens and a slot has 512.")
    return [*LAKES, BAD][request.seed % 3]


class Fake(Scripted):
    """Stands in for LlamaCpp; long responses are likely, and the judge loves them."""

    def __init__(self, model: str) -> None:
        super().__init__(answer, name=model, scores=self._how_likely)

    @staticmethod
    def _how_likely(before: str, text: str) -> float:
        if text.strip().isdecimal():  # a level
            return 0.0 if (text.strip() == "6") == ("Switzerland" in before) else -9.0
        return -1.0 if "Where is" in before and "Switzerland" in text else -2.0


@pytest.fixture(autouse=True)
def fake(use_model: Callable[[Callable[..., LLM]], None]) -> None:
    use_model(Fake)


def written(path: Path, *lines: object) -> str:
    text = "".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines)
    path.write_text(text, encoding="utf-8")
    return str(path)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [whole_row(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_a_question_then_its_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions, out = tmp_path / "questions.jsonl", tmp_path / "out.jsonl"
    ask = ["generate", "-n", "3", "--prompt", "Ask a question about lakes.", "-o", str(questions)]
    assert main(ask) == 0
    reply = ["generate", str(questions), "--prompt", "{{ instruction }}", "-o", str(out)]
    assert main([*reply, "--output-field", "response"]) == 0
    rows = list(read_rows(out))
    assert [r.instruction for r in rows] == ["Where is Lake Como?"] * 3
    assert all(r.response in (*LAKES, BAD) for r in rows)
    assert "3 rows = 3 accepted + 0 rejected + 0 failed" in told(capsys)


def test_the_prompt_from_a_file_a_raw_one_and_a_grammar(tmp_path: Path) -> None:
    data = written(tmp_path / "in.jsonl", {"topic": "tea"})
    prompt = written(tmp_path / "prompt.txt", "Topic: {{ topic }}")
    grammar = written(tmp_path / "g.gbnf", 'root ::= "a"')
    out = tmp_path / "out.jsonl"
    arguments = [
        "generate",
        data,
        "--prompt",
        f"@{prompt}",
        "--no-chat",
        "--stop",
        "\n",
        "--stop",
        "Q",
    ]
    arguments += [
        "--grammar",
        f"@{grammar}",
        "--prefix",
        "So ",
        "--output-field",
        "x",
        "-o",
        str(out),
    ]
    assert main(arguments) == 0
    (row,) = read_rows(out)
    assert row.extra["x"].startswith("So ")
    made = row.provenance["x"]
    assert (made["prompt"], made["chat"], made["stop"]) == (
        "Topic: {{ topic }}\n",
        False,
        ["\n", "Q"],
    )
    assert made["grammar"] == 'root ::= "a"\n'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prompt", "Ask."], "has no n and the run no budget"),
        (["-n", "3"], "Give --prompt."),
        (["IN", "-n", "3", "--prompt", "Ask."], "-n goes without IN"),
        (["-n", "3", "--prompt", "{{ x"], "does not parse"),
        (["-n", "3", "--prompt", "{{ x }}"], "asks for the field 'x', but there are no rows"),
        (["-n", "3", "--prompt", "Ask.", "--output-field", "id"], "no place for a text"),
        (["none.jsonl", "--prompt", "Ask."], "none.jsonl: no such file"),
    ],
)
def test_generate_says_what_it_needs(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["generate", *arguments]) == 1
    assert message in told(capsys)


def test_a_prompt_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["generate", "-n", "3", "--prompt", "@none.txt"])
    assert caught.value.code == 2
    assert "argument --prompt: none.txt: cannot be read" in told(capsys)


def test_samples_of_each_row(tmp_path: Path) -> None:
    data = written(tmp_path / "in.jsonl", {"instruction": "Where is it?", "mine": 1})
    out = tmp_path / "out.jsonl"
    assert main(["respond", data, "-o", str(out), "--samples", "3", "--system", "Be kind."]) == 0
    (row,) = lines_of(out)
    assert len(row["responses"]) == 3
    assert row["response"] == row["responses"][0]["response"]
    assert row["mine"] == 1
    assert row["provenance"]["response"]["system"] == "Be kind."


@pytest.mark.parametrize("command", ["respond", "preference"])
def test_a_bad_line_ends_the_run_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    data = written(tmp_path / "in.jsonl", {"instruction": "Where is it?"}, '{"instruction": ')
    out = tmp_path / "out.jsonl"
    assert main([command, data, "-o", str(out)]) == 1
    assert f"{data}, line 2: not JSON" in told(capsys)
    assert not out.exists()


def test_or_the_rest_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ({"instruction": ""}, {"instruction": "Where?"}, "x", {"instruction": "too long"})
    data = written(tmp_path / "in.jsonl", *lines)
    out, rejects = tmp_path / "out.jsonl", tmp_path / "rejects.jsonl"
    places = ["-o", str(out), "--rejects", str(rejects)]
    assert main(["respond", data, *places, "--skip-bad", "--prompt", "null"]) == 1
    assert [row["instruction"] for row in lines_of(out)] == ["Where?"]
    steps = [row["failure"]["step"] for row in lines_of(rejects)]
    assert steps == ["read", "read", "respond"]
    err = told(capsys)
    assert f"{data}, line 1, field 'instruction': the text is empty." in err
    assert "4 rows = 1 accepted + 0 rejected + 3 failed" in err


def test_refused_rows_stay_among_the_others_where_that_is_wanted(tmp_path: Path) -> None:
    data = written(tmp_path / "in.jsonl", {"instruction": "too long"}, {"instruction": "Where?"})
    out = tmp_path / "out.jsonl"
    assert main(["respond", data, "-o", str(out), "--all"]) == 1
    assert [row.status for row in read_rows(out)] == ["failed", "pending"]


def test_standard_streams(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = b'{"instruction": "Where is it?"}\n{"instruction": "Where was it?"}\n'
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    assert main(["respond", "-", "-o", "-"]) == 0
    rows = [whole_row(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["instruction"] for row in rows] == ["Where is it?", "Where was it?"]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    data = written(tmp_path / "in.jsonl", *({"instruction": f"Where is {i}?"} for i in range(9)))
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert main(["respond", data, "-o", str(tmp_path / name), "--seed", seed]) == 0
    texts = [(tmp_path / name).read_bytes() for name in "abc"]
    assert texts[0] == texts[1] != texts[2]


def question(*responses: str, **fields: object) -> dict[str, object]:
    return {"instruction": "Where is Lake Geneva?", "responses": list(responses), **fields}


@pytest.mark.parametrize("score", ["rules", "judge", "ifd"])
def test_pairs_by_each_score(tmp_path: Path, score: str) -> None:
    data = written(tmp_path / "in.jsonl", question(BAD, LAKES[0], id="1"))
    out = tmp_path / "dpo.jsonl"
    assert main(["preference", data, "-o", str(out), "--score", score]) == 0
    assert lines_of(out) == [
        {
            "prompt": [{"role": "user", "content": "Where is Lake Geneva?"}],
            "chosen": [{"role": "assistant", "content": LAKES[0]}],
            "rejected": [{"role": "assistant", "content": BAD}],
        }
    ]


def test_rows_without_a_pair_go_to_the_rejects_with_their_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (question(*LAKES), question(BAD, BAD, BAD), question(LAKES[0]), question(BAD, ""))
    data = written(tmp_path / "in.jsonl", *lines)
    out, rejects = tmp_path / "dpo.jsonl", tmp_path / "rejects.jsonl"
    assert main(["preference", data, "-o", str(out), "--rejects", str(rejects)]) == 1
    assert lines_of(out) == []
    refused = list(read_rows(rejects))
    reasons = [row.verdict.reasons[0] if row.verdict else row.status for row in refused]
    assert reasons == ["tie", "same_response", "failed", "no_good_response"]
    err = told(capsys)
    assert "4 rows = 0 accepted + 3 rejected + 1 failed" in err
    assert "tie: The scores of the best" in err


def test_two_files_are_two_models(tmp_path: Path) -> None:
    asked = [f"Where is Lake {i}?" for i in range(3)]
    one = written(tmp_path / "a.jsonl", *({"instruction": q, "response": BAD} for q in asked))
    lines = ({"instruction": q, "response": LAKES[0]} for q in reversed(asked))
    other = written(tmp_path / "b.jsonl", *lines)
    out = tmp_path / "dpo.jsonl"
    assert main(["preference", one, other, "-o", str(out), "--format", "standard"]) == 0
    assert lines_of(out) == [
        {"prompt": f"{q}\n\n", "chosen": LAKES[0], "rejected": BAD} for q in asked
    ]
    assert main(["preference", one, other, "-o", str(out), "--format", "rows"]) == 0
    assert [row.scores["chosen"] for row in read_rows(out)] == [0.0] * 3


def test_standard_input_cannot_be_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preference", "-", "-"]) == 1
    assert "Standard input can be read once only" in told(capsys)


@pytest.mark.parametrize(
    "text", ["\\ud800 alone", "nul \\u0000 byte", "{{ 1/0 }} {% raw %}", "two\\u2028lines"]
)
def test_strange_texts_come_through_as_they_are(tmp_path: Path, text: str) -> None:
    """Half a surrogate pair, which some tools write, is no reason for a traceback."""
    data = written(tmp_path / "in.jsonl", f'{{"instruction": "{text}"}}')
    samples, out = tmp_path / "s.jsonl", tmp_path / "out.jsonl"
    assert main(["respond", data, "-o", str(samples), "--samples", "2"]) == 0
    prompt = ["--prompt", "Say: {{ instruction }}", "--output-field", "said"]
    assert main(["generate", str(samples), "-o", str(out), *prompt]) == 0
    assert lines_of(out)[0]["instruction"] == json.loads(f'"{text}"')
    assert main(["preference", str(out), "-o", str(tmp_path / "dpo.jsonl")]) == 0
