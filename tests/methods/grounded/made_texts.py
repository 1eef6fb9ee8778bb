"""Texts, invented for tests: two that offer all kinds of task together, one that has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.passages import passage_of
from evolsynth.rows import Row

BELL = """\
Agnes Torvald cast the great bell of Merrow in 1612. The bell weighs 840 kilograms and hangs \
36 metres above the market. The town paid 95 guilders for the work. Four men are needed to ring it.

Lightning struck the tower in 1703. A fire destroyed the roof in 1744, and the bell fell into the \
nave. The founder Jonas Pell recast the bell in 1751. He used the old bronze.

The bell is called Long Agnes in the town. Visitors climb the tower from the northern side. The \
keepers sell postcards, candles, honey and small bells. The tower is open \
in summer for 6 hours a day.
"""

LAMP = """\
The Veska lamp is a lamp for walkers. The lamp weighs 210 grams and shines for 9 hours.

## What belongs to it

- a strap of leather
- two cells
- a spare glass

## Light

| Step | Light | Hours |
|---|---|---|
| low | 40 lumens | 9 |
| middle | 120 lumens | 5 |
| high | 300 lumens | 2 |

## Changing the cells

1. Turn the ring to the left.
2. Take the old cells out.
3. Push the new cells in.
4. Close the ring again.

The makers repair faults for 24 months. A green light means that the cells are full. The Lamp \
Makers Union (LMU) tests each lamp twice.
"""

NOTHING = "It was lovely! Wasn't it? They said so, too, and so did we…"


def passage(text: str, title: str = "") -> Passage:
    return passage_of(Row.make("?", extra={"input": text, "title": title}))


PASSAGES = (passage(BELL, "The Bell of Merrow"), passage(LAMP, "The Veska Lamp"))


def row_of(draft: Draft, title: str = "", **changes: Any) -> Row:
    """A draft as the row that a method makes of it."""
    told: Mapping[str, Any] = {"ground": dict(draft.ground)}
    return Row.make(
        draft.instruction,
        response=draft.response,
        extra={"input": draft.input, "title": title},
        provenance={"response": told},
    ).replace(**changes)
