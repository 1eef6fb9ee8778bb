"""Characters that hide or reorder text, made visible."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["visible"]

# Control characters, those that reorder a line (U+202A-202E, U+2066-2069), those that hide
# (zero width, tags), halves of surrogate pairs, which UTF-8 cannot carry, and what is no character.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2028\u2029\u2060\u2066-\u2069"
    r"\ufeff\ud800-\udfff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def visible(value: Any) -> Any:
    """Replace each character that would hide or reorder text by its code point in brackets.

    >>> visible("pay\\u202eeno")
    'pay[U+202E]eno'

    What is not a plain ``str`` (numbers, markup that is safe already) is returned as it is.
    """
    if type(value) is not str:
        return value
    return _HIDDEN.sub(lambda match: f"[U+{ord(match.group()):04X}]", value)
