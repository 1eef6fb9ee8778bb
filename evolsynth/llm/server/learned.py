"""A chat template learned from what a server renders, where it shows none that can be read here.

Ollama's templates are in a language of their own, but it renders chats without answering them. From
four chats it is seen what stands before and after each role's text; from that a template is
written, and it is used only if it renders the same four chats, character for character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence

from evolsynth.errors import TemplateError
from evolsynth.llm.template import ChatTemplate
from evolsynth.rows import Message

__all__ = ["learned"]

#: What renders a chat as the server does; None where it cannot.
Render = Callable[[Sequence[Message]], Awaitable[str | None]]

# Texts that no template writes itself, and that are not stripped or cut.
_SYSTEM, _ASKED, _ANSWER, _AGAIN = (f"evolsynth{n}text" for n in ("0", "1", "2", "3"))
# A turn's end: white space and one mark, which is a control token in most families.
_END = re.compile(r"\s*(?:<[^<>\s]+>|\[/[A-Z_]+\])?\s*")
# What a server puts before every raw prompt by itself.
_BEGIN = re.compile(
    r"<s>|<bos>|<\|begin_of_text\|>|<\|startoftext\|>|<｜begin▁of▁sentence｜>|\[BOS\]"
)


async def learned(render: Render) -> str | None:
    """Jinja text that renders as the server does, or None where none was found.

    Args:
        render: gives a chat as the server renders it, up to where the answer begins.
    """
    chats = _chats()
    texts: list[str] = []
    for chat in chats:
        text = await render(chat)
        if text is None:
            return None
        begin = _BEGIN.match(text)
        texts.append(text[begin.end() :] if begin else text)
    source = _written(texts)
    if source is None:
        return None
    try:
        template = ChatTemplate(source)
        same = all(
            str(template.render(chat)) == text for chat, text in zip(chats, texts, strict=True)
        )
    except TemplateError:
        return None
    return source if same else None


def _chats() -> tuple[tuple[Message, ...], ...]:
    """A question; the same with a system turn; and both in a longer talk."""
    system, asked = Message("system", _SYSTEM), Message("user", _ASKED)
    talk = (asked, Message("assistant", _ANSWER), Message("user", _AGAIN))
    return (asked,), (system, asked), talk, (system, *talk)


def _written(texts: Sequence[str]) -> str | None:
    """A template with what stands between the texts; None where one of them is not there once."""
    plain = _between(texts[0], (_ASKED,))
    led = _between(texts[1], (_SYSTEM, _ASKED))
    talk = _between(texts[2], (_ASKED, _ANSWER, _AGAIN))
    if plain is None or led is None or talk is None:
        return None
    first, last = plain
    before_system, after_system, _ = led
    _, to_answer, to_question, _ = talk
    asked_end = _end_of(to_answer)
    answer_end, system_end = _end_of(to_question), _end_of(after_system)
    before_answer = to_answer[len(asked_end) :]
    before_question = to_question[len(answer_end) :]
    default, begun = first.removesuffix(before_question), last[len(asked_end) :]
    if last[: len(asked_end)] != asked_end or not first.endswith(before_question):
        return None
    parts = {
        "system": (before_system, system_end),
        "user": (before_question, asked_end),
        "assistant": (before_answer, answer_end),
    }
    turns = "".join(
        f"{{%- {'if' if not n else 'elif'} m['role'] == '{role}' %}}"
        f"{{{{- {_quoted(before)} + m['content'] + {_quoted(after)} }}}}"
        for n, (role, (before, after)) in enumerate(parts.items())
    )
    return (
        f"{{%- if messages[0]['role'] != 'system' %}}{{{{- {_quoted(default)} }}}}{{%- endif %}}"
        f"{{%- for m in messages %}}{turns}{{%- endif %}}{{%- endfor %}}"
        f"{{%- if add_generation_prompt %}}{{{{- {_quoted(begun)} }}}}{{%- endif %}}"
    )


def _between(text: str, marks: Sequence[str]) -> list[str] | None:
    """What stands before, between and after the marks; None where one is not there once."""
    found: list[str] = []
    for mark in marks:
        before, there, text = text.partition(mark)
        if not there or mark in text:
            return None
        found.append(before)
    return [*found, text]


def _end_of(text: str) -> str:
    found = _END.match(text)
    return found[0] if found else ""


def _quoted(text: str) -> str:
    """A text in jinja's quotes."""
    return json.dumps(text, ensure_ascii=False)
