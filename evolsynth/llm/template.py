"""Chat templates: from messages to a `Prompt` whose control tokens are marked.

A template is rendered as the model's makers wrote it, but in a sandbox (`evolsynth.llm.sandbox`),
for it is code that came with a download. Contents are put in place by rendering markers instead of
them, so a template decides where a text goes and never reads it as part of itself, and a text can
never pass for a control token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from evolsynth.errors import TemplateError
from evolsynth.llm.base import Prompt, Request, Segment
from evolsynth.llm.sandbox import Fault, Sandboxed
from evolsynth.rows import Message

__all__ = ["ChatTemplate"]

# Private-use characters: no tokeniser, template or user gives these a meaning.
_OPEN, _CLOSE = "\ue5a0", "\ue5a1"
_QUERY = f"{_OPEN}query{_CLOSE}"
_MARKER = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_FRAMES = 256  # kept of one template
_FIX = "Give another: chat_template=TEXT."


class ChatTemplate:
    """A model's chat template.

    ``source`` is jinja2 text, as in a GGUF's ``tokenizer.chat_template``. ``variables`` are what
    a template may ask for beside the messages (``bos_token``, ``eos_token``); ``model`` is the
    model's name, for messages.

    Raises:
        TemplateError: the template is empty or does not parse.
    """

    def __init__(
        self,
        source: str,
        variables: Mapping[str, Any] | None = None,
        *,
        model: str = "The model",
    ) -> None:
        self.source = source
        self._model = model
        self._variables = dict(variables or {})
        self._frames: dict[tuple[Any, ...], str] = {}
        if not source.strip():
            raise TemplateError(f"{model} has no chat template. Give one: chat_template=TEXT.")
        try:
            self._template = Sandboxed(source, chat=True)
        except Fault as why:
            raise TemplateError(f"{model}'s chat template does not parse: {why}. {_FIX}") from None

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> Prompt:
        """The prompt for ``messages``, ending where the assistant's answer begins.

        Equal, character for character, to what the template gives for the same messages.

        Raises:
            TemplateError: the template refuses these messages, leaves out the question at their
                end, or changes a text beyond stripping it.
        """
        contents = [m.content for m in messages]
        plain = self._render(messages, contents, add_generation_prompt)
        segments = _fill(self._frame(messages, _marked(contents), add_generation_prompt), contents)
        if "".join(s.text for s in segments) != plain:
            segments = _locate(plain, [c.strip() for c in contents])
        asked = contents[-1].strip() if messages and messages[-1].role == "user" else ""
        if asked and all(s.control or s.text.strip() != asked for s in segments):
            raise TemplateError(f"{self._model}'s chat template leaves out the user's turn. {_FIX}")
        return Prompt(segments)

    def pre_query(self, system: str | None = None, history: Sequence[Message] = ()) -> Prompt:
        """All that stands before the user's next words (Magpie, arXiv 2406.08464, section 2).

        Found by rendering the template around a marker in a user's turn and cutting there, so
        that it holds for any model and brings the default system turn that the template adds.
        ``system`` takes that turn's place; ``history`` comes between.
        """
        messages = [Message("system", system)] if system is not None else []
        messages += [*history, Message("user", _QUERY)]
        segments = self.render(messages, add_generation_prompt=False).segments
        places = [i for i, s in enumerate(segments) if s == Segment(_QUERY)]
        if not places:
            raise TemplateError("The model's chat template leaves out the user's turn.")
        return Prompt(segments[: places[-1]], shared=places[-1])

    def turn_end(self) -> str:
        """What the template writes after a user's words, stripped: a stop for generated turns."""
        text = self._render([Message("user", _QUERY)], [_QUERY], add_generation_prompt=False)
        return text.partition(_QUERY)[2].strip()

    def fill(self, request: Request) -> Request:
        """The request with a prompt instead of messages, and the turn's end among its stops.

        Raises:
            TemplateError: as `render`.
        """
        if request.prompt is not None:
            return request
        end = self.turn_end()
        stop = (*request.stop, *((end,) if end and end not in request.stop else ()))
        prompt = self.render(request.messages)
        if request.shared:
            prompt = prompt.shared_to(request.shared)
        return msgspec.structs.replace(request, prompt=prompt, messages=(), shared="", stop=stop)

    def _frame(
        self, messages: Sequence[Message], marked: Sequence[str], add_generation_prompt: bool
    ) -> str:
        """What the template gives for markers; nothing where it refuses them.

        It is the same for all texts of the same roles and outer white space, so it is kept.
        """
        key = (add_generation_prompt, *(m.role for m in messages), *marked)
        frame = self._frames.get(key)
        if frame is None:
            try:
                frame = self._render(messages, marked, add_generation_prompt)
            except TemplateError:
                frame = ""
            if len(self._frames) >= _FRAMES:
                self._frames.clear()
            self._frames[key] = frame
        return frame

    def _render(
        self, messages: Sequence[Message], contents: Sequence[str], add_generation_prompt: bool
    ) -> str:
        turns = [{"role": m.role, "content": c} for m, c in zip(messages, contents, strict=True)]
        variables = {"messages": turns, "add_generation_prompt": add_generation_prompt}
        try:
            return self._template.render(variables | self._variables)
        except Fault as why:
            if why.kind != "refused":
                raise TemplateError(f"{self._model}'s chat template fails: {why}. {_FIX}") from None
            roles = ", ".join(m.role for m in messages)
            raise TemplateError(
                f"{self._model}'s chat template refuses these turns ({roles}): {why}. "
                "Leave out the turn it does not know."
            ) from None


def _marked(contents: Sequence[str]) -> list[str]:
    """A marker instead of each text, in the text's own outer white space, for templates that
    strip it. White space alone is no danger and stays."""
    marked = []
    for number, content in enumerate(contents):
        core = content.strip()
        before, found, after = content.partition(core) if core else (content, "", "")
        marked.append(f"{before}{_OPEN}{number}{_CLOSE}{after}" if found else content)
    return marked


def _fill(frame: str, contents: Sequence[str]) -> tuple[Segment, ...]:
    """Cut ``frame`` at the markers and put the contents there, white space and all if it stayed."""
    pieces = _MARKER.split(frame)
    for place in range(1, len(pieces), 2):
        content = contents[int(pieces[place])]
        core = content.strip()
        before, _, after = content.partition(core)
        whole = pieces[place - 1].endswith(before) and pieces[place + 1].startswith(after)
        if whole:
            pieces[place - 1] = pieces[place - 1].removesuffix(before)
            pieces[place + 1] = pieces[place + 1].removeprefix(after)
        pieces[place] = content if whole else core
    segments = (Segment(text, control=not place % 2) for place, text in enumerate(pieces))
    return tuple(s for s in segments if s.text)


def _locate(plain: str, contents: Sequence[str]) -> tuple[Segment, ...]:
    """Find the contents in a rendered text, in order; for templates that look at what they hold."""
    segments: list[Segment] = []
    at = 0
    for content in contents:
        start = plain.find(content, at)
        twice = plain.count(content) > 1 and set("<[|{") & set(content)
        if start < 0 or twice:
            raise TemplateError(
                "The model's chat template changes or repeats the text of a turn, so that control "
                f"tokens cannot be told from text. {_FIX}"
            )
        segments += [Segment(plain[at:start], control=True), Segment(content)]
        at = start + len(content)
    segments.append(Segment(plain[at:], control=True))
    return tuple(s for s in segments if s.text)
