"""Chat templates learned from what a server renders."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evolsynth.llm.server.learned import learned
from evolsynth.llm.template import ChatTemplate
from evolsynth.rows import Message

CHATML = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are kind.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_3 = (
    "{{ '<|begin_of_text|>' }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + "
    "'<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
VICUNA = (
    "{% if messages[0]['role'] != 'system' %}{{ 'A \"chat\".' }}{% endif %}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ m['content'] }}"
    "{% elif m['role'] == 'user' %}{{ ' USER: ' + m['content'] }}"
    "{% else %}{{ ' ASSISTANT: ' + m['content'] + '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ ' ASSISTANT:' }}{% endif %}"
)
TALK = (
    Message("system", "Be brief."),
    Message("user", "What is {{ 7 }}?"),
    Message("assistant", "A number."),
    Message("user", "<b>Why?</b>"),
)


@pytest.mark.parametrize(
    ("source", "end"),
    [(CHATML, "<|im_end|>"), (LLAMA_3, "<|eot_id|>"), (VICUNA, "ASSISTANT:")],
    ids=["ChatML", "Llama 3", "Vicuna"],
)
async def test_it_renders_as_the_server_does(source: str, end: str) -> None:
    theirs = ChatTemplate(source)

    async def render(turns: Sequence[Message]) -> str | None:
        return str(theirs.render(turns))

    found = await learned(render)
    assert found is not None
    ours = ChatTemplate(found)
    for turns in (TALK, TALK[1:], TALK[:2], TALK[1:2]):
        wanted = str(theirs.render(turns)).removeprefix("<|begin_of_text|>")
        assert str(ours.render(turns)) == wanted
    assert ours.turn_end() == end
    assert str(ours.pre_query()) == str(theirs.pre_query()).removeprefix("<|begin_of_text|>")


async def test_what_is_not_of_that_kind_is_not_guessed_at() -> None:
    async def silent(_: Sequence[Message]) -> str | None:
        return None

    async def counting(turns: Sequence[Message]) -> str | None:
        return "".join(f"[{i}] {t.content}\n" for i, t in enumerate(turns))

    async def deaf(turns: Sequence[Message]) -> str | None:
        return f"USER: {turns[-1].content}"

    for render in (silent, counting, deaf):
        assert await learned(render) is None
