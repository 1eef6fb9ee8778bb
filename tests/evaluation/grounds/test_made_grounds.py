"""Grounds of tasks that a program made: a row that was changed in any way that matters falls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.evaluation.grounds.made.settled import (
    differs,
    says,
    sentences_with,
    stands_in,
)
from evolsynth.prompts import filled
from evolsynth.rows import Row

TEXT = (
    "Agnes Torvald made the bell of Merrow in 1612. The bell weighs 840 kilograms. A fire "
    "destroyed the roof in 1744.\n\nThe keepers sell postcards, candles and honey. The tower is "
    "2.4 metres wide. The bell is called Long Agnes in the town."
)
WEIGHS = "The bell weighs 840 kilograms."
FIRE = "A fire destroyed the roof in 1744."
TABLE = "Steps:\n\n| Step | Lumens |\n|---|---|\n| low | 40 |\n| high | 300 |\n"


def row(instruction: str, response: str, ground: Mapping[str, Any], text: str = TEXT) -> Row:
    return Row.make(
        instruction,
        response=response,
        extra={"input": text},
        provenance={"response": {"ground": dict(ground)}},
    )


#: A good row of each kind: the task, the answer, and its ground.
GOOD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "true_false": (
        "True or false? The bell weighs 900 kilograms.",
        f'False. "{WEIGHS}"',
        {"wording": "True or false? {statement}", "form": '{verdict}. "{sentence}"',
         "answer": "False", "statement": "The bell weighs 900 kilograms.", "sentence": WEIGHS},
    ),
    "true_false_list": (
        "Judge:\n1. The bell weighs 900 kilograms.\n2. " + FIRE,
        "1. False\n2. True",
        {"wording": "Judge:\\n{statements}", "form": "{verdicts}", "answer": "1. False\n2. True",
         "statements": ["The bell weighs 900 kilograms.", FIRE], "sentences": [WEIGHS, FIRE]},
    ),
    "correct": (
        "Correct this: The bell weighs 900 kilograms.",
        WEIGHS,
        {"wording": "Correct this: {statement}", "form": "{sentence}", "answer": WEIGHS,
         "statement": "The bell weighs 900 kilograms.", "sentence": WEIGHS},
    ),
    "yes_no": (
        "Does the bell weigh 840 kilograms? Yes or no?",
        "Yes",
        {"wording": "{question} Yes or no?", "form": "{verdict}", "answer": "Yes",
         "statement": WEIGHS, "sentence": WEIGHS},
    ),
    "absent": (
        "In what year did a fire destroy the roof? If it is not said: unknown",
        "1744",
        {"wording": "{question} If it is not said: {refusal}", "form": "{said}", "answer": "1744",
         "refusal": "unknown", "sentence": FIRE, "statement": ""},
    ),
    "fill_in": (
        "Fill in: The bell weighs ____ kilograms.",
        "840",
        {"wording": "Fill in: {gapped}", "form": "{missing}", "answer": "840",
         "sentences": [WEIGHS], "starts": [16], "bank": []},
    ),
    "find_sentence": (
        'Quote the sentence with "840 kilograms".',
        WEIGHS,
        {"wording": 'Quote the sentence with "{key}".', "form": "{sentence}", "answer": WEIGHS,
         "key": "840 kilograms"},
    ),
    "list_extract": (
        "What do the keepers sell? With commas.",
        "postcards, candles, honey",
        {"wording": "{question} With commas.", "form": "{items}", "style": "commas",
         "answer": "postcards, candles, honey",
         "sentence": "The keepers sell postcards, candles and honey."},
    ),
    "order": (
        "Sort:\nA. A fire destroyed the roof.\nB. Agnes Torvald made the bell of Merrow.",
        "B, A",
        {"wording": "Sort:\\n{lines}", "form": "{letters}", "answer": "B, A", "by": "time",
         "lines": ["A fire destroyed the roof.", "Agnes Torvald made the bell of Merrow."]},
    ),
    "classify": (
        "Which paragraph (first or second)? The bell weighs 840 kilograms.",
        "first",
        {"wording": "Which paragraph ({labels})? {sentence}", "form": "{answer}",
         "answer": "first", "by": "paragraph", "sentence": WEIGHS, "labels": ["first", "second"]},
    ),
    "choose_title": (
        'Choose: "Sand Dunes" or "The Bell of Merrow"',
        "The Bell of Merrow",
        {"wording": "Choose: {listed}", "form": "{right}", "answer": "The Bell of Merrow",
         "titles": ["Sand Dunes", "The Bell of Merrow"], "right": "The Bell of Merrow"},
    ),
    "choose_heading": (
        "A. The keepers\nB. Sand dunes",
        "A",
        {"wording": "{options}", "form": "{letter}", "answer": "A", "right": "The keepers",
         "headings": ["The keepers", "Sand dunes"]},
    ),
    "years_between": (
        "How many years? Agnes Torvald made the bell of Merrow; A fire destroyed the roof.",
        "1744 - 1612 = 132",
        {"wording": "How many years? {first}; {second}.", "form": "{late} - {early} = {years}",
         "answer": "132", "first": "Agnes Torvald made the bell of Merrow.",
         "second": "A fire destroyed the roof."},
    ),
    "event_years": (
        "Years?\n1. A fire destroyed the roof\n2. Agnes Torvald made the bell of Merrow",
        "1. 1744\n2. 1612",
        {"wording": "Years?\\n{lines}", "form": "{years}", "answer": "1. 1744\n2. 1612",
         "told": ["A fire destroyed the roof.", "Agnes Torvald made the bell of Merrow."]},
    ),
    "unit_convert": (
        "2.4 metres: how many centimetres?",
        "240 centimetres",
        {"wording": "{measure}: how many {unit}?", "form": "{result}",
         "answer": "240 centimetres", "sentence": "The tower is 2.4 metres wide.",
         "measure": "2.4 metres", "unit": "centimetres"},
    ),
    "definition": (
        "What is the bell called in the town?",
        "Long Agnes",
        {"wording": "{question}", "form": "{answer}", "answer": "Long Agnes",
         "sentence": "The bell is called Long Agnes in the town.",
         "by": "What is the bell called in the town?"},
    ),
}  # fmt: skip
#: The same of kinds about tables.
OF_TABLES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "table_lookup": (
        "Lumens of low?",
        "40",
        {"wording": "{column} of {key}?", "form": "{answer}", "answer": "40", "key": "low",
         "column": "Lumens", "asks": "cell"},
    ),
    "to_json": (
        "As lines.",
        "low: 40\nhigh: 300",
        {"wording": "As lines.", "form": "{output}", "answer": "low: 40\nhigh: 300",
         "style": "lines"},
    ),
}  # fmt: skip
CASES = [(k, *v, TEXT) for k, v in GOOD.items()] + [(k, *v, TABLE) for k, v in OF_TABLES.items()]


@pytest.mark.parametrize(("kind", "asked", "told", "ground", "text"), CASES)
def test_a_good_row_is_verified(
    kind: str, asked: str, told: str, ground: dict[str, Any], text: str
) -> None:
    made = row(asked, told, {"kind": kind, **ground}, text)
    assert stands(made) == (kind, None)
    assert tier_of(made) == ("verified", (f"ground:{kind}",))


@pytest.mark.parametrize(("kind", "asked", "told", "ground", "text"), CASES)
def test_an_answer_is_not_right_because_the_row_says_so(
    kind: str, asked: str, told: str, ground: dict[str, Any], text: str
) -> None:
    """The answer is changed in the response and in what is told of it alike."""
    answer = ground["answer"]
    for other in ("No", "True", "1. True\n2. True", "12", "A, B", "second", "Sand Dunes", WEIGHS):
        if other == answer or (kind == "correct" and other == WEIGHS):
            continue
        changed = row(asked, told.replace(answer, other), {"kind": kind, **ground, "answer": other})
        assert stands(changed.replace(extra={"input": text}))[1] is not None


@pytest.mark.parametrize(("kind", "asked", "told", "ground", "text"), CASES)
def test_a_parameter_that_is_missing_or_mad_is_no_ground(
    kind: str, asked: str, told: str, ground: dict[str, Any], text: str
) -> None:
    for name in ground:
        less = {k: v for k, v in ground.items() if k != name}
        if name not in ("bank", "statement") or kind not in ("fill_in", "absent"):
            assert stands(row(asked, told, {"kind": kind, **less}, text))[1] is not None
        mad = {**ground, name: {"a": 7}}
        assert stands(row(asked, told, {"kind": kind, **mad}, text))[1] is not None


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("true_false", "840", "900"),
        ("true_false_list", "1744", "1745"),
        ("correct", "840", "850"),
        ("yes_no", "840", "900"),
        ("absent", "1744", "1745"),
        ("fill_in", "840", "850"),
        ("find_sentence", "2.4 metres", "840 kilograms and 2.4 metres"),
        ("list_extract", "candles", "lamps"),
        ("order", "1744", "1544"),
        ("classify", "\n\n", " "),
        ("choose_heading", "tower", "sand"),
        ("choose_title", "tower", "sand"),
        ("years_between", "1744", "1745"),
        ("event_years", "1612", "1613"),
        ("unit_convert", "2.4", "2.5"),
        ("definition", "Long Agnes", "Old Agnes"),
    ],
)
def test_another_text_has_another_answer(kind: str, old: str, new: str) -> None:
    asked, told, ground = GOOD[kind]
    changed = row(asked, told, {"kind": kind, **ground}, TEXT.replace(old, new))
    assert stands(changed)[1] is not None


def test_figures_as_json_are_all_that_there_are() -> None:
    ground = {
        "kind": "to_json",
        "wording": "JSON with {keys}.",
        "form": "{output}",
        "answer": '{"years": ["1612", "1744"], "lengths": ["2.4 metres"]}',
        "style": "facts",
        "keys": ["years", "lengths"],
    }
    made = row('JSON with "years", "lengths".', str(ground["answer"]), ground)
    assert stands(made) == ("to_json", None)
    more = made.replace(extra={"input": TEXT + " It fell in 1803."})
    assert stands(more)[1] is not None
    unclear = made.replace(extra={"input": TEXT + " The wall is two metres thick."})
    assert stands(unclear)[1] is not None


def test_a_refusal_stands_only_where_the_text_is_silent() -> None:
    asked, _, ground = GOOD["absent"]
    refused = {"kind": "absent", **ground, "answer": "unknown"}
    assert stands(row(asked, "unknown", refused))[1] is not None
    without = TEXT.replace(FIRE, "").replace("  ", " ")
    assert stands(row(asked, "unknown", refused, without)) == ("absent", None)
    elsewhere = without + " The roof was destroyed by fire later."
    assert stands(row(asked, "unknown", refused, elsewhere))[1] is not None
    hinted = without + " Smoke rose in 1744."
    assert stands(row(asked, "unknown", refused, hinted))[1] is not None


def test_both_verdicts_at_once_are_none() -> None:
    asked, told, ground = GOOD["true_false"]
    evolved = row(asked + " Say why.", told, {"kind": "true_false", **ground}).replace(round=1)
    assert stands(evolved) == ("true_false", None)
    both = evolved.replace(response=told + " Or it is True.")
    assert stands(both)[1] is not None


def test_two_changes_make_no_false_statement() -> None:
    _, told, ground = GOOD["true_false"]
    other = "The tower weighs 900 kilograms."
    both = {"kind": "true_false", **ground, "statement": other}
    assert stands(row(f"True or false? {other}", told, both))[1] is not None


def test_slots_are_filled_once() -> None:
    """What is filled in is data: braces in it stay."""
    assert filled("{a} of {b}\\nend", {"a": "{b}", "b": "x"}) == "{b} of x\nend"
    with pytest.raises(KeyError):
        filled("{a}", {})


@pytest.mark.parametrize(
    ("text", "piece", "found"),
    [
        ("It is 84 kilograms.", "84", True),
        ("It is 840 kilograms.", "84", False),
        ("It is 184 kilograms, not 84.", "84", True),
        ("Yesterday", "Yes", False),
        ("Yes.", "Yes", True),
        ("", "Yes", False),
        ("Yes.", "", False),
    ],
)
def test_a_piece_stands_as_whole_words(text: str, piece: str, found: bool) -> None:
    assert says(text, piece) is found


def test_a_sentence_stands_whole() -> None:
    assert stands_in(TEXT, WEIGHS)
    assert not stands_in(TEXT, "bell weighs 840 kilograms.")
    assert not stands_in(None, WEIGHS)
    assert sentences_with(TEXT, "840 kilograms") == [WEIGHS]


def test_an_evolved_row_holds_task_and_answer() -> None:
    plain = row("Ask.", "Told.", {})
    evolved = plain.replace(instruction="Ask. And more.", response="x Told. y", round=1)
    assert differs(plain, "Ask.", "Told.", "Told", {}) is None
    assert differs(evolved, "Ask.", "Told.", "Told", {}) is None
    assert differs(evolved.replace(round=0), "Ask.", "Told.", "Told", {}) is not None
    assert differs(evolved.replace(response="x"), "Ask.", "Told.", "Told", {}) is not None
