"""Runs on the real SmolLM2 and MiniLM."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from written_rows import whole_row

from evolsynth.errors import ModelNotFound
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.files import find_model
from evolsynth.methods.evolve.evolve import evolve as evolve_rows
from evolsynth.methods.magpie.magpie import magpie as magpie_rows
from evolsynth.methods.respond import respond as respond_to
from evolsynth.pipeline import Pipeline, evolve, gate, magpie, respond

pytestmark = [pytest.mark.real]
on_one_loop = pytest.mark.asyncio(loop_scope="session")
FILES = ("accepted.jsonl", "rejected.jsonl")


def line(n: int) -> Pipeline:
    steps = magpie(n=n) >> evolve(candidates=3) >> respond(max_tokens=40)
    return (steps >> gate()).using(seed=3)


@on_one_loop
async def test_a_run_gives_what_the_methods_give_and_asks_nothing_the_second_time(
    tmp_path: Path, smollm: LlamaCpp, embedder: MiniLM
) -> None:
    options = {"llm": smollm, "embedder": embedder, "report": False}
    await line(2).run(str(tmp_path / "run"), **options)
    checks = Gate(embedder)
    rows = checks.check(magpie_rows(smollm, n=2, seed=3), instructions_only=True)
    rows = evolve_rows(rows, smollm, seed=3, gate=checks, candidates=3)
    rows = checks.check(rows, instructions_only=True)
    rows = checks.check(respond_to(rows, smollm, seed=3, max_tokens=40))
    by_hand = [row async for row in rows]
    written = [
        json.loads(line)["id"]
        for name in FILES
        for line in (tmp_path / "run" / name).read_text("utf-8").splitlines()
    ]
    order = [*(r for r in by_hand if not r.settled), *(r for r in by_hand if r.settled)]
    assert written == [row.id for row in order]
    before = {name: (tmp_path / "run" / name).read_bytes() for name in FILES}
    asked = smollm.usage.requests
    await line(2).run(str(tmp_path / "run"), **options)
    assert smollm.usage.requests == asked
    assert {name: (tmp_path / "run" / name).read_bytes() for name in FILES} == before


@pytest.mark.slow
@on_one_loop
async def test_the_bytes_do_not_depend_on_the_width(
    tmp_path: Path, smollm: LlamaCpp, embedder: MiniLM
) -> None:
    """Nor do those of a shorter line, in `test_steered_runs`, and of methods, in
    `test_whole_line`."""
    found = []
    for width in (1, 16):
        folder = tmp_path / str(width)
        options = {"llm": smollm, "embedder": embedder, "report": False, "concurrency": width}
        await line(3).run(str(folder), **options)
        found.append([(folder / name).read_bytes() for name in FILES])
    assert found[0] == found[1]


async def test_a_model_file_that_goes_is_told_and_the_run_goes_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    model = tmp_path / "mine.gguf"
    shutil.copy(find_model("SmolLM2-135M-Instruct")[0], model)
    pipe = magpie(n=6, max_tokens=16) >> respond(max_tokens=8)
    folder = str(tmp_path / "run")
    options = {"embedder": None, "report": False}

    def mine() -> LlamaCpp:
        return LlamaCpp(str(model), slots=4, contexts=1, threads=1, context=512)

    await pipe.run(folder, llm=mine(), max_attempts=2, **options)
    moved = model.rename(tmp_path / "away.gguf")
    with pytest.raises(ModelNotFound, match=r"mine\.gguf"):
        await pipe.run(folder, llm=mine(), max_attempts=4, **options)
    assert len((tmp_path / "run" / "accepted.jsonl").read_text("utf-8").splitlines()) == 2
    moved.rename(model)
    result = await pipe.run(folder, llm=mine(), max_attempts=4, **options)
    assert result.accepted == 4
    assert sum(counts.found for counts in result.state.refresh()) >= 4


@on_one_loop
async def test_one_model_writes_and_another_answers(tmp_path: Path, smollm: LlamaCpp) -> None:
    """Both names stand in the rows, each beside the text that its model wrote."""
    larger = tmp_path / "larger.gguf"
    shutil.copy(find_model("SmolLM2-135M-Instruct")[0], larger)
    answerer = LlamaCpp(larger, slots=4, contexts=1, threads=1)
    pipe = magpie(n=3) >> respond(max_tokens=8)
    options = {"llm": smollm, "answerer": answerer, "embedder": None, "report": False}
    await pipe.run(str(tmp_path / "run"), **options)
    lines = (tmp_path / "run" / "accepted.jsonl").read_text("utf-8").splitlines()
    made = [whole_row(line)["provenance"] for line in lines]
    assert len(made) == 3
    assert {how["instruction"]["model"] for how in made} == {smollm.name}
    assert {how["response"]["model"] for how in made} == {"larger"}
