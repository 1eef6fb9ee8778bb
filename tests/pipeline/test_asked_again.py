"""What is asked again when a file of seeds changes: what is new, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evolsynth.llm.scripted import Scripted
from evolsynth.pipeline import evolve, generate, load, respond
from evolsynth.pipeline.graph import Pipeline
from evolsynth.rows import Row

ANSWER = "People go there for the light, for the food and for the long walks by the water."
PLACES = ("Porto", "Riga", "Quito", "Hanoi")


def asked(place: str, **more: Any) -> dict[str, Any]:
    return {"instruction": f"Why do people like {place} in autumn?", **more}


Ask = Callable[[Pipeline, list[dict[str, Any]]], Any]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Run a pipeline on rows, in the same folder each time; how many questions were asked."""
    path, said = tmp_path / "seeds.jsonl", list[int]()

    def answer(request: Any) -> str:
        said.append(request.seed)
        return ANSWER

    async def run(steps: Pipeline, rows: list[dict[str, Any]]) -> int:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        before = len(said)
        whole = (load(str(path)) >> steps).using(
            models={"default": Scripted(answer)}, embedder=None
        )
        await whole.run(str(tmp_path / "run"), report=False)
        return len(said) - before

    return run


STEPS = {
    "respond": respond(),
    "generate": generate(prompt="Say it in French: {{ instruction }}", output="french"),
}


@pytest.mark.parametrize("name", ["respond", "generate"])
async def test_only_what_is_new_is_asked(ask: Ask, name: str) -> None:
    steps = Pipeline().then(STEPS[name])
    assert await ask(steps, [asked(place) for place in PLACES]) == 4
    assert await ask(steps, [asked(place) for place in ("Turin", *PLACES)]) == 1
    more = ["Hanoi", "Quito", "Porto", "Riga", "Turin", "Porto"]  # another order, one of them twice
    assert await ask(steps, [asked(place) for place in more]) == 1
    noted = [asked(place, note=n, source="web", title=f"T{n}") for n, place in enumerate(more)]
    assert await ask(steps, noted) == 0
    assert await ask(steps, [{**row, "note": "other", "empty": None} for row in noted]) == 0
    assert await ask(steps, [{**noted[0], "input": "Hanoi has lakes."}, *noted[1:]]) == (
        name == "respond"
    )


async def test_evolutions_are_not_asked_again_for_a_new_column(ask: Ask) -> None:
    steps = Pipeline().then(evolve(rounds=2, candidates=2, demands=False)).then(respond())
    assert await ask(steps, [asked(place) for place in PLACES]) > 4
    assert await ask(steps, [asked(place, source="web", title="A") for place in PLACES]) == 0


async def test_a_task_of_columns_alone_is_asked_by_those(ask: Ask) -> None:
    steps = Pipeline().then(generate(prompt="Ask about {{ topic }}.", output="question"))
    rows: list[dict[str, Any]] = [{"topic": "bees"}, {"topic": "tides"}, {"topic": "bees"}]
    assert await ask(steps, rows) == 3
    assert await ask(steps, [{**row, "label": n} for n, row in enumerate(rows)]) == 0
    assert await ask(steps, [{"topic": "moss"}, *rows[::-1]]) == 1


def test_ids_are_of_what_is_asked() -> None:
    plain = Row.from_dict(asked("Porto"))
    same = asked("Porto", response="x", label=1, input="", source="web", scores={"a": 1})
    assert Row.from_dict(same).id == plain.id
    others: list[dict[str, Any]] = [
        asked("Porto", input="A text."),
        asked("Porto", context="A text."),
        asked("Porto", system="Be brief."),
        asked("Porto", messages=[{"role": "user", "content": "Hello"}]),
        asked("Riga"),
    ]
    assert len({plain.id, *(Row.from_dict(one).id for one in others)}) == 6
    topics = [Row.from_dict({"topic": one}).id for one in ("bees", "tides")]
    assert topics[0] != topics[1]
