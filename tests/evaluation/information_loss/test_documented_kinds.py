"""The table of kinds in docs/information-loss.md tells the truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.reading import Kind
from evolsynth.evaluation.information_loss.score import information_loss

DOCUMENT = (Path(__file__).parents[3] / "docs" / "information-loss.md").read_text(encoding="utf-8")
SECTION = DOCUMENT.partition("## Kinds")[2].partition("\n## ")[0]
TURNED = DOCUMENT.partition("## What turns the sense")[2].partition("\n## ")[0]
KINDS, SENSES = (
    re.findall(r"^\| ([\w-]+) \| (.+?) \| (.+?) \|$", text, re.M)[1:] for text in (SECTION, TURNED)
)
ROWS = KINDS + SENSES


def test_every_kind_has_an_example() -> None:
    assert [kind for kind, _, _ in KINDS] == list(get_args(Kind))
    assert len(SENSES) == 5


@pytest.mark.parametrize(("kind", "original", "evolved"), ROWS)
def test_an_example_is_flagged_with_its_kind(kind: str, original: str, evolved: str) -> None:
    loss = information_loss(original, evolved)
    assert loss.flagged
    assert kind in {span.kind for span in loss.lost}


@pytest.mark.real
@pytest.mark.parametrize(("kind", "original", "evolved"), ROWS)
def test_with_an_embedder_too(kind: str, original: str, evolved: str, embedder: MiniLM) -> None:
    loss = information_loss(original, evolved, embedder=embedder)
    assert loss.flagged
    assert kind in {span.kind for span in loss.lost}


@pytest.mark.real
def test_the_example_in_python_prints_what_it_says(embedder: MiniLM) -> None:
    loss = information_loss(
        "Dry 12 pears for 45 minutes. Which pests like them?",
        "Dry 12 pears for 54 minutes, on a rack.",
        embedder=embedder,
    )
    assert f"# {loss.score} {loss.flagged}" in DOCUMENT
    for span in loss.lost:
        assert f"# {span.kind} {span.start} {span.end} {span.text!r} {span.became}" in DOCUMENT
