"""TRL's preference formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evolsynth.errors import InputError
from evolsynth.export.trl import preference_line, write_preferences
from evolsynth.rows import Row, Verdict


def pair(**fields: Any) -> Row:
    return Row.make(
        "Name a lake.",
        extra={"chosen": "Lake Geneva.", "rejected": "The Rhine.", "mine": 1},
        verdict=Verdict(accepted=True),
        **fields,
    )


def test_conversational() -> None:
    assert preference_line(pair()) == {
        "prompt": [{"role": "user", "content": "Name a lake."}],
        "chosen": [{"role": "assistant", "content": "Lake Geneva."}],
        "rejected": [{"role": "assistant", "content": "The Rhine."}],
    }
    assert preference_line(pair(system="Be brief."))["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Name a lake."},
    ]


def test_standard() -> None:
    assert preference_line(pair(system="Be brief."), "standard") == {
        "prompt": "Be brief.\n\nName a lake.\n\n",
        "chosen": "Lake Geneva.",
        "rejected": "The Rhine.",
    }
    assert preference_line(pair(), "standard", separator="\n")["prompt"] == "Name a lake.\n"


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(InputError, match="is no pair"):
        preference_line(Row.make("Name a lake.", response="Lake Geneva."))
    with pytest.raises(InputError, match="no format 'other'"):
        preference_line(pair(), "other")  # type: ignore[arg-type]


def test_a_file_has_the_accepted_pairs_only(tmp_path: Path) -> None:
    path = tmp_path / "dpo.jsonl"
    assert write_preferences(path, [pair(), pair().reject("tie"), pair()]) == 2
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines == [preference_line(pair())] * 2


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    broken = Row.make("Hi.", verdict=Verdict(accepted=True))
    with pytest.raises(InputError, match="is no pair"):
        write_preferences(tmp_path / "dpo.jsonl", [pair(), broken])
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_preferences(tmp_path / "file" / "dpo.jsonl", [pair()])
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_prompt_has_its_input_in_it() -> None:
    row = pair()
    row = row.replace(extra={**row.extra, "input": "Lakes: Geneva, Como."})
    whole = "Name a lake.\n\nLakes: Geneva, Como."
    assert preference_line(row)["prompt"] == [{"role": "user", "content": whole}]
    assert preference_line(row, "standard")["prompt"] == f"{whole}\n\n"
