"""What a problem is: numbers and names drawn by a seed, and what follows from them.

A kind of problem is one class in one file of this package::

    @problem("double")
    class Double(Problem):
        def draw(self, chance, level):
            return {"number": chance.randint(2, 99 if level == "small" else 999)}

        def solve(self, values):
            number = whole(values, "number")
            answer = str(2 * number)
            step = f"2 × {number} = {answer}"
            return Solution("double", {"number": str(number)}, answer, [step])

Only ``draw`` knows chance; ``solve`` makes everything else of the values alone, so that whoever has
the values can compute all of it again. What a person reads stands in
``prompts/computed/double.txt``: the wordings of each case (``[double]``), in which ``{number}``
stands for what is shown, and the sentences that answer it (``[double: answer]``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Literal, NamedTuple, TypeVar

from evolsynth.errors import InputError
from evolsynth.evaluation.text.task import Task as KindOfTask
from evolsynth.prompts import filled as slots_filled
from evolsynth.prompts import prompt_lists
from evolsynth.registry import Registry

__all__ = ["PROBLEMS", "Form", "Level", "Problem", "Set", "Solution", "Task", "Values"]
__all__ += ["asking_lines", "filled", "problem", "task_of_values", "wordings"]

#: How large numbers and lists are.
Level = Literal["small", "medium"]
#: What was drawn: names and numbers that JSON can carry.
Values = Mapping[str, Any]
#: What an answer consists of: its steps and the sentence, the sentence, or the answer alone.
Form = Literal["steps", "sentence", "bare"]


class Solution(NamedTuple):
    """What follows from the values of a problem.

    Args:
        case: the section of the wordings that fit ("discount").
        shown: what stands for ``{name}`` in wordings and in sentences of answers.
        answer: the bare answer.
        steps: how it is come by, a line each; none where there is nothing to show.
        input: the text that the problem is about; empty if the instruction holds all of it.
    """

    case: str
    shown: Mapping[str, str]
    answer: str
    steps: Sequence[str] = ()
    input: str = ""


class Problem:
    """A kind of problem; see the module."""

    #: Given by `problem`.
    name: str = ""
    #: What it is about, for the table of sets.
    about: str = ""
    #: Whether its steps are sums: "show your working" suits those alone.
    sums: bool = False
    #: What its answers may consist of.
    forms: Sequence[Form] = ("steps", "sentence", "bare")
    #: The kind of task that it is.
    task: KindOfTask = "calculation"
    #: Whether it comes from another package that must be installed.
    foreign: bool = False

    def draw(self, chance: Random, level: Level) -> Values:
        """Values of one problem."""
        raise NotImplementedError

    def solve(self, values: Values) -> Solution:
        """What follows from them.

        Raises:
            InputError: they are no values of such a problem.
        """
        raise NotImplementedError


class Task(NamedTuple):
    """A problem as it is put, and its answer.

    Args:
        instruction: what is asked, without the text.
        input: the text; empty if there is none.
        response: the answer in its form.
        answer: the bare answer.
    """

    instruction: str
    input: str
    response: str
    answer: str


#: All kinds by name.
PROBLEMS: Registry[Problem] = Registry(
    "set of problems", "evolsynth.evaluation.problems", "evolsynth.problems"
)

Set = TypeVar("Set", bound=type[Problem])


def problem(name: str) -> Callable[[Set], Set]:
    """Register a class as the kind of problem of that name; its docstring says what it is about."""

    def made(kind: Set) -> Set:
        one = kind()
        one.name = name
        one.about = " ".join((kind.__doc__ or "").split("\n\n")[0].split()).rstrip(".")
        PROBLEMS.register(name, one, kind.__module__)
        return kind

    return made


def filled(template: str, shown: Mapping[str, str]) -> str:
    """A wording with what is shown in its places; ``\\n`` is a new line.

    What is put in place is data: braces in it mean nothing.

    Raises:
        InputError: the wording names what the problem does not show.
    """

    try:
        text = slots_filled(template, shown)
    except KeyError as error:
        raise InputError(
            f"The wording '{template}' names {{{error.args[0]}}}, which the problem does not show. "
            f"It shows: {', '.join(shown)}."
        ) from None
    return text if template.startswith("{answer}") else text[:1].upper() + text[1:]


def wordings(name: str, case: str) -> Sequence[str]:
    """The wordings of one case of a kind of problem.

    Raises:
        InputError: there is no such file, or no such section in it.
    """
    found = prompt_lists(f"computed/{name}").get(case)
    if not found:
        raise InputError(f"prompts/computed/{name}.txt has no section [{case}]. Write one.")
    return found


@functools.cache
def asking_lines(name: str, form: Form) -> Sequence[str]:
    """Sentences that ask a kind of problem for a form of the answer: ``[steps]`` or ``[bare]`` of
    asking.txt, and where it is a sum ``[steps: sum]`` or ``[bare: sum]`` beside them."""
    found = prompt_lists("computed/asking")
    return [*found.get(form, []), *(found.get(f"{form}: sum", []) if PROBLEMS[name].sums else [])]


def task_of_values(
    name: str, values: Values, *, wording: int, form: Form, asking: int | None = None, says: int = 0
) -> Task:
    """A problem put into words. The same arguments always give the same task.

    Args:
        name: the kind of problem.
        values: what was drawn.
        wording: which of the wordings of its case.
        form: what the answer consists of.
        asking: which of the sentences that ask for that form stands behind the wording; None:
            none does.
        says: which of the sentences that answer it.

    Raises:
        InputError: there is no such kind, wording or sentence, or they are no values of it.
    """
    solution = PROBLEMS[name].solve(values)
    instruction = filled(
        _taken(wordings(name, solution.case), wording, f"wording of {name}"), solution.shown
    )
    if asking is not None:
        end = "" if instruction[-1:] in ".?!" else "."
        asked = _taken(asking_lines(name, form), asking, "sentence")
        instruction = f"{instruction}{end} {asked}"
    if form == "bare":
        return Task(instruction, solution.input, solution.answer, solution.answer)
    sentence = _taken(wordings(name, f"{solution.case}: answer"), says, f"answer of {name}")
    response = filled(sentence, {**solution.shown, "answer": solution.answer})
    if form == "steps" and solution.steps:
        response = "\n".join([*solution.steps, response])
    return Task(instruction, solution.input, response, solution.answer)


def _taken(some: Sequence[str], place: int, what: str) -> str:
    if not isinstance(place, int) or not 0 <= place < len(some):
        raise InputError(f"There is no {what} number {place}: there are {len(some)}.")
    return some[place]
