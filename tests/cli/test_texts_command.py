"""``evolsynth texts``: from a folder of texts to rows about them, and self-instruct on texts."""

from __future__ import annotations

import io
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hashed_words import Hashed

from evolsynth.cli.main import main
from evolsynth.cli.texts.command import line, told
from evolsynth.data.files import read_rows
from evolsynth.evaluation.grounds.ground import GROUNDS, Ground
from evolsynth.llm.base import LLM, Completion, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.grounded.passages import passage_of
from evolsynth.methods.method import METHODS, Method
from evolsynth.pipeline import steps
from evolsynth.rows import Message, Row, derive_seed

NAMES = "heron fern moth otter kettle bridge".split()  # noqa: SIM905


def text_about(name: str, count: int = 6) -> str:
    said = (
        f"The {name} number {n} was found near the old mill in {1900 + n}, and it was then taken "
        f"to the town hall, where {n + 2} people looked after it for many a year."
        for n in range(count)
    )
    return f"# The {name}\n\n{' '.join(said)}\n"


async def facts(
    rows: AsyncIterator[Row],
    llm: LLM,
    *,
    each: int = 4,
    kinds: Mapping[str, float] | None = None,
    seed: int = 0,
) -> AsyncIterator[Row]:
    """A task for each of the first sentences.

    Args:
        each: of a text.
        kinds: by weight.
    """
    async for row in rows:
        if row.settled:
            yield row
            continue
        passage = passage_of(row)
        for number, place in enumerate(passage.sentences[:each]):
            request = Request(
                messages=(Message("user", f"{number} {row.id}"),),
                seed=derive_seed(seed, "facts", row.id, attempt=number),
                max_tokens=9,
            )
            await llm.complete(request)
            said = place.of(passage.text)
            _, name, _, which, *_ = said.split()
            kind = "year" if number % 2 else "place"
            yield Row.make(
                f"When was {name} number {which} found?",
                key=str(number),
                method="grounded",
                parents=(row.id,),
                response=said,
                provenance={
                    "instruction": {"kind": kind, "kinds": kinds},
                    "response": {"ground": {"kind": "sentence"}},
                },
            ).replace(extra=row.extra)


class Fake(Scripted):
    """Stands in for LlamaCpp."""

    asked = 0
    stop_at: int | None = None

    def __init__(self, model: str, **_: Any) -> None:
        super().__init__(self._answer, name=model)

    @classmethod
    def _answer(cls, request: Request) -> str | Completion:
        cls.asked += 1
        if cls.asked == cls.stop_at:
            signal.raise_signal(signal.SIGINT)
        return "yes"


