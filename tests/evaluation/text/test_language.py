"""The language of a text, and a response in one that nobody asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.text import language as language_module
from evolsynth.evaluation.text.language import LANGUAGES, is_english, language, wrong_language
from evolsynth.evaluation.text.verbs import COMMANDS, VERBS
from evolsynth.evaluation.text.words import word_lists

TEXTS = {
    "en": "The kettle is on the stove, and there was enough water in it for the two of us.",
    "de": "Der Kessel steht auf dem Herd, und das Wasser ist heiß genug für eine Tasse Tee.",
    "fr": "La bouilloire est sur le feu, et il y a assez d'eau pour faire du thé.",
    "es": "La tetera está en el fuego y hay agua suficiente para que los dos tomemos té.",
    "it": "Il bollitore è sul fuoco e non c'è più acqua per fare il tè che volevo bere oggi.",
    "pt": "A chaleira está no fogo e não há mais água para fazer o chá que eu queria.",
    "nl": "De ketel staat op het vuur en er is niet genoeg water voor een kop thee.",
    "ru": "Чайник стоит на плите, и воды хватит на двоих.",
    "el": "Ο βραστήρας είναι πάνω στη φωτιά.",
    "zh": "水壶在炉子上,水够两个人喝,茶叶也放好了,请坐一会儿。",
    "ja": "やかんは火にかけてあります。お茶をどうぞ。",
    "ko": "주전자가 불 위에 있고 물은 충분합니다.",
    "ar": "الإبريق على النار والماء يكفي لشخصين.",
}


@pytest.mark.parametrize(("code", "text"), TEXTS.items())
def test_the_language_of_a_sentence(code: str, text: str) -> None:
    assert language(text) == code
    assert code in LANGUAGES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Paris.",
        "42, 17 and 3.5",
        "def add(a, b):\n    return a + b",
        "```python\nfor line in the_file:\n    print(line)\n```",
        "Sibelius, Grieg, Nielsen, Stenhammar, Alfvén, Svendsen, Halvorsen, Berwald, Kuhlau, Gade, "
        "Hartmann, Sinding",
    ],
)
def test_nothing_is_said_of_short_texts_names_and_code(text: str) -> None:
    assert language(text) is None


def test_a_response_in_another_language_is_found() -> None:
    finding = wrong_language(TEXTS["de"], "Describe a quiet kitchen in the morning.")
    assert finding is not None
    assert finding.detail == {"language": "de", "expected": "en"}


@pytest.mark.parametrize(
    "instruction",
    [
        "Describe a quiet kitchen in German.",
        "Translate: The kettle is on the stove, and there is enough water for a cup of tea.",
        "Beschreibe mir bitte eine Küche am Morgen, und sag auch, was auf dem Herd steht und wie "
        "es dort riecht.",
    ],
)
def test_what_was_asked_for_is_not_wrong(instruction: str) -> None:
    assert wrong_language(TEXTS["de"], instruction) is None


def test_an_english_answer_to_a_german_question_is_found() -> None:
    asked = "Was ist das Besondere an der Küche, und wie lange steht der Kessel auf dem Herd?"
    finding = wrong_language(TEXTS["en"], asked)
    assert finding is not None
    assert finding.detail["expected"] == "de"


@given(st.text(max_size=200), st.text(max_size=80))
def test_any_text_has_a_known_language_or_none(response: str, instruction: str) -> None:
    assert language(response) in {None, *LANGUAGES}
    finding = wrong_language(response, instruction)
    assert finding is None or finding.detail["language"] != finding.detail["expected"]


@pytest.mark.parametrize(
    "text",
    [
        # good requests, short or odd, for which the rules must stand
        "Name three rivers.",
        "Best pasta recipe?",
        "Haiku, autumn theme.",
        "Sort these: plum, fig, apple.",
        "Suggest a name for a café in Montréal.",
        'Translate "Guten Morgen" into English.',
        "What does 'Wie geht es dir?' mean?",
        "Who wrote Les Misérables?",
        "Convert 72 degrees Fahrenheit to Celsius.",
        "Hello!",
        "Come up with three names.",
        "Propose a topic for a debate in a high school class.",
        "Comment on this poem.",
        "Cite two sources.",
        "Plane tickets: how early should one book?",
        # nothing can be told
        "",
        "42",
        "3 5 8 13 21",
        "x^2 + 3x - 4 = 0",
        "SELECT name, age FROM people WHERE age > 30;",
        "def add(a, b): return a + b",
        '{"name": "Ann", "age": 3}',
        "```python\nprint('hola')\n```",
    ],
)
def test_rules_for_english_hold(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Was sind gute Hobbys für Rentner?",
        "Finde den Fehler im Code.",
        "Kannst du mir bei Mathe helfen?",
        "Invente une histoire avec un dragon.",
        "Peux-tu m'aider en maths ?",
        "¿Qué ventajas tiene la bicicleta?",
        "Ayúdame con las matemáticas.",
        "Trova l'errore nel codice.",
        "Trasforma la frase in una domanda.",
        "Encontre o erro no código.",
        "Faça uma lista de compras.",
        "秋についての詩を書いてください。",
        "写一首关于秋天的诗。",
        "Как варить рис?",
        "كيف أطبخ الأرز؟",
        "한국의 강 세 개를 말해 줘.",
    ],
)
def test_rules_for_english_say_nothing_of_another_language(text: str) -> None:
    assert not is_english(text)


def test_few_short_requests_are_taken_for_another_language_or_for_english() -> None:
    place = Path(__file__).parents[3] / "evals" / "data" / "short_requests.jsonl"
    rows = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]
    here = [row for row in rows if row["language"] in ("en", "code")]
    foreign = [row for row in rows if row not in here]

    assert len(here) > 40
    assert len(foreign) > 200
    assert sum(not is_english(row["text"]) for row in here) <= 1  # 'Rewrite: "El Niño ..."'
    assert sum(is_english(row["text"]) for row in foreign) <= 6


def test_no_request_in_english_begins_as_those_in_other_languages() -> None:
    others = word_lists(language_module.__file__, "language.txt")["other openings"]
    assert not set(" ".join(others).split()) & (VERBS | COMMANDS)
