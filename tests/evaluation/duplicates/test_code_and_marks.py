"""In code, case, indentation and signs make two texts; marks that are not seen make none."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from evolsynth.evaluation.duplicates.deduplicate import deduplicate
from evolsynth.evaluation.duplicates.index import DuplicateIndex
from evolsynth.evaluation.duplicates.same_request import normalise, same_facts

#: Two texts each that a program, a formula or a reader would not take for one.
APART = [
    (
        "What does this print?\nif x:\n    f()\ng()",
        "What does this print?\nif x:\n    f()\n    g()",
    ),
    ("What does show(A) give after A = 1; a = 2?", "What does show(a) give after A = 1; a = 2?"),
    ("Compute 7!", "Compute 7"),
    ("Compute n!", "Compute n"),
    ("What is 3²?", "What is 32?"),
    ("Explain the operator ?.", "Explain the operator ??"),
    ("Explain the operator &&", "Explain the operator"),
    ("What does + mean in a regex?", "What does * mean in a regex?"),
    ("Is a < b for a = 1 and b = 2?", "Is a > b for a = 1 and b = 2?"),
    ("Explain arr[i] in C.", "Explain arr[I] in C."),
    ("Explain `Map`.", "Explain `map`."),
    ("Explain the search A* in short.", "Explain the search A in short."),
    ("What is the value of x += 1?", "What is the value of x -= 1?"),
    ("What does $HOME/Bin hold? echo $HOME;", "What does $home/bin hold? echo $home;"),
    ("What does grep -v do?", "What does grep -V do?"),
    ("Explain curl -o file", "Explain curl -O file"),
    ("Explain git log --oneline -s", "Explain git log --oneline -S"),
]
#: And two that are one to everybody.
SAME = [
    ("Name a river in Chile.", "name a  river in Chile!"),
    ("Où coule la Seine ?", "où coule la Seine?"),
    ("Sum up the post-war years - in short.", "sum up the Post-War years - In short."),
    ("Name a bird -- any bird.", "name a Bird -- any bird"),
    ("What is the capital of Chile ?", "What is the capital of Chile?"),
    ("**Name a river**", "Name a river"),
    ("Na\u200bme a \u2067river\u2069", "Name a river"),
    ("Ｎａｍｅ　ａ　ｒｉｖｅｒ", "Name a river"),
    ("I ❤️ rivers", "I ❤ rivers"),
    ("soft\u00adware", "software"),
    ("東京の天気は？", "東京の天気は"),
    ("What does f(x) return?", "what does f(x) return"),
    ("What is x²?", "What is x^2?"),
    ("Fix this:\n\tx = 1\n", "Fix this:\n    x = 1"),
    ('"Name a river."', "“Name a river”"),
]


@pytest.mark.parametrize(("one", "other"), APART)
@pytest.mark.parametrize("method", ["exact", "minhash"])
def test_both_stay(one: str, other: str, method: str) -> None:
    assert deduplicate([one, other], method=method).duplicates == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("one", "other"), APART)
def test_an_embedder_is_not_asked_about_them(one: str, other: str) -> None:
    assert not same_facts(one, other)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_goes(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)
    assert len(deduplicate([one, other], method="exact").duplicates) == 1


def test_the_form_for_comparing_stays_the_same_when_made_again() -> None:
    for text in (text for pair in APART + SAME for text in pair):
        assert normalise(normalise(text)) == normalise(text)


def test_near_texts_in_scripts_without_spaces_are_found() -> None:
    text = "京都には古い寺や神社が多く、春には桜を見るために世界中から人が集まります。"
    other = text.replace("集まります", "集まってきます")
    assert len(deduplicate([text, other], method="minhash").duplicates) == 1
    apart = "札幌には雪まつりがあり、冬には氷の像を見るために大勢の人が訪れます。"
    assert deduplicate([text, apart], method="minhash").duplicates == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("请写一首关于春天的短诗。", "请写一首关于秋天的短诗。"),
        ("请列出三种常见的水果。", "请列出五种常见的水果。"),
        ("東京の人口を教えてください。", "京都の人口を教えてください。"),
        ("次の文を英語に訳してください。", "次の文を仏語に訳してください。"),
        ("บอกวิธีต้มไข่ให้สุกพอดี", "บอกวิธีต้มถั่วให้สุกพอดี"),
    ],
)
def test_short_texts_without_spaces_that_differ_in_a_word_both_stay(one: str, other: str) -> None:
    assert deduplicate([one, other], method="minhash").duplicates == []
    assert deduplicate([one, one + "。"], method="minhash").duplicates != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("東京の人口を教えてください。", "東京の人口を教えて下さい。"),  # the same word, in kana
        ("请写一首关于春天的短诗。", "请写一首关于春天的短诗，谢谢。"),
        ("なぜ空は青いのですか、教えてください。", "なぜ空は青いのですか？教えてください。"),
    ],
)
def test_other_marks_and_endings_make_no_other_text(one: str, other: str) -> None:
    assert len(deduplicate([one, other], method="minhash").duplicates) == 1


def test_much_code_takes_no_time() -> None:
    text = "Explain:\n" + "    x = f(y) + g[z];\n" * 1000 + "!" * 5000
    started = time.perf_counter()
    normalise(text)
    assert time.perf_counter() - started < 2


class OnlyEnglish:
    """An embedder to which all texts are one, and that says which language it has learnt."""

    name = "one"
    languages = ("en",)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(np.array([[1.0, 0.0]], np.float32), (len(texts), 1))

    def rough(self) -> OnlyEnglish:
        return self


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("บอกชื่อแม่น้ำสามสาย", "เขียนบทกวีสั้นเกี่ยวกับฝน", False),
        ("Назови реку в Чили.", "Опиши свой любимый суп.", False),
        ("Назови большую реку, что течёт в Чили.", "Назови реку, что течёт в Чили.", True),
        ("Name a river in Chile.", "Tell me about a river of Chile.", True),
    ],
)
def test_an_embedder_of_english_decides_on_english_alone(one: str, other: str, near: bool) -> None:
    embedder = OnlyEnglish()
    index = DuplicateIndex(embedder=embedder)
    vector = embedder.embed([one])[0]
    index.add("a", one, vector)
    found = index.find(other, vector)
    assert (found is not None) is near
    gone = deduplicate([one, other], method="semantic", embedder=embedder).duplicates
    assert not gone or near
