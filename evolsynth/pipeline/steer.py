"""How a run is told to steer itself; what that does is in `evolsynth.pipeline.run.steer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from evolsynth.errors import InputError

__all__ = ["Steer", "steer_of"]

_AT_LEAST = 8


class Steer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a run steers itself.

    Args:
        every: rows of a source's plan between two looks; what is asked for changes one such block
            later.
    """

    every: Annotated[int, msgspec.Meta(ge=_AT_LEAST)] = 50


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
        if given.every < _AT_LEAST:
            raise InputError(f"steer: every is {given.every}: it must be {_AT_LEAST} or more.")
        return given
    try:
        return msgspec.convert(given, Steer)
    except msgspec.ValidationError as error:
        told = str(error).replace("`", "'")
        raise InputError(
            f"steer: {told}. Write true, or {{every: 50}} with a number from {_AT_LEAST}."
        ) from None
