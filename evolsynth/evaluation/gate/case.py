"""What a check sees: a row with its texts, how they were made, and the thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from evolsynth.evaluation.text import LOOKED_AT, looked_at, share
from evolsynth.evaluation.text.language import is_english, language
from evolsynth.evaluation.text.words import plain, words
from evolsynth.findings import Finding
from evolsynth.inputs import alone
from evolsynth.prompts import load_prompt, prompt_names
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder
    from evolsynth.evaluation.gate.settings import GateSettings

__all__ = ["Case", "Part"]

Part = Literal["instruction", "evolution", "response", "row"]


class Case:
    """A row as checks see it: its texts, how they were made, and the thresholds.

    Of a long text, checks see what `looked_at` leaves; the score ``looked_at`` then says so.
    ``input`` is the text that the instruction is about, empty if there is none, and ``beside`` the
    same where the instruction does not hold it already; ``parent_input`` is that of the row that
    this one was evolved from, where it is known.
    ``scores`` are the row's own and may be added to: they stay on the row, whatever the verdict.
    ``original`` is what the instruction was evolved from in depth, if it was, and ``root`` what the
    first of its originals was; ``inspiration`` what it was evolved from in breadth. ``part`` is the
    part that is being looked at. Without ``settings`` thresholds have their defaults.
    """

    def __init__(
        self,
        row: Row,
        settings: GateSettings | None = None,
        *,
        embedder: Embedder | None = None,
        demands: Sequence[str] | None = None,
        twin: Callable[[], Finding | None] = lambda: None,
        parent_input: str | None = None,
    ) -> None:
        if settings is None:
            from evolsynth.evaluation.gate.settings import GateSettings  # which asks the checks

            settings = GateSettings()
        self.row, self.settings, self.embedder = row, settings, embedder
        self.scores = dict(row.scores)
        self.instruction = looked_at(row.instruction or "")
        self.response = looked_at(row.response or "")
        text = row.input
        beside = None if text is None else row.beside
        self.input = looked_at(text or "")
        self.beside = self.input if beside is not None else ""
        self.parent_input = parent_input
        self.made = _made(row, "instruction")
        self.answered = _made(row, "response")
        self.original = _text(self.made, "original")
        self.root, self.inspiration = _text(self.made, "root"), _text(self.made, "inspiration")
        given = (self.original, self.root, self.inspiration)
        read = share(row.instruction, row.response, beside, *given)
        if read < 1:
            self.scores[LOOKED_AT] = read
        self.twin = twin
        self.part: Part = "instruction"
        self.lost = False
        self._demands = demands
        self._told: dict[tuple[bool, tuple[str, ...]], bool] = {}

    @cached_property
    def ground(self) -> str | None:
        """The kind of ground that the response stands on, if it was gone through again and holds.

        It says more than rules on words can.
        """
        if "ground" not in self.answered:
            return None
        from evolsynth.evaluation.grounds import ground

        kind, against = ground.stands(self.row)
        return kind if against is None else None

    @cached_property
    def asked(self) -> str:
        """The instruction in straight quotes and plain spaces, none around it."""
        return plain(self.instruction).strip()

    @cached_property
    def answer(self) -> str:
        """The response in the same form."""
        return plain(self.response).strip()

    @property
    def shown(self) -> str:
        """All that the answerer was shown: the instruction, and behind it its input."""
        return f"{self.instruction}\n\n{self.beside}" if self.beside else self.instruction

    def quotes(self, said: str) -> bool:
        """Whether the input says this too, word for word: who answers with it says it of nobody.

        A letter's "I'm sorry, but we cannot come" is no refusal where it is quoted.
        """
        flat = _in_words(said)
        return bool(self.input) and len(flat) > 2 and flat in self._input_in_words

    @cached_property
    def _input_in_words(self) -> str:
        return _in_words(self.input)

    @cached_property
    def signs(self) -> bool:
        """Whether the input has no letter: brackets to close, a pattern, figures."""
        return bool(self.input) and not any(c.isalpha() for c in self.input)

    def may_be_in(self, part: Part, languages: tuple[str, ...]) -> bool:
        """Whether a part may be in one of the languages: False where another is told."""
        key = (part == "response", languages)
        if key not in self._told:
            text = self.response if key[0] else self.instruction
            some = languages if languages == ("en",) else (None, *languages)
            self._told[key] = ("en" in languages and is_english(text)) or language(text) in some
        return self._told[key]

    def alone(self, text: str | None) -> str | None:
        """An instruction, of this row or of one before it, without the input that it may hold.

        So two instructions are compared by what they ask, wherever each has its text.
        """
        return None if text is None else alone(text, self.row.input)

    @property
    def text(self) -> str:
        """The text of the part that is looked at, in the same form."""
        return self.answer if self.part == "response" else self.asked

    @property
    def whole(self) -> str:
        """The text of the part that is looked at as the row has it, however long."""
        part = self.row.response if self.part == "response" else self.row.instruction
        return part or ""

    @property
    def maker(self) -> Mapping[str, Any]:
        """How the part that is looked at was made: its prompt, its model, why the model ended."""
        return self.answered if self.part == "response" else self.made

    @property
    def demands(self) -> Sequence[str]:
        """What the few-shot examples add of the prompt file that an evolution was made with."""
        if self._demands is not None:
            return self._demands
        connector = _text(self.made, "connector")
        if connector is not None and connector.endswith("."):
            return ()  # its demand was chosen from what the prompt allows, so it copies nothing
        prompt = self.made.get("prompt")
        return load_prompt(prompt).example_demands if prompt in prompt_names() else ()

    def has(self, part: Part) -> bool:
        """Whether the row has this part at all."""
        if part == "evolution":
            return self.original is not None or self.inspiration is not None
        return part != "response" or self.row.response is not None


def _in_words(text: str) -> str:
    """A text as its words, in small letters, a space around each."""
    return f" {' '.join(word.text.casefold() for word in words(plain(text)))} "


def _text(made: Mapping[str, Any], name: str) -> str | None:
    value = made.get(name)
    return value if isinstance(value, str) else None


def _made(row: Row, part: str) -> Mapping[str, Any]:
    """How a part of the row was made; nothing for rows of a user's own, whatever they hold."""
    made = row.provenance.get(part)
    return made if isinstance(made, dict) else {}
