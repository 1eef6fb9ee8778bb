"""Seed tasks: those that ship, and a file of the user's own."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from evolsynth.data.files import read_objects
from evolsynth.errors import InputError
from evolsynth.evaluation.text.rouge import rouge_l
from evolsynth.methods.self_instruct.pool import SeedTask, read_seeds, shipped_seeds
from evolsynth.prompts import load_prompt, prompt_names

ROOT = Path(__file__).parents[3]
SEEDS = shipped_seeds()


def test_there_are_at_least_sixty_whole_ones() -> None:
    assert len(SEEDS) >= 60
    assert all(seed.instruction and seed.output for seed in SEEDS)


def test_they_are_varied() -> None:
    assert 10 <= sum(seed.is_classification for seed in SEEDS) <= len(SEEDS) / 2
    assert len(SEEDS) / 3 <= sum(bool(seed.input) for seed in SEEDS) <= len(SEEDS) * 2 / 3
    first_words = [seed.instruction.split()[0] for seed in SEEDS]
    assert len(set(first_words)) > len(SEEDS) / 2
    assert max(map(first_words.count, first_words)) <= 6


def test_no_two_are_worded_alike() -> None:
    closest = max(rouge_l(a.instruction, b.instruction) for a, b in combinations(SEEDS, 2))
    assert closest < 0.7


def test_none_stands_in_a_set_or_a_prompt_of_this_project() -> None:
    others = {
        str(value).strip().lower()
        for path in (ROOT / "evals" / "data").glob("*.jsonl")
        for _, data in read_objects(path)
        for value in data.values()
    }
    shown = [example for name in prompt_names() for example in load_prompt(name).examples]
    others |= {str(text).strip().lower() for example in shown for text in example.values()}
    assert len(others) > 1000
    assert [s.instruction for s in SEEDS if s.instruction.lower() in others] == []


def written(folder: Path, lines: list[Any]) -> Path:
    path = folder / "seeds.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_file_of_ones_own_in_both_forms(tmp_path: Path) -> None:
    instance = {"input": "a b", "output": "b a"}
    lines: list[dict[str, Any]] = [{"instruction": f" Name river {i}. "} for i in range(7)]
    lines.append({"instruction": "Turn it round.", "instances": [instance, {"input": "c"}]})
    seeds = read_seeds(written(tmp_path, lines))
    assert seeds[0] == SeedTask("Name river 0.")
    assert seeds[7] == SeedTask("Turn it round.", "a b", "b a", is_classification=False)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"input": "x"}, "line 2, field 'instruction': there is no text"),
        ({"instruction": "  "}, "line 2, field 'instruction': there is no text"),
        ({"instruction": 3}, "line 2, field 'instruction': a text was expected"),
        ({"instruction": "x", "output": []}, "line 2, field 'output': a text was expected"),
        ({"instruction": "x", "is_classification": "no"}, "field 'is_classification': give true"),
        ([1], "line 2: a JSON object was expected"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: Any, message: str) -> None:
    path = written(tmp_path, [{"instruction": "Name a river."}, line])
    with pytest.raises(InputError, match=message):
        read_seeds(path)


def test_too_few_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="7 seed tasks, and 8 are shown at once"):
        read_seeds(written(tmp_path, [{"instruction": f"Name river {i}."} for i in range(7)]))
