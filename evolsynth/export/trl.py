"""Preference pairs in the formats that TRL's ``DPOTrainer`` takes.

They are its "preference" type with an explicit prompt: ``prompt``, ``chosen`` and ``rejected``,
as lists of messages (conversational; the trainer applies the model's chat template), or as plain
texts (standard; a completion is what follows the prompt, character for character).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Literal

from evolsynth.atomic import write
from evolsynth.errors import InputError
from evolsynth.rows import Row, dump

__all__ = ["FORMATS", "Format", "preference_line", "write_preferences"]

Format = Literal["conversational", "standard"]
FORMATS: tuple[Format, ...] = ("conversational", "standard")


def preference_line(
    row: Row, format: Format = "conversational", *, separator: str = "\n\n"
) -> dict[str, Any]:
    """A pair that `preference` made, with nothing but what the trainer reads.

    The prompt is the instruction with the row's input behind it. A row's ``system`` text is the
    prompt's first message, or its first paragraph. The standard prompt ends with ``separator``, so
    that the first word of a completion stands by itself.

    Raises:
        InputError: the row is no pair, or the format is unknown.
    """
    chosen, rejected = row.extra.get("chosen"), row.extra.get("rejected")
    asked = row.asked if row.instruction else None
    if not (asked and isinstance(chosen, str) and isinstance(rejected, str)):
        raise InputError(
            f"Row {row.id} is no pair: it needs an instruction, 'chosen' and 'rejected'. "
            "Make pairs with preference()."
        )
    if format == "conversational":
        system = [] if row.system is None else [_message("system", row.system)]
        return {
            "prompt": [*system, _message("user", asked)],
            "chosen": [_message("assistant", chosen)],
            "rejected": [_message("assistant", rejected)],
        }
    if format == "standard":
        above = "" if row.system is None else f"{row.system}\n\n"
        prompt = f"{above}{asked}{separator}"
        return {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    raise InputError(f"There is no format '{format}'. Use one of: {', '.join(FORMATS)}.")


def write_preferences(
    path: str | os.PathLike[str],
    rows: Iterable[Row],
    format: Format = "conversational",
    *,
    separator: str = "\n\n",
) -> int:
    """Write the accepted rows as JSON Lines for TRL and return how many; the others are left out.

    The file appears whole or not at all.

    Raises:
        InputError: an accepted row is no pair, or the file cannot be written.
    """
    accepted = (row for row in rows if row.status == "accepted")
    lines = (dump(preference_line(row, format, separator=separator)) + "\n" for row in accepted)
    return write(path, lines)


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
