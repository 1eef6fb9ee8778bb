"""IFD: the response's perplexity after its instruction beside that of the response alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evolsynth.errors import CapabilityError, RequestError
from evolsynth.evaluation.scores.response import ifd
from evolsynth.llm.base import Capability, Prompt, Score, TokenLogprob
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.llm.template import ChatTemplate
from evolsynth.rows import Row


class Scoring(Scripted):
    """Scores a text by a function of the prompt's text and the text."""

    def __init__(self, logprob: Callable[[str, str], float]) -> None:
        super().__init__([])
        self.scored: list[tuple[str, str]] = []
        self._logprob = logprob

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        self.scored.append((str(prompt), str(continuation)))
        value = self._logprob(*self.scored[-1])
        return Score(logprobs=(TokenLogprob(0, b"x", value),), prompt_tokens=1)


def row(instruction: str | None = "Name a river.", response: str | None = "The Oder.") -> Row:
    return Row.make(instruction, response=response)


async def test_the_score_is_the_ratio_of_two_perplexities() -> None:
    llm = Scoring(lambda prompt, _: -0.5 if "river" in prompt else -2.0)
    (scored,) = [r async for r in ifd([row()], llm)]
    assert scored.scores["ifd"] == pytest.approx(0.2231, abs=1e-4)  # e**0.5 / e**2
    assert scored.scores["perplexity"] == pytest.approx(1.6487, abs=1e-4)
    assert scored.scores["perplexity_alone"] == pytest.approx(7.3891, abs=1e-4)
    assert scored.provenance["ifd"] == {"model": "scripted"}


async def test_alone_means_after_the_assistants_header_only() -> None:
    llm = Scoring(lambda *_: -1.0)
    [_ async for _ in ifd([row()], llm)]
    prompts = [prompt for prompt, _ in llm.scored]
    assert "<|im_start|>assistant\n" in prompts
    assert any(p.endswith("Name a river.<|im_end|>\n<|im_start|>assistant\n") for p in prompts)


async def test_a_template_whose_user_turn_ends_where_the_answer_begins() -> None:
    llm = Scoring(lambda *_: -1.0)
    llm._template = ChatTemplate(
        "{% for m in messages %}[INST] {{ m['content'] }} [/INST]{% endfor %}"
    )
    [_ async for _ in ifd([row()], llm)]
    assert {"[/INST]"} < {prompt.strip() for prompt, _ in llm.scored}


async def test_rows_that_cannot_be_scored_pass_through() -> None:
    rows = [row(response=None), row(None), row(response=" "), row().reject("too_short")]
    assert [r async for r in ifd(rows, Scoring(lambda *_: -1.0))] == rows


async def test_a_row_that_is_too_long_stays_and_says_why() -> None:
    def too_long(prompt: str, _: str) -> float:
        if "river" in prompt:
            raise RequestError("The prompt is too long.")
        return -1.0

    first, second = [r async for r in ifd([row(), row("Name a hill.")], Scoring(too_long))]
    assert first.provenance["ifd"]["missing"] == "The prompt is too long."
    assert "ifd" not in first.scores
    assert second.scores["ifd"] == 1.0


async def test_a_back_end_without_log_probabilities_is_refused_at_the_start() -> None:
    llm = Scripted([], capabilities=set(Capability) - {Capability.LOGPROBS})
    with pytest.raises(CapabilityError, match="IFD"):
        [_ async for _ in ifd([row()], llm)]


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_an_answer_to_something_else_has_the_higher_ifd(smollm: LlamaCpp) -> None:
    asked = "Give me three tips for growing tomatoes on a balcony."
    answer = "Choose a sunny spot, water the plants every morning, and use a deep pot with holes."
    rows = [
        row(asked, answer),
        row("What is the capital of France?", answer),
        row(asked, answer),
    ]
    fits, other, again = [r.scores["ifd"] async for r in ifd(rows, smollm)]
    assert 0 < fits < 1
    assert fits < other
    assert again == fits
    assert [r.scores["ifd"] async for r in ifd(rows[:1], smollm)] == [fits]


async def test_the_input_belongs_to_what_is_asked() -> None:
    llm = Scoring(lambda *_: -1.0)
    about = Row.make("Name it.", response="The Oder.", extra={"input": "A river in Poland."})
    (scored,) = [r async for r in ifd([about], llm)]
    assert "ifd" in scored.scores
    assert any("Name it.\n\nA river in Poland.<|im_end|>" in prompt for prompt, _ in llm.scored)
