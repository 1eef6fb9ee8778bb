"""Where a run looks at instructions before anything is spent on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evolsynth.pipeline.graph import Node, Step

__all__ = ["looks"]


def looks(nodes: Sequence[Node]) -> Mapping[int, int]:
    """For each node whose rows are looked at as they leave it, the gate by which: their indices.

    A user places one gate, at the end. What it would refuse of an instruction is neither evolved
    nor answered: the rows of a step whose instructions are new are looked at with that gate's
    settings before the next step that asks a model about them.
    Not where that gate reads other columns than ``instruction``, which have other names then.
    """
    readers: dict[int, list[Node]] = {node.index: [] for node in nodes}
    for node in nodes:
        for above in node.inputs:
            readers[above].append(node)
    gates: dict[int, int | None] = {}  # the first that rows which leave a node may reach
    for node in reversed(nodes):
        below = [r.index if _is_gate(r.step) else gates[r.index] for r in readers[node.index]]
        gates[node.index] = min((place for place in below if place is not None), default=None)
    found: dict[int, int] = {}
    fresh: dict[int, bool] = {}
    for node in nodes:
        fresh[node.index] = _makes(node) or (
            node.step.kind != "gate" and any(fresh[above] for above in node.inputs)
        )
        spending = [gates[r.index] for r in readers[node.index] if r.step.takes("llm")]
        gate = next((place for place in spending if place is not None), None)
        if fresh[node.index] and gate is not None:
            found[node.index] = gate
            fresh[node.index] = False
    return found


def _makes(node: Node) -> bool:
    """Whether instructions that come out of the step may be others than those that went in."""
    step = node.step
    made = step.gives is not None and "instruction" in step.gives
    generated = step.kind == "generate" and step.parameters.get("output") == "instruction"
    renamed = "instruction" in step.output_mappings.values()
    own = not step.settled  # a step of the user's may do anything
    return step.shape in ("source", "expand") or made or generated or renamed or own


def _is_gate(step: Step) -> bool:
    return step.kind == "gate" and step.settled and "instruction" not in step.input_mappings
