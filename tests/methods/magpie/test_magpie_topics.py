"""Topics: what steers to them, what is drawn again, and what is rejected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from evolsynth.errors import CapabilityError, InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.magpie.steering import beginnings, topic_names
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = ("bees", "hive", "honey", "cook", "recipe", "poem", "history", "law")


class Counted:
    """Stands in for MiniLM: how often each of a few words is there."""

    name = "counted"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        out = np.full((len(texts), len(WORDS) + 1), 1e-3, dtype=np.float32)
        for i, text in enumerate(texts):
            for j, word in enumerate(WORDS):
                out[i, j] += text.lower().count(word)
        return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True), dtype=np.float32)


async def rows_of(llm: Scripted, **options: Any) -> list[Row]:
    defaults: dict[str, Any] = {
        "n": 6,
        "seed": 7,
        "topic": "bees: hive, honey",
        "embedder": Counted(),
        "openings": ("",),
        "concurrency": 1,
    }
    return [row async for row in magpie(llm, **{**defaults, **options})]


def sometimes(request: Request) -> str:
    """On topic in one draw of three."""
    about = "bees fill the hive" if request.seed % 3 == 0 else "people write a poem"
    return f"Why do {about} number {request.seed}?"


async def test_rows_are_on_topic_and_say_how_near_they_are() -> None:
    rows = await rows_of(Scripted(lambda _: "Why do bees leave the hive?"))
    assert all(row.scores["on_topic"] > 0.5 and row.status == "pending" for row in rows)


async def test_a_row_that_misses_it_is_drawn_again_and_remembers_what_was_refused() -> None:
    llm = Scripted(sometimes)
    rows = await rows_of(llm, n=12, candidates=8)
    late = [row for row in rows if row.provenance["instruction"]["candidate"] > 0]
    assert late
    for row in late:
        made = row.provenance["instruction"]
        assert [r["candidate"] for r in made["refused"]] == list(range(made["candidate"]))
        assert all(r["reasons"] == ["off_topic"] for r in made["refused"])
        assert row.status == "pending"
    used = sum(row.provenance["instruction"]["candidate"] + 1 for row in rows)
    assert len(llm.requests) == used  # what was good is not drawn for again


async def test_a_row_of_which_every_candidate_misses_is_rejected_and_not_lost() -> None:
    llm = Scripted(lambda r: f"Why is there a poem number {r.seed}?")
    rows = await rows_of(llm, candidates=3)
    assert len(rows) == 6
    assert len(llm.requests) == 18
    for row in rows:
        assert row.verdict is not None
        assert row.verdict.reasons == ("off_topic",)
        detail = row.verdict.details["off_topic"]
        assert detail["topic"] == "bees: hive, honey"
        assert detail["score"] < detail["least"]
        assert len(row.provenance["instruction"]["refused"]) == 2


async def test_candidates_without_a_topic_are_judged_by_the_gates_checks() -> None:
    def script(request: Request) -> str:
        return "Sure! Here is" if request.seed % 2 else f"Name {request.seed} rivers."

    rows = await rows_of(Scripted(script), topic=None, candidates=8, n=20)
    assert all((row.instruction or "").startswith("Name") for row in rows)
    plain = await rows_of(Scripted(script), topic=None, n=20)
    assert any(row.instruction == "Sure! Here is" for row in plain)


async def test_every_candidate_has_a_seed_of_its_own() -> None:
    llm = Scripted(lambda r: f"Why is there a poem number {r.seed}?")
    await rows_of(llm, candidates=4)
    assert len({request.seed for request in llm.requests}) == 24
    assert len({str(request.prompt) for request in llm.requests}) == 1  # the engine forks it


async def test_a_longer_run_begins_as_a_shorter_one_at_any_concurrency() -> None:
    few = await rows_of(Scripted(sometimes), n=5)
    many = await rows_of(Scripted(sometimes), n=15, concurrency=6)
    assert many[:5] == few


async def test_a_rejected_row_passes_the_gate_with_its_reason() -> None:
    rows = magpie(
        Scripted(lambda r: f"Why is there a poem number {r.seed}?"),
        n=2,
        topic="bees: hive, honey",
        embedder=Counted(),
    )
    checked = [row async for row in Gate().check(rows)]
    assert [row.verdict and row.verdict.reasons for row in checked] == [("off_topic",)] * 2


@pytest.mark.parametrize("name", topic_names())
def test_a_topic_with_a_file_brings_all_it_needs(name: str) -> None:
    found = beginnings(name, steered=False)
    assert found.about is not None
    assert ":" in found.about
    assert found.system is not None
    assert "helps users" in found.system
    assert len(set(found.openings)) == len(found.openings) >= 30
    assert found.source["prompt"] == f"magpie/topics/{name}"


async def test_a_topics_own_system_prompt_gives_way_to_the_users() -> None:
    llm = Scripted(lambda _: " 3 and 4?")
    (row, *_) = await rows_of(llm, topic="mathematics", openings=None)
    assert row.system == beginnings("mathematics", steered=False).system
    (row, *_) = await rows_of(llm, topic="mathematics", system_prompt="You count.", openings=None)
    assert row.system == "You count."


def test_any_other_topic_is_named_in_openings_if_it_is_short() -> None:
    short = beginnings("bees: hives and honey", steered=False).openings
    assert "In bees, what is" in short
    long = "everything that somebody who keeps bees at home should know"
    assert not any("bees" in opening for opening in beginnings(long, steered=False).openings)


def test_under_a_system_prompt_no_opening_brings_a_subject_of_its_own() -> None:
    general = load_prompt("magpie/openings").value("openings")
    assert list(beginnings(None, steered=False).openings) == general
    assert beginnings(None, steered=True).source["prompt"] == "magpie/steered"


async def test_an_empty_topic_is_refused() -> None:
    with pytest.raises(InputError, match="The topic is empty"):
        await rows_of(Scripted([]), topic=" ")


async def test_what_openings_ban_needs_a_back_end_that_can() -> None:
    llm = Scripted(sometimes, capabilities=[Capability.RAW_PROMPT, Capability.PREFIX])
    with pytest.raises(CapabilityError, match="banned"):
        await rows_of(llm, openings=None)
    assert len(await rows_of(llm, n=2)) == 2


@pytest.mark.real
async def test_with_the_real_models_most_rows_are_on_a_topic_of_ones_own(
    smollm: LlamaCpp, embedder: MiniLM
) -> None:
    about = "astronomy: planets, stars, galaxies"
    rows = [
        row
        async for row in magpie(smollm, n=12, seed=1, topic=about, embedder=embedder, max_tokens=48)
    ]
    assert len(rows) == 12
    assert sum(not row.settled for row in rows) >= 8
    assert all(row.scores["on_topic"] >= 0.03 for row in rows if not row.settled)
