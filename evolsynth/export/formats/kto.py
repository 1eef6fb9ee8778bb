"""Single answers that are good or bad."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evolsynth.evaluation.gate.check import CHECKS
from evolsynth.export.format import Unfit, exports
from evolsynth.export.turns import answered, pair_of, tools_of
from evolsynth.rows import Row


@exports("kto", optional={"tools": "[]"}, statuses=("accepted", "pending", "rejected"))
def kto(row: Row) -> Iterator[dict[str, Any]]:
    """`prompt`, `completion` and `label`: both responses of a pair, else an accepted row's response
    as good and, as bad, one that was rejected for what its response says, or that came with the
    `label` false: TRL's KTOTrainer."""
    tools = tools_of(row)
    more = {} if tools is None else {"tools": tools}
    if "chosen" in row.extra and row.status != "rejected":
        prompt, chosen, rejected = pair_of(row)
        for made, good in ((chosen, True), (rejected, False)):
            yield {"prompt": prompt, "completion": made, "label": good, **more}
        return
    turns, label = answered(row), row.extra.get("label")
    if row.status == "rejected" and not _for_its_response(row):
        raise Unfit("rejected, but not for its response")
    good = row.status != "rejected" and label is not False
    line = {"prompt": turns[:-1], "completion": turns[-1:], "label": good}
    yield {**line, **more}


def _for_its_response(row: Row) -> bool:
    """Whether all that speaks against a row speaks against its response."""
    codes = row.verdict.reasons if row.verdict is not None else ()
    checks = [CHECKS.find(code) for code in codes]
    return bool(checks) and all(one and one.parts == ("response",) for one in checks)
