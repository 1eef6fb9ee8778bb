"""What Evol-Instruct asks a model for: one candidate of one evolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from evolsynth.llm.base import LLM, Completion, Request
from evolsynth.prompts import PromptFile

__all__ = ["BREADTH", "IN_DEPTH", "OPERATIONS", "Draft", "Drafter"]

#: The operations of the paper (arXiv 2304.12244, section 3.2), under distilabel's names for them.
IN_DEPTH = (
    "constraints",
    "deepening",
    "concretizing",
    "increased_reasoning_steps",
    "complicate_input",
)
BREADTH = "breadth"
OPERATIONS = (*IN_DEPTH, BREADTH)


class Draft(NamedTuple):
    """A request, and how its answer becomes an instruction.

    ``read`` turns a completion into the evolved instruction and the reason why it ended;
    ``told`` goes into the row's provenance.
    """

    operation: str
    file: PromptFile
    request: Request
    read: Callable[[Completion], tuple[str, str]]
    told: Mapping[str, str] = MappingProxyType({})


class Drafter(Protocol):
    """A family of prompts: what it asks for ``number`` candidates of one round.

    ``root`` is what the instruction was before the first round. The drafts depend on the arguments
    and on nothing else. There may be fewer than ``number`` where a request has no more ways to be
    evolved, never none.
    """

    def drafts(
        self, llm: LLM, instruction: str, *, root: str, number: int, seed: int
    ) -> list[Draft]:
        """The drafts, those of one prompt next to each other."""
        ...
