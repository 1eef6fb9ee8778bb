"""The best n rows that are unlike each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.scores import selection
from evolsynth.evaluation.scores.selection import row_text, select
from evolsynth.rows import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Angles:
    """Embeds a text that is a number as the direction of so many degrees."""

    name = "angles"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(len(texts))
        angles = np.radians([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def row(degrees: float, complexity: float, quality: float = 1.0) -> Row:
    return Row.make(str(degrees), scores={"complexity": complexity, "quality": quality})


def test_the_best_product_comes_first_and_its_like_is_passed_over() -> None:
    rows = [row(0, 3, 2), row(5, 2, 4), row(90, 1, 1), row(180, 1, 5)]
    chosen, left = select(rows, 3, embedder=Angles())
    assert [r.instruction for r in chosen] == ["5", "180", "90"]
    assert [r.scores["selection"] for r in chosen] == [8, 5, 1]
    (like,) = left
    assert like.verdict is not None
    assert like.verdict.reasons == ("too_similar",)
    assert like.verdict.details["too_similar"] == {"id": chosen[0].id, "cosine": 0.99619}


def test_what_found_no_place_says_its_rank() -> None:
    chosen, left = select([row(0, 1), row(90, 2), row(180, 3)], 1, embedder=Angles())
    assert [r.instruction for r in chosen] == ["180"]
    assert [r.verdict.details["not_selected"] for r in left if r.verdict] == [
        {"rank": 3},
        {"rank": 2},
    ]
    reasons = {reason for r in left if r.verdict for reason in r.verdict.reasons}
    assert reasons <= {"too_similar", "not_selected"}


def test_rejected_rows_are_left_as_they_are() -> None:
    rejected = row(0, 6, 6).reject("too_short")
    chosen, left = select([rejected, row(90, 1)], 5, embedder=Angles())
    assert [r.instruction for r in chosen] == ["90"]
    assert left == [rejected]


def test_no_more_is_embedded_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_BLOCK", 2)
    embedder = Angles()
    select([row(90 * i, 9 - i) for i in range(4)], 2, embedder=embedder)
    assert embedder.calls == [2]


def test_a_row_without_a_score_is_named() -> None:
    bare = Row.make("0")
    with pytest.raises(InputError, match=rf"{bare.id} has no score 'complexity'"):
        select([bare], 1, embedder=Angles())
    assert select([bare], 1, embedder=Angles(), by=()).chosen[0].scores["selection"] == 1


@pytest.mark.parametrize("options", [{"n": 0}, {"n": 1, "most_similar": 1.5}])
def test_what_cannot_be_chosen_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError):
        select([row(0, 1)], embedder=Angles(), **options)  # type: ignore[arg-type]


SCORED = st.lists(
    st.tuples(st.integers(0, 359), st.integers(1, 6), st.integers(1, 6)), max_size=30, unique=True
)


@given(SCORED, st.integers(1, 10), st.integers(1, 7))
def test_no_row_is_lost_and_no_two_chosen_are_alike(
    given_: list[tuple[int, int, int]], n: int, block: int
) -> None:
    rows = [row(*one) for one in given_]
    whole = select(rows, n, embedder=Angles())
    assert len(whole.chosen) <= n
    assert sorted(r.id for r in (*whole.chosen, *whole.left)) == sorted(r.id for r in rows)
    scores = [r.scores["selection"] for r in whole.chosen]
    assert scores == sorted(scores, reverse=True)
    texts = [row_text(r) for r in whole.chosen]
    vectors = list(Angles().embed(texts)) if texts else []
    for i, vector in enumerate(vectors):
        assert all(float(vector @ other) <= 0.90001 for other in vectors[:i])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "_BLOCK", block)
        assert select(rows, n, embedder=Angles()) == whole


@pytest.mark.real
def test_two_ways_to_ask_the_same_count_once(embedder: MiniLM) -> None:
    texts = ["How do I repair a bicycle tyre?", "How can I repair a bicycle tyre?", "Bake a cake."]
    scores = {"complexity": 2.0, "quality": 2.0}
    rows = [Row.make(text, scores=scores) for text in texts]
    chosen, left = select(rows, 3, embedder=embedder)
    assert [r.instruction for r in chosen] == [texts[0], texts[2]]
    assert [r.instruction for r in left] == [texts[1]]


def test_rows_about_two_texts_are_not_alike_and_rows_about_one_are() -> None:
    texts = ("The mill of Arbor ground rye.", "The mill of Dunn ground oats.")
    given_ = [texts[0], texts[1], texts[0].upper(), ""]
    rows = [row(0, 5 - n).replace(extra={"input": text}) for n, text in enumerate(given_)]
    chosen, left = select(rows, 4, embedder=Angles())
    assert [r.input for r in chosen] == [*texts, None]
    (like,) = left
    assert like.verdict is not None
    assert like.verdict.details["too_similar"] == {"id": chosen[0].id, "cosine": 1.0}
    assert row_text(rows[0]) == row_text(rows[1]) == "0"
