"""Clusters: found again, counted, labelled, and told to be thin."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.diversity.clusters import (
    Labels,
    TextSet,
    _discoveries,
    _fewer,
    coverage,
    evenness,
    find_clusters,
    label_words,
    nearest,
    thin_clusters,
)
from evolsynth.evaluation.diversity.distances import Vectors
from evolsynth.evaluation.text.verbs import root


def around_axes(labels: list[int], width: int = 4) -> Vectors:
    """One direction a cluster, with a little noise."""
    noise = np.random.default_rng(0).normal(size=(len(labels), width)) * 0.02
    x = np.eye(width)[labels] + noise
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


def some_set(labels: list[int], groups: Sequence[str] = ()) -> TextSet:
    names = ("bread", "planets", "violins", "taxes")
    texts = [f"Explain {names[label]} (no. {place})" for place, label in enumerate(labels)]
    roots = [root(text) for text in texts]
    named = groups or ["all"] * len(texts)
    return TextSet(texts, named, around_axes(labels), np.array(labels), roots)


CENTRES = np.eye(4, dtype=np.float32)


def test_clusters_that_are_there_are_found_and_found_again() -> None:
    labels = [0] * 20 + [1] * 20 + [2] * 20
    vectors = around_axes(labels)
    centres = find_clusters(vectors, k=3)
    found = nearest(vectors, centres)
    assert len({tuple(found[start : start + 20].tolist()) for start in (0, 20, 40)}) == 3
    assert all(len(set(found[start : start + 20].tolist())) == 1 for start in (0, 20, 40))
    np.testing.assert_array_equal(centres, find_clusters(vectors, k=3))


def test_there_are_never_more_clusters_than_different_rows() -> None:
    assert len(find_clusters(np.repeat(around_axes([0, 1]), 30, axis=0), k=9)) == 2
    assert len(find_clusters(around_axes([0]))) == 1


def test_coverage_and_evenness_by_hand() -> None:
    weights = np.array([0.5, 0.3, 0.2])
    assert coverage(np.array([0, 0, 2]), weights) == pytest.approx(0.7)
    assert coverage(np.array([], np.intp), weights) == 0
    assert evenness(np.array([0, 1, 2]), 3) == pytest.approx(1)
    assert evenness(np.array([1, 1, 1]), 3) == 0
    assert evenness(np.array([0, 1]), 4) == pytest.approx(0.5)  # log 2 / log 4
    assert evenness(np.array([0]), 1) is None


@given(st.lists(st.integers(0, 5), min_size=1))
def test_evenness_is_a_share(labels: list[int]) -> None:
    value = evenness(np.array(labels), 6)
    assert value is not None
    assert 0 <= value <= 1 + 1e-9


def test_words_that_tell_a_cluster() -> None:
    texts = ["Bake rye bread.", "Knead bread dough.", "Tune a violin.", "Play the violin loudly."]
    labels: Labels = np.array([0, 0, 1, 1])
    bread, violin, none = label_words(texts, labels, 3)
    assert bread[0] == "bread"
    assert violin[0] == "violin"
    assert none == []


def test_a_thin_cluster_is_named_with_what_it_lacks() -> None:
    groups = ["magpie"] * 60 + ["evol_instruct, round 1"] * 40
    own = some_set([0] * 50 + [1] * 48 + [2] * 2, groups)
    reference = some_set([0, 1, 2] * 60)
    words = [["bread"], ["planets"], ["violins"], ["taxes"]]
    (thin,) = thin_clusters(own, reference, CENTRES, words)
    assert (thin.cluster, thin.words, thin.verbs) == (2, ("violins",), ("explain violin",))
    assert (thin.rows, thin.missing) == (2, 32)  # a third of 100 is 33.3
    assert thin.expected == pytest.approx(1 / 3)
    assert thin.groups == {"magpie": 0, "evol_instruct, round 1": 2}
    assert len(thin.examples) == 2
    assert all("violins" in text for text in thin.reference_examples)


def test_a_small_set_is_not_blamed_for_chance() -> None:
    own, reference = some_set([0, 1, 0, 1, 1, 0]), some_set([0, 1, 2] * 60)
    assert thin_clusters(own, reference, CENTRES, [[]] * 4) == ()


def test_without_a_reference_an_even_spread_is_expected() -> None:
    own = some_set([0] * 20 + [1] * 19 + [2] * 4 + [3])
    thin = thin_clusters(own, None, CENTRES, [["w"]] * 4)
    assert [(one.cluster, one.missing) for one in thin] == [(3, 10), (2, 7)]
    assert thin[0].reference_examples == ()


def test_the_chance_of_so_few_is_that_of_fishers_test() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    for a, n, b, m in ((2, 40, 30, 100), (0, 10, 5, 50), (9, 30, 30, 90)):
        table = [[a, n - a], [b, m - b]]
        expected = scipy_stats.fisher_exact(table, alternative="less").pvalue
        assert _fewer(a, n, b, m) == pytest.approx(expected, rel=1e-6)


def test_of_many_small_chances_more_are_believed() -> None:
    assert _discoveries(np.array([0.02, 0.9, 0.8, 0.7])).tolist() == [False] * 4
    assert _discoveries(np.array([0.02, 0.9, 0.02, 0.03])).tolist() == [True, False, True, True]


def test_a_missing_scikit_learn_is_said_with_the_way_to_get_it() -> None:
    code = (
        "import sys; sys.modules['sklearn.cluster'] = None\n"
        "import numpy as np\n"
        "from evolsynth.evaluation.diversity.clusters import find_clusters\n"
        "from evolsynth.errors import SetupError\n"
        "try: find_clusters(np.eye(3, dtype=np.float32))\n"
        "except SetupError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'evolsynth[report]'" in done.stdout
