"""What a model is tuned on: rows as tokens, and as many of them in every arm."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.llm.base import Prompt, Segment
from evolsynth.llm.llamacpp.model import Model
from evolsynth.rows import Message, Row

__all__ = ["LONGEST", "UNTRAINED", "Arm", "Example", "budget", "cut", "example_of", "named"]
__all__ += ["read_arm"]

#: The arm that is always there.
UNTRAINED = "untrained"
#: Tokens of a whole chat, beyond which a row is left out: half of one teaches something else.
LONGEST = 1024
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,59}")


class Example(NamedTuple):
    """A chat in tokens, of which the first ``prompt`` are not learned."""

    tokens: tuple[int, ...]
    prompt: int

    @property
    def targets(self) -> int:
        """Tokens that are learned: the response's and the end of its turn."""
        return len(self.tokens) - self.prompt


class Arm(NamedTuple):
    """A data set: its rows as tokens, in their order, and how many were left out, by why."""

    name: str
    examples: tuple[Example, ...]
    left_out: dict[str, int]

    @property
    def targets(self) -> int:
        """Target tokens of all rows."""
        return sum(example.targets for example in self.examples)


def named(texts: Sequence[str]) -> dict[str, Path]:
    """The files of ``NAME=FILE``, by name.

    Raises:
        InputError: one is of another form, a name is taken, or there is no such file.
    """
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or not file or not _NAME.fullmatch(name):
            raise InputError(f"--arm {text}: give NAME=FILE, the name in letters and digits.")
        if name in found or name == UNTRAINED:
            raise InputError(f"--arm {text}: there is an arm '{name}' already. Give another name.")
        found[name] = Path(file)
        if not found[name].is_file():
            raise InputError(f"--arm {text}: there is no such file. Give a JSON Lines file.")
    return found


def read_arm(name: str, path: Path, model: Model) -> Arm:
    """The rows of a file that can be learned: answered, and neither rejected nor failed.

    Raises:
        InputError: the file is none of rows, or no row of it can be learned.
    """
    examples: list[Example] = []
    left_out: dict[str, int] = {}
    for row in read_rows(path):
        why = "not accepted" if row.settled else "" if _answered(row) else "not answered"
        example = None if why else example_of(row, model)
        if example is not None and len(example.tokens) > LONGEST:
            why = f"over {LONGEST} tokens"
        if why or example is None:
            left_out[why] = left_out.get(why, 0) + 1
        else:
            examples.append(example)
    if not examples:
        told = ", ".join(f"{count} {why}" for why, count in left_out.items()) or "it is empty"
        raise InputError(f"{path}: there are no rows to learn in it ({told}).")
    return Arm(name, tuple(examples), left_out)


def _answered(row: Row) -> bool:
    return bool((row.instruction or "").strip() and (row.response or "").strip())


def example_of(row: Row, model: Model) -> Example:
    """A row in the model's chat template, up to the end of the answer's turn.

    The instruction stands with its input; of a conversation the last answer is learned, and what
    was said before it is the prompt.
    """
    turns, response = [Message("user", row.asked or "")], row.response or ""
    if len(row.messages) > 1 and row.messages[-1].role == "assistant":
        turns, response = list(row.messages[:-1]), row.messages[-1].content
    if row.system is not None and turns[0].role != "system":
        turns.insert(0, Message("system", row.system))
    read = model.tokenise(model.template.render(turns))
    prompt = (*read.shared, *read.own)
    end = Segment(model.template.turn_end(), control=True)
    answer = Prompt((Segment(response.strip()), end))
    return Example((*prompt, *model.tokenise_continuation(answer)), len(prompt))


def budget(arms: Sequence[Arm], asked: int | None) -> int:
    """The target tokens that every arm gets: those asked for, or what the smallest arm has.

    Raises:
        InputError: an arm has fewer than were asked for.
    """
    least = min(arms, key=lambda arm: arm.targets)
    if asked is not None and asked > least.targets:
        raise InputError(
            f"--tokens {asked}: the arm '{least.name}' has {least.targets} target tokens. "
            "Give at most as many, or more rows."
        )
    return least.targets if asked is None else asked


def cut(examples: Sequence[Example], tokens: int, seed: int) -> list[Example]:
    """As many whole rows as have together at most so many target tokens, in an order that the seed
    decides. A row too long for what is left is passed over.

    Raises:
        InputError: not one row is short enough.
    """
    order = list(examples)
    random.Random(f"tuning/{seed}").shuffle(order)  # noqa: S311
    taken: list[Example] = []
    for example in order:
        if example.targets <= tokens:
            taken.append(example)
            tokens -= example.targets
    if not taken:
        raise InputError(f"No row has as few as {tokens} target tokens. Give more --tokens.")
    return taken
