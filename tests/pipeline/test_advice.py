"""Advice: every reason and every error of this package has a sentence that says what to change."""

from __future__ import annotations

import inspect

import pytest

from evolsynth import errors
from evolsynth.findings import advise, known_reasons
from evolsynth.pipeline.run.state import FAILURES, advise_failure

#: All but those that end a run: what is missing, and what the store says.
ERRORS = [
    name
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.EvolsynthError)
    and not issubclass(kind, errors.SetupError)
    and name not in ("EvolsynthError", "LostRows", "Misread", "RunLocked", "RunStopped")
]


REASONS = known_reasons()


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_has_advice(code: str) -> None:
    assert REASONS[code].sentence
    assert advise(code) == REASONS[code].advice


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_that_can_fail_a_row_has_advice(name: str) -> None:
    assert name in FAILURES


@pytest.mark.parametrize("told", [*(r.advice for r in REASONS.values()), *FAILURES.values()])
def test_advice_is_one_sentence_that_can_be_followed(told: str) -> None:
    assert told.endswith(".")
    assert ". " not in told
    assert told[0].isupper()
    assert len(told) < 150


def test_a_reason_of_a_check_of_one_s_own_has_advice_with_its_name() -> None:
    assert "'no_capitals'" in advise("no_capitals")
    assert advise_failure("KeyError") not in FAILURES.values()
