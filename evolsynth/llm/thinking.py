"""What a model thinks before it answers, kept apart from the answer.

Thinking models write their thought first, between two tags: ``<think>`` and ``</think>`` most of
them, others their own. Some chat templates write the first tag themselves, so that the model's text
begins inside the thought.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from evolsynth.errors import RequestError
from evolsynth.llm.base import Completion, Prompt

__all__ = ["TAGS", "Apart", "Tags", "answer_begins", "answered", "apart", "leaves_open"]
__all__ += ["opened_by", "tags_of"]


class Tags(NamedTuple):
    """What a thought stands between. ``pieces`` are the control tokens that the two are made of,
    where they are no single ones; ``nothing`` is a thought that was not thought, as it stands
    before an answer without one."""

    open: str
    close: str
    pieces: tuple[str, ...] = ()
    nothing: str = ""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens that a model writes them with, where it has tokens for them."""
        return self.pieces or (self.open, self.close)

    @property
    def empty(self) -> str:
        """What stands before an answer without a thought."""
        return self.nothing or f"{self.open}\n\n{self.close}\n\n"


_FINAL = "<|channel|>final<|message|>"
#: The families' tags. The last three are of models that write to channels.
TAGS = (
    Tags("<think>", "</think>"),
    Tags("<thinking>", "</thinking>"),
    Tags("<thought>", "</thought>"),
    Tags("[THINK]", "[/THINK]"),
    Tags("<seed:think>", "</seed:think>"),
    Tags("<think:opensource>", "</think:opensource>"),
    Tags("<|START_THINKING|>", "<|END_THINKING|>", nothing="<|START_THINKING|><|END_THINKING|>"),
    Tags("<|inner_prefix|>", "<|inner_suffix|>"),
    Tags(
        "<|channel>thought",
        "<channel|>",
        ("<|channel>", "<channel|>"),
        "<|channel>thought\n<channel|>",
    ),
    Tags(
        "<|open|>think<|sep|>",
        "<|close|>think<|sep|>",
        ("<|open|>", "<|close|>", "<|sep|>"),
        "<|open|>think<|sep|><|close|>think<|sep|>",
    ),
    Tags(
        "<|channel|>analysis<|message|>",
        _FINAL,
        ("<|channel|>", "<|message|>", "<|start|>", "<|end|>"),
        _FINAL,
    ),
)


class Apart(NamedTuple):
    """A model's text in two: its thought, and its answer. ``whole`` is False where the thought
    never ended; the answer is then empty."""

    reasoning: str
    text: str
    whole: bool


def apart(text: str, opened: bool = False, tags: Tags | None = None) -> Apart:
    """The thought at the beginning of a text, and the answer after it.

    A text that begins with none is all answer. A thought may be empty. A text with an end of a
    thought and no beginning was opened by the prompt, whether or not that was known. Tags further
    on are the answer's own, as where somebody asks about them.

    Args:
        text: as the model wrote it.
        opened: whether the prompt began the thought (see `leaves_open`).
        tags: the model's, where they are known; else those of all families are looked for.
    """
    known = TAGS if tags is None else (tags,)
    head = text.lstrip()
    begun = next((t for t in known if head.startswith(t.open)), None)
    if begun is not None:
        known, head = (begun,), head[len(begun.open) :]
    found = [
        (at, one)
        for one in known
        if (at := head.find(one.close)) >= 0 and (opened or one.open not in head[:at])
    ]
    if found:
        at, one = min(found)
        thought, answer = head[:at], head[at + len(one.close) :]
        return Apart(_bare(thought, one), answer.lstrip(), True)
    if begun is not None or opened:
        return Apart(_bare(head, begun), "", False)
    return Apart("", text, True)


def _bare(thought: str, tags: Tags | None) -> str:
    """A thought without the marks of the next message that it may end in."""
    thought = thought.strip()
    if tags is not None and tags.nothing == _FINAL:
        thought = thought.removesuffix("<|start|>assistant").removesuffix("<|end|>")
    return thought.strip()


def leaves_open(prompt: str) -> bool:
    """Whether a prompt's end begins a thought, so that the model's text goes on with it."""
    end = prompt.rstrip()
    return any(end.endswith(tags.open) for tags in TAGS)


def opened_by(prompt: Prompt) -> bool:
    """Whether a prompt's template began a thought, which the model's text goes on with."""
    last = prompt.segments[-1] if prompt.segments else None
    return last is not None and last.control and leaves_open(last.text)


def answer_begins(text: bytes, opened: bool, tags: Tags) -> int | None:
    """Where the answer begins in a text that is still growing; None while the thought goes on, or
    nobody can tell yet whether it is one."""
    begin, end = tags.open.encode(), tags.close.encode()
    if not opened:
        head = text.lstrip()
        if not head.startswith((begin, end)):
            return None if begin.startswith(head) or end.startswith(head) else 0
    at = text.find(end)
    return None if at < 0 else at + len(end)


def answered(completion: Completion, prompt: Prompt, tags: Tags | None) -> Completion:
    """The completion with its thought apart from its text.

    Args:
        completion: as the model wrote it.
        prompt: what it goes on from.
        tags: the model's; None for one that does not think.

    Raises:
        RequestError: it ended inside its thought, so there is no answer.
    """
    if tags is None:
        return completion
    reasoning, text, whole = apart(completion.text, opened_by(prompt), tags)
    if not whole:
        why = "was cut" if completion.finish_reason == "length" else "ended"
        raise RequestError(
            f"The answer {why} inside its thought, after {completion.tokens} tokens, so there is "
            "none. Raise max_tokens, or switch thoughts off: think=False."
        )
    if not reasoning and text == completion.text:
        return completion
    return msgspec.structs.replace(completion, text=text, reasoning=reasoning)


def tags_of(template: str, tokens: Collection[str] = ()) -> Tags | None:
    """The tags of the model whose template or tokens these are; None for one that does not think.

    Args:
        template: its chat template's text.
        tokens: the texts of its tokens.
    """
    for tags in TAGS:
        written = tags.open in template or tags.close in template
        if written or all(piece in tokens for piece in tags.tokens):
            return tags
    return next((t for t in TAGS if t.pieces and all(p in template for p in t.pieces)), None)
