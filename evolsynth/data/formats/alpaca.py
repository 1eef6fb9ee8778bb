"""Alpaca: ``instruction``, ``input`` and ``output``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.form import form

__all__ = ["alpaca"]


@form("alpaca", title="Alpaca", noun="tasks", place=7)
def alpaca(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The output is the response; instruction and input are called here as they are there."""
    if not isinstance(record.get("instruction"), str) or "output" not in record:
        return None
    if not isinstance(record["output"], str) or record.get("response") is not None:
        return None
    return {"response": record["output"]}
