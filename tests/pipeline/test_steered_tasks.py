"""Tasks about texts, problems and texts to mend in a run that steers itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_steered_runs import files_of, go, late, looks_of, rows_of, said

from evolsynth import Scripted
from evolsynth.errors import InputError
from evolsynth.methods.computed.computed import computed
from evolsynth.methods.grounded.grounded import grounded
from evolsynth.methods.inverse.inverse import inverse
from evolsynth.methods.steering import Steering
from evolsynth.pipeline import Pipeline, Steer, gate, load, magpie, merge
from evolsynth.pipeline.run.steer import blocks
from evolsynth.pipeline.steps import STEPS
from evolsynth.rows import Row

SETS = ["percent", "dates", "sorting", "order", "units", "letters"]
KINDS = {"year": 3.0, "how_many": 3.0, "true_false": 1.0, "fill_in": 1.0, "order": 1.0}
KINDS |= {"years_between": 1.0, "correct": 1.0}


def text(number: int) -> str:
    """A text that all of `KINDS` can be made of."""
    year = 1400 + 7 * number
    return (
        f"The mill of Ost-{number} was built in {year} by the carpenter Peter Lund. It has "
        f"{number % 7 + 3} floors and grinds about {20 + number} tonnes of rye each year. A fire "
        f"destroyed the roof in {year + 31}. Anna Lund repaired the wheel in {year + 50}, and the "
        f"mill opened again in {year + 52}. Its wheel stood still for 14 years because the river "
        "had too little water. The keepers sell postcards, candles, honey and small bells."
    )


def line(texts: int = 30) -> Pipeline:
    """Three sources that take turns."""
    rows = [{"input": text(number), "title": f"Mill {number}"} for number in range(texts)]
    branches = [
        load(rows) >> STEPS["grounded"](each=2, kinds=KINDS),
        STEPS["computed"](n=2 * texts, sets=SETS),
        load(rows) >> STEPS["inverse"](each=2),
    ]
    return (branches >> merge() >> gate()).using(seed=3)


def drawn(rows: list[dict[str, Any]], name: str) -> Counter[str]:
    made = [row["provenance"].get("instruction", {}).get("drawn", {}) for row in rows]
    return Counter(one[name] for one in made if name in one)


async def test_kinds_sets_and_ways_are_drawn_and_rows_say_which(tmp_path: Path) -> None:
    result = await go(line(), tmp_path / "run")
    rows = rows_of(tmp_path / "run")
    for row in rows:
        made = row["provenance"].get("instruction", {})
        names = {"grounded": "kinds", "computed": "sets", "inverse": "spoilers"}
        if "kind" in made:
            assert made["drawn"] == {names[row["method"]]: made["kind"]}
    assert len(drawn(rows, "sets")) == len(SETS)
    assert len(drawn(rows, "kinds")) > 4
    assert len(drawn(rows, "spoilers")) > 3
    told = " ".join(looks_of(result))
    assert "sets: more of '" in told
    assert "kinds: " in told


async def test_the_same_bytes_at_any_concurrency(tmp_path: Path) -> None:
    found, told = [], []
    for width in (1, 4, 64):
        folder = tmp_path / str(width)
        llm = Scripted(said, delay=late, concurrency=width)
        result = await go(line(), folder, llm=llm, concurrency=width)
        found.append(files_of(folder))
        told.append(looks_of(result))
    assert found[0] == found[1] == found[2]
    assert told[0] == told[1] == told[2]
    assert len(told[0]) > 8


KILLED = """
import asyncio, os, signal, sys
sys.path.insert(0, {here!r})
from test_steered_tasks import go, line
from pathlib import Path
from evolsynth.pipeline.run.steer import Steerer
came, rows = Steerer.came, 0
def dying(self, row):
    global rows
    rows += 1
    if rows == {most}:
        os.kill(os.getpid(), signal.SIGKILL)
    came(self, row)
