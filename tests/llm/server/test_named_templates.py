"""Chat templates that a user names: jinja text, or one of several kinds of files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evolsynth.errors import InputError
from evolsynth.llm.server.templates import Named, named_template

JINJA = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


def test_a_text_is_taken_as_it_is_and_a_file_is_read(tmp_path: Path) -> None:
    assert named_template(JINJA) == Named(JINJA)
    file = tmp_path / "chat.jinja"
    file.write_text(JINJA, encoding="utf-8")
    assert named_template(str(file)) == named_template(file) == Named(JINJA)


def test_a_tokenizers_config_has_one_template_or_several(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps({"chat_template": JINJA, "bos_token": "<s>", "eos_token": None}))
    assert named_template(str(file)) == Named(JINJA, {"bos_token": "<s>"})
    several = [
        {"name": "tool_use", "template": "{{ tools }}"},
        {"name": "default", "template": JINJA},
    ]
    file.write_text(json.dumps({"chat_template": several, "eos_token": {"content": "</s>"}}))
    assert named_template(str(file)) == Named(JINJA, {"eos_token": "</s>"})
    file.write_text("{}")
    with pytest.raises(InputError, match=r"there is no 'chat_template' in it"):
        named_template(str(file))
    (tmp_path / "chat_template.jinja").write_text(JINJA)
    assert named_template(str(file)) == Named(JINJA)


@pytest.mark.real
def test_a_gguf_file_holds_its_models_template(smollm_file: Path) -> None:
    assert "<|im_start|>" in named_template(str(smollm_file)).source


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.jinja", None, r"no chat template '.*\.gguf"),
        ("broken.json", "[1", "it is no JSON"),
        ("list.json", "[]", "no 'chat_template' in it"),
        ("model.gguf", "GG", "not a GGUF file"),
    ],
)
def test_what_holds_no_template_is_told(
    tmp_path: Path, name: str, content: str | None, told: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=told):
        named_template(str(tmp_path / name))
