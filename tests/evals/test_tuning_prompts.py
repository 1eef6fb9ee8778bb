"""``python -m evals tuning-prompts``: demands of rows as if-verifiable's verifiers have them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main
from evals.tuning_prompts import prompts_of
from evals.verifiers import read_prompts
from evolsynth.errors import InputError
from evolsynth.rows import Row

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("if_verifiable", "nltk", "nupunkt", "langdetect"))),
    reason="needs if-verifiable and nupunkt (the extra tuning)",
)


def row(instruction: str, *demands: dict[str, Any]) -> Row:
    made = {"instruction": {"demands": list(demands)}}
    return Row.make(instruction, method="evolve", round=1, provenance=made)


TONGUES = ("Dutch", "German")
NO_COMMAS = row("Name a bird. Use no commas.", {"kind": "no_commas"})
SHORT = row(
    "What is rain? Use 20 words at most, and no commas.",
    {"kind": "words_at_most", "n": 20},
    {"kind": "no_commas"},
)


def test_every_demand_of_a_row_is_one_of_its_prompt() -> None:
    found, left_out = prompts_of([NO_COMMAS, SHORT])
    assert not left_out
    assert [asked.prompt for asked in found] == [NO_COMMAS.instruction, SHORT.instruction]
    assert [asked.key for asked in found] == [NO_COMMAS.id, SHORT.id]
    assert len(found[1].instruction_id_list) == 2
    assert found[1].met("Water that falls from clouds.") == (True, True)
    assert found[1].met("Water, " * 21) == (False, False)


def test_rows_that_nobody_can_verify_in_full_give_none() -> None:
    first = row("Why is tea hot? Repeat this first.", {"kind": "request_first"})
    found, left_out = prompts_of([Row.make("Name a tree."), NO_COMMAS, NO_COMMAS, first])
    assert [asked.prompt for asked in found] == [NO_COMMAS.instruction]
    assert left_out == {
        "without demands": 1,
        "the same as one before": 1,
        "nothing verifies request_first": 1,
    }


def test_a_language_that_no_verifier_knows_gives_no_prompt() -> None:
    asked = [row(f"Name a tree in {x}.", {"kind": "language", "language": x}) for x in TONGUES]
    found, left_out = prompts_of(asked)
    assert [one.prompt for one in found] == ["Name a tree in German."]
    assert left_out == {"nothing verifies language": 1}


def test_a_demand_that_there_is_not_is_named_with_its_row() -> None:
    with pytest.raises(InputError, match=r"row [0-9a-f]+: "):
        prompts_of([row("Name a bird.", {"kind": "no_such_kind"})])


def test_what_is_written_is_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, prompts = tmp_path / "rows.jsonl", tmp_path / "prompts.jsonl"
    rows.write_text(f"{SHORT.to_json()}\n{Row.make('Name a tree.').to_json()}\n", encoding="utf-8")
    assert main(["tuning-prompts", str(rows), "-o", str(prompts)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"1 prompts in {prompts}"
    assert read_prompts(prompts) == prompts_of([SHORT])[0]


def test_without_a_prompt_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, prompts = tmp_path / "rows.jsonl", tmp_path / "prompts.jsonl"
    rows.write_text(json.dumps({"instruction": "Name a tree."}) + "\n", encoding="utf-8")
    assert main(["tuning-prompts", str(rows), "-o", str(prompts)]) == 2
    assert "no row of it gives a prompt (1 without demands)" in capsys.readouterr().err
    assert not prompts.exists()
