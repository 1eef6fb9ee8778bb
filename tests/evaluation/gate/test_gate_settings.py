"""Thresholds in one place: from YAML, with a clear sentence for what cannot be; and own checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.gate.check import CHECKS
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.own import OwnCheck
from evolsynth.evaluation.gate.settings import GateSettings, thresholds
from evolsynth.findings import Finding
from evolsynth.rows import Row

RIVERS = "Name three large rivers of Europe."


def written(folder: Path, text: str) -> Path:
    path = folder / "gate.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_threshold_is_explained_and_belongs_to_a_check() -> None:
    others = {"skip", "also", "language", "instruction_language", "least_tier"}
    fields = set(GateSettings.__struct_fields__) - others
    assert {t.name for t in thresholds()} == fields
    assert all(t.code in CHECKS and t.meaning for t in thresholds())


def test_what_is_printed_can_be_read_again(tmp_path: Path) -> None:
    settings = GateSettings(
        near_duplicate=0.8,
        min_words=5,
        skip=("thin_answer", "refusal"),
        also=("no_response",),
        language="de",
    )
    assert GateSettings.read(written(tmp_path, settings.to_yaml())) == settings


def test_fields_left_out_keep_their_defaults(tmp_path: Path) -> None:
    assert GateSettings.read(written(tmp_path, "")) == GateSettings()
    assert GateSettings.read(written(tmp_path, "min_words: 4")) == GateSettings(min_words=4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("near_duplicate: 2", "near_duplicate is 2.0: it must be above 0 and at most 1"),
        ("near_duplicate: high", r"near_duplicate"),
        ("min_words: 0", "min_words is 0"),
        ("cosine: 0.5", "unknown field `cosine`"),
        ("skip: [nonsense]", "there is no check 'nonsense'"),
        ("also: [nonsense]", "also: there is no check 'nonsense'"),
        ("also: [refusal]", "also: 'refusal' is made without being asked for. Only high_ifd"),
        ("language: klingon", "language is 'klingon': it must be one of ar, cs, de"),
        ("skip: [", "line 1: not YAML"),
        ("- 1", "Expected `object`"),
        ("!!python/object/apply:os.getcwd []", "not YAML"),
    ],
)
def test_what_cannot_be_is_one_sentence_with_the_file(text: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=said) as caught:
        GateSettings.read(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        GateSettings.read(tmp_path / "none.yaml")
    (tmp_path / "gate.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        GateSettings.read(tmp_path / "gate.yaml")


@pytest.mark.parametrize("threshold", [0, -1, 1.5])
def test_a_threshold_that_is_no_cosine_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="near_duplicate"):
        GateSettings(near_duplicate=threshold)


async def verdicts(rows: list[Row], settings: GateSettings, *checks: OwnCheck) -> list[Row]:
    gate = Gate(settings=settings, checks=checks)
    return [row async for row in gate.check(rows)]


async def test_a_skipped_check_refuses_nothing() -> None:
    rows = [Row.make(RIVERS, key="a"), Row.make(RIVERS, key="b")]
    plain = await verdicts(rows, GateSettings())
    skipped = await verdicts(rows, GateSettings(skip=("exact_duplicate",)))
    assert [r.status for r in plain] == ["accepted", "rejected"]
    assert [r.status for r in skipped] == ["accepted", "accepted"]


async def test_a_threshold_decides() -> None:
    made = {"instruction": {"original": f"{RIVERS} Use a table and avoid the Volga."}}
    evolved = Row.make("Name three rivers and say why each matters to trade.", provenance=made)
    (strict,) = await verdicts([evolved], GateSettings(information_loss=0.05))
    (loose,) = await verdicts([evolved], GateSettings(information_loss=1.0))
    assert strict.verdict is not None
    assert "information_loss" in strict.verdict.reasons
    assert strict.verdict.details["information_loss"]["lost"]
    assert loose.verdict is None or "information_loss" not in loose.verdict.reasons


async def test_a_check_of_ones_own_is_made_on_what_ours_let_through() -> None:
    seen: list[str | None] = []

    def no_rivers(row: Row) -> Finding | None:
        seen.append(row.instruction)
        about = "river" in (row.instruction or "")
        return Finding("about_rivers", {"why": "a test"}) if about else None

    rows = [Row.make(RIVERS), Row.make("Explain how bread rises."), Row.make("")]
    out = await verdicts(rows, GateSettings(), no_rivers)
    assert [r.status for r in out] == ["rejected", "accepted", "rejected"]
    assert out[0].verdict is not None
    assert out[0].verdict.details == {"about_rivers": {"why": "a test"}}
    assert seen == [RIVERS, "Explain how bread rises."]


async def test_an_optional_check_is_made_where_it_is_asked_for() -> None:
    rows = [Row.make(RIVERS), Row.make("Explain how bread rises.", scores={"ifd": 1.3})]
    asked = GateSettings(also=("no_response", "high_ifd"))
    assert [r.status for r in await verdicts(rows, GateSettings())] == ["accepted"] * 2
    out = await verdicts(rows, asked)
    assert [r.verdict.reasons for r in out if r.verdict] == [("no_response",)] * 2
    out = await verdicts([rows[1]], GateSettings(also=("high_ifd",)))
    assert out[0].verdict is not None
    assert out[0].verdict.details == {"high_ifd": {"ifd": 1.3, "most": 1.0}}
