"""Thoughts of a model in process: the real one, shown by examples how to think."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from evolsynth.errors import RequestError
from evolsynth.llm.base import Request, Sampling
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.rows import Message

SHOTS = "".join(
    f"Q: Which is larger, {a} or {b}?\nA: <think>\n{a} has more. {b} has less.\n</think>\n{a}.\n\n"
    for a, b in (("a horse", "a cat"), ("a house", "a shoe"), ("a sea", "a lake"))
)
#: It opens the thought, and has a switch.
TEMPLATE = (
    SHOTS + "Q: {{ messages[-1].content }}\nA: {% if enable_thinking is defined and not "
    "enable_thinking %}<think>\n</think>\n{% else %}<think>\n{% endif %}"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thinker() -> AsyncIterator[LlamaCpp]:
    async with LlamaCpp(slots=2, context=512, contexts=1, threads=1, chat_template=TEMPLATE) as llm:
        yield llm


def asked(**told: Any) -> Request:
    question = Message("user", "Which is larger, a city or a village?")
    told = {"max_tokens": 40, "stop": ("\n\n",), **told}
    return Request(messages=(question,), seed=1, sampling=Sampling(temperature=0), **told)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_thought_is_kept_apart_and_stops_only_end_the_answer(thinker: LlamaCpp) -> None:
    done = await thinker.complete(asked(stop=("\n\n", ". ", "\n<")))
    assert "city has more. " in done.reasoning
    assert done.text
    assert not any(stop in done.text for stop in ("think>", ". ", "\n<"))
    assert "think>" not in done.reasoning
    assert done.finish_reason == "stop"


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_cut_inside_its_thought_is_none(thinker: LlamaCpp) -> None:
    with pytest.raises(RequestError, match=r"cut inside its thought, after 4 tokens.*think=False"):
        await thinker.complete(asked(max_tokens=4))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_given_beginning_or_form_leaves_no_room_for_a_thought(thinker: LlamaCpp) -> None:
    begun = await thinker.complete(asked(prefix="a c", max_tokens=4))
    chosen = await thinker.complete(asked(choices=("a village", "a city")))
    assert begun.text.startswith("a c")
    assert chosen.text in ("a village", "a city")
    assert begun.reasoning == chosen.reasoning == ""


async def test_thoughts_are_switched_off_and_templates_take_arguments() -> None:
    options: dict[str, Any] = {"think": False, "template_arguments": {"tone": "So "}}
    template = TEMPLATE + "{{ tone }}"
    async with LlamaCpp(
        slots=1, context=512, contexts=1, threads=1, chat_template=template, **options
    ) as llm:
        assert str(llm.prepared(asked()).raw).endswith("A: <think>\n</think>\nSo ")
        assert (await llm.complete(asked(max_tokens=4))).reasoning == ""


async def test_a_model_that_does_not_think_is_left_alone(smollm: LlamaCpp) -> None:
    model = smollm._running()
    assert model.thought_tags is None
    prompt = smollm.template.render([Message("user", "Say <think>.")])
    done = await smollm.complete(Request(prompt=prompt, seed=1, max_tokens=8))
    assert done.reasoning == ""
