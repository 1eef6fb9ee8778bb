"""``evolsynth magpie`` and ``compare-systems``: options, files of system prompts, the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from evolsynth.cli.compare import _read, compare
from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.base import LLM, Request
from evolsynth.llm.scripted import Scripted

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = ("bees", "hive", "honey", "cook", "recipe", "poem", "history", "law")


class Counted:
    """Stands in for MiniLM: how often each of a few words is there."""

    name = "counted"

    def load(self) -> None:
        """Nothing to load."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        out = np.full((len(texts), len(WORDS) + 64), 1e-3, dtype=np.float32)
        for i, text in enumerate(texts):
            out[i, len(WORDS) + sum(text.encode()) % 64] = 0.2
            for j, word in enumerate(WORDS):
                out[i, j] += text.lower().count(word)
        return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True), dtype=np.float32)


def answer(request: Request) -> str:
    """About bees, if the system prompt is of the kind that helps."""
    text = str(request.prompt)
    if not text.endswith("<|im_start|>user\n"):
        return f"It is because of wind number {request.seed % 997}, which turns at noon each day."
    about = "bees and their hive" if "helps" in text and request.seed % 4 else "poem"
    return f" matter {request.seed % 9973} of the {about} so old?"


class Fake(Scripted):
    """Stands in for LlamaCpp."""

    def __init__(self, model: str) -> None:
        super().__init__(answer, name=model)


@pytest.fixture(autouse=True)
def fakes(
    use_model: Callable[[Callable[..., LLM]], None],
    use_embedder: Callable[[Callable[[], Any]], None],
) -> None:
    use_model(Fake)
    use_embedder(Counted)


def run(*arguments: str) -> int:
    return main(["magpie", *arguments])


def compare_files(*arguments: str) -> int:
    return main(["compare-systems", *arguments])


# Rows ---------------------------------------------------------------------------------------------


