"""Where a text is not English, rules for English say nothing; beside it, that they still do."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.rows import Row

#: Good rows: an instruction that a model wrote, and its answer.
GOOD = [
    (
        "Fang bitte mit einer kurzen Erklärung an: Warum fällt der Mond nicht auf die Erde?",
        "Der Mond fällt ständig, aber er bewegt sich zugleich so schnell zur Seite, dass er die "
        "Erde immer wieder verfehlt. Deshalb bleibt er auf seiner Bahn.",
    ),
    ("Wie sagt man höflich ab?", "Leider kann ich am Freitag nicht kommen, danke für die Idee."),
    (
        "Wann fängt der Unterricht an?",
        "Um acht Uhr, an jedem Tag außer Samstag und Sonntag, wenn die Schule geschlossen ist.",
    ),
    (
        "Explique pourquoi le ciel est bleu en deux phrases.",
        "La lumière du soleil contient toutes les couleurs. L'air disperse surtout le bleu, et "
        "c'est donc cette couleur que nous voyons.",
    ),
    ("Où se trouve Lyon ? Qui y habite ? Quand partir ?", "Lyon se trouve en France."),
    (
        "Escribe una carta corta a una vecina que cuida tus plantas.",
        "Querida Ana: muchas gracias por cuidar de mis plantas mientras estoy de viaje. Riega el "
        "limonero una vez por semana. Un abrazo.",
    ),
    ("¿Qué es la fotosíntesis?", "Es el proceso por el que las plantas hacen azúcar con la luz."),
    (
        "光合成とは何ですか。簡単に説明してください。",
        "植物が光を使って水と二酸化炭素から糖を作る働きです。",
    ),
    ("为什么天空是蓝色的？请简单解释。", "因为空气更容易散射蓝光，所以我们看到的天空是蓝色的。"),
    (
        "Объясни, почему листья осенью желтеют.",
        "Осенью хлорофилл разрушается, и становятся видны жёлтые вещества, которые были в листе "
        "всё лето.",
    ),
    (
        "Write a query for all orders of May.",
        "SELECT * FROM orders WHERE month = 5 ORDER BY day;",
    ),
    (
        "Write a Python function that adds two numbers.",
        "```python\ndef add(a, b):\n    return a + b\n```",
    ),
]


@pytest.mark.parametrize(("instruction", "response"), GOOD)
def test_a_good_row_of_any_language_is_let_through(instruction: str, response: str) -> None:
    row = Row.make(instruction, response=response)
    row = row.replace(provenance={"instruction": {"attempt": 0}, "response": {"attempt": 0}})
    assert part_findings(row, "instruction") == []
    assert part_findings(row, "response") == []


@pytest.mark.parametrize(
    ("instruction", "response", "code"),
    [
        ("Write a story about a fox and", "", "cut_off"),
        ("I am here to help you plan your wedding.", "", "role_confusion"),
        ("The cat is a small animal that lives in houses.", "", "not_an_instruction"),
        ("What is the weather forecast for Lisbon?", "", "unanswerable"),
        ("Summarize the following article.", "", "missing_input"),
        ("What is a fjord? Who wrote Faust? How do bees find flowers?", "", "several_requests"),
        ("What is jam? Jam is a spread made of fruit and sugar.", "", "answers_itself"),
        ("Warum ist der Himmel blau?", "I'm sorry, but I can't help with that.", "refusal"),
        ("Warum ist der Himmel blau?", "As an AI language model, I know no sky.", "self_talk"),
        ("Explain how clouds are formed.", "It rains.", "thin_answer"),
        ("Why is it so?", "It is the. Of", "says_nothing"),
    ],
)
def test_an_english_text_is_still_told(instruction: str, response: str, code: str) -> None:
    row = Row.make(instruction, response=response or None)
    row = row.replace(provenance={"instruction": {"attempt": 0}})
    part = "response" if response else "instruction"
    assert code in [f.code for f in part_findings(row, part)]  # type: ignore[arg-type]


def test_each_check_declares_its_languages() -> None:
    """Rules without words of any language are for all."""
    english = {name for name, check in CHECKS.items() if check.languages == ("en",)}
    assert {"role_confusion", "thin_answer", "no_new_demand"} <= english
    assert {"en", "de", "ru", "ja", "ar"} <= set(CHECKS["refusal"].languages)  # lists of each
    assert not {"empty", "too_long", "template_leak", "wrong_language"} & english


def test_an_evolution_in_another_language_is_not_judged_by_english_rules() -> None:
    made = {"original": "虹について教えてください。"}
    row = Row.make(
        "虹について教えてください。詩の形で書いてください。", provenance={"instruction": made}
    )
    for name in ("unfit_demand", "no_new_demand"):
        assert CHECKS[name].find(Case(row)) is None
