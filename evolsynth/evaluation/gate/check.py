"""What a check is, and what it sees: a row with its texts, how they were made, the thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from evolsynth.evaluation.text.words import plain
from evolsynth.findings import Finding
from evolsynth.prompts import load_prompt, prompt_names
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder
    from evolsynth.evaluation.gate.settings import GateSettings

__all__ = ["COSTS", "PARTS", "BatchCheck", "Case", "Check", "Cost", "Part"]

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

    ``scores`` are the row's own and may be added to: they stay on the row, whatever the verdict.
    ``original`` is what the instruction was evolved from in depth, if it was, and ``root`` what the
    first of its originals was; ``inspiration`` what it was evolved from in breadth.
    """

    def __init__(
        self,
        row: Row,
        settings: GateSettings,
        *,
        embedder: Embedder | None = None,
        demands: Sequence[str] | None = None,
        twin: Callable[[], Finding | None] = lambda: None,
    ) -> None:
        self.row, self.settings, self.embedder = row, settings, embedder
        self.scores = dict(row.scores)
        self.instruction, self.response = row.instruction or "", row.response or ""
        self.made = _made(row, "instruction")
        self.original = _text(self.made, "original")
        self.root, self.inspiration = _text(self.made, "root"), _text(self.made, "inspiration")
        self.twin = twin
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
    def demands(self) -> Sequence[str]:
        """What the few-shot examples add of the prompt file that an evolution was made with."""
        if self._demands is not None:
            return self._demands
        connector = _text(self.made, "connector")
        if connector is not None and connector.endswith("."):
            return ()  # its demand was chosen from what the prompt allows, so it copies nothing
        prompt = self.made.get("prompt")
        return load_prompt(prompt).example_demands if prompt in prompt_names() else ()

    @property
    def stopped(self) -> Any:
        """Why the model ended the response."""
        return _made(self.row, "response").get("finish_reason")

    def has(self, part: Part) -> bool:
        """Whether the row has this part at all."""
        if part == "evolution":
            return self.original is not None or self.inspiration is not None
        return part != "response" or self.row.response is not None


class Check(NamedTuple):
    """One thing that can be wrong with a row.

    ``name`` is the code of what it finds. ``needs`` says, for people, what it cannot do without
    (else it finds nothing). An ``optional`` one is made only where settings name it in ``also``.
    """

    name: str
    find: Callable[[Case], Finding | None]
    part: Part = "row"
    cost: Cost = "own"
    needs: str = ""
    optional: bool = False


class BatchCheck(NamedTuple):
    """A check of your own over several rows at once, for what pays in batches (a classifier).

    ``find`` takes as many rows as are at hand, 1 to 64, and returns one finding or None for each.
    What it says of a row must not depend on the others.
    """

    name: str
    find: Callable[[Sequence[Row]], Sequence[Finding | None]]


def _text(made: Mapping[str, Any], name: str) -> str | None:
    value = made.get(name)
    return value if isinstance(value, str) else None


def _made(row: Row, part: str) -> Mapping[str, Any]:
    """How a part of the row was made; nothing for rows of a user's own, whatever they hold."""
    made = row.provenance.get(part)
    return made if isinstance(made, dict) else {}
