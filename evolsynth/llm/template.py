"""Chat templates: from messages to a `Prompt` whose control tokens are marked.

A template is rendered as the model's makers wrote it, but in a sandbox (`evolsynth.llm.sandbox`),
for it is code that came with a download. Contents are put in place by rendering markers instead of
them, so a template decides where a text goes and never reads it as part of itself, and a text can
never pass for a control token.

A template may know no system turn: it refuses one, or leaves it out. Such a turn is then put before
the first user turn's text, as the makers of these models advise. A template may let a model think
before it answers, and have a switch for that: see `ChatTemplate`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from evolsynth.errors import TemplateError
from evolsynth.llm.base import Prompt, Request, Segment
from evolsynth.llm.sandbox import Fault, Sandboxed
from evolsynth.llm.thinking import Tags, leaves_open, tags_of
from evolsynth.rows import Message

__all__ = ["ChatTemplate"]

# Private-use characters: no tokeniser, template or user gives these a meaning.
_OPEN, _CLOSE = "\ue5a0", "\ue5a1"
_QUERY = f"{_OPEN}query{_CLOSE}"
_SYSTEM = f"{_OPEN}00{_CLOSE}"  # no letters, which a template might change
_MARKER = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_FRAMES = 256  # kept of one template
_FIX = "Give another: chat_template=TEXT, --chat-template FILE or NAME."
# How templates call the switch of a model's thoughts.
_SWITCHES = {
    think: {"enable_thinking": think, "thinking": think, "thinking_mode": mode}
    for think, mode in ((True, "enabled"), (False, "disabled"))
}
_NO_TOOLS: dict[str, Any] = {
    "tools": None,
    "documents": None,
}  # as some templates want what is not there
_MARK = re.compile(r"<[^<>\s]+>")  # a control token, in most families
_log = logging.getLogger("evolsynth.llm")


class ChatTemplate:
    """A model's chat template.

    ``source`` is jinja2 text, as in a GGUF's ``tokenizer.chat_template``. ``variables`` are what
    a template may ask for beside the messages (``bos_token``, ``eos_token``); ``model`` is the
    model's name, for messages.

    ``tags`` are what the model's thoughts stand between, if it has thoughts: seen from the
    template, or from ``tokens``, its vocabulary. ``think`` switches them on or off where the
    template has a switch; off also where it has none, by an empty thought behind the prompt. None
    leaves it to the template.

    Raises:
        TemplateError: the template is empty or does not parse.
    """

    def __init__(
        self,
        source: str,
        variables: Mapping[str, Any] | None = None,
        *,
        model: str = "The model",
        think: bool | None = None,
        tokens: Collection[str] = (),
    ) -> None:
        self.source = source
        self.think = think
        self._tokens = tokens
        self.tags = tags_of(source, tokens)
        self._model = model
        self._variables = dict(variables or {})
        self._frames: dict[tuple[Any, ...], str] = {}
        self._takes_system: bool | None = None
        if not source.strip():
            raise TemplateError(
                f"{model} has no chat template, so it cannot be asked in messages. Give one: "
                "chat_template=TEXT, --chat-template FILE or NAME (chatml, gemma, llama3, ...)."
            )
        try:
            self._template = Sandboxed(source, chat=True)
        except Fault as why:
            raise TemplateError(f"{model}'s chat template does not parse: {why}. {_FIX}") from None

    def to_dict(self) -> dict[str, Any]:
        """What it was made of, in types of JSON: ``ChatTemplate(**told)`` is its equal."""
        return {
            "source": self.source,
            "variables": dict(self._variables),
            "model": self._model,
            "think": self.think,
            "tokens": sorted(self._tokens),
        }

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> Prompt:
        """The prompt for ``messages``, ending where the assistant's answer begins.

        Equal, character for character, to what the template gives for the same messages; but for
        a system turn that it does not take, which goes before the first user turn's text.

        Raises:
            TemplateError: the template refuses these messages, leaves out the question at their
                end, or changes a text beyond stripping it.
        """
        return self._prompt(messages, add_generation_prompt, self.think)

    def _prompt(
        self, messages: Sequence[Message], add_generation_prompt: bool, think: bool | None
    ) -> Prompt:
        messages = self._folded(messages)
        segments = self._segments(messages, add_generation_prompt, think)
        if think is False and add_generation_prompt and self.tags is not None:
            segments = self._thoughtless(messages, segments, self.tags)
        return Prompt(segments)

    def _segments(
        self, messages: Sequence[Message], add_generation_prompt: bool, think: bool | None
    ) -> tuple[Segment, ...]:
        contents = [m.content for m in messages]
        plain = self._render(messages, contents, add_generation_prompt, think)
        frame = self._frame(messages, _marked(contents), add_generation_prompt, think)
        segments = _fill(frame, contents)
        if "".join(s.text for s in segments) != plain:
            segments = _locate(plain, [c.strip() for c in contents])
        asked = contents[-1].strip() if messages and messages[-1].role == "user" else ""
        if asked and all(s.control or s.text.strip() != asked for s in segments):
            raise TemplateError(f"{self._model}'s chat template leaves out the user's turn. {_FIX}")
        return segments

    def _folded(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The messages, a system turn in the first user turn if the template takes none."""
        if not messages or messages[0].role != "system" or self._has_system_turn():
            return messages
        first, *rest = messages
        if rest and rest[0].role == "user":
            rest[0] = Message("user", f"{first.content}\n\n{rest[0].content}")
        else:
            rest.insert(0, Message("user", first.content))
        return rest

    def _has_system_turn(self) -> bool:
        """Whether the template shows a system turn. Looked at once, and said if it does not."""
        if self._takes_system is None:
            turns = [Message("system", _SYSTEM), Message("user", _QUERY)]
            try:
                shown = self._render(turns, [_SYSTEM, _QUERY], add_generation_prompt=True)
                self._takes_system = _SYSTEM in shown
            except TemplateError:
                self._takes_system = False
            if not self._takes_system:
                try:
                    self._render(turns[1:], [_QUERY], add_generation_prompt=True)
                except TemplateError:  # it is not the system turn that it refuses
                    self._takes_system = True
                else:
                    _log.warning(
                        "%s's chat template has no system turn: its text goes before the first "
                        "user turn's.",
                        self._model,
                    )
        return self._takes_system

    def _thoughtless(
        self, messages: Sequence[Message], segments: tuple[Segment, ...], tags: Tags
    ) -> tuple[Segment, ...]:
        """The prompt so that the answer begins behind it, and no thought."""
        end = segments[-1].text if segments and segments[-1].control else ""
        if leaves_open(end):
            return (*segments, Segment(f"\n{tags.close}\n\n", control=True))
        if self.think is None or end.rstrip().endswith(tags.close):
            return segments  # what the answer is made to be leaves no room for a thought
        if segments != self._segments(messages, True, True):
            return segments  # the template has a switch
        return (*segments, Segment(tags.empty, control=True))

    def pre_query(self, system: str | None = None, history: Sequence[Message] = ()) -> Prompt:
        """All that stands before the user's next words (Magpie, arXiv 2406.08464, section 2).

        Found by rendering the template around a marker in a user's turn and cutting there, so
        that it holds for any model and brings the default system turn that the template adds.
        ``system`` takes that turn's place; ``history`` comes between.
        """
        messages = [Message("system", system)] if system is not None else []
        messages += [*history, Message("user", _QUERY)]
        segments = self.render(messages, add_generation_prompt=False).segments
        # Behind a system turn's text, where the template takes none.
        places = [
            i
            for i, (text, control) in enumerate(segments)
            if not control and (text == _QUERY or text.endswith(f"\n\n{_QUERY}"))
        ]
        if not places:
            raise TemplateError("The model's chat template leaves out the user's turn.")
        *kept, last = segments[: places[-1] + 1]
        if last.text != _QUERY:
            kept.append(Segment(last.text.removesuffix(_QUERY)))
        return Prompt(tuple(kept), shared=len(kept))

    def turn_end(self) -> str:
        """What the template writes after a user's words: a stop for generated turns.

        Where that is nothing, what begins the assistant's turn. Of several marks in a row the
        first, and of several lines.
        """
        turns = [Message("user", _QUERY)]
        text = self._render(turns, [_QUERY], add_generation_prompt=False)
        end = text.partition(_QUERY)[2].strip()
        if not end:
            text = self._render(turns, [_QUERY], add_generation_prompt=True)
            end = text.partition(_QUERY)[2].strip().partition("\n")[0]
        mark = _MARK.match(end)
        return mark[0] if mark is not None else end

    def fill(self, request: Request) -> Request:
        """The request with a prompt instead of messages, and the turn's end among its stops.

        A request that says how the answer begins, or what its form is, leaves no room for a
        thought: one that the template would begin is ended, or switched off.

        Raises:
            TemplateError: as `render`.
        """
        if request.prompt is not None:
            return request
        end = self.turn_end()
        stop = (*request.stop, *((end,) if end and end not in request.stop else ()))
        told = request.prefix or request.choices or request.grammar or request.schema
        think = False if told and self.tags is not None else self.think
        prompt = self._prompt(request.messages, True, think)
        if request.shared:
            prompt = prompt.shared_to(self._shared(request))
        return msgspec.structs.replace(request, prompt=prompt, messages=(), shared="", stop=stop)

    def _shared(self, request: Request) -> str:
        """The text that is shared, behind a system turn's text where that comes first."""
        first, *rest = request.messages
        if first.role != "system" or self._has_system_turn() or not rest:
            return request.shared
        if rest[0].role == "user" and rest[0].content.startswith(request.shared):
            return f"{first.content}\n\n{request.shared}"
        return request.shared

    def _frame(
        self,
        messages: Sequence[Message],
        marked: Sequence[str],
        add_generation_prompt: bool,
        think: bool | None,
    ) -> str:
        """What the template gives for markers; nothing where it refuses them.

        It is the same for all texts of the same roles and outer white space, so it is kept.
        """
        key = (add_generation_prompt, think, *(m.role for m in messages), *marked)
        frame = self._frames.get(key)
        if frame is None:
            try:
                frame = self._render(messages, marked, add_generation_prompt, think)
            except TemplateError:
                frame = ""
            if len(self._frames) >= _FRAMES:
                self._frames.clear()
            self._frames[key] = frame
        return frame

    def _render(
        self,
        messages: Sequence[Message],
        contents: Sequence[str],
        add_generation_prompt: bool,
        think: bool | None = None,
    ) -> str:
        turns = [{"role": m.role, "content": c} for m, c in zip(messages, contents, strict=True)]
        variables = {"messages": turns, "add_generation_prompt": add_generation_prompt}
        if think is not None:
            variables |= _SWITCHES[think]
        try:
            return self._rendered(variables)
        except Fault as why:
            if why.kind != "refused":
                raise TemplateError(f"{self._model}'s chat template fails: {why}. {_FIX}") from None
            roles = ", ".join(m.role for m in messages)
            raise TemplateError(
                f"{self._model}'s chat template refuses these turns ({roles}): {why}. "
                "Leave out the turn it does not know."
            ) from None

    def _rendered(self, variables: dict[str, Any]) -> str:
        """The template's text; for one that fails over tools that are not there, with none."""
        try:
            return self._template.render(variables | self._variables)
        except Fault as why:
            if why.kind == "refused" or _NO_TOOLS.keys().isdisjoint(self._template.fields):
                raise
            try:
                text = self._template.render(_NO_TOOLS | variables | self._variables)
            except Fault:
                raise why from None
            self._variables = _NO_TOOLS | self._variables
            return text


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
