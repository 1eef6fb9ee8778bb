"""Evolutions by demands that a program can check, which cost no question to a model.

The constraints of Evol-Instruct (Xu et al. 2023, arXiv:2304.12244, section 3.2) are drawn: one in
the first round, up to two or three in later ones, such as fit the kind of task and do not clash
with what is asked already. So the row knows what it demands, and an answer can be checked for it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from evolsynth.evaluation.demands.draw import asked_of, draw_demands
from evolsynth.evaluation.demands.found import demands_of
from evolsynth.methods.evolve.drafts import Written, anchor_behind
from evolsynth.rows import Row

__all__ = ["CONSTRAINTS", "by_demands"]

#: The operation that draws demands.
CONSTRAINTS = "constraints"
#: Candidates of one round: the gate may have something against the first.
_CANDIDATES = 4
#: New demands of one round at most, and demands that an instruction has in all.
_NEW, _IN_ALL = 3, 4


def by_demands(
    parent: Row, *, root: str, seed: int, kinds: Mapping[str, float] | None = None
) -> list[Written]:
    """Candidates of one evolution, each with demands of its own; none where no demand fits.

    Args:
        root: what the instruction was before the first round: it tells the kind of task.
        seed: of what is drawn.
        kinds: the weights of kinds of demands, instead of the usual ones.
    """
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    anchor = anchor_behind(root, parent.instruction or "")
    asked = asked_of(root, given=anchor.given, round=parent.round + 1)
    standing = demands_of(parent)
    most = min(_NEW, parent.round + 1, _IN_ALL - len(standing))
    if most < 1:
        return []
    made: dict[str, Written] = {}
    for _ in range(_CANDIDATES):
        number = chance.randint(1, most)
        drawn = draw_demands(chance, asked, number=number, standing=standing, kinds=kinds)
        said = " ".join(one.worded(chance.randrange(1_000_000)) for one in drawn)
        if drawn:
            text = anchor.with_demand(anchor.before(said), said)
            told = {"demands": [one.to_dict() for one in drawn]}
            made.setdefault(text, Written(CONSTRAINTS, text, told))
    return list(made.values())
