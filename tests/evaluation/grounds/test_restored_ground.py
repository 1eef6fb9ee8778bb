"""An original is spoiled again, and whatever was changed is found."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.methods.inverse.inverse import inverse
from evolsynth.rows import Row

TEXT = """# The mill

The old mill stands beside the river. It was built in March by two brothers, and its wheel is
larger than a cart. Most of the flour was sold at the market, because there was too much of it for
the village. A small museum opened on Sunday, and children from the school painted the walls.

1. Open the gate.
2. Let the water in.
3. Lift the brake.
4. Pour the grain into the funnel.

| Year | Sacks |
| ---- | ----: |
| 1901 | 310   |
| 1902 | 420   |
| 1903 | 505   |
"""


async def made(**options: Any) -> list[Row]:
    async def source() -> AsyncGenerator[Row]:
        for place in range(8):
            yield Row.make(key=str(place), extra={"input": TEXT, "title": "The mill"})

    return [row async for row in inverse(source(), **options)]


async def test_each_stands_and_none_that_was_changed_does() -> None:
    rows = await made(each=13)
    assert len({row.provenance["instruction"]["kind"] for row in rows}) >= 9
    for row in rows:
        assert stands(row) == ("restored", None)
        assert tier_of(row)[0] == "verified"
        text = row.response or ""
        for place in range(0, len(text), 7):
            other = text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :]
            assert stands(row.replace(response=other))[1] is not None
        for field, value in (
            ("instruction", "Correct the grammar."),
            ("extra", {"input": (row.input or "") + " "}),
            ("response", row.input),
        ):
            assert stands(row.replace(**{field: value}))[1] is not None


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"spoiler": "nobody"}, {"wording": 99}])
async def test_wrong_parameters_stand_on_nothing(wrong: dict[str, object]) -> None:
    row = (await made(spoilers=["typos"]))[0]
    ground = {**row.provenance["response"]["ground"], **wrong}
    assert stands(row.replace(provenance={"response": {"ground": ground}}))[1] is not None
