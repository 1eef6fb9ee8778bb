"""Chat templates by name, and where else one may come from: a text, a file, another model.

A model that was only pre-trained, or whose file lost its template, needs one from elsewhere. The
forms below are those that the families' documentation describes, with turns and nothing else: no
default system turn, no tools, no dates.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evolsynth.atomic import at_home
from evolsynth.errors import InputError, nearest

__all__ = ["FAMILIES", "find_template"]


def _turns(turn: str, begin: str, *, head: str = "", system: bool = True) -> str:
    """A template: ``head``, then for each message what ``turn`` says, then ``begin``.

    In ``turn`` the role is ``role`` and the text ``text``. Without ``system`` the template refuses
    a system turn.
    """
    refuse = "{% if role == 'system' %}{{ raise_exception('there is no system turn') }}{% endif %}"
    return (
        f"{head}{{% for m in messages %}}{{% set role = m['role'] %}}"
        f"{{% set text = m['content'] | trim %}}{'' if system else refuse}"
        f"{turn}{{% endfor %}}{{% if add_generation_prompt %}}{begin}{{% endif %}}"
    )


def _by_role(user: str, assistant: str, system: str = "") -> str:
    """What a turn is, by its role."""
    rest = f"{{% elif role == 'assistant' %}}{assistant}"
    rest += f"{{% elif role == 'system' %}}{system}" if system else ""
    return f"{{% if role == 'user' %}}{user}{rest}{{% endif %}}"


def _said(before: str, after: str) -> str:
    """A text between two others."""
    return f"{{{{ {before!r} + text + {after!r} }}}}"


_BOS = "{{ bos_token }}"
_EOS = "{{ eos_token }}"
#: A minimal template for each of the widest families, by the name that ``--chat-template`` takes.
FAMILIES = {
    "alpaca": _turns(
        _by_role(
            _said("### Instruction:\n", "\n\n"),
            _said("### Response:\n", "\n\n"),
            _said("", "\n\n"),
        ),
        "{{ '### Response:\n' }}",
        head=_BOS,
    ),
    "chatml": _turns(
        "{{ '<|im_start|>' + role + '\n' + text + '<|im_end|>\n' }}",
        "{{ '<|im_start|>assistant\n' }}",
    ),
    "command-r": _turns(
        "{{ '<|START_OF_TURN_TOKEN|>' + {'user': '<|USER_TOKEN|>', 'assistant': "
        "'<|CHATBOT_TOKEN|>', 'system': '<|SYSTEM_TOKEN|>'}[role] + text + "
        "'<|END_OF_TURN_TOKEN|>' }}",
        "{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}",
        head=_BOS,
    ),
    "deepseek": _turns(
        _by_role(
            _said("<｜User｜>", ""), _said("<｜Assistant｜>", "") + _EOS, _said("", "")
        ),
        "{{ '<｜Assistant｜>' }}",
        head=_BOS,
    ),
    "gemma": _turns(
        "{{ '<start_of_turn>' + {'user': 'user', 'assistant': 'model'}[role] + '\n' + text + "
        "'<end_of_turn>\n' }}",
        "{{ '<start_of_turn>model\n' }}",
        head=_BOS,
        system=False,
    ),
    "granite": _turns(
        "{{ '<|start_of_role|>' + role + '<|end_of_role|>' + text + '<|end_of_text|>\n' }}",
        "{{ '<|start_of_role|>assistant<|end_of_role|>' }}",
    ),
    "llama2": _turns(
        "{% if role == 'system' %}{% set ns.system = '<<SYS>>\n' + text + '\n<</SYS>>\n\n' %}"
        "{% elif role == 'user' %}{{ '[INST] ' + ns.system + text + ' [/INST]' }}"
        "{% set ns.system = '' %}"
        f"{{% else %}}{_said(' ', ' ')}{_EOS}{{% endif %}}",
        "",
        head=_BOS + "{% set ns = namespace(system='') %}",
    ),
    "llama3": _turns(
        "{{ '<|start_header_id|>' + role + '<|end_header_id|>\n\n' + text + '<|eot_id|>' }}",
        "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}",
        head=_BOS,
    ),
    "mistral": _turns(
        _by_role(_said("[INST] ", "[/INST]"), _said(" ", "") + _EOS), "", head=_BOS, system=False
    ),
    "phi3": _turns(
        "{{ '<|' + role + '|>\n' + text + '<|end|>\n' }}", "{{ '<|assistant|>\n' }}"
    ),
    "vicuna": _turns(
        _by_role(_said("USER: ", " "), _said("ASSISTANT: ", "") + _EOS, _said("", "\n\n")),
        "{{ 'ASSISTANT:' }}",
        head=_BOS,
    ),
    "zephyr": _turns(
        "{{ '<|' + role + '|>\n' + text + eos_token + '\n' }}",
        "{{ '<|assistant|>\n' }}",
    ),
}  # fmt: skip
_ALSO = {"qwen": "chatml", "smollm": "chatml", "llama": "llama3", "phi": "phi3"}
_LARGEST = 1 << 24  # bytes of a file that may be a template
_NAMES = f"a name ({', '.join(FAMILIES)})"
_WAYS = f"Give {_NAMES}, a .jinja file, a tokenizer_config.json, a .gguf file, or the jinja text."


def find_template(told: str | Path) -> str:
    """The jinja text that a chat template is told by.

    Args:
        told: the text itself, a name in `FAMILIES`, or the path of a .jinja file, of a
            ``tokenizer_config.json`` (of several templates in it the one called ``default``), of
            a folder with one of these, or of another model's .gguf file.

    Raises:
        InputError: it is none of these, or the file has no template.
    """
    told = str(told)
    if "{%" in told or "{{" in told:
        return told
    name = told.strip().lower()
    if (known := FAMILIES.get(_ALSO.get(name, name))) is not None:
        return known
    path = at_home(told)
    try:
        if path.is_dir():
            path = _inside(path)
        size = path.stat().st_size
    except (OSError, ValueError):  # a name too long to be one, say
        if " " in told.strip() and "/" not in told and not path.suffix:
            return told  # some words, of which a template may be made
        close = nearest(name, FAMILIES)
        hint = f"Did you mean '{close}'? " if close else ""
        raise InputError(f"There is no chat template '{told[:200]}'. {hint}{_WAYS}") from None
    if path.suffix.lower() == ".gguf":
        return _in_model(path)
    if size > _LARGEST:
        raise InputError(f"{path}: too large to be a chat template. {_WAYS}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(f"{path}: the chat template cannot be read ({why}). {_WAYS}") from None
    if path.suffix.lower() == ".json":
        text = _in_config(path, text)
    if not text.strip():
        raise InputError(f"{path}: there is no chat template in it. {_WAYS}")
    return text


def _inside(folder: Path) -> Path:
    """The file in a model's folder that has the template."""
    names = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[0])


def _in_model(path: Path) -> str:
    from evolsynth.llm.llamacpp.outline import read_outline

    template = read_outline(path).template
    if not template.strip():
        raise InputError(f"{path}: the model has no chat template. {_WAYS}")
    return template


def _in_config(path: Path, text: str) -> str:
    """The template in a tokenizer's configuration: a text, or several by name."""
    try:
        told: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{path}: it is no JSON. {_WAYS}") from None
    found = told.get("chat_template") if isinstance(told, dict) else None
    if isinstance(found, list):
        found = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
    if isinstance(found, dict):
        named = ", ".join(sorted(map(str, found)))
        if not isinstance(found.get("default"), str):
            raise InputError(
                f"{path}: of its chat templates ({named}) none is called 'default'. Put the one "
                "that is meant into a .jinja file and give that."
            )
        found = found["default"]
    if not isinstance(found, str):
        beside = path.with_name("chat_template.jinja")  # where newer models have it
        if beside.is_file():
            return beside.read_text(encoding="utf-8-sig", errors="replace")
        raise InputError(f"{path}: there is no 'chat_template' in it. {_WAYS}")
    return found
