"""What `evolsynth demo` asks which model for."""

from __future__ import annotations

import pytest

from evolsynth.cli.demo import line
from evolsynth.llm.base import Capability
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.grounded.grounded import kinds_of
from evolsynth.methods.grounded.kind import KINDS


@pytest.mark.parametrize(("parameters", "larger"), [(135_000_000, False), (7_000_000_000, True)])
def test_a_model_is_asked_for_the_kinds_of_task_that_one_of_its_size_can_do(
    parameters: int, larger: bool
) -> None:
    """In a run of 1,000 rows none was of a kind for larger models; they took half of all tokens."""
    llm = Scripted([], parameters=parameters, capabilities={Capability.CHAT})
    made: set[str] = set()
    for node in line(["texts"], 100).nodes():
        if node.step.kind == "grounded":
            options = node.step.parameters
            found = kinds_of(options.get("kinds"), llm, omit=options.get("omit") or ())
            made.update(kind.name for kind, _ in found)
    assert made == {name for name, one in KINDS.items() if larger or not one.asks}
