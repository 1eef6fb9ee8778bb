"""Scores by which one response to an instruction is preferred to another: higher is better.

A score is any function of a row, whose ``response`` is the one to be scored, that gives a number,
or None where there is none to give. It may be asynchronous. Those here are by a judge, by IFD and
by the gate's rules.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing

from evolsynth.errors import EngineError
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.scores.ifd import ifd
from evolsynth.evaluation.scores.judge import judge
from evolsynth.llm.base import LLM, Capability
from evolsynth.rows import Row

__all__ = ["MARGINS", "ResponseScore", "by_ifd", "by_judge", "by_rules"]

ResponseScore = Callable[[Row], float | Awaitable[float | None] | None]

#: Differences below which the command line calls two responses a tie, by score. They are choices
#: and not measured: half a level of six, a tenth of the ratio, one finding.
MARGINS: Mapping[str, float] = {"judge": 0.5, "ifd": 0.1, "rules": 1.0}

_NOTHING = frozenset({"empty", "says_nothing"})
_WORST = -10.0


def by_judge(llm: LLM, *, seed: int = 0) -> Callable[[Row], Awaitable[float | None]]:
    """The judge's quality of the response, from 1 to 6; see `judge`.

    Raises:
        CapabilityError: the back end can neither tell log-probabilities nor answer a chat.
    """
    if Capability.LOGPROBS not in llm.capabilities:
        llm.require(Capability.CHAT, by="by_judge")

    async def judged(row: Row) -> float | None:
        stream = judge([row.replace(scores={})], llm, criteria=("quality",), seed=seed)
        return await _score(stream, "quality")

    judged.__name__ = "judge"
    return judged


def by_ifd(llm: LLM) -> Callable[[Row], Awaitable[float | None]]:
    """How much the instruction helps a model to the response: minus its IFD; see `ifd`.

    It prefers the response that belongs more to its instruction, and knows nothing of whether it
    is true or whole.

    Raises:
        CapabilityError: the back end cannot tell log-probabilities of given texts.
    """
    llm.require(Capability.LOGPROBS, by="by_ifd")

    async def helped(row: Row) -> float | None:
        score = await _score(ifd([row.replace(scores={})], llm), "ifd")
        return None if score is None else -score

    helped.__name__ = "ifd"
    return helped


def by_rules(settings: GateSettings | None = None) -> Callable[[Row], float]:
    """Minus the number of the gate's checks of responses that find something; -10 for no text.

    0 is a response that the gate would let through.
    """

    def kept(row: Row) -> float:
        found = {finding.code for finding in part_findings(row, "response", settings)}
        return _WORST if found & _NOTHING else float(-len(found))

    kept.__name__ = "rules"
    return kept


async def _score(stream: AsyncGenerator[Row], name: str) -> float | None:
    """The score of the one row of a stream.

    Raises:
        EngineError: the back end failed.
    """
    async with aclosing(stream) as rows:
        async for row in rows:
            if row.failure is not None:
                raise EngineError(row.failure.message)
            return row.scores.get(name)
    return None
