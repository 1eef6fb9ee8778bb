"""``python -m evals magpie``: the classifier, the figures, and the command."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.magpie import WAYS, Classifier, measure
from evolsynth.data.files import read_objects
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.magpie.steering import topic_names


def test_every_domain_has_labelled_examples_and_so_has_none_of_them() -> None:
    path = Path(__file__).parents[2] / "evals" / "data" / "domains.jsonl"
    lines = [line for _, line in read_objects(path)]
    counts = Counter(line["domain"] for line in lines)
    assert set(counts) == {*topic_names(), "other"}
    assert min(counts.values()) >= 20
    assert len({line["instruction"] for line in lines}) == len(lines)


@pytest.mark.real
def test_the_classifier_tells_what_is_plainly_of_a_domain(embedder: MiniLM) -> None:
    told = Classifier(embedder).tell(
        [
            "How do I bake a rye loaf?",
            "What is the sum of 12 and 30?",
            "Which sights of Prague should I see on a short trip?",
            "Why do owls hunt at night?",
        ]
    )
    assert told == ["cooking", "mathematics", "travel", "other"]


@pytest.mark.real
async def test_attempts_rows_and_shares_add_up(embedder: MiniLM) -> None:
    llm = Scripted(lambda r: f" the sum of {r.seed % 997} and {r.seed % 89} and a third number?")
    found, rows = await measure(
        llm, embedder, Classifier(embedder), n=6, seed=1, domains=("mathematics", "cooking")
    )
    assert [(one.domain, one.way) for one in found] == [
        (domain, way) for domain in ("mathematics", "cooking") for way in WAYS
    ]
    assert len(rows) == 24
    assert sum(one.attempts for one in found) == len(llm.requests)
    for one in found:
        mine = [r for r in rows if (r["domain"], r["way"]) == (one.domain, one.way)]
        accepted = [r for r in mine if r["status"] == "accepted"]
        assert one.accepted == len(accepted)
        right = sum(r["told"] == one.domain for r in accepted)
        assert one.on_domain == (pytest.approx(right / len(accepted)) if accepted else None)


def test_an_unknown_domain_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["magpie", "--domains", "alchemy"]) == 2
    assert "'alchemy' is unknown; there are cooking, health" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told_before_hours_are_spent(tmp_path: Path) -> None:
    assert main(["magpie", "--json", str(tmp_path)]) == 2
