"""Passages for the tests of tasks about a text; all of them are invented."""

from __future__ import annotations

from evolsynth.methods.grounded.draft import Passage, Place
from evolsynth.methods.grounded.passages import passage_of
from evolsynth.rows import Row

MILL = (
    "Hallow Mill stands on the river Tarn near the village of Ost. It was built in 1742 by the "
    "carpenter Peter Lund. The mill has three floors and grinds about 40 tonnes of rye each year. "
    "In 1881 a fire destroyed the roof. The wheel stood still for 14 years because the river had "
    "too little water. Anna Lund repaired the wheel in 1903, and the mill opened again on 3 May "
    "1904. The wheel is 6 metres wide. The flour is made from rye, oats and barley."
)
FERRY = (
    "The ferry Heron crosses the bay every 30 minutes. A crossing takes 12 minutes and costs 4 "
    "crowns. The ferry carries up to 60 passengers. Dogs are welcome, but they must be kept on a "
    "lead. In winter the ferry rests in Sandvik because the bay freezes over."
)
BARE = "Hope is good. So much depends on it!"


def row(text: str, title: str = "", **more: str) -> Row:
    """A row that holds a text."""
    return Row.make(key=title, extra={"input": text, "title": title, **more})


def passage(text: str, title: str = "") -> Passage:
    """A passage of some sentences."""
    return passage_of(row(text, title))


def place(text: str, piece: str) -> Place:
    """Where a piece stands in a text."""
    return Place(text.index(piece), text.index(piece) + len(piece))
