"""The errors: the tree that is drawn is the tree that is there."""

from __future__ import annotations

import inspect
import re

import pytest

from evolsynth import errors
from evolsynth.errors import EvolsynthError

CLASSES: dict[str, type[EvolsynthError]] = {
    name: thing
    for name, thing in vars(errors).items()
    if inspect.isclass(thing) and issubclass(thing, EvolsynthError)
}


def drawn() -> dict[str, str]:
    """Class name -> parent's name, read off the drawing by how far each is indented."""
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^ {4}[ │├└─]*([A-Z]\w+)", line)
        if match is None:
            continue
        column, name = match.start(1), match.group(1)
        path = [(c, n) for c, n in path if c < column]
        parents[name] = path[-1][1] if path else "Exception"
        path.append((column, name))
    return parents


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    assert drawn() == {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items()}


def test_every_error_is_exported_and_under_the_root() -> None:
    assert set(errors.__all__) == {*CLASSES, "did_you_mean", "nearest"}
    raised = [t for t in vars(errors).values() if inspect.isclass(t) and issubclass(t, Exception)]
    assert all(issubclass(kind, EvolsynthError) for kind in raised)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_only_a_failing_engine_is_worth_asking_again(name: str) -> None:
    assert CLASSES[name].retryable is (name == "EngineError")
    assert CLASSES[name]("gone").retryable is (name == "EngineError")


def test_a_bug_is_not_caught_with_our_errors() -> None:
    for bug in (ValueError, KeyError, RuntimeError, OSError):
        assert not issubclass(bug, EvolsynthError)
