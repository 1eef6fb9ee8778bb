"""``evolsynth texts`` on real texts, with SmolLM2 and MiniLM."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from made_documents import docx_of

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.evaluation.grounds.ground import stands

pytestmark = pytest.mark.real

KETTLE = """# The Brewmate kettle

The Brewmate is an electric kettle with a temperature dial. It was designed in Lund in 2019 by the
engineer Karin Holm, and it has been sold in 14 countries since March 2021. The body is made of
brushed steel because plastic took on a smell in early tests. A full kettle holds 1.7 litres.

## Descaling

Descale the kettle every six weeks if your water is hard. Hard water leaves a white crust, which
makes the kettle slower and louder.

1. Fill the kettle with half a litre of water.
2. Add one cleaning tablet.
3. Wait for 20 minutes.
4. Pour the water away and rinse twice.

The warranty lasts for three years from the day of purchase. It does not cover damage by limescale.
Repairs are made in Malmö by the Holm workshop, which was founded in 1987 and employs 22 people.
"""
GARDEN = """<html><head><title>Ashby Trust</title></head><body><nav><a href="/">Home</a></nav>
<main><h1>The walled garden of Ashby</h1><p>The walled garden was laid out in 1764 for Lady Margaret
Ashby. Its walls are 3.6 metres high and enclose two hectares. The south wall was built hollow so
that fires could warm the fruit trees in spring.</p><p>During the war the garden was given over to
potatoes, and the glasshouses fell into ruin. In 1998 a group of 40 volunteers began to restore it.
They found the old well under a heap of slate.</p><h2>What grows here</h2><p>There are 112 kinds of
apple in the garden, among them the Ashby Russet, which grows nowhere else. The pears along the east
wall are harvested in October. Bees from six hives pollinate the trees.</p></main></body></html>"""
FERRY = docx_of(
    [
        ("Title", "The Skarv ferry"),
        ("Heading1", "History"),
        (
            "Normal",
            "The ferry Skarv has crossed the sound between Nordby and Ulvika since 1953. It was "
            "built by the Halden yard and carries 18 cars and 120 passengers. The crossing takes "
            "25 minutes. In 1974 its steam engine was replaced by a diesel engine, as coal had "
            "become too dear. The captain of the first voyage was Anders Lien.",
        ),
        ("Heading1", "Fares"),
        ("Normal", "A car with its driver costs 95 crowns. The fares of people are these."),
        [["Ticket", "Price"], ["Adult", "40 crowns"], ["Child", "20 crowns"], ["Dog", "15 crowns"]],
        ("Normal", "Residents of Ulvika have travelled free on weekdays since 1981."),
    ]
)


def test_three_texts_give_rows_that_stand_in_them(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "kettle.md").write_text(KETTLE, encoding="utf-8")
    (folder / "garden.html").write_text(GARDEN, encoding="utf-8")
    (folder / "ferry.docx").write_bytes(FERRY)
    assert main(["texts", str(folder), "-n", "12", "-o", str(tmp_path / "out")]) == 0
    rows = list(read_rows(tmp_path / "out" / "accepted.jsonl"))
    assert len(rows) == 12
    assert set(Counter(row.extra["source"] for row in rows)) == {
        "ferry.docx", "garden.html", "kettle.md",
    }  # fmt: skip
    for row in rows:
        kind, against = stands(row)
        assert kind is not None
        assert against is None
        for place in row.extra["evidence"]:
            assert row.extra["input"][place["start"] : place["end"]].strip()
        source = row.extra["source"].partition(".")[0]
        assert source in row.extra["title"].casefold()
