"""Models and settings that cannot be used: one clear sentence each, before any work."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from evolsynth.errors import InputError, RequestError, TemplateError
from evolsynth.llm.base import Prompt, Request
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.llm.llamacpp.files import find_model
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.respond import respond
from evolsynth.rows import Message, Row

KEY = b"tokenizer.chat_template"


def patched(folder: Path, old: bytes, new: bytes) -> Path:
    """The packaged model with some of its metadata's bytes changed, the length kept."""
    content = find_model(DEFAULT_MODEL)[0].read_bytes()
    assert len(old) == len(new)
    assert content.count(old) == 1
    path = folder / "patched.gguf"
    path.write_bytes(content.replace(old, new))
    return path


@pytest.fixture(scope="module")
def without_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return patched(tmp_path_factory.mktemp("without"), KEY, b"tokenizer.chat_themplat")


def small(path: Path, **settings: str) -> LlamaCpp:
    return LlamaCpp(path, quantisation=None, slots=2, context=128, contexts=1, **settings)  # type: ignore[arg-type]


RAW = Request(prompt=Prompt.of("The sky is"), seed=1, max_tokens=3)


async def test_a_model_without_a_template_still_continues_text(without_template: Path) -> None:
    async with small(without_template) as llm:
        assert (await llm.complete(RAW)).tokens == 3


async def test_a_missing_template_stops_methods_before_the_first_request(
    without_template: Path,
) -> None:
    async with small(without_template) as llm:
        with pytest.raises(TemplateError, match=r"patched has no chat template.*chat_template="):
            _ = [row async for row in magpie(llm, n=3)]
        with pytest.raises(TemplateError, match="no chat template"):
            _ = [row async for row in respond([Row.make("Name a river.")], llm)]
        assert llm.usage.requests == 0


async def test_a_template_of_ones_own_takes_its_place(without_template: Path) -> None:
    template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    async with small(without_template, chat_template=template) as llm:
        assert llm.template.source == template
        rows = [row async for row in magpie(llm, n=2, max_tokens=8)]
    assert [row.failure for row in rows] == [None, None]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for m in messages %}{{ m.content }}", "does not parse"),
        pytest.param("{{ messages[7].content }}", "fails", marks=pytest.mark.slow),
        ("{{ raise_exception('only poems') }}", "only poems"),
        ("{% for i in range(10**12) %}x{% endfor %}", "fails"),
        pytest.param(
            "{% for i in range(9**5) %}{% for j in range(9**5) %}{% endfor %}{% endfor %}",
            "too much",
            marks=pytest.mark.slow,  # as are all that `test_sandbox` has, too
        ),
        pytest.param(
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion", marks=pytest.mark.slow
        ),
        pytest.param("{{ 'a' * 10**13 }}", "too long", marks=pytest.mark.slow),
        pytest.param(
            "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
            "does not parse",
            marks=pytest.mark.slow,
        ),
        ("{{ messages.__class__.__mro__ }}", "fails"),
        ("no turn is shown", "leaves out the user's turn|changes or repeats"),
    ],
)
async def test_a_broken_template_stops_methods_before_the_first_request(
    template: str, said: str
) -> None:
    llm = LlamaCpp(slots=2, context=128, contexts=1, chat_template=template)
    async with llm:
        with pytest.raises(TemplateError, match=said):
            _ = [row async for row in magpie(llm, n=3)]
        with pytest.raises(TemplateError, match=f"{said}|fails"):
            _ = [row async for row in respond([Row.make("Name a river.")], llm)]
        assert llm.usage.requests == 0
        assert (await llm.complete(RAW)).tokens == 3


async def test_a_template_that_cannot_begin_an_answer_stops_respond_at_its_start() -> None:
    template = (
        "{% for m in messages %}<{{ m.content }}>{% endfor %}"
        "{% if add_generation_prompt %}{{ raise_exception('no answers') }}{% endif %}"
    )
    async with LlamaCpp(slots=2, context=128, contexts=1, chat_template=template) as llm:
        for prompt in (None, "respond/brief"):
            with pytest.raises(TemplateError, match="no answers"):
                _ = [row async for row in respond([Row.make("Go.")], llm, prompt=prompt)]
        assert llm.usage.requests == 0


async def test_a_long_template_in_the_file_is_read_whole(tmp_path: Path) -> None:
    content = find_model(DEFAULT_MODEL)[0].read_bytes()
    head, key, rest = content.partition(KEY)
    kind, (length,) = rest[:4], struct.unpack("<Q", rest[4:12])
    comment = b"{#" + b"-" * (2**18 - 4) + b"#}"  # in whole blocks of what tensors are aligned to
    template = comment + rest[12 : 12 + length]
    path = tmp_path / "long.gguf"
    size = struct.pack("<Q", len(template))
    path.write_bytes(head + key + kind + size + template + rest[12 + length :])
    async with small(path) as llm:
        assert len(llm.template.source) == len(template.decode())
        assert str(llm.template.render([Message("user", "Hi")])).endswith("assistant\n")


async def test_a_broken_template_in_the_file_is_told_alike(tmp_path: Path) -> None:
    path = patched(tmp_path, b"{% for message in messages %}", b"{% for message in messages }}")
    async with small(path) as llm:
        with pytest.raises(TemplateError, match="does not parse"):
            _ = [row async for row in magpie(llm, n=3)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"slots": 0}, "slots is 0"),
        ({"slots": -3}, "slots is -3"),
        ({"context": 0}, "context is 0"),
        ({"threads": -1}, "threads is -1"),
        ({"context": 15}, "context is 15"),
        ({"contexts": 0}, "contexts is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"store": -1}, "store is -1"),
    ],
)
def test_impossible_settings_are_refused_at_once(settings: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        LlamaCpp(**settings)  # type: ignore[arg-type]


async def test_a_context_longer_than_the_model_knows_is_refused_at_start() -> None:
    llm = LlamaCpp(slots=2, context=8193, contexts=1)
    with pytest.raises(InputError, match="trained for 8192 tokens"):
        await llm.start()
    await llm.aclose()


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(prompt=Prompt.of("word " * 600), seed=1, max_tokens=1), "a slot has 512"),
        (Request(prompt=Prompt.of("word"), seed=1, max_tokens=512), "max_tokens 512"),
        (Request(prompt=Prompt.of(""), seed=1, max_tokens=1), "prompt is empty"),
    ],
)
async def test_a_request_that_cannot_fit_never_enters(
    request_: Request, said: str, smollm: LlamaCpp
) -> None:
    before = smollm.usage.requests
    with pytest.raises(RequestError, match=said):
        await smollm.complete(request_)
    assert smollm.usage.requests == before
