"""A model as judge: weighted levels where it tells log-probabilities, else the number it says."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.errors import CapabilityError, InputError, RequestError
from evolsynth.evaluation.scores.judge import CRITERIA, judge, weighted_level
from evolsynth.llm.base import Capability, Prompt, Request, Score, TokenLogprob
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.rows import Row

ROW = Row.make("Name a river.", response="The Oder.")
SAYS = frozenset({Capability.RAW_PROMPT, Capability.PREFIX})


class Levels(Scripted):
    """Gives the six levels the given probabilities."""

    def __init__(self, *probabilities: float) -> None:
        super().__init__([])
        self._levels = {f" {n}": p for n, p in enumerate(probabilities, 1)}
        self.prompts: list[str] = []

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        self.prompts.append(str(prompt))
        value = math.log(self._levels[str(continuation)])
        return Score(logprobs=(TokenLogprob(0, b"x", value),), prompt_tokens=1)


async def judged(rows: Sequence[Row], llm: Scripted, **options: Sequence[str]) -> list[Row]:
    return [row async for row in judge(rows, llm, **options)]  # type: ignore[arg-type]


async def test_the_score_is_the_mean_level_weighted_by_probability() -> None:
    (row,) = await judged([ROW], Levels(0.1, 0.1, 0.1, 0.1, 0.1, 0.5))
    assert row.scores == {"complexity": 4.5, "quality": 4.5}
    assert row.provenance["judge"]["quality"]["prompt"] == "judge/quality"


async def test_the_judge_sees_the_rubric_the_row_and_the_opening() -> None:
    llm = Levels(*[1 / 6] * 6)
    await judged([ROW], llm, criteria=["quality"])
    (prompt,) = set(llm.prompts)
    assert "Name a river." in prompt
    assert "The Oder." in prompt
    assert prompt.endswith("<|im_start|>assistant\nQuality:")


async def test_the_rubric_is_shared_by_all_rows_and_the_row_is_not() -> None:
    llm = Levels(*[1 / 6] * 6)
    shared: set[str] = set()

    async def score(prompt: Prompt, continuation: str | Prompt) -> Score:
        shared.add("".join(segment.text for segment in prompt.segments[: prompt.shared]))
        return await Levels.score(llm, prompt, continuation)

    llm.score = score  # type: ignore[method-assign]
    await judged([ROW, Row.make("Say hello.", response="Hello.")], llm, criteria=["quality"])
    (rubric,) = shared
    assert "true, complete, keeps every condition" in rubric
    assert "river" not in rubric


async def test_what_looks_like_a_template_in_a_row_is_not_rendered() -> None:
    llm = Levels(*[1 / 6] * 6)
    await judged([Row.make("Say {{ 6 * 7 }} <|im_end|>")], llm, criteria=["complexity"])
    assert "Say {{ 6 * 7 }} <|im_end|>" in llm.prompts[0]


@pytest.mark.parametrize(
    ("said", "score"),
    [(" 4", 4), ("I give it a 5.", 5), ("Score: 3/6", None), ("fair", None), (" 10", None)],
)
async def test_without_log_probabilities_the_number_is_read(said: str, score: int | None) -> None:
    (row,) = await judged([ROW], Scripted(lambda _: said, capabilities=SAYS), criteria=["quality"])
    assert row.scores.get("quality") == score
    assert ("missing" in row.provenance["judge"]["quality"]) == (score is None)


async def test_a_row_without_a_response_is_judged_by_its_instruction() -> None:
    (row,) = await judged([Row.make("Name a river.")], Levels(*[1 / 6] * 6))
    assert row.scores == {"complexity": 3.5}


async def test_settled_rows_and_earlier_scores_stay() -> None:
    rejected = ROW.reject("too_short")
    scored = ROW.replace(scores={"ifd": 0.5})
    first, second = await judged([rejected, scored], Levels(*[1 / 6] * 6), criteria=["quality"])
    assert first == rejected
    assert second.scores == {"ifd": 0.5, "quality": 3.5}


async def test_a_row_that_is_too_long_stays_and_says_why() -> None:
    llm = Scripted(lambda _: RequestError("Too long."), capabilities=SAYS)
    (row,) = await judged([ROW], llm)
    assert row.status == "pending"
    assert row.provenance["judge"]["complexity"]["missing"] == "Too long."


async def test_the_same_row_is_asked_about_with_the_same_seed() -> None:
    def answer(request: Request) -> str:
        return str(1 + request.seed % 6)

    llm = Scripted(answer, capabilities=SAYS)
    first, *_ = await judged([ROW], llm)
    *_, last = await judged([Row.make("Another."), ROW], llm)
    assert first.scores == last.scores


async def test_unknown_criteria_and_unable_back_ends_are_refused() -> None:
    with pytest.raises(InputError, match="complexity, quality"):
        await judged([ROW], Levels(1), criteria=["beauty"])
    with pytest.raises(CapabilityError):
        await judged([ROW], Scripted([], capabilities=[]))


@given(st.lists(st.floats(-50, 0), min_size=6, max_size=6))
def test_a_weighted_level_lies_between_the_first_and_the_last(logprobs: list[float]) -> None:
    assert 1 <= weighted_level(logprobs) <= 6
    assert weighted_level([p - 3 for p in logprobs]) == pytest.approx(weighted_level(logprobs))


def test_no_log_probabilities_have_no_level() -> None:
    with pytest.raises(InputError):
        weighted_level([])


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_the_real_model_gives_fractions_and_the_same_each_time(smollm: LlamaCpp) -> None:
    rows = [ROW, Row.make("Say hello."), ROW]
    first, _, again = [row async for row in judge(rows, smollm)]
    assert set(first.scores) == set(CRITERIA)
    assert all(1 < score < 6 for score in first.scores.values())
    assert first.scores == again.scores
    (alone,) = [row async for row in judge([ROW], smollm)]
    assert alone.scores == first.scores


async def test_the_judge_sees_the_input_of_an_instruction() -> None:
    llm = Levels(*[1 / 6] * 6)
    await judged([ROW.replace(extra={"input": "Rivers: Oder, Elbe."})], llm)
    assert all("-----\nName a river.\n\nRivers: Oder, Elbe.\n-----" in p for p in llm.prompts)
