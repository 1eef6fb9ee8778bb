"""Sets at the edge: one row, equal rows, empty ones, other letters, one text of many words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from evolsynth.evaluation.diversity.ngrams import Wording
from evolsynth.evaluation.diversity.summary import (
    DiversityReport,
    Texts,
    diversity_report,
    embedded,
)
from evolsynth.rows import Row


class Letters:
    """An embedder for tests: how often each of some letters stands in a text."""

    name = "letters"

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        counts = np.array([[1 + text.count(c) for c in "aeinorst"] for text in texts], np.float32)
        counts = counts.reshape(-1, 8)
        return np.asarray(counts / np.linalg.norm(counts, axis=1, keepdims=True), np.float32)


def report(*texts: str) -> DiversityReport:
    rows = [Row.make(text, key=str(number)) for number, text in enumerate(texts)]
    return diversity_report(rows, Letters())


RIVER = "Name a river in Chile."
SETS = {
    "one": [RIVER],
    "equal": [RIVER] * 45,
    "mostly empty": ["", " ", "", RIVER],
    "long": [RIVER, "stone " * 5000],
    "Thai": ["บอกชื่อแม่น้ำสามสาย", "เขียนบทกวีสั้นเกี่ยวกับฝน"] * 12,
}


@pytest.mark.parametrize("name", SETS)
def test_every_figure_is_a_number_or_none(name: str) -> None:
    made = report(*SETS[name]).to_json()
    assert "NaN" not in made
    assert "Infinity" not in made
    assert json.loads(made)["whole"]["rows"] > 0


@pytest.mark.parametrize("name", ["one", "equal", "mostly empty"])
def test_what_is_all_the_same_has_a_vendi_score_of_one(name: str) -> None:
    assert report(*SETS[name]).whole.vendi == pytest.approx(1.0, abs=1e-6)


def test_small_groups_are_said_not_to_be_compared() -> None:
    assert any("too few to compare" in note for note in report(RIVER).notes)


def test_of_other_languages_it_is_said_what_is_not_told() -> None:
    notes = " ".join(report(*SETS["Thai"]).notes)
    assert "24 texts are not in it" in notes
    assert "as much of them as letters knows" in notes
    assert "letters knows" not in " ".join(report(RIVER).notes)


class English(Letters):
    """One that has learnt English alone: all else is one unknown token to it."""

    name = "english"
    languages = ("en",)


#: Four requests each, in letters that a model of English has not learnt.
UNREAD = {
    "th": ["ทำไมใบไม้ถึงเปลี่ยนสี", "ช่วยแต่งชื่อร้านกาแฟให้หน่อย", "บอกวิธีต้มไข่", "แม่น้ำโขงยาวเท่าไร"],
    "ru": [
        "Почему листья желтеют?",
        "Придумай имя для кота.",
        "Как сварить яйцо?",
        "Где течёт Ока?",
    ],
    "ja": [
        "なぜ葉は色が変わるの？",
        "猫の名前を考えて。",
        "卵のゆで方を教えて。",
        "信濃川の長さは？",
    ],
    "hi": ["पत्ते पीले क्यों होते हैं?", "बिल्ली का नाम सुझाओ।", "अंडा कैसे उबालें?", "गंगा कहाँ बहती है?"],
}


@pytest.mark.parametrize("code", UNREAD)
def test_different_texts_that_the_embedder_cannot_read_are_not_one(code: str) -> None:
    rows = [Row.make(text, key=str(n)) for n, text in enumerate(UNREAD[code] * 6)]
    made = diversity_report(rows, English())
    assert made.whole.vendi is not None
    assert 3 < made.whole.vendi <= 4.01
    assert "24 texts are in letters that english has not learnt" in " ".join(made.notes)
    assert "knows of their languages" not in " ".join(made.notes)
    same = diversity_report([Row.make(UNREAD[code][0], key=str(n)) for n in range(24)], English())
    assert same.whole.vendi == pytest.approx(1.0, abs=1e-6)


def test_texts_that_it_can_read_have_its_own_vectors_beside_others() -> None:
    texts = [RIVER, "Как сварить яйцо?", "Как варить яйца?", "Где течёт Ока?"]
    _, vectors = embedded(Texts(texts, ["all"] * 4, {}), English())
    assert np.array_equal(vectors[0], English().embed([RIVER])[0])
    assert vectors[1] @ vectors[2] > vectors[1] @ vectors[3]


def test_words_of_scripts_without_spaces_are_their_letters() -> None:
    wording = Wording(["東京の天気", "東京の地図"])
    assert wording.mean_words() == 5
    assert wording.distinct(1) == pytest.approx(7 / 10)
    assert Wording(["हिन्दी में लिखो"]).mean_words() == 3