def test_several_turns_are_written_as_messages(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    assert run("-n", "4", "--n-turns", "2", "--end-with-user", "--all", "-o", str(out)) == 0
    rows = list(read_rows(out))
    assert len(rows) == 4
    kept = [row for row in rows if row.status == "accepted"]
    assert kept
    assert all([m.role for m in r.messages] == ["user", "assistant", "user"] for r in kept)


def test_a_topic_rejects_what_misses_it(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    options = ["--topic", "bees: hive, honey", "--candidates", "1", "--only-instruction"]
    system = ["--all", "--system-prompt", "An assistant that helps users with bees."]
    assert run("-n", "16", *options, *system, "-o", str(out)) == 0
    rows = list(read_rows(out))
    off = [r for r in rows if r.verdict and "off_topic" in r.verdict.reasons]
    assert 0 < len(off) < 16
    assert all("poem" in (row.instruction or "") for row in off)


def test_system_prompts_of_a_file_are_drawn_from(tmp_path: Path) -> None:
    file, out = tmp_path / "systems.yaml", tmp_path / "rows.jsonl"
    file.write_text("bees: [You help with bees., 0.5]\nlaw: [You help with law., 0.5]\n")
    systems = ["--system-prompt", f"@{file}"]
    assert run("-n", "20", *systems, "--only-instruction", "--all", "-o", str(out)) == 0
    assert {row.extra["system_prompt_key"] for row in read_rows(out)} == {"bees", "law"}


def test_a_prompt_that_has_the_assistant_ask_is_answered_with_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "rows.jsonl")
    assert run("-n", "1", "--system-prompt", "An AI that generates math problems.", "-o", out) == 0
    assert '"... that helps users' in capsys.readouterr().err
    assert run("-n", "1", "--system-prompt", "An AI that helps with maths.", "-o", out) == 0
    assert "Hint" not in capsys.readouterr().err


def test_the_papers_own_magpie(tmp_path: Path) -> None:
    """No first words, and one draw for each row."""
    out = tmp_path / "rows.jsonl"
    options = ["--openings", "", "--candidates", "1", "--only-instruction", "--all"]
    assert run("-n", "6", *options, "-o", str(out)) == 0
    rows = list(read_rows(out))
    assert len(rows) == 6
    prefixes = {row.provenance["instruction"].get("prefix", "") for row in rows}
    assert prefixes == {""}
    file = tmp_path / "paper.yaml"
    file.write_text(
        'steps:\n  - magpie: {n: 6, openings: [""], candidates: 1}\n  - gate\n', encoding="utf-8"
    )
    assert main(["run", str(file), "-o", str(tmp_path / "run"), "--no-report"]) == 0
    again = [row for name in ("accepted", "rejected")
             for row in read_rows(tmp_path / "run" / f"{name}.jsonl")]  # fmt: skip
    assert {row.instruction for row in again} == {row.instruction for row in rows}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--n-turns", "2", "--only-instruction"], "contradict each other"),
        (["--topic", " "], "The topic is empty"),
        (["--all", "--rejects", "x.jsonl"], "--all and --rejects exclude each other"),
        (["--gate", "gate.yaml", "--no-gate"], "--gate and --no-gate exclude each other"),
        (["-o", "x.jsonl", "--rejects", "./x.jsonl"], "are one place"),
        (["--system-prompt", ""], "system_prompt is empty"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_traceback(
    in_folder: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-n", "2", *arguments) == 1
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--n-turns", "0"], "argument --n-turns: it must be 1 or more."),
        (["--system-prompt", "@nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--minutes", "soon"], "argument --minutes: "),
        (["--stall", "-1"], "argument --stall: it must be 0 or more."),
        (["--gate", "{instruction_language: xx}"], "instruction_language is 'xx'"),
        (["--xml"], "unrecognized arguments: --xml"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_flag(
    in_folder: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run("-n", "2", *arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


# Files of system prompts --------------------------------------------------------------------------


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("a.yaml", "one: You help.\ntwo: You teach.\n", {"one": "You help.", "two": "You teach."}),
        ("a.json", '{"one": "You help."}', {"one": "You help."}),
        ("a.yml", "- You help.\n- You teach.\n", {"1": "You help.", "2": "You teach."}),
        ("a", '["You help."]', {"1": "You help."}),
        (
            "a.txt",
            "You help: gladly.\n\n  You teach.\n",
            {"1": "You help: gladly.", "2": "You teach."},
        ),
        ("a.yaml", "one: [You help., 1.0]\n", {"one": "You help."}),
    ],
)
def test_names_and_texts_are_read(
    tmp_path: Path, name: str, text: str, read: dict[str, str]
) -> None:
    assert _read(written(tmp_path, name, text)) == read


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "one: [You help", "line 1, column 15: not YAML"),
        ("a.yaml", "42", "a text or a mapping or a list .* was expected, not a whole number"),
        ("a.yaml", "one: 42", "in one of its values, a text or a list was expected"),
        ("a.yaml", "one: [x, 0.2]\ntwo: [y, 0.2]", "sum to 0.4"),
        ("a.yaml", "one: ''", "'one' is empty"),
        ("a.txt", "\n\n", "holds no text"),
    ],
)
def test_what_cannot_be_read_names_the_file(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(InputError, match=said) as caught:
        _read(path)
    assert str(caught.value).startswith(path)


# The comparison -----------------------------------------------------------------------------------

PROMPTS = {
    "helps": "You are an AI that helps users with bees, hive and honey.",
    "generates": "You are an AI that generates questions about bees, hive and honey.",
}


def test_the_table_has_the_best_first_and_the_hint_below(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "prompts.json", json.dumps(PROMPTS))
    assert compare_files(file, "-n", "24", "--topic", "bees: hive, honey") == 0
    out = capsys.readouterr().out
    assert out.index("helps") < out.index("generates")
    assert "generates: " in out
    assert '"... that helps users solve ..." steers better' in out
    assert "Topic: bees: hive, honey" in out


def test_json_has_every_figure_and_nothing_else_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "prompts.json", json.dumps(PROMPTS))
    assert compare_files(file, "-n", "24", "--topic", "bees: hive, honey", "--json") == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)["prompts"]}
    assert found["helps"]["on_topic"] > 0.5 > found["generates"]["on_topic"]
    assert found["helps"]["drawn"] == found["generates"]["drawn"] == 24
    assert found["helps"]["size"] == found["generates"]["size"]
    assert (found["helps"]["hint"], found["generates"]["hint"] is None) == (None, False)


def test_what_cannot_be_compared_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare_files("nowhere.yaml", "-n", "2") == 1
    assert "nowhere.yaml: cannot be read" in capsys.readouterr().err
    assert compare_files("nowhere.yaml", "-n", "0") == 1
    assert "nothing can be compared" in capsys.readouterr().err


async def draws(**options: Any) -> list[Request]:
    llm = Scripted(answer)
    await compare(PROMPTS, llm, Counted(), Gate(), n=5, seed=3, **options)
    return llm.requests


async def test_every_prompt_gets_the_same_seeds_and_first_words() -> None:
    requests = await draws()
    assert len(requests) == 10
    pairs = zip(requests[:5], requests[5:], strict=True)
    assert all(a.seed == b.seed and a.prefix == b.prefix for a, b in pairs)


async def test_without_a_topic_each_prompt_is_held_to_what_it_says_of_itself() -> None:
    found = await compare(PROMPTS, Scripted(answer), Counted(), Gate(), n=8, seed=3)
    assert [one.topic for one in found] == [
        "bees, hive and honey",
        "questions about bees, hive and honey",
    ]


async def test_a_prompt_under_which_nothing_is_accepted_has_no_shares() -> None:
    found = await compare(PROMPTS, Scripted(lambda _: ""), Counted(), Gate(), n=3, seed=3)
    assert all(one.on_topic is not None or one.accepted == 0 for one in found)
    assert all(one.useful == 0 for one in found if one.accepted == 0)