@pytest.fixture(autouse=True)
def fakes(
    use_model: Callable[[Callable[..., LLM]], None],
    use_embedder: Callable[[Callable[[], Any]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[type[Fake]]:
    use_model(Fake)
    use_embedder(Hashed)
    METHODS.find("grounded")
    GROUNDS.find("sentence")
    toy = Method(
        shape="expand",
        name="grounded",
        function=facts,
        needs={"input": "text"},
        gives={"instruction": "text", "response": "text"},
    )
    monkeypatch.setitem(METHODS._things, "grounded", toy)
    stands = Ground("sentence", lambda row: None if str(row.response) in str(row.input) else "no")
    monkeypatch.setitem(GROUNDS._things, "sentence", stands)
    steps._made.cache_clear()
    Fake.asked, Fake.stop_at = 0, None
    yield Fake
    steps._made.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "texts"
    place.mkdir()
    for name in NAMES[:3]:
        (place / f"{name}.md").write_text(text_about(name), encoding="utf-8")
    return place


def test_rows_evenly_from_all_texts(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    assert main(["texts", str(folder), "-o", str(out), "-n", "9", "--seed", "3"]) == 0
    rows = list(read_rows(out / "accepted.jsonl"))
    assert Counter(row.extra["source"] for row in rows) == {f"{n}.md": 3 for n in NAMES[:3]}
    for row in rows:
        assert row.verdict is not None
        assert row.verdict.tier == "verified"
        assert row.response in row.extra["input"]
        assert row.extra["title"].startswith("The ")
    others = list(read_rows(out / "rejected.jsonl"))
    assert {r.verdict.reasons[0] for r in others if r.verdict} == {"surplus"}
    assert (out / "report.html").is_file()
    said = capsys.readouterr().out
    assert "3 passages to ask about" in said
    assert "9 of 9 rows, from 3 of 3 passages, 3 from each." in said
    assert f"{len(others)} more rows were right" in said
    assert "Rejected most often" not in said  # nothing was wrong with these


def test_what_came_of_it_as_json(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    assert main(["texts", str(folder), "-o", str(out), "-n", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["accepted"], told["passages"], told["tiers"]) == (3, 3, {"verified": 3})
    assert told["again"] == f"evolsynth texts {folder} -o {out} -n 3 --json"


def test_fewer_rows_than_asked_for_are_told_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fern.txt").write_text(text_about("fern", 3), encoding="utf-8")
    out = tmp_path / "mine"
    assert main(["texts", str(tmp_path / "fern.txt"), "-n", "30", "-o", str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "3 of 30 rows, from 1 of 1 passage: no more tasks could be made of these texts." in said


def test_the_same_command_goes_on_with_a_run_that_was_stopped(
    folder: Path, tmp_path: Path, fakes: type[Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main(["texts", str(folder), "-n", "9", "-o", str(whole)]) == 0
    every, fakes.asked, fakes.stop_at = fakes.asked, 0, 6
    again = ["texts", str(folder), "-n", "9", "-o", str(parts)]
    assert main(again) == 130
    assert "Go on with the same command" in capsys.readouterr().err
    fakes.asked, fakes.stop_at = 0, None
    assert main(again) == 0
    assert "Going on with the run" in capsys.readouterr().out
    assert fakes.asked < every
    for name in ("accepted.jsonl", "rejected.jsonl"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()


def test_a_run_remembers_all_that_was_typed(
    folder: Path, tmp_path: Path, fakes: type[Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    """Kinds and seed, too: without them the same rows would not be made again."""
    out = tmp_path / "mine"
    typed = ["texts", str(folder), "--kinds", "year=2,place=1", "--seed", "3", "-n", "9", "-o"]
    fakes.asked, fakes.stop_at = 0, 6
    assert main([*typed, str(out)]) == 130
    capsys.readouterr()
    assert main(["run", str(out)]) == 1
    said = capsys.readouterr().err
    assert "goes on when it is typed again: evolsynth texts" in said
    assert "--kinds year=2,place=1 --seed 3 -n 9 -o" in said
    fakes.asked, fakes.stop_at = 0, None
    assert main([*typed, str(out)]) == 0
    assert "--kinds year=2,place=1 --seed 3 -n 9" in (out / "report.html").read_text("utf-8")


def test_kinds_by_weight_reach_the_method(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    given = ["--kinds", "year=2,place=1", "-n", "3", "-o", str(out)]
    assert main(["texts", str(folder), *given]) == 0
    (first, *_) = read_rows(out / "accepted.jsonl")
    assert first.provenance["instruction"]["kinds"] == {"year": 2.0, "place": 1.0}


def test_a_text_by_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    came = io.TextIOWrapper(io.BytesIO(text_about("otter").encode()))
    monkeypatch.setattr(sys, "stdin", came)
    assert main(["texts", "-", "-n", "2", "-o", str(tmp_path / "mine")]) == 0
    rows = list(read_rows(tmp_path / "mine" / "accepted.jsonl"))
    assert [row.extra["source"] for row in rows] == ["standard input"] * 2


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["none.md"], "none.md: no such file"),
        (["empty"], "empty: no text in this folder"),
        (["bad.txt", "good.md"], "bad.txt: not UTF-8 text"),
        (["good.md", "-o", "good.md"], "good.md"),
    ],
)
def test_what_is_wrong_is_told_before_a_model_is_loaded(
    arguments: list[str],
    what: str,
    in_folder: Path,
    use_model: Callable[[Callable[..., LLM]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def unwanted(model: str, **_: Any) -> LLM:
        raise AssertionError(model)

    use_model(unwanted)
    (in_folder / "empty").mkdir()
    (in_folder / "bad.txt").write_bytes(b"\xff")
    (in_folder / "good.md").write_text(text_about("otter"))
    assert main(["texts", *arguments]) == 1
    said = capsys.readouterr().err
    assert what in said
    assert "Traceback" not in said


def test_it_goes_on_without_bad_texts_if_told(in_folder: Path) -> None:
    (in_folder / "bad.txt").write_bytes(b"\xff")
    (in_folder / "good.md").write_text(text_about("otter"))
    assert main(["texts", ".", "-n", "2", "-o", "mine", "--skip-bad"]) == 0
    assert len(list(read_rows("mine/accepted.jsonl"))) == 2
    assert [row.status for row in read_rows("mine/failed.jsonl")] == ["failed"]


def test_how_many_tasks_are_made_of_each_passage(folder: Path) -> None:
    source = steps.texts(str(folder))
    for rows, passages, each in ((50, 8, 11), (50, 500, 2), (1, 1, 3)):
        made = line(source, rows, passages).nodes()[1].step
        assert made.parameters == {"each": each}
    made = line(source, 5, 1, {"year": 1.0}).nodes()[1].step
    assert made.parameters["kinds"] == {"year": 1.0}


def test_what_is_said_of_shares() -> None:
    rows = [Row.make("When?", key=str(n), extra={"source": str(n % 2)}) for n in range(3)]
    assert told(rows, [], 3, 2) == "3 of 3 rows, from 2 of 2 passages, 1 to 2 from each."
    refused = [Row.make("Who?").reject("unverified"), Row.make().reject("text_exhausted")]
    assert told([], refused, 3, 2) == (
        "0 of 3 rows, from 0 of 2 passages: no more tasks could be made of these texts, and 1 more "
        "did not come through the checks. Give more or longer texts."
    )


# --- self-instruct on texts ---


class Asker(Scripted):
    """A large model that asks about whatever it is shown."""

    def __init__(self, model: str, **_: Any) -> None:
        super().__init__(lambda _: "Where was it found?\nWho looked after it?", name=model)


@pytest.mark.parametrize("given", ["texts", "texts/*.md", "texts/fern.md"])
def test_queries_from_a_folder_of_texts_keep_their_passages(
    given: str,
    folder: Path,
    in_folder: Path,
    use_model: Callable[[Callable[..., LLM]], None],
) -> None:
    use_model(Asker)
    asked = ["self-instruct", given, "--num-instructions", "2", "--prompts", "classic"]
    assert main([*asked, "-o", "out.jsonl"]) == 0
    rows = [json.loads(text) for text in Path("out.jsonl").read_text().splitlines()]
    count = 1 if given.endswith("fern.md") else 3
    assert len(rows) == 2 * count
    for row in rows:
        assert row["instruction"] in ("Where was it found?", "Who looked after it?")
        name = row["source"].removesuffix(".md")
        assert row["title"] == f"The {name}"
        assert row["input"].startswith(f"The {name} number 0 was found")
        assert row["place"][1] - row["place"][0] == len(row["input"])
