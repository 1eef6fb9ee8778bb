"""Where a chat template may come from: a name, a text, a file, another model."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from evolsynth.errors import InputError, TemplateError
from evolsynth.llm.families import FAMILIES, find_template
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.template import ChatTemplate
from evolsynth.rows import Message

TALK = (Message("user", "Hi {{ x }}"), Message("assistant", "Yes?"), Message("user", "Go <s>"))
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

# From the families' documentation: how two turns and the beginning of an answer are written.
WRITTEN = {
    "alpaca": (
        "<s>### Instruction:\nHi {{ x }}\n\n### Response:\nYes?\n\n### Instruction:\nGo <s>\n\n"
        "### Response:\n"
    ),
    "chatml": (
        "<|im_start|>user\nHi {{ x }}<|im_end|>\n<|im_start|>assistant\nYes?<|im_end|>\n"
        "<|im_start|>user\nGo <s><|im_end|>\n<|im_start|>assistant\n"
    ),
    "gemma": (
        "<s><start_of_turn>user\nHi {{ x }}<end_of_turn>\n<start_of_turn>model\nYes?<end_of_turn>\n"
        "<start_of_turn>user\nGo <s><end_of_turn>\n<start_of_turn>model\n"
    ),
    "llama2": "<s>[INST] Hi {{ x }} [/INST] Yes? </s>[INST] Go <s> [/INST]",
    "llama3": (
        "<s><|start_header_id|>user<|end_header_id|>\n\nHi {{ x }}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nYes?<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nGo <s><|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "mistral": "<s>[INST] Hi {{ x }}[/INST] Yes?</s>[INST] Go <s>[/INST]",
    "phi3": (
        "<|user|>\nHi {{ x }}<|end|>\n<|assistant|>\nYes?<|end|>\n<|user|>\nGo <s><|end|>\n"
        "<|assistant|>\n"
    ),
    "zephyr": (
        "<|user|>\nHi {{ x }}</s>\n<|assistant|>\nYes?</s>\n<|user|>\nGo <s></s>\n<|assistant|>\n"
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_writes_turns_begins_answers_and_ends_users_words(name: str) -> None:
    template = ChatTemplate(find_template(name.upper()), TOKENS, model=name)
    prompt = template.render(TALK)
    assert [s.text.strip() for s in prompt.segments if not s.control] == [m.content for m in TALK]
    if name in WRITTEN:
        assert str(prompt) == WRITTEN[name]
    assert template.turn_end()
    asked = template.pre_query("Be brief.")
    assert "Be brief." in [s.text.strip() for s in asked.segments if not s.control]


def test_a_text_of_jinja_is_itself() -> None:
    for text in ("{{ messages[0].content }}", "{% for m in messages %}x{% endfor %}"):
        assert find_template(text) == text


def gguf(path: Path, template: str | None) -> Path:
    """A GGUF file of metadata alone."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    said = {"general.architecture": "llama"}
    if template is not None:
        said["tokenizer.chat_template"] = template
    values = b"".join(text(k) + struct.pack("<I", 8) + text(v) for k, v in said.items())
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(said)) + values + b"\0" * 64)
    return path


MARK = "{{ messages[0].content }}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.jinja", MARK),
        ("tokenizer_config.json", json.dumps({"chat_template": MARK})),
        (
            "several.json",
            json.dumps(
                {
                    "chat_template": [
                        {"name": "tool_use", "template": "{{ tools }}"},
                        {"name": "default", "template": MARK},
                    ]
                }
            ),
        ),
        ("named.json", json.dumps({"chat_template": {"default": MARK}})),
    ],
)
def test_a_template_in_a_file(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert find_template(str(tmp_path / name)) == MARK


def test_a_template_of_another_model_or_in_a_models_folder(tmp_path: Path) -> None:
    assert find_template(str(gguf(tmp_path / "other.gguf", MARK))) == MARK
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": MARK}))
    assert find_template(str(folder)) == MARK


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.json", b'{"bos_token": "<s>"}', "no 'chat_template'"),
        ("list.json", b"[1]", "no 'chat_template'"),
        ("broken.json", b"{", "no JSON"),
        (
            "others.json",
            b'{"chat_template": [{"name": "rag", "template": "x"}]}',
            r"\(rag\).*'default'",
        ),
        ("empty.jinja", b" \n", "no chat template in it"),
        ("latin.jinja", b"\xff\xfe\xfa", "cannot be read"),
    ],
)
def test_a_file_without_a_template_says_so(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as found:
        find_template(str(tmp_path / name))
    assert name in str(found.value)


def test_another_model_without_one_and_a_name_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no chat template"):
        find_template(str(gguf(tmp_path / "base.gguf", None)))
    with pytest.raises(InputError, match=r"'gema'. Did you mean 'gemma'\?"):
        find_template("gema")
    with pytest.raises(InputError, match=r"no chat template '.*missing\.jinja'"):
        find_template(str(tmp_path / "missing.jinja"))
    with pytest.raises(InputError, match="no chat template"):
        find_template("x" * 5000)


def test_an_engine_takes_a_name_and_tells_a_wrong_one_before_anything_is_loaded() -> None:
    llm = LlamaCpp(chat_template="gemma")
    llm.look_ahead()
    with pytest.raises(InputError, match="Did you mean 'mistral'"):
        LlamaCpp(chat_template="mistrall")
    with pytest.raises(TemplateError, match="does not parse"):
        LlamaCpp(chat_template="{% for %}").look_ahead()
