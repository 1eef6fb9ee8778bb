"""How a run is told to steer itself; what that does is in `evolsynth.pipeline.run.steer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from evolsynth.errors import InputError

__all__ = ["LEAST_ROWS", "Steer", "steer_of"]

#: Rows of a source between two looks at least: fewer would have too few under way.
LEAST_ROWS = 8


class Steer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a run steers itself.

    Args:
        every: rows between two looks, about; what is asked for changes one such block later. A
            source's plan is cut into blocks of so many rows, or of fewer where it has others beside
            it, or steps make several rows of each of its own (``each``).
    """

    every: Annotated[int, msgspec.Meta(ge=LEAST_ROWS)] = 50


def steer_of(given: bool | Steer | Mapping[str, Any] | None) -> Steer | None:
    """How a run steers itself by what it was told; None where it does not.

    Raises:
        InputError: an option is unknown or out of its range.
    """
    if given is None or given is False:
        return None
    if given is True:
        return Steer()
    if isinstance(given, Steer):
        if given.every < LEAST_ROWS:
            raise InputError(f"steer: every is {given.every}: it must be {LEAST_ROWS} or more.")
        return given
    try:
        return msgspec.convert(given, Steer)
    except msgspec.ValidationError as error:
        told = str(error).replace("`", "'")
        raise InputError(
            f"steer: {told}. Write true, or {{every: 50}} with a number from {LEAST_ROWS}."
        ) from None
