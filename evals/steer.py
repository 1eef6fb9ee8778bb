"""``python -m evals steer``: does a run that steers itself give more varied rows, and at what cost?

Two runs with the same seed and the gate behind them, one steered and one not, each for as many
accepted rows. Compared are the Vendi score of the requests (MiniLM, with the beginning of the text
where they do not name their subject), the evenness over all kinds of tasks that there are (entropy
by that of an even spread, so that both arms are measured by the same), and what an accepted row
cost: rows made, tokens written.

``--arm`` says what is asked for. Of Magpie: ``plain``, ``made_up`` requests, or ``texts``: made up
and with a text, of which the unsteered arm has both too, so that nothing but the weights differs.
Without Magpie: ``grounded``, tasks about the texts that ship, in turn with computed problems.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from evals.options import add_json, check_place, save, told_on
from evolsynth.data.files import read_rows
from evolsynth.evaluation.diversity.distances import vendi_score
from evolsynth.evaluation.embed.base import embedder_named
from evolsynth.evaluation.text.gist import gist
from evolsynth.evaluation.text.task import TASKS
from evolsynth.pipeline import Pipeline, gate, magpie, merge, respond, texts
from evolsynth.pipeline.run.knowledge import evenness
from evolsynth.pipeline.steer import Steer
from evolsynth.pipeline.steps import STEPS
from evolsynth.prompts import passages_folder
from evolsynth.rows import Row

__all__ = ["ARMS", "MAGPIE", "Arm", "add_options", "compared", "measured", "run", "run_arm"]

#: What Magpie is asked for in each pair of runs.
MAGPIE: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "made_up": {"made_up": True},
    "texts": {"made_up": True, "with_text": True},
}
_GROUNDED = "grounded"
ARMS = (*MAGPIE, _GROUNDED)
#: Tasks of each text: half of 300 rows are about the sixty that ship.
_EACH = 3


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One run: its accepted ``rows``, those ``made`` for them, the ``tokens`` that the model wrote,
    the Vendi score of the requests, and the evenness over kinds of tasks."""

    steered: bool
    rows: int
    made: int
    tokens: int
    vendi: float
    evenness: float
    tasks: dict[str, int]
    told: str = ""


def measured(rows: list[Row], embedder: Any) -> tuple[float, float, dict[str, int]]:
    """The Vendi score of rows, their evenness over all kinds of tasks, and how many are of each."""
    vectors = embedder.embed([gist(row) for row in rows])
    tasks = Counter(str(row.verdict.task) for row in rows if row.verdict is not None)
    tasks.pop("other", None)
    return vendi_score(vectors), evenness(tasks, len(TASKS) - 1), dict(tasks.most_common())


def line(what: str, *, answers: bool = False) -> Pipeline:
    """The steps of an arm."""
    if what == _GROUNDED:
        about = texts([passages_folder()], shuffle=1) >> STEPS["grounded"](each=_EACH)
        return [about, STEPS["computed"]()] >> merge() >> gate()
    asked = magpie(**MAGPIE[what])
    return asked >> respond() >> gate() if answers else asked >> gate()


async def run_arm(
    what: str, *, steer: Steer | None, embedder: Any, answers: bool = False, **options: Any
) -> Arm:
    """Run one arm and measure it; ``options`` are those of `Pipeline.run`. With ``answers``
    requests are answered, too, where they have none."""
    with tempfile.TemporaryDirectory() as folder:
        told = {**options, "steer": steer, "embedder": embedder, "report": False}
        result = await line(what, answers=answers).run(folder, **told)
        rows = list(read_rows(result.files["accepted"]))
    vendi, even, tasks = measured(rows, embedder)
    state = result.state
    return Arm(
        steered=steer is not None,
        rows=len(rows),
        made=state.total,
        tokens=state.tokens,
        vendi=round(vendi, 2),
        evenness=round(even, 4),
        tasks=tasks,
        told="" if state.steerer is None else state.steerer.result().told(),
    )


def compared(plain: Arm, steered: Arm) -> dict[str, float]:
    """The steered arm by the other: Vendi score, evenness, rows made for an accepted one, and
    tokens, if the model wrote any in both."""
    times = {
        "vendi": steered.vendi / plain.vendi,
        "evenness": steered.evenness / max(plain.evenness, 1e-9),
        "made_for_a_row": (steered.made / steered.rows) / (plain.made / plain.rows),
    }
    if plain.tokens and steered.tokens:
        tokens = (steered.tokens / steered.rows) / (plain.tokens / plain.rows)
        times["tokens_for_a_row"] = tokens
    return times


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--arm", choices=ARMS, default="texts", help="default: texts")
    parser.add_argument("--rows", type=int, default=300, help="accepted rows of each (300)")
    parser.add_argument("--answers", action="store_true", help="have the requests answered, too")
    parser.add_argument("--every", type=int, default=Steer().every, help="rows of a block")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--model", help="as for evolsynth run")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure both and print."""
    check_place(options.json)
    out = told_on(options.json)
    embedder = embedder_named("minilm")
    told = {
        "answers": options.answers,
        "llm": options.model,
        "seed": options.seed,
        "accepted": options.rows,
    }
    arms = []
    for steer in (None, Steer(every=options.every)):
        arm = asyncio.run(run_arm(options.arm, steer=steer, embedder=embedder, **told))
        arms.append(arm)
        print(
            f"{'steered' if steer else 'not':8}{arm.rows} rows of {arm.made} made, {arm.tokens} "
            f"tokens; Vendi score {arm.vendi:.1f}, evenness {arm.evenness:.3f}\n{'':8}{arm.tasks}",
            file=out,
            flush=True,
        )
    times = compared(*arms)
    print(", ".join(f"{name} {value:.2f} times" for name, value in times.items()), file=out)
    print(arms[1].told, file=out)
    save(options.json, {"arms": [msgspec.to_builtins(arm) for arm in arms], "times": times})
    return 0
