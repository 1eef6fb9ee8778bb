"""What a check is, and what it sees: a row with its texts, how they were made, the thresholds.

A check is one function in one file of ``checks/``, with all that is told of it in its decorator::

    @check(
        "too_short",
        "instruction",
        cost="text",
        sentence="The instruction has too few words to ask for anything.",
        advice="Take seeds that are whole sentences, or lower the gate's setting min_words.",
    )
    def too_short(case: Case, *, min_words: Count = 3) -> Finding | None: ...

Its keyword parameters are its thresholds: fields of `GateSettings` with that default and range, and
with the meaning that its docstring gives. Another package adds checks by the entry points
``evolsynth.checks``, each of which names a module with such functions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from evolsynth.evaluation.text import LOOKED_AT, looked_at, share
from evolsynth.evaluation.text.language import is_english, language
from evolsynth.evaluation.text.words import plain, words
from evolsynth.findings import Finding, reason
from evolsynth.options import Option, options_of
from evolsynth.prompts import load_prompt, prompt_names
from evolsynth.registry import Registry
from evolsynth.rows import Row, alone

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder
    from evolsynth.evaluation.gate.settings import GateSettings

__all__ = ["CHECKS", "COSTS", "PARTS", "BatchCheck", "Case", "Check", "Cost", "Part", "check"]
__all__ += ["findings", "ordered", "tiers"]

Part = Literal["instruction", "evolution", "response", "row"]
Cost = Literal["free", "text", "pair", "meaning", "stream", "own"]

#: What each class of cost means, cheapest first. A row that a cheaper class refuses is not looked
#: at by a dearer one.
COSTS: Mapping[Cost, str] = {
    "free": "a look at a field",
    "text": "rules on one text, or on a response and what was asked",
    "pair": "rules on an evolution and its original",
    "meaning": "as pair, and the embedder is asked where words do not decide",
    "stream": "all rows before it are searched, and the embedder decides on candidates",
    "own": "whatever a check of your own costs; made last",
}
PARTS: tuple[Part, ...] = ("instruction", "evolution", "response", "row")


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
        self.input = looked_at(row.input or "")
        self.beside = self.input if row.beside is not None else ""
        self.parent_input = parent_input
        self.made = _made(row, "instruction")
        self.answered = _made(row, "response")
        self.original = _text(self.made, "original")
        self.root, self.inspiration = _text(self.made, "root"), _text(self.made, "inspiration")
        given = (self.original, self.root, self.inspiration)
        read = share(row.instruction, row.response, row.beside, *given)
        if read < 1:
            self.scores[LOOKED_AT] = read
        self.twin = twin
        self.part: Part = "instruction"
        self.lost = False
        self._demands = demands

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


@dataclasses.dataclass(frozen=True, eq=False)
class Check:
    """One thing that can be wrong with a row.

    Args:
        name: the code of what it finds.
        function: of a `Case`, and of its thresholds by their names.
        parts: of the row that it looks at, each by itself.
        needs: for people, what it cannot do without (else it finds nothing).
        optional: made only where settings name it in ``also``.
        languages: of its rules, by ISO 639-1; none: any. It says nothing of a text that is told to
            be in another.
        reads: the parts whose language counts; by default the part that it looks at.
        own: only for instructions that a model wrote.
        place: among the checks of the same cost and part; those with the same by their names.
    """

    name: str
    function: Callable[..., Finding | None]
    parts: tuple[Part, ...] = ("row",)
    cost: Cost = "own"
    needs: str = ""
    optional: bool = False
    languages: tuple[str, ...] = ()
    reads: tuple[Part, ...] = ()
    own: bool = False
    place: int = 100
    sentence: str = ""
    advice: str = ""

    @cached_property
    def thresholds(self) -> Mapping[str, Option]:
        """Its thresholds, by the names of the settings' fields."""
        return {} if self.cost == "own" else options_of(self.function, without=("case",))

    def find(self, case: Case, part: Part | None = None) -> Finding | None:
        """What it finds in this part of the row, by default in its first."""
        case.part = self.parts[0] if part is None else part
        if self.own and not case.made:
            return None
        if self.languages:
            for read in self.reads or (case.part,):
                text = case.response if read == "response" else case.instruction
                if not _is_in(text, self.languages):
                    return None
        return self.function(case, **{n: getattr(case.settings, n) for n in self.thresholds})


class BatchCheck(NamedTuple):
    """A check of your own over several rows at once, for what pays in batches (a classifier).

    ``find`` takes as many rows as are at hand, 1 to 64, and returns one finding or None for each.
    What it says of a row must not depend on the others.
    """

    name: str
    find: Callable[[Sequence[Row]], Sequence[Finding | None]]


#: All checks by their names; nothing else lists them.
CHECKS: Registry[Check] = Registry("check", "evolsynth.evaluation.gate.checks", "evolsynth.checks")

Function = Callable[..., Finding | None]


def check(
    name: str,
    *parts: Part,
    cost: Cost,
    sentence: str,
    advice: str = "",
    needs: str = "",
    optional: bool = False,
    languages: Sequence[str] = (),
    reads: Sequence[Part] = (),
    own: bool = False,
    place: int = 100,
) -> Callable[[Function], Check]:
    """Make a check of a function, and register it; see `Check`."""

    def made(function: Function) -> Check:
        one = Check(
            name,
            function,
            parts=parts or ("row",),
            cost=cost,
            needs=needs,
            optional=optional,
            languages=tuple(languages),
            reads=tuple(reads),
            own=own,
            place=place,
            sentence=sentence,
            advice=advice,
        )
        CHECKS.register(name, one, function.__module__)
        reason(name, sentence, advice)
        return one

    return made


def ordered() -> list[Check]:
    """All checks, cheapest first, as they are made."""
    costs = list(COSTS)
    return sorted(
        CHECKS.values(),
        key=lambda c: (costs.index(c.cost), PARTS.index(c.parts[0]), c.place, c.name),
    )


def tiers(
    settings: GateSettings, *, parts: Sequence[Part] = PARTS
) -> list[tuple[Part, Cost, tuple[Check, ...]]]:
    """The checks that settings leave on, in the order in which they are made.

    All of one tier, which is a cost and a part of the row, are made before a row is refused, so
    that it tells each reason; tiers after it are not.
    """
    on = [
        one
        for one in sorted(CHECKS.values(), key=lambda c: (c.place, c.name))
        if one.name not in settings.skip and (not one.optional or one.name in settings.also)
    ]
    groups = [
        (part, cost, tuple(c for c in on if c.cost == cost and part in c.parts))
        for cost in COSTS
        for part in parts
    ]
    return [group for group in groups if group[2]]


def findings(case: Case, part: Part, *names: str) -> list[Finding]:
    """What some checks find in one part of a row, in this order."""
    found = (CHECKS[name].find(case, part) for name in names)
    return [finding for finding in found if finding is not None]


def _is_in(text: str, languages: Sequence[str]) -> bool:
    """Whether a text may be in one of the languages: False where another is told."""
    if "en" in languages and is_english(text):
        return True
    return language(text) in (languages if "en" in languages else (None, *languages))


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