Steerer.came = dying
asyncio.run(go(line(), Path(sys.argv[1])))
"""


async def test_a_killed_run_makes_the_same_decisions_again(tmp_path: Path) -> None:
    whole = await go(line(), tmp_path / "whole")
    script = KILLED.format(here=str(Path(__file__).parent), most=120)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path / "run"), env=environment
    )
    assert await process.wait() == -signal.SIGKILL
    again = await go(line(), tmp_path / "run")
    assert files_of(tmp_path / "run") == files_of(tmp_path / "whole")
    assert looks_of(again) == looks_of(whole)


async def test_off_rows_do_not_say_what_was_drawn(tmp_path: Path) -> None:
    await go(line(6), tmp_path / "run", steer=None)
    assert b'"drawn"' not in b"".join(files_of(tmp_path / "run"))


class Told(Steering):
    """Gives these choices all the weight, and notes what it was asked."""

    def __init__(self, *choices: str) -> None:
        self.choices = choices
        self.asked: list[tuple[Any, str, Mapping[str, float], Mapping[str, str]]] = []

    async def weights(
        self,
        at: int | Row,
        name: str,
        usual: Mapping[str, float],
        kinds: Mapping[str, str] = {},
    ) -> dict[str, float]:
        self.asked.append((at, name, usual, kinds))
        return {choice: float(choice in self.choices) for choice in usual}


async def test_sets_are_drawn_as_often_as_is_told() -> None:
    told = Told("dates", "order")
    rows = [row async for row in computed(n=40, seed=5, sets=SETS, steering=told)]
    counts = Counter(row.provenance["instruction"]["kind"] for row in rows)
    assert set(counts) == {"dates", "order"}
    assert 18 <= counts["dates"] <= 22
    asked = {at: (name, usual, kinds) for at, name, usual, kinds in told.asked}
    assert sorted(asked) == list(range(40))
    name, usual, kinds = asked[7]
    assert (name, list(usual)) == ("sets", sorted(SETS))
    assert (kinds["sorting"], kinds["dates"]) == ("ordering", "calculation")


async def test_kinds_that_are_dropped_are_not_made_of_a_text() -> None:
    told, rows = Told("true_false", "fill_in"), [Row.make(extra={"input": text(1)})]
    made = [row async for row in grounded(rows, Scripted([]), each=4, kinds=KINDS, steering=told)]
    kinds = {row.provenance["instruction"]["kind"] for row in made if row.instruction}
    assert kinds == {"true_false", "fill_in"}
    ((at, name, usual, tasks),) = told.asked
    assert (at, name, usual) == (rows[0], "kinds", KINDS)
    assert tasks["true_false"] == "classification"


async def test_texts_are_spoiled_in_the_ways_that_are_told() -> None:
    told, rows = Told("shouted", "stops"), [Row.make(extra={"input": text(1)})]
    made = [row async for row in inverse(rows, each=4, steering=told)]
    assert {row.provenance["instruction"]["kind"] for row in made} == {"shouted", "stops"}
    assert told.asked[0][1] == "spoilers"


def test_a_block_is_of_so_many_rows_that_about_as_many_come_out() -> None:
    nodes = line().nodes()
    assert blocks(nodes, 120) == {0: 20, 2: 40, 3: 20}
    assert blocks(nodes, 20) == {0: 8, 2: 8, 3: 8}
    assert blocks((magpie(n=5) >> gate()).nodes(), 50) == {0: 50}
    assert blocks((load([]) >> STEPS["grounded"]() >> gate()).nodes(), 80) == {0: 20}


async def test_a_step_that_waits_for_all_rows_is_refused(tmp_path: Path) -> None:
    pipe = magpie(n=50) >> gate() >> STEPS["spread"](n=10)
    with pytest.raises(InputError, match="'spread' waits for all rows"):
        await asyncio.wait_for(go(pipe, tmp_path / "run", steer=Steer(every=8)), 20)
