"""An answer that follows from the values of a problem, computed again from them.

All of the row is made again: the instruction from its wording, the input, the steps, the answer. So
a row in which a number, a name, a line of the steps or the answer was changed stands on nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evolsynth.evaluation.grounds.faithful import unfaithful
from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.problems.problem import Form, Task, task_of_values
from evolsynth.rows import Row

__all__ = ["computed"]


@ground("computed")
def computed(
    row: Row,
    *,
    set: str,
    values: Mapping[str, Any],
    wording: int,
    form: Form,
    answer: str,
    asking: int | None = None,
    says: int = 0,
    reworded: bool = False,
) -> str | None:
    """A problem of `evolsynth.evaluation.problems`.

    Args:
        row: as it stands.
        set: the kind of problem.
        values: what was drawn.
        wording: which of the wordings of its case.
        form: what the answer consists of.
        answer: the bare answer.
        asking: which of the sentences that ask for that form.
        says: which of the sentences that answer it.
        reworded: whether a model said the instruction in other words.

    Raises:
        InputError: there is no such problem.
        SetupError: it needs reasoning-gym, which is not installed.
    """
    task = task_of_values(set, values, wording=wording, form=form, asking=asking, says=says)
    if task.answer != answer:
        return f"The values give another answer: {task.answer}"
    if (row.input or "") != task.input:
        return "The input is not the one that the values give."
    if row.round:
        return _evolved(row, task)
    if row.response != task.response:
        return "The response is not the one that the values give."
    if row.instruction == task.instruction:
        return None
    if not reworded:
        return "The instruction is not the one that the values give."
    return unfaithful(task.instruction, row.instruction or "")


def _evolved(row: Row, task: Task) -> str | None:
    """A demand was added and the response formed anew: it must still ask and answer the same."""
    asked = _tokens(row.instruction or "")
    if not all(_held(_tokens(part), asked) for part in _SENTENCE.split(task.instruction)):
        return "The instruction no longer asks what the values give."
    told = _tokens(row.response or "")
    if not _held(_tokens(task.answer), told):
        return f"The response does not give the answer {task.answer}."
    known = {*_NUMBER.findall(f"{task.instruction} {task.input} {task.response} {task.answer}")}
    known |= {*_NUMBER.findall(row.instruction or "")}
    new = [n for n in _NUMBER.findall(_MARK.sub("", row.response or "")) if n not in known]
    return f"The response has a number that the values do not give: {new[0]}." if new else None


#: Where a demand may be put between.
_SENTENCE = re.compile(r"(?<=[.?!]) ")
_TOKEN = re.compile(r"[^\W_]+(?:[.,:/'][^\W_]+)*|[-−](?=\d)")
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
#: Stands between the last two entries of a list.
_LAST = "and"
#: Numbers of the lines of a list.
_MARK = re.compile(r"^[ \t]*\d+[.)]", re.MULTILINE)


def _tokens(text: str) -> list[str]:
    """Words and numbers, without the "and" of a list."""
    return [token.casefold() for token in _TOKEN.findall(text) if token != _LAST]


def _held(part: list[str], whole: list[str]) -> bool:
    """Whether the one stands in the other in one piece."""
    n = len(part)
    return n > 0 and any(whole[i : i + n] == part for i in range(len(whole) - n + 1))
