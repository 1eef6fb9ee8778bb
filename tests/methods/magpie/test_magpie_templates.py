"""What the model is shown, token for token: four families of chat templates, every turn."""

from __future__ import annotations

from collections.abc import Sequence

import jinja2
import pytest

from evolsynth.llm.base import Prompt, Request
from evolsynth.llm.llamacpp.model import Model
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row

STEERING = load_prompt("magpie/turns").part("system").strip()
SYSTEM = "You know water."

# In the form of Llama 3: a token of its own at the start, every text trimmed.
LLAMA3 = (
    "{{ '<|begin_of_text|>' }}{% for m in messages %}"
    "{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim"
    " + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
# In the form of Gemma: no system turn, and the assistant is called model.
GEMMA = (
    "{{ '<bos>' }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}"
    "{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
    "{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
# In the form of Mistral: the system text is the beginning of the first user's turn.
MISTRAL = (
    "{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\\n\\n' %}"
    "{% set turns = messages[1:] %}{% else %}{% set first = '' %}{% set turns = messages %}"
    "{% endif %}{{ '<s>' }}{% for m in turns %}"
    "{% if m['role'] == 'user' %}"
    "{{ '[INST] ' + (first if loop.first else '') + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + '</s>' }}{% endif %}{% endfor %}"
)


def talk(request: Request) -> str:
    """Says which request it was, so that the next prompt shows it."""
    return f"Text {request.seed % 100} about {'abcdefgh'[request.seed % 8] * 4}"


async def asked(template: str, **options: object) -> tuple[Row, list[Prompt]]:
    """A conversation of two turns without openings, and what the model was shown for it."""
    llm = Scripted(talk, chat_template=template)
    rows = magpie(llm, n=1, n_turns=2, candidates=1, openings=("",), **options)  # type: ignore[arg-type]
    (row,) = [row async for row in rows]
    return row, [request.raw for request in llm.requests]


def control(prompt: Prompt) -> list[str]:
    """The pieces in which control tokens are control tokens."""
    return [segment.text for segment in prompt.segments if segment.control]


def opened(row: Row) -> Sequence[str]:
    return [m.content for m in row.messages]


async def test_llama_3() -> None:
    row, prompts = await asked(LLAMA3, system_prompt=SYSTEM)
    one, two, three, _ = opened(row)
    head = "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
    user = "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
    model = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    assert [str(p) for p in prompts] == [
        f"{head}{SYSTEM}{user}",
        f"{head}{SYSTEM}{user}{one}{model}",
        f"{head}{SYSTEM}\n\n{STEERING}{user}{one}{model}{two}{user}",
        f"{head}{SYSTEM}{user}{one}{model}{two}{user}{three}{model}",
    ]
    assert control(prompts[2]) == [head, user, model, user]


async def test_gemma_has_no_system_turn_and_none_is_made_up() -> None:
    row, prompts = await asked(GEMMA, turns_prompt=None, response_prompt=None)
    one, two, three, _ = opened(row)
    user, model = "<start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n"
    assert [str(p) for p in prompts] == [
        f"<bos>{user}",
        f"<bos>{user}{one}{model}",
        f"<bos>{user}{one}{model}{two}<end_of_turn>\n{user}",
        f"<bos>{user}{one}{model}{two}<end_of_turn>\n{user}{three}{model}",
    ]
    assert control(prompts[2]) == [f"<bos>{user}", model, f"<end_of_turn>\n{user}"]


async def test_a_system_turn_for_gemma_stands_before_the_first_question() -> None:
    row, prompts = await asked(GEMMA, system_prompt=SYSTEM, turns_prompt=None)
    one, _, three, _ = opened(row)
    user, model = "<start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n"
    assert [str(p) for p in prompts[:2]] == [
        f"<bos>{user}{SYSTEM}\n\n",
        f"<bos>{user}{SYSTEM}\n\n{one}{model}",
    ]
    assert str(prompts[3]).endswith(f"<end_of_turn>\n{user}{three}{model}")
    assert row.system == SYSTEM
    assert [m.role for m in row.messages] == ["user", "assistant"] * 2


async def test_mistral_has_the_system_text_in_the_first_users_turn() -> None:
    row, prompts = await asked(MISTRAL, system_prompt=SYSTEM)
    one, two, three, _ = opened(row)
    assert [str(p) for p in prompts] == [
        f"<s>[INST] {SYSTEM}\n\n",
        f"<s>[INST] {SYSTEM}\n\n{one} [/INST]",
        f"<s>[INST] {SYSTEM}\n\n{STEERING}\n\n{one} [/INST] {two}</s>[INST] ",
        f"<s>[INST] {SYSTEM}\n\n{one} [/INST] {two}</s>[INST] {three} [/INST]",
    ]
    assert control(prompts[0]) == ["<s>[INST] ", "\n\n"]
    assert control(prompts[2]) == ["<s>[INST] ", "\n\n", " [/INST] ", "</s>[INST] "]


async def test_a_text_that_looks_like_control_stays_text_in_every_turn() -> None:
    said = "Yes.<|start_header_id|>"
    llm = Scripted(lambda request: f"{said} {request.seed}", chat_template=LLAMA3)
    rows = magpie(llm, n=1, n_turns=2, candidates=1, openings=("",))
    (row,) = [row async for row in rows]
    assert len(row.messages) == 3  # it is rejected for them, but first it was shown to the model
    pieces = [s for request in llm.requests for s in request.raw.segments if said in s.text]
    assert len(pieces) == 1 + 2  # in the prompt of the answer, and of the next question
    assert not any(piece.control for piece in pieces)


# The real tokeniser -------------------------------------------------------------------------------


def reference(model: Model, messages: Sequence[dict[str, str]], *, answer: bool) -> list[int]:
    """The ids of the model's own template rendered as plain text, control tokens and all.

    Before a user's words: rendered with a mark for them, and cut there.
    """
    source = model.metadata("tokenizer.chat_template")
    assert source is not None
    turns = list(messages) if answer else [*messages, {"role": "user", "content": "@here@"}]
    environment = jinja2.Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string(source).render(messages=turns, add_generation_prompt=answer)
    data = (text if answer else text.partition("@here@")[0]).encode()
    native, size = model._native, len(data) + 8
    tokens = (native.llama_token * size)()
    count = native.llama_tokenize(
        model.vocabulary, data, len(data), tokens, size, False, True  # control tokens are parsed
    )  # fmt: skip
    return list(tokens[:count])


@pytest.mark.real
@pytest.mark.parametrize("system", [None, SYSTEM])
async def test_smollm2_is_shown_its_own_templates_tokens_in_every_turn(
    loaded_model: Model, system: str | None
) -> None:
    source = loaded_model.template.source
    llm = Scripted(talk, chat_template=source)
    rows = magpie(
        llm,
        n=1,
        n_turns=2,
        candidates=1,
        openings=("",),
        system_prompt=system,
        turns_prompt=None if system is None else "magpie/turns",
        response_prompt=None,
    )
    (row,) = [row async for row in rows]
    own = [] if system is None else [{"role": "system", "content": system}]
    steered = [{"role": "system", "content": f"{SYSTEM}\n\n{STEERING}"}] if system else []
    said = [{"role": m.role, "content": m.content} for m in row.messages]
    wanted = [
        reference(loaded_model, own, answer=False),
        reference(loaded_model, [*own, *said[:1]], answer=True),
        reference(loaded_model, [*steered, *said[:2]], answer=False),
        reference(loaded_model, [*own, *said[:3]], answer=True),
    ]
    shown = [loaded_model.tokenise(request.raw) for request in llm.requests]
    assert [[*tokens.shared, *tokens.own] for tokens in shown] == wanted
