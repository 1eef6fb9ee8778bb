"""What tests of kinds of demands say of many texts at once."""

from __future__ import annotations

from evolsynth.evaluation.demands import Demand

__all__ = ["met", "missed"]


def met(demand: Demand, *texts: str) -> None:
    """Each of them meets the demand."""
    for text in texts:
        assert demand.check(text) is None, text


def missed(demand: Demand, why: str, *texts: str) -> None:
    """None of them does, for the same reason."""
    for text in texts:
        miss = demand.check(text)
        assert miss is not None, text
        assert why in miss.why
