"""Files of other tools' forms, as hostile trials draw them: whole ones are read whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.hostile import commands
from evals.hostile.contents import Content, good_rows
from evals.hostile.forms import CONTAINERS, FORMS, formed
from evals.hostile.places import Places
from evals.hostile.trial import Command, Draw, Output, Trial, What
from evolsynth.data.open import file_origin
from evolsynth.errors import EvolsynthError
from evolsynth.rows import Row

_TABLES, _CELLS = ("parquet", "arrow", "ipc", "feather"), ("csv", "tsv", "csv.gz")
#: Forms that have objects where a cell has text, and one whose empty objects no table takes.
_NO_PLACE = {
    "nested": (*_TABLES, *_CELLS),
    **dict.fromkeys(("flat", "requests", "preferences"), _CELLS),
}


def placed(made: Content, folder: Path) -> Path:
    path = folder / f"in{made.suffix}"
    if made.parts is None:
        path.write_bytes(made.data)
    for name, data in (made.parts or {}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def says(row: Row) -> bool:
    return row.settled or bool((row.instruction or "").strip() or row.messages)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "results"])
def test_each_form_is_read_from_all_that_files_come_in(form: str, tmp_path: Path) -> None:
    rows = good_rows(Draw(7), 3)
    records = [FORMS[form](row) for row in rows]
    for kind, (make, _) in CONTAINERS.items():
        if kind in _NO_PLACE.get(form, ()):
            continue
        path = tmp_path / f"{form}.{kind}"
        path.write_bytes(make(records))
        came = list(file_origin(path).heard(says))
        asked = [row.instruction for row in came]
        assert asked == [row["instruction"] for row in rows], kind


def test_a_score_that_others_have_not_may_be_asked_for_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is wrong with a command that refuses it."""
    row = Content(b'{"instruction": "Name a lake."}\n', rows=1)
    monkeypatch.setattr(commands, "formed", lambda draw: row)
    made = [Trial(f"forms-1-{number}", tmp_path / str(number)) for number in range(400)]
    for trial in made:
        trial.begin()
        commands.forms(trial, Draw(trial.name))
    scored = [trial for trial in made if "--score" in trial.commands[0].words]
    assert scored
    assert not any(trial.tame for trial in scored)
    assert any(trial.tame for trial in made if trial.commands[0].words[0] == "dedup")


def test_so_may_two_outputs_on_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dash(places: Places, flag: str, what: What = "rows", suffix: str = "") -> list[str]:
        places._trial.outputs.append(Output(None, what))
        return [flag, "-"]

    monkeypatch.setattr(Places, "output", dash)
    for number in range(9):
        trial, draw, command = Trial("forms-1-1", tmp_path), Draw(number), Command([])
        places = Places(trial, draw, command, calm=1.0)
        commands._Told(trial, draw, command, places, Content(b"")).two("--duplicates")
        assert [one.path for one in trial.outputs] == [None, None]
        assert not places.tame
        assert not trial.whole


def test_faults_of_all_levels_are_drawn_and_told(tmp_path: Path) -> None:
    """Nothing but our own errors comes of them, and what is whole is let pass."""
    drawn = [formed(Draw(f"forms-{number}")) for number in range(150)]
    assert 30 < sum(one.good for one in drawn) < 90
    assert sum(one.parts is not None for one in drawn) > 5
    assert len({one.suffix for one in drawn}) > 9
    refused = 0
    for number, one in enumerate(drawn):
        if one.what.startswith("huge"):
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        path = placed(one, folder)
        try:
            came = list(file_origin(path, skip_bad=number % 2 == 0).heard(says))
        except EvolsynthError as error:
            refused += 1
            wrong = f"{one.what}: {error}" if one.good else ""
            came = []
        else:
            wrong = ""
        assert wrong == ""
        text = "".join(row.to_json() for row in came)
        assert not came or [mark for mark in one.marks if mark not in text] == [], one.what
    assert refused > 20
