"""Good rows of eleven languages and eleven kinds of text are let through, bad ones of the languages
found.

Each file of ``texts/`` has two parts: rules were made and mended on "a"; "b" was frozen unread, and
says how they do on rows that they were not made on. ``many_kinds.jsonl`` has five sets of about 200
rows, each written before any of it was tried: 3.5%, 3.1% and 2.2% of the last three were then
refused (7.4%, 5.2% and 8.4% by the rules before), and the rules mended on them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.findings import Finding
from evolsynth.rows import Row

TEXTS = Path(__file__).with_name("texts")
LANGUAGES = ("ar", "de", "el", "he", "hi", "ja", "ko", "ru", "th", "tr", "zh")
KINDS = ["code", "css", "formulas", "poems", "regex", "shell"]
KINDS += ["sql", "tables", "tex", "titles", "tweets"]
#: What each fault may be called.
CODES = {
    "refusal": {"refusal"},
    "repetition": {"repetition"},
    "cut": {"cut_off", "broken_off"},
}


def rows(folder: str, name: str) -> list[dict[str, str]]:
    text = (TEXTS / folder / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def found(row: dict[str, str]) -> list[Finding]:
    one = Row.make(row["instruction"], response=row["response"])
    one = one.replace(provenance={"instruction": {"attempt": 0}, "response": {"attempt": 0}})
    return [*part_findings(one, "instruction"), *part_findings(one, "response")]


@pytest.mark.parametrize(
    ("folder", "name"),
    [*(("good", name) for name in LANGUAGES), *(("kinds", name) for name in KINDS)],
)
def test_at_most_one_good_row_in_fifty_is_refused(folder: str, name: str) -> None:
    good = rows(folder, name)
    assert len(good) == (40 if folder == "good" else 20)
    refused = {row["instruction"]: found(row) for row in good if found(row)}
    assert len(refused) <= len(good) / 50, refused


@pytest.mark.parametrize("part", "abcde")
def test_rows_as_people_and_larger_models_write_them_pass(part: str) -> None:
    good = [row for row in rows("", "many_kinds") if row["part"] == part]
    assert len(good) >= 179
    refused = {row["instruction"]: found(row) for row in good if found(row)}
    assert len(refused) <= len(good) / 50, refused


def test_faulty_rows_of_the_same_kinds_are_found() -> None:
    """Cut, looped, declined, promised, offered, noise: 146 of 162 by the rules before."""
    bad = rows("", "many_faults")
    missed = [row for row in bad if not found(row)]
    assert len(bad) == 162
    assert len(missed) <= 5, missed


@pytest.mark.parametrize("name", LANGUAGES)
def test_refusals_loops_and_cut_answers_are_found(name: str) -> None:
    bad = rows("bad", name)
    assert len(bad) == 12
    missed = [
        row["response"]
        for row in bad
        if CODES[row["fault"]].isdisjoint(finding.code for finding in found(row))
    ]
    assert len(missed) <= 1, missed


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "欠席を伝えるメールを書いてください。",
            "申し訳ありませんが、ご依頼の件にはお応えできません。",
        ),
        ("Übersetze: I'm sorry, I can't answer.", "Es tut mir leid, ich kann nicht antworten."),
        ("Was sagst du zu Regen?", "Leider regnet es oft, aber dann wächst auch alles."),
        ("Как прошёл день?", "К сожалению, шёл дождь, и мы не смогли погулять в парке."),
        ("為什麼他遲到？", "很遺憾，火車誤點，他沒有趕上會議。"),
    ],
)
def test_an_apology_is_no_refusal_by_itself(asked: str, said: str) -> None:
    codes = {finding.code for finding in found({"instruction": asked, "response": said})}
    assert "refusal" not in codes


@pytest.mark.parametrize(
    ("text", "noise"),
    [
        ("Pythonでリストを逆順にする方法を教えてください。", False),
        ("Let f: ℝ → ℝ with f(x) = αx + µ. Find the inverse of f.", False),
        ("Translate 'hello': こんにちは, привет, مرحبا, שלום, नमस्ते, 안녕", False),
        ("Which scripts are Ω, ж, ש, क and 한 letters of?", False),
        ("ãƒ‡ãƒ¼ã‚¿ ж Ω ש क ऋ 한", True),
        ("Décrivez la journée d'un Ã©tudiant.", True),
        ("Name a river \ufffd\ufffd in Peru.", True),
    ],
)
def test_scripts_are_mixed_by_people_too(text: str, noise: bool) -> None:
    finding = CHECKS["not_an_instruction"].find(Case(Row.make(text)))
    assert (finding is not None and finding.detail["why"] == "noise") is noise
