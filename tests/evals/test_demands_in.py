"""Prompts with labelled demands: the data are whole, and what is found in them stays right."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from evals.__main__ import main
from evals.demands_in import Prompt, measure, read_prompts
from evolsynth.errors import InputError
from evolsynth.evaluation.demands import Demand

DATA = Path("evals/data/demands_in.jsonl")


def test_every_label_is_a_demand_and_no_prompt_is_there_twice() -> None:
    prompts = read_prompts(DATA)
    assert len({one.prompt for one in prompts}) == len({one.id for one in prompts}) == len(prompts)
    assert sum(not one.demands for one in prompts) >= 80
    for one in prompts:
        for each in one.demands:
            assert Demand.read(each).to_dict() == each, one.id


@pytest.mark.parametrize("part", ["dev", "second", "third", "held-out"])
def test_precision_and_recall_do_not_fall(part: str) -> None:
    found = measure([one for one in read_prompts(DATA) if one.part == part])
    assert found.precision >= 0.98, found.told
    assert found.recall >= 0.96, found.told
    assert found.alarmed == 0, found.told


def test_what_is_missed_and_false_is_counted_and_told() -> None:
    prompts = [
        Prompt("a", "dev", "chat", "Use at most 9 words.", [{"kind": "words_at_most", "n": 8}]),
        Prompt("b", "dev", "chat", "Use at most 9 words.", []),
        Prompt("c", "dev", "chat", "Use at most 9 words.", [{"kind": "words_at_most", "n": 9}]),
    ]
    found = measure(prompts)
    assert (found.right, found.missed, found.false) == (1, 1, 2)
    assert (found.exact, found.bare, found.alarmed) == (1, 1, 1)
    assert found.kinds == {"words_at_most": (1, 1, 2)}
    assert [one.split()[0] for one in found.told] == ["missed", "FALSE", "FALSE"]


def test_the_program_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "figures.json"
    assert main(["demands-in", "--part", "held-out", "--json", str(place)]) == 0
    assert "held-out: " in capsys.readouterr().out
    assert msgspec.json.decode(place.read_bytes())["prompts"] > 50


def test_a_file_that_holds_no_prompts_is_told_of(tmp_path: Path) -> None:
    place = tmp_path / "bad.jsonl"
    place.write_text("{}\n")
    with pytest.raises(InputError, match=r"bad\.jsonl"):
        read_prompts(place)
